package eval

import (
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/kernel"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/planner/expr"
)

var boolType = types.Of(types.Bool)

// bools is a flat view of a boolean vector.
type bools struct {
	scratch kernel.Scratch
	fill    []uint8
}

// of returns values and validity of n rows of v of any kind. Values under NULL
// are undefined.
func (b *bools) of(v *vector.Vec, n int) ([]uint8, vector.Bitmap) {
	if v.Kind == vector.Const {
		if cap(b.fill) < n {
			b.fill = make([]uint8, n)
		}
		b.fill = b.fill[:n]
		if v.IsNull(0) {
			return b.fill, make(vector.Bitmap, (n+63)/64)
		}
		x := v.Bools()[0]
		for i := range b.fill {
			b.fill[i] = x
		}
		return b.fill, nil
	}
	v = b.scratch.Flat(v, n)
	return v.Bools()[:n], v.Valid
}

// notNode is NOT.
type notNode struct {
	arg  node
	view bools
	out  result
}

func (n *notNode) eval(f *frame) (*vector.Vec, error) {
	v, err := n.arg.eval(f)
	if err != nil {
		return nil, err
	}
	rows := f.n
	if v.Kind == vector.Const {
		rows = 1
	}
	vals, valid := n.view.of(v, rows)
	out := n.out.reset(boolType, rows)
	dst := out.Bools()
	for i, x := range vals {
		dst[i] = x ^ 1
	}
	out.Valid = valid
	if v.Kind == vector.Const {
		out.Kind = vector.Const
	}
	return out, nil
}

// logicNode is AND or OR. decisive is the value that decides: 0 for AND, 1 for
// OR.
type logicNode struct {
	args     []*branch
	decisive uint8
	view     bools
	open     []int32
	out      result
}

// logic compiles AND, OR and NOT.
func (c *compiler) logic(e *expr.Logic) (node, error) {
	if e.Op == expr.Not {
		arg, err := c.node(e.Args[0])
		if err != nil {
			return nil, err
		}
		return &notNode{arg: arg}, nil
	}
	n := &logicNode{}
	if e.Op == expr.Or {
		n.decisive = 1
	}
	for _, a := range e.Args {
		b, err := c.branch(a)
		if err != nil {
			return nil, err
		}
		n.args = append(n.args, b)
	}
	return n, nil
}

func (n *logicNode) eval(f *frame) (*vector.Vec, error) {
	out := n.out.reset(boolType, f.n)
	dst := out.Bools()[:f.n]
	d := n.decisive
	// A row is open while no argument had the decisive value. Its value is then
	// the other one, its validity whether no argument was NULL.
	for i := range dst {
		dst[i] = d ^ 1
	}
	var valid vector.Bitmap
	for k, b := range n.args {
		if k == 0 || b.infallible {
			v, err := b.n.eval(f)
			if err != nil {
				return nil, err
			}
			vals, ok := n.view.of(v, f.n)
			if ok == nil {
				if d == 0 {
					for i, x := range vals {
						dst[i] &= x
					}
				} else {
					for i, x := range vals {
						dst[i] |= x
					}
				}
				continue
			}
			if valid == nil {
				valid = n.out.bitmap(f.n)
				for w := range valid {
					valid[w] = ^uint64(0)
				}
			}
			for i, x := range vals {
				switch {
				case ok[i>>6]>>(uint(i)&63)&1 == 0:
					valid.Clear(i)
				case x == d:
					dst[i] = d
				}
			}
			continue
		}
		n.open = n.open[:0]
		for i, x := range dst {
			if x != d {
				n.open = append(n.open, int32(i))
			}
		}
		if len(n.open) == 0 {
			break
		}
		v, aligned, err := b.eval(f, n.open)
		if err != nil {
			return nil, err
		}
		for j, r := range n.open {
			at := j
			if aligned {
				at = int(r)
			}
			if v.IsNull(at) {
				if valid == nil {
					valid = n.out.bitmap(f.n)
					for w := range valid {
						valid[w] = ^uint64(0)
					}
				}
				valid.Clear(int(r))
				continue
			}
			if uint8(v.Int(at)) == d {
				dst[r] = d
			}
		}
	}
	if valid != nil {
		// The decisive value wins over NULL.
		for i, x := range dst {
			if x == d {
				valid.Set(i)
			}
		}
		out.Valid = valid
	}
	return out, nil
}

// nullTestNode is IS [NOT] NULL.
type nullTestNode struct {
	arg node
	not bool
	out result
}

func (n *nullTestNode) eval(f *frame) (*vector.Vec, error) {
	v, err := n.arg.eval(f)
	if err != nil {
		return nil, err
	}
	var flip uint8
	if n.not {
		flip = 1
	}
	rows := f.n
	if v.Kind == vector.Const {
		rows = 1
	}
	out := n.out.reset(boolType, rows)
	dst := out.Bools()[:rows]
	switch {
	case v.Kind == vector.Flat && v.Valid == nil:
		for i := range dst {
			dst[i] = flip
		}
	case v.Kind == vector.Flat:
		for i := range dst {
			dst[i] = uint8(v.Valid[i>>6]>>(uint(i)&63)&1) ^ 1 ^ flip
		}
	default:
		for i := range dst {
			dst[i] = flip
			if v.IsNull(i) {
				dst[i] = flip ^ 1
			}
		}
	}
	if v.Kind == vector.Const {
		out.Kind = vector.Const
	}
	return out, nil
}

// boolTestNode is IS [NOT] TRUE, FALSE, UNKNOWN.
type boolTestNode struct {
	arg   node
	value types.Datum
	not   bool
	out   result
}

func (n *boolTestNode) eval(f *frame) (*vector.Vec, error) {
	v, err := n.arg.eval(f)
	if err != nil {
		return nil, err
	}
	rows := f.n
	if v.Kind == vector.Const {
		rows = 1
	}
	out := n.out.reset(boolType, rows)
	dst := out.Bools()[:rows]
	for i := range dst {
		null := v.IsNull(i)
		hit := null == n.value.Null && (null || v.Int(i) == n.value.I)
		dst[i] = 0
		if hit != n.not {
			dst[i] = 1
		}
	}
	if v.Kind == vector.Const {
		out.Kind = vector.Const
	}
	return out, nil
}

// distinctNode is IS [NOT] DISTINCT FROM over an equality call.
type distinctNode struct {
	left, right node
	same        node
	args        frame
	out         result
}

// distinct compiles IS [NOT] DISTINCT FROM. The operands are evaluated once and
// handed to the equality as two columns of a frame.
func (c *compiler) distinct(e *expr.Distinct) (node, error) {
	l, err := c.node(e.Left)
	if err != nil {
		return nil, err
	}
	r, err := c.node(e.Right)
	if err != nil {
		return nil, err
	}
	eq, err := c.apply(e.Eq, []node{&columnNode{0}, &columnNode{1}}, []types.Type{e.Left.Type(), e.Right.Type()}, boolType)
	if err != nil {
		return nil, err
	}
	n := &distinctNode{left: l, right: r, same: eq, args: frame{cols: make([]*vector.Vec, 2)}}
	if e.Not {
		return n, nil
	}
	return &notNode{arg: n}, nil
}

// eval computes IS NOT DISTINCT FROM.
func (n *distinctNode) eval(f *frame) (*vector.Vec, error) {
	l, err := n.left.eval(f)
	if err != nil {
		return nil, err
	}
	r, err := n.right.eval(f)
	if err != nil {
		return nil, err
	}
	n.args.cols[0], n.args.cols[1], n.args.n = l, r, f.n
	v, err := n.same.eval(&n.args)
	if err != nil {
		return nil, err
	}
	out := n.out.reset(boolType, f.n)
	dst := out.Bools()[:f.n]
	for i := range dst {
		a, b := l.IsNull(i), r.IsNull(i)
		dst[i] = 0
		if a && b || !a && !b && !v.IsNull(i) && v.Int(i) != 0 {
			dst[i] = 1
		}
	}
	return out, nil
}
