package optimizer

import (
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/planner/expr"
)

// Simplify folds the constants in a condition whose parameters have got their
// values.
func Simplify(fold func(expr.Expr) expr.Expr, e expr.Expr) expr.Expr {
	return simplify(&Env{Fold: fold}, e)
}

// simplify folds constants and flattens logic.
func simplify(env *Env, e expr.Expr) expr.Expr {
	e = expr.Rewrite(e, func(x expr.Expr) expr.Expr {
		switch x := x.(type) {
		case *expr.Logic:
			return simplifyLogic(x)
		case *expr.Relabel:
			if c, ok := x.Arg.(*expr.Const); ok {
				return &expr.Const{T: x.T, Value: c.Value}
			}
		case *expr.Column, *expr.Const, *expr.Param:
			return x
		}
		if set := map[expr.ColumnID]bool{}; env.Fold != nil {
			expr.Columns(x, set)
			if len(set) == 0 && !volatile(x) {
				return env.Fold(x)
			}
		}
		return x
	})
	return e
}

// simplifyLogic drops neutral constants and factors an OR whose arms share
// conditions: (a AND b) OR (a AND c) is a AND (b OR c).
func simplifyLogic(l *expr.Logic) expr.Expr {
	boolType := types.Of(types.Bool)
	if l.Op == expr.Not {
		if c, ok := l.Args[0].(*expr.Const); ok {
			if c.Value.Null {
				return c
			}
			return &expr.Const{T: boolType, Value: types.BoolDatum(!c.Value.Bool())}
		}
		if in, ok := l.Args[0].(*expr.Logic); ok && in.Op == expr.Not {
			return in.Args[0]
		}
		return l
	}
	neutral := l.Op == expr.And
	var out []expr.Expr
	for _, a := range l.Args {
		if in, ok := a.(*expr.Logic); ok && in.Op == l.Op {
			out = append(out, in.Args...)
			continue
		}
		if c, ok := a.(*expr.Const); ok && !c.Value.Null {
			if c.Value.Bool() == neutral {
				continue
			}
			return c
		}
		out = append(out, a)
	}
	switch len(out) {
	case 0:
		return &expr.Const{T: boolType, Value: types.BoolDatum(neutral)}
	case 1:
		return out[0]
	}
	if l.Op == expr.Or {
		if f := factorOr(out); f != nil {
			return f
		}
	}
	if len(out) == len(l.Args) {
		return l
	}
	return &expr.Logic{Op: l.Op, Args: out}
}

// factorOr pulls out the conditions common to all arms, nil when there are none.
func factorOr(arms []expr.Expr) expr.Expr {
	first := expr.SplitAnd(nil, arms[0])
	var common []expr.Expr
	for _, c := range first {
		everywhere := true
		for _, a := range arms[1:] {
			if !containsExpr(expr.SplitAnd(nil, a), c) {
				everywhere = false
				break
			}
		}
		if everywhere && !volatile(c) {
			common = append(common, c)
		}
	}
	if len(common) == 0 {
		return nil
	}
	rest := &expr.Logic{Op: expr.Or}
	for _, a := range arms {
		var keep []expr.Expr
		for _, c := range expr.SplitAnd(nil, a) {
			if !containsExpr(common, c) {
				keep = append(keep, c)
			}
		}
		if len(keep) == 0 {
			return expr.JoinAnd(common) // one arm is only the common part
		}
		rest.Args = append(rest.Args, expr.JoinAnd(keep))
	}
	return &expr.Logic{Op: expr.And, Args: append(common, rest)}
}

func containsExpr(list []expr.Expr, e expr.Expr) bool {
	for _, x := range list {
		if expr.Equal(x, e) {
			return true
		}
	}
	return false
}

// boolConst is true or false.
func boolConst(b bool) expr.Expr {
	return &expr.Const{T: types.Of(types.Bool), Value: types.BoolDatum(b)}
}
