SELECT search_engine, search_phrase, count(*) AS c FROM hits WHERE search_phrase <> '' GROUP BY search_engine, search_phrase ORDER BY c DESC, search_phrase, search_engine LIMIT 10
