package builtin

import (
	"time"

	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/wire/pgerror"
)

const (
	microsPerSecond = 1000000
	microsPerDay    = 24 * 3600 * microsPerSecond
)

// zone is the time zone of the session.
func (r *row) zone() *time.Location { return r.c.Session.Format().TimeZone }

// infinite reports whether a timestamp is an infinity.
func infinite(us int64) bool {
	return us == types.TimestampInfinity || us == types.TimestampNegInfinity
}

// dateInfinite reports whether a date is an infinity.
func dateInfinite(d int64) bool { return d == types.DateInfinity || d == types.DateNegInfinity }

// intResult makes a datum of an integer and its error.
func intResult(x int64, err error) (types.Datum, error) { return types.IntDatum(x), err }

// toLocal is the local clock of an instant.
func toLocal(us int64, loc *time.Location) (int64, error) {
	if infinite(us) {
		return us, nil
	}
	if x, ok := types.UTCToLocal(us, loc); ok {
		return x, nil
	}
	return 0, types.ErrTimestampRange()
}

// toUTC is the instant of a local clock.
func toUTC(us int64, loc *time.Location) (int64, error) {
	if infinite(us) {
		return us, nil
	}
	if x, ok := types.LocalToUTC(us, loc); ok {
		return x, nil
	}
	return 0, types.ErrTimestampRange()
}

// precision applies timestamp(p).
func precision(t types.Type, us int64) (types.Datum, error) {
	x, ok := types.RoundTimestamp(t, us)
	if !ok {
		return types.Null, types.ErrTimestampRange()
	}
	return types.IntDatum(x), nil
}

// timeOfDay wraps microseconds into a day.
func timeOfDay(us int64) int64 {
	us %= microsPerDay
	if us < 0 {
		us += microsPerDay
	}
	return us
}

// addTime is time + interval.
func addTime(tod, micros int64) int64 { return timeOfDay(tod + micros%microsPerDay) }

// dateLoop makes the kernel of a function of one 64-bit value that may fail.
func dateLoop(f func(c *function.Call, x int64) (int64, error)) function.Kernel {
	return func(c *function.Call, args []*vector.Vec, n int, out *vector.Vec) error {
		for i := range n {
			if !valid(out, i) {
				continue
			}
			x, err := f(c, args[0].Int(i))
			if err != nil {
				return err
			}
			setInt(out, i, x)
		}
		return nil
	}
}

// zoneOf is the session's time zone.
func zoneOf(c *function.Call) *time.Location { return c.Session.Format().TimeZone }

// dateCasts are the casts among dates, times, timestamps and intervals.
func dateCasts() []entry {
	mod := func(f func(c *function.Call, x int64) (int64, error)) function.Kernel {
		return dateLoop(func(c *function.Call, x int64) (int64, error) {
			us, err := f(c, x)
			if err != nil {
				return 0, err
			}
			d, err := precision(c.Ret, us)
			return d.I, err
		})
	}
	return []entry{
		{sigs: "timestamp(date)", kernel: mod(func(_ *function.Call, x int64) (int64, error) { return types.DateToTimestamp(x) }), doc: "Midnight of a date."},
		{sigs: "timestamptz(date)", kernel: mod(func(c *function.Call, x int64) (int64, error) {
			us, err := types.DateToTimestamp(x)
			if err != nil {
				return 0, err
			}
			return toUTC(us, zoneOf(c))
		}), doc: "Local midnight of a date."},
		{sigs: "date(timestamp)", kernel: dateLoop(func(_ *function.Call, x int64) (int64, error) { return types.TimestampToDate(x), nil }), doc: "The date of a timestamp."},
		{sigs: "date(timestamptz)", kernel: dateLoop(func(c *function.Call, x int64) (int64, error) {
			us, err := toLocal(x, zoneOf(c))
			return types.TimestampToDate(us), err
		}), doc: "The local date of an instant."},
		{sigs: "timestamptz(timestamp)", kernel: mod(func(c *function.Call, x int64) (int64, error) { return toUTC(x, zoneOf(c)) }), doc: "The instant of a local clock."},
		{sigs: "timestamp(timestamptz)", kernel: mod(func(c *function.Call, x int64) (int64, error) { return toLocal(x, zoneOf(c)) }), doc: "The local clock at an instant."},
		{sigs: "timestamp(timestamp,int4) timestamptz(timestamptz,int4)", kernel: func(c *function.Call, args []*vector.Vec, n int, out *vector.Vec) error {
			t := modifier(c, args)
			return dateLoop(func(_ *function.Call, x int64) (int64, error) {
				d, err := precision(t, x)
				return d.I, err
			})(c, args, n, out)
		}, doc: "Rounds to a number of digits of seconds."},
		{sigs: "time(time,int4)", kernel: func(c *function.Call, args []*vector.Vec, n int, out *vector.Vec) error {
			t := modifier(c, args)
			return dateLoop(func(_ *function.Call, x int64) (int64, error) { return types.RoundTime(t, x), nil })(c, args, n, out)
		}, doc: "Rounds to a number of digits of seconds."},
		{sigs: "timetz(timetz,int4)", kernel: each(func(r *row) (types.Datum, error) {
			w := r.wide(0)
			return types.WideDatum(types.RoundTime(modifier(r.c, r.args), w.A), w.B), nil
		}), doc: "Rounds to a number of digits of seconds."},
		{sigs: "interval(interval,int4)", kernel: each(func(r *row) (types.Datum, error) {
			return types.FitInterval(modifier(r.c, r.args), r.datum(0))
		}), doc: "Keeps the fields and the precision of the type."},
		{sigs: "time(timestamp)", kernel: each(func(r *row) (types.Datum, error) {
			if infinite(r.int(0)) {
				return types.Null, nil
			}
			_, tod := types.SplitTimestamp(r.int(0))
			return types.IntDatum(types.RoundTime(r.c.Ret, tod)), nil
		}), doc: "The time of day."},
		{sigs: "time(timestamptz)", kernel: each(func(r *row) (types.Datum, error) {
			if infinite(r.int(0)) {
				return types.Null, nil
			}
			us, err := toLocal(r.int(0), r.zone())
			_, tod := types.SplitTimestamp(us)
			return types.IntDatum(types.RoundTime(r.c.Ret, tod)), err
		}), doc: "The local time of day."},
		{sigs: "timetz(timestamptz)", kernel: each(func(r *row) (types.Datum, error) {
			if infinite(r.int(0)) {
				return types.Null, nil
			}
			us, err := toLocal(r.int(0), r.zone())
			_, tod := types.SplitTimestamp(us)
			return types.WideDatum(types.RoundTime(r.c.Ret, tod), -int64(types.ZoneOffset(r.int(0), r.zone()))), err
		}), doc: "The local time of day with the offset of the zone."},
		{sigs: "timetz(time)", kernel: each(func(r *row) (types.Datum, error) {
			off := types.ZoneOffset(r.c.Session.TxStart.UnixMicro(), r.zone())
			return types.WideDatum(types.RoundTime(r.c.Ret, r.int(0)), -int64(off)), nil
		}), doc: "The time with the offset that the zone has now."},
		{sigs: "time(timetz)", kernel: each(func(r *row) (types.Datum, error) {
			return types.IntDatum(types.RoundTime(r.c.Ret, r.wide(0).A)), nil
		}), infallible: true, doc: "The time without its zone."},
		{sigs: "time(interval)", kernel: each(func(r *row) (types.Datum, error) {
			return types.IntDatum(timeOfDay(r.wide(0).A)), nil
		}), infallible: true, doc: "The time part, wrapped into a day."},
		{sigs: "interval(time)", kernel: each(func(r *row) (types.Datum, error) {
			return types.FitInterval(r.c.Ret, types.IntervalDatum(0, 0, r.int(0)))
		}), doc: "The time since midnight."},
	}
}

// modifier is the type of the result with the modifier from the arguments when
// the call was written as a function.
func modifier(c *function.Call, args []*vector.Vec) types.Type {
	t := c.Ret
	if len(args) > 1 && args[1].Kind == vector.Const {
		t.Mod = int32(args[1].Int(0))
	}
	return t
}

// dateArithmetic are the operators of dates, times, timestamps and intervals.
func dateArithmetic() []entry {
	k := func(f func(r *row) (types.Datum, error)) function.Kernel { return each(f) }
	stamp := func(a, iv int, zoned, minus bool) function.Kernel {
		return k(func(r *row) (types.Datum, error) {
			d, err := r.datum(iv), error(nil)
			if minus {
				if d, err = types.NegInterval(d); err != nil {
					return d, err
				}
			}
			if zoned {
				return intResult(types.AddIntervalTZ(r.int(a), d, r.zone()))
			}
			return intResult(types.AddInterval(r.int(a), d))
		})
	}
	dateStamp := func(a, iv int, minus bool) function.Kernel {
		return k(func(r *row) (types.Datum, error) {
			us, err := types.DateToTimestamp(r.int(a))
			if err != nil {
				return types.Null, err
			}
			d := r.datum(iv)
			if minus {
				if d, err = types.NegInterval(d); err != nil {
					return d, err
				}
			}
			return intResult(types.AddInterval(us, d))
		})
	}
	dateTime := func(d, t int) function.Kernel {
		return k(func(r *row) (types.Datum, error) {
			us, err := types.DateToTimestamp(r.int(d))
			if err != nil || infinite(us) {
				return types.IntDatum(us), err
			}
			return types.IntDatum(us + r.int(t)), nil
		})
	}
	dateTimeTZ := func(d, t int) function.Kernel {
		return k(func(r *row) (types.Datum, error) {
			us, err := types.DateToTimestamp(r.int(d))
			if err != nil || infinite(us) {
				return types.IntDatum(us), err
			}
			w := r.wide(t)
			return types.IntDatum(us + w.A + w.B*microsPerSecond), nil
		})
	}
	extreme := func(larger bool) function.Kernel {
		return k(func(r *row) (types.Datum, error) {
			if (r.int(0) > r.int(1)) == larger {
				return r.datum(0), nil
			}
			return r.datum(1), nil
		})
	}
	wideExtreme := func(larger bool) function.Kernel {
		return k(func(r *row) (types.Datum, error) {
			a, b := r.datum(0), r.datum(1)
			if (types.Compare(r.c.Ret, a, b) > 0) == larger {
				return a, nil
			}
			return b, nil
		})
	}
	age := func(zoned bool) function.Kernel {
		return k(func(r *row) (types.Datum, error) {
			a, b := int64(0), r.int(0)
			var err error
			if r.n() > 1 {
				a, b = r.int(0), r.int(1)
			} else {
				// From midnight of the current date.
				if a, err = toLocal(r.c.Session.TxStart.UnixMicro(), r.zone()); err != nil {
					return types.Null, err
				}
				if a, err = types.DateToTimestamp(types.TimestampToDate(a)); err != nil {
					return types.Null, err
				}
				if zoned {
					if a, err = toUTC(a, r.zone()); err != nil {
						return types.Null, err
					}
				}
			}
			if zoned {
				if a, err = toLocal(a, r.zone()); err != nil {
					return types.Null, err
				}
				if b, err = toLocal(b, r.zone()); err != nil {
					return types.Null, err
				}
			}
			return types.AgeTimestamps(a, b)
		})
	}
	return []entry{
		{sigs: "date_mi(date,date)", kernel: k(func(r *row) (types.Datum, error) {
			if dateInfinite(r.int(0)) || dateInfinite(r.int(1)) {
				return types.Null, pgerror.New(pgerror.DatetimeFieldOverflow, "cannot subtract infinite dates")
			}
			return types.IntDatum(r.int(0) - r.int(1)), nil
		}), doc: "The number of days between two dates."},
		{sigs: "date_pli(date,int4)", kernel: k(func(r *row) (types.Datum, error) { return intResult(types.DateAdd(r.int(0), r.int(1))) }), doc: "Adds days to a date."},
		{sigs: "integer_pl_date(int4,date)", kernel: k(func(r *row) (types.Datum, error) { return intResult(types.DateAdd(r.int(1), r.int(0))) }), doc: "Adds days to a date."},
		{sigs: "date_mii(date,int4)", kernel: k(func(r *row) (types.Datum, error) { return intResult(types.DateAdd(r.int(0), -r.int(1))) }), doc: "Subtracts days from a date."},
		{sigs: "date_pl_interval(date,interval)", kernel: dateStamp(0, 1, false), doc: "Adds an interval to midnight of a date."},
		{sigs: "interval_pl_date(interval,date)", kernel: dateStamp(1, 0, false), doc: "Adds an interval to midnight of a date."},
		{sigs: "date_mi_interval(date,interval)", kernel: dateStamp(0, 1, true), doc: "Subtracts an interval from midnight of a date."},
		{sigs: "datetime_pl(date,time) timestamp(date,time)", kernel: dateTime(0, 1), doc: "The timestamp of a date and a time."},
		{sigs: "timedate_pl(time,date)", kernel: dateTime(1, 0), doc: "The timestamp of a date and a time."},
		{sigs: "datetimetz_pl(date,timetz) timestamptz(date,timetz)", kernel: dateTimeTZ(0, 1), doc: "The instant of a date and a time with zone."},
		{sigs: "timetzdate_pl(timetz,date)", kernel: dateTimeTZ(1, 0), doc: "The instant of a date and a time with zone."},
		{sigs: "timestamp_mi(timestamp,timestamp) timestamptz_mi(timestamptz,timestamptz)", kernel: k(func(r *row) (types.Datum, error) {
			return types.SubTimestamps(r.int(0), r.int(1))
		}), doc: "The days and time between two timestamps."},
		{sigs: "timestamp_pl_interval(timestamp,interval)", kernel: stamp(0, 1, false, false), doc: "Adds an interval."},
		{sigs: "interval_pl_timestamp(interval,timestamp)", kernel: stamp(1, 0, false, false), doc: "Adds an interval."},
		{sigs: "timestamp_mi_interval(timestamp,interval)", kernel: stamp(0, 1, false, true), doc: "Subtracts an interval."},
		{sigs: "timestamptz_pl_interval(timestamptz,interval)", kernel: stamp(0, 1, true, false), doc: "Adds an interval on the local clock."},
		{sigs: "interval_pl_timestamptz(interval,timestamptz)", kernel: stamp(1, 0, true, false), doc: "Adds an interval on the local clock."},
		{sigs: "timestamptz_mi_interval(timestamptz,interval)", kernel: stamp(0, 1, true, true), doc: "Subtracts an interval on the local clock."},
		{sigs: "time_pl_interval(time,interval)", kernel: k(func(r *row) (types.Datum, error) { return types.IntDatum(addTime(r.int(0), r.wide(1).A)), nil }), doc: "Adds the time part of an interval."},
		{sigs: "interval_pl_time(interval,time)", kernel: k(func(r *row) (types.Datum, error) { return types.IntDatum(addTime(r.int(1), r.wide(0).A)), nil }), doc: "Adds the time part of an interval."},
		{sigs: "time_mi_interval(time,interval)", kernel: k(func(r *row) (types.Datum, error) {
			return types.IntDatum(addTime(r.int(0), -(r.wide(1).A % microsPerDay))), nil
		}), doc: "Subtracts the time part of an interval."},
		{sigs: "time_mi_time(time,time)", kernel: k(func(r *row) (types.Datum, error) {
			return types.IntervalDatum(0, 0, r.int(0)-r.int(1)), nil
		}), doc: "The interval between two times."},
		{sigs: "timetz_pl_interval(timetz,interval)", kernel: k(func(r *row) (types.Datum, error) {
			return types.WideDatum(addTime(r.wide(0).A, r.wide(1).A), r.wide(0).B), nil
		}), doc: "Adds the time part of an interval."},
		{sigs: "timetz_mi_interval(timetz,interval)", kernel: k(func(r *row) (types.Datum, error) {
			return types.WideDatum(addTime(r.wide(0).A, -(r.wide(1).A%microsPerDay)), r.wide(0).B), nil
		}), doc: "Subtracts the time part of an interval."},
		{sigs: "interval_um(interval)", kernel: k(func(r *row) (types.Datum, error) { return types.NegInterval(r.datum(0)) }), doc: "Negates each field."},
		{sigs: "interval_pl(interval,interval)", kernel: k(func(r *row) (types.Datum, error) { return types.AddIntervals(r.datum(0), r.datum(1)) }), doc: "Adds field by field."},
		{sigs: "interval_mi(interval,interval)", kernel: k(func(r *row) (types.Datum, error) { return types.SubIntervals(r.datum(0), r.datum(1)) }), doc: "Subtracts field by field."},
		{sigs: "interval_mul(interval,float8)", kernel: k(func(r *row) (types.Datum, error) { return types.MulInterval(r.datum(0), r.float(1)) }), doc: "Multiplies, passing fractions to smaller fields."},
		{sigs: "mul_d_interval(float8,interval)", kernel: k(func(r *row) (types.Datum, error) { return types.MulInterval(r.datum(1), r.float(0)) }), doc: "Multiplies, passing fractions to smaller fields."},
		{sigs: "interval_div(interval,float8)", kernel: k(func(r *row) (types.Datum, error) {
			if r.float(1) == 0 {
				return types.Null, errDivisionByZero()
			}
			return types.DivInterval(r.datum(0), r.float(1))
		}), doc: "Divides, passing fractions to smaller fields."},
		{sigs: "date_larger(date,date) time_larger(time,time) timestamp_larger(timestamp,timestamp) timestamptz_larger(timestamptz,timestamptz)", kernel: extreme(true), infallible: true, doc: "The later of two."},
		{sigs: "date_smaller(date,date) time_smaller(time,time) timestamp_smaller(timestamp,timestamp) timestamptz_smaller(timestamptz,timestamptz)", kernel: extreme(false), infallible: true, doc: "The earlier of two."},
		{sigs: "interval_larger(interval,interval) timetz_larger(timetz,timetz)", kernel: wideExtreme(true), infallible: true, doc: "The larger of two."},
		{sigs: "interval_smaller(interval,interval) timetz_smaller(timetz,timetz)", kernel: wideExtreme(false), infallible: true, doc: "The smaller of two."},
		{sigs: "age(timestamp,timestamp) age(timestamp)", kernel: age(false), doc: "Years, months, days and time between two timestamps, or since one until today.", example: "age('2001-04-10'::timestamp, '1957-06-13') = 43 years 9 mons 27 days"},
		{sigs: "age(timestamptz,timestamptz) age(timestamptz)", kernel: age(true), doc: "Years, months, days and time between two instants, or since one until today."},
		{sigs: "justify_hours(interval)", kernel: k(func(r *row) (types.Datum, error) { return types.JustifyHours(r.datum(0)) }), doc: "Turns 24 hours into days."},
		{sigs: "justify_days(interval)", kernel: k(func(r *row) (types.Datum, error) { return types.JustifyDays(r.datum(0)) }), doc: "Turns 30 days into months."},
		{sigs: "justify_interval(interval)", kernel: k(func(r *row) (types.Datum, error) { return types.JustifyInterval(r.datum(0)) }), doc: "Turns hours into days and days into months, with one sign."},
		{sigs: "isfinite(date)", kernel: k(func(r *row) (types.Datum, error) { return types.BoolDatum(!dateInfinite(r.int(0))), nil }), infallible: true, doc: "Tests for a finite date."},
		{sigs: "isfinite(timestamp) isfinite(timestamptz)", kernel: k(func(r *row) (types.Datum, error) { return types.BoolDatum(!infinite(r.int(0))), nil }), infallible: true, doc: "Tests for a finite timestamp."},
		{sigs: "isfinite(interval)", kernel: k(func(*row) (types.Datum, error) { return types.BoolDatum(true), nil }), infallible: true, doc: "Every interval is finite."},
	}
}
