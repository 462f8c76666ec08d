package expr

// Children returns the direct arguments of e.
func Children(e Expr) []Expr {
	switch e := e.(type) {
	case *Call:
		return e.Args
	case *Relabel:
		return []Expr{e.Arg}
	case *Logic:
		return e.Args
	case *NullTest:
		return []Expr{e.Arg}
	case *BoolTest:
		return []Expr{e.Arg}
	case *Distinct:
		return []Expr{e.Left, e.Right}
	case *Case:
		out := make([]Expr, 0, 2*len(e.Whens)+1)
		for _, w := range e.Whens {
			out = append(out, w.Cond, w.Result)
		}
		if e.Else != nil {
			out = append(out, e.Else)
		}
		return out
	case *Coalesce:
		return e.Args
	case *MinMax:
		return e.Args
	case *InList:
		return append([]Expr{e.Arg}, e.Items...)
	case *ArrayCompare:
		return []Expr{e.Left, e.Array}
	case *Array:
		return e.Items
	case *Subscript:
		return append([]Expr{e.Arg}, e.Index...)
	case *Row:
		return e.Items
	}
	return nil
}

// Walk calls visit for e and everything below it, parents first; visit returns
// false to leave out what is below.
func Walk(e Expr, visit func(Expr) bool) {
	if e == nil || !visit(e) {
		return
	}
	for _, c := range Children(e) {
		Walk(c, visit)
	}
}

// Rewrite replaces nodes bottom-up: f gets a node whose arguments are rewritten
// already and returns it or another. The input tree is not changed; nodes
// without changed arguments are shared.
func Rewrite(e Expr, f func(Expr) Expr) Expr {
	if e == nil {
		return nil
	}
	kids := Children(e)
	changed := false
	out := make([]Expr, len(kids))
	for i, k := range kids {
		out[i] = Rewrite(k, f)
		changed = changed || out[i] != k
	}
	if changed {
		e = WithChildren(e, out)
	}
	return f(e)
}

// WithChildren returns a copy of e over other arguments, given in the order of
// Children.
func WithChildren(e Expr, k []Expr) Expr {
	switch e := e.(type) {
	case *Call:
		c := *e
		c.Args = k
		return &c
	case *Relabel:
		c := *e
		c.Arg = k[0]
		return &c
	case *Logic:
		return &Logic{Op: e.Op, Args: k}
	case *NullTest:
		return &NullTest{Arg: k[0], Not: e.Not}
	case *BoolTest:
		return &BoolTest{Arg: k[0], Value: e.Value, Not: e.Not}
	case *Distinct:
		return &Distinct{Left: k[0], Right: k[1], Eq: e.Eq, Not: e.Not}
	case *Case:
		c := &Case{T: e.T, Whens: make([]When, len(e.Whens))}
		for i := range e.Whens {
			c.Whens[i] = When{Cond: k[2*i], Result: k[2*i+1]}
		}
		if e.Else != nil {
			c.Else = k[len(k)-1]
		}
		return c
	case *Coalesce:
		return &Coalesce{Args: k, T: e.T}
	case *MinMax:
		c := *e
		c.Args = k
		return &c
	case *InList:
		return &InList{Arg: k[0], Items: k[1:], Eq: e.Eq, Not: e.Not}
	case *ArrayCompare:
		c := *e
		c.Left, c.Array = k[0], k[1]
		return &c
	case *Array:
		return &Array{Items: k, T: e.T}
	case *Subscript:
		return &Subscript{Arg: k[0], Index: k[1:], T: e.T}
	case *Row:
		return &Row{Items: k, Names: e.Names, T: e.T, Whole: e.Whole}
	}
	return e
}

// Columns adds the columns that e refers to to set.
func Columns(e Expr, set map[ColumnID]bool) {
	Walk(e, func(n Expr) bool {
		if c, ok := n.(*Column); ok {
			set[c.ID] = true
		}
		return true
	})
}

// SplitAnd appends the conjuncts of e to dst.
func SplitAnd(dst []Expr, e Expr) []Expr {
	if l, ok := e.(*Logic); ok && l.Op == And {
		for _, a := range l.Args {
			dst = SplitAnd(dst, a)
		}
		return dst
	}
	return append(dst, e)
}

// JoinAnd returns the conjunction of list: nil for none, the one for one.
func JoinAnd(list []Expr) Expr {
	switch len(list) {
	case 0:
		return nil
	case 1:
		return list[0]
	}
	return &Logic{Op: And, Args: list}
}
