package eval

import (
	"encoding/binary"
	"slices"
	"unsafe"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/kernel"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/planner/expr"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// arrayNode is ARRAY[items], row by row.
type arrayNode struct {
	items []node
	vecs  []*vector.Vec
	item  types.Type
	t     types.Type
	buf   []byte
	out   result
}

// array compiles ARRAY[...].
func (c *compiler) array(e *expr.Array) (node, error) {
	items, err := c.nodes(e.Items)
	if err != nil {
		return nil, err
	}
	n := &arrayNode{items: items, vecs: make([]*vector.Vec, len(items)), t: e.T, item: e.T.Elem()}
	if len(e.Items) > 0 && e.Items[0].Type().OID == e.T.OID {
		n.item = e.T // an array of arrays is one of more dimensions
	}
	return n, nil
}

func (n *arrayNode) eval(f *frame) (*vector.Vec, error) {
	rows, err := evalAll(n.items, n.vecs, f)
	if err != nil {
		return nil, err
	}
	out := n.out.reset(n.t, rows)
	for i := range rows {
		var a types.Array
		if n.item == n.t {
			if a, err = n.nested(i); err != nil {
				return nil, err
			}
		} else {
			elems := make([]types.Datum, len(n.vecs))
			for k, v := range n.vecs {
				elems[k] = v.Datum(i)
			}
			a = types.NewArray(n.item.OID, elems)
		}
		n.buf = a.Append(n.buf[:0])
		out.SetBytes(i, n.buf)
	}
	if rows != f.n {
		out.Kind = vector.Const
	}
	return out, nil
}

// evalAll evaluates nodes; rows is 1 when all results are Const, else f.n.
func evalAll(nodes []node, vecs []*vector.Vec, f *frame) (rows int, err error) {
	constant := f.n != 1
	for k, it := range nodes {
		if vecs[k], err = it.eval(f); err != nil {
			return 0, err
		}
		constant = constant && vecs[k].Kind == vector.Const
	}
	if constant {
		return 1, nil
	}
	return f.n, nil
}

// nested joins arrays to one of one dimension more.
func (n *arrayNode) nested(row int) (types.Array, error) {
	out := types.Array{Elem: n.t.Elem().OID}
	mismatch := pgerror.New(pgerror.ArraySubscriptError, "multidimensional arrays must have array expressions with matching dimensions")
	empty := 0
	for _, v := range n.vecs {
		var a types.Array
		if !v.IsNull(row) {
			var err error
			if a, err = types.DecodeArray(v.String(row)); err != nil {
				return a, err
			}
		}
		if len(a.Dims) == 0 {
			empty++
			continue
		}
		if out.Dims == nil {
			out.Dims = append([]types.Dim{{Len: int32(len(n.vecs)), Lower: 1}}, a.Dims...)
		} else if !slices.Equal(out.Dims[1:], a.Dims) {
			return out, mismatch
		}
		out.Elems = append(out.Elems, a.Elems...)
	}
	if empty > 0 && empty < len(n.vecs) {
		return out, mismatch
	}
	return out, nil
}

// subscriptNode is array[i][j].
type subscriptNode struct {
	arg   node
	index []node
	vecs  []*vector.Vec
	t     types.Type
	out   result
}

// subscript compiles array subscripts.
func (c *compiler) subscript(e *expr.Subscript) (node, error) {
	arg, err := c.node(e.Arg)
	if err != nil {
		return nil, err
	}
	index, err := c.nodes(e.Index)
	if err != nil {
		return nil, err
	}
	return &subscriptNode{arg: arg, index: index, vecs: make([]*vector.Vec, len(index)), t: e.T}, nil
}

func (n *subscriptNode) eval(f *frame) (*vector.Vec, error) {
	arg, err := n.arg.eval(f)
	if err != nil {
		return nil, err
	}
	if _, err = evalAll(n.index, n.vecs, f); err != nil {
		return nil, err
	}
	out := n.out.reset(n.t, f.n)
	var last string
	var a types.Array
	for i := range f.n {
		if arg.IsNull(i) {
			out.Set(i, f.n, types.Null)
			continue
		}
		b := arg.String(i)
		// A Const array is taken apart once.
		if len(b) == 0 || len(last) != len(b) || unsafe.StringData(last) != unsafe.StringData(b) {
			if a, err = types.DecodeArray(b); err != nil {
				return nil, err
			}
			last = b
		}
		at, ok := 0, len(n.vecs) == len(a.Dims)
		for k, v := range n.vecs {
			if v.IsNull(i) {
				ok = false
			}
			if !ok {
				break
			}
			x := v.Int(i) - int64(a.Dims[k].Lower)
			ok = x >= 0 && x < int64(a.Dims[k].Len)
			at = at*int(a.Dims[k].Len) + int(x)
		}
		d := types.Null
		if ok {
			d = a.Elems[at]
		}
		out.Set(i, f.n, d)
	}
	return out, nil
}

// rowNode is ROW(items).
type rowNode struct {
	items []node
	types []types.Type
	vecs  []*vector.Vec
	t     types.Type
	buf   []byte
	out   result
}

// row compiles ROW(...).
func (c *compiler) row(e *expr.Row) (node, error) {
	items, err := c.nodes(e.Items)
	if err != nil {
		return nil, err
	}
	n := &rowNode{items: items, vecs: make([]*vector.Vec, len(items)), t: e.T}
	for _, it := range e.Items {
		n.types = append(n.types, it.Type())
	}
	return n, nil
}

func (n *rowNode) eval(f *frame) (*vector.Vec, error) {
	rows, err := evalAll(n.items, n.vecs, f)
	if err != nil {
		return nil, err
	}
	out := n.out.reset(n.t, rows)
	be := binary.BigEndian
	for i := range rows {
		b := be.AppendUint32(n.buf[:0], uint32(len(n.vecs)))
		for k, v := range n.vecs {
			b = be.AppendUint32(b, uint32(n.types[k].OID))
			d := v.Datum(i)
			if d.Null {
				b = be.AppendUint32(b, ^uint32(0))
				continue
			}
			at := len(b)
			b = be.AppendUint32(b, 0)
			b = types.AppendBinary(b, n.types[k], d)
			be.PutUint32(b[at:], uint32(len(b)-at-4))
		}
		n.buf = b
		out.SetBytes(i, b)
	}
	if rows != f.n {
		out.Kind = vector.Const
	}
	return out, nil
}

// arrayCompareNode is left op ANY (array) or left op ALL (array).
type arrayCompareNode struct {
	left, array node
	elem        types.Type
	all         bool
	call        *callNode
	pair        frame
	out         result
}

// arrayCompare compiles ANY and ALL.
func (c *compiler) arrayCompare(e *expr.ArrayCompare) (node, error) {
	l, err := c.node(e.Left)
	if err != nil {
		return nil, err
	}
	a, err := c.node(e.Array)
	if err != nil {
		return nil, err
	}
	elem := e.Array.Type().Elem()
	if k, ok := a.(*constNode); ok && !e.All && !k.vec.IsNull(0) {
		if s, err := constantAny(l, e, k.vec, elem); s != nil || err != nil {
			return s, err
		}
	}
	call, err := c.apply(e.Fn, []node{&columnNode{0}, &columnNode{1}}, []types.Type{e.Left.Type(), elem}, boolType)
	if err != nil {
		return nil, err
	}
	return &arrayCompareNode{left: l, array: a, elem: elem, all: e.All, call: call, pair: frame{cols: make([]*vector.Vec, 2)}}, nil
}

// constantAny turns = ANY over a constant array into the set form of IN.
func constantAny(left node, e *expr.ArrayCompare, arr *vector.Vec, elem types.Type) (node, error) {
	if op, ok := Comparison(e.Fn); !ok || op != kernel.Eq {
		return nil, nil
	}
	a, err := types.DecodeArray(arr.String(0))
	if err != nil {
		return nil, err
	}
	list := &expr.InList{Eq: e.Fn}
	items := make([]node, len(a.Elems))
	for i, d := range a.Elems {
		items[i] = newConst(elem, d)
	}
	if s := newInSet(left, list, items); s != nil {
		return s, nil
	}
	return nil, nil
}

// eval pairs every element of every row with its left value, compares all pairs
// at once and reduces them.
func (n *arrayCompareNode) eval(f *frame) (*vector.Vec, error) {
	l, err := n.left.eval(f)
	if err != nil {
		return nil, err
	}
	arr, err := n.array.eval(f)
	if err != nil {
		return nil, err
	}
	var rows []int32
	var datums []types.Datum
	ends := make([]int, f.n)
	for i := range f.n {
		if !arr.IsNull(i) {
			a, err := types.DecodeArray(arr.String(i))
			if err != nil {
				return nil, err
			}
			for _, d := range a.Elems {
				rows, datums = append(rows, int32(i)), append(datums, d)
			}
		}
		ends[i] = len(rows)
	}
	var res *vector.Vec
	if len(rows) > 0 {
		var left vector.Vec
		if l.Kind == vector.Const {
			left = *l
		} else {
			vector.Gather(&left, l, rows, len(rows))
		}
		n.pair.cols[0], n.pair.cols[1], n.pair.n = &left, vector.FromDatums(n.elem, datums), len(rows)
		if res, err = n.call.eval(&n.pair); err != nil {
			return nil, err
		}
	}
	out := n.out.reset(boolType, f.n)
	from := 0
	for i := range f.n {
		// ANY is decided by a true, ALL by a false; a NULL on the way makes
		// the undecided unknown.
		decided, null := false, arr.IsNull(i)
		for k := from; k < ends[i]; k++ {
			if res.IsNull(k) {
				null = true
			} else if (res.Int(k) != 0) != n.all {
				decided = true
				break
			}
		}
		from = ends[i]
		switch {
		case decided:
			out.Set(i, f.n, types.BoolDatum(!n.all))
		case null:
			out.Set(i, f.n, types.Null)
		default:
			out.Set(i, f.n, types.BoolDatum(n.all))
		}
	}
	return out, nil
}
