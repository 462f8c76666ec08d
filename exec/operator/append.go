package operator

import (
	"io"

	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/planner/physical"
)

// appended reads its inputs one after another. Every task goes through all of
// them, so the tasks that one input has no work for go on to the next.
type appended struct {
	t      *task
	inputs []part
	at     int
	in     stream
}

// append builds an Append.
func (b *builder) append(n *physical.Append) (part, error) {
	var inputs []part
	var out part
	for _, i := range n.Inputs {
		in, err := b.build(i)
		if err != nil {
			return part{}, err
		}
		inputs = append(inputs, in)
		out.after = append(out.after, in.after...)
		out.abandon = append(out.abandon, in.abandon...)
	}
	out.open = func(t *task) (stream, error) { return &appended{t: t, inputs: inputs}, nil }
	return out, nil
}

// next implements stream.
func (a *appended) next() (*vector.Batch, error) {
	if a.at == len(a.inputs) {
		return nil, io.EOF
	}
	if a.in == nil {
		in, err := a.inputs[a.at].open(a.t)
		if err != nil {
			return nil, err
		}
		a.in = in
	}
	b, err := a.in.next()
	if err == io.EOF {
		a.in.close()
		a.in = nil
		a.at++
		return nil, nil
	}
	return b, err
}

// close implements stream.
func (a *appended) close() {
	if a.in != nil {
		a.in.close()
		a.in = nil
	}
}
