SELECT adv_engine, count(*) FROM hits WHERE adv_engine <> 0 GROUP BY adv_engine ORDER BY count(*) DESC, adv_engine
