package file

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/federation/connectortest"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// write stores a file below dir.
func write(t testing.TB, dir, name string, content []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// csvOf renders a table of the suite.
func csvOf(tab *connectortest.Table) []byte {
	var b bytes.Buffer
	for i, c := range tab.Columns {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(c.Name)
	}
	b.WriteByte('\n')
	for _, row := range tab.Rows {
		for i, v := range row {
			if i > 0 {
				b.WriteByte(',')
			}
			switch {
			case v.Null:
			case v.Text == "" || strings.ContainsAny(v.Text, "\",\r\n\\"):
				b.WriteString(`"` + strings.ReplaceAll(v.Text, `"`, `""`) + `"`)
			default:
				b.WriteString(v.Text)
			}
		}
		b.WriteByte('\n')
	}
	return b.Bytes()
}

// textOf renders a table of the suite in COPY's text format.
func textOf(tab *connectortest.Table) []byte {
	var b bytes.Buffer
	for _, row := range tab.Rows {
		for i, v := range row {
			if i > 0 {
				b.WriteByte('\t')
			}
			if v.Null {
				b.WriteString(`\N`)
				continue
			}
			b.WriteString(strings.NewReplacer("\\", "\\\\", "\t", "\\t", "\n", "\\n").Replace(v.Text))
		}
		b.WriteByte('\n')
	}
	return b.Bytes()
}

// jsonOf renders a table of the suite as one object per line.
func jsonOf(tab *connectortest.Table) []byte {
	var b bytes.Buffer
	for _, row := range tab.Rows {
		b.WriteByte('{')
		for i, v := range row {
			if i > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, "%q:", tab.Columns[i].Name)
			switch c := tab.Columns[i].Type; {
			case v.Null:
				b.WriteString("null")
			case c.OID == types.Int4 || c.OID == types.Int8 || c.OID == types.Int2 || c.OID == types.Float8 || c.OID == types.Numeric:
				b.WriteString(v.Text)
			case c.OID == types.Bool:
				b.WriteString(map[string]string{"t": "true", "f": "false"}[v.Text])
			default:
				s, _ := json.Marshal(v.Text)
				b.Write(s)
			}
		}
		b.WriteString("}\n")
	}
	return b.Bytes()
}

// columnsOf declares the columns of a table of the suite.
func columnsOf(tab *connectortest.Table) []connector.Column {
	var out []connector.Column
	for _, c := range tab.Columns {
		out = append(out, connector.Column{Name: c.Name, Type: c.Type, NotNull: c.NotNull})
	}
	return out
}

func TestConformance(t *testing.T) {
	zipped := func(b []byte) []byte {
		var out bytes.Buffer
		w := gzip.NewWriter(&out)
		_, _ = w.Write(b)
		_ = w.Close()
		return out.Bytes()
	}
	zst := func(b []byte) []byte {
		w, _ := zstd.NewWriter(nil)
		return w.EncodeAll(b, nil)
	}
	same := func(b []byte) []byte { return b }
	for _, c := range []struct {
		name, ext string
		render    func(*connectortest.Table) []byte
		pack      func([]byte) []byte
		options   map[string]string
	}{
		{"csv", ".csv", csvOf, same, map[string]string{"format": "csv", "header": "match"}},
		{"csv gzip", ".csv.gz", csvOf, zipped, map[string]string{"format": "csv", "header": "true"}},
		{"text zstd", ".txt.zst", textOf, zst, map[string]string{"format": "text"}},
		{"json", ".json", jsonOf, same, map[string]string{"format": "json"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			ref := func(tab *connectortest.Table) connector.TableRef {
				write(t, dir, tab.Name+c.ext, c.pack(c.render(tab)))
				o := map[string]string{"filename": tab.Name + c.ext}
				maps.Copy(o, c.options)
				return connector.TableRef{Name: tab.Name, Options: o, Columns: columnsOf(tab)}
			}
			connectortest.Run(t, connectortest.Fixture{
				Connector: New(),
				Config:    connector.Config{Server: "web", Options: map[string]string{"root": dir}},
				Types:     ref(connectortest.TypesTable()),
				Big:       ref(connectortest.BigTable()),
				Empty:     ref(connectortest.EmptyTable()),
				Missing:   connector.TableRef{Name: "nothing"},
			})
		})
	}
}

// open returns a source over a directory.
func open(t testing.TB, dir string, options ...string) connector.Source {
	t.Helper()
	o := map[string]string{"root": dir}
	for i := 0; i < len(options); i += 2 {
		o[options[i]] = options[i+1]
	}
	s, err := New().Open(t.Context(), connector.Config{Server: "web", Options: o})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// read returns a table's rows as text.
func read(t testing.TB, s connector.Source, h connector.TableHandle) ([]string, error) {
	t.Helper()
	r, err := s.Scan(t.Context(), h, connector.ScanOptions{})
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }()
	var out []string
	for {
		var b vector.Batch
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

// texts declares text columns a, b ... over content and reads it.
func texts(t *testing.T, content string, columns int, options ...string) ([]string, error) {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, "f", []byte(content))
	o := map[string]string{"filename": "f", "format": "csv"}
	for i := 0; i < len(options); i += 2 {
		o[options[i]] = options[i+1]
	}
	ref := connector.TableRef{Name: "ft", Options: o}
	for i := range columns {
		ref.Columns = append(ref.Columns, connector.Column{Name: string(rune('a' + i)), Type: types.Of(types.Text)})
	}
	s := open(t, dir)
	h, err := s.Table(t.Context(), ref)
	if err != nil {
		return nil, err
	}
	return read(t, s, h)
}

func TestCSVFollowsCopy(t *testing.T) {
	for name, c := range map[string]struct {
		content string
		columns int
		options []string
		want    string
	}{
		"unquoted empty is NULL, quoted is not": {"a,\n\"\",b\n", 2, nil, "a|NULL\n|b"},
		"quotes double":                         {"\"a\"\"b\",c\n", 2, nil, "a\"b|c"},
		"newlines within quotes":                {"\"a\nb\",c\n", 2, nil, "a\nb|c"},
		"quotes within a value":                 {"a\"b,c\"d,e\n", 2, nil, "ab,cd|e"},
		"CRLF and no end of line":               {"a,b\r\nc,d", 2, nil, "a|b\nc|d"},
		"quoted value at the end":               {"a,\"b\"", 2, nil, "a|b"},
		"end of data":                           {"a,b\n\\.\nc,d\n", 2, nil, "a|b"},
		"backslash is a letter":                 {"a\\,b\n", 2, nil, "a\\|b"},
		"other escape":                          {"\"a\\\"b\",c\n", 2, []string{"escape", "\\"}, "a\"b|c"},
		"other delimiter and null":              {"a;NULL\n", 2, []string{"delimiter", ";", "null", "NULL"}, "a|NULL"},
		"header":                                {"x,y\na,b\n", 2, []string{"header", "true"}, "a|b"},
		"byte order mark":                       {"\xEF\xBB\xBFa,b\n", 2, nil, "a|b"},
		"latin1":                                {"\xE4,b\n", 2, []string{"encoding", "LATIN1"}, "ä|b"},
		"text format":                           {"a\\tb\t\\N\n\\x41\\101\tc\n", 2, []string{"format", "text"}, "a\tb|NULL\nAA|c"},
		"one empty column":                      {"a\n\nb\n", 1, nil, "a\nNULL\nb"},
	} {
		got, err := texts(t, c.content, c.columns, c.options...)
		if err != nil || strings.Join(got, "\n") != c.want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

func TestErrorsAreThoseOfCopyWithoutTheValue(t *testing.T) {
	for name, c := range map[string]struct {
		content string
		code    pgerror.Code
		message string
		where   string
		options []string
	}{
		"missing":   {"a,b\nc\n", pgerror.BadCopyFileFormat, `missing data for column "b"`, "COPY ft, line 2", nil},
		"extra":     {"a,b\n\nc,d,e\n", pgerror.BadCopyFileFormat, `missing data for column "b"`, "COPY ft, line 2", nil},
		"extra 2":   {"\"a\n\",b\nc,d,e\n", pgerror.BadCopyFileFormat, `extra data after last expected column`, "COPY ft, line 3", nil},
		"open":      {"a,\"b\nc,d\n", pgerror.BadCopyFileFormat, `unterminated CSV quoted field`, "COPY ft, line", nil},
		"encoding":  {"a,\xff\n", pgerror.CharacterNotInRepertoire, `invalid byte sequence for encoding "UTF8"`, "COPY ft, line 1, column b", nil},
		"header":    {"a,x\n", pgerror.BadCopyFileFormat, `column name mismatch in header line field 2: expected "b"`, "COPY ft, line 1", []string{"header", "match"}},
		"no format": {"", pgerror.InvalidParameterValue, `COPY format "xml" not recognized`, "", []string{"format", "xml"}},
	} {
		_, err := texts(t, c.content, 2, c.options...)
		e := pgerror.From(err)
		if e == nil || e.Code != c.code || e.Message != c.message || !strings.HasPrefix(e.Where, c.where) {
			t.Errorf("%s: %+v", name, e)
		}
	}
	dir := t.TempDir()
	write(t, dir, "f", []byte("1\nsecret\n"))
	s := open(t, dir)
	h, err := s.Table(t.Context(), connector.TableRef{
		Name: "ft", Options: map[string]string{"filename": "f", "format": "csv"},
		Columns: []connector.Column{{Name: "n", Type: types.Of(types.Int4)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = read(t, s, h)
	e := pgerror.From(err)
	if e == nil || e.Code != pgerror.InvalidTextRepresentation || e.Message != "invalid input syntax for type integer" ||
		!strings.HasPrefix(e.Where, "COPY ft, line 2, column n") || strings.Contains(fmt.Sprintf("%+v", e), "secret") {
		t.Errorf("%+v", e)
	}
}

func TestFileNamesAreConfined(t *testing.T) {
	dir, out := t.TempDir(), t.TempDir()
	write(t, dir, "in.csv", []byte("a\n1\n"))
	write(t, out, "out.csv", []byte("a\n1\n"))
	if err := os.Symlink(filepath.Join(out, "out.csv"), filepath.Join(dir, "link.csv")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(out, filepath.Join(dir, "linked")); err != nil {
		t.Fatal(err)
	}
	s, none := open(t, dir), open(t, "")
	for _, c := range []struct {
		source   connector.Source
		name     string
		absolute bool
		want     pgerror.Code
	}{
		{s, "in.csv", false, ""},
		{s, filepath.Join(dir, "in.csv"), false, ""},
		{s, "../" + filepath.Base(out) + "/out.csv", true, pgerror.InsufficientPrivilege},
		{s, "link.csv", false, pgerror.InsufficientPrivilege},
		{s, "linked", false, pgerror.InsufficientPrivilege},
		{s, "linked/out.csv", false, pgerror.InsufficientPrivilege},
		{s, "linked/*.csv", false, pgerror.InsufficientPrivilege},
		{s, filepath.Join(out, "out.csv"), false, pgerror.InsufficientPrivilege},
		{s, filepath.Join(out, "out.csv"), true, ""},
		{none, filepath.Join(out, "out.csv"), false, pgerror.InsufficientPrivilege},
		{none, "out.csv", false, pgerror.InsufficientPrivilege},
		{none, filepath.Join(out, "out.csv"), true, ""},
		{none, "/dev/zero", true, pgerror.WrongObjectType},
		{s, "nothing.csv", false, pgerror.UndefinedFile},
	} {
		_, err := c.source.Table(t.Context(), connector.TableRef{
			Name: "f", AllowAbsolute: c.absolute,
			Options: map[string]string{"filename": c.name, "format": "csv", "header": "true"},
		})
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s (absolute %v): %v", c.name, c.absolute, err)
		case c.want == "":
		case err == nil || pgerror.CodeOf(err) != c.want && !(c.name == "linked/*.csv" && pgerror.CodeOf(err) == pgerror.UndefinedFile):
			t.Errorf("%s (absolute %v): %v, want %s", c.name, c.absolute, err, c.want)
		}
	}
	_, err := s.Table(t.Context(), connector.TableRef{Name: "p", Options: map[string]string{"program": "id"}})
	if pgerror.CodeOf(err) != pgerror.FeatureNotSupported {
		t.Errorf("program: %v", err)
	}
}

func TestTypesAreInferred(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "sub"), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, dir, "v.csv", []byte("n,f,d,ts,b,zip,empty,s\n1,1.5,2024-01-02,2024-01-02 03:04:05,true,01234,,x\n-2,3,2024-12-31,2024-01-02,FALSE,99999,,7\n"))
	write(t, dir, "j.json", []byte("[{\"a\": 1, \"o\": {\"x\": [1, 2]}, \"s\": \"9\"},\n {\"a\": 2.5, \"s\": \"\\u00e4\", \"late\": null}]"))
	write(t, filepath.Join(dir, "sub"), "w.tsv", []byte("a\tb\n1\tx,y\n"))
	s := open(t, dir)
	for _, c := range []struct{ schema, name, columns, rows string }{
		{
			"", "v", "n bigint, f double precision, d date, ts timestamp without time zone, b boolean, zip text, empty text, s text",
			"1|1.5|2024-01-02|2024-01-02 03:04:05|t|01234|NULL|x\n-2|3|2024-12-31|2024-01-02 00:00:00|f|99999|NULL|7",
		},
		{"public", "j", "a double precision, o jsonb, s text, late text", "1|{\"x\": [1, 2]}|9|NULL\n2.5|NULL|ä|NULL"},
		{"sub", "w", "a bigint, b text", "1|x,y"},
	} {
		h, err := s.Table(t.Context(), connector.TableRef{Schema: c.schema, Name: c.name})
		if err != nil {
			t.Fatal(err)
		}
		var cols []string
		for _, col := range h.Columns() {
			cols = append(cols, col.Name+" "+types.Lookup(col.Type.OID).Formal)
		}
		if got := strings.Join(cols, ", "); got != c.columns {
			t.Errorf("%s: %s", c.name, got)
		}
		if rows, err := read(t, s, h); err != nil || strings.Join(rows, "\n") != c.rows {
			t.Errorf("%s: %q, %v", c.name, rows, err)
		}
	}
	schemas, err := s.Schemas(t.Context())
	if err != nil || strings.Join(schemas, ",") != ",sub" {
		t.Errorf("schemas %q, %v", schemas, err)
	}
}

func TestSplitCutsAtRecords(t *testing.T) {
	dir := t.TempDir()
	var b bytes.Buffer
	for i := 0; b.Len() < 4*splitBytes; i++ {
		fmt.Fprintf(&b, "%d,\"line one of %d\n\"\"line two\"\", and more\",tail %d\n", i, i, i)
	}
	write(t, dir, "big.csv", b.Bytes())
	s := open(t, dir)
	h, err := s.Table(t.Context(), connector.TableRef{Name: "big", Options: map[string]string{"filename": "big.csv", "format": "csv"}, Columns: []connector.Column{
		{Name: "n", Type: types.Of(types.Int8)}, {Name: "a", Type: types.Of(types.Text)}, {Name: "b", Type: types.Of(types.Text)},
	}})
	if err != nil {
		t.Fatal(err)
	}
	want, err := read(t, s, h)
	if err != nil {
		t.Fatal(err)
	}
	parts, err := s.(connector.Splitter).Split(t.Context(), h, 4)
	if err != nil || len(parts) < 3 {
		t.Fatalf("%d parts, %v", len(parts), err)
	}
	var got []string
	for _, p := range parts {
		rows, err := read(t, s, p)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, rows...)
	}
	if len(got) != len(want) || strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%d rows in parts, %d in all", len(got), len(want))
	}
}

func TestSeveralFilesAreOneTable(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a1.csv", []byte("x\n1\n"))
	write(t, dir, "a2.csv", []byte("x\n2\n"))
	s := open(t, dir)
	h, err := s.Table(t.Context(), connector.TableRef{Name: "a", Options: map[string]string{"filename": "a*.csv", "format": "csv", "header": "true"}})
	if err != nil {
		t.Fatal(err)
	}
	if rows, err := read(t, s, h); err != nil || strings.Join(rows, ",") != "1,2" {
		t.Errorf("%q, %v", rows, err)
	}
}

func BenchmarkCSV(b *testing.B) {
	dir := b.TempDir()
	data := csvOf(connectortest.BigTable())
	write(b, dir, "big.csv", data)
	s := open(b, dir)
	h, err := s.Table(b.Context(), connector.TableRef{
		Name: "big", Options: map[string]string{"filename": "big.csv", "format": "csv", "header": "true"},
		Columns: columnsOf(connectortest.BigTable()),
	})
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		r, _ := s.Scan(b.Context(), h, connector.ScanOptions{})
		var batch vector.Batch
		for r.Next(b.Context(), &batch) == nil {
		}
		_ = r.Close()
	}
}
