SELECT region_id, sum(adv_engine), count(*) AS c, avg(resolution_width), count(DISTINCT user_id) FROM hits GROUP BY region_id ORDER BY c DESC, region_id LIMIT 10
