select ca_zip, sum(cs_sales_price)
from catalog_sales, customer, customer_address, date_dim
where cs_bill_customer_sk = c_customer_sk
  and c_current_addr_sk = ca_address_sk
  and (substr(ca_zip, 1, 5) in ('38300', '57611', '35522', '47500', '98100', '93211', '10400', '30600', '49811')
    or ca_state in ('CA', 'WA', 'GA')
    or cs_sales_price > 200)
  and cs_sold_date_sk = d_date_sk
  and d_qoy = 2 and d_year = 2001
group by ca_zip
order by ca_zip
limit 100;
