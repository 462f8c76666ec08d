package tpcds

import "github.com/hubsql/hubsql/tests/dataset"

// Tickets and orders, of which each has several lines. The lines are about
// 30,000, 18,000 and 12,000 rows of sales; one of seven is returned.
const (
	tickets       = 4800
	catalogOrders = 4500
	webOrders     = 3000
)

// sale is a line of a ticket or an order. Amounts are hundredths.
type sale struct {
	item, promo, quantity            int64
	wholesale, list, price           int64 // of one piece
	discount, total, cost, full      int64 // of all pieces: ext_*
	tax, coupon, ship, paid, profit  int64
	page, warehouse, reason          int64
	back, after                      int64 // pieces returned, 0 for none, and days until then
	refund, refundTax, fee, shipBack int64
	cash, charge, credit, loss       int64
}

// line draws a line whose item is not among those before.
func line(r *dataset.Random, date int64, before []sale) sale {
	s := sale{promo: rarely(r, 4, r.Between(1, promotions)), quantity: r.Between(1, 100)}
	switch {
	case r.Below(6) == 0:
		// What is on offer that day sells often.
		offer := dataset.NewRandom(streamItem, uint64(date)|1<<50)
		s.item = offer.Between(1, items)
	case r.Below(4) == 0:
		s.item = r.Between(1, 30)
	default:
		s.item = r.Between(1, items)
	}
	s.other(before)
	s.wholesale = r.Between(100, 10000)
	s.list = s.wholesale * r.Between(100, 300) / 100
	s.price = s.list * r.Between(5, 100) / 100
	s.total, s.cost, s.full = s.price*s.quantity, s.wholesale*s.quantity, s.list*s.quantity
	s.discount = s.full - s.total
	if r.Below(5) == 0 {
		s.coupon = s.total * r.Between(1, 100) / 100
	}
	s.paid = s.total - s.coupon
	s.tax = s.paid * r.Below(10) / 100
	s.ship = s.full * r.Below(50) / 100
	s.profit = s.paid - s.cost
	s.page, s.warehouse = rarely(r, 40, r.Between(1, catalogPages)), rarely(r, 40, r.Between(1, warehouses))
	if r.Below(7) != 0 {
		return s
	}
	s.back, s.after, s.reason = r.Between(1, s.quantity), r.Between(1, 90), rarely(r, 40, r.Between(1, int64(len(reasons))))
	s.refund = s.price * s.back
	s.refundTax = s.tax * s.back / s.quantity
	s.fee, s.shipBack = r.Between(50, 10000), s.ship*s.back/s.quantity
	s.cash = s.refund * r.Below(101) / 100
	s.charge = (s.refund - s.cash) * r.Below(101) / 100
	s.credit = s.refund - s.cash - s.charge
	s.loss = s.fee + s.shipBack + s.refundTax
	return s
}

// other moves to the next item until it is not among those before.
func (s *sale) other(before []sale) {
	for again := true; again; {
		again = false
		for i := range before {
			if before[i].item == s.item {
				s.item, again = s.item%items+1, true
			}
		}
	}
}

// buyer is who buys, as far as the ticket knows.
type buyer struct{ customer, demo, house, home int64 }

// someone draws a customer, one of a few often; half the time what is known of
// them is what they are now.
func someone(r *dataset.Random) buyer {
	n := int64(customers)
	if r.Below(3) == 0 {
		n = 60
	}
	b := buyer{customer: r.Between(1, n)}
	b.demo, b.house, b.home = rarely(r, 40, r.Between(1, demographics)), rarely(r, 40, r.Between(1, households)), rarely(r, 40, r.Between(1, addresses))
	b.settle(r)
	return b
}

func (b *buyer) settle(r *dataset.Random) {
	if r.Below(2) == 0 {
		b.demo = customerDemo(b.customer)
	}
	if r.Below(2) == 0 {
		b.house = customerHouse(b.customer)
	}
	if r.Below(2) == 0 {
		b.home = customerHome(b.customer)
	}
	b.customer = rarely(r, 50, b.customer)
}

// date draws a day of sale; the end of a year is busy.
func date(r *dataset.Random) int64 {
	d := r.Between(firstSale, lastSale)
	if r.Below(4) == 0 {
		year := (d - firstSale) / 366
		d = firstSale + year*365 + r.Between(303, 363)
	}
	return d
}

// minute draws a time of sale: mostly by day.
func minute(r *dataset.Random) int64 {
	m := r.Between(8*60, 21*60-1)
	if r.Below(10) == 0 {
		m = r.Below(1440)
	}
	return m * 60
}

// key is the key of a day; one of fifty is not known.
func key(r *dataset.Random, d int64) int64 { return rarely(r, 50, d+julian) }

// ticket is a purchase in a store.
type ticket struct {
	buyer
	date, time, store int64
	lines             []sale
}

func storeTicket(i int64) ticket {
	r := dataset.NewRandom(streamTicket, uint64(i))
	t := ticket{buyer: someone(&r), date: date(&r), time: rarely(&r, 50, minute(&r)), store: rarely(&r, 50, r.Between(1, stores))}
	n := r.Between(1, 4)
	switch r.Below(20) {
	case 0, 1, 2:
		n = r.Between(14, 20)
	case 3, 4, 5, 6, 7:
		n = r.Between(5, 12)
	}
	for range n {
		t.lines = append(t.lines, line(&r, t.date, t.lines))
	}
	return t
}

// returned is a line of a ticket that came back, else the first.
func (t *ticket) returned() *sale {
	for i := range t.lines {
		if t.lines[i].back > 0 {
			return &t.lines[i]
		}
	}
	return &t.lines[0]
}

func storeSales(w *row, i int64) {
	t := storeTicket(i)
	r := dataset.NewRandom(streamTicket, uint64(i)|1<<40)
	sold := key(&r, t.date)
	for _, s := range t.lines {
		w.int(sold, t.time, s.item, t.customer, t.demo, t.house, t.home, t.store, s.promo, i+1)
		w.int(rarely(&r, 50, s.quantity), rarely(&r, 50, s.wholesale), rarely(&r, 50, s.list), rarely(&r, 50, s.price), s.discount, rarely(&r, 50, s.total),
			s.cost, rarely(&r, 50, s.full), s.tax, rarely(&r, 50, s.coupon), rarely(&r, 50, s.paid), s.paid+s.tax, rarely(&r, 50, s.profit))
		w.end()
	}
}

func storeReturns(w *row, i int64) {
	t := storeTicket(i)
	r := dataset.NewRandom(streamStoreReturn, uint64(i))
	for _, s := range t.lines {
		if s.back == 0 {
			continue
		}
		by := t.buyer
		if r.Below(6) == 0 {
			by = someone(&r)
		}
		w.int(key(&r, t.date+s.after), minute(&r), s.item, by.customer, by.demo, by.house, by.home, t.store, s.reason, i+1)
		w.int(rarely(&r, 50, s.back), rarely(&r, 50, s.refund), s.refundTax, s.refund+s.refundTax, s.fee, s.shipBack, s.cash, s.charge, s.credit, rarely(&r, 50, s.loss))
		w.end()
	}
}

// order is a purchase from the catalog or the web.
type order struct {
	bill, ship         buyer
	date, time, sent   int64
	center, mode, site int64
	lines              []sale
}

// orderOf draws an order. One of three is by someone who bought the first item,
// and maybe brought it back, in a store before.
func orderOf(stream uint64, i int64) order {
	r := dataset.NewRandom(stream, uint64(i))
	o := order{bill: someone(&r), date: date(&r), time: rarely(&r, 50, minute(&r))}
	first := int64(0)
	if r.Below(3) == 0 {
		t := storeTicket(r.Below(tickets))
		s := t.returned()
		if d := t.date + max(1, s.after) + r.Below(60); d <= lastSale && t.customer != none {
			o.date, first = d, s.item
			o.bill.customer = t.customer
			o.bill.settle(&r)
		}
	}
	o.ship = o.bill
	if r.Below(7) == 0 {
		o.ship = someone(&r)
	}
	o.sent = o.date + r.Between(2, 130)
	o.center, o.mode, o.site = rarely(&r, 40, r.Between(1, callCenters)), rarely(&r, 40, r.Between(1, shipModes)), rarely(&r, 40, r.Between(1, webSites))
	for n := range r.Between(1, 7) {
		s := line(&r, o.date, o.lines)
		if n == 0 && first != 0 {
			s.item = first
		}
		o.lines = append(o.lines, s)
	}
	return o
}

// amounts appends what lines of both kinds of orders have from the quantity on.
func amounts(w *row, r *dataset.Random, s *sale) {
	w.int(rarely(r, 50, s.quantity), rarely(r, 50, s.wholesale), rarely(r, 50, s.list), rarely(r, 50, s.price), s.discount, rarely(r, 50, s.total),
		s.cost, rarely(r, 50, s.full), s.tax, s.coupon, s.ship, rarely(r, 50, s.paid), s.paid+s.tax, s.paid+s.ship, s.paid+s.ship+s.tax, rarely(r, 50, s.profit))
}

// refunds appends what returned lines of both kinds of orders have from the
// quantity on.
func refunds(w *row, r *dataset.Random, s *sale) {
	w.int(rarely(r, 50, s.back), rarely(r, 50, s.refund), s.refundTax, s.refund+s.refundTax, s.fee, s.shipBack, s.cash, s.charge, s.credit, rarely(r, 50, s.loss))
}

func catalogSales(w *row, i int64) {
	o := orderOf(streamOrder, i)
	r := dataset.NewRandom(streamOrder, uint64(i)|1<<40)
	sold, sent := key(&r, o.date), key(&r, o.sent)
	for n := range o.lines {
		s := &o.lines[n]
		w.int(sold, o.time, sent, o.bill.customer, o.bill.demo, o.bill.house, o.bill.home, o.ship.customer, o.ship.demo, o.ship.house, o.ship.home)
		w.int(o.center, s.page, o.mode, s.warehouse, s.item, s.promo, i+1)
		amounts(w, &r, s)
		w.end()
	}
}

func catalogReturns(w *row, i int64) {
	o := orderOf(streamOrder, i)
	r := dataset.NewRandom(streamCatalogReturn, uint64(i))
	for n := range o.lines {
		s := &o.lines[n]
		if s.back == 0 {
			continue
		}
		by := o.bill
		if r.Below(6) == 0 {
			by = someone(&r)
		}
		w.int(key(&r, o.date+s.after), minute(&r), s.item, o.bill.customer, o.bill.demo, o.bill.house, o.bill.home, by.customer, by.demo, by.house, by.home)
		w.int(o.center, s.page, o.mode, s.warehouse, s.reason, i+1)
		refunds(w, &r, s)
		w.end()
	}
}

func webSales(w *row, i int64) {
	o := orderOf(streamWebOrder, i)
	r := dataset.NewRandom(streamWebOrder, uint64(i)|1<<40)
	sold, sent := key(&r, o.date), key(&r, o.sent)
	for n := range o.lines {
		s := &o.lines[n]
		w.int(sold, o.time, sent, s.item, o.bill.customer, o.bill.demo, o.bill.house, o.bill.home, o.ship.customer, o.ship.demo, o.ship.house, o.ship.home)
		w.int(webPageOf(s), o.site, o.mode, s.warehouse, s.promo, i+1)
		amounts(w, &r, s)
		w.end()
	}
}

// webPageOf is the page that a line was bought on.
func webPageOf(s *sale) int64 {
	if s.page == none {
		return none
	}
	return s.page%webPages + 1
}

func webReturns(w *row, i int64) {
	o := orderOf(streamWebOrder, i)
	r := dataset.NewRandom(streamWebReturn, uint64(i))
	for n := range o.lines {
		s := &o.lines[n]
		if s.back == 0 {
			continue
		}
		by := o.bill
		if r.Below(6) == 0 {
			by = someone(&r)
			// The one who brings it back is often of the same kind.
			if r.Below(2) == 0 {
				by.demo = o.bill.demo
			}
		}
		w.int(key(&r, o.date+s.after), minute(&r), s.item, o.bill.customer, o.bill.demo, o.bill.house, o.bill.home, by.customer, by.demo, by.house, by.home)
		w.int(webPageOf(s), s.reason, i+1)
		refunds(w, &r, s)
		w.end()
	}
}
