package parquet

import (
	"math"
	"slices"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/vector"
)

// rowTest is a predicate bound to the columns of one file. It decides about
// rows without an error: what it keeps is a superset of what the predicate
// keeps.
type rowTest interface {
	// keep keeps the rows of sel, in place, that pass. vec returns the window of
	// a column of the table, Flat or Dict.
	keep(vec func(column int) *vector.Vec, sel []int32) []int32
	// columns appends the columns of the table that keep asks for.
	columns(dst []int) []int
}

// rangeTest passes integers from lo to hi, or with not those outside.
type rangeTest struct {
	column int
	lo, hi int64
	not    bool
}

// setTest passes the integers of an ascending list.
type setTest struct {
	column int
	list   []int64
}

// floatTest compares with a number that is not NaN.
type floatTest struct {
	column int
	op     string
	c      float64
}

// textTest passes the strings of a set, or with not all others.
type textTest struct {
	column int
	set    map[string]struct{}
	not    bool
}

// nullTest passes NULLs, or with not all others.
type nullTest struct {
	column int
	not    bool
}

// pairTest compares two integer columns with equal units.
type pairTest struct {
	a, b int
	op   string
}

// anyTest passes when one of its arguments does, allTest when all do.
type (
	anyTest []rowTest
	allTest []rowTest
)

func (t rangeTest) columns(dst []int) []int { return append(dst, t.column) }
func (t setTest) columns(dst []int) []int   { return append(dst, t.column) }
func (t floatTest) columns(dst []int) []int { return append(dst, t.column) }
func (t textTest) columns(dst []int) []int  { return append(dst, t.column) }
func (t nullTest) columns(dst []int) []int  { return append(dst, t.column) }
func (t pairTest) columns(dst []int) []int  { return append(dst, t.a, t.b) }

func (t anyTest) columns(dst []int) []int {
	for _, a := range t {
		dst = a.columns(dst)
	}
	return dst
}

func (t allTest) columns(dst []int) []int {
	for _, a := range t {
		dst = a.columns(dst)
	}
	return dst
}

// keepValid removes the NULLs of v from sel.
func keepValid(v *vector.Vec, sel []int32) []int32 {
	if v.Valid != nil {
		k := 0
		for _, i := range sel {
			sel[k] = i
			k += int(v.Valid[i>>6] >> (uint(i) & 63) & 1)
		}
		sel = sel[:k]
	}
	return sel
}

// keepPassing keeps the rows of sel whose value passes, through a test of the
// dictionary when v has one.
func keepPassing(v *vector.Vec, sel []int32, flat func(v *vector.Vec, sel []int32) []int32) []int32 {
	if v.Kind != vector.Dict {
		return keepValid(v, flat(v, sel))
	}
	// Tests of several columns come here; those of one are evaluated once per
	// dictionary.
	dense := *v
	dense.Codes = v.Codes
	out := &vector.Vec{}
	vector.Gather(out, v.Dict, dense.Codes, len(dense.Codes))
	return keepValid(v, flat(out, sel))
}

func (t rangeTest) keep(vec func(int) *vector.Vec, sel []int32) []int32 {
	return keepPassing(vec(t.column), sel, func(v *vector.Vec, sel []int32) []int32 {
		switch v.Type.Layout() {
		case types.LayoutInt16:
			return keepRange(v.Int16s(), sel, t.lo, t.hi, t.not)
		case types.LayoutInt32:
			return keepRange(v.Int32s(), sel, t.lo, t.hi, t.not)
		}
		return keepRange(v.Int64s(), sel, t.lo, t.hi, t.not)
	})
}

// keepRange keeps the rows whose value lies between lo and hi.
func keepRange[T int16 | int32 | int64](vals []T, sel []int32, lo, hi int64, not bool) []int32 {
	if lo > hi {
		if not {
			return sel
		}
		return sel[:0]
	}
	k := 0
	span := uint64(hi) - uint64(lo)
	if not {
		for _, i := range sel {
			sel[k] = i
			k += bit(uint64(vals[i])-uint64(lo) > span)
		}
		return sel[:k]
	}
	for _, i := range sel {
		sel[k] = i
		k += bit(uint64(vals[i])-uint64(lo) <= span)
	}
	return sel[:k]
}

// bit returns 1 for true, without a branch.
func bit(b bool) int {
	n := 0
	if b {
		n = 1
	}
	return n
}

func (t setTest) keep(vec func(int) *vector.Vec, sel []int32) []int32 {
	return keepPassing(vec(t.column), sel, func(v *vector.Vec, sel []int32) []int32 {
		k := 0
		lo, hi := t.list[0], t.list[len(t.list)-1]
		for _, i := range sel {
			x := v.Int(int(i))
			sel[k] = i
			if x < lo || x > hi {
				continue
			}
			if _, ok := slices.BinarySearch(t.list, x); ok {
				k++
			}
		}
		return sel[:k]
	})
}

func (t floatTest) keep(vec func(int) *vector.Vec, sel []int32) []int32 {
	return keepPassing(vec(t.column), sel, func(v *vector.Vec, sel []int32) []int32 {
		if v.Type.Layout() == types.LayoutFloat32 {
			return keepFloat(v.Float32s(), sel, t.op, t.c)
		}
		return keepFloat(v.Float64s(), sel, t.op, t.c)
	})
}

// keepFloat compares numbers; NaN is greater than all others.
func keepFloat[T float32 | float64](vals []T, sel []int32, op string, c float64) []int32 {
	k := 0
	for _, i := range sel {
		x := float64(vals[i])
		sel[k] = i
		switch op {
		case "=":
			k += bit(x == c)
		case "<":
			k += bit(x < c)
		case "<=":
			k += bit(x <= c)
		case ">":
			k += bit(!(x <= c))
		case ">=":
			k += bit(!(x < c))
		default:
			k += bit(x != c)
		}
	}
	return sel[:k]
}

func (t textTest) keep(vec func(int) *vector.Vec, sel []int32) []int32 {
	return keepPassing(vec(t.column), sel, func(v *vector.Vec, sel []int32) []int32 {
		k := 0
		if len(t.set) == 1 {
			for s := range t.set {
				for _, i := range sel {
					sel[k] = i
					k += bit(string(v.Bytes(int(i))) == s != t.not)
				}
			}
			return sel[:k]
		}
		for _, i := range sel {
			sel[k] = i
			_, ok := t.set[string(v.Bytes(int(i)))]
			k += bit(ok != t.not)
		}
		return sel[:k]
	})
}

func (t nullTest) keep(vec func(int) *vector.Vec, sel []int32) []int32 {
	v := vec(t.column)
	if t.not {
		return keepValid(v, sel)
	}
	if v.Valid == nil {
		return sel[:0]
	}
	k := 0
	for _, i := range sel {
		sel[k] = i
		k += int(^v.Valid[i>>6] >> (uint(i) & 63) & 1)
	}
	return sel[:k]
}

func (t pairTest) keep(vec func(int) *vector.Vec, sel []int32) []int32 {
	a, b := vec(t.a), vec(t.b)
	return keepPassing(a, sel, func(x *vector.Vec, sel []int32) []int32 {
		return keepPassing(b, sel, func(y *vector.Vec, sel []int32) []int32 {
			switch x.Type.Layout() {
			case types.LayoutInt16:
				return keepPairs(x.Int16s(), y.Int16s(), sel, t.op)
			case types.LayoutInt32:
				return keepPairs(x.Int32s(), y.Int32s(), sel, t.op)
			}
			return keepPairs(x.Int64s(), y.Int64s(), sel, t.op)
		})
	})
}

// keepPairs compares two columns row by row.
func keepPairs[T int16 | int32 | int64](a, b []T, sel []int32, op string) []int32 {
	k := 0
	switch op {
	case "=":
		for _, i := range sel {
			sel[k] = i
			k += bit(a[i] == b[i])
		}
	case "<>":
		for _, i := range sel {
			sel[k] = i
			k += bit(a[i] != b[i])
		}
	case "<":
		for _, i := range sel {
			sel[k] = i
			k += bit(a[i] < b[i])
		}
	case "<=":
		for _, i := range sel {
			sel[k] = i
			k += bit(a[i] <= b[i])
		}
	case ">":
		for _, i := range sel {
			sel[k] = i
			k += bit(a[i] > b[i])
		}
	default:
		for _, i := range sel {
			sel[k] = i
			k += bit(a[i] >= b[i])
		}
	}
	return sel[:k]
}

func (t allTest) keep(vec func(int) *vector.Vec, sel []int32) []int32 {
	for _, a := range t {
		if len(sel) == 0 {
			break
		}
		sel = a.keep(vec, sel)
	}
	return sel
}

func (t anyTest) keep(vec func(int) *vector.Vec, sel []int32) []int32 {
	rest := slices.Clone(sel)
	var passed []int32
	for _, a := range t {
		if len(rest) == 0 {
			break
		}
		hit := a.keep(vec, slices.Clone(rest))
		if len(hit) == 0 {
			continue
		}
		rest = without(rest, hit)
		passed = append(passed, hit...)
	}
	slices.Sort(passed)
	return append(sel[:0], passed...)
}

// without removes from the ascending list a the rows of the ascending list b,
// which it has.
func without(a, b []int32) []int32 {
	k, j := 0, 0
	for _, x := range a {
		if j < len(b) && b[j] == x {
			j++
			continue
		}
		a[k] = x
		k++
	}
	return a[:k]
}

// bindAll binds the conjuncts that can be decided about rows of a file whose
// columns fields are.
func bindAll(checks []check, fields []*mapped) []rowTest {
	var out []rowTest
	for _, c := range checks {
		if all, ok := c.(allOf); ok {
			out = append(out, bindAll(all, fields)...)
			continue
		}
		if t := c.bind(fields); t != nil {
			out = append(out, t)
		}
	}
	return out
}

func (never) bind([]*mapped) rowTest { return anyTest{} }

func (a anyOf) bind(fields []*mapped) rowTest {
	out := anyTest{}
	for _, c := range a {
		t := c.bind(fields)
		if t == nil {
			return nil
		}
		out = append(out, t)
	}
	return out.merge()
}

func (a allOf) bind(fields []*mapped) rowTest {
	out := bindAll(a, fields)
	if len(out) == 0 {
		return nil
	}
	return allTest(out)
}

// merge makes one test of equalities with one column.
func (t anyTest) merge() rowTest {
	if len(t) < 2 {
		if len(t) == 1 {
			return t[0]
		}
		return t
	}
	ints := setTest{}
	texts := textTest{set: map[string]struct{}{}}
	for i, a := range t {
		switch a := a.(type) {
		case rangeTest:
			if a.lo < a.hi || a.not || i > 0 && (a.column != ints.column || len(texts.set) > 0) {
				return t
			}
			ints.column = a.column
			if a.lo == a.hi {
				ints.list = append(ints.list, a.lo)
			}
		case textTest:
			if a.not || i > 0 && (a.column != texts.column || len(texts.set) == 0) {
				return t
			}
			texts.column = a.column
			for s := range a.set {
				texts.set[s] = struct{}{}
			}
		default:
			return t
		}
	}
	if len(texts.set) > 0 {
		return texts
	}
	slices.Sort(ints.list)
	if ints.list = slices.Compact(ints.list); len(ints.list) == 0 {
		return anyTest{}
	}
	return ints
}

func (n nullCheck) bind(fields []*mapped) rowTest {
	m := fields[n.column]
	switch {
	case m == nil && n.not:
		return anyTest{}
	case m == nil || m.convert || m.form == formNested:
		return nil
	}
	return nullTest(n)
}

// intUnits reports whether a field's vectors hold integers, and in units of
// which power of ten.
func (m *mapped) intUnits() (scale int, ok bool) {
	if m == nil || m.convert {
		return 0, false
	}
	switch m.form {
	case formInt32, formInt16, formUint32, formInt32Wide, formInt64, formInt64Mul, formInt96, formDecimal:
		return m.scale, true
	}
	return 0, false
}

func (c compare) bind(fields []*mapped) rowTest {
	m := fields[c.column]
	if m == nil {
		return anyTest{} // all NULL
	}
	if m.convert {
		return nil
	}
	if scale, ok := m.intUnits(); ok {
		lo, hi, ok := c.lit.units(scale)
		if !ok {
			return nil
		}
		t := rangeTest{column: c.column, lo: math.MinInt64, hi: math.MaxInt64}
		switch c.op {
		case "=", "<>":
			t.lo, t.hi, t.not = hi, lo, c.op == "<>"
		case "<":
			t.hi = hi - 1
		case "<=":
			t.hi = lo
		case ">":
			t.lo = lo + 1
		case ">=":
			t.lo = hi
		}
		return t
	}
	switch {
	case (m.form == formFloat || m.form == formDouble) && c.lit.kind == boundFloat && !math.IsNaN(c.lit.f):
		return floatTest{column: c.column, op: c.op, c: c.lit.f}
	case m.form == formText && c.lit.kind == boundText && (c.op == "=" || c.op == "<>"):
		return textTest{column: c.column, set: map[string]struct{}{c.lit.s: {}}, not: c.op == "<>"}
	}
	return nil
}

func (p pairCheck) bind(fields []*mapped) rowTest {
	a, b := fields[p.a], fields[p.b]
	if a == nil || b == nil {
		return anyTest{}
	}
	s1, ok1 := a.intUnits()
	s2, ok2 := b.intUnits()
	if !ok1 || !ok2 || s1 != s2 || a.typ.OID != b.typ.OID {
		return nil
	}
	return pairTest(p)
}
