select distinct (i_product_name)
from item i1
where i_manufact_id between 1 and 1 + 30
  and (select count(*) as item_cnt
    from item
    where (i_manufact = i1.i_manufact
      and ((i_category = 'Women' and (i_color = 'powder' or i_color = 'khaki') and (i_units = 'Ounce' or i_units = 'Oz') and (i_size = 'medium' or i_size = 'extra large'))
        or (i_category = 'Women' and (i_color = 'beige' or i_color = 'coral') and (i_units = 'Bunch' or i_units = 'Ton') and (i_size = 'N/A' or i_size = 'small'))
        or (i_category = 'Men' and (i_color = 'floral' or i_color = 'lace') and (i_units = 'Dozen' or i_units = 'Dram') and (i_size = 'petite' or i_size = 'large'))
        or (i_category = 'Men' and (i_color = 'ivory' or i_color = 'indian') and (i_units = 'Box' or i_units = 'Lb') and (i_size = 'medium' or i_size = 'extra large'))))
      or (i_manufact = i1.i_manufact
      and ((i_category = 'Women' and (i_color = 'almond' or i_color = 'black') and (i_units = 'Each' or i_units = 'Bundle') and (i_size = 'medium' or i_size = 'extra large'))
        or (i_category = 'Women' and (i_color = 'forest' or i_color = 'ghost') and (i_units = 'Lb' or i_units = 'Gross') and (i_size = 'N/A' or i_size = 'small'))
        or (i_category = 'Men' and (i_color = 'navy' or i_color = 'pink') and (i_units = 'Cup' or i_units = 'Pallet') and (i_size = 'petite' or i_size = 'large'))
        or (i_category = 'Men' and (i_color = 'azure' or i_color = 'khaki') and (i_units = 'Cup' or i_units = 'Pallet') and (i_size = 'petite' or i_size = 'large'))))) > 0
order by i_product_name
limit 100;
