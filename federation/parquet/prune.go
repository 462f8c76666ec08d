package parquet

import (
	"encoding/binary"
	"math"
	"strings"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/federation/decode"
	"github.com/hubsql/hubsql/planner/expr"
)

// check tests whether a row group may hold a row that passes a predicate.
type check interface {
	mayMatch(stats func(column int) bounds) bool
	// bind returns the test of rows of a file, nil when there is none.
	bind(fields []*mapped) rowTest
}

// bounds is what the statistics of a column chunk say.
type bounds struct {
	values  int64 // rows of the chunk
	allNull bool
	kind    boundKind
	// min and max of the values that are not NULL, by kind.
	minI, maxI int64
	minF, maxF float64
	minS, maxS string
	scale      int // of boundInt: the unit is 10^-scale
}

// boundKind is the domain of bounds.
type boundKind uint8

const (
	boundNone boundKind = iota
	boundInt            // integers, moments and scaled decimals
	boundFloat
	boundText
)

// literal is a constant prepared for comparison.
type literal struct {
	kind boundKind
	i    int64
	f    float64
	s    string
	num  string // decimal text of a numeric, "" otherwise
	// micros marks a timestamp that a date is compared with.
	micros bool
}

// compare is column op literal.
type compare struct {
	column int
	op     string
	lit    literal
}

// nullCheck is IS [NOT] NULL.
type nullCheck struct {
	column int
	not    bool
}

// pairCheck is column op column.
type pairCheck struct {
	a, b int
	op   string
}

// never passes no row.
type never struct{}

// anyOf passes when one of its arguments may.
type anyOf []check

// allOf passes when all of its arguments may.
type allOf []check

func (never) mayMatch(func(int) bounds) bool { return false }

func (a anyOf) mayMatch(stats func(int) bounds) bool {
	for _, c := range a {
		if c.mayMatch(stats) {
			return true
		}
	}
	return false
}

func (a allOf) mayMatch(stats func(int) bounds) bool {
	for _, c := range a {
		if !c.mayMatch(stats) {
			return false
		}
	}
	return true
}

func (pairCheck) mayMatch(func(int) bounds) bool { return true }

func (n nullCheck) mayMatch(stats func(int) bounds) bool {
	// A null count of zero cannot be told from one that was not written, so IS
	// NULL excludes nothing.
	return !n.not || !stats(n.column).allNull
}

func (c compare) mayMatch(stats func(int) bounds) bool {
	b := stats(c.column)
	if b.allNull {
		return false
	}
	switch b.kind {
	case boundInt:
		lo, hi, ok := c.lit.units(b.scale)
		if !ok {
			return true
		}
		switch c.op {
		case "=":
			return lo == hi && b.minI <= lo && lo <= b.maxI
		case "<":
			return b.minI < hi
		case "<=":
			return b.minI <= lo
		case ">":
			return b.maxI > lo
		case ">=":
			return b.maxI >= hi
		}
	case boundFloat:
		if c.lit.kind != boundFloat || math.IsNaN(c.lit.f) {
			return true
		}
		// NaN is greater than everything and not part of the bounds: only an
		// upper limit excludes.
		switch c.op {
		case "=":
			return b.minF <= c.lit.f && c.lit.f <= b.maxF
		case "<":
			return b.minF < c.lit.f
		case "<=":
			return b.minF <= c.lit.f
		}
	case boundText:
		if c.op == "=" && c.lit.kind == boundText {
			return b.minS <= c.lit.s && c.lit.s <= b.maxS
		}
	}
	return true
}

// units returns the literal in units of 10^-scale, rounded down and up.
func (l literal) units(scale int) (lo, hi int64, ok bool) {
	if l.kind != boundInt {
		return 0, 0, false
	}
	if l.micros {
		lo = floorDiv(l.i, 86400e6)
		return lo, lo + int64(bit(lo*86400e6 != l.i)), true
	}
	text := l.num
	if text == "" {
		if scale == 0 {
			return l.i, l.i, true
		}
		text = string(decode.AppendScaledText(nil, l.i, 0))
	}
	neg := strings.HasPrefix(text, "-")
	text = strings.TrimPrefix(text, "-")
	whole, frac, _ := strings.Cut(text, ".")
	rest := ""
	if len(frac) > scale {
		frac, rest = frac[:scale], frac[scale:]
	}
	frac += strings.Repeat("0", scale-len(frac))
	digits := strings.TrimLeft(whole+frac, "0")
	if len(digits) > 18 {
		return 0, 0, false
	}
	x := int64(0)
	for _, d := range []byte(digits) {
		if d < '0' || d > '9' {
			return 0, 0, false
		}
		x = x*10 + int64(d-'0')
	}
	exact := strings.Trim(rest, "0") == ""
	switch {
	case exact && neg:
		return -x, -x, true
	case exact:
		return x, x, true
	case neg:
		return -x - 1, -x, true
	}
	return x, x + 1, true
}

// PushFilter implements connector.FilterPusher: predicates exclude row groups,
// pages and rows, but not always all that they could, so none is exact.
func (s *source) PushFilter(h connector.TableHandle, filter connector.Sealed) (connector.TableHandle, []connector.Outcome) {
	x := h.(*handle)
	out := *x
	out.checks = append([]check(nil), x.checks...)
	list := filter.Predicates()
	outcomes := make([]connector.Outcome, len(list))
	for i, e := range list {
		c, why := x.compile(e)
		if c == nil || x.limit > 0 || x.fixed {
			outcomes[i] = connector.Outcome{Pushed: connector.Local, Reason: why}
			if why == "" {
				outcomes[i].Reason = "the scan is limited already"
			}
			continue
		}
		out.checks = append(out.checks, c)
		outcomes[i] = connector.Outcome{Pushed: connector.Superset, Reason: "rows are excluded where that saves reading"}
	}
	return &out, outcomes
}

// compile turns a predicate into a check; nil with the reason when statistics
// say nothing about it.
func (h *handle) compile(e expr.Expr) (check, string) {
	switch e := e.(type) {
	case *expr.Logic:
		if e.Op == expr.Not {
			return nil, "statistics do not decide NOT"
		}
		var list []check
		for _, a := range e.Args {
			c, why := h.compile(a)
			switch {
			case c != nil:
				list = append(list, c)
			case e.Op == expr.Or:
				return nil, why
			}
		}
		if len(list) == 0 {
			return nil, "statistics do not decide the predicate"
		}
		if e.Op == expr.Or {
			return anyOf(list), ""
		}
		return allOf(list), ""
	case *expr.NullTest:
		col, ok := h.column(e.Arg)
		if !ok {
			return nil, "statistics do not decide the predicate"
		}
		return nullCheck{col, e.Not}, ""
	case *expr.InList:
		op := "="
		if e.Not {
			op = "<>"
		}
		var list []check
		for _, item := range e.Items {
			c, why := h.comparison(op, e.Arg, item)
			if c == nil {
				return nil, why
			}
			list = append(list, c)
		}
		if e.Not {
			return allOf(list), ""
		}
		return anyOf(list), ""
	case *expr.Call:
		if len(e.Args) != 2 || e.Fn != nil && e.Fn.Schema != "" && e.Fn.Schema != "pg_catalog" {
			break
		}
		if c, why := h.comparison(e.Op, e.Args[0], e.Args[1]); c != nil {
			return c, why
		}
		if a, ok := h.column(e.Args[0]); ok {
			if b, ok := h.column(e.Args[1]); ok {
				return h.pair(e.Op, a, b)
			}
		}
		flip := map[string]string{"=": "=", "<>": "<>", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
		return h.comparison(flip[e.Op], e.Args[1], e.Args[0])
	}
	return nil, "statistics do not decide the predicate"
}

// pair compiles column op column.
func (h *handle) pair(op string, a, b int) (check, string) {
	switch op {
	case "=", "<>", "<", "<=", ">", ">=":
	default:
		return nil, "statistics do not decide the predicate"
	}
	t := h.table.columns[a].Type
	if t.OID != h.table.columns[b].Type.OID {
		return nil, "the columns have different types"
	}
	switch t.OID {
	case types.Int2, types.Int4, types.Int8, types.Date, types.Timestamp, types.TimestampTZ, types.Time, types.Numeric:
		return pairCheck{a, b, op}, ""
	}
	return nil, "statistics do not decide the predicate"
}

// comparison compiles column op constant.
func (h *handle) comparison(op string, left, right expr.Expr) (check, string) {
	const undecided = "statistics do not decide the predicate"
	switch op {
	case "=", "<>", "<", "<=", ">", ">=":
	default:
		return nil, undecided
	}
	col, ok := h.column(left)
	if !ok {
		return nil, undecided
	}
	k, ok := right.(*expr.Const)
	if !ok {
		return nil, "the value is not a constant"
	}
	if k.Value.Null {
		return never{}, "" // a comparison with NULL passes no row
	}
	c := compare{column: col, op: op}
	switch of := h.table.columns[col].Type.OID; {
	case of == types.Date && k.T.OID == types.Timestamp:
		if k.Value.I == types.TimestampInfinity || k.Value.I == types.TimestampNegInfinity {
			return nil, undecided
		}
		c.lit = literal{kind: boundInt, i: k.Value.I, micros: true}
		return c, ""
	case of == types.Timestamp && k.T.OID == types.Date:
		if k.Value.I == types.DateInfinity || k.Value.I == types.DateNegInfinity {
			return nil, undecided
		}
		c.lit = literal{kind: boundInt, i: k.Value.I * 86400e6}
		return c, ""
	case !comparable(of, k.T.OID):
		return nil, undecided
	}
	switch k.T.OID {
	case types.Int2, types.Int4, types.Int8, types.Date, types.Timestamp, types.TimestampTZ, types.Time:
		c.lit = literal{kind: boundInt, i: k.Value.I}
	case types.Float4, types.Float8:
		c.lit = literal{kind: boundFloat, f: k.Value.Float()}
	case types.Numeric:
		text := string(decode.AppendNumericText(nil, []byte(k.Value.S)))
		if strings.ContainsAny(text, "NIn") {
			return nil, undecided
		}
		c.lit = literal{kind: boundInt, num: text}
	case types.Text, types.VarChar:
		if op != "=" && op != "<>" {
			return nil, "statistics are ordered by bytes, not by the collation"
		}
		c.lit = literal{kind: boundText, s: k.Value.S}
	default:
		return nil, undecided
	}
	return c, ""
}

// comparable reports whether bounds of a column and a constant have one domain.
func comparable(column, constant types.OID) bool {
	domain := func(oid types.OID) types.OID {
		switch oid {
		case types.Int2, types.Int4, types.Int8, types.Numeric:
			return types.Numeric
		case types.Float4, types.Float8:
			return types.Float8
		case types.Text, types.VarChar:
			return types.Text
		}
		return oid
	}
	return domain(column) == domain(constant)
}

// column returns the table's column that e is, behind casts that keep its order
// and equality.
func (h *handle) column(e expr.Expr) (int, bool) {
	for {
		switch x := e.(type) {
		case *expr.Column:
			if int(x.ID) < 0 || int(x.ID) >= len(h.project) {
				return 0, false
			}
			return h.project[x.ID], true
		case *expr.Relabel:
			e = x.Arg
		case *expr.Call:
			if !x.Cast || len(x.Args) < 1 || !widens(x.Args[0].Type().OID, x.T) {
				return 0, false
			}
			e = x.Args[0]
		default:
			return 0, false
		}
	}
}

// widens reports whether a cast keeps every value.
func widens(from types.OID, to types.Type) bool {
	switch from {
	case types.Int2, types.Int4, types.Int8:
		switch to.OID {
		case types.Numeric:
			return to.Mod < 0
		case types.Int4:
			return from == types.Int2
		case types.Int8:
			return true
		}
	case types.Float4:
		return to.OID == types.Float8
	case types.Numeric:
		return to.OID == types.Numeric && to.Mod < 0
	}
	return false
}

// prune lists the row groups that the checks leave, in file order.
func (t *table) prune(checks []check) []part {
	parts := []part{}
	for i, f := range t.files {
		groups := f.footer.meta.Metadata().RowGroups
		for g, rg := range f.footer.groups {
			if rg.NumRows() == 0 {
				continue
			}
			stats := func(c int) bounds { return chunkBounds(f.fields[c], &groups[g], rg.NumRows()) }
			if allOf(checks).mayMatch(stats) {
				parts = append(parts, part{file: i, group: g, rows: rg.NumRows()})
			}
		}
	}
	return parts
}

// chunkBounds reads the statistics of one column chunk. m nil is a column that
// the file lacks: all NULL.
func chunkBounds(m *mapped, group *format.RowGroup, rows int64) bounds {
	b := bounds{values: rows}
	if m == nil {
		b.allNull = true
		return b
	}
	if m.convert || m.form == formNested {
		return b
	}
	meta := &group.Columns[m.leaf].MetaData
	s := &meta.Statistics
	b.allNull = m.optional && s.NullCount == meta.NumValues && meta.NumValues == rows
	lo, hi := s.MinValue, s.MaxValue
	if lo == nil && hi == nil && m.form != formText && m.form != formUint32 {
		lo, hi = s.Min, s.Max // the old fields, ordered by signed comparison
	}
	return b.between(m, lo, hi)
}

// between returns b with the bounds that the statistics of a chunk or a page
// give as plain values.
func (b bounds) between(m *mapped, lo, hi []byte) bounds {
	kind := m.column.Type().Kind()
	switch m.form {
	case formInt32, formInt16, formInt32Wide, formUint32:
		if len(lo) != 4 || len(hi) != 4 {
			return b
		}
		b.minI, b.maxI = int64(int32(binary.LittleEndian.Uint32(lo))), int64(int32(binary.LittleEndian.Uint32(hi)))
		if m.form == formUint32 {
			b.minI, b.maxI = int64(uint32(b.minI)), int64(uint32(b.maxI))
		}
		if m.form == formInt32Wide {
			b.minI, b.maxI = b.minI*m.mul, b.maxI*m.mul
		}
		b.kind, b.scale = boundInt, m.scale
	case formInt64, formInt64Mul:
		if len(lo) != 8 || len(hi) != 8 {
			return b
		}
		b.minI, b.maxI = int64(binary.LittleEndian.Uint64(lo)), int64(binary.LittleEndian.Uint64(hi))
		if m.form == formInt64Mul {
			pair := []int64{b.minI, b.maxI}
			if m.rescale(pair, pair) != nil {
				return b
			}
			b.minI, b.maxI = pair[0], pair[1]
		}
		b.kind, b.scale = boundInt, m.scale
	case formDecimal:
		// Of one length, bounds that a writer ordered by unsigned bytes are
		// either right or the wrong way round, which is noticed below.
		if kind != parquet.FixedLenByteArray || len(lo) == 0 || len(lo) != len(hi) || len(lo) != m.column.Type().Length() {
			return b
		}
		var ok1, ok2 bool
		b.minI, ok1 = bigEndian(lo)
		b.maxI, ok2 = bigEndian(hi)
		if !ok1 || !ok2 {
			return b
		}
		b.kind, b.scale = boundInt, m.scale
	case formFloat:
		if len(lo) != 4 || len(hi) != 4 {
			return b
		}
		b.minF = float64(math.Float32frombits(binary.LittleEndian.Uint32(lo)))
		b.maxF = float64(math.Float32frombits(binary.LittleEndian.Uint32(hi)))
		b.kind = boundFloat
	case formDouble:
		if len(lo) != 8 || len(hi) != 8 {
			return b
		}
		b.minF, b.maxF = math.Float64frombits(binary.LittleEndian.Uint64(lo)), math.Float64frombits(binary.LittleEndian.Uint64(hi))
		b.kind = boundFloat
	case formText:
		if lo == nil || hi == nil || kind != parquet.ByteArray {
			return b
		}
		b.minS, b.maxS, b.kind = string(lo), string(hi), boundText
	}
	if b.kind == boundFloat && (math.IsNaN(b.minF) || math.IsNaN(b.maxF)) || b.kind == boundInt && b.minI > b.maxI {
		b.kind = boundNone
	}
	return b
}
