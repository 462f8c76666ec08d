package builtin

import (
	"fmt"

	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/kernel"
	"github.com/hubsql/hubsql/exec/vector"
)

// suffixes are the endings of comparison function names with their operators.
var suffixes = [...]struct {
	name   string
	op     kernel.Op
	symbol string
}{
	{"eq", kernel.Eq, "="},
	{"ne", kernel.Ne, "<>"},
	{"lt", kernel.Lt, "<"},
	{"le", kernel.Le, "<="},
	{"gt", kernel.Gt, ">"},
	{"ge", kernel.Ge, ">="},
}

// comparisons are the comparison operators of every type.
func comparisons() []entry {
	var list []entry
	add := func(name, left, right, symbol string, k function.Kernel) {
		list = append(list, entry{
			sigs: fmt.Sprintf("%s(%s,%s)", name, left, right), kernel: k, infallible: true,
			doc: fmt.Sprintf("Tests %s %s %s.", left, symbol, right),
		})
	}
	same := []struct{ prefix, typ string }{
		{"bool", "bool"},
		{"int2", "int2"},
		{"int4", "int4"},
		{"int8", "int8"},
		{"float4", "float4"},
		{"float8", "float8"},
		{"oid", "oid"},
		{"date_", "date"},
		{"time_", "time"},
		{"timestamp_", "timestamp"},
		{"timestamptz_", "timestamptz"},
		{"timetz_", "timetz"},
		{"interval_", "interval"},
		{"numeric_", "numeric"},
		{"text", "text"},
		{"bpchar", "bpchar"},
		{"bytea", "bytea"},
		{"name", "name"},
		{"uuid_", "uuid"},
		{"char", "char"},
		{"array_", "anyarray"},
		{"record_", "record"},
		{"jsonb_", "jsonb"},
		{"cash_", "money"},
		{"network_", "inet"},
		{"bit", "bit"},
		{"varbit", "varbit"},
		{"enum_", "anyenum"},
	}
	for _, s := range same {
		for _, x := range suffixes {
			name := s.prefix + x.name
			if s.prefix == "text" && x.op > kernel.Ne {
				name = "text_" + x.name
			}
			add(name, s.typ, s.typ, x.symbol, compareSame(x.op))
		}
	}
	list = append(list, entry{sigs: "xideq(xid,xid) cideq(cid,cid)", kernel: compareSame(kernel.Eq), doc: "Tests two transaction or command identifiers for equality."})
	list = append(list, entry{sigs: "xidneq(xid,xid)", kernel: compareSame(kernel.Ne), doc: "Tests two transaction identifiers for inequality."})
	for _, x := range suffixes {
		add("int24"+x.name, "int2", "int4", x.symbol, compareMixed[int16, int32](x.op))
		add("int28"+x.name, "int2", "int8", x.symbol, compareMixed[int16, int64](x.op))
		add("int42"+x.name, "int4", "int2", x.symbol, compareMixed[int32, int16](x.op))
		add("int48"+x.name, "int4", "int8", x.symbol, compareMixed[int32, int64](x.op))
		add("int82"+x.name, "int8", "int2", x.symbol, compareMixed[int64, int16](x.op))
		add("int84"+x.name, "int8", "int4", x.symbol, compareMixed[int64, int32](x.op))
		add("float48"+x.name, "float4", "float8", x.symbol, compareFloats[float32, float64](x.op))
		add("float84"+x.name, "float8", "float4", x.symbol, compareFloats[float64, float32](x.op))
		add("name"+x.name+"text", "name", "text", x.symbol, compareSame(x.op))
		add("text"+x.name+"name", "text", "name", x.symbol, compareSame(x.op))
		add("date_"+x.name+"_timestamp", "date", "timestamp", x.symbol, compareInstants(x.op))
		add("date_"+x.name+"_timestamptz", "date", "timestamptz", x.symbol, compareInstants(x.op))
		add("timestamp_"+x.name+"_date", "timestamp", "date", x.symbol, compareInstants(x.op))
		add("timestamptz_"+x.name+"_date", "timestamptz", "date", x.symbol, compareInstants(x.op))
		add("timestamp_"+x.name+"_timestamptz", "timestamp", "timestamptz", x.symbol, compareInstants(x.op))
		add("timestamptz_"+x.name+"_timestamp", "timestamptz", "timestamp", x.symbol, compareInstants(x.op))
	}
	// Comparisons within the patterns operator classes are byte comparisons.
	for _, x := range suffixes[2:] {
		add("text_pattern_"+x.name, "text", "text", "~"+x.symbol+"~", compareSame(x.op))
	}
	return list
}

// compareSame compares two values of one type.
func compareSame(op kernel.Op) function.Kernel {
	return func(_ *function.Call, args []*vector.Vec, n int, out *vector.Vec) error {
		kernel.Compare(op, args[0], args[1], n, out.Bools())
		return nil
	}
}

// compareMixed compares integers of two widths.
func compareMixed[T, U int16 | int32 | int64](op kernel.Op) function.Kernel {
	return func(_ *function.Call, args []*vector.Vec, n int, out *vector.Vec) error {
		a, b := args[0], args[1]
		kernel.CompareMixed(op, vector.Values[T](a), vector.Values[U](b), a.Kind, b.Kind, n, out.Bools())
		return nil
	}
}

// compareFloats compares floats of two widths.
func compareFloats[T, U float32 | float64](op kernel.Op) function.Kernel {
	return func(_ *function.Call, args []*vector.Vec, n int, out *vector.Vec) error {
		a, b := args[0], args[1]
		kernel.CompareFloatRows(op, vector.Values[T](a), vector.Values[U](b), a.Kind, b.Kind, n, out.Bools())
		return nil
	}
}

// compareInstants compares dates, timestamps and timestamps with time zone
// among each other.
func compareInstants(op kernel.Op) function.Kernel {
	return func(c *function.Call, args []*vector.Vec, n int, out *vector.Vec) error {
		a, b := args[0], args[1]
		zoned := a.Type.OID == types.TimestampTZ || b.Type.OID == types.TimestampTZ
		x, y := instants(c, a, n, zoned), instants(c, b, n, zoned)
		kernel.CompareValues(op, x, y, a.Kind, b.Kind, n, out.Bools())
		return nil
	}
}

// instants returns dates or timestamps in microseconds, of UTC when zoned. A
// value beyond what a timestamp can hold becomes the infinity on its side.
func instants(c *function.Call, v *vector.Vec, n int, zoned bool) []int64 {
	if v.Kind == vector.Const {
		n = 1
	}
	convert := zoned && v.Type.OID != types.TimestampTZ
	if v.Type.OID != types.Date && !convert {
		return v.Int64s()[:n]
	}
	out := make([]int64, n)
	if v.Type.OID == types.Date {
		for i, d := range v.Int32s()[:n] {
			out[i] = dateMicros(d)
		}
	} else {
		copy(out, v.Int64s()[:n])
	}
	if convert {
		zone := c.Session.Format().TimeZone
		for i, x := range out {
			if x == types.TimestampInfinity || x == types.TimestampNegInfinity || v.Valid != nil && !v.Valid.Get(i) {
				continue
			}
			if u, ok := types.LocalToUTC(x, zone); ok {
				out[i] = u
			}
		}
	}
	return out
}

// dateMicros returns midnight of a day in microseconds, saturating at the
// infinities.
func dateMicros(days int32) int64 {
	const perDay = 24 * 3600 * 1000000
	switch {
	case days == 1<<31-1:
		return types.TimestampInfinity
	case days == -1<<31:
		return types.TimestampNegInfinity
	case int64(days) > (1<<63-1)/perDay:
		return types.TimestampInfinity - 1
	}
	return int64(days) * perDay
}
