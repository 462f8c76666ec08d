package estimate

import (
	"encoding/binary"
	"math"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/planner/expr"
)

// dayMicros is the length of a day in microseconds.
const dayMicros = 86400e6

// family groups the types whose values have positions on one line.
type family uint8

const (
	unordered family = iota
	number
	moment
	text
	other
)

func familyOf(t types.OID) family {
	switch t {
	case types.Int2, types.Int4, types.Int8, types.Float4, types.Float8, types.Numeric:
		return number
	case types.Date, types.Timestamp, types.TimestampTZ:
		return moment
	case types.Text, types.VarChar, types.BPChar, types.Name, types.Bytea:
		return text
	case types.Time, types.Bool, types.UUID, types.Interval, types.Oid:
		return other
	}
	return unordered
}

// position maps a value to a line on which distances mean something: numbers to
// themselves, moments to microseconds, strings to the fraction that their first
// bytes make.
func position(t types.Type, d types.Datum) float64 {
	switch t.OID {
	case types.Date:
		return float64(d.I) * dayMicros
	case types.Float4, types.Float8:
		return d.Float()
	case types.Numeric:
		f, err := types.DecodeNumeric(d.S).Float64()
		if err != nil {
			return math.NaN()
		}
		return f
	case types.Interval:
		days, micros := types.IntervalSpan(d)
		return float64(days)*dayMicros + float64(micros)
	case types.UUID:
		return float64(uint64(d.I))
	}
	if familyOf(t.OID) == text {
		var b [8]byte
		copy(b[:], d.S)
		return float64(binary.BigEndian.Uint64(b[:]))
	}
	return float64(d.I)
}

// ordered reports whether fractions below a value can be told.
func (c *column) ordered() bool {
	if c.stats == nil || familyOf(c.typ.OID) == unordered {
		return false
	}
	return len(c.stats.Histogram) >= 2 || len(c.stats.Common) > 0 || !c.stats.Min.Null && !c.stats.Max.Null
}

// below is the fraction of the values that are not NULL and lie below k, or at
// it when at is set.
func (c *column) below(k expr.Const, at bool) float64 {
	if familyOf(k.T.OID) != familyOf(c.typ.OID) || familyOf(k.T.OID) == other && k.T.OID != c.typ.OID {
		return rangeUnknown
	}
	x := position(k.T, k.Value)
	if math.IsNaN(x) {
		return 1
	}
	s := c.stats
	common, hit := 0.0, 0.0
	for _, m := range s.Common {
		common += m.Fraction
		if p := position(c.typ, m.Value); p < x || at && p == x {
			hit += m.Fraction
		}
	}
	live := math.Max(1-c.nulls, leastKept)
	rest := math.Max(0, live-common)
	share := 0.5
	switch {
	case len(s.Histogram) >= 2:
		share = within(c.typ, s.Histogram, x)
	case !s.Min.Null && !s.Max.Null:
		share = between(position(c.typ, s.Min), position(c.typ, s.Max), x, at, c.step())
	case common > 0:
		share = hit / common
	default:
		return rangeUnknown
	}
	// The bounds of a sample are narrower than those of the table.
	if !s.Min.Null && x <= position(c.typ, s.Min) && !(at && x == position(c.typ, s.Min)) {
		share = 0
	}
	if !s.Max.Null && x > position(c.typ, s.Max) {
		share = 1
	}
	return math.Min(1, (hit+rest*share)/live)
}

// step is the distance of neighbouring values of a discrete type.
func (c *column) step() float64 {
	switch c.typ.OID {
	case types.Int2, types.Int4, types.Int8:
		return 1
	case types.Date:
		return dayMicros
	}
	return 0
}

// between is the fraction of a uniform range that lies below x.
func between(lo, hi, x float64, at bool, step float64) float64 {
	hi += step
	if at {
		x += step
	}
	if hi <= lo {
		if x > lo {
			return 1
		}
		return 0
	}
	return math.Min(1, math.Max(0, (x-lo)/(hi-lo)))
}

// within is the fraction of a histogram's values below x.
func within(t types.Type, bounds []types.Datum, x float64) float64 {
	n := len(bounds) - 1
	lo, hi := 0, n
	// The first bound that is not below x.
	for lo < hi {
		mid := (lo + hi) / 2
		if position(t, bounds[mid]) < x {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo == 0 {
		return 0
	}
	b := position(t, bounds[lo])
	if b < x {
		return 1
	}
	a := position(t, bounds[lo-1])
	part := 0.5
	if b > a {
		part = (x - a) / (b - a)
	}
	return (float64(lo-1) + part) / float64(n)
}

// convert gives a constant the type of a column when that means the same value.
func convert(k *expr.Const, to types.Type) (types.Datum, bool) {
	from := k.T.OID
	if from == to.OID {
		return k.Value, true
	}
	ints := func(o types.OID) bool { return o == types.Int2 || o == types.Int4 || o == types.Int8 }
	texts := func(o types.OID) bool {
		return o == types.Text || o == types.VarChar || o == types.Name || o == types.BPChar
	}
	floats := func(o types.OID) bool { return o == types.Float4 || o == types.Float8 }
	switch {
	case ints(from) && ints(to.OID), texts(from) && texts(to.OID), floats(from) && floats(to.OID):
		return k.Value, true
	case ints(from) && to.OID == types.Numeric:
		return types.TextDatum(string(types.AppendScaled(nil, k.Value.I, 0))), true
	case from == types.Numeric && ints(to.OID):
		f := position(k.T, k.Value)
		return types.IntDatum(int64(f)), f == math.Trunc(f) && math.Abs(f) < 1e15
	case from == types.Timestamp && to.OID == types.Date:
		day := math.Floor(float64(k.Value.I) / dayMicros)
		return types.IntDatum(int64(day)), day*dayMicros == float64(k.Value.I)
	}
	return types.Datum{}, false
}
