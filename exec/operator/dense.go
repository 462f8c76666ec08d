package operator

import (
	"github.com/hubsql/hubsql/exec/kernel"
	"github.com/hubsql/hubsql/exec/vector"
)

// denseColumns makes the columns of batches dense.
type denseColumns struct {
	scratch []kernel.Scratch
	cols    []*vector.Vec
}

// of returns the columns of b without its selection, valid until the next call
// and as long as b.
func (d *denseColumns) of(b *vector.Batch) []*vector.Vec {
	if b.Sel == nil {
		return b.Cols
	}
	if d.scratch == nil {
		d.scratch = make([]kernel.Scratch, len(b.Cols))
	}
	d.cols = d.cols[:0]
	for i, c := range b.Cols {
		d.cols = append(d.cols, d.scratch[i].Dense(c, b.Sel, len(b.Sel)))
	}
	return d.cols
}
