package operator

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	"github.com/hubsql/hubsql/catalog/session"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/memory"
	"github.com/hubsql/hubsql/exec/scheduler"
	"github.com/hubsql/hubsql/exec/spill"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/planner/expr"
	"github.com/hubsql/hubsql/planner/physical"
	"github.com/hubsql/hubsql/wire/pgerror"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	int8T = types.Of(types.Int8)
	textT = types.Of(types.Text)
	boolT = types.Of(types.Bool)
	numT  = types.Of(types.Numeric)
)

// table is a source of one table in memory.
type table struct {
	cols []connector.Column
	rows [][]types.Datum
	// local readers are called on the workers; parts is the number of splits.
	local bool
	parts int
	// endless repeats the rows; failAt makes Next fail behind so many rows;
	// block makes Next wait for its context behind so many rows.
	endless       bool
	failAt, block int
	// dict delivers text as dictionaries, scaled numerics as scaled vectors.
	dict, scaled bool
	open         atomic.Int64
}

// tableHandle is rows [from, to) of a table.
type tableHandle struct {
	t        *table
	from, to int
}

func (h tableHandle) Columns() []connector.Column { return h.t.cols }
func (h tableHandle) String() string              { return "memory" }

func (t *table) Schemas(context.Context) ([]string, error)        { return nil, nil }
func (t *table) Tables(context.Context, string) ([]string, error) { return nil, nil }
func (t *table) Table(context.Context, connector.TableRef) (connector.TableHandle, error) {
	return nil, nil
}
func (t *table) Close() error { return nil }

func (t *table) Split(_ context.Context, h connector.TableHandle, _ int) ([]connector.TableHandle, error) {
	n := max(t.parts, 1)
	var out []connector.TableHandle
	for i := range n {
		out = append(out, tableHandle{t, len(t.rows) * i / n, len(t.rows) * (i + 1) / n})
	}
	return out, nil
}

func (t *table) Scan(ctx context.Context, h connector.TableHandle, o connector.ScanOptions) (connector.Reader, error) {
	th := h.(tableHandle)
	if err := o.Account.Reserve(1000); err != nil {
		return nil, err
	}
	t.open.Add(1)
	r := &tableReader{t: t, at: th.from, from: th.from, to: th.to, o: o}
	if t.local {
		return localTableReader{r}, nil
	}
	return r, nil
}

type tableReader struct {
	t            *table
	from, at, to int
	o            connector.ScanOptions
	read         int
	closed       bool
}

type localTableReader struct{ *tableReader }

func (localTableReader) Local() {}

func (r *tableReader) Next(ctx context.Context, dst *vector.Batch) error {
	if r.t.block > 0 && r.read >= r.t.block {
		<-ctx.Done()
		return ctx.Err()
	}
	if r.t.failAt > 0 && r.read >= r.t.failAt {
		return errors.New("the source died")
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if r.at == r.to && r.t.endless {
		r.at = r.from
	}
	n := min(r.o.BatchSize, r.to-r.at)
	if r.t.failAt > 0 {
		n = min(n, r.t.failAt-r.read)
	}
	if r.t.block > 0 {
		n = min(n, r.t.block-r.read)
	}
	if n == 0 {
		dst.N, dst.Cols = 0, nil
		return io.EOF
	}
	dst.N, dst.Sel, dst.Cols = n, nil, nil
	for c, col := range r.t.cols {
		ds := make([]types.Datum, n)
		for i := range ds {
			ds[i] = r.t.rows[r.at+i][c]
		}
		v := vector.FromDatums(col.Type, ds)
		switch {
		case r.t.dict && col.Type.OID == types.Text:
			v = asDict(v, n)
		case r.t.scaled && col.Type.OID == types.Numeric:
			v = asScaled(v, n, int32(r.at/7%2)+1)
		}
		dst.Cols = append(dst.Cols, v)
	}
	r.at += n
	r.read += n
	return nil
}

func (r *tableReader) Close() error {
	if !r.closed {
		r.closed = true
		r.t.open.Add(-1)
		r.o.Account.Release(1000)
	}
	return nil
}

// asDict makes a dictionary vector with the NULLs of v inside and outside.
func asDict(v *vector.Vec, n int) *vector.Vec {
	d := &vector.Vec{Type: v.Type, Kind: vector.Dict}
	var entries []types.Datum
	index := map[types.Datum]int32{}
	for i := range n {
		x := v.Datum(i)
		if _, ok := index[x]; !ok {
			index[x] = int32(len(entries))
			entries = append(entries, x)
		}
		d.Codes = append(d.Codes, index[x])
	}
	d.Dict = vector.FromDatums(v.Type, entries)
	return d
}

// asScaled makes a scaled vector of integral numerics.
func asScaled(v *vector.Vec, n int, scale int32) *vector.Vec {
	s := vector.NewScaled(v.Type, scale, n)
	for i := range n {
		if v.IsNull(i) {
			s.SetNull(i, n)
			continue
		}
		x := decodeNum(v.Datum(i).S)
		for range scale {
			x *= 10
		}
		s.Int64s()[i] = x
	}
	return s
}

// num is an integral numeric datum.
func num(x int64) types.Datum { return types.TextDatum(string(types.AppendScaled(nil, x, 0))) }

// decodeNum reads an integral numeric.
func decodeNum(s string) int64 {
	n, w := int(s[0])<<8|int(s[1]), int(int16(uint16(s[2])<<8|uint16(s[3])))
	x := int64(0)
	for i := range w + 1 {
		x *= 10000
		if i < n {
			x += int64(s[8+2*i])<<8 | int64(s[9+2*i])
		}
	}
	if s[4] != 0 {
		return -x
	}
	return x
}

// scan plans the reading of t.
func (t *table) scan() *physical.Scan {
	n := &physical.Scan{Table: "t", Source: t, Handle: tableHandle{t, 0, len(t.rows)}, Rows: 1e6}
	for _, c := range t.cols {
		n.Cols = append(n.Cols, physical.Column{Name: c.Name, Type: c.Type})
	}
	return n
}

// newTable returns a table of columns a, b, c ... of the given types.
func newTable(ts []types.Type, rows [][]types.Datum) *table {
	t := &table{rows: rows, local: true}
	for i, typ := range ts {
		t.cols = append(t.cols, connector.Column{Name: string(rune('a' + i)), Type: typ})
	}
	return t
}

// show prints a value for comparison.
func show(t types.Type, d types.Datum) string {
	switch {
	case d.Null:
		return "-"
	case t.OID == types.Numeric:
		return strconv.FormatInt(decodeNum(d.S), 10)
	case t.Layout() == types.LayoutBytes:
		return d.S
	case t.Layout() == types.LayoutFloat64 || t.Layout() == types.LayoutFloat32:
		return strconv.FormatFloat(d.Float(), 'g', -1, 64)
	}
	return strconv.FormatInt(d.I, 10)
}

// col is a reference to column i.
func col(i int, t types.Type) expr.Expr {
	return &expr.Column{ID: expr.ColumnID(i), T: t}
}

// lit is a literal.
func lit(t types.Type, d types.Datum) expr.Expr { return &expr.Const{T: t, Value: d} }

// setup is one way to execute a plan.
type setup struct{ workers, batch int }

// setups are the ways in which every plan must give the same answer.
var setups = []setup{{1, 1}, {1, 2}, {1, 7}, {1, 2048}, {2, 7}, {2, 2048}, {4, 64}}

// start begins to execute plan on a pool of its own; stop checks that nothing
// is left.
func start(ctx context.Context, t *testing.T, plan physical.Node, s setup, limit int64) (q *Query, stop func()) {
	t.Helper()
	return startSpilling(ctx, t, plan, s, limit, 0)
}

// startSpilling is start with states that move to disk beyond spillAt bytes, or
// only when there is no memory if that is 0.
func startSpilling(ctx context.Context, t *testing.T, plan physical.Node, s setup, limit, spillAt int64) (q *Query, stop func()) {
	t.Helper()
	files, err := spill.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	pool := scheduler.New(max(s.workers, 2))
	account := memory.NewRoot("test", limit)
	q, err = Start(ctx, plan, Env{
		Pool: pool, Account: account, Session: &session.Session{}, Format: types.DefaultFormat(),
		BatchSize: s.batch, Workers: s.workers, Spill: files, SpillAt: spillAt,
	})
	if err != nil {
		pool.Close()
		t.Fatalf("start: %v", err)
	}
	return q, func() {
		t.Helper()
		q.Close()
		q.Close()
		pool.Close()
		if used := account.Used(); used != 0 {
			t.Errorf("account holds %d bytes", used)
		}
		if used := files.Used(); used != 0 {
			t.Errorf("%d bytes are on disk", used)
		}
	}
}

// collect executes plan and returns its rows, checking what every operator must
// keep: the schema, a sticky end, no memory left.
func collect(t *testing.T, plan physical.Node, s setup) ([]string, error) {
	t.Helper()
	return collectSpilling(t, plan, s, 0, 0)
}

// collectSpilling is collect with a limit and spillAt as for startSpilling.
func collectSpilling(t *testing.T, plan physical.Node, s setup, limit, spillAt int64) ([]string, error) {
	t.Helper()
	ctx := t.Context()
	q, stop := startSpilling(ctx, t, plan, s, limit, spillAt)
	defer stop()
	cols := plan.Columns()
	var out []string
	for {
		b, err := q.Next(ctx)
		if err == io.EOF {
			if _, err := q.Next(ctx); err != io.EOF {
				t.Errorf("the end is not sticky: %v", err)
			}
			break
		}
		if err != nil {
			return nil, err
		}
		if len(b.Cols) != len(cols) {
			t.Fatalf("%d columns, plan says %d", len(b.Cols), len(cols))
		}
		for i := range b.N {
			var row []string
			for c, v := range b.Cols {
				if v.Type.OID != cols[c].Type.OID {
					t.Fatalf("column %d has type %v, plan says %v", c, v.Type, cols[c].Type)
				}
				row = append(row, show(v.Type, v.Datum(i)))
			}
			out = append(out, strings.Join(row, "|"))
		}
	}
	st := q.Stats()[plan]
	if int(st.Rows) != len(out) {
		t.Errorf("stats count %d rows, result has %d", st.Rows, len(out))
	}
	return out, nil
}

// check executes plan in every way and compares with want, in order when there
// is one worker and ordered is set, as a multiset otherwise.
func check(t *testing.T, plan func() physical.Node, want []string, ordered bool) {
	t.Helper()
	sorted := slices.Sorted(slices.Values(want))
	compare := func(s setup, spillAt int64) {
		got, err := collectSpilling(t, plan(), s, 0, spillAt)
		if err != nil {
			t.Errorf("%+v: %v", s, err)
			return
		}
		w := want
		if !ordered {
			sort.Strings(got)
			w = sorted
		}
		if !slices.Equal(got, w) {
			t.Errorf("%+v, spilling at %d: got %s\nwant %s", s, spillAt, brief(got), brief(w))
		}
	}
	for _, s := range setups {
		compare(s, 0)
	}
	// The same with everything on disk that can be there.
	compare(setup{1, 2048}, 1)
	compare(setup{2, 64}, 1)
	compare(setup{2, 2048}, 100<<10)
}

// brief prints the beginning of a list.
func brief(rows []string) string {
	if len(rows) > 40 {
		return fmt.Sprintf("%d rows %q...", len(rows), rows[:40])
	}
	return fmt.Sprintf("%d rows %q", len(rows), rows)
}

// kinds runs f for local and remote sources.
func kinds(t *testing.T, tables []*table, f func(t *testing.T)) {
	for _, k := range []struct {
		name  string
		local bool
		parts int
	}{{"local", true, 1}, {"local split", true, 5}, {"remote", false, 1}, {"remote split", false, 3}} {
		for _, tab := range tables {
			tab.local, tab.parts = k.local, k.parts
		}
		t.Run(k.name, f)
	}
}

// explained prints an error with its detail.
func explained(err error) string {
	if err == nil {
		return "no error"
	}
	if e, ok := errors.AsType[*pgerror.Error](err); ok {
		return e.Message + ": " + e.Detail
	}
	return err.Error()
}
