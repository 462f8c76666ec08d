SELECT watch_id, client_ip, count(*) AS c, sum(is_refresh), avg(resolution_width) FROM hits GROUP BY watch_id, client_ip ORDER BY c DESC, watch_id, client_ip LIMIT 10
