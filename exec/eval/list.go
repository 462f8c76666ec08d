package eval

import (
	"math"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/kernel"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/planner/expr"
)

// inSetNode is IN over constants of a type whose values can be looked up: one
// probe per row whatever the length of the list.
type inSetNode struct {
	arg     node
	t       types.Type
	not     bool
	hasNull bool
	ints    map[int64]struct{}
	texts   map[string]struct{}
	few     []int64
	scratch kernel.Scratch
	out     result
}

// inList compiles IN.
func (c *compiler) inList(e *expr.InList) (node, error) {
	arg, err := c.node(e.Arg)
	if err != nil {
		return nil, err
	}
	items, err := c.nodes(e.Items)
	if err != nil {
		return nil, err
	}
	if s := newInSet(arg, e, items); s != nil {
		return s, nil
	}
	// arg = item OR arg = item ...: the argument becomes one more column
	// behind those of the frame, so that it is evaluated once.
	shared := 0
	for _, it := range e.Items {
		if cols := columnsOf(it); len(cols) > 0 {
			shared = max(shared, cols[len(cols)-1]+1)
		}
	}
	column := &expr.Column{ID: expr.ColumnID(shared), T: e.Arg.Type()}
	or := &expr.Logic{Op: expr.Or}
	for _, it := range e.Items {
		or.Args = append(or.Args, &expr.Call{Fn: e.Eq, Args: []expr.Expr{column, it}, T: boolType, Pos: -1})
	}
	any, err := c.logic(or)
	if err != nil {
		return nil, err
	}
	var n node = &withColumnNode{arg: arg, index: shared, body: any}
	if e.Not {
		n = &notNode{arg: n}
	}
	return n, nil
}

// withColumnNode evaluates body over the frame with arg as a further column.
type withColumnNode struct {
	arg   node
	index int
	body  node
	f     frame
}

func (n *withColumnNode) eval(f *frame) (*vector.Vec, error) {
	v, err := n.arg.eval(f)
	if err != nil {
		return nil, err
	}
	n.f.cols = append(n.f.cols[:0], f.cols[:min(n.index, len(f.cols))]...)
	for len(n.f.cols) < n.index {
		n.f.cols = append(n.f.cols, nil)
	}
	n.f.cols = append(n.f.cols, v)
	n.f.n = f.n
	return n.body.eval(&n.f)
}

// newInSet returns the set form of IN when every item is constant and the
// equality is that of one type by its value.
func newInSet(arg node, e *expr.InList, items []node) *inSetNode {
	if len(e.Eq.Args) != 2 || e.Eq.Args[0] != e.Eq.Args[1] {
		return nil
	}
	op, ok := Comparison(e.Eq)
	if !ok || op != kernel.Eq {
		return nil
	}
	t := types.Of(e.Eq.Args[0])
	n := &inSetNode{arg: arg, t: t, not: e.Not, ints: map[int64]struct{}{}, texts: map[string]struct{}{}}
	switch t.Layout() {
	case types.LayoutBool, types.LayoutInt16, types.LayoutInt32, types.LayoutInt64, types.LayoutFloat32, types.LayoutFloat64:
	case types.LayoutBytes:
		if t.OID != types.Text && t.OID != types.BPChar && t.OID != types.Bytea && t.OID != types.Name {
			return nil
		}
	default:
		return nil
	}
	for _, it := range items {
		k, ok := it.(*constNode)
		if !ok {
			return nil
		}
		if k.vec.IsNull(0) {
			n.hasNull = true
			continue
		}
		switch t.Layout() {
		case types.LayoutFloat32, types.LayoutFloat64:
			n.ints[floatKey(k.vec.Float(0))] = struct{}{}
		case types.LayoutBytes:
			n.texts[string(n.key(k.vec.Bytes(0)))] = struct{}{}
		default:
			n.ints[k.vec.Int(0)] = struct{}{}
		}
	}
	if len(n.ints) <= 8 {
		for x := range n.ints {
			n.few = append(n.few, x)
		}
	}
	return n
}

// floatKey is equal for floats that SQL holds equal.
func floatKey(x float64) int64 {
	switch {
	case x == 0:
		return 0
	case x != x:
		return math.MinInt64 + 1
	}
	return int64(math.Float64bits(x))
}

// key is what a text value is looked up by.
func (n *inSetNode) key(b []byte) []byte {
	if n.t.OID == types.BPChar {
		return kernel.TrimBlanks(b)
	}
	return b
}

func (n *inSetNode) eval(f *frame) (*vector.Vec, error) {
	v, err := n.arg.eval(f)
	if err != nil {
		return nil, err
	}
	rows := f.n
	if v.Kind == vector.Const {
		if v.IsNull(0) {
			return vector.NewNull(boolType), nil
		}
		rows = 1
	}
	dict := v
	if v.Kind == vector.Dict {
		if e := entriesOf(v, rows); e <= rows {
			v, rows = v.Dict, e
		} else {
			v = n.scratch.Flat(v, rows)
			dict = v
		}
	}
	out := n.out.reset(boolType, rows)
	dst := out.Bools()[:rows]
	n.lookup(v, rows, dst)
	if n.hasNull {
		// No match against a list with a NULL in it is unknown.
		valid := n.out.bitmap(rows)
		for i, x := range dst {
			valid.SetTo(i, x != 0)
		}
		out.Valid = vector.And(valid, valid, v.Valid, rows)
	} else {
		out.Valid = v.Valid
	}
	if n.not {
		for i := range dst {
			dst[i] ^= 1
		}
	}
	switch dict.Kind {
	case vector.Const:
		out.Kind = vector.Const
	case vector.Dict:
		return &vector.Vec{Type: boolType, Kind: vector.Dict, Dict: out, Codes: dict.Codes, Valid: dict.Valid}, nil
	}
	return out, nil
}

// lookup stores for each row whether its value is in the set.
func (n *inSetNode) lookup(v *vector.Vec, rows int, dst []uint8) {
	switch n.t.Layout() {
	case types.LayoutInt16:
		lookupInts(n, v.Int16s()[:rows], dst)
	case types.LayoutInt32:
		lookupInts(n, v.Int32s()[:rows], dst)
	case types.LayoutInt64:
		lookupInts(n, v.Int64s()[:rows], dst)
	case types.LayoutBool:
		for i, x := range v.Bools()[:rows] {
			_, ok := n.ints[int64(x)]
			dst[i] = flag(ok)
		}
	case types.LayoutFloat32, types.LayoutFloat64:
		for i := range dst {
			_, ok := n.ints[floatKey(v.Float(i))]
			dst[i] = flag(ok)
		}
	default:
		for i := range dst {
			dst[i] = 0
			if v.Valid == nil || v.Kind == vector.Const || v.Valid.Get(i) {
				_, ok := n.texts[string(n.key(v.Bytes(i)))]
				dst[i] = flag(ok)
			}
		}
	}
}

// flag is 1 for true.
func flag(b bool) uint8 {
	var u uint8
	if b {
		u = 1
	}
	return u
}

// lookupInts compares with a few values one by one, with many through a map.
func lookupInts[T ~int16 | ~int32 | ~int64](n *inSetNode, v []T, dst []uint8) {
	if len(n.ints) > 8 {
		for i, x := range v {
			_, ok := n.ints[int64(x)]
			dst[i] = flag(ok)
		}
		return
	}
	clear(dst)
	for _, c := range n.few {
		t := T(c)
		if int64(t) != c {
			continue
		}
		for i, x := range v {
			dst[i] |= flag(x == t)
		}
	}
}
