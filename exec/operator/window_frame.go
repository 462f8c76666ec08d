package operator

import (
	"math"
	"sort"
	"time"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/kernel"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/planner/expr"
	"github.com/hubsql/hubsql/planner/physical"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// frame is the frame clause of a call with its offsets evaluated.
type frame struct {
	physical.Frame
	start, end types.Datum
	startType  types.Type
	endType    types.Type
	// hints are where the last searches in a partition ended that is read from
	// afar: for NULLs, the start and the end.
	hints [3]int64
}

// hint returns where a search remembers its end.
func (f *frame) hint(of int) *int64 { return &f.hints[of] }

// newFrame evaluates the offsets of f.
func newFrame(q *Query, f physical.Frame) (frame, error) {
	out := frame{Frame: f}
	for _, side := range []struct {
		kind  physical.BoundKind
		e     expr.Expr
		value *types.Datum
		typ   *types.Type
		name  string
	}{{f.Start, f.StartOffset, &out.start, &out.startType, "starting"}, {f.End, f.EndOffset, &out.end, &out.endType, "ending"}} {
		if side.kind != physical.OffsetPreceding && side.kind != physical.OffsetFollowing {
			continue
		}
		d, err := q.constant(side.e)
		if err != nil {
			return out, err
		}
		if d.Null {
			return out, pgerror.Newf(pgerror.NullValueNotAllowed, "frame %s offset must not be null", side.name)
		}
		*side.value, *side.typ = d, side.e.Type()
		if negativeOffset(d, *side.typ) {
			if f.Mode == physical.RangeFrame {
				return out, pgerror.New(pgerror.InvalidPrecedingOrFollowingSize, "invalid preceding or following size in window function")
			}
			return out, pgerror.Newf(pgerror.InvalidPrecedingOrFollowingSize, "frame %s offset must not be negative", side.name)
		}
	}
	return out, nil
}

// negativeOffset reports whether an offset is below zero (or not a number).
func negativeOffset(d types.Datum, t types.Type) bool {
	switch t.Layout() {
	case types.LayoutInt16, types.LayoutInt32, types.LayoutInt64:
		return d.I < 0
	case types.LayoutFloat32, types.LayoutFloat64:
		return !(d.Float() >= 0)
	case types.LayoutNumeric:
		n := types.DecodeNumeric(d.S)
		return n.IsNaN() || n.Sign() < 0
	case types.LayoutWide:
		return kernel.OrderWide(types.Interval)(vector.Wide{A: d.I, B: d.J}, vector.Wide{}) < 0
	}
	return false
}

// bounds returns the frame of row i of c before exclusion, as indexes into
// c.rows. An empty frame has from >= to.
func (f *frame) bounds(c *windowChunk, i int) (from, to int, err error) {
	if from, err = f.bound(c, i, f.Start, f.start, f.startType, true); err != nil {
		return 0, 0, err
	}
	to, err = f.bound(c, i, f.End, f.end, f.endType, false)
	return from, to, err
}

// bound returns one end of the frame of row i: the first row of it, or the row
// behind the last.
func (f *frame) bound(c *windowChunk, i int, kind physical.BoundKind, offset types.Datum, t types.Type, start bool) (int, error) {
	ps, pe := int(c.partStart[i]), int(c.partEnd[i])
	switch kind {
	case physical.UnboundedPreceding:
		return ps, nil
	case physical.UnboundedFollowing:
		return pe, nil
	case physical.CurrentRow:
		switch {
		case f.Mode == physical.RowsFrame && start:
			return i, nil
		case f.Mode == physical.RowsFrame:
			return i + 1, nil
		case start:
			return int(c.peerStart[i]), nil
		}
		return int(c.peerEnd[i]), nil
	}
	preceding := kind == physical.OffsetPreceding
	switch f.Mode {
	case physical.RowsFrame:
		at := i
		if !start {
			at++
		}
		n := int(min(offset.I, int64(pe-ps)))
		if preceding {
			n = -n
		}
		return min(max(at+n, ps), pe), nil
	case physical.GroupsFrame:
		n := min(offset.I, int64(pe-ps))
		if preceding {
			n = -n
		}
		g := int64(c.group[i]) + n
		if c.far != nil {
			if !start {
				g++
			}
			return c.far.firstOf(c, g), nil
		}
		// Peer groups are numbered in ascending order within the partition.
		if start {
			return ps + sort.Search(pe-ps, func(k int) bool { return int64(c.group[ps+k]) >= g }), nil
		}
		return ps + sort.Search(pe-ps, func(k int) bool { return int64(c.group[ps+k]) > g }), nil
	}
	return f.rangeBound(c, i, preceding, offset, t, start)
}

// rangeBound finds the end of a RANGE frame with an offset: the place of the
// row's key moved by the offset among the keys of the partition.
func (f *frame) rangeBound(c *windowChunk, i int, preceding bool, offset types.Datum, t types.Type, start bool) (int, error) {
	w := c.w
	key := &w.n.OrderBy[0]
	v := c.store.vec(w.order[0])
	if v.IsNull(int(c.rows[i])) {
		// NULLs are the peers of NULLs and of nothing else.
		if start {
			return int(c.peerStart[i]), nil
		}
		return int(c.peerEnd[i]), nil
	}
	// The part of the partition that is not NULL.
	ps, pe := int(c.partStart[i]), int(c.partEnd[i])
	isNull := func(k int) bool {
		v, r := c.at(w.order[0], k)
		return v.IsNull(r)
	}
	if key.NullsFirst {
		ps = c.search(ps, pe, f.hint(0), func(k int) bool { return !isNull(k) })
	} else {
		pe = c.search(ps, pe, f.hint(0), isNull)
	}
	limit, err := moved(v.Datum(int(c.rows[i])), key.Expr.Type(), offset, t, preceding != key.Desc, start != key.Desc, w.q)
	if err != nil {
		return 0, err
	}
	bound := &vector.Vec{}
	*bound = *vector.NewConst(limit.t, limit.d)
	var compare func(k int) int
	if limit.t.OID == v.Type.OID {
		f := kernel.CompareFunc(v.Type)
		compare = func(k int) int {
			v, r := c.at(w.order[0], k)
			return f(v, r, bound, 0)
		}
	} else {
		// A date moved by an interval is a timestamp.
		compare = func(k int) int {
			v, r := c.at(w.order[0], k)
			ts, err := types.DateToTimestamp(v.Int(r))
			if err != nil {
				return kernel.Order(v.Int(r), 0)
			}
			return kernel.Order(ts, limit.d.I)
		}
	}
	if limit.beyond != 0 {
		compare = func(int) int { return -limit.beyond }
	}
	sign := 1
	if key.Desc {
		sign = -1
	}
	hint := f.hint(2)
	if start {
		hint = f.hint(1)
	}
	return c.search(ps, pe, hint, func(k int) bool {
		x := sign * compare(k)
		return x > 0 || start && x == 0
	}), nil
}

// limitValue is a key moved by an offset; beyond is the sign of what does not
// fit the type.
type limitValue struct {
	d      types.Datum
	t      types.Type
	beyond int
}

// moved returns d, of type t, less or plus offset. Where that is an infinity less
// itself, every number is in range: the limit is the infinity that low asks for.
func moved(d types.Datum, t types.Type, offset types.Datum, ot types.Type, less, low bool, q *Query) (limitValue, error) {
	sign := 1
	if less {
		sign = -1
	}
	out := limitValue{t: t}
	switch {
	case t.Layout() == types.LayoutNumeric:
		n := types.DecodeNumeric(offset.S)
		if less {
			n = n.Neg()
		}
		sum, err := types.DecodeNumeric(d.S).Add(n)
		if err != nil {
			return out, err
		}
		if sum.IsNaN() && !types.DecodeNumeric(d.S).IsNaN() {
			sum = types.InfNum(low)
		}
		out.d = sum.Datum()
		return out, nil
	case t.Layout() == types.LayoutFloat64 || t.Layout() == types.LayoutFloat32:
		x := d.Float() + float64(sign)*offset.Float()
		if x != x && !math.IsNaN(d.Float()) {
			x = math.Inf(1)
			if low {
				x = math.Inf(-1)
			}
		}
		out.d = types.FloatDatum(x)
		return out, nil
	case ot.OID == types.Interval:
		iv := offset
		if less {
			var err error
			if iv, err = types.NegInterval(offset); err != nil {
				return out, err
			}
		}
		var x int64
		var err error
		switch t.OID {
		case types.Date:
			out.t = types.Of(types.Timestamp)
			if x, err = types.DateToTimestamp(d.I); err == nil {
				x, err = types.AddInterval(x, iv)
			}
		case types.Timestamp:
			x, err = types.AddInterval(d.I, iv)
		case types.TimestampTZ:
			loc := time.UTC
			if q.env.Format != nil {
				loc = q.env.Format.TimeZone
			}
			x, err = types.AddIntervalTZ(d.I, iv, loc)
		case types.Time:
			x = d.I + iv.I
		case types.TimeTZ:
			out.d = d
			out.d.I += iv.I
			return out, nil
		case types.Interval:
			out.d, err = types.AddIntervals(d, iv)
			return out, err
		default:
			err = rangeUnsupported(t, ot)
		}
		out.d = types.IntDatum(x)
		return out, err
	}
	switch t.Layout() {
	case types.LayoutInt16, types.LayoutInt32, types.LayoutInt64:
		x := d.I + int64(sign)*offset.I
		if (x > d.I) != (sign*int(min(offset.I, 1)) > 0) && offset.I != 0 {
			out.beyond = sign
			return out, nil
		}
		low, high := int64(math.MinInt64), int64(math.MaxInt64)
		switch t.Layout() {
		case types.LayoutInt16:
			low, high = math.MinInt16, math.MaxInt16
		case types.LayoutInt32:
			low, high = math.MinInt32, math.MaxInt32
		}
		if x < low || x > high {
			out.beyond = sign
		}
		out.d = types.IntDatum(x)
		return out, nil
	}
	return out, rangeUnsupported(t, ot)
}

// rangeUnsupported is PostgreSQL's error for a RANGE offset without in_range
// support.
func rangeUnsupported(t, ot types.Type) error {
	name := func(t types.Type) string {
		if i := types.Lookup(t.OID); i != nil {
			return i.Formal
		}
		return "unknown"
	}
	return pgerror.NotSupported("RANGE with offset PRECEDING/FOLLOWING is not supported for column type %s and offset type %s", name(t), name(ot))
}
