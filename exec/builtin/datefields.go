package builtin

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// field is the parsed unit of a call, kept while the unit stays the same.
type field struct {
	name string
	f    types.TimeField
}

// unit returns the field that argument 0 names for a value of type t.
func (r *row) unit(t types.OID) (types.TimeField, error) {
	name := r.text(0)
	if f, ok := r.c.Scratch.(field); ok && f.name == name {
		return f.f, nil
	}
	f, err := types.ParseTimeField(name, t)
	if err != nil {
		return 0, err
	}
	r.c.Scratch = field{strings.Clone(name), f}
	return f, nil
}

// fieldValue extracts a field: an integer of scale types.FieldScale, or a
// general numeric, or an infinity, or NULL.
func fieldValue(r *row) (v int64, scale int32, num *types.Num, null bool, err error) {
	t := r.args[1].Type.OID
	f, err := r.unit(t)
	if err != nil {
		return 0, 0, nil, false, err
	}
	unsupported := func() error { return types.ErrTimeField(r.text(0), t) }
	ok := false
	scale = types.FieldScale(f)
	special := func(positive bool) (int64, int32, *types.Num, bool, error) {
		if !types.ExtractInfinite(f) {
			return 0, scale, nil, true, nil
		}
		x := types.InfNum(!positive)
		return 0, 0, &x, false, nil
	}
	switch t {
	case types.Date:
		d := r.int(1)
		if dateInfinite(d) {
			return special(d == types.DateInfinity)
		}
		if v, ok = types.ExtractDate(f, d); !ok {
			return 0, 0, nil, false, unsupported()
		}
		return v, 0, nil, false, nil
	case types.Time:
		v, ok = types.ExtractTime(f, r.int(1))
	case types.TimeTZ:
		w := r.wide(1)
		if v, ok = types.ExtractZone(f, int(-w.B)); ok {
			return v, 0, nil, false, nil
		}
		if f == types.FieldEpoch {
			return w.A + w.B*microsPerSecond, 6, nil, false, nil
		}
		v, ok = types.ExtractTime(f, w.A)
	case types.Interval:
		if f == types.FieldEpoch {
			if x, long, err := types.LongIntervalEpoch(r.datum(1)); long {
				return 0, 0, &x, false, err
			}
		}
		v, ok = types.ExtractInterval(f, r.datum(1))
	default:
		us := r.int(1)
		if infinite(us) {
			return special(us == types.TimestampInfinity)
		}
		local := us
		if t == types.TimestampTZ {
			if f == types.FieldEpoch {
				return us, scale, nil, false, nil
			}
			if v, ok = types.ExtractZone(f, types.ZoneOffset(us, r.zone())); ok {
				return v, 0, nil, false, nil
			}
			if local, err = toLocal(us, r.zone()); err != nil {
				return 0, 0, nil, false, err
			}
		}
		if f == types.FieldJulian {
			x, err := types.ExtractJulian(local)
			return 0, 0, &x, false, err
		}
		v, ok = types.ExtractTimestamp(f, local)
	}
	if !ok {
		return 0, 0, nil, false, unsupported()
	}
	return v, scale, nil, false, nil
}

// extract is extract(field from value), a numeric. A constant field gives
// scaled values.
func extract(c *function.Call, args []*vector.Vec, n int, out *vector.Vec) error {
	r := row{c: c, args: args}
	if args[0].Kind == vector.Const {
		dst := setScaled(out, 0, n)
		scale, simple := int32(0), true
		for i := range n {
			dst[i] = 0
			if !valid(out, i) {
				continue
			}
			r.i = i
			v, s, num, null, err := fieldValue(&r)
			if err != nil {
				return err
			}
			if null {
				out.SetNull(i, n)
				continue
			}
			if num != nil {
				simple = false
				break
			}
			dst[i], scale = v, s
		}
		if simple {
			out.Scale = scale
			return nil
		}
	}
	setViews(out, n)
	return each(func(r *row) (types.Datum, error) {
		v, s, num, null, err := fieldValue(r)
		switch {
		case err != nil || null:
			return types.Null, err
		case num != nil:
			return num.Datum(), nil
		}
		return types.NumFromScaled(v, s).Datum(), nil
	})(c, args, n, out)
}

// datePart is date_part(field, value), a float8.
func datePart(r *row) (types.Datum, error) {
	v, s, num, null, err := fieldValue(r)
	switch {
	case err != nil || null:
		return types.Null, err
	case num != nil:
		if num.IsInf() {
			return types.FloatDatum(math.Inf(num.Sign())), nil
		}
		f, err := num.Float64()
		return types.FloatDatum(f), err
	}
	return types.FloatDatum(float64(v) / math.Pow10(int(s))), nil
}

// dateTrunc is date_trunc(field, value [, zone]).
func dateTrunc(r *row) (types.Datum, error) {
	t := r.args[1].Type.OID
	f, err := r.unit(t)
	if err != nil {
		return types.Null, err
	}
	if t == types.Interval {
		d, ok := types.TruncInterval(f, r.datum(1))
		if !ok {
			err := pgerror.From(types.ErrTimeField(r.text(0), t))
			if f == types.FieldWeek {
				err = err.WithDetail("Months usually have fractional weeks.")
			}
			return types.Null, err
		}
		return d, nil
	}
	us := r.int(1)
	if infinite(us) {
		return types.IntDatum(us), nil
	}
	ok := false
	if t == types.TimestampTZ {
		loc := r.zone()
		if r.n() > 2 {
			if loc, err = types.LoadZone(r.text(2), true); err != nil {
				return types.Null, err
			}
		}
		us, ok = types.TruncTimestampTZ(f, us, loc)
	} else {
		us, ok = types.TruncTimestamp(f, us)
	}
	if !ok {
		switch f {
		case types.FieldDow, types.FieldIsoDow, types.FieldDoy, types.FieldIsoYear, types.FieldEpoch, types.FieldJulian:
			// Fields that only extract knows.
			return types.Null, pgerror.Newf(pgerror.InvalidParameterValue, "unit \"%s\" not recognized for type %s", strings.ToLower(r.text(0)), types.FormatOID(t))
		}
		return types.Null, types.ErrTimeField(r.text(0), t)
	}
	return types.IntDatum(us), nil
}

// dateBin is date_bin(stride, value, origin).
func dateBin(r *row) (types.Datum, error) {
	months, days, us := r.datum(0).IntervalParts()
	x, origin := r.int(1), r.int(2)
	if infinite(x) {
		return types.IntDatum(x), nil
	}
	if infinite(origin) {
		return types.Null, pgerror.New(pgerror.DatetimeFieldOverflow, "origin out of range")
	}
	if months != 0 {
		return types.Null, pgerror.NotSupported("timestamps cannot be binned into intervals containing months or years")
	}
	stride := int64(days)*microsPerDay + us
	if stride <= 0 {
		return types.Null, pgerror.New(pgerror.DatetimeFieldOverflow, "stride must be greater than zero")
	}
	diff := x - origin
	bin := diff - diff%stride
	if diff%stride < 0 {
		bin -= stride
	}
	return types.IntDatum(origin + bin), nil
}

// atZone is AT TIME ZONE with a named zone.
func atZone(r *row) (types.Datum, error) {
	loc, err := zoneNamed(r)
	if err != nil {
		return types.Null, err
	}
	return atLocation(r, loc)
}

// zoneNamed loads the zone that argument 0 names, once while the name stays.
func zoneNamed(r *row) (*time.Location, error) {
	name := r.text(0)
	type named struct {
		name string
		loc  *time.Location
	}
	if z, ok := r.c.Scratch.(named); ok && z.name == name {
		return z.loc, nil
	}
	loc, err := types.LoadZone(name, true)
	if err == nil {
		r.c.Scratch = named{strings.Clone(name), loc}
	}
	return loc, err
}

// atInterval is AT TIME ZONE with an offset.
func atInterval(r *row) (types.Datum, error) {
	months, days, us := r.datum(0).IntervalParts()
	if months != 0 || days != 0 {
		return types.Null, pgerror.Newf(pgerror.InvalidParameterValue, "interval time zone \"%s\" must not include months or days", types.FormatText(types.Of(types.Interval), r.datum(0), r.c.Session.Format()))
	}
	return atLocation(r, time.FixedZone("", int(us/microsPerSecond)))
}

// atLocation converts argument 1 to or from the clock of loc.
func atLocation(r *row, loc *time.Location) (types.Datum, error) {
	switch r.args[1].Type.OID {
	case types.TimestampTZ:
		return intResult(toLocal(r.int(1), loc))
	case types.TimeTZ:
		w := r.wide(1)
		off := int64(types.ZoneOffset(r.c.Session.TxStart.UnixMicro(), loc))
		return types.WideDatum(timeOfDay(w.A+w.B*microsPerSecond+off*microsPerSecond), -off), nil
	}
	return intResult(toUTC(r.int(1), loc))
}

// overlaps is the OVERLAPS operator of two spans, whose ends may be intervals.
func overlaps(r *row) (types.Datum, error) {
	end := func(start, e int) (types.Datum, bool, error) {
		if r.null(e) {
			return types.Null, true, nil
		}
		if r.args[e].Type.OID != types.Interval {
			return r.datum(e), false, nil
		}
		if r.null(start) {
			return types.Null, true, nil
		}
		switch r.args[start].Type.OID {
		case types.Time:
			return types.IntDatum(addTime(r.int(start), r.wide(e).A)), false, nil
		case types.TimestampTZ:
			d, err := intResult(types.AddIntervalTZ(r.int(start), r.datum(e), r.zone()))
			return d, false, err
		}
		d, err := intResult(types.AddInterval(r.int(start), r.datum(e)))
		return d, false, err
	}
	span := func(k int) (lo, hi types.Datum, err error) {
		lo = r.datum(k)
		var null bool
		if hi, null, err = end(k, k+1); err != nil {
			return
		}
		t := types.Of(r.args[k].Type.OID)
		switch {
		case lo.Null && null:
		case lo.Null:
			lo, hi = hi, types.Null
		case null:
		case types.Compare(t, lo, hi) > 0:
			lo, hi = hi, lo
		}
		return
	}
	a, b, err := span(0)
	if err != nil {
		return types.Null, err
	}
	c, d, err := span(2)
	if err != nil || a.Null || c.Null {
		return types.Null, err
	}
	t := types.Of(r.args[0].Type.OID)
	switch o := types.Compare(t, a, c); {
	case o > 0:
		if d.Null {
			return types.Null, nil
		}
		if types.Compare(t, a, d) < 0 {
			return types.BoolDatum(true), nil
		}
		if b.Null {
			return types.Null, nil
		}
		return types.BoolDatum(false), nil
	case o < 0:
		if b.Null {
			return types.Null, nil
		}
		if types.Compare(t, c, b) < 0 {
			return types.BoolDatum(true), nil
		}
		if d.Null {
			return types.Null, nil
		}
		return types.BoolDatum(false), nil
	}
	if b.Null || d.Null {
		return types.Null, nil
	}
	return types.BoolDatum(true), nil
}

// dateFunctions are the functions of dates and times.
func dateFunctions() []entry {
	now := func(f func(c *function.Call) time.Time) function.Kernel {
		return func(c *function.Call, _ []*vector.Vec, n int, out *vector.Vec) error {
			x := f(c).UnixMicro()
			dst := out.Int64s()[:n]
			for i := range dst {
				dst[i] = x
			}
			return nil
		}
	}
	var spans []string
	for _, t := range []string{"timestamp", "timestamptz", "time"} {
		for _, ends := range [][2]string{{t, t}, {"interval", "interval"}, {t, "interval"}, {"interval", t}} {
			spans = append(spans, "overlaps("+t+","+ends[0]+","+t+","+ends[1]+")")
		}
	}
	spans = append(spans, "overlaps(timetz,timetz,timetz,timetz)")
	return []entry{
		{sigs: "now() transaction_timestamp()", kernel: now(func(c *function.Call) time.Time { return c.Session.TxStart }), doc: "The start of the current transaction."},
		{sigs: "statement_timestamp()", kernel: now(func(c *function.Call) time.Time { return c.Session.StatementStart }), doc: "The start of the current statement."},
		{sigs: "clock_timestamp()", kernel: now(func(*function.Call) time.Time { return time.Now() }), doc: "The time now, changing within a statement."},
		{sigs: "timeofday()", kernel: each(func(r *row) (types.Datum, error) {
			return text(time.Now().In(r.zone()).Format("Mon Jan 02 15:04:05.000000 2006 MST"))
		}), doc: "The time now as text."},
		{sigs: "extract(text,date) extract(text,time) extract(text,timetz) extract(text,timestamp) extract(text,timestamptz) extract(text,interval)", kernel: extract, doc: "One field of a date or time as numeric.", example: "extract(hour from timestamp '2001-02-16 20:38:40') = 20"},
		{sigs: "date_part(text,date) date_part(text,time) date_part(text,timetz) date_part(text,timestamp) date_part(text,timestamptz) date_part(text,interval)", kernel: each(datePart), doc: "One field of a date or time as double precision."},
		{sigs: "date_trunc(text,timestamp) date_trunc(text,timestamptz) date_trunc(text,timestamptz,text) date_trunc(text,interval)", kernel: each(dateTrunc), doc: "Truncates to a field.", example: "date_trunc('hour', timestamp '2001-02-16 20:38:40') = 2001-02-16 20:00:00"},
		{sigs: "date_bin(interval,timestamp,timestamp) date_bin(interval,timestamptz,timestamptz)", kernel: each(dateBin), doc: "The start of the interval, counted from an origin, that holds a timestamp."},
		{sigs: "timezone(text,timestamp) timezone(text,timestamptz) timezone(text,timetz)", kernel: each(atZone), doc: "AT TIME ZONE: the clock of a zone at an instant, or the instant of a zone's clock."},
		{sigs: "timezone(interval,timestamp) timezone(interval,timestamptz) timezone(interval,timetz)", kernel: each(atInterval), doc: "AT TIME ZONE with an offset."},
		{sigs: "make_date(int4,int4,int4)", kernel: each(func(r *row) (types.Datum, error) {
			return intResult(types.MakeDate(int(r.int(0)), int(r.int(1)), int(r.int(2))))
		}), doc: "A date of year, month, day."},
		{sigs: "make_time(int4,int4,float8)", kernel: each(func(r *row) (types.Datum, error) {
			return intResult(types.MakeTime(int(r.int(0)), int(r.int(1)), r.float(2)))
		}), doc: "A time of hour, minute, second."},
		{sigs: "make_timestamp(int4,int4,int4,int4,int4,float8)", kernel: each(func(r *row) (types.Datum, error) {
			return intResult(types.MakeTimestamp(int(r.int(0)), int(r.int(1)), int(r.int(2)), int(r.int(3)), int(r.int(4)), r.float(5)))
		}), doc: "A timestamp of its fields."},
		{sigs: "make_timestamptz(int4,int4,int4,int4,int4,float8) make_timestamptz(int4,int4,int4,int4,int4,float8,text)", kernel: each(func(r *row) (types.Datum, error) {
			us, err := types.MakeTimestamp(int(r.int(0)), int(r.int(1)), int(r.int(2)), int(r.int(3)), int(r.int(4)), r.float(5))
			if err != nil {
				return types.Null, err
			}
			loc := r.zone()
			if r.n() > 6 {
				if loc, err = types.NumericZone(r.text(6)); err == nil && loc == nil {
					loc, err = types.LoadZone(r.text(6), true)
				}
				if err != nil {
					return types.Null, err
				}
			}
			return intResult(toUTC(us, loc))
		}), doc: "An instant of its fields on a local clock."},
		{sigs: "make_interval(int4,int4,int4,int4,int4,int4,float8)", kernel: each(func(r *row) (types.Datum, error) {
			return types.MakeInterval(r.int(0), r.int(1), r.int(2), r.int(3), r.int(4), r.int(5), r.float(6))
		}), doc: "An interval of its fields."},
		{sigs: "to_timestamp(float8)", kernel: each(func(r *row) (types.Datum, error) {
			x := r.float(0)
			switch {
			case math.IsInf(x, 1):
				return types.IntDatum(types.TimestampInfinity), nil
			case math.IsInf(x, -1):
				return types.IntDatum(types.TimestampNegInfinity), nil
			case x != x:
				return types.Null, pgerror.New(pgerror.DatetimeFieldOverflow, "timestamp cannot be NaN")
			case x < -2.1e11 || x > 9.3e12:
				return types.Null, pgerror.Newf(pgerror.DatetimeFieldOverflow, "timestamp out of range: \"%s\"", strconv.FormatFloat(x, 'g', 6, 64))
			}
			return types.IntDatum(int64(math.RoundToEven(x * microsPerSecond))), nil
		}), doc: "The instant a number of seconds after 1970."},
		{sigs: strings.Join(spans, " "), kernel: each(overlaps), doc: "Tests whether two spans of time overlap."},
	}
}

// zoneName is the abbreviation of the session's zone at an instant.
func zoneName(us int64, r *row) string {
	name, _ := time.UnixMicro(us).In(r.zone()).Zone()
	return name
}
