package parquet

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	arrowmem "github.com/apache/arrow-go/v18/arrow/memory"
	arrowparquet "github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/deprecated"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/memory"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/federation/connectortest"
	"github.com/hubsql/hubsql/planner/expr"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// open returns a source over a directory.
func open(t testing.TB, dir string) connector.Source {
	t.Helper()
	s, err := New().Open(t.Context(), connector.Config{Server: "lake", Options: map[string]string{"root": dir}, Account: memory.NewRoot("test", 0)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// read returns the rows of a handle as text.
func read(t testing.TB, s connector.Source, h connector.TableHandle) ([]string, error) {
	t.Helper()
	r, err := s.Scan(t.Context(), h, connector.ScanOptions{})
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }()
	var out []string
	var b vector.Batch
	for {
		if err := r.Next(t.Context(), &b); err == io.EOF {
			return out, nil
		} else if err != nil {
			return nil, err
		}
		for i := range b.N {
			var row []string
			for _, v := range b.Cols {
				if d := v.Datum(i); d.Null {
					row = append(row, "NULL")
				} else {
					row = append(row, types.FormatText(v.Type, d, nil))
				}
			}
			out = append(out, strings.Join(row, "|"))
		}
	}
}

// table reads a whole table.
func tableRows(t testing.TB, s connector.Source, ref connector.TableRef) (columns string, rows []string, err error) {
	t.Helper()
	h, err := s.Table(t.Context(), ref)
	if err != nil {
		return "", nil, err
	}
	var cols []string
	for _, c := range h.Columns() {
		cols = append(cols, c.Name+" "+types.FormatType(c.Type))
	}
	rows, err = read(t, s, h)
	return strings.Join(cols, ", "), rows, err
}

// writeRecords stores one Arrow record.
func writeRecords(t testing.TB, path string, schema *arrow.Schema, json string, props ...arrowparquet.WriterProperty) {
	t.Helper()
	rec, _, err := array.RecordFromJSON(arrowmem.DefaultAllocator, schema, strings.NewReader(json))
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	tab := array.NewTableFromRecords(schema, []arrow.RecordBatch{rec})
	if err := pqarrow.WriteTable(tab, f, 100, arrowparquet.NewWriterProperties(props...), pqarrow.DefaultWriterProps()); err != nil {
		t.Fatal(err)
	}
}

func TestTypesOfOtherWriters(t *testing.T) {
	dir := t.TempDir()
	type row struct {
		A uint32           `parquet:"a"`
		B uint64           `parquet:"b"`
		C int8             `parquet:"c"`
		D float32          `parquet:"d"`
		E [16]byte         `parquet:"e,uuid"`
		F int32            `parquet:"f,time(millisecond)"`
		G int64            `parquet:"g,timestamp(nanosecond)"`
		H int64            `parquet:"h,timestamp(millisecond)"`
		I string           `parquet:"i,json"`
		J deprecated.Int96 `parquet:"j"`
		K [5]byte          `parquet:"k"`
		L *string          `parquet:"l,optional"`
		M [9]byte          `parquet:"m,decimal(2:20)"`
		N int32            `parquet:"n,decimal(2:9)"`
	}
	rows := []row{{
		A: 4294967295, B: 18446744073709551615, C: -5, D: 1.5, E: [16]byte{0x12, 0x34}, F: 3723004, G: -1, H: 1709168400123,
		I: `{"x": 1}`, J: deprecated.Int96{0, 0, 2440589}, K: [5]byte{1, 2, 3, 4, 5}, M: [9]byte{255, 255, 255, 255, 255, 255, 255, 255, 0x85}, N: -123,
	}}
	if err := parquet.WriteFile(join(dir, "t.parquet"), rows); err != nil {
		t.Fatal(err)
	}
	cols, got, err := tableRows(t, open(t, dir), connector.TableRef{Name: "t"})
	wantCols := "a bigint, b numeric(20,0), c smallint, d real, e uuid, f time without time zone, g timestamp with time zone, h timestamp with time zone, i json, j timestamp without time zone, k bytea, l text, m numeric(20,2), n numeric(9,2)"
	want := `4294967295|18446744073709551615|-5|1.5|12340000-0000-0000-0000-000000000000|01:02:03.004|1969-12-31 23:59:59.999999+00|2024-02-29 01:00:00.123+00|{"x": 1}|1970-01-02 00:00:00|\x0102030405|NULL|-1.23|-1.23`
	if err != nil || cols != wantCols || len(got) != 1 || got[0] != want {
		t.Errorf("%s\n%q\n%v", cols, got, err)
	}
}

func TestNestedValuesAreJSONB(t *testing.T) {
	dir := t.TempDir()
	inner := arrow.StructOf(arrow.Field{Name: "name", Type: arrow.BinaryTypes.String, Nullable: true}, arrow.Field{Name: "n", Type: arrow.PrimitiveTypes.Int32, Nullable: true})
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "id", Type: arrow.PrimitiveTypes.Int64},
		{Name: "tags", Type: arrow.ListOf(arrow.BinaryTypes.String), Nullable: true},
		{Name: "who", Type: inner, Nullable: true},
		{Name: "items", Type: arrow.ListOf(inner), Nullable: true},
		{Name: "deep", Type: arrow.ListOf(arrow.ListOf(arrow.PrimitiveTypes.Int16)), Nullable: true},
		{Name: "m", Type: arrow.MapOf(arrow.BinaryTypes.String, arrow.PrimitiveTypes.Float64), Nullable: true},
	}, nil)
	writeRecords(t, join(dir, "n.parquet"), schema, `[
		{"id": 1, "tags": ["a", null, "b\"c"], "who": {"name": "x", "n": 1}, "items": [{"name": "p", "n": null}, null], "deep": [[1, 2], [], null, [3]], "m": [{"key": "longer", "value": 1.5}, {"key": "k", "value": null}]},
		{"id": 2, "tags": [], "who": {"name": null, "n": null}, "items": [], "deep": [], "m": []},
		{"id": 3, "tags": null, "who": null, "items": null, "deep": null, "m": null}]`)
	cols, got, err := tableRows(t, open(t, dir), connector.TableRef{Name: "n"})
	want := []string{
		`1|["a", null, "b\"c"]|{"n": 1, "name": "x"}|[{"n": null, "name": "p"}, null]|[[1, 2], [], null, [3]]|{"k": null, "longer": 1.5}`,
		`2|[]|{"n": null, "name": null}|[]|[]|{}`,
		`3|NULL|NULL|NULL|NULL|NULL`,
	}
	if err != nil || strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%s\n%s\n%v", cols, strings.Join(got, "\n"), err)
	}
}

// three writes files a (int32), b (int64, column s missing, extra column).
func three(t *testing.T, dir string) {
	a := arrow.NewSchema([]arrow.Field{{Name: "n", Type: arrow.PrimitiveTypes.Int64}, {Name: "s", Type: arrow.BinaryTypes.String, Nullable: true}}, nil)
	b := arrow.NewSchema([]arrow.Field{{Name: "x", Type: arrow.PrimitiveTypes.Float64}, {Name: "n", Type: arrow.PrimitiveTypes.Int32}}, nil)
	c := arrow.NewSchema([]arrow.Field{{Name: "n", Type: arrow.FixedWidthTypes.Boolean}}, nil)
	if err := os.Mkdir(join(dir, "set"), 0o700); err != nil {
		t.Fatal(err)
	}
	writeRecords(t, join(dir, "set", "a.parquet"), a, `[{"n": 1, "s": "one"}, {"n": 2, "s": null}]`)
	writeRecords(t, join(dir, "set", "b.parquet"), b, `[{"x": 0.5, "n": 3}]`)
	writeRecords(t, join(dir, "c.parquet"), c, `[{"n": true}]`)
}

func TestSeveralFilesAreMatchedByColumnName(t *testing.T) {
	dir := t.TempDir()
	three(t, dir)
	s := open(t, dir)
	for name, ref := range map[string]connector.TableRef{
		"directory as a table": {Name: "set"},
		"directory by option":  {Name: "f", Options: map[string]string{"filename": "set"}},
		"glob":                 {Name: "f", Options: map[string]string{"filename": "set/*.parquet"}},
		"list":                 {Name: "f", Options: map[string]string{"filename": "set/a.parquet set/b.parquet"}},
	} {
		cols, rows, err := tableRows(t, s, ref)
		if err != nil || cols != "n bigint, s text" || strings.Join(rows, ",") != "1|one,2|NULL,3|NULL" {
			t.Errorf("%s: %s %q %v", name, cols, rows, err)
		}
	}
	_, _, err := tableRows(t, s, connector.TableRef{Name: "f", Options: map[string]string{"filename": "**/*.parquet"}})
	if e := pgerror.From(err); err == nil || e.Code != pgerror.DatatypeMismatch || !strings.Contains(e.Message, "n") {
		t.Errorf("differing types: %v", err)
	}
	tables, err := s.Tables(t.Context(), "")
	if err != nil || strings.Join(tables, ",") != "c,set" {
		t.Errorf("tables %q, %v", tables, err)
	}
}

func TestDeclaredColumnsAreConverted(t *testing.T) {
	dir := t.TempDir()
	three(t, dir)
	s := open(t, dir)
	ref := connector.TableRef{Name: "f", Options: map[string]string{"filename": "set"}, Columns: []connector.Column{
		{Name: "Label", Type: types.VarCharType(3), Options: map[string]string{"column_name": "s"}},
		{Name: "N", Type: types.NumericType(6, 2)},
	}}
	if _, rows, err := tableRows(t, s, ref); err != nil || strings.Join(rows, ",") != "one|1.00,NULL|2.00,NULL|3.00" {
		t.Errorf("%q %v", rows, err)
	}
	ref.Columns = []connector.Column{{Name: "s", Type: types.Of(types.Int4)}}
	_, _, err := tableRows(t, s, ref)
	if e := pgerror.From(err); err == nil || e.Code != pgerror.InvalidTextRepresentation || e.Column != "s" || strings.Contains(e.Error(), "one") {
		t.Errorf("%v", err)
	}
	ref.Columns = []connector.Column{{Name: "nothing", Type: types.Of(types.Int4)}}
	if _, _, err := tableRows(t, s, ref); pgerror.CodeOf(err) != pgerror.UndefinedColumn {
		t.Errorf("%v", err)
	}
	ref.Columns = []connector.Column{{Name: "n", Type: types.Of(types.Date)}}
	if _, _, err := tableRows(t, s, ref); pgerror.CodeOf(err) != pgerror.DatatypeMismatch {
		t.Errorf("%v", err)
	}
}

func TestStatisticsExcludeRowGroups(t *testing.T) {
	dir := t.TempDir()
	writeArrow(t, join(dir, "big.parquet"), connectortest.BigTable(), arrowparquet.NewWriterProperties(arrowparquet.WithCompression(compress.Codecs.Snappy)), 10_000)
	s := open(t, dir)
	h, err := s.Table(t.Context(), connector.TableRef{Name: "big"})
	if err != nil {
		t.Fatal(err)
	}
	col := func(i int) expr.Expr { return &expr.Column{ID: expr.ColumnID(i), T: h.Columns()[i].Type} }
	num := func(t types.Type, text string) expr.Expr {
		d, err := types.ParseText(types.Of(t.OID), text, nil)
		if err != nil {
			panic(err)
		}
		return &expr.Const{T: types.Of(t.OID), Value: d}
	}
	for _, c := range []struct {
		e    expr.Expr
		rows float64
	}{
		{connectortest.Compare("=", col(0), num(types.Of(types.Int4), "12345")), 10_000},
		{connectortest.Compare("<", col(0), num(types.Of(types.Int4), "10000")), 10_000},
		{connectortest.Compare("<=", col(0), num(types.Of(types.Int4), "10000")), 20_000},
		{connectortest.Compare(">", num(types.Of(types.Int4), "10000"), col(0)), 10_000},
		{connectortest.Compare(">", col(0), num(types.Of(types.Int4), "100000")), 0},
		{connectortest.Compare(">=", col(2), num(types.Of(types.Numeric), "14285.000")), 10_000},
		{connectortest.Compare("=", col(3), num(types.Of(types.Text), "z")), 0},
	} {
		ph, out := s.(connector.FilterPusher).PushFilter(h, connector.Seal([]expr.Expr{c.e}))
		if rows, _ := s.(connector.Estimator).Estimate(t.Context(), ph); out[0].Pushed != connector.Superset || rows != c.rows {
			t.Errorf("%v rows, want %v (%v)", rows, c.rows, out)
		}
	}
}

func TestDamagedFilesAreErrorsNotPanics(t *testing.T) {
	dir := t.TempDir()
	good := join(dir, "good.parquet")
	writeArrow(t, good, connectortest.TypesTable(), arrowparquet.NewWriterProperties(arrowparquet.WithCompression(compress.Codecs.Snappy)), 10)
	raw, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	s := open(t, dir)
	r := rand.New(rand.NewPCG(1, 0))
	damaged := 0
	check := func(b []byte) {
		path := join(dir, "bad.parquet")
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		_, _, err := tableRows(t, s, connector.TableRef{Name: "bad"})
		if err == nil {
			return
		}
		damaged++
		e := pgerror.From(err)
		switch e.Code {
		case pgerror.DataCorrupted:
			if !strings.Contains(e.Message, "lake") || !strings.Contains(e.Message, "bad.parquet") {
				t.Errorf("the message names no file: %v", e)
			}
		case pgerror.FeatureNotSupported, pgerror.OutOfMemory:
		default:
			t.Errorf("SQLSTATE %s: %v", e.Code, e)
		}
	}
	for _, n := range []int{0, 3, 8, 11, len(raw) / 2, len(raw) - 1} {
		check(raw[:n])
	}
	for range 300 {
		b := bytes.Clone(raw)
		b[r.IntN(len(b))] ^= 1 << r.IntN(8)
		check(b)
	}
	if damaged < 50 {
		t.Errorf("only %d damages were noticed", damaged)
	}
}

func TestFootersArePaidForAndReleased(t *testing.T) {
	dir := t.TempDir()
	three(t, dir)
	root := memory.NewRoot("test", 0)
	s, err := New().Open(t.Context(), connector.Config{Server: "lake", Options: map[string]string{"root": dir}, Account: root.Child("lake", 0)})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := tableRows(t, s, connector.TableRef{Name: "set"}); err != nil || root.Used() == 0 {
		t.Errorf("%d bytes, %v", root.Used(), err)
	}
	_ = s.Close()
	if root.Used() != 0 {
		t.Errorf("%d bytes left", root.Used())
	}
}

func BenchmarkScan(b *testing.B) {
	const n = 1_000_000
	dir := b.TempDir()
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "key", Type: arrow.PrimitiveTypes.Int64},
		{Name: "low", Type: arrow.PrimitiveTypes.Int64},
		{Name: "dec", Type: &arrow.Decimal128Type{Precision: 15, Scale: 2}},
		{Name: "flag", Type: arrow.BinaryTypes.String},
		{Name: "str", Type: arrow.BinaryTypes.String},
		{Name: "opt", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
	}, nil)
	rb := array.NewRecordBuilder(arrowmem.DefaultAllocator, schema)
	r := rand.New(rand.NewPCG(1, 0))
	for range n {
		rb.Field(0).(*array.Int64Builder).Append(r.Int64())
		rb.Field(1).(*array.Int64Builder).Append(r.Int64N(10000))
		_ = rb.Field(2).(*array.Decimal128Builder).AppendValueFromString(fmt.Sprintf("%d.%02d", r.IntN(1000000), r.IntN(100)))
		rb.Field(3).(*array.StringBuilder).Append([]string{"A", "N", "R"}[r.IntN(3)])
		rb.Field(4).(*array.StringBuilder).Append(fmt.Sprintf("unique string number %09d", r.IntN(1e9)))
		if r.IntN(10) == 0 {
			rb.Field(5).AppendNull()
		} else {
			rb.Field(5).(*array.Int64Builder).Append(r.Int64())
		}
	}
	f, err := os.Create(join(dir, "t.parquet"))
	if err != nil {
		b.Fatal(err)
	}
	tab := array.NewTableFromRecords(schema, []arrow.RecordBatch{rb.NewRecordBatch()})
	if err := pqarrow.WriteTable(tab, f, 131072, arrowparquet.NewWriterProperties(arrowparquet.WithCompression(compress.Codecs.Snappy)), pqarrow.DefaultWriterProps()); err != nil {
		b.Fatal(err)
	}
	s := open(b, dir)
	h, err := s.Table(b.Context(), connector.TableRef{Name: "t"})
	if err != nil {
		b.Fatal(err)
	}
	for c, col := range h.Columns() {
		b.Run(col.Name, func(b *testing.B) {
			ph, _ := s.(connector.ProjectPusher).PushProject(h, []int{c})
			b.ReportAllocs()
			for b.Loop() {
				rd, err := s.Scan(b.Context(), ph, connector.ScanOptions{})
				if err != nil {
					b.Fatal(err)
				}
				var batch vector.Batch
				for rd.Next(b.Context(), &batch) == nil {
				}
				_ = rd.Close()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/row")
		})
	}
}
