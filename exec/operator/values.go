package operator

import (
	"io"
	"sync/atomic"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/planner/physical"
)

// values produces constant rows; one task does.
type values struct {
	q    *Query
	n    *physical.Values
	ts   []types.Type
	row  int
	out  vector.Batch
	cols []*vector.Vec
}

// values builds a Values.
func (b *builder) values(n *physical.Values) (part, error) {
	var claimed atomic.Bool
	return part{open: func(t *task) (stream, error) {
		if claimed.Swap(true) {
			return empty{}, nil
		}
		return &values{q: t.q, n: n, ts: columnTypes(n.Cols)}, nil
	}}, nil
}

// next implements stream.
func (v *values) next() (*vector.Batch, error) {
	rows := min(len(v.n.Rows)-v.row, v.q.size)
	if rows == 0 {
		return nil, io.EOF
	}
	v.cols = v.cols[:0]
	for _, t := range v.ts {
		v.cols = append(v.cols, vector.New(t, rows))
	}
	for i, row := range v.n.Rows[v.row : v.row+rows] {
		for k, e := range row {
			d, err := v.q.constant(e)
			if err != nil {
				return nil, err
			}
			v.cols[k].Set(i, rows, d)
		}
	}
	v.row += rows
	v.out = vector.Batch{N: rows, Cols: v.cols}
	return &v.out, nil
}

// close implements stream.
func (v *values) close() {}
