package tpch

import (
	"strconv"

	"github.com/hubsql/hubsql/tests/dataset"
)

// Every row draws its numbers in the order of the columns.

func choose(r *dataset.Random, from []string) string { return from[r.Below(int64(len(from)))] }

// numbered appends a name with nine digits.
func numbered(v *dataset.Values, name string, n int64) {
	v.Bytes = append(v.Bytes, name...)
	digits := strconv.FormatInt(n, 10)
	for range 9 - len(digits) {
		v.Bytes = append(v.Bytes, '0')
	}
	v.Bytes = append(v.Bytes, digits...)
	v.End()
}

const addressLetters = "0123456789abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ,"

// address appends 10 to 40 characters.
func address(r *dataset.Random, v *dataset.Values) {
	n := r.Between(10, 40)
	for n > 0 {
		for bits, i := r.Uint64(), 0; i < 10 && n > 0; i, n = i+1, n-1 {
			v.Bytes = append(v.Bytes, addressLetters[bits&63])
			bits >>= 6
		}
	}
	v.End()
}

// phone appends a number that begins with the code of its nation.
func phone(r *dataset.Random, v *dataset.Values, nation int64) {
	v.Bytes = strconv.AppendInt(v.Bytes, nation+10, 10)
	for _, last := range []int64{999, 999, 9999} {
		v.Bytes = append(v.Bytes, '-')
		v.Bytes = strconv.AppendInt(v.Bytes, r.Between((last+1)/10, last), 10)
	}
	v.End()
}

func (s *Scale) region(c []dataset.Values, i int64) {
	r := dataset.NewRandom(streamRegion, uint64(i))
	c[0].Int(i)
	c[1].Text(regions[i])
	comment(&r, &c[2], 31, 115)
}

func (s *Scale) nation(c []dataset.Values, i int64) {
	r := dataset.NewRandom(streamNation, uint64(i))
	c[0].Int(i)
	c[1].Text(nations[i])
	c[2].Int(nationRegions[i])
	comment(&r, &c[3], 31, 114)
}

func (s *Scale) supplier(c []dataset.Values, i int64) {
	r := dataset.NewRandom(streamSupplier, uint64(i))
	c[0].Int(i + 1)
	numbered(&c[1], "Supplier#", i+1)
	address(&r, &c[2])
	nation := r.Below(int64(len(nations)))
	c[3].Int(nation)
	phone(&r, &c[4], nation)
	c[5].Int(r.Between(-99999, 999999))
	start := len(c[6].Bytes)
	comment(&r, &c[6], 25, 100)
	if word := s.remark(i); word != "" {
		// "Customer", some of the text, and the word.
		t := c[6].Bytes[start:]
		spare := int64(len(t) - len("Customer ") - len(word))
		gap := r.Between(0, spare)
		at := r.Between(0, spare-gap)
		copy(t[at:], "Customer ")
		copy(t[at+gap+int64(len("Customer ")):], word)
	}
}

// remark is the word that customers are said to have for a supplier: five of
// 10000 suppliers have complaints, five others recommendations. A small scale
// has one of each.
func (s *Scale) remark(i int64) string {
	block := min(s.suppliers, baseSuppliers/5)
	if i/block*block+block > s.suppliers || block < 2 {
		return ""
	}
	r := dataset.NewRandom(streamComplaint, uint64(i/block))
	bad := r.Below(block)
	good := (bad + r.Between(1, block-1)) % block
	switch i % block {
	case bad:
		return "Complaints"
	case good:
		return "Recommends"
	default:
		return ""
	}
}

// retail is the price of a part in cents.
func retail(part int64) int64 { return 90000 + part/10%20001 + 100*(part%1000) }

func (s *Scale) part(c []dataset.Values, i int64) {
	r := dataset.NewRandom(streamPart, uint64(i))
	c[0].Int(i + 1)
	var chosen [5]int64
	for n := range chosen {
	again:
		chosen[n] = r.Below(int64(len(colours)))
		for _, before := range chosen[:n] {
			if before == chosen[n] {
				goto again
			}
		}
		if n > 0 {
			c[1].Bytes = append(c[1].Bytes, ' ')
		}
		c[1].Bytes = append(c[1].Bytes, colours[chosen[n]]...)
	}
	c[1].End()
	maker := byte('1' + r.Below(5))
	c[2].Bytes = append(append(c[2].Bytes, "Manufacturer#"...), maker)
	c[2].End()
	c[3].Bytes = append(append(c[3].Bytes, "Brand#"...), maker, byte('1'+r.Below(5)))
	c[3].End()
	c[4].Bytes = append(append(c[4].Bytes, choose(&r, typeSizes)...), ' ')
	c[4].Bytes = append(append(c[4].Bytes, choose(&r, typeFinishes)...), ' ')
	c[4].Text(choose(&r, typeMetals))
	c[5].Int(r.Between(1, 50))
	c[6].Bytes = append(append(c[6].Bytes, choose(&r, boxSizes)...), ' ')
	c[6].Text(choose(&r, boxKinds))
	c[7].Int(retail(i + 1))
	comment(&r, &c[8], 5, 22)
}

// supplierOf is the key of the nth supplier, 0 to 3, of a part.
func (s *Scale) supplierOf(part, n int64) int64 {
	return (part+n*(s.suppliers/4+(part-1)/s.suppliers))%s.suppliers + 1
}

// partSuppliers appends the four rows of a part.
func (s *Scale) partSuppliers(c []dataset.Values, i int64) {
	r := dataset.NewRandom(streamPartSupp, uint64(i))
	for n := range int64(4) {
		c[0].Int(i + 1)
		c[1].Int(s.supplierOf(i+1, n))
		c[2].Int(r.Between(1, 9999))
		c[3].Int(r.Between(100, 100_000))
		comment(&r, &c[4], 49, 198)
	}
}

func (s *Scale) customer(c []dataset.Values, i int64) {
	r := dataset.NewRandom(streamCustomer, uint64(i))
	c[0].Int(i + 1)
	numbered(&c[1], "Customer#", i+1)
	address(&r, &c[2])
	nation := r.Below(int64(len(nations)))
	c[3].Int(nation)
	phone(&r, &c[4], nation)
	c[5].Int(r.Between(-99999, 999999))
	c[6].Text(choose(&r, segments))
	comment(&r, &c[7], 29, 116)
}

// orderKey spreads the keys: of 32 keys the first eight are used.
func orderKey(i int64) int64 { return i/8*32 + i%8 + 1 }

// line is what a row of lineitem and its order share.
type line struct {
	part, supplier, quantity, price, discount, tax int64
	ship, commit, receipt                          int64
}

// head is what an order and its lines share: the date and the lines.
func (s *Scale) head(i int64, buffer *[7]line) (orderDate int64, lines []line) {
	r := dataset.NewRandom(streamLine, uint64(i))
	orderDate = r.Between(startDate, endDate-151)
	lines = buffer[:r.Between(1, 7)]
	for n := range lines {
		l := &lines[n]
		l.part = r.Between(1, s.parts)
		l.supplier = s.supplierOf(l.part, r.Below(4))
		l.quantity = r.Between(1, 50)
		l.price = l.quantity * retail(l.part)
		l.discount = r.Between(0, 10)
		l.tax = r.Between(0, 8)
		l.ship = orderDate + r.Between(1, 121)
		l.commit = orderDate + r.Between(30, 90)
		l.receipt = l.ship + r.Between(1, 30)
	}
	return orderDate, lines
}

// lines appends the rows of an order.
func (s *Scale) lines(c []dataset.Values, i int64) {
	var buffer [7]line
	_, lines := s.head(i, &buffer)
	// The numbers that the order does not need have a stream of their own.
	r := dataset.NewRandom(streamLine, uint64(i)|1<<63)
	for n := range lines {
		l := &lines[n]
		c[0].Int(orderKey(i))
		c[1].Int(l.part)
		c[2].Int(l.supplier)
		c[3].Int(int64(n + 1))
		c[4].Int(l.quantity * 100)
		c[5].Int(l.price)
		c[6].Int(l.discount)
		c[7].Int(l.tax)
		flag := "N"
		if l.receipt <= currentDate {
			flag = "RA"[r.Below(2):][:1]
		}
		c[8].Text(flag)
		status := "F"
		if l.ship > currentDate {
			status = "O"
		}
		c[9].Text(status)
		c[10].Int(l.ship)
		c[11].Int(l.commit)
		c[12].Int(l.receipt)
		c[13].Text(choose(&r, instructions))
		c[14].Text(choose(&r, shipModes))
		comment(&r, &c[15], 10, 43)
	}
}

func (s *Scale) order(c []dataset.Values, i int64) {
	var buffer [7]line
	orderDate, lines := s.head(i, &buffer)
	r := dataset.NewRandom(streamOrder, uint64(i))
	c[0].Int(orderKey(i))
	// Every third customer never orders.
	n := r.Below(max(1, s.customers-s.customers/3))
	c[1].Int(n/2*3 + n%2 + 1)
	open, total := 0, int64(0)
	for n := range lines {
		l := &lines[n]
		if l.ship > currentDate {
			open++
		}
		// Cents times hundredths times hundredths, rounded for each line.
		total += (l.price*(100-l.discount)*(100+l.tax) + 5000) / 10000
	}
	switch open {
	case 0:
		c[2].Text("F")
	case len(lines):
		c[2].Text("O")
	default:
		c[2].Text("P")
	}
	c[3].Int(total)
	c[4].Int(orderDate)
	c[5].Text(choose(&r, priorities))
	numbered(&c[6], "Clerk#", r.Between(1, s.clerks))
	c[7].Int(0)
	comment(&r, &c[8], 19, 78)
}
