-- Statements are separated by blank lines. "ordered" compares rows in order,
-- "simple" is for what the extended protocol cannot carry, "lacks" for what may
-- also be refused with 0A000, "shape" for what has another form than in
-- PostgreSQL: there only raw values are searched for.

SELECT * FROM customers

-- ordered
SELECT id, ssn, email, name, pan, salary, notes FROM customers ORDER BY id

-- attack 1
SELECT id FROM customers WHERE salary > 99998 AND salary < 100000

SELECT id FROM customers WHERE salary = 99999 OR salary <> 99999

SELECT id FROM customers WHERE salary IS NULL AND id < 20

SELECT id FROM customers WHERE salary IS NOT NULL

-- attack 2
SELECT id FROM customers WHERE ssn LIKE '0%'

SELECT id FROM customers WHERE ssn = '078-05-1120'

SELECT id FROM customers WHERE ssn IN (SELECT '078-05-' || lpad(g::text, 4, '0') FROM generate_series(1100, 1200) g)

SELECT count(*) FROM customers c JOIN guesses g ON c.ssn = g.ssn

SELECT count(*) FROM customers c JOIN guesses g ON c.salary = g.salary

SELECT count(*) FROM customers c JOIN guesses g ON c.pan = g.pan OR c.email = g.email

SELECT id FROM customers WHERE ssn LIKE '***%' AND id BETWEEN 4 AND 20

SELECT id FROM customers WHERE ssn = '***********'

SELECT id FROM customers WHERE email LIKE 'zq%rg' AND length(email) > 20

SELECT id FROM customers WHERE name = 'someone' AND email IS NOT NULL

SELECT id FROM customers WHERE name ~ '^Nemo0[0-4]'

SELECT id FROM customers WHERE ssn > '078-05-1130'

SELECT id FROM customers WHERE ssn BETWEEN '078' AND '079' OR pan BETWEEN '4000' AND '4001'

SELECT id FROM customers WHERE substr(ssn, 8, 4)::text = '1120'

SELECT id FROM customers WHERE (ssn, id) IN (('078-05-1120', 8), ('***********', 14))

SELECT id FROM customers WHERE ssn = ANY (ARRAY['078-05-1120', '***********']) AND id > 30

SELECT id FROM customers WHERE pan = '4000-0012-0056-9008'

SELECT id FROM customers WHERE pan IS NULL OR email = 'a@b'

SELECT id FROM customers WHERE NOT (ssn = '078-05-1120')

SELECT id FROM customers WHERE coalesce(salary, 0) = 0 AND id < 9

-- attack 3, ordered
SELECT id FROM customers ORDER BY salary DESC, id LIMIT 1

-- ordered
SELECT id FROM customers ORDER BY ssn, id LIMIT 5

-- ordered
SELECT id, email FROM customers ORDER BY email DESC NULLS LAST, id

-- ordered
SELECT id FROM customers ORDER BY pan NULLS FIRST, id OFFSET 3 LIMIT 6

-- ordered
SELECT id, row_number() OVER (ORDER BY salary DESC, id) FROM customers ORDER BY id

-- ordered
SELECT id, rank() OVER (ORDER BY ssn), dense_rank() OVER (PARTITION BY name ORDER BY length(email)) FROM customers ORDER BY id

-- ordered
SELECT DISTINCT ON (ssn) ssn, id FROM customers ORDER BY ssn, id

SELECT count(*) FROM (SELECT id FROM customers ORDER BY ssn FETCH FIRST 1 ROW WITH TIES) x

-- ordered
SELECT id, lag(salary) OVER w, first_value(ssn) OVER w, sum(salary) OVER w FROM customers WINDOW w AS (ORDER BY id) ORDER BY id

-- attack 4
SELECT ssn, count(*) FROM customers GROUP BY 1

SELECT name, count(*), min(email), max(pan) FROM customers GROUP BY name

SELECT count(DISTINCT ssn), count(ssn), count(*), count(salary) FROM customers

SELECT min(salary), max(salary), sum(salary), avg(salary) FROM customers

SELECT min(ssn), max(ssn), min(email), max(name) FROM customers

SELECT notes, count(*) FROM customers GROUP BY notes HAVING max(salary) > 99998

SELECT notes, count(DISTINCT pan) FROM customers GROUP BY notes HAVING min(ssn) < '1'

SELECT string_agg(ssn, ',' ORDER BY id), array_agg(salary ORDER BY id) FROM customers

SELECT bool_or(salary = 99999), bool_and(ssn = '***********'), count(*) FILTER (WHERE salary > 0) FROM customers

SELECT stddev(salary), variance(salary) FROM customers

-- attack 5
SELECT count(*) FROM customers a JOIN customers b ON a.ssn = b.ssn

SELECT count(*) FROM customers a JOIN customers b USING (name) WHERE a.id < b.id

SELECT count(*) FROM customers a NATURAL JOIN customers b

SELECT count(*) FROM customers a NATURAL JOIN guesses g

SELECT id FROM customers a WHERE EXISTS (SELECT 1 FROM guesses g WHERE g.ssn = a.ssn)

SELECT id FROM customers a WHERE NOT EXISTS (SELECT 1 FROM guesses g WHERE g.salary = a.salary)

SELECT count(*) FROM (SELECT ssn FROM customers INTERSECT SELECT ssn FROM guesses) x

SELECT count(*) FROM (SELECT ssn FROM guesses EXCEPT SELECT ssn FROM customers) x

SELECT count(*) FROM (SELECT ssn FROM customers UNION SELECT '***********') x

SELECT ssn FROM customers EXCEPT ALL SELECT repeat('*', 11) FROM generate_series(1, 3)

SELECT id FROM customers INTERSECT SELECT id FROM customers WHERE salary IS NULL

SELECT email FROM customers UNION ALL SELECT name FROM customers

SELECT count(*) FROM guesses g LEFT JOIN customers c ON c.ssn = g.ssn WHERE c.id IS NULL

SELECT count(*), count(c.id) FROM guesses g FULL JOIN customers c ON c.pan = g.pan

-- attack 6
SELECT id FROM customers WHERE 1/(salary-99999) = 1

SELECT id, CASE WHEN salary = 99999 THEN 1/(id-id) ELSE 0 END FROM customers

SELECT id FROM customers WHERE CASE WHEN ssn = '078-05-1120' THEN 1/(id-id) ELSE 1 END = 1 AND id < 10

-- attack 7
SELECT id FROM customers WHERE id = 3 AND 1/(id-3) = 0

SELECT id FROM customers WHERE 1/(id-3) >= 0 AND id < 8

SELECT id FROM customers WHERE id IN (3, 4) AND sqrt(id - 4) >= 0

SELECT id FROM customers WHERE notes::int = 7 AND id = 5 AND notes LIKE 'hidden%'

-- attack 8
SELECT ssn::int FROM customers WHERE id = 8

SELECT id FROM customers WHERE ssn::int = 8 AND id = 8

SELECT to_date(ssn, 'YYYY') FROM customers WHERE id = 8

SELECT ('{' || ssn || '}')::int[] FROM customers WHERE id = 8

SELECT name::date FROM customers WHERE id = 8

SELECT email::numeric FROM customers WHERE id = 12

SELECT pan::xml IS NOT NULL AND ssn::json IS NOT NULL FROM customers WHERE id = 8

SELECT ssn::boolean FROM customers WHERE id = 8

SELECT salary::text::date FROM customers WHERE id = 8

-- attack 17
SELECT * FROM v_all

SELECT * FROM v_rich

-- ordered
SELECT * FROM v_nested ORDER BY id

SELECT id FROM v_all WHERE ssn = '078-05-1120' OR salary = 99999 OR email LIKE '%local%'

SELECT v.id FROM v_all v JOIN v_rich r ON r.ssn = v.ssn

-- attack 20, simple
COPY customers TO STDOUT

-- simple
COPY customers (id, ssn, salary) TO STDOUT WITH (FORMAT csv, HEADER)

-- simple
COPY (SELECT id, email, pan FROM customers WHERE ssn LIKE '***%' ORDER BY id) TO STDOUT WITH (FORMAT binary)

-- attack 21
WITH c AS (SELECT * FROM customers) SELECT id, ssn FROM c WHERE salary = 99999 OR id = 8

WITH c AS MATERIALIZED (SELECT id, ssn, salary FROM customers) SELECT a.id FROM c a JOIN c b ON a.ssn = b.ssn AND a.id = b.id

-- lacks
WITH RECURSIVE r(n) AS (SELECT 4 UNION ALL SELECT n + 1 FROM r WHERE n < 12) SELECT r.n, c.ssn, c.salary FROM r JOIN customers c ON c.id = r.n

SELECT c.id, x.s FROM customers c, LATERAL (SELECT max(b.ssn) AS s FROM customers b WHERE b.name = c.name AND b.id <= c.id) x WHERE c.id < 15

SELECT c.id FROM customers c JOIN (VALUES ('078-05-1120'), ('***********')) v(s) ON v.s = c.ssn

SELECT (SELECT max(ssn) FROM customers WHERE id = 8), (SELECT salary FROM customers WHERE id = 8)

-- ordered
SELECT id FROM customers c ORDER BY (SELECT max(b.salary) FROM customers b WHERE b.id = c.id), id DESC LIMIT 3

-- lacks
SELECT id FROM customers LIMIT (SELECT coalesce(max(salary), 0) FROM customers)

SELECT id FROM customers WHERE salary = (SELECT max(salary) FROM customers)

SELECT id FROM customers WHERE salary >= ALL (SELECT salary FROM guesses WHERE salary IS NOT NULL)

SELECT id FROM customers WHERE ssn NOT IN (SELECT ssn FROM guesses WHERE ssn IS NOT NULL)

SELECT x.id, x.s FROM (SELECT id, ssn AS s FROM customers) x WHERE x.s = '078-05-1120' OR x.s = '***********'

-- attack 22
-- shape
SELECT c FROM customers c

-- lacks
SELECT c.*::text FROM customers c WHERE id = 8

-- shape
SELECT row_to_json(c) FROM customers c WHERE id = 8

-- shape
SELECT to_jsonb(c) FROM customers c WHERE id IN (8, 10)

SELECT ROW(c.*)::text, ROW(c.ssn, c.salary) FROM customers c WHERE id = 8

SELECT id FROM customers c WHERE c IS NOT NULL

-- lacks
SELECT id FROM customers c WHERE (c).ssn = '078-05-1120'

-- lacks
SELECT (c).ssn, (c).salary FROM customers c WHERE id = 8

-- shape
SELECT json_agg(c ORDER BY c.id) FROM customers c WHERE id < 6

SELECT count(DISTINCT c) FROM customers c

-- attack 26
SELECT id, octet_length(ssn), length(email), char_length(pan) FROM customers

SELECT id, md5(ssn), upper(name), reverse(email), ssn || pan FROM customers

-- attack 38
SELECT id, ssn, name, coalesce(pan, 'none'), salary FROM customers WHERE id = 10

SELECT g.n, c.ssn, c.salary, c.name FROM generate_series(1, 6) AS g(n) LEFT JOIN customers c ON c.id = g.n

SELECT id FROM customers WHERE ssn IS DISTINCT FROM '078-05-1120'

SELECT id FROM customers WHERE salary IS NOT DISTINCT FROM 99999

SELECT id, nullif(ssn, '***********'), greatest(salary, 5) FROM customers

SELECT region, count(*) FROM customers GROUP BY region

SELECT id FROM customers WHERE region <> 'EMEA' OR region IS NULL

SELECT id FROM customers WHERE notes LIKE 'hidden%'

SELECT dob, notes FROM customers WHERE dob > '2000-01-01' AND notes = 'note, 1'

SELECT DISTINCT ssn, name, salary FROM customers

SELECT CASE WHEN ssn LIKE '078%' THEN 'raw' WHEN ssn IS NULL THEN 'none' ELSE 'masked' END AS what, count(*) FROM customers GROUP BY 1

SELECT id FROM customers WHERE id = 8 AND ssn LIKE '%1120' LIMIT 1

SELECT extract(year FROM dob)::int AS y, count(*), max(ssn) FROM customers GROUP BY 1

-- simple
BEGIN; DECLARE cur CURSOR FOR SELECT id, ssn, salary FROM customers WHERE salary IS NULL ORDER BY id; FETCH 3 FROM cur; FETCH ALL FROM cur; CLOSE cur; COMMIT

-- simple
PREPARE q (int) AS SELECT ssn, salary, email FROM customers WHERE id = $1; EXECUTE q (8); EXECUTE q (3); DEALLOCATE q

SELECT count(*) FROM (SELECT id FROM customers LIMIT 20) x

SELECT count(*), count(region), min(region), max(region), count(DISTINCT region) FROM customers

SELECT count(*) FROM (SELECT id FROM customers WHERE region LIKE 'E%' OFFSET 15 LIMIT 10) x

SELECT id FROM customers WHERE upper(region) = 'EMEA' AND id < 20

-- ordered
SELECT id FROM customers ORDER BY id DESC LIMIT 3

-- ordered
SELECT id, notes FROM customers WHERE notes IS NOT NULL AND id > 20 ORDER BY notes DESC, id LIMIT 4

-- what sources compute themselves: groups, joins and first rows
SELECT region, count(*), min(id), max(id), max(dob) FROM customers GROUP BY region

SELECT count(*), count(notes), count(DISTINCT notes), min(notes), max(notes), sum(id), avg(id) FROM customers

SELECT dob, count(*) FROM customers GROUP BY dob HAVING count(*) > 1 OR dob IS NULL

SELECT DISTINCT region, notes FROM customers

-- ordered
SELECT id, notes FROM customers ORDER BY id DESC LIMIT 3

-- ordered
SELECT id, ssn, salary, region FROM customers ORDER BY dob NULLS FIRST, id LIMIT 4 OFFSET 1

-- ordered
SELECT id, name FROM customers ORDER BY salary DESC NULLS LAST, ssn, id LIMIT 3

SELECT name, max(id) FROM customers WHERE id < 30 GROUP BY name ORDER BY max(id) LIMIT 1

SELECT a.id, b.ssn, b.salary FROM customers a JOIN customers b ON a.id = b.id WHERE a.id < 12

SELECT count(*), sum(a.id) FROM customers a JOIN customers b ON a.id = b.id AND a.notes = b.notes

SELECT a.id, b.id, b.email FROM customers a LEFT JOIN customers b ON b.id = a.id + 4 WHERE a.id < 15

SELECT count(*), max(b.name) FROM customers a LEFT JOIN customers b ON b.salary = a.id

SELECT id FROM customers a WHERE NOT EXISTS (SELECT 1 FROM customers b WHERE b.id = a.id + 1)

SELECT id FROM customers a WHERE EXISTS (SELECT 1 FROM customers b WHERE b.notes = a.notes AND b.id > a.id AND b.ssn LIKE '***%')

SELECT region, count(*) FROM (SELECT * FROM customers a WHERE id IN (SELECT id FROM customers WHERE dob IS NOT NULL)) x GROUP BY region

SELECT id FROM customers WHERE id < 20 UNION SELECT salary FROM customers

SELECT notes FROM customers INTERSECT SELECT ssn FROM customers

SELECT id FROM customers EXCEPT SELECT id FROM customers WHERE id > 9

-- conditions that fail on a hidden row must not be evaluated on it
SELECT count(*) FILTER (WHERE 1/(id-3) >= 0) FROM customers

SELECT sum(1/(id-3)), max(10/(id-3)) FROM customers

SELECT 1/(id-3), count(*) FROM customers GROUP BY 1

SELECT count(*) FROM customers a JOIN customers b ON 1/(a.id-3) = b.id

SELECT count(*) FROM customers a JOIN customers b ON a.id = b.id AND 1/(a.id-3) = 0

SELECT id FROM customers a WHERE EXISTS (SELECT 1 FROM customers b WHERE b.id = a.id AND 10/(b.id-3) >= 1)

-- ordered
SELECT id FROM customers ORDER BY 100/(id-3) DESC, id LIMIT 2

SELECT notes, count(*) FROM customers GROUP BY notes HAVING 1/(min(id)-3) >= 0
