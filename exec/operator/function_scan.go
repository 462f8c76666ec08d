package operator

import (
	"io"
	"sync/atomic"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/planner/physical"
)

// functionScan reads the rows of a set-returning function; one task does.
type functionScan struct {
	q    *Query
	n    *physical.FunctionScan
	rows *rowSource
	done bool
	row  int64
	cols []*vector.Vec
	out  vector.Batch
}

// functionScan builds a FunctionScan.
func (b *builder) functionScan(n *physical.FunctionScan) (part, error) {
	var claimed atomic.Bool
	return part{open: func(t *task) (stream, error) {
		if claimed.Swap(true) {
			return empty{}, nil
		}
		return &functionScan{q: t.q, n: n}, nil
	}}, nil
}

// next implements stream.
func (f *functionScan) next() (*vector.Batch, error) {
	if f.done {
		return nil, io.EOF
	}
	if f.rows == nil {
		args := make([]types.Datum, len(f.n.Call.Args))
		for i, a := range f.n.Call.Args {
			var err error
			if args[i], err = f.q.constant(a); err != nil {
				return nil, err
			}
		}
		var err error
		if f.rows, err = f.q.rows(f.n.Call, args); err != nil {
			return nil, err
		}
	}
	size := f.q.size
	f.cols = f.cols[:0]
	for _, c := range f.n.Cols {
		f.cols = append(f.cols, vector.New(c.Type, size))
	}
	n := 0
	for ; n < size; n++ {
		row, err, ok := f.rows.next()
		if err != nil {
			return nil, err
		}
		if !ok {
			f.done = true
			break
		}
		f.row++
		for i, c := range f.cols {
			switch {
			case i < len(row):
				c.Set(n, size, row[i])
			case f.n.Ordinality && i == len(f.cols)-1:
				c.Set(n, size, types.IntDatum(f.row))
			default:
				c.SetNull(n, size)
			}
		}
	}
	if n == 0 {
		return nil, nil
	}
	f.out = vector.Batch{N: n, Cols: f.cols}
	return &f.out, nil
}

// close implements stream.
func (f *functionScan) close() {
	if f.rows != nil {
		f.rows.stop()
	}
}
