// Package file is the connector of wrapper file_fdw: CSV, text, fixed-width, JSON
// and Avro files of the machine as tables; the first two with the options
// and the reading rules of PostgreSQL's COPY.
//
// Files below a server's root are tables without any declaration: a CSV or TSV
// file has a header line with the names of its columns (unless the server says
// header 'false'; then they are column1, column2 ...), a JSON file the members
// of its objects. Types are inferred from the first 10000 records: bigint,
// double precision, date, timestamp or boolean (true and false) when every
// value reads as one, jsonb for nested JSON, text otherwise. Numbers with
// leading zeros stay text.
package file

import (
	"context"
	"fmt"
	"path"
	"strings"

	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/federation/localfile"
	"github.com/hubsql/hubsql/federation/sample"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// extensions are those of files that are tables without declaration, each with
// every compression.
var extensions = func() []string {
	var out []string
	for _, e := range []string{".csv", ".tsv", ".json", ".ndjson", ".jsonl", ".avro"} {
		out = append(out, e)
		for _, c := range compressions {
			out = append(out, e+c)
		}
	}
	return out
}()

// Connector is the foreign data wrapper.
type Connector struct{}

// New returns the connector.
func New() *Connector { return &Connector{} }

// Wrapper implements connector.Connector.
func (*Connector) Wrapper() string { return "file_fdw" }

// Open implements connector.Connector.
func (*Connector) Open(_ context.Context, c connector.Config) (connector.Source, error) {
	return &source{name: c.Server, options: c.Options}, nil
}

// source is one server.
type source struct {
	name       string
	options    map[string]string
	statistics sample.Cache
}

// access returns the rules for file names.
func (s *source) access(absolute bool) localfile.Access {
	return localfile.Access{Source: s.name, Root: s.options["root"], AllowAbsolute: absolute}
}

// Schemas implements connector.Source.
func (s *source) Schemas(context.Context) ([]string, error) {
	if s.options["root"] == "" {
		return []string{""}, nil
	}
	return s.access(false).Schemas(false, extensions...)
}

// Tables implements connector.Source.
func (s *source) Tables(_ context.Context, schema string) ([]string, error) {
	if s.options["root"] == "" {
		return nil, nil
	}
	tables, err := s.access(false).Tables(schema, false, extensions...)
	if err != nil {
		return nil, err
	}
	out := make([]string, len(tables))
	for i, t := range tables {
		out[i] = t.Name
	}
	return out, nil
}

// Probe implements connector.Prober.
func (s *source) Probe(context.Context) (string, error) {
	if s.options["root"] == "" {
		return "files named by their tables", nil
	}
	tables, err := s.access(false).Tables("", false, extensions...)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("files below %s: %d tables", s.options["root"], len(tables)), nil
}

// Close implements connector.Source.
func (s *source) Close() error { return nil }

// table is a resolved table.
type table struct {
	ref     connector.TableRef
	access  localfile.Access
	layout  layout
	pattern string
	columns []connector.Column
	// width is the number of cells of a record; it is more than len(columns)
	// never.
	width int
}

// Table implements connector.Source.
func (s *source) Table(_ context.Context, ref connector.TableRef) (connector.TableHandle, error) {
	t := &table{ref: ref, access: s.access(ref.AllowAbsolute)}
	if ref.Options["program"] != "" {
		return nil, pgerror.NotSupported("option \"program\" of file_fdw is not supported")
	}
	lookup := func(name string) (string, bool) {
		if v, ok := ref.Options[name]; ok {
			return v, true
		}
		v, ok := s.options[name]
		return v, ok
	}
	t.pattern, _ = lookup("filename")
	if _, declared := ref.Options["filename"]; !declared && ref.Columns == nil && s.options["root"] != "" || t.pattern == "" {
		if s.options["root"] == "" {
			return nil, pgerror.Source(s.name, pgerror.UndefinedTable, fmt.Sprintf("table %q does not exist", ref.Name), nil).
				WithHint("Name the file with the option filename in CREATE FOREIGN TABLE, or set the server option root.")
		}
		found, ok, err := t.access.Lookup(ref.Schema, ref.Name, false, extensions...)
		if err != nil {
			return nil, err
		}
		if !ok {
			return nil, pgerror.Source(s.name, pgerror.UndefinedTable, fmt.Sprintf("table %q does not exist", ref.Name), nil)
		}
		t.pattern = found.Path
		lookup = liveOptions(found.Path, lookup)
	}
	var err error
	if t.layout, err = layoutOf(lookup); err != nil {
		return nil, err
	}
	files, err := t.files()
	if err != nil {
		return nil, err
	}
	t.columns = ref.Columns
	switch {
	case isTyped(t.layout.format):
		known, err := t.typedColumns(files[0])
		if err != nil {
			return nil, err
		}
		if t.columns == nil {
			t.columns = known
		}
	case t.layout.format == formatFixed:
		if t.layout.places, err = placesOf(t.columns); err != nil {
			return nil, err
		}
	case t.columns == nil:
		if t.columns, err = t.infer(files[0]); err != nil {
			return nil, err
		}
	}
	t.width = len(t.columns)
	project := make([]int, len(t.columns))
	for i := range project {
		project[i] = i
	}
	return &handle{table: t, project: project}, nil
}

// liveOptions are the options of a file that is addressed by its name: what its
// extension says, where the table and the server say nothing.
func liveOptions(file string, lookup func(string) (string, bool)) func(string) (string, bool) {
	name := strings.ToLower(file)
	name = strings.TrimSuffix(name, compressed(name))
	return func(option string) (string, bool) {
		switch option {
		case "format":
			switch path.Ext(name) {
			case ".csv", ".tsv":
				return formatCSV, true
			case ".avro":
				return formatAvro, true
			}
			return formatJSON, true
		case "delimiter":
			if strings.HasSuffix(name, ".tsv") {
				return "\t", true
			}
		case "header":
			if v, ok := lookup(option); ok {
				return v, ok
			}
			return "true", true
		}
		return lookup(option)
	}
}

// files expands the table's file names.
func (t *table) files() ([]localfile.File, error) {
	return t.access.Expand(t.pattern, extensions...)
}

// handle is a table with a projection.
type handle struct {
	table   *table
	project []int
	limit   int64 // rows needed, 0 for all
	// parts is set by Split.
	parts []span
}

// span is a range of a file that begins and ends at records.
type span struct {
	file     localfile.File
	from, to int64 // to < 0: the whole file
	line     int64 // lines before from
}

// Columns implements connector.TableHandle.
func (h *handle) Columns() []connector.Column {
	out := make([]connector.Column, len(h.project))
	for i, c := range h.project {
		out[i] = h.table.columns[c]
	}
	return out
}

// String implements connector.TableHandle.
func (h *handle) String() string { return h.table.layout.format + " file " + h.table.pattern }

// RemoteQuery implements connector.Explainer.
func (s *source) RemoteQuery(h connector.TableHandle, _ bool) string {
	x := h.(*handle)
	names := make([]string, len(x.project))
	for i, c := range x.project {
		names[i] = x.table.columns[c].Name
	}
	return fmt.Sprintf("read (%s) from %s", strings.Join(names, ", "), x)
}

// PushProject implements connector.ProjectPusher.
func (s *source) PushProject(h connector.TableHandle, columns []int) (connector.TableHandle, bool) {
	out := *h.(*handle)
	project := make([]int, len(columns))
	for i, c := range columns {
		project[i] = out.project[c]
	}
	out.project = project
	return &out, true
}

// PushLimit implements connector.LimitPusher.
func (s *source) PushLimit(h connector.TableHandle, limit int64) (connector.TableHandle, bool) {
	out := *h.(*handle)
	if limit <= 0 || out.parts != nil {
		return h, false
	}
	if out.limit == 0 || limit < out.limit {
		out.limit = limit
	}
	return &out, true
}

// bytesPerCell is a guess for the size of a table.
const bytesPerCell = 10

// Estimate implements connector.Estimator: from the size of the files.
func (s *source) Estimate(_ context.Context, h connector.TableHandle) (float64, bool) {
	x := h.(*handle)
	files, err := x.table.files()
	if err != nil {
		return 0, false
	}
	size := int64(0)
	for _, f := range files {
		n := f.Size
		if compressed(f.Name) != "" {
			n *= 4
		}
		size += n
	}
	rows := float64(size) / float64(bytesPerCell*max(x.table.width, 1))
	if x.limit > 0 {
		rows = min(rows, float64(x.limit))
	}
	return rows, true
}
