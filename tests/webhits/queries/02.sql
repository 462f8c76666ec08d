SELECT count(*) FROM hits WHERE adv_engine <> 0
