SELECT mobile_model, count(DISTINCT user_id) AS u FROM hits WHERE mobile_model <> '' GROUP BY mobile_model ORDER BY u DESC, mobile_model LIMIT 10
