package tpcds

import (
	"fmt"
	"strings"
	"time"

	"github.com/hubsql/hubsql/tests/dataset"
)

// Streams of random numbers.
const (
	streamCallCenter = iota + 1
	streamCatalogPage
	streamCustomer
	streamAddress
	streamHouse
	streamInventory
	streamItem
	streamPromotion
	streamStore
	streamWarehouse
	streamWebPage
	streamWebSite
	streamTicket
	streamStoreReturn
	streamOrder
	streamCatalogReturn
	streamWebOrder
	streamWebReturn
)

// Rows of the dimensions.
const (
	callCenters  = 6
	catalogPages = 240
	customers    = 1000
	addresses    = 800
	demographics = 2 * 5 * 7 * 4 * 4 * 7
	households   = 20 * 6 * 10 * 6
	incomeBands  = 20
	items        = 600
	promotions   = 60
	shipModes    = 20
	stores       = 12
	warehouses   = 5
	webPages     = 60
	webSites     = 12
)

// julian is the key of 1970-01-01 in date_dim, where keys are Julian days.
const julian = 2440588

// day is the number of days since 1970-01-01.
func day(year int, month time.Month, d int) int64 {
	return time.Date(year, month, d, 0, 0, 0, 0, time.UTC).Unix() / 86400
}

// The calendar of date_dim, and the days on which something is sold.
var (
	firstDay  = day(1995, time.January, 1)
	lastDay   = day(2004, time.December, 31)
	firstSale = day(1998, time.January, 2)
	lastSale  = day(2003, time.January, 2)
)

func generators() map[string]generator {
	return map[string]generator{
		"call_center": {callCenters, 1, callCenter}, "catalog_page": {catalogPages, 1, catalogPage},
		"customer": {customers, 1, customer}, "customer_address": {addresses, 1, customerAddress},
		"customer_demographics": {demographics, 2, customerDemographics}, "date_dim": {lastDay - firstDay + 1, 2, dateDim},
		"household_demographics": {households, 2, householdDemographics}, "income_band": {incomeBands, 1, incomeBand},
		"inventory": {weeks, 4, inventory}, "item": {items, 1, item}, "promotion": {promotions, 1, promotion},
		"reason": {int64(len(reasons)), 1, reason}, "ship_mode": {shipModes, 1, shipMode}, "store": {stores, 1, store},
		"time_dim": {1440, 1, timeDim}, "warehouse": {warehouses, 1, warehouse}, "web_page": {webPages, 1, webPage}, "web_site": {webSites, 1, webSite},
		"store_sales": {tickets, 4, storeSales}, "store_returns": {tickets, 2, storeReturns},
		"catalog_sales": {catalogOrders, 3, catalogSales}, "catalog_returns": {catalogOrders, 1, catalogReturns},
		"web_sales": {webOrders, 2, webSales}, "web_returns": {webOrders, 1, webReturns},
	}
}

func choose(r *dataset.Random, from []string) string { return from[r.Below(int64(len(from)))] }

// rarely gives NULL in place of one of n values.
func rarely(r *dataset.Random, n, x int64) int64 {
	if r.Below(n) == 0 {
		return none
	}
	return x
}

// id is the business key of a number: sixteen letters.
func id(n int64) string {
	b := []byte("AAAAAAAAAAAAAAAA")
	for i := 8; n > 0; i, n = i+1, n>>4 {
		b[i] = byte('A' + n&15)
	}
	return string(b)
}

// name spells a number in syllables.
func name(n int64) string {
	var s strings.Builder
	for first := true; n > 0 || first; n, first = n/10, false {
		s.WriteString(syllables[n%10])
	}
	return s.String()
}

func flag(yes bool) string {
	if yes {
		return "Y"
	}
	return "N"
}

// revision returns the number of the thing that a row is a revision of, with the
// days between which it holds: of three rows the first is the only one of its
// thing, the others are two of one.
func revision(sk int64) (thing, from, to int64) {
	switch group := (sk - 1) / 3 * 2; (sk - 1) % 3 {
	case 0:
		return group + 1, day(1997, time.October, 27), none
	case 1:
		return group + 2, day(1997, time.October, 27), day(2000, time.October, 26)
	default:
		return group + 2, day(2000, time.October, 27), none
	}
}

// site draws a place; narrow keeps to those of the stores.
func site(r *dataset.Random, narrow bool) (city string, p place) {
	n := int64(len(places))
	if narrow || r.Below(2) == 0 {
		n = 8
	}
	return choose(r, cities), places[r.Below(n)]
}

// address appends number, street, type and suite, and what follows in a place.
func address(w *row, r *dataset.Random, city string, p place) {
	w.text(fmt.Sprint(r.Between(1, 999)), choose(r, streets), choose(r, streetTypes))
	w.text(fmt.Sprintf("Suite %d", r.Below(50)*10), city, p.county, p.state, fmt.Sprintf("%s%02d", p.zip, r.Below(3)*11), "United States")
	w.int(p.offset)
}

func sentence(r *dataset.Random, words int) string {
	s := make([]string, words)
	for i := range s {
		s[i] = strings.ToLower([][]string{firstNames, cities, colors, streets}[r.Below(4)][r.Below(16)])
	}
	return strings.ToUpper(s[0][:1]) + strings.Join(s, " ")[1:] + "."
}

func person(r *dataset.Random) string { return choose(r, firstNames) + " " + choose(r, lastNames) }

func callCenter(w *row, i int64) {
	r := dataset.NewRandom(streamCallCenter, uint64(i))
	thing, from, to := revision(i + 1)
	city, p := site(&r, true)
	w.int(i + 1)
	w.text(id(thing))
	w.int(from, to, none, firstDay+julian+r.Below(700))
	w.text([]string{"NY Metro", "Mid Atlantic", "North Midwest", "California", "Pacific Northwest", "Hawaii/Alaska"}[i], choose(&r, []string{"small", "medium", "large"}))
	w.int(r.Between(1, 700), r.Between(1000, 40000))
	w.text(hours[i%3], person(&r))
	w.int(r.Between(1, 6))
	w.text("More than other authori", sentence(&r, 8), person(&r))
	w.int(r.Between(1, 6))
	w.text(name(i))
	w.int(r.Between(1, 6))
	w.text(name(r.Between(1, 6)))
	address(w, &r, city, p)
	w.int(r.Below(12))
	w.end()
}

func catalogPage(w *row, i int64) {
	r := dataset.NewRandom(streamCatalogPage, uint64(i))
	kind := i % 3
	length := []int64{182, 91, 30}[kind]
	start := firstSale + julian + i/3*length%(lastSale-firstSale)
	w.int(i + 1)
	w.text(id(i + 1))
	w.int(rarely(&r, 50, start), rarely(&r, 50, start+length))
	w.text("DEPARTMENT")
	w.int(i/20+1, i%20+1)
	w.text(sentence(&r, 9), issues[kind])
	w.end()
}

func customer(w *row, i int64) {
	r := dataset.NewRandom(streamCustomer, uint64(i))
	first := r.Between(firstSale, lastSale-400) + julian
	a, b := choose(&r, firstNames), choose(&r, lastNames)
	w.int(i + 1)
	w.text(id(i + 1))
	w.int(customerDemo(i+1), customerHouse(i+1), customerHome(i+1), rarely(&r, 30, first+30), rarely(&r, 30, first))
	w.text(choose(&r, []string{"Mr.", "Mrs.", "Ms.", "Dr.", "Sir"}))
	if r.Below(40) == 0 {
		a = ""
	}
	if r.Below(40) == 0 {
		b = ""
	}
	w.text(a, b, choose(&r, []string{"Y", "N", "Y", "N", "Y", "N", "Y", "N", ""}))
	w.int(rarely(&r, 30, r.Between(1, 28)), rarely(&r, 30, r.Between(1, 12)), rarely(&r, 30, r.Between(1924, 1992)))
	w.text(choose(&r, countries), "", strings.ToLower(fmt.Sprintf("%s.%s%d@example.org", a, b, i)))
	w.int(rarely(&r, 30, r.Between(day(1999, 1, 1), lastSale)+julian))
	w.end()
}

// What customers have now; some of it is not known.
func customerDemo(sk int64) int64 { return about(sk, 1, demographics) }

func customerHouse(sk int64) int64 { return about(sk, 2, households) }

func customerHome(sk int64) int64 { return about(sk, 3, addresses) }

func about(customer, what, n int64) int64 {
	r := dataset.NewRandom(streamCustomer, uint64(customer|what<<40))
	return rarely(&r, 40, r.Between(1, n))
}

func customerAddress(w *row, i int64) {
	r := dataset.NewRandom(streamAddress, uint64(i))
	city, p := site(&r, false)
	w.int(i + 1)
	w.text(id(i + 1))
	address(w, &r, city, p)
	w.text(choose(&r, locations))
	w.end()
}

func customerDemographics(w *row, i int64) {
	next := func(n int64) int64 {
		at := i % n
		i /= n
		return at
	}
	w.int(i + 1)
	w.text(genders[next(2)], marital[next(5)], educations[next(7)])
	w.int(500 + 2500*next(4))
	w.text(credits[next(4)])
	dep := next(7)
	w.int(dep, (dep*3+1)%7, (dep*5+2)%7)
	w.end()
}

func dateDim(w *row, i int64) {
	d := firstDay + i
	t := time.Unix(d*86400, 0).UTC()
	sk, year, month := d+julian, int64(t.Year()), int64(t.Month())
	quarter := (month-1)/3 + 1
	week := (d-day(1900, time.January, 1)+1)/7 + 1
	holiday := month == 12 && t.Day() >= 24 && t.Day() <= 26 || month == 7 && t.Day() == 4 || month == 1 && t.Day() == 1
	first := day(t.Year(), t.Month(), 1) + julian
	w.int(sk)
	w.text(id(sk))
	w.int(d, (year-1900)*12+month-1, week, (year-1900)*4+quarter-1, year, int64(t.Weekday()), month, int64(t.Day()), quarter)
	w.int(year, (year-1900)*4+quarter-1, week)
	w.text(days[t.Weekday()], fmt.Sprintf("%dQ%d", year, quarter), flag(holiday), flag(t.Weekday()%6 == 0), flag(month == 12 && t.Day() == 27))
	w.int(first, day(t.Year(), t.Month()+1, 1)+julian-1, sk-365, sk-91)
	w.text("N", "N", "N", "N", "N")
	w.end()
}

func householdDemographics(w *row, i int64) {
	w.int(i+1, i%20+1)
	w.text(potentials[i/20%6])
	w.int(i/120%10, i/1200-1)
	w.end()
}

func incomeBand(w *row, i int64) {
	w.int(i+1, max(0, i*10000+min(i, 1)), (i+1)*10000)
	w.end()
}

// weeks of inventory, each counted on its first day.
var weeks = (lastSale - firstSale) / 7

// inventory appends the stock of a week; one of twelve items is kept in a
// warehouse, and of some the quantity varies much.
func inventory(w *row, i int64) {
	for item := range int64(items) {
		for house := range int64(warehouses) {
			pair := dataset.NewRandom(streamInventory, uint64(item*warehouses+house))
			if pair.Below(12) != 0 {
				continue
			}
			r := dataset.NewRandom(streamInventory, uint64(i<<32|item*warehouses+house))
			most := int64(1000)
			if pair.Below(4) == 0 && r.Below(4) != 0 {
				most = 40 // often nearly sold out
			}
			w.int(firstSale+i*7+julian, item+1, house+1, rarely(&r, 20, r.Below(most+1)))
			w.end()
		}
	}
}

func item(w *row, i int64) {
	r := dataset.NewRandom(streamItem, uint64(i))
	thing, from, to := revision(i + 1)
	// Revisions of one thing share what it is and differ in the rest.
	kind := dataset.NewRandom(streamItem, uint64(thing)|1<<40)
	category := kind.Below(int64(len(categories)))
	class := kind.Below(4)
	maker, brand := (category*4+class)%10, kind.Between(1, 5)
	price := 99 + r.Below(9900)*r.Below(100)/100
	made := r.Between(1, 40)
	w.int(i + 1)
	w.text(id(thing))
	w.int(from, to)
	w.text(sentence(&r, int(r.Between(4, 16))))
	w.int(rarely(&r, 100, price), rarely(&r, 100, price*r.Between(40, 90)/100), (category+1)*1000000+(class+1)*1000+brand)
	w.text(fmt.Sprintf("%s%s #%d", makers[maker], makers[category], brand))
	w.int(class + 1)
	w.text(classes[category][class])
	w.int(category + 1)
	if r.Below(80) == 0 {
		w.text("")
	} else {
		w.text(categories[category])
	}
	w.int(rarely(&r, 60, made))
	w.text(name(made), choose(&r, sizes), fmt.Sprintf("%05d%s%05d", r.Below(99999), "salmon"[:r.Between(2, 6)], r.Below(99999)), choose(&r, colors))
	w.text(choose(&r, units), "Unknown")
	w.int(rarely(&r, 60, r.Between(1, 30)))
	w.text(name(i + 1))
	w.end()
}

func promotion(w *row, i int64) {
	r := dataset.NewRandom(streamPromotion, uint64(i))
	start := r.Between(firstSale, lastSale-60) + julian
	w.int(i + 1)
	w.text(id(i + 1))
	w.int(rarely(&r, 30, start), rarely(&r, 30, start+r.Between(1, 60)), r.Between(1, items), 100000, 1)
	w.text(name(r.Below(10)))
	for range 8 {
		w.text(flag(r.Below(2) == 0))
	}
	w.text(sentence(&r, 6), choose(&r, purposes), "N")
	w.end()
}

func reason(w *row, i int64) {
	w.int(i + 1)
	w.text(id(i+1), reasons[i])
	w.end()
}

func shipMode(w *row, i int64) {
	w.int(i + 1)
	w.text(id(i+1), shipTypes[i%6], shipCodes[i/6%4], carriers[i], fmt.Sprintf("%xYQ%x", i*7919+11, i*104729+5))
	w.end()
}

// storeAt is where a store lies: stores of one county are alike in it.
func storeAt(sk int64) (string, place) {
	r := dataset.NewRandom(streamStore, uint64(sk|1<<40))
	return choose(&r, cities[:4]), places[(sk-1)%6]
}

func store(w *row, i int64) {
	r := dataset.NewRandom(streamStore, uint64(i))
	thing, from, to := revision(i + 1)
	city, p := storeAt(i + 1)
	w.int(i + 1)
	w.text(id(thing))
	w.int(from, to, none)
	w.text(name(i % 10))
	w.int(r.Between(200, 300), r.Between(5000000, 9000000))
	w.text(hours[i%3], person(&r))
	w.int(i%10 + 1)
	w.text("Unknown", sentence(&r, 9), person(&r))
	w.int(1)
	w.text("Unknown")
	w.int(1)
	w.text("Unknown")
	address(w, &r, city, p)
	w.int(r.Below(12))
	w.end()
}

func timeDim(w *row, i int64) {
	hour, minute := i/60, i%60
	half, shift, sub, meal := "AM", "third", "night", ""
	if hour >= 12 {
		half = "PM"
	}
	switch {
	case hour >= 8 && hour < 16:
		shift = "first"
	case hour >= 16:
		shift = "second"
	}
	switch {
	case hour >= 6 && hour < 12:
		sub = "morning"
	case hour >= 12 && hour < 17:
		sub = "afternoon"
	case hour >= 17 && hour < 21:
		sub = "evening"
	}
	switch {
	case hour >= 6 && hour < 9:
		meal = "breakfast"
	case hour >= 11 && hour < 14:
		meal = "lunch"
	case hour >= 17 && hour < 20:
		meal = "dinner"
	}
	w.int(i * 60)
	w.text(id(i * 60))
	w.int(i*60, hour, minute, 0)
	w.text(half, shift, sub, meal)
	w.end()
}

func warehouse(w *row, i int64) {
	r := dataset.NewRandom(streamWarehouse, uint64(i))
	city, p := site(&r, true)
	w.int(i + 1)
	w.text(id(i+1), []string{"Conventional childr", "Important issues liv", "Doors canno", "Bad cards must make.", ""}[i])
	w.int(rarely(&r, 10, r.Between(50000, 999999)))
	address(w, &r, city, p)
	w.end()
}

func webPage(w *row, i int64) {
	r := dataset.NewRandom(streamWebPage, uint64(i))
	thing, from, to := revision(i + 1)
	own, by := r.Below(3) == 0, int64(none)
	if own {
		by = r.Between(1, customers)
	}
	w.int(i + 1)
	w.text(id(thing))
	w.int(from, to, firstSale+julian-r.Below(300), lastSale+julian-r.Below(100))
	w.text(flag(own))
	w.int(by)
	w.text("http://www.foo.com", choose(&r, pageTypes))
	w.int(r.Between(300, 8000), r.Between(2, 25), r.Between(1, 7), r.Below(5))
	w.end()
}

func webSite(w *row, i int64) {
	r := dataset.NewRandom(streamWebSite, uint64(i))
	thing, from, to := revision(i + 1)
	city, p := site(&r, true)
	company := i%6 + 1
	w.int(i + 1)
	w.text(id(thing))
	w.int(from, to)
	w.text(fmt.Sprintf("site_%d", i/6))
	w.int(firstDay+julian+r.Below(800), none)
	w.text("Unknown", person(&r))
	w.int(r.Between(1, 6))
	w.text(sentence(&r, 4), sentence(&r, 8), person(&r))
	w.int(company)
	w.text([]string{"pri", "able", "ought", "ese", "anti", "cally"}[company-1])
	address(w, &r, city, p)
	w.int(r.Below(13))
	w.end()
}
