package expr

// Equal reports whether two expressions are the same computation.
func Equal(a, b Expr) bool {
	if a == b {
		return true
	}
	if a == nil || b == nil {
		return false
	}
	switch x := a.(type) {
	case *Column:
		y, ok := b.(*Column)
		return ok && x.ID == y.ID
	case *Const:
		y, ok := b.(*Const)
		return ok && x.T == y.T && x.Value == y.Value
	case *Param:
		y, ok := b.(*Param)
		return ok && *x == *y
	case *Call:
		y, ok := b.(*Call)
		return ok && x.Fn == y.Fn && x.T == y.T && x.Explicit == y.Explicit && equalLists(x.Args, y.Args)
	case *Relabel:
		y, ok := b.(*Relabel)
		return ok && x.T == y.T && Equal(x.Arg, y.Arg)
	case *Logic:
		y, ok := b.(*Logic)
		return ok && x.Op == y.Op && equalLists(x.Args, y.Args)
	case *NullTest:
		y, ok := b.(*NullTest)
		return ok && x.Not == y.Not && Equal(x.Arg, y.Arg)
	case *BoolTest:
		y, ok := b.(*BoolTest)
		return ok && x.Not == y.Not && x.Value == y.Value && Equal(x.Arg, y.Arg)
	case *Distinct:
		y, ok := b.(*Distinct)
		return ok && x.Not == y.Not && x.Eq == y.Eq && Equal(x.Left, y.Left) && Equal(x.Right, y.Right)
	case *Case:
		y, ok := b.(*Case)
		return ok && x.T == y.T && len(x.Whens) == len(y.Whens) && (x.Else == nil) == (y.Else == nil) && equalLists(Children(x), Children(y))
	case *Coalesce:
		y, ok := b.(*Coalesce)
		return ok && x.T == y.T && equalLists(x.Args, y.Args)
	case *MinMax:
		y, ok := b.(*MinMax)
		return ok && x.T == y.T && x.Greatest == y.Greatest && equalLists(x.Args, y.Args)
	case *InList:
		y, ok := b.(*InList)
		return ok && x.Not == y.Not && x.Eq == y.Eq && Equal(x.Arg, y.Arg) && equalLists(x.Items, y.Items)
	case *ArrayCompare:
		y, ok := b.(*ArrayCompare)
		return ok && x.Fn == y.Fn && x.All == y.All && Equal(x.Left, y.Left) && Equal(x.Array, y.Array)
	case *Array:
		y, ok := b.(*Array)
		return ok && x.T == y.T && equalLists(x.Items, y.Items)
	case *Subscript:
		y, ok := b.(*Subscript)
		return ok && x.T == y.T && Equal(x.Arg, y.Arg) && equalLists(x.Index, y.Index)
	case *Row:
		y, ok := b.(*Row)
		return ok && x.T == y.T && equalLists(x.Items, y.Items)
	}
	return false
}

func equalLists(a, b []Expr) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !Equal(a[i], b[i]) {
			return false
		}
	}
	return true
}

// Replace rewrites top-down: where f returns true its result stands in place of
// the node and is not looked into; elsewhere the arguments are visited.
func Replace(e Expr, f func(Expr) (Expr, bool)) Expr {
	if e == nil {
		return nil
	}
	if out, ok := f(e); ok {
		return out
	}
	kids := Children(e)
	changed := false
	out := make([]Expr, len(kids))
	for i, k := range kids {
		out[i] = Replace(k, f)
		changed = changed || out[i] != k
	}
	if !changed {
		return e
	}
	return WithChildren(e, out)
}
