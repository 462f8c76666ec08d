SELECT sum(adv_engine), count(*), avg(resolution_width) FROM hits
