package types

import (
	"strconv"
	"strings"
	"testing"
)

// numResult renders a result as the case files do.
func numResult(n Num, err error) string {
	if err != nil {
		return show(err)
	}
	return "OK " + n.String()
}

func TestNumericArithmeticMatchesPostgreSQL(t *testing.T) {
	for _, c := range readCases(t, "functions.tsv") {
		kind, op, want := c[0], c[1], c[4]
		var got string
		switch kind {
		case "num", "num1", "cast":
		default:
			continue
		}
		a, err := ParseNum(c[2])
		if err != nil {
			t.Fatal(err)
		}
		// The binary form must survive, and print as the value does.
		if back := DecodeNumeric(a.Append(nil)); back.String() != a.String() || string(AppendNumericText(nil, a.Append(nil))) != a.String() {
			t.Fatalf("%s became %s in binary form", a, back)
		}
		if kind == "cast" {
			switch op {
			case "float8":
				f, err := a.Float64()
				got = "OK " + string(AppendFloat64(nil, f, nil))
				if err != nil {
					got = show(err)
				}
			case "float4":
				f, err := a.Float32()
				got = "OK " + string(AppendFloat32(nil, f, nil))
				if err != nil {
					got = show(err)
				}
			default:
				v, err := a.Int(ByName(op).OID)
				got = "OK " + strconv.FormatInt(v, 10)
				if err != nil {
					got = show(err)
				}
			}
		} else if kind == "num1" {
			got = numResult(map[string]func(Num) (Num, error){
				"sqrt": Num.Sqrt, "ln": Num.Ln, "exp": Num.Exp, "log": Num.Log10,
				"ceil": noError(Num.Ceil), "floor": noError(Num.Floor), "sign": noError(Num.SignNum), "abs": noError(Num.Abs),
				"trim_scale": noError(Num.TrimScale),
				"round":      noError(func(n Num) Num { return n.Round(0) }), "trunc": noError(func(n Num) Num { return n.Trunc(0) }),
			}[op](a))
		} else {
			if op == "round" || op == "trunc" {
				s, _ := strconv.Atoi(c[3]) // the file holds numbers
				got = numResult(a.toScale(int32(s), op == "round"), nil)
			} else {
				b, err := ParseNum(c[3])
				if err != nil {
					t.Fatal(err)
				}
				if op == "log" {
					got = numResult(b.Log(a))
				} else {
					got = numResult(map[string]func(Num, Num) (Num, error){
						"+": Num.Add, "-": Num.Sub, "*": Num.Mul, "/": Num.Div, "%": Num.Mod, "^": Num.Power,
					}[op](a, b))
				}
				x, y := a.Append(nil), b.Append(nil)
				if CompareNumeric(x, y) != a.Cmp(b) {
					t.Errorf("comparing %s with %s: %d in binary form, %d decoded", a, b, CompareNumeric(x, y), a.Cmp(b))
				}
				same := string(NormalizeNumeric(nil, x)) == string(NormalizeNumeric(nil, y))
				if same != (a.Cmp(b) == 0) {
					t.Errorf("normal forms of %s and %s: equal is %v", a, b, same)
				}
			}
		}
		if got != want {
			t.Errorf("%s %s %s %s:\n got %s\nwant %s", kind, op, c[2], c[3], got, want)
		}
	}
}

func noError(f func(Num) Num) func(Num) (Num, error) {
	return func(n Num) (Num, error) { return f(n), nil }
}

func TestDateTimeFunctionsMatchPostgreSQL(t *testing.T) {
	ny := newYork(t)
	for _, c := range readCases(t, "functions.tsv") {
		kind, op, want := c[0], c[1], c[4]
		ts := func(s string) int64 {
			d, err := ParseText(Of(Timestamp), s, ny)
			if err != nil {
				t.Fatal(err)
			}
			return d.I
		}
		tz := func(s string) int64 {
			d, err := ParseText(Of(TimestampTZ), s, ny)
			if err != nil {
				t.Fatal(err)
			}
			return d.I
		}
		iv := func(s string) Datum {
			d, err := ParseText(Of(Interval), s, ny)
			if err != nil {
				t.Fatal(err)
			}
			return d
		}
		out := func(ty OID, d Datum, err error) string {
			if err != nil {
				return show(err)
			}
			return "OK " + FormatText(Of(ty), d, ny)
		}
		var got string
		switch kind {
		case "fromfloat":
			f, err := parseFloat(c[2], map[string]int{"8": 64, "4": 32}[op])
			if err != nil {
				t.Fatal(err)
			}
			got = "OK " + NumFromFloat(f).String()
			if op == "4" {
				got = "OK " + NumFromFloat32(float32(f)).String()
			}
		case "ts+iv":
			v, err := AddInterval(ts(c[2]), iv(c[3]))
			got = out(Timestamp, IntDatum(v), err)
		case "tstz+iv":
			v, err := AddIntervalTZ(tz(c[2]), iv(c[3]), ny.TimeZone)
			got = out(TimestampTZ, IntDatum(v), err)
		case "age":
			d, err := AgeTimestamps(ts(c[2]), ts(c[3]))
			got = out(Interval, d, err)
		case "ts-ts":
			d, err := SubTimestamps(ts(c[2]), ts(c[3]))
			got = out(Interval, d, err)
		case "iv1":
			d, err := map[string]func(Datum) (Datum, error){"justify_hours": JustifyHours, "justify_days": JustifyDays, "justify_interval": JustifyInterval}[op](iv(c[2]))
			got = out(Interval, d, err)
		case "iv*", "iv/":
			f, err := strconv.ParseFloat(c[3], 64)
			if err != nil {
				t.Fatal(err)
			}
			d, err := map[string]func(Datum, float64) (Datum, error){"iv*": MulInterval, "iv/": DivInterval}[kind](iv(c[2]), f)
			got = out(Interval, d, err)
		case "ivcmp":
			got = "OK " + strconv.Itoa(CompareInterval(iv(c[2]), iv(c[3])))
		case "ivstyle":
			f := DefaultFormat()
			f.IntervalStyle = op
			d, err := ParseText(Of(Interval), c[2], f)
			got = "OK " + FormatText(Of(Interval), d, f)
			if err != nil {
				got = show(err)
			}
		case "datestyle":
			f := *ny
			f.DateStyle, f.DateOrder, _ = strings.Cut(op, ", ")
			d := IntDatum(ts(c[2]))
			ty := ByName(c[3]).OID
			switch ty {
			case Date:
				d = IntDatum(TimestampToDate(d.I))
			case TimestampTZ:
				us, _ := LocalToUTC(d.I, f.TimeZone)
				d = IntDatum(us)
			}
			got = "OK " + FormatText(Of(ty), d, &f)
		case "extract":
			got = extractCase(t, op, c[2], c[3], ts, iv)
		case "trunc":
			f, err := ParseTimeField(op, Timestamp)
			if err != nil {
				t.Fatal(err)
			}
			var ok bool
			var d Datum
			ty := map[string]OID{"ts": Timestamp, "tstz": TimestampTZ, "iv": Interval}[c[3]]
			switch ty {
			case Timestamp:
				d.I, ok = TruncTimestamp(f, ts(c[2]))
			case TimestampTZ:
				d.I, ok = TruncTimestampTZ(f, tz(c[2]), ny.TimeZone)
			default:
				d, ok = TruncInterval(f, iv(c[2]))
			}
			got = out(ty, d, nil)
			if !ok {
				got = show(ErrTruncField(op, f, ty))
			}
		default:
			continue
		}
		if strings.HasPrefix(want, "ERR 0A000") && strings.HasPrefix(got, "ERR 0A000") {
			continue // date_trunc adds a detail for weeks
		}
		if got != want {
			t.Errorf("%s %s %s %s:\n got %s\nwant %s", kind, op, c[2], c[3], got, want)
		}
	}
}

func extractCase(t *testing.T, field, value, kind string, ts func(string) int64, iv func(string) Datum) string {
	t.Helper()
	f, err := ParseTimeField(field, Timestamp)
	if err != nil {
		t.Fatal(err)
	}
	if kind == "iv" {
		v, ok := ExtractInterval(f, iv(value))
		if !ok {
			return show(ErrTimeField(field, Interval))
		}
		return "OK " + string(AppendScaledText(nil, v, FieldScale(f)))
	}
	us := ts(value)
	if us == TimestampInfinity {
		if ExtractInfinite(f) {
			return "OK Infinity"
		}
		return "NULL"
	}
	if f == FieldJulian {
		return numResult(ExtractJulian(us))
	}
	v, ok := ExtractTimestamp(f, us)
	if !ok {
		return show(ErrTimeField(field, Timestamp))
	}
	return "OK " + string(AppendScaledText(nil, v, FieldScale(f)))
}
