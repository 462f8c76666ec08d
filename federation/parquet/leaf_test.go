package parquet

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	arrowparquet "github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"

	"github.com/hubsql/hubsql/federation/connector"
)

// nestedRows are rows with the texts that they are read as.
func nestedRows(n int) (json string, want []string) {
	var list []string
	for i := range n {
		li, lls, st := "null", "null", "null"
		if i%5 != 0 {
			var items, outer []string
			for k := range i % 4 {
				items = append(items, fmt.Sprint(i+k))
				outer = append(outer, `["p", null, "`+strings.Repeat("q", i%7)+`"]`)
			}
			if i%4 == 2 {
				items[1], outer[1] = "null", "[]"
			}
			li, lls = "["+strings.Join(items, ", ")+"]", "["+strings.Join(outer, ", ")+"]"
			st = fmt.Sprintf(`{"x": %d, "y": {"z": "value %d"}}`, i*1000, i%3)
			if i%6 == 1 {
				st = `{"x": null, "y": null}`
			}
		}
		list = append(list, fmt.Sprintf(`{"id": %d, "li": %s, "lls": %s, "st": %s}`, i, li, lls, st))
		want = append(want, strings.Join([]string{fmt.Sprint(i), li, lls, st}, "|"))
	}
	for i := range want {
		want[i] = strings.ReplaceAll(want[i], "|null", "|NULL")
	}
	return "[" + strings.Join(list, ",") + "]", want
}

func TestNestedColumnsOfEveryCodecAndPage(t *testing.T) {
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "id", Type: arrow.PrimitiveTypes.Int32},
		{Name: "li", Type: arrow.ListOf(arrow.PrimitiveTypes.Int32), Nullable: true},
		{Name: "lls", Type: arrow.ListOf(arrow.ListOf(arrow.BinaryTypes.String)), Nullable: true},
		{Name: "st", Nullable: true, Type: arrow.StructOf(
			arrow.Field{Name: "x", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
			arrow.Field{Name: "y", Nullable: true, Type: arrow.StructOf(arrow.Field{Name: "z", Type: arrow.BinaryTypes.String, Nullable: true})},
		)},
	}, nil)
	json, want := nestedRows(250)
	for _, codec := range []compress.Compression{
		compress.Codecs.Uncompressed, compress.Codecs.Snappy, compress.Codecs.Gzip, compress.Codecs.Brotli, compress.Codecs.Zstd, compress.Codecs.Lz4Raw,
	} {
		for _, version := range []arrowparquet.DataPageVersion{arrowparquet.DataPageV1, arrowparquet.DataPageV2} {
			for _, dictionary := range []bool{true, false} {
				name := fmt.Sprintf("%s, version %d, dictionary %t", codec, version+1, dictionary)
				t.Run(name, func(t *testing.T) {
					dir := t.TempDir()
					writeRecords(t, filepath.Join(dir, "n.parquet"), schema, json, arrowparquet.WithCompression(codec),
						arrowparquet.WithDataPageVersion(version), arrowparquet.WithDictionaryDefault(dictionary),
						arrowparquet.WithDataPageSize(200), arrowparquet.WithBatchSize(16))
					s := open(t, dir)
					_, got, err := tableRows(t, s, connector.TableRef{Name: "n"})
					if err != nil || len(got) != len(want) {
						t.Fatalf("%d rows, %v", len(got), err)
					}
					for i := range want {
						if got[i] != want[i] {
							t.Fatalf("row %d:\n%s\nwant\n%s", i, got[i], want[i])
						}
					}
				})
			}
		}
	}
}

func TestColumnsWithoutTypeOrWithHalves(t *testing.T) {
	dir := t.TempDir()
	untyped := arrow.NewSchema([]arrow.Field{
		{Name: "id", Type: arrow.PrimitiveTypes.Int32},
		{Name: "n", Type: arrow.Null, Nullable: true},
		{Name: "h", Type: arrow.FixedWidthTypes.Float16, Nullable: true},
	}, nil)
	writeRecords(t, filepath.Join(dir, "a.parquet"), untyped, `[{"id": 1, "n": null, "h": 1.5}, {"id": 2, "n": null, "h": null}]`)
	typed := arrow.NewSchema([]arrow.Field{
		{Name: "id", Type: arrow.PrimitiveTypes.Int32},
		{Name: "n", Type: arrow.BinaryTypes.String, Nullable: true},
		{Name: "h", Type: arrow.FixedWidthTypes.Float16, Nullable: true},
	}, nil)
	writeRecords(t, filepath.Join(dir, "b.parquet"), typed, `[{"id": 3, "n": "x", "h": -0.25}]`)
	s := open(t, dir)
	for _, c := range []struct{ files, columns, rows string }{
		{"a.parquet", "id integer, n integer, h real", "1|NULL|1.5\n2|NULL|NULL"},
		{"a.parquet b.parquet", "id integer, n text, h real", "1|NULL|1.5\n2|NULL|NULL\n3|x|-0.25"},
		{"b.parquet a.parquet", "id integer, n text, h real", "3|x|-0.25\n1|NULL|1.5\n2|NULL|NULL"},
	} {
		cols, rows, err := tableRows(t, s, connector.TableRef{Name: "t", Options: map[string]string{"filename": c.files}})
		if err != nil || cols != c.columns || strings.Join(rows, "\n") != c.rows {
			t.Errorf("%s: %s\n%s\n%v", c.files, cols, strings.Join(rows, "\n"), err)
		}
	}
}
