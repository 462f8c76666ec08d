package connectortest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/memory"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/planner/expr"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// Fixture is a source that holds the suite's data.
type Fixture struct {
	Connector connector.Connector
	// Config is passed to Open; Run sets the account.
	Config connector.Config
	// Types, Big and Empty are where TypesTable, BigTable and EmptyTable are
	// stored. A zero Big or Empty skips what needs it.
	Types, Big, Empty connector.TableRef
	// Missing names a table that does not exist; its error must have one of
	// MissingCodes (default 42P01).
	Missing      connector.TableRef
	MissingCodes []pgerror.Code
	// Slow, when it has a name, is a table whose first row takes longer than
	// ten seconds.
	Slow connector.TableRef
	// MustPush lists columns of TypesTable on which `=` with a constant must
	// not stay local.
	MustPush []string
}

// Run tests the connector of f.
func Run(t *testing.T, f Fixture) {
	t.Helper()
	ignore := goleak.IgnoreCurrent()
	root := memory.NewRoot("test", 0)
	f.Config.Account = root.Child("source", 0)
	s := &suite{f: f, account: root.Child("query", 0)}
	var err error
	if s.source, err = f.Connector.Open(t.Context(), f.Config); err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Run("lists its tables", s.list)
	t.Run("round trips every type", s.roundTrip)
	t.Run("reads with small batches", s.smallBatches)
	t.Run("projects", s.project)
	t.Run("pushes filters without changing answers", s.filters)
	t.Run("drops only what dynamic filters drop", s.dynamic)
	t.Run("pushes limits", s.limit)
	t.Run("evaluates operations without changing answers", s.operations)
	t.Run("reads an empty table", s.empty)
	t.Run("reads a big table", s.big)
	t.Run("splits", s.split)
	t.Run("stops when the context ends", s.cancel)
	t.Run("cancels a read that waits", s.cancelSlow)
	t.Run("closes at any time", s.close)
	t.Run("reports an unknown table", s.missing)
	t.Run("explains", s.explain)
	t.Run("describes its rows", s.statistics)
	t.Run("writes what it reads", s.writes)
	if used := s.account.Used(); used != 0 {
		t.Errorf("scans left %d bytes in their account", used)
	}
	if err := s.source.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if used := root.Used(); used != 0 {
		t.Errorf("the source left %d bytes in its account", used)
	}
	goleak.VerifyNone(t, ignore)
}

// suite is the state of one Run.
type suite struct {
	f       Fixture
	source  connector.Source
	account *memory.Account
}

// table resolves ref.
func (s *suite) table(t *testing.T, ref connector.TableRef) connector.TableHandle {
	t.Helper()
	h, err := s.source.Table(t.Context(), ref)
	if err != nil {
		t.Fatalf("Table(%s.%s): %v", ref.Schema, ref.Name, err)
	}
	return h
}

// read returns every row of h. It rotates two batches and checks that the
// earlier one stays valid while the later is filled.
func (s *suite) read(t *testing.T, h connector.TableHandle, size int) [][]types.Datum {
	t.Helper()
	rows, _ := s.readFiltered(t, h, size, nil)
	return rows
}

// readFiltered is read with dynamic filters; by filter it returns whether the
// reader said that it applies it itself.
func (s *suite) readFiltered(t *testing.T, h connector.TableHandle, size int, filters []connector.ScanFilter) ([][]types.Datum, []bool) {
	t.Helper()
	r, err := s.source.Scan(t.Context(), h, connector.ScanOptions{Account: s.account, BatchSize: size, Format: types.DefaultFormat(), Filters: filters})
	if err != nil {
		t.Fatalf("Scan(%s): %v", h, err)
	}
	defer r.Close()
	applied := make([]bool, len(filters))
	if self, ok := r.(connector.FilteringReader); ok {
		for i := range filters {
			applied[i] = self.Filters(i)
		}
	}
	cols := h.Columns()
	var out [][]types.Datum
	var batches [2]vector.Batch
	collect := func(b *vector.Batch) {
		for i := range b.N {
			row := make([]types.Datum, len(cols))
			for c := range cols {
				if b.Cols[c].Type.OID != cols[c].Type.OID {
					t.Fatalf("column %s is delivered as %d, declared as %d", cols[c].Name, b.Cols[c].Type.OID, cols[c].Type.OID)
				}
				row[c] = b.Cols[c].Datum(i)
			}
			out = append(out, row)
		}
	}
	filled := -1
	for k := 0; ; k ^= 1 {
		b := &batches[k]
		err := r.Next(t.Context(), b)
		if filled >= 0 {
			collect(&batches[filled])
		}
		if err == io.EOF {
			if b.N != 0 {
				t.Errorf("batch of %d rows together with EOF", b.N)
			}
			break
		}
		if err != nil {
			t.Fatalf("Next: %v", err)
		}
		if b.N == 0 || b.N > size || b.Sel != nil || len(b.Cols) != len(cols) {
			t.Fatalf("batch of N=%d (limit %d), %d columns (want %d), Sel %v", b.N, size, len(b.Cols), len(cols), b.Sel != nil)
		}
		filled = k
	}
	if err := r.Next(t.Context(), &batches[0]); err != io.EOF {
		t.Errorf("Next after the end: %v, want EOF", err)
	}
	return out, applied
}

// keys prints rows sorted, for comparison as multisets.
func keys(cols []connector.Column, rows [][]types.Datum) []string {
	out := make([]string, len(rows))
	for i, r := range rows {
		parts := make([]string, len(r))
		for c, d := range r {
			if parts[c] = "NULL"; !d.Null {
				parts[c] = fmt.Sprintf("%q", text(cols[c].Type, d))
			}
		}
		out[i] = strings.Join(parts, "|")
	}
	slices.Sort(out)
	return out
}

// list checks Schemas and Tables.
func (s *suite) list(t *testing.T) {
	schemas, err := s.source.Schemas(t.Context())
	if err != nil {
		t.Fatalf("Schemas: %v", err)
	}
	ref := s.f.Types
	if ref.Options != nil || ref.Columns != nil {
		return
	}
	if !slices.Contains(schemas, ref.Schema) {
		t.Errorf("Schemas = %q, without %q", schemas, ref.Schema)
	}
	tables, err := s.source.Tables(t.Context(), ref.Schema)
	if err != nil {
		t.Fatalf("Tables: %v", err)
	}
	if !slices.Contains(tables, ref.Name) {
		t.Errorf("Tables(%q) = %q, without %q", ref.Schema, tables, ref.Name)
	}
	if p, ok := s.source.(connector.Prober); ok {
		if line, err := p.Probe(t.Context()); err != nil || line == "" {
			t.Errorf("Probe = %q, %v", line, err)
		}
	}
}

// roundTrip compares what is read with what was stored.
func (s *suite) roundTrip(t *testing.T) {
	want := TypesTable()
	h := s.table(t, s.f.Types)
	rows := s.read(t, h, vector.BatchSize)
	compareTable(t, want, h.Columns(), rows)
}

// compareTable reports every cell of rows that is not the stored one.
func compareTable(t *testing.T, want *Table, cols []connector.Column, rows [][]types.Datum) {
	t.Helper()
	if len(rows) != len(want.Rows) {
		t.Fatalf("%s: %d rows, want %d", want.Name, len(rows), len(want.Rows))
	}
	id := slices.IndexFunc(cols, func(c connector.Column) bool { return c.Name == "id" })
	if id < 0 {
		t.Fatalf("%s: no column id", want.Name)
	}
	first := want.Rows[0][0].Text
	bad := 0
	for _, r := range rows {
		n := 0
		fmt.Sscan(text(cols[id].Type, r[id]), &n)
		if first == "1" {
			n--
		}
		if n < 0 || n >= len(want.Rows) {
			t.Fatalf("%s: unknown id %s", want.Name, text(cols[id].Type, r[id]))
		}
		for c, col := range cols {
			w := slices.IndexFunc(want.Columns, func(x Column) bool { return x.Name == col.Name })
			if w < 0 {
				continue
			}
			if !same(want.Columns[w].Type, want.Rows[n][w], col.Type, r[c]) {
				if bad++; bad <= 20 {
					t.Errorf("%s.%s of row %d: got %q, stored %+v", want.Name, col.Name, n, text(col.Type, r[c]), want.Rows[n][w])
				}
			}
		}
	}
}

// smallBatches reads with odd batch sizes.
func (s *suite) smallBatches(t *testing.T) {
	h := s.table(t, s.f.Types)
	want := keys(h.Columns(), s.read(t, h, vector.BatchSize))
	for _, size := range []int{1, 3, 64} {
		if got := keys(h.Columns(), s.read(t, h, size)); !slices.Equal(got, want) {
			t.Errorf("batch size %d gives other rows", size)
		}
	}
}

// project reads subsets of the columns, reordered and none.
func (s *suite) project(t *testing.T) {
	p, ok := s.source.(connector.ProjectPusher)
	if !ok {
		t.Skip("the source does not project")
	}
	h := s.table(t, s.f.Types)
	all := s.read(t, h, vector.BatchSize)
	cols := h.Columns()
	last := len(cols) - 1
	for _, pick := range [][]int{{0}, {last}, {last, 0}, {2, 1}, {}} {
		ph, ok := p.PushProject(h, pick)
		if !ok {
			continue
		}
		if len(ph.Columns()) != len(pick) {
			t.Fatalf("projection %v has %d columns", pick, len(ph.Columns()))
		}
		want := make([][]types.Datum, len(all))
		for i, r := range all {
			want[i] = []types.Datum{}
			for _, c := range pick {
				want[i] = append(want[i], r[c])
			}
		}
		got := s.read(t, ph, vector.BatchSize)
		if !slices.Equal(keys(ph.Columns(), got), keys(ph.Columns(), want)) {
			t.Errorf("projection %v differs", pick)
		}
	}
	if len(h.Columns()) != len(cols) {
		t.Error("PushProject changed its handle")
	}
}

// constants returns values for predicates on column c: those stored.
func constants(c connector.Column) []types.Datum {
	want := TypesTable()
	w := slices.IndexFunc(want.Columns, func(x Column) bool { return x.Name == c.Name })
	if w < 0 {
		return nil
	}
	var out []types.Datum
	seen := map[string]bool{}
	for _, r := range want.Rows {
		if r[w].Null || seen[r[w].Text] {
			continue
		}
		seen[r[w].Text] = true
		if d, ok := parse(c.Type, r[w].Text); ok {
			out = append(out, d)
		}
	}
	if c.Type.OID == types.Text || c.Type.OID == types.VarChar {
		out = append(out, types.TextDatum("aBc"), types.TextDatum("abc  "), types.TextDatum("ecläir"), types.TextDatum("b"))
	}
	return out
}

// filters offers many predicates and compares the answers.
func (s *suite) filters(t *testing.T) {
	p, ok := s.source.(connector.FilterPusher)
	if !ok {
		t.Skip("the source takes no filters")
	}
	h := s.table(t, s.f.Types)
	cols := h.Columns()
	all := s.read(t, h, vector.BatchSize)
	var list []expr.Expr
	for i, c := range cols {
		list = append(list, leaves(i, c, constants(c))...)
	}
	count := map[connector.Pushed]int{}
	for _, e := range list {
		count[s.filter(t, p, h, all, e)]++
	}
	for _, e := range combine(list, 150, 1) {
		count[s.filter(t, p, h, all, e)]++
	}
	for i, e := range combine(list, 30, 2) {
		s.filter(t, p, h, all, e, list[i*7%len(list)], list[i*13%len(list)])
	}
	t.Logf("%d exact, %d superset, %d local", count[connector.Exact], count[connector.Superset], count[connector.Local])
	for _, name := range s.f.MustPush {
		i := slices.IndexFunc(cols, func(c connector.Column) bool { return c.Name == name })
		if i < 0 {
			t.Errorf("no column %s", name)
			continue
		}
		col := &expr.Column{ID: expr.ColumnID(i), Name: name, T: cols[i].Type}
		eq := Compare("=", col, &expr.Const{T: types.Of(cols[i].Type.OID), Value: constants(cols[i])[0]})
		if _, out := p.PushFilter(h, connector.Seal([]expr.Expr{eq})); out[0].Pushed == connector.Local {
			t.Errorf("%s = constant stays local: %s", name, out[0].Reason)
		}
	}
}

// filter checks one list of conjuncts and returns the outcome of the first.
func (s *suite) filter(t *testing.T, p connector.FilterPusher, h connector.TableHandle, all [][]types.Datum, list ...expr.Expr) connector.Pushed {
	t.Helper()
	ph, out := p.PushFilter(h, connector.Seal(list))
	if len(out) != len(list) {
		t.Fatalf("%d outcomes for %d predicates", len(out), len(list))
	}
	pass := func(rows [][]types.Datum, only func(connector.Pushed) bool) [][]types.Datum {
		var kept [][]types.Datum
		for _, r := range rows {
			keep := true
			for i, e := range list {
				if only(out[i].Pushed) {
					d := Evaluate(e, r)
					keep = keep && !d.Null && d.Bool()
				}
			}
			if keep {
				kept = append(kept, r)
			}
		}
		return kept
	}
	for i, o := range out {
		if o.Pushed != connector.Exact && o.Reason == "" {
			t.Errorf("%s: outcome %s without a reason", describe(h, list[i]), o.Pushed)
		}
	}
	want := keys(h.Columns(), pass(all, func(connector.Pushed) bool { return true }))
	rows := s.read(t, ph, vector.BatchSize)
	got := keys(h.Columns(), pass(rows, func(o connector.Pushed) bool { return o != connector.Exact }))
	if !slices.Equal(got, want) {
		query := ""
		if x, ok := s.source.(connector.Explainer); ok {
			query = x.RemoteQuery(ph, false)
		}
		t.Errorf("%s (%v): %d rows, want %d\n%s", describe(h, list...), out, len(got), len(want), query)
	}
	return out[0].Pushed
}

// describe prints predicates for failure messages.
func describe(h connector.TableHandle, list ...expr.Expr) string {
	var show func(e expr.Expr) string
	show = func(e expr.Expr) string {
		switch e := e.(type) {
		case *expr.Column:
			return e.Name
		case *expr.Const:
			return fmt.Sprintf("%q", text(e.T, e.Value))
		case *expr.Call:
			return show(e.Args[0]) + " " + e.Op + " " + show(e.Args[1])
		case *expr.Relabel:
			return show(e.Arg)
		}
		var parts []string
		for _, k := range expr.Children(e) {
			parts = append(parts, show(k))
		}
		name := strings.TrimPrefix(fmt.Sprintf("%T", e), "*expr.")
		if l, ok := e.(*expr.Logic); ok {
			name = [...]string{"AND", "OR", "NOT"}[l.Op]
		}
		return name + "(" + strings.Join(parts, ", ") + ")"
	}
	var out []string
	for _, e := range list {
		out = append(out, show(e))
	}
	return strings.Join(out, " AND ")
}

// limit pushes limits below, at and above the number of rows.
func (s *suite) limit(t *testing.T) {
	p, ok := s.source.(connector.LimitPusher)
	if !ok {
		t.Skip("the source takes no limit")
	}
	h := s.table(t, s.f.Types)
	total := len(TypesTable().Rows)
	for _, n := range []int{0, 1, 5, total, total + 5} {
		lh, ok := p.PushLimit(h, int64(n))
		if !ok {
			continue
		}
		if got := len(s.read(t, lh, vector.BatchSize)); got != min(n, total) {
			t.Errorf("LIMIT %d gives %d rows", n, got)
		}
	}
	// The smaller of two limits holds.
	if a, ok := p.PushLimit(h, 2); ok {
		if b, ok := p.PushLimit(a, 4); ok {
			if got := len(s.read(t, b, vector.BatchSize)); got != 2 {
				t.Errorf("LIMIT 4 of LIMIT 2 gives %d rows", got)
			}
		}
	}
}

// empty reads a table without rows.
func (s *suite) empty(t *testing.T) {
	if s.f.Empty.Name == "" {
		t.Skip("no empty table")
	}
	if rows := s.read(t, s.table(t, s.f.Empty), vector.BatchSize); len(rows) != 0 {
		t.Errorf("%d rows", len(rows))
	}
}

// big reads the big table and compares every cell.
func (s *suite) big(t *testing.T) {
	if s.f.Big.Name == "" {
		t.Skip("no big table")
	}
	h := s.table(t, s.f.Big)
	compareTable(t, BigTable(), h.Columns(), s.read(t, h, vector.BatchSize))
	if p, ok := s.source.(connector.ProjectPusher); ok {
		if ph, ok := p.PushProject(h, nil); ok {
			if got := len(s.read(t, ph, vector.BatchSize)); got != BigRows {
				t.Errorf("without columns %d rows, want %d", got, BigRows)
			}
		}
	}
}

// split reads the parts of the big table.
func (s *suite) split(t *testing.T) {
	p, ok := s.source.(connector.Splitter)
	if !ok || s.f.Big.Name == "" {
		t.Skip("the source does not split")
	}
	h := s.table(t, s.f.Big)
	parts, err := p.Split(t.Context(), h, 4)
	if err != nil {
		t.Fatal(err)
	}
	var rows [][]types.Datum
	for _, part := range parts {
		rows = append(rows, s.read(t, part, vector.BatchSize)...)
	}
	compareTable(t, BigTable(), h.Columns(), rows)
}

// cancel ends the context in the middle of a big read.
func (s *suite) cancel(t *testing.T) {
	if s.f.Big.Name == "" {
		t.Skip("no big table")
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	r, err := s.source.Scan(ctx, s.table(t, s.f.Big), connector.ScanOptions{Account: s.account, BatchSize: 64, Format: types.DefaultFormat()})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var b vector.Batch
	if err := r.Next(ctx, &b); err != nil {
		t.Fatal(err)
	}
	stop()
	start := time.Now()
	for err == nil {
		err = r.Next(ctx, &b)
	}
	took := time.Since(start)
	if err == io.EOF {
		t.Error("the read went on to the end")
	}
	if code := pgerror.CodeOf(err); code != pgerror.QueryCanceledCode {
		t.Errorf("SQLSTATE %s (%v), want 57014", code, err)
	}
	if took > time.Second {
		t.Errorf("took %v", took)
	}
}

// cancelSlow ends the context while Scan or Next waits for the source.
func (s *suite) cancelSlow(t *testing.T) {
	if s.f.Slow.Name == "" {
		t.Skip("no slow table")
	}
	h := s.table(t, s.f.Slow)
	ctx, stop := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer stop()
	start := time.Now()
	r, err := s.source.Scan(ctx, h, connector.ScanOptions{Account: s.account, BatchSize: 64, Format: types.DefaultFormat()})
	if err == nil {
		var b vector.Batch
		err = r.Next(ctx, &b)
		r.Close()
	}
	if took := time.Since(start); took > 1200*time.Millisecond {
		t.Errorf("took %v", took)
	}
	if code := pgerror.CodeOf(err); code != pgerror.QueryCanceledCode {
		t.Errorf("SQLSTATE %s (%v), want 57014", code, err)
	}
	s.roundTrip(t)
}

// close closes readers before, within and after the rows.
func (s *suite) close(t *testing.T) {
	ref := s.f.Big
	if ref.Name == "" {
		ref = s.f.Types
	}
	h := s.table(t, ref)
	for _, batches := range []int{0, 1, 3} {
		r, err := s.source.Scan(t.Context(), h, connector.ScanOptions{Account: s.account, BatchSize: 4, Format: types.DefaultFormat()})
		if err != nil {
			t.Fatal(err)
		}
		var b vector.Batch
		for range batches {
			if err := r.Next(t.Context(), &b); err != nil {
				t.Fatal(err)
			}
		}
		start := time.Now()
		for range 2 {
			if err := r.Close(); err != nil {
				t.Errorf("Close after %d batches: %v", batches, err)
			}
		}
		if took := time.Since(start); took > time.Second {
			t.Errorf("Close after %d batches took %v", batches, took)
		}
		if used := s.account.Used(); used != 0 {
			t.Errorf("Close after %d batches left %d bytes", batches, used)
		}
	}
}

// missing resolves a table that does not exist.
func (s *suite) missing(t *testing.T) {
	_, err := s.source.Table(t.Context(), s.f.Missing)
	if err == nil {
		t.Fatal("no error")
	}
	codes := s.f.MissingCodes
	if codes == nil {
		codes = []pgerror.Code{pgerror.UndefinedTable}
	}
	var e *pgerror.Error
	if !errors.As(err, &e) || !slices.Contains(codes, e.Code) {
		t.Errorf("error %v, want one of %v", err, codes)
	}
}

// explain checks that a redacted query shows no literal.
func (s *suite) explain(t *testing.T) {
	x, ok := s.source.(connector.Explainer)
	p, ok2 := s.source.(connector.FilterPusher)
	if !ok || !ok2 {
		t.Skip("the source does not explain")
	}
	h := s.table(t, s.f.Types)
	i := slices.IndexFunc(h.Columns(), func(c connector.Column) bool { return c.Name == "i4" })
	if i < 0 {
		t.Skip("no column i4")
	}
	col := &expr.Column{ID: expr.ColumnID(i), Name: "i4", T: h.Columns()[i].Type}
	ph, _ := p.PushFilter(h, connector.Seal([]expr.Expr{Compare("=", col, &expr.Const{T: types.Of(col.T.OID), Value: types.IntDatum(424242)})}))
	if strings.Contains(ph.String(), "424242") || strings.Contains(x.RemoteQuery(ph, true), "424242") {
		t.Errorf("the literal is shown: %s / %s", ph, x.RemoteQuery(ph, true))
	}
}
