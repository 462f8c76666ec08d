package eval

import (
	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/kernel"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/planner/expr"
)

// Filter keeps the rows for which every one of a list of conditions is true.
// It belongs to one worker.
type Filter struct {
	conds []selector
	buf   []int32
}

// selector keeps the rows of one condition. sel nil means 0..b.N-1; dst may be
// sel's own storage.
type selector interface {
	keep(b *vector.Batch, sel, dst []int32) ([]int32, error)
}

// CompileFilter makes a filter of conds, which are joined by AND and evaluated
// in their order: a condition never sees a row that an earlier one removed,
// unless it is infallible.
func CompileFilter(conds []expr.Expr, env *Env) (*Filter, error) {
	c := compiler{env: env}
	f := &Filter{}
	var list []expr.Expr
	for _, e := range conds {
		list = expr.SplitAnd(list, e)
	}
	for _, e := range list {
		s, err := c.selector(e)
		if err != nil {
			return nil, err
		}
		f.conds = append(f.conds, s)
	}
	return f, nil
}

// Select returns the rows of b for which all conditions hold, ascending. The
// result belongs to the filter, or is b.Sel, and is valid until the next call.
func (f *Filter) Select(b *vector.Batch) ([]int32, error) {
	sel := b.Sel
	if len(f.conds) == 0 {
		if sel == nil {
			f.buf = vector.Identity(f.buf, b.N)
			sel = f.buf
		}
		return sel, nil
	}
	if cap(f.buf) < b.N {
		f.buf = make([]int32, max(b.N, vector.BatchSize))
	}
	for _, c := range f.conds {
		var err error
		sel, err = c.keep(b, sel, f.buf[:0])
		if err != nil {
			return nil, err
		}
		if sel == nil {
			sel = f.buf[:0]
		}
		if len(sel) == 0 {
			break
		}
	}
	return sel, nil
}

// selector compiles one condition to the fastest form it has.
func (c *compiler) selector(e expr.Expr) (selector, error) {
	general, err := c.general(e)
	if err != nil {
		return nil, err
	}
	switch e := e.(type) {
	case *expr.NullTest:
		if col, ok := e.Arg.(*expr.Column); ok {
			return &nullSelector{column: int(col.ID), not: e.Not}, nil
		}
	case *expr.Call:
		if s, err := c.compareSelector(e, general); s != nil || err != nil {
			return s, err
		}
	}
	return general, nil
}

// nullSelector is column IS [NOT] NULL.
type nullSelector struct {
	column int
	not    bool
}

func (s *nullSelector) keep(b *vector.Batch, sel, dst []int32) ([]int32, error) {
	v := b.Cols[s.column]
	if sel == nil {
		sel = vector.Identity(dst, b.N)
	} else {
		sel = append(dst, sel...)
	}
	if v.Kind == vector.Flat {
		if s.not {
			return kernel.KeepValid(sel, v.Valid), nil
		}
		return kernel.KeepNull(sel, v.Valid), nil
	}
	k := 0
	for _, i := range sel {
		sel[k] = i
		if v.IsNull(int(i)) != s.not {
			k++
		}
	}
	return sel[:k], nil
}

// compareSelector is column op constant, or column op column.
type compareSelector struct {
	op          kernel.Op
	left, right int         // right is -1 for a constant
	c           *vector.Vec // of the column's type
	scaled      vector.Vec
	general     *generalSelector
}

// compareSelector compiles a comparison, nil when e is none of the known forms.
func (c *compiler) compareSelector(e *expr.Call, general *generalSelector) (selector, error) {
	op, ok := Comparison(e.Fn)
	mixed := false
	if !ok {
		op, mixed = mixedInstants(e.Fn)
	}
	if !ok && !mixed || len(e.Args) != 2 {
		return nil, nil
	}
	left, right := plain(e.Args[0]), plain(e.Args[1])
	col, ok := left.(*expr.Column)
	if !ok {
		left, right, op = right, left, op.Swap()
		if col, ok = left.(*expr.Column); !ok {
			return nil, nil
		}
	}
	s := &compareSelector{op: op, left: int(col.ID), right: -1, general: general}
	switch right := right.(type) {
	case *expr.Column:
		if right.T.Layout() != col.T.Layout() || right.T.Layout() == types.LayoutBytes {
			return nil, nil
		}
		if mixed {
			return nil, nil
		}
		s.right = int(right.ID)
		return s, nil
	case *expr.Const, *expr.Param:
		n, err := c.node(right)
		if err != nil {
			return nil, err
		}
		v := n.(*constNode).vec
		if v.IsNull(0) {
			return noneSelector{}, nil
		}
		if mixed {
			// A nil pointer would not be a nil selector.
			if s := c.instantSelector(col, op, v, general); s != nil {
				return s, nil
			}
			return nil, nil
		}
		if v.Type.Layout() != col.T.Layout() {
			// Integers of two widths: the constant is taken at the column's
			// width when it fits.
			x := v.Int(0)
			w := vector.NewConst(col.T, types.IntDatum(x))
			if w.Int(0) != x {
				return nil, nil
			}
			v = w
		}
		s.c = v
		return s, nil
	}
	return nil, nil
}

// plain looks through a relabelling between text types that compare alike.
func plain(e expr.Expr) expr.Expr {
	if r, ok := e.(*expr.Relabel); ok && r.T.OID == types.Text {
		if o := r.Arg.Type().OID; o == types.VarChar {
			return r.Arg
		}
	}
	return e
}

// noneSelector is a condition that is never true.
type noneSelector struct{}

func (noneSelector) keep(_ *vector.Batch, _, dst []int32) ([]int32, error) { return dst[:0], nil }

func (s *compareSelector) keep(b *vector.Batch, sel, dst []int32) ([]int32, error) {
	v := b.Cols[s.left]
	if v.Kind == vector.Flat {
		if s.right >= 0 {
			if w := b.Cols[s.right]; w.Kind == vector.Flat {
				if out, ok := kernel.SelectColumns(dst, s.op, v, w, sel, b.N); ok {
					return out, nil
				}
			}
		} else if c := s.constant(v); c != nil {
			if out, ok := kernel.SelectConst(dst, s.op, v, c, sel, b.N); ok {
				return out, nil
			}
		}
	}
	return s.general.keep(b, sel, dst)
}

// constant returns the constant in the physical form of v, nil when it has none.
func (s *compareSelector) constant(v *vector.Vec) *vector.Vec {
	if v.Type.Layout() != types.LayoutNumeric || !v.Scaled {
		return s.c
	}
	if !s.c.Scaled {
		return nil
	}
	if s.c.Scale == v.Scale {
		return s.c
	}
	if s.scaled.Kind == vector.Const && s.scaled.Scale == v.Scale {
		return &s.scaled
	}
	x, ok := kernel.Rescale(s.c.Int64s()[0], s.c.Scale, v.Scale)
	if !ok {
		return nil
	}
	k := vector.NewScaled(s.c.Type, v.Scale, 1)
	k.Kind = vector.Const
	k.Int64s()[0] = x
	s.scaled = *k
	return &s.scaled
}

// generalSelector evaluates any condition and keeps the rows where it is true.
type generalSelector struct {
	n          node
	cols       []int
	infallible bool
	dense      []kernel.Scratch
	f          frame
	rows       []int32

	// single is set for a condition on one column without volatile or stable
	// functions: it is decided once per dictionary entry.
	single bool
	dictID uint64
	pass   []bool
	null   int8 // outcome for NULL: 0 unknown yet, 1 true, -1 not
}

// general compiles any condition.
func (c *compiler) general(e expr.Expr) (*generalSelector, error) {
	n, err := c.node(e)
	if err != nil {
		return nil, err
	}
	s := &generalSelector{n: n, cols: columnsOf(e), infallible: Infallible(e)}
	s.dense = make([]kernel.Scratch, len(s.cols))
	s.single = len(s.cols) == 1 && immutable(e)
	return s, nil
}

// immutable reports whether all functions of e are.
func immutable(e expr.Expr) bool {
	ok := true
	expr.Walk(e, func(e expr.Expr) bool {
		for _, fn := range functionsOf(e) {
			ok = ok && fn.Volatility == function.Immutable
		}
		return ok
	})
	return ok
}

// functionsOf returns the functions that a node itself calls.
func functionsOf(e expr.Expr) []*function.Overload {
	switch e := e.(type) {
	case *expr.Call:
		return []*function.Overload{e.Fn}
	case *expr.Distinct:
		return []*function.Overload{e.Eq}
	case *expr.InList:
		return []*function.Overload{e.Eq}
	case *expr.ArrayCompare:
		return []*function.Overload{e.Fn}
	case *expr.MinMax:
		if e.Less != nil {
			return []*function.Overload{e.Less}
		}
	}
	return nil
}

func (s *generalSelector) keep(b *vector.Batch, sel, dst []int32) ([]int32, error) {
	if s.single {
		if v := b.Cols[s.cols[0]]; v.Kind == vector.Dict {
			if out, ok := s.onDictionary(v, sel, dst, b.N); ok {
				return out, nil
			}
		}
	}
	if sel == nil || s.infallible && 2*len(sel) >= b.N {
		s.f.cols, s.f.n = append(s.f.cols[:0], b.Cols...), b.N
		v, err := s.n.eval(&s.f)
		if err != nil {
			return nil, err
		}
		return vector.SelectTrue(dst, v, sel, b.N), nil
	}
	narrow(&s.f, b.Cols, s.cols, s.dense, sel)
	v, err := s.n.eval(&s.f)
	if err != nil {
		return nil, err
	}
	s.rows = vector.SelectTrue(s.rows, v, nil, len(sel))
	dst = dst[:0]
	for _, k := range s.rows {
		dst = append(dst, sel[k])
	}
	return dst, nil
}

// onDictionary decides the condition for each entry and maps the codes. It
// reports false when that is more work, or when an entry raised an error, which
// may be one that no row shows.
func (s *generalSelector) onDictionary(v *vector.Vec, sel, dst []int32, n int) ([]int32, bool) {
	entries := entriesOf(v, n)
	if entries > n {
		return nil, false
	}
	if v.Valid != nil && s.null == 0 {
		r, err := s.decide(vector.NewNull(v.Type), 1)
		if err != nil {
			s.single = false
			return nil, false
		}
		s.null = -1
		if r[0] {
			s.null = 1
		}
	}
	if v.DictID == 0 || v.DictID != s.dictID || entries > len(s.pass) {
		pass, err := s.decide(v.Dict, entries)
		if err != nil {
			s.dictID = 0
			return nil, false
		}
		s.pass, s.dictID = pass, v.DictID
	}
	if sel == nil {
		sel = vector.Identity(dst, n)
		dst = sel
	}
	dst = dst[:len(sel)]
	k := 0
	for _, i := range sel {
		hit := s.pass[v.Codes[i]]
		if v.Valid != nil && !v.Valid.Get(int(i)) {
			hit = s.null > 0
		}
		dst[k] = i
		if hit {
			k++
		}
	}
	return dst[:k], true
}

// decide evaluates the condition on n values of its only column.
func (s *generalSelector) decide(v *vector.Vec, n int) ([]bool, error) {
	col := s.cols[0]
	if cap(s.f.cols) <= col {
		s.f.cols = make([]*vector.Vec, col+1)
	}
	s.f.cols = s.f.cols[:col+1]
	s.f.cols[col], s.f.n = v, n
	r, err := s.n.eval(&s.f)
	if err != nil {
		return nil, err
	}
	pass := make([]bool, n)
	for i := range pass {
		pass[i] = !r.IsNull(i) && r.Int(i) != 0
	}
	return pass, nil
}
