package wire

import (
	"fmt"
	"math"
	"strconv"
	"testing"
	"time"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/vector"
)

// cells splits the values of a row.
func splitCells(b []byte) []string {
	var out []string
	for len(b) > 0 {
		n := int32(uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3]))
		b = b[4:]
		if n < 0 {
			out = append(out, "NULL")
			continue
		}
		out = append(out, string(b[:n]))
		b = b[n:]
	}
	return out
}

func encodeColumn(t *testing.T, e *rowEncoder, v *vector.Vec, n int) []string {
	t.Helper()
	if err := e.load(&vector.Batch{N: n, Cols: []*vector.Vec{v}}); err != nil {
		t.Fatal(err)
	}
	var out []string
	var rows []byte
	for i := range n {
		rows = e.appendRow(rows, i)
		out = append(out, splitCells(e.appendCells(nil, i))...)
	}
	// Both ways of encoding rows give the same bytes.
	b := &vector.Batch{N: n, Cols: []*vector.Vec{v}}
	total := e.measure(b, 0)
	if got := e.appendChunk([]byte("x"), total); string(got[1:]) != string(rows) || len(rows) != total {
		t.Errorf("chunk of %d bytes is %q, rows are %q", total, got[1:], rows)
	}
	return out
}

// TestVectorKindsEncodeAlike compares Flat, Dict and Const vectors of a type.
func TestVectorKindsEncodeAlike(t *testing.T) {
	for _, c := range []struct {
		oid    types.OID
		values []string
	}{
		{types.Text, []string{"a", "a value of more than twelve bytes", ""}},
		{types.Int4, []string{"1", "-7", "0"}},
		{types.Numeric, []string{"1.50", "-0.001", "NaN"}},
		{types.TimestampTZ, []string{"2024-01-01 00:00:00+00", "2024-07-01 00:00:00.25+00", "infinity"}},
		{types.Date, []string{"2024-01-01", "-infinity", "0044-03-15 BC"}},
		{types.Bool, []string{"t", "f", "t"}},
		{types.Int2, []string{"1", "-7", "0"}},
		{types.Int8, []string{"1", "-9223372036854775808", "0"}},
		{types.JSONB, []string{"1", "{\"a\": 1}", "[]"}},
		{types.Interval, []string{"1 day", "-00:00:01", "3 mons"}},
		{types.Timestamp, []string{"0001-01-01 00:00:00", "10000-01-01 00:00:00.5", "1969-12-31 23:59:59.12"}},
		{types.UUID, []string{"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"}},
		{types.Float8, []string{"1.5", "NaN", "-Infinity"}},
	} {
		typ := types.Of(c.oid)
		var ds []types.Datum
		for _, s := range c.values {
			d, err := types.ParseText(typ, s, nil)
			if err != nil {
				t.Fatal(err)
			}
			ds = append(ds, d)
		}
		ds = append(ds, types.Null)
		flat := vector.FromDatums(typ, ds)
		dict := &vector.Vec{Type: typ, Kind: vector.Dict, Dict: flat, Codes: []int32{2, 0, 3, 1, 1, 0}}
		dict.Valid = vector.NewBitmap(6)
		dict.Valid.Clear(5)
		for _, format := range []int16{formatText, formatBinary} {
			e := newRowEncoder([]Column{{Type: typ}}, []int16{format}, types.DefaultFormat(), nil)
			want := encodeColumn(t, e, flat, 4)
			if format == formatText {
				for i, s := range c.values {
					if want[i] != s {
						t.Errorf("%v: %q is printed as %q", typ.OID, s, want[i])
					}
				}
			}
			if want[3] != "NULL" {
				t.Errorf("%v: NULL is %q", typ.OID, want[3])
			}
			expected := []string{want[2], want[0], "NULL", want[1], want[1], "NULL"}
			for _, id := range []uint64{0, 9, 9, 0} {
				dict.DictID = id
				if got := encodeColumn(t, e, dict, 6); fmt.Sprint(got) != fmt.Sprint(expected) {
					t.Errorf("%v format %d: dictionary gives %q, want %q", typ.OID, format, got, expected)
				}
			}
			for i, d := range ds {
				if got := encodeColumn(t, e, vector.NewConst(typ, d), 2); got[0] != want[i] || got[1] != want[i] {
					t.Errorf("%v format %d: constant gives %q, want %q", typ.OID, format, got, want[i])
				}
			}
		}
	}
}

func TestANewDictionaryIsNotTakenForTheOld(t *testing.T) {
	typ := types.Of(types.Numeric)
	e := newRowEncoder([]Column{{Type: typ}}, nil, types.DefaultFormat(), nil)
	for i, text := range []string{"1", "2", "3"} {
		d, _ := types.ParseText(typ, text, nil)
		v := &vector.Vec{Type: typ, Kind: vector.Dict, Dict: vector.FromDatums(typ, []types.Datum{d}), Codes: []int32{0}, DictID: uint64(i+1) / 2}
		if got := encodeColumn(t, e, v, 1); got[0] != text {
			t.Errorf("got %s, want %s", got[0], text)
		}
		if i == 1 {
			break
		}
	}
}

func TestScaledNumericsEncodeLikeUnscaledOnes(t *testing.T) {
	for scale := int32(0); scale <= 18; scale++ {
		typ := types.NumericType(18, int(scale))
		values := []int64{0, 1, -1, 10, 12345678, -100000000, 99, 100, 9999, 10000, 1000000, 999999, -1000001, 100000000, 100000001, 9999999999, 10000000000, 1000000, 123, math.MaxInt64, math.MinInt64}
		v := vector.NewScaled(typ, scale, len(values))
		copy(v.Int64s(), values)
		var ds []types.Datum
		for i := range values {
			ds = append(ds, v.Datum(i))
		}
		for _, format := range []int16{formatText, formatBinary} {
			e := newRowEncoder([]Column{{Type: typ}}, []int16{format}, types.DefaultFormat(), nil)
			got := fmt.Sprintf("%q", encodeColumn(t, e, v, len(values)))
			if want := fmt.Sprintf("%q", encodeColumn(t, e, vector.FromDatums(typ, ds), len(values))); got != want {
				t.Errorf("scale %d: %s, want %s", scale, got, want)
			}
		}
	}
}

func TestTimestampsAcrossZoneChanges(t *testing.T) {
	loc, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal("no time zone data on this machine: install the Debian package tzdata")
	}
	z := zoneCache{location: loc}
	change := time.Date(2024, 3, 31, 1, 0, 0, 0, time.UTC).UnixMicro()
	for _, us := range []int64{change - 1, change, change - 1, change + 1, 0, -1, -3e15, change + 1, math.MaxInt64, math.MinInt64, -6e16} {
		got, want := string(z.appendTimestamp(nil, us)), string(types.AppendTimestampTZ(nil, us, loc))
		if got != want {
			t.Errorf("%d is %s, want %s", us, got, want)
		}
	}
}

func TestDatesComeOutOfTheCacheAsTheyWentIn(t *testing.T) {
	var d dateCache
	for range 3 {
		for _, days := range []int32{0, 1024, 2048, -1, -1025, 19000, firstPlainDay, firstPlainDay - 1, lastPlainDay, lastPlainDay + 1, math.MaxInt32, math.MinInt32} {
			for range 20 {
				if got, want := string(d.append(nil, days)), string(types.AppendDate(nil, days)); got != want {
					t.Fatalf("day %d is %s, want %s", days, got, want)
				}
			}
			for _, tod := range []int64{0, 1, 59_999_999, 86_399_999_999, 3_600_000_000, 100_000, -1} {
				us := int64(days)*microsPerDay + tod
				if got, want := string(d.appendTimestamp(nil, us)), string(types.AppendTimestamp(nil, us)); got != want {
					t.Fatalf("%d is %s, want %s", us, got, want)
				}
			}
		}
	}
}

func TestIntegersPrintLikeStrconv(t *testing.T) {
	for _, v := range []int64{0, 1, 9, 10, 99, 100, 101, 12345, -1, -10, math.MaxInt64, math.MinInt64} {
		if got := string(appendInt(nil, v)); got != strconv.FormatInt(v, 10) {
			t.Errorf("%d is %s", v, got)
		}
	}
}

// TestValuesOfAnotherLayoutAreNotMisread feeds an int8 vector to an int4 column.
func TestValuesOfAnotherLayoutAreNotMisread(t *testing.T) {
	v := vector.FromDatums(types.Of(types.Int8), []types.Datum{types.IntDatum(1 << 40)})
	e := newRowEncoder([]Column{{Type: types.Of(types.Int4)}}, nil, types.DefaultFormat(), nil)
	if got := encodeColumn(t, e, v, 1); got[0] != "1099511627776" {
		t.Error(got)
	}
}

func TestCopyEscapes(t *testing.T) {
	row := func(spec CopyOut, values ...string) string {
		b := &vector.Batch{N: 1}
		for _, s := range values {
			spec.Columns = append(spec.Columns, Column{Name: "c", Type: types.Of(types.Text)})
			b.Cols = append(b.Cols, vector.FromDatums(types.Of(types.Text), []types.Datum{types.TextDatum(s)}))
		}
		w := newCopyWriter(spec)
		w.enc = newRowEncoder(spec.Columns, nil, types.DefaultFormat(), nil)
		if err := w.enc.load(b); err != nil {
			t.Fatal(err)
		}
		return string(w.appendRow(nil, 0))
	}
	for _, c := range []struct {
		spec   CopyOut
		values []string
		want   string
	}{
		{CopyOut{Null: `\N`}, []string{"a\tb", "\\", "x\ny\r\b\f\v", `\N`}, "a\\tb\t\\\\\tx\\ny\\r\\b\\f\\v\t\\\\N\n"},
		{CopyOut{Delimiter: '|'}, []string{"a|b", "c\td"}, "a\\|b|c\\td\n"},
		{CopyOut{Format: CopyCSV}, []string{"a", "", `q"q`, "x,y", "n\nl"}, "a,\"\",\"q\"\"q\",\"x,y\",\"n\nl\"\n"},
		{CopyOut{Format: CopyCSV, ForceQuote: []bool{true, false}}, []string{"a", "b"}, "\"a\",b\n"},
		{CopyOut{Format: CopyCSV, Escape: '\\', Delimiter: ';', Null: "N"}, []string{`a"b\c`, "x,y", "N"}, "\"a\\\"b\\\\c\";x,y;\"N\"\n"},
		{CopyOut{Format: CopyCSV, Null: "x"}, []string{`\.`}, "\"\\.\"\n"},
	} {
		if got := row(c.spec, c.values...); got != c.want {
			t.Errorf("%q gives %q, want %q", c.values, got, c.want)
		}
	}
}

// fiveColumns is the batch of the encoding benchmarks.
func fiveColumns() ([]Column, *vector.Batch) {
	const n = vector.BatchSize
	cols := []Column{{Type: types.Of(types.Int8)}, {Type: types.NumericType(12, 2)}, {Type: types.Of(types.Text)}, {Type: types.Of(types.Date)}, {Type: types.Of(types.Int4)}}
	b := &vector.Batch{N: n, Cols: []*vector.Vec{
		vector.New(cols[0].Type, n), vector.NewScaled(cols[1].Type, 2, n), vector.New(cols[2].Type, n), vector.New(cols[3].Type, n), vector.New(cols[4].Type, n),
	}}
	for i := range n {
		b.Cols[0].Int64s()[i] = int64(i) * 7919
		b.Cols[1].Int64s()[i] = int64(i) * 131
		b.Cols[2].SetString(i, "customer#"+strconv.Itoa(i))
		b.Cols[3].Int32s()[i] = int32(19000 + i%1000)
		b.Cols[4].Int32s()[i] = int32(i % 50)
	}
	return cols, b
}

func BenchmarkEncode(b *testing.B) {
	cols, batch := fiveColumns()
	for _, format := range []int16{formatText, formatBinary} {
		b.Run([]string{"text", "binary"}[format], func(b *testing.B) {
			e := newRowEncoder(cols, []int16{format}, types.DefaultFormat(), nil)
			var dst []byte
			for b.Loop() {
				_ = e.load(batch)
				dst = dst[:0]
				for from := 0; from < batch.N; from += chunkRows {
					dst = e.appendChunk(dst, e.measure(batch, from))
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/vector.BatchSize, "ns/row")
		})
	}
}
