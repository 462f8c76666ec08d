package types

import (
	"bufio"
	"encoding/hex"
	"errors"
	"math"
	"os"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/hubsql/hubsql/wire/pgerror"
)

// readCases reads a file of tab-separated cases whose results PostgreSQL gave.
func readCases(t *testing.T, name string) [][]string {
	t.Helper()
	file, err := os.Open("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var out [][]string
	scan := bufio.NewScanner(file)
	scan.Buffer(nil, 1<<20)
	for scan.Scan() {
		fields := strings.Split(scan.Text(), "\t")
		for i := range fields {
			fields[i] = unescape(fields[i])
		}
		out = append(out, fields)
	}
	if err := scan.Err(); err != nil || len(out) < 100 {
		t.Fatalf("%d cases, %v", len(out), err)
	}
	return out
}

func unescape(s string) string {
	return strings.NewReplacer(`\\`, `\`, `\t`, "\t", `\n`, "\n", `\r`, "\r", `\b`, "\b", `\f`, "\f").Replace(s)
}

// show renders an error as the case files do.
func show(err error) string {
	var e *pgerror.Error
	if !errors.As(err, &e) {
		return "ERR " + err.Error()
	}
	s := "ERR " + string(e.Code) + " " + e.Message
	if e.Detail != "" {
		s += "|" + e.Detail
	}
	if e.Hint != "" {
		s += "^" + e.Hint
	}
	return s
}

// sqlType reads the type names used in the case files.
func sqlType(t *testing.T, name string) Type {
	t.Helper()
	special := map[string]Type{
		"boolean": Of(Bool), "smallint": Of(Int2), "integer": Of(Int4), "bigint": Of(Int8), "real": Of(Float4),
		"double precision": Of(Float8), `"char"`: Of(Char), "integer[]": Of(Int4Array),
		"interval year": IntervalType(fieldYear, -1), "interval year to month": IntervalType(fieldYear|fieldMonth, -1),
		"interval day to second":    IntervalType(fieldDay|fieldHour|fieldMinute|fieldSecond, -1),
		"interval minute to second": IntervalType(fieldMinute|fieldSecond, -1), "interval hour": IntervalType(fieldHour, -1),
		"interval day to hour": IntervalType(fieldDay|fieldHour, -1), "interval minute": IntervalType(fieldMinute, -1),
		"interval second(1)": IntervalType(fieldSecond, 1), "interval(1)": IntervalType(0, 1),
		"numeric(5,2)": NumericType(5, 2), "numeric(3,-2)": NumericType(3, -2), "numeric(2,4)": NumericType(2, 4),
		"numeric(4,4)": NumericType(4, 4), "numeric(5,1)[]": {OID: NumericArray, Mod: NumericType(5, 1).Mod},
		"time(2)": {OID: Time, Mod: 2}, "timestamp(0)": {OID: Timestamp, Mod: 0}, "timestamp(3)": {OID: Timestamp, Mod: 3},
	}
	if ty, ok := special[name]; ok {
		return ty
	}
	ty, err := ResolveTypeName(name, nil)
	if err != nil {
		t.Fatal(err)
	}
	return ty
}

func newYork(t *testing.T) *Format {
	t.Helper()
	loc, err := time.LoadLocation("America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	f := DefaultFormat()
	f.TimeZone = loc
	return f
}

func TestInputAndOutputMatchPostgreSQL(t *testing.T) {
	f := newYork(t)
	for _, c := range readCases(t, "io.tsv") {
		ty := sqlType(t, c[0])
		var got string
		d, err := ParseText(ty, c[1], f)
		switch {
		case err != nil:
			got = show(err)
		case ty.OID == Bytea:
			got = "OK " + hex.EncodeToString([]byte(d.S))
		case ty.OID == Bool:
			got = map[bool]string{true: "OK true", false: "OK false"}[d.Bool()]
		case ty.OID == Inet || ty.OID == CIDR:
			got = "OK " + FormatText(ty, d, f)
			if !strings.Contains(got, "/") { // the cast to text always shows the prefix
				_, bits, _ := InetParts(d.S)
				got += "/" + string(AppendInt(nil, int64(bits)))
			}
		default:
			got = "OK " + FormatText(ty, d, f)
		}
		if got != c[2] {
			t.Errorf("%s %q:\n got %s\nwant %s", c[0], c[1], got, c[2])
			continue
		}
		if err != nil || ty.OID == Void {
			continue
		}
		back, err := ParseBinary(ty, AppendBinary(nil, ty, d))
		if err != nil || back != d && !(d.Float() != d.Float()) {
			t.Errorf("%s %q: binary round trip gave %+v, %v; want %+v", c[0], c[1], back, err, d)
		}
	}
}

func TestInfinitiesKeepTheirWireForm(t *testing.T) {
	if got := DateToWire(math.MaxInt32); got != math.MaxInt32 {
		t.Errorf("date infinity became %d", got)
	}
	if got := TimestampToWire(math.MinInt64); got != math.MinInt64 {
		t.Errorf("timestamp -infinity became %d", got)
	}
}
