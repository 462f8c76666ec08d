SELECT user_id, extract(minute FROM event_time) AS m, search_phrase, count(*) FROM hits GROUP BY user_id, m, search_phrase ORDER BY count(*) DESC, user_id, m, search_phrase LIMIT 10
