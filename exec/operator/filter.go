package operator

import (
	"github.com/hubsql/hubsql/exec/eval"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/planner/physical"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// filter narrows the selection of its input to the rows that pass.
type filter struct {
	in    stream
	conds *eval.Filter
	out   vector.Batch
	// hidden conditions are a policy's: their errors would quote raw values.
	hidden bool
}

// filter builds a Filter.
func (b *builder) filter(n *physical.Filter) (part, error) {
	in, err := b.build(n.Input)
	if err != nil {
		return part{}, err
	}
	return over(in, func(t *task, in stream) (stream, error) {
		conds, err := eval.CompileFilter(n.Conds, t.q.evalEnv())
		if err != nil {
			return nil, err
		}
		return &filter{in: in, conds: conds, hidden: n.Hidden}, nil
	}), nil
}

// hiddenError replaces the error of a policy's expression: its text may quote a
// value that the reader must not see, so it goes to nobody, not even the log.
func hiddenError(err error) error {
	code := pgerror.CodeOf(err)
	if code == pgerror.QueryCanceledCode || code == pgerror.OutOfMemory {
		return err
	}
	return pgerror.Newf(code, "the expression of a policy failed").
		WithHint("Ask the administrator to make the policy's expression total over the column's values.")
}

// next implements stream.
func (f *filter) next() (*vector.Batch, error) {
	b, err := f.in.next()
	if b == nil || err != nil {
		return nil, err
	}
	sel, err := f.conds.Select(b)
	if err != nil && f.hidden {
		return nil, hiddenError(err)
	}
	if err != nil || len(sel) == 0 {
		return nil, err
	}
	if len(sel) == b.Rows() {
		return b, nil
	}
	f.out = vector.Batch{N: b.N, Sel: sel, Cols: b.Cols}
	return &f.out, nil
}

// close implements stream.
func (f *filter) close() { f.in.close() }
