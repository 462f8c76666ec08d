package builtin

import (
	"time"

	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// anyNull reports whether a set-returning function has a NULL argument, for
// which it returns no row.
func anyNull(args []types.Datum) bool {
	for _, a := range args {
		if a.Null {
			return true
		}
	}
	return false
}

// errStep is the error of a series that does not advance.
func errStep() error {
	return pgerror.New(pgerror.InvalidParameterValue, "step size cannot equal zero")
}

// seriesInt is generate_series over integers; it ends at the type's limit.
func seriesInt(c *function.Call, args []types.Datum, emit func([]types.Datum) error) error {
	if anyNull(args) {
		return nil
	}
	step := int64(1)
	if len(args) > 2 {
		step = args[2].I
	}
	if step == 0 {
		return errStep()
	}
	stop := args[1].I
	row := make([]types.Datum, 1)
	for x := args[0].I; step > 0 && x <= stop || step < 0 && x >= stop; {
		row[0] = types.IntDatum(x)
		if err := emit(row); err != nil {
			return err
		}
		y := x + step
		if (x^y)&(step^y) < 0 {
			return nil
		}
		x = y
	}
	return nil
}

// seriesNumeric is generate_series over numeric.
func seriesNumeric(_ *function.Call, args []types.Datum, emit func([]types.Datum) error) error {
	if anyNull(args) {
		return nil
	}
	x, stop, step := types.DecodeNumeric(args[0].S), types.DecodeNumeric(args[1].S), types.NumFromInt(1)
	if len(args) > 2 {
		step = types.DecodeNumeric(args[2].S)
	}
	for i, n := range []types.Num{x, stop, step} {
		name := [...]string{"start", "stop", "step size"}[i]
		if n.IsNaN() {
			return pgerror.Newf(pgerror.InvalidParameterValue, "%s %scannot be NaN", name, [...]string{"value ", "value ", ""}[i])
		}
		if n.IsInf() {
			return pgerror.Newf(pgerror.InvalidParameterValue, "%s %scannot be infinity", name, [...]string{"value ", "value ", ""}[i])
		}
	}
	if step.IsZero() {
		return errStep()
	}
	for step.Sign() > 0 && x.Cmp(stop) <= 0 || step.Sign() < 0 && x.Cmp(stop) >= 0 {
		if err := emit([]types.Datum{x.Datum()}); err != nil {
			return err
		}
		var err error
		if x, err = x.Add(step); err != nil {
			return err
		}
	}
	return nil
}

// seriesTime is generate_series over timestamps.
func seriesTime(c *function.Call, args []types.Datum, emit func([]types.Datum) error) error {
	if anyNull(args) {
		return nil
	}
	sign := types.CompareInterval(args[2], types.IntervalDatum(0, 0, 0))
	if sign == 0 {
		return errStep()
	}
	var loc *time.Location
	if c.Ret.OID == types.TimestampTZ {
		loc = c.Session.Format().TimeZone
	}
	x, stop := args[0].I, args[1].I
	if infinite(x) && x != stop {
		return pgerror.New(pgerror.InvalidParameterValue, "step size cannot be infinite")
	}
	for sign > 0 && x <= stop || sign < 0 && x >= stop {
		if err := emit([]types.Datum{types.IntDatum(x)}); err != nil {
			return err
		}
		var err error
		if loc != nil {
			x, err = types.AddIntervalTZ(x, args[2], loc)
		} else {
			x, err = types.AddInterval(x, args[2])
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// unnest yields the elements of an array.
func unnest(_ *function.Call, args []types.Datum, emit func([]types.Datum) error) error {
	if anyNull(args) {
		return nil
	}
	a, err := types.DecodeArray(args[0].S)
	if err != nil {
		return err
	}
	row := make([]types.Datum, 1)
	for _, d := range a.Elems {
		row[0] = d
		if err := emit(row); err != nil {
			return err
		}
	}
	return nil
}

// subscripts yields the valid subscripts of one dimension.
func subscripts(_ *function.Call, args []types.Datum, emit func([]types.Datum) error) error {
	if anyNull(args) {
		return nil
	}
	a, err := types.DecodeArray(args[0].S)
	if err != nil || args[1].I < 1 || args[1].I > int64(len(a.Dims)) {
		return err
	}
	d := a.Dims[args[1].I-1]
	for i := range d.Len {
		x := d.Lower + i
		if len(args) > 2 && args[2].Bool() {
			x = d.Lower + d.Len - 1 - i
		}
		if err := emit([]types.Datum{types.IntDatum(int64(x))}); err != nil {
			return err
		}
	}
	return nil
}

// sets are the set-returning functions over numbers, times and arrays.
func sets() []entry {
	return []entry{
		{sigs: "generate_series(int4,int4) generate_series(int4,int4,int4) generate_series(int8,int8) generate_series(int8,int8,int8)", rows: seriesInt, doc: "The integers from one to another, by a step."},
		{sigs: "generate_series(numeric,numeric) generate_series(numeric,numeric,numeric)", rows: seriesNumeric, doc: "The numbers from one to another, by a step."},
		{sigs: "generate_series(timestamp,timestamp,interval) generate_series(timestamptz,timestamptz,interval)", rows: seriesTime, doc: "The timestamps from one to another, by an interval."},
		{sigs: "generate_subscripts(anyarray,int4) generate_subscripts(anyarray,int4,bool)", rows: subscripts, doc: "The subscripts of one dimension of an array."},
		{sigs: "unnest(anyarray)", rows: unnest, doc: "The elements of an array, a row each."},
	}
}
