package file

import (
	"bytes"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/twmb/avro"
	"github.com/twmb/avro/ocf"
	"golang.org/x/text/encoding/charmap"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/wire/pgerror"
)

func TestAvroFiles(t *testing.T) {
	dir := t.TempDir()
	schema := avro.MustParse(`{"type": "record", "name": "r", "fields": [
		{"name": "id", "type": "int"},
		{"name": "big", "type": ["null", "long"]},
		{"name": "s", "type": ["null", "string"]},
		{"name": "e", "type": {"type": "enum", "name": "e", "symbols": ["RED", "BLUE"]}},
		{"name": "d", "type": {"type": "int", "logicalType": "date"}},
		{"name": "ts", "type": {"type": "long", "logicalType": "timestamp-micros"}},
		{"name": "dec", "type": {"type": "bytes", "logicalType": "decimal", "precision": 10, "scale": 2}},
		{"name": "bin", "type": "bytes"},
		{"name": "dbl", "type": "double"},
		{"name": "yes", "type": "boolean"},
		{"name": "list", "type": {"type": "array", "items": ["null", "int"]}},
		{"name": "map", "type": {"type": "map", "values": "string"}}]}`)
	for codec, c := range map[string]ocf.WriterOpt{"plain": nil, "snappy": ocf.WithCodec(ocf.SnappyCodec())} {
		var b bytes.Buffer
		var opts []ocf.WriterOpt
		if c != nil {
			opts = append(opts, c)
		}
		w, err := ocf.NewWriter(&b, schema, opts...)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 3 {
			row := map[string]any{
				"id": int32(i), "big": nil, "s": nil, "e": "BLUE", "d": time.Date(1969, 12, 30+i, 0, 0, 0, 0, time.UTC),
				"ts": time.Date(2024, 2, 29, 12, 0, i, 5000, time.UTC), "dec": big.NewRat(-12345, 100), "bin": []byte{0, 255}, "dbl": 0.1, "yes": i == 1,
				"list": []any{nil, int32(7)}, "map": map[string]any{"k": "v"},
			}
			if i == 2 {
				row["big"], row["s"] = int64(1)<<60, "text"
			}
			if err := w.Encode(row); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		write(t, dir, codec+".avro", b.Bytes())
		src := open(t, dir)
		h, err := src.Table(t.Context(), connector.TableRef{Name: codec})
		if err != nil {
			t.Fatal(err)
		}
		want := []string{
			`0|NULL|NULL|BLUE|1969-12-30|2024-02-29 12:00:00.000005+00|-123.45|\x00ff|0.1|f|[null, 7]|{"k": "v"}`,
			`1|NULL|NULL|BLUE|1969-12-31|2024-02-29 12:00:01.000005+00|-123.45|\x00ff|0.1|t|[null, 7]|{"k": "v"}`,
			`2|1152921504606846976|text|BLUE|1970-01-01|2024-02-29 12:00:02.000005+00|-123.45|\x00ff|0.1|f|[null, 7]|{"k": "v"}`,
		}
		if got, err := read(t, src, h); err != nil || strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("%s: %v\n%s", codec, err, strings.Join(got, "\n"))
		}
		// Damaged, wherever: an error or other rows, never a panic.
		for at := 0; at < b.Len(); at += 5 {
			damaged := bytes.Clone(b.Bytes())
			damaged[at] ^= 0x55
			write(t, dir, "bad.avro", damaged)
			if h, err := src.Table(t.Context(), connector.TableRef{Name: "bad"}); err == nil {
				_, _ = read(t, src, h)
			}
		}
	}
}

func TestFixedWidthFiles(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "lines.txt", []byte("0001Müller    12.50\r\n0002          \r\n0003Zoë       -1.00\n"))
	ebcdic, err := charmap.CodePage037.NewEncoder().Bytes([]byte("0001SMITH     00250002JONES         "))
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, "records.dat", ebcdic)
	columns := func(number types.Type) []connector.Column {
		return []connector.Column{
			{Name: "id", Type: types.Of(types.Int4), Options: map[string]string{"length": "4"}},
			{Name: "name", Type: types.Of(types.Text), Options: map[string]string{"length": "10"}},
			{Name: "n", Type: number, Options: map[string]string{"start": "15", "length": "5"}},
		}
	}
	src := open(t, dir)
	for _, c := range []struct {
		options map[string]string
		number  types.Type
		want    string
	}{
		{map[string]string{"filename": "lines.txt", "format": "fixed"}, types.NumericType(6, 2), "1|Müller|12.50\n2|NULL|NULL\n3|Zoë|-1.00"},
		{map[string]string{"filename": "records.dat", "format": "fixed", "encoding": "IBM037", "record_length": "18"}, types.Of(types.Int4), "1|SMITH|25\n2|JONES|NULL"},
	} {
		cols := columns(c.number)
		h, err := src.Table(t.Context(), connector.TableRef{Name: "t", Options: c.options, Columns: cols})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := read(t, src, h); err != nil || strings.Join(got, "\n") != c.want {
			t.Errorf("%v: %v\n%s", c.options, err, strings.Join(got, "\n"))
		}
	}
	bad := columns(types.Of(types.Int4))
	delete(bad[1].Options, "length")
	if _, err := src.Table(t.Context(), connector.TableRef{Name: "t", Options: map[string]string{"filename": "lines.txt", "format": "fixed"}, Columns: bad}); pgerror.CodeOf(err) != pgerror.FDWOptionNameNotFound {
		t.Errorf("a column without a place: %v", err)
	}
}
