select s_store_name, sum(ss_net_profit)
from store_sales, date_dim, store, (
  select ca_zip
  from (
    select substr(ca_zip, 1, 5) ca_zip
    from customer_address
    where substr(ca_zip, 1, 5) in ('38300', '38311', '38322', '57600', '57611', '57622', '35500', '35511', '35522', '47500', '47511', '47522',
      '30600', '30611', '30622', '49800', '49811', '49822', '71200', '71211', '10400', '98122', '24576', '68284', '58943', '90578')
    intersect
    select ca_zip
    from (
      select substr(ca_zip, 1, 5) ca_zip, count(*) cnt
      from customer_address, customer
      where ca_address_sk = c_current_addr_sk and c_preferred_cust_flag = 'Y'
      group by ca_zip
      having count(*) > 10) a1) a2) v1
where ss_store_sk = s_store_sk
  and ss_sold_date_sk = d_date_sk
  and d_qoy = 2
  and d_year = 1998
  and (substr(s_zip, 1, 2) = substr(v1.ca_zip, 1, 2))
group by s_store_name
order by s_store_name
limit 100;
