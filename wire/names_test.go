package wire

import (
	"context"
	"io"
	"testing"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// countPortal returns batches of the given sizes.
type countPortal struct {
	batches []*vector.Batch
	closed  int
}

func (p *countPortal) Columns() []Column { return []Column{{Type: types.Of(types.Int8)}} }
func (p *countPortal) Tag(int64) string  { return "SELECT" }
func (p *countPortal) Close()            { p.closed++ }
func (p *countPortal) Next(context.Context) (*vector.Batch, error) {
	if len(p.batches) == 0 {
		return nil, io.EOF
	}
	b := p.batches[0]
	p.batches = p.batches[1:]
	return b, nil
}

func numbers(from, n int, sel []int32) *vector.Batch {
	v := vector.New(types.Of(types.Int8), n)
	for i := range n {
		v.Int64s()[i] = int64(from + i)
	}
	return &vector.Batch{N: n, Sel: sel, Cols: []*vector.Vec{v}}
}

func TestCursorSplitsBatchesAtTheLimit(t *testing.T) {
	c := &Cursor{Portal: &countPortal{batches: []*vector.Batch{numbers(0, 5, nil), numbers(5, 0, nil), numbers(5, 6, []int32{1, 3, 5})}}}
	var got []int64
	for _, limit := range []int{2, 2, 2, 1, 10, 10} {
		b, err := c.Next(context.Background(), limit)
		if err == io.EOF {
			got = append(got, -1)
			continue
		}
		for i := range b.Rows() {
			row := i
			if b.Sel != nil {
				row = int(b.Sel[i])
			}
			got = append(got, b.Cols[0].Int64s()[row])
		}
	}
	want := []int64{0, 1, 2, 3, 4, 6, 8, 10, -1}
	if len(got) != len(want) {
		t.Fatalf("got %v, want %v", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("got %v, want %v", got, want)
		}
	}
}

func TestHoldCursorsSurviveACommitOnly(t *testing.T) {
	n := NewNames()
	add := func(name string, hold bool) *countPortal {
		p := &countPortal{}
		if err := n.AddCursor(&Cursor{Name: name, Portal: p, Hold: hold}); err != nil {
			t.Fatal(err)
		}
		return p
	}
	kept, plain := add("kept", true), add("plain", false)
	n.EndTransaction(true)
	rolledBack := add("rolled back", true)
	n.EndTransaction(false)
	if kept.closed != 0 || plain.closed != 1 || rolledBack.closed != 1 {
		t.Errorf("closed: %d %d %d", kept.closed, plain.closed, rolledBack.closed)
	}
	if _, err := n.Cursor("plain"); pgerror.CodeOf(err) != pgerror.InvalidCursorName {
		t.Error(err)
	}
	taken := &countPortal{}
	if err := n.AddCursor(&Cursor{Name: "kept", Portal: taken}); pgerror.CodeOf(err) != pgerror.DuplicateCursor || taken.closed != 1 {
		t.Errorf("%v, closed %d", err, taken.closed)
	}
	n.close()
	if kept.closed != 1 {
		t.Error("a cursor was left open")
	}
}
