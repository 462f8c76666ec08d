package types

import (
	"cmp"
	"encoding/binary"
	"math"
	"slices"

	"github.com/hubsql/hubsql/wire/pgerror"
)

// OIDs of range and multirange types and of the pseudo-types over them.
const (
	Int4Range      OID = 3904
	NumRange       OID = 3906
	TSRange        OID = 3908
	TSTZRange      OID = 3910
	DateRange      OID = 3912
	Int8Range      OID = 3926
	Int4Multirange OID = 4451
	NumMultirange  OID = 4532
	TSMultirange   OID = 4533
	TSTZMultirange OID = 4534
	DateMultirange OID = 4535
	Int8Multirange OID = 4536
	AnyRange       OID = 3831
	AnyMultirange  OID = 4537
)

// RangeElem returns the type that the bounds of a range or multirange have, 0 for
// another type.
func RangeElem(t OID) OID {
	switch t {
	case Int4Range, Int4Multirange:
		return Int4
	case Int8Range, Int8Multirange:
		return Int8
	case NumRange, NumMultirange:
		return Numeric
	case TSRange, TSMultirange:
		return Timestamp
	case TSTZRange, TSTZMultirange:
		return TimestampTZ
	case DateRange, DateMultirange:
		return Date
	}
	return 0
}

// multiranges pairs range types with their multirange types.
var multiranges = [...][2]OID{
	{Int4Range, Int4Multirange},
	{Int8Range, Int8Multirange},
	{NumRange, NumMultirange},
	{TSRange, TSMultirange},
	{TSTZRange, TSTZMultirange},
	{DateRange, DateMultirange},
}

// MultirangeOf returns the multirange type over a range type, 0 for another type.
func MultirangeOf(t OID) OID {
	for _, p := range multiranges {
		if p[0] == t {
			return p[1]
		}
	}
	return 0
}

// RangeOf returns the range type of a multirange type, 0 for another type.
func RangeOf(t OID) OID {
	for _, p := range multiranges {
		if p[1] == t {
			return p[0]
		}
	}
	return 0
}

// Bound is one end of a range.
type Bound struct {
	Value    Datum
	Inc, Inf bool
}

// Range is a decoded range. Ranges of whole numbers and of dates include their
// lower bound and exclude their upper one.
type Range struct {
	Empty        bool
	Lower, Upper Bound
}

// Flags of the binary form of a range.
const (
	rangeEmpty    = 1
	rangeLowerInc = 2
	rangeUpperInc = 4
	rangeLowerInf = 8
	rangeUpperInf = 16
)

// EmptyRange is the range without values.
func EmptyRange() Range { return Range{Empty: true} }

// DecodeRange takes a value of a range type apart; a broken one is 22P03.
func DecodeRange(t OID, s string) (Range, error) {
	if s == "" {
		return Range{}, errShort()
	}
	flags, elem := s[0], RangeElem(t)
	if flags&rangeEmpty != 0 {
		return EmptyRange(), nil
	}
	r := Range{
		Lower: Bound{Inc: flags&rangeLowerInc != 0, Inf: flags&rangeLowerInf != 0},
		Upper: Bound{Inc: flags&rangeUpperInc != 0, Inf: flags&rangeUpperInf != 0},
	}
	at := 1
	for _, b := range []*Bound{&r.Lower, &r.Upper} {
		if b.Inf {
			continue
		}
		value, null, next := ArrayElement(s, at)
		if next < 0 || null {
			return Range{}, errShort()
		}
		at = next
		var err error
		if b.Value, err = elementDatum(elem, value); err != nil {
			return Range{}, err
		}
	}
	if at != len(s) {
		return Range{}, errBinary()
	}
	return r, nil
}

// AppendRange appends the binary form of a range of type t, which is how ranges
// are stored.
func AppendRange(dst []byte, t OID, r Range) []byte {
	flags := byte(0)
	set := func(on bool, f byte) {
		if on {
			flags |= f
		}
	}
	if r.Empty {
		return append(dst, rangeEmpty)
	}
	set(r.Lower.Inc, rangeLowerInc)
	set(r.Upper.Inc, rangeUpperInc)
	set(r.Lower.Inf, rangeLowerInf)
	set(r.Upper.Inf, rangeUpperInf)
	dst = append(dst, flags)
	for _, b := range []Bound{r.Lower, r.Upper} {
		if b.Inf {
			continue
		}
		at := len(dst)
		dst = AppendBinary(append(dst, 0, 0, 0, 0), Of(RangeElem(t)), b.Value)
		binary.BigEndian.PutUint32(dst[at:], uint32(len(dst)-at-4))
	}
	return dst
}

// RangeDatum returns a range as a datum of type t.
func RangeDatum(t OID, r Range) Datum { return Datum{S: string(AppendRange(nil, t, r))} }

// NewRange makes a range of type t of two bounds, in canonical form. Errors:
// 22000 when they are in the wrong order, 22003 and 22008 when the canonical form
// is out of range.
func NewRange(t OID, lower, upper Bound) (Range, error) {
	elem := Of(RangeElem(t))
	lower.Inc, upper.Inc = lower.Inc && !lower.Inf, upper.Inc && !upper.Inf
	if !lower.Inf && !upper.Inf {
		switch c := Compare(elem, lower.Value, upper.Value); {
		case c > 0:
			return Range{}, pgerror.New(pgerror.DataException, "range lower bound must be less than or equal to range upper bound")
		case c == 0 && (!lower.Inc || !upper.Inc):
			return EmptyRange(), nil
		}
	}
	var err error
	if !lower.Inf && !lower.Inc {
		if lower, err = discrete(elem.OID, lower, true); err != nil {
			return Range{}, err
		}
	}
	if !upper.Inf && upper.Inc {
		if upper, err = discrete(elem.OID, upper, false); err != nil {
			return Range{}, err
		}
	}
	if !lower.Inf && !upper.Inf && Compare(elem, lower.Value, upper.Value) == 0 && (!lower.Inc || !upper.Inc) {
		return EmptyRange(), nil
	}
	return Range{Lower: lower, Upper: upper}, nil
}

// discrete moves a bound of a discrete type to the next value, where it is
// included or not; others stay.
func discrete(elem OID, b Bound, inc bool) (Bound, error) {
	switch elem {
	case Int4:
		if b.Value.I == math.MaxInt32 {
			return b, pgerror.New(pgerror.NumericValueOutOfRange, "integer out of range")
		}
	case Int8:
		if b.Value.I == math.MaxInt64 {
			return b, pgerror.New(pgerror.NumericValueOutOfRange, "bigint out of range")
		}
	case Date:
		if b.Value.I == math.MaxInt32 || b.Value.I == math.MinInt32 {
			return b, nil
		}
		if !validDate(b.Value.I + 1) {
			return b, pgerror.New(pgerror.DatetimeFieldOverflow, "date out of range")
		}
	default:
		return b, nil
	}
	return Bound{Value: IntDatum(b.Value.I + 1), Inc: inc}, nil
}

// CompareBounds orders two bounds by where they lie; lower says that the bound is
// the lower one of its range.
func CompareBounds(t OID, a Bound, aLower bool, b Bound, bLower bool) int {
	switch {
	case a.Inf && b.Inf:
		if aLower == bLower {
			return 0
		}
		if aLower {
			return -1
		}
		return 1
	case a.Inf:
		if aLower {
			return -1
		}
		return 1
	case b.Inf:
		if bLower {
			return 1
		}
		return -1
	}
	if c := Compare(Of(RangeElem(t)), a.Value, b.Value); c != 0 {
		return c
	}
	side := func(x Bound, lower bool) int {
		switch {
		case x.Inc:
			return 0
		case lower:
			return 1
		}
		return -1
	}
	return cmp.Compare(side(a, aLower), side(b, bLower))
}

// CompareRanges orders ranges: empty ones first, then by their lower and upper
// bounds.
func CompareRanges(t OID, a, b Range) int {
	if a.Empty || b.Empty {
		return int(b2i(b.Empty)) - int(b2i(a.Empty))
	}
	if c := CompareBounds(t, a.Lower, true, b.Lower, true); c != 0 {
		return c
	}
	return CompareBounds(t, a.Upper, false, b.Upper, false)
}

// adjacent reports whether an upper bound and a lower one touch without a value
// in common or between them.
func adjacentBounds(t OID, upper, lower Bound) bool {
	if upper.Inf || lower.Inf {
		return false
	}
	return Compare(Of(RangeElem(t)), upper.Value, lower.Value) == 0 && upper.Inc != lower.Inc
}

// Adjacent reports whether two ranges touch without overlapping.
func (r Range) Adjacent(t OID, o Range) bool {
	return !r.Empty && !o.Empty && (adjacentBounds(t, r.Upper, o.Lower) || adjacentBounds(t, o.Upper, r.Lower))
}

// Overlaps reports whether two ranges have a value in common.
func (r Range) Overlaps(t OID, o Range) bool {
	if r.Empty || o.Empty {
		return false
	}
	return CompareBounds(t, r.Lower, true, o.Upper, false) <= 0 && CompareBounds(t, o.Lower, true, r.Upper, false) <= 0
}

// Contains reports whether every value of o is one of r.
func (r Range) Contains(t OID, o Range) bool {
	if o.Empty || r.Empty {
		return o.Empty
	}
	return CompareBounds(t, r.Lower, true, o.Lower, true) <= 0 && CompareBounds(t, r.Upper, false, o.Upper, false) >= 0
}

// ContainsValue reports whether v is a value of r.
func (r Range) ContainsValue(t OID, v Datum) bool {
	at := Bound{Value: v, Inc: true}
	return r.Contains(t, Range{Lower: at, Upper: at})
}

// Intersect returns the values that two ranges have in common.
func (r Range) Intersect(t OID, o Range) Range {
	if !r.Overlaps(t, o) {
		return EmptyRange()
	}
	out := r
	if CompareBounds(t, o.Lower, true, r.Lower, true) > 0 {
		out.Lower = o.Lower
	}
	if CompareBounds(t, o.Upper, false, r.Upper, false) < 0 {
		out.Upper = o.Upper
	}
	return out
}

// Merge returns the smallest range that contains both.
func (r Range) Merge(t OID, o Range) Range {
	switch {
	case r.Empty:
		return o
	case o.Empty:
		return r
	}
	out := r
	if CompareBounds(t, o.Lower, true, r.Lower, true) < 0 {
		out.Lower = o.Lower
	}
	if CompareBounds(t, o.Upper, false, r.Upper, false) > 0 {
		out.Upper = o.Upper
	}
	return out
}

// Minus returns the values of r that are not in o: none, one or two ranges.
func (r Range) Minus(t OID, o Range) []Range {
	switch {
	case r.Empty:
		return nil
	case !r.Overlaps(t, o):
		return []Range{r}
	}
	var out []Range
	if CompareBounds(t, r.Lower, true, o.Lower, true) < 0 {
		out = append(out, Range{Lower: r.Lower, Upper: Bound{Value: o.Lower.Value, Inc: !o.Lower.Inc}})
	}
	if CompareBounds(t, r.Upper, false, o.Upper, false) > 0 {
		out = append(out, Range{Lower: Bound{Value: o.Upper.Value, Inc: !o.Upper.Inc}, Upper: r.Upper})
	}
	return out
}

// NewMultirange returns the ranges of a multirange of range type t: in order,
// without empty ones, and with those joined that overlap or touch.
func NewMultirange(t OID, list []Range) []Range {
	list = slices.DeleteFunc(slices.Clone(list), func(r Range) bool { return r.Empty })
	slices.SortFunc(list, func(a, b Range) int { return CompareRanges(t, a, b) })
	var out []Range
	for _, r := range list {
		if n := len(out); n > 0 && (out[n-1].Overlaps(t, r) || out[n-1].Adjacent(t, r)) {
			out[n-1] = out[n-1].Merge(t, r)
			continue
		}
		out = append(out, r)
	}
	return out
}

// MultirangeDatum returns ranges of type t, as NewMultirange makes them, as a
// datum of the multirange type.
func MultirangeDatum(t OID, list []Range) Datum {
	dst := binary.BigEndian.AppendUint32(nil, uint32(len(list)))
	for _, r := range list {
		at := len(dst)
		dst = AppendRange(append(dst, 0, 0, 0, 0), t, r)
		binary.BigEndian.PutUint32(dst[at:], uint32(len(dst)-at-4))
	}
	return Datum{S: string(dst)}
}

// DecodeMultirange takes a value apart whose ranges have type t; a broken one is
// 22P03.
func DecodeMultirange(t OID, s string) ([]Range, error) {
	if len(s) < 4 {
		return nil, errShort()
	}
	n := int(beUint32(s))
	if n < 0 || n > len(s)/5 {
		return nil, errBinary()
	}
	out := make([]Range, n)
	at := 4
	for i := range out {
		value, null, next := ArrayElement(s, at)
		if next < 0 || null {
			return nil, errShort()
		}
		at = next
		var err error
		if out[i], err = DecodeRange(t, value); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// compareStoredRanges orders two stored values of a range or multirange type.
func compareStoredRanges(t OID, a, b string) int {
	r := RangeOf(t)
	if r == 0 {
		x, err1 := DecodeRange(t, a)
		y, err2 := DecodeRange(t, b)
		if err1 != nil || err2 != nil {
			return cmp.Compare(a, b) // stored ranges are well-formed
		}
		return CompareRanges(t, x, y)
	}
	x, err1 := DecodeMultirange(r, a)
	y, err2 := DecodeMultirange(r, b)
	if err1 != nil || err2 != nil {
		return cmp.Compare(a, b)
	}
	for i := 0; i < len(x) && i < len(y); i++ {
		if c := CompareRanges(r, x[i], y[i]); c != 0 {
			return c
		}
	}
	return cmp.Compare(len(x), len(y))
}

// RangeKey returns bytes that are equal for equal values of a range or multirange
// type.
func RangeKey(t OID, s string) string {
	if RangeElem(t) != Numeric {
		return s
	}
	// 1.0 and 1.00 are equal.
	list, r := []Range(nil), RangeOf(t)
	if r == 0 {
		x, err := DecodeRange(t, s)
		if err != nil {
			return s
		}
		list = []Range{x}
	} else {
		var err error
		if list, err = DecodeMultirange(r, s); err != nil {
			return s
		}
	}
	var key []byte
	for _, x := range list {
		key = append(key, byte(b2i(x.Empty)), byte(b2i(x.Lower.Inc)), byte(b2i(x.Upper.Inc)), byte(b2i(x.Lower.Inf)), byte(b2i(x.Upper.Inf)))
		for _, b := range []Bound{x.Lower, x.Upper} {
			if !b.Inf && !x.Empty {
				key = append(appendPlainNumeric(key, b.Value.S), ',')
			}
		}
	}
	return string(key)
}

// appendPlainNumeric prints a numeric without trailing zeros.
func appendPlainNumeric(dst []byte, s string) []byte {
	from := len(dst)
	dst = appendNumericText(dst, s)
	if slices.Contains(dst[from:], '.') {
		for dst[len(dst)-1] == '0' {
			dst = dst[:len(dst)-1]
		}
		if dst[len(dst)-1] == '.' {
			dst = dst[:len(dst)-1]
		}
	}
	return dst
}
