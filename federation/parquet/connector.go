// Package parquet is the connector of wrapper parquet_fdw: Parquet files of the
// machine as tables. It decodes pages straight into column vectors: plain
// values are copied, strings are views on the page, dictionaries stay
// dictionaries, and row groups that statistics exclude are not read.
package parquet

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/federation/decode"
	"github.com/hubsql/hubsql/federation/localfile"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// extension is what names of Parquet files end in.
const extension = ".parquet"

// Connector is the foreign data wrapper.
type Connector struct{}

// New returns the connector.
func New() *Connector { return &Connector{} }

// Wrapper implements connector.Connector.
func (*Connector) Wrapper() string { return "parquet_fdw" }

// Options implements connector.Connector.
func (*Connector) Options() []connector.Option {
	boolean := func(value string) error {
		switch strings.ToLower(value) {
		case "true", "false", "on", "off", "yes", "no", "1", "0", "t", "f":
			return nil
		}
		return pgerror.Newf(pgerror.FDWInvalidAttributeValue, "invalid value for boolean option: %s", value)
	}
	return []connector.Option{
		{Name: "root", Level: connector.OnServer, Path: true, Doc: "Directory that relative file names lie below; its files are tables of the server."},
		{Name: "use_mmap", Level: connector.OnServer, Check: boolean, Doc: "Accepted for parquet_fdw's sake; has no effect."},
		{Name: "use_threads", Level: connector.OnServer, Check: boolean, Doc: "Accepted for parquet_fdw's sake; has no effect."},
		{Name: "filename", Level: connector.OnTable, Path: true, Doc: "A file, several separated by blanks, a glob pattern (** for any depth) or a directory."},
		{Name: "files", Level: connector.OnTable, Path: true, Doc: "The same as filename."},
		{Name: "directory", Level: connector.OnTable, Path: true, Doc: "A directory whose .parquet files, at any depth, are the table."},
		{Name: "glob", Level: connector.OnTable, Path: true, Doc: "A glob pattern."},
		{Name: "sorted", Level: connector.OnTable, Doc: "Accepted for parquet_fdw's sake; has no effect."},
		{Name: "files_in_order", Level: connector.OnTable, Check: boolean, Doc: "Accepted for parquet_fdw's sake; has no effect."},
		{Name: "use_mmap", Level: connector.OnTable, Check: boolean, Doc: "Accepted for parquet_fdw's sake; has no effect."},
		{Name: "use_threads", Level: connector.OnTable, Check: boolean, Doc: "Accepted for parquet_fdw's sake; has no effect."},
		{Name: "column_name", Level: connector.OnColumn, Doc: "Name of the column in the files."},
	}
}

// Open implements connector.Connector.
func (*Connector) Open(_ context.Context, c connector.Config) (connector.Source, error) {
	s := &source{
		name:    c.Server,
		root:    c.Options["root"],
		footers: &footerCache{account: c.Account, footers: map[footerKey]*footer{}},
	}
	s.decoders.account = c.Account
	s.dictIDs.Store(rand.Uint64())
	return s, nil
}

// source is one server.
type source struct {
	name       string
	root       string
	footers    *footerCache
	statistics statisticsCache
	decoders   spareDecoders
	recent     recentTables
	// dictIDs gives each dictionary that is read a number. They begin anywhere,
	// so that dictionaries of two servers differ, too.
	dictIDs atomic.Uint64
}

// access returns the rules for file names.
func (s *source) access(absolute bool) localfile.Access {
	return localfile.Access{Source: s.name, Root: s.root, AllowAbsolute: absolute}
}

// Schemas implements connector.Source.
func (s *source) Schemas(context.Context) ([]string, error) {
	if s.root == "" {
		return []string{""}, nil
	}
	return s.access(false).Schemas(true, extension)
}

// Tables implements connector.Source.
func (s *source) Tables(_ context.Context, schema string) ([]string, error) {
	if s.root == "" {
		return nil, nil
	}
	tables, err := s.access(false).Tables(schema, true, extension)
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
	if s.root == "" {
		return "Parquet files named by their tables", nil
	}
	tables, err := s.access(false).Tables("", true, extension)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("Parquet files below %s: %d tables", s.root, len(tables)), nil
}

// Close implements connector.Source.
func (s *source) Close() error {
	s.footers.close()
	s.decoders.close()
	return nil
}

// table is a resolved table: its files and columns.
type table struct {
	ref     connector.TableRef
	access  localfile.Access
	columns []connector.Column
	files   []tableFile
	// found is when the names were looked up.
	found time.Time
}

// lookupAge is how long names that lead to files, rather than to directories or
// patterns, are not looked up again. The files themselves are compared with what
// was read each time.
const lookupAge = time.Second

// fresh reports whether resolving t again would give the same.
func (t *table) fresh() bool {
	// More files cost about as much to compare as to find.
	if len(t.files) > 16 || time.Since(t.found) > lookupAge {
		return false
	}
	for i := range t.files {
		if !t.files[i].file.Unchanged() {
			return false
		}
	}
	return true
}

// tableFile is one file of a table and how its fields become the columns.
type tableFile struct {
	file   localfile.File
	footer *footer
	// fields has one entry per column of the table; nil where the file has no
	// such field.
	fields []*mapped
}

// mapped is a field as a column: delivered in the field's own form, or
// converted to the column's type.
type mapped struct {
	field
	convert bool
}

// Table implements connector.Source.
func (s *source) Table(_ context.Context, ref connector.TableRef) (connector.TableHandle, error) {
	t := s.recent.find(ref)
	if t == nil {
		var err error
		if t, err = s.resolve(ref); err != nil {
			return nil, err
		}
		s.recent.keep(t)
	}
	project := make([]int, len(t.columns))
	for i := range project {
		project[i] = i
	}
	h := &handle{table: t, project: project, latest: &atomic.Pointer[table]{}}
	h.latest.Store(t)
	return h, nil
}

// resolve finds the files of a table and matches their schemas.
func (s *source) resolve(ref connector.TableRef) (*table, error) {
	t := &table{ref: ref, access: s.access(ref.AllowAbsolute), found: time.Now()}
	files, err := t.locate()
	if err != nil {
		return nil, err
	}
	footers := make([]*footer, len(files))
	for i, f := range files {
		if footers[i], err = s.footers.get(t.access, f); err != nil {
			return nil, err
		}
	}
	t.columns = ref.Columns
	if t.columns == nil {
		t.columns = columnsOf(typed(footers))
		if len(files) > 1 {
			// Another file may lack the column.
			t.columns = slices.Clone(t.columns)
			for i := range t.columns {
				t.columns[i].NotNull = false
			}
		}
	}
	exists := make([]bool, len(t.columns))
	for i, f := range files {
		tf, err := t.match(f, footers[i], exists)
		if err != nil {
			return nil, err
		}
		t.files = append(t.files, tf)
	}
	for c, col := range t.columns {
		if !exists[c] {
			return nil, pgerror.Source(s.name, pgerror.UndefinedColumn,
				fmt.Sprintf("column %q of table %q does not exist in file %q", remoteName(col), ref.Name, files[0].Name), nil)
		}
	}
	return t, nil
}

// locate expands the file names of the table.
func (t *table) locate() ([]localfile.File, error) {
	var names []string
	for _, option := range []string{"filename", "files"} {
		if v := strings.TrimSpace(t.ref.Options[option]); v != "" {
			names = append(names, splitNames(v)...)
		}
	}
	for _, option := range []string{"directory", "glob"} {
		if v := t.ref.Options[option]; v != "" {
			names = append(names, v)
		}
	}
	if len(names) == 0 {
		missing := pgerror.Source(t.access.Source, pgerror.UndefinedTable, fmt.Sprintf("table %q does not exist", t.ref.Name), nil)
		if t.access.Root == "" {
			return nil, missing.WithHint("Name the file with the option filename in CREATE FOREIGN TABLE, or set the server option root.")
		}
		found, ok, err := t.access.Lookup(t.ref.Schema, t.ref.Name, true, extension)
		if err != nil {
			return nil, err
		}
		if !ok {
			return nil, missing
		}
		names = []string{found.Path}
	}
	var out []localfile.File
	for _, n := range names {
		files, err := t.access.Expand(n, extension)
		if err != nil {
			return nil, err
		}
		out = append(out, files...)
	}
	return out, nil
}

// splitNames splits a list of file names at blanks; a backslash keeps the next
// character.
func splitNames(v string) []string {
	var out []string
	var cur strings.Builder
	for i := 0; i < len(v); i++ {
		switch {
		case v[i] == '\\' && i+1 < len(v):
			i++
			cur.WriteByte(v[i])
		case v[i] == ' ' || v[i] == '\n' || v[i] == '\t':
			if cur.Len() > 0 {
				out = append(out, cur.String())
				cur.Reset()
			}
		default:
			cur.WriteByte(v[i])
		}
	}
	if cur.Len() > 0 {
		out = append(out, cur.String())
	}
	return out
}

// remoteName returns the name of a column in the files.
func remoteName(c connector.Column) string {
	if n := c.Options["column_name"]; n != "" {
		return n
	}
	return c.Name
}

// typed returns the fields of the first file. Those that have no type there have
// that of the first file that knows it.
func typed(footers []*footer) []field {
	out := footers[0].fields
	for i, f := range out {
		if f.form != formNull {
			continue
		}
		for _, ft := range footers[1:] {
			k := slices.IndexFunc(ft.fields, func(x field) bool { return x.name == f.name && x.form != formNull })
			if k >= 0 {
				out = slices.Clone(out)
				out[i] = ft.fields[k]
				break
			}
		}
	}
	return out
}

// match maps the fields of one file to the table's columns, and notes which it
// has. A field without type or values is like one that the file lacks.
func (t *table) match(f localfile.File, ft *footer, exists []bool) (tableFile, error) {
	tf := tableFile{file: f, footer: ft, fields: make([]*mapped, len(t.columns))}
	for c, col := range t.columns {
		name := remoteName(col)
		i := slices.IndexFunc(ft.fields, func(x field) bool { return x.name == name })
		if i < 0 {
			i = slices.IndexFunc(ft.fields, func(x field) bool { return strings.EqualFold(x.name, name) })
		}
		if i < 0 {
			continue
		}
		exists[c] = true
		if ft.fields[i].form == formNull {
			continue
		}
		m := &mapped{field: ft.fields[i]}
		switch {
		case decode.SameForm(m.typ, col.Type):
			m.typ = col.Type
		case decode.Convertible(m.typ, col.Type):
			m.convert = true
		default:
			return tf, pgerror.Source(t.access.Source, pgerror.DatatypeMismatch,
				fmt.Sprintf("column %q of file %q has type %s, which cannot be read as %s", name, f.Name, decode.TypeName(m.typ), decode.TypeName(col.Type)), nil)
		}
		tf.fields[c] = m
	}
	return tf, nil
}

// part is a range of rows of one row group.
type part struct {
	file  int
	group int
	from  int64
	rows  int64
}

// handle is a table with a projection and predicates.
type handle struct {
	table   *table
	project []int
	checks  []check
	// latest is the table as it was last resolved, with the columns of table; all
	// handles made from one share it.
	latest *atomic.Pointer[table]
	// queue is set by Split and shared by all handles of the split: each part
	// goes to the reader that is ready for it first. nil means every row group
	// that the checks leave.
	queue *partQueue
	// fixed marks a part of a split: it reads the files as they were found.
	fixed bool
	// rows is about how many rows a part of a split has.
	rows  int64
	limit int64 // rows needed, 0 for all
	// pinned handles read the files of table also when they are not fixed.
	pinned bool
	// located adds the place of each row as a last column.
	located bool
	// places, when not nil, are the rows to be read, by row group.
	places map[part][]rowRange
}

// Columns implements connector.TableHandle.
func (h *handle) Columns() []connector.Column {
	out := make([]connector.Column, len(h.project))
	for i, c := range h.project {
		out[i] = h.table.columns[c]
	}
	if h.located {
		out = append(out, connector.Column{Name: "place", Type: types.Of(types.Int8), NotNull: true})
	}
	return out
}

// String implements connector.TableHandle.
func (h *handle) String() string {
	s := "parquet " + h.table.files[0].file.Name
	if n := len(h.table.files); n > 1 {
		s += fmt.Sprintf(" and %d more files", n-1)
	}
	return s
}

// RemoteQuery implements connector.Explainer.
func (s *source) RemoteQuery(h connector.TableHandle, _ bool) string {
	x := h.(*handle)
	names := make([]string, len(x.project))
	for i, c := range x.project {
		names[i] = x.table.columns[c].Name
	}
	total := 0
	for _, f := range x.table.files {
		total += len(f.footer.groups)
	}
	parts := x.table.prune(x.checks)
	return fmt.Sprintf("read (%s) from %s: %d of %d row groups", strings.Join(names, ", "), x.String(), len(parts), total)
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
	if out.fixed || limit <= 0 || len(out.checks) > 0 {
		return h, false
	}
	if out.limit == 0 || limit < out.limit {
		out.limit = limit
	}
	return &out, true
}

// Estimate implements connector.Estimator.
func (s *source) Estimate(_ context.Context, h connector.TableHandle) (float64, bool) {
	x := h.(*handle)
	if x.fixed {
		return float64(x.rows), true
	}
	parts := x.table.prune(x.checks)
	rows := int64(0)
	for _, p := range parts {
		rows += p.rows
	}
	if x.limit > 0 {
		rows = min(rows, x.limit)
	}
	return float64(rows), true
}

// splitRows is the smallest part that is worth a worker of its own.
const splitRows = 32 << 10

// Split implements connector.Splitter: the handles share a queue of row groups
// and pieces of them, so each may be scanned once.
func (s *source) Split(_ context.Context, h connector.TableHandle, n int) ([]connector.TableHandle, error) {
	x := h.(*handle)
	if x.fixed || x.limit > 0 || n < 2 {
		return []connector.TableHandle{h}, nil
	}
	t, err := s.current(x)
	if err != nil {
		return nil, err
	}
	parts := t.prune(x.checks)
	total := int64(0)
	for _, p := range parts {
		total += p.rows
	}
	n = min(n, int(total/splitRows))
	if n < 2 {
		return []connector.TableHandle{h}, nil
	}
	size := total / int64(morsels*n)
	for _, f := range t.files {
		// To begin within a nested column all rows before must be decoded.
		if slices.ContainsFunc(x.project, func(c int) bool { return f.fields[c] != nil && f.fields[c].form == formNested }) {
			size = math.MaxInt32
		}
	}
	queue := &partQueue{parts: cut(parts, size)}
	out := make([]connector.TableHandle, n)
	for i := range out {
		c := *x
		c.table, c.queue, c.fixed, c.rows = t, queue, true, total/int64(n)
		out[i] = &c
	}
	return out, nil
}

// morsels is how many parts each reader of a split has at least, so that all end
// at about the same time.
const morsels = 4

// cut cuts row groups that are much larger than size rows. A cut costs a second
// reading of dictionaries and of the page that it falls into; it falls on a
// multiple of the batch size.
func cut(parts []part, size int64) []part {
	size = (max(size, splitRows) + 2047) &^ 2047
	var out []part
	for _, p := range parts {
		for p.rows > size+size/2 {
			head := p
			head.rows = size
			out = append(out, head)
			p.from += size
			p.rows -= size
		}
		out = append(out, p)
	}
	return out
}

// current resolves the table of h again, because a handle may be older than its
// files; columns that have changed are an error.
func (s *source) current(h *handle) (*table, error) {
	if h.fixed || h.pinned {
		return h.table, nil
	}
	if t := h.latest.Load(); t.fresh() {
		return t, nil
	}
	t, err := s.resolve(h.table.ref)
	if err != nil {
		return nil, err
	}
	same := slices.EqualFunc(t.columns, h.table.columns, func(a, b connector.Column) bool { return a.Name == b.Name && a.Type == b.Type })
	if !same {
		return nil, pgerror.Source(s.name, pgerror.FeatureNotSupported, "cached plan must not change result type", nil)
	}
	h.latest.Store(t)
	return t, nil
}
