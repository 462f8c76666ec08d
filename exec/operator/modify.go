package operator

import (
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/eval"
	"github.com/hubsql/hubsql/exec/kernel"
	"github.com/hubsql/hubsql/exec/memory"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/planner/expr"
	"github.com/hubsql/hubsql/planner/physical"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// modify is the sink of a Modify. It gives the rows to the table as they come;
// the statement reads the version of the table that it began with, so it never
// meets a row that it has written itself. What it returns is read afterwards.
type modify struct {
	q       *Query
	n       *physical.Modify
	account *memory.Account

	mu      sync.Mutex
	table   connector.Modification
	change  *remoteChange // nil for a local table
	changed int64
	rows    *columnStore // nil without RETURNING
	kept    int64        // rows of a source in rows
	claimed bool
}

// modify builds a Modify.
func (b *builder) modify(n *physical.Modify, st *stat) (part, error) {
	in, err := b.build(n.Input)
	if err != nil {
		return part{}, err
	}
	m := &modify{q: b.q, n: n, account: st.account}
	b.q.closers = append(b.q.closers, m.close)
	if n.Returning {
		m.rows = newColumnStore(st.account, columnTypes(n.Cols))
	}
	if b.modified != nil {
		in.after = append(slices.Clip(in.after), b.modified)
	}
	b.modified = b.pipeline(in, m, st)
	return part{open: func(*task) (stream, error) { return m.read(), nil }, after: []*pipeline{b.modified}}, nil
}

// with builds a With: its input is read when the others have ended.
func (b *builder) with(n *physical.With, st *stat) (part, error) {
	var after []*pipeline
	for _, o := range n.Others {
		in, err := b.build(o)
		if err != nil {
			return part{}, err
		}
		after = append(after, b.pipeline(in, drain{}, st))
	}
	in, err := b.build(n.Input)
	in.after = append(slices.Clip(in.after), after...)
	return in, err
}

// drain is a sink whose rows nobody wants, and its own inlet.
type drain struct{}

// open implements sink.
func (drain) open(*task) (inlet, error) { return drain{}, nil }

// finish implements sink.
func (drain) finish() error { return nil }

// ready implements inlet.
func (drain) ready() bool { return true }

// push implements inlet.
func (drain) push(*vector.Batch) error { return nil }

// end implements inlet.
func (drain) end() error { return nil }

// modifyInlet is one task's end: it computes the new rows.
type modifyInlet struct {
	m        *modify
	rowID    *eval.Program
	action   *eval.Program // nil without
	proposed []*eval.Program
	values   []*eval.Program
	extras   []*eval.Program
	checks   []*eval.Program
	vecs     []*vector.Vec
	more     []*vector.Vec
	before   []*vector.Vec // of proposed
	ids      []*vector.Vec // of rowID and action
	dense    []kernel.Scratch
	idsDense kernel.Scratch
}

// open implements sink.
func (m *modify) open(*task) (inlet, error) {
	i := &modifyInlet{m: m}
	var err error
	if m.n.RowID != nil {
		if i.rowID, err = eval.Compile(m.n.RowID, m.q.evalEnv()); err != nil {
			return nil, err
		}
	}
	if m.n.Action != nil {
		if i.action, err = eval.Compile(m.n.Action, m.q.evalEnv()); err != nil {
			return nil, err
		}
	}
	if i.proposed, err = m.q.compile(m.n.Proposed); err != nil {
		return nil, err
	}
	if i.values, err = m.q.compile(m.n.Values); err != nil {
		return nil, err
	}
	if i.extras, err = m.q.compile(m.n.Extras); err != nil {
		return nil, err
	}
	var conds []expr.Expr
	for _, c := range m.n.Checks {
		conds = append(conds, c.Cond)
	}
	if i.checks, err = m.q.compile(conds); err != nil {
		return nil, err
	}
	i.dense = make([]kernel.Scratch, len(m.n.Values)+len(m.n.Extras))
	return i, m.begin(i)
}

// begin opens the table once. i evaluates the checks of what an empty insert
// makes a source store, nil when no task has come.
func (m *modify) begin(i *modifyInlet) error {
	source, away := m.n.Source.(connector.Transactor)
	if !away {
		m.mu.Lock()
		defer m.mu.Unlock()
		if m.table != nil {
			return nil
		}
		var err error
		m.table, err = m.n.Source.Modify(m.q.ctx, m.n.Handle, m.options())
		return err
	}
	var err error
	m.q.env.Pool.Block(func() { err = m.beginRemote(source, i) })
	return err
}

// options is what every table is opened with.
func (m *modify) options() connector.ModifyOptions {
	return connector.ModifyOptions{Unique: m.n.Unique, HideValues: m.n.HideValues, Format: m.q.env.Format}
}

// ready implements inlet.
func (i *modifyInlet) ready() bool { return true }

// end implements inlet.
func (i *modifyInlet) end() error { return nil }

// push implements inlet.
func (i *modifyInlet) push(b *vector.Batch) error {
	m, n := i.m, b.Rows()
	var err error
	// The values are dense; a plain column follows the selection of the batch.
	if i.vecs, err = evalAll(i.vecs, i.values, b); err != nil {
		return err
	}
	if i.more, err = evalAll(i.more, i.extras, b); err != nil {
		return err
	}
	if i.action != nil {
		return i.act(b)
	}
	if m.change != nil {
		var ids *vector.Vec
		if i.rowID != nil {
			if i.ids, err = evalAll(i.ids, []*eval.Program{i.rowID}, b); err != nil {
				return err
			}
			ids = i.ids[0]
		}
		m.q.env.Pool.Block(func() {
			m.mu.Lock()
			defer m.mu.Unlock()
			err = m.change.send(i, ids, n)
		})
		return err
	}
	var sel []int32 // rows of the dense values that are changed; nil for all
	var ids *vector.Vec
	if i.rowID != nil {
		if i.ids, err = evalAll(i.ids, []*eval.Program{i.rowID}, b); err != nil {
			return err
		}
		ids = i.ids[0]
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if ids != nil {
		if sel, err = m.table.Delete(m.q.ctx, ids, nil, n); err != nil {
			return err
		}
		if n = len(sel); n == 0 {
			return nil
		}
	}
	if m.n.Kind != physical.DeleteRows {
		if err := i.check(i.vecs, sel, n); err != nil {
			return err
		}
		if sel, err = m.table.Insert(m.q.ctx, i.vecs, sel, n); err != nil {
			return err
		}
		n = len(sel)
	}
	m.changed += int64(n)
	if m.rows == nil || n == 0 {
		return nil
	}
	return m.rows.append(append(i.vecs, i.more...), sel, n)
}

// act changes rows each of which says what is to happen to it.
func (i *modifyInlet) act(b *vector.Batch) error {
	m, n := i.m, b.Rows()
	var err error
	if i.before, err = evalAll(i.before, i.proposed, b); err != nil {
		return err
	}
	if i.ids, err = evalAll(i.ids, []*eval.Program{i.rowID, i.action}, b); err != nil {
		return err
	}
	var gone, put, changed []int32 // rows that are deleted, inserted, either
	for r := range n {
		switch physical.RowAction(i.ids[1].Int(r)) {
		case physical.InsertRow:
			put = append(put, int32(r))
		case physical.UpdateRow:
			gone, put = append(gone, int32(r)), append(put, int32(r))
		case physical.DeleteRow:
			gone = append(gone, int32(r))
		case physical.RefuseRow:
			e := *m.n.Hidden
			return &e
		default:
			continue
		}
		changed = append(changed, int32(r))
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(i.before) > 0 {
		if err := i.check(i.before, nil, n); err != nil {
			return err
		}
	}
	if len(gone) > 0 {
		first, err := m.table.Delete(m.q.ctx, i.ids[0], gone, len(gone))
		if err != nil {
			return err
		}
		if len(first) < len(gone) {
			e := *m.n.Again
			return &e
		}
	}
	if len(put) > 0 {
		if err := i.check(i.vecs, put, len(put)); err != nil {
			return err
		}
		if _, err := m.table.Insert(m.q.ctx, i.vecs, put, len(put)); err != nil {
			return err
		}
	}
	m.changed += int64(len(changed))
	if m.rows == nil || len(changed) == 0 {
		return nil
	}
	return m.rows.append(append(i.vecs, i.more...), changed, len(changed))
}

// check refuses rows that break NOT NULL, a CHECK or a policy.
func (i *modifyInlet) check(vecs []*vector.Vec, sel []int32, n int) error {
	m := i.m
	for c, must := range m.n.NotNull {
		v := vecs[c]
		if !must || v.Kind == vector.Flat && v.Valid == nil {
			continue
		}
		for k := range n {
			r := at(sel, k)
			if v.IsNull(r) {
				return m.failing(pgerror.Newf(pgerror.NotNullViolation, "null value in column %q of relation %q violates not-null constraint",
					m.n.Cols[c].Name, bare(m.n.Table)), vecs, r)
			}
		}
	}
	if len(i.checks) == 0 {
		return nil
	}
	cols := make([]*vector.Vec, len(vecs))
	for c, v := range vecs {
		cols[c] = v
		if sel != nil {
			cols[c] = i.dense[c].Dense(v, sel, n)
		}
	}
	b := vector.Batch{N: n, Cols: cols}
	for k, p := range i.checks {
		v, err := p.Eval(&b)
		if err != nil {
			return err
		}
		c := &m.n.Checks[k]
		for r := range n {
			if v.IsNull(r) && !c.Strict || !v.IsNull(r) && v.Int(r) != 0 {
				continue
			}
			e := *c.Err
			if c.Strict {
				return &e
			}
			return m.failing(&e, cols, r)
		}
	}
	return nil
}

// at returns the row that position k of a selection stands for.
func at(sel []int32, k int) int {
	if sel == nil {
		return k
	}
	return int(sel[k])
}

// bare is a table's name without its schema.
func bare(table string) string { return table[strings.LastIndexByte(table, '.')+1:] }

// failing adds the row to an error, as PostgreSQL does, unless the user may not
// see it.
func (m *modify) failing(e *pgerror.Error, cols []*vector.Vec, r int) error {
	if m.n.HideValues {
		return e
	}
	out := []byte("Failing row contains (")
	for c, v := range cols[:len(m.n.Values)] {
		if c > 0 {
			out = append(out, ", "...)
		}
		if v.IsNull(r) {
			out = append(out, "null"...)
			continue
		}
		text := types.AppendText(nil, v.Type, v.Datum(r), m.q.env.Format)
		if len(text) > 64 {
			text = append(text[:64], "..."...)
		}
		out = append(out, text...)
	}
	return e.WithDetail("%s).", out)
}

// finish implements sink.
func (m *modify) finish() error {
	if err := m.begin(nil); err != nil { // no task had a row
		return err
	}
	if m.change != nil {
		var err error
		m.q.env.Pool.Block(func() { err = m.change.finish() })
		return err
	}
	return m.table.Finish(m.q.ctx)
}

// close undoes what was not finished.
func (m *modify) close() {
	if m.table != nil {
		m.table.Close()
	}
	if m.change != nil {
		m.account.Release(m.change.held)
		m.change.held = 0
	}
}

// read returns the changed rows; without RETURNING it only counts them.
func (m *modify) read() stream {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.claimed {
		return empty{}
	}
	m.claimed = true
	return &modified{m: m}
}

// modified reads what a Modify returns.
type modified struct {
	m   *modify
	at  int
	out vector.Batch
}

// next implements stream.
func (s *modified) next() (*vector.Batch, error) {
	total := int(s.m.changed)
	if s.at >= total {
		return nil, io.EOF
	}
	n := min(total-s.at, vector.BatchSize)
	if s.m.rows == nil {
		s.out = vector.Batch{N: n}
	} else {
		s.m.rows.slice(&s.out, s.at, s.at+n)
	}
	s.at += n
	return &s.out, nil
}

// close implements stream.
func (s *modified) close() {}
