select *
from
  (select avg(ss_list_price) b1_lp, count(ss_list_price) b1_cnt, count(distinct ss_list_price) b1_cntd
  from store_sales
  where ss_quantity between 0 and 5
    and (ss_list_price between 11 and 11 + 10 or ss_coupon_amt between 460 and 460 + 1000 or ss_wholesale_cost between 14 and 14 + 20)) b1,
  (select avg(ss_list_price) b2_lp, count(ss_list_price) b2_cnt, count(distinct ss_list_price) b2_cntd
  from store_sales
  where ss_quantity between 6 and 10
    and (ss_list_price between 91 and 91 + 10 or ss_coupon_amt between 1430 and 1430 + 1000 or ss_wholesale_cost between 32 and 32 + 20)) b2,
  (select avg(ss_list_price) b3_lp, count(ss_list_price) b3_cnt, count(distinct ss_list_price) b3_cntd
  from store_sales
  where ss_quantity between 11 and 15
    and (ss_list_price between 66 and 66 + 10 or ss_coupon_amt between 920 and 920 + 1000 or ss_wholesale_cost between 4 and 4 + 20)) b3,
  (select avg(ss_list_price) b4_lp, count(ss_list_price) b4_cnt, count(distinct ss_list_price) b4_cntd
  from store_sales
  where ss_quantity between 16 and 20
    and (ss_list_price between 142 and 142 + 10 or ss_coupon_amt between 3054 and 3054 + 1000 or ss_wholesale_cost between 80 and 80 + 20)) b4,
  (select avg(ss_list_price) b5_lp, count(ss_list_price) b5_cnt, count(distinct ss_list_price) b5_cntd
  from store_sales
  where ss_quantity between 21 and 25
    and (ss_list_price between 135 and 135 + 10 or ss_coupon_amt between 14180 and 14180 + 1000 or ss_wholesale_cost between 38 and 38 + 20)) b5,
  (select avg(ss_list_price) b6_lp, count(ss_list_price) b6_cnt, count(distinct ss_list_price) b6_cntd
  from store_sales
  where ss_quantity between 26 and 30
    and (ss_list_price between 28 and 28 + 10 or ss_coupon_amt between 2513 and 2513 + 1000 or ss_wholesale_cost between 42 and 42 + 20)) b6
limit 100;
