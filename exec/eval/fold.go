package eval

import (
	"slices"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/planner/expr"
)

// EvalConst evaluates an expression without columns.
func EvalConst(e expr.Expr, env *Env) (types.Datum, error) {
	c := compiler{env: env}
	n, err := c.node(e)
	if err != nil {
		return types.Datum{}, err
	}
	v, err := n.eval(&frame{n: 1})
	if err != nil {
		return types.Datum{}, err
	}
	return v.Datum(0), nil
}

// Fold replaces what is constant in e by its value: immutable functions of
// constants, and what AND, OR, CASE and COALESCE make of constants. What would
// raise an error stays as it is, so that the error comes only if a row reaches
// it. Parameters are not folded.
func Fold(e expr.Expr, env *Env) expr.Expr {
	return expr.Rewrite(e, func(e expr.Expr) expr.Expr { return foldNode(e, env) })
}

// isNull reports whether e is the constant NULL.
func isNull(e expr.Expr) bool {
	c, ok := e.(*expr.Const)
	return ok && c.Value.Null
}

// isBool reports whether e is the constant b.
func isBool(e expr.Expr, b bool) bool {
	c, ok := e.(*expr.Const)
	return ok && !c.Value.Null && c.Value.Bool() == b
}

// foldNode folds one node whose children are folded.
func foldNode(e expr.Expr, env *Env) expr.Expr {
	switch e := e.(type) {
	case *expr.Const, *expr.Column, *expr.Param:
		return e
	case *expr.Relabel:
		if c, ok := e.Arg.(*expr.Const); ok {
			return &expr.Const{T: e.T, Value: c.Value}
		}
		return e
	case *expr.Logic:
		return foldLogic(e)
	case *expr.Case:
		return foldCase(e)
	case *expr.Coalesce:
		return foldCoalesce(e)
	case *expr.Call:
		if e.Fn.Strict && e.Fn.Kernel != nil && immutableNode(e) {
			if slices.ContainsFunc(e.Args, isNull) {
				return &expr.Const{T: e.T, Value: types.Null}
			}
		}
	}
	if !immutableNode(e) {
		return e
	}
	for _, k := range expr.Children(e) {
		if _, ok := k.(*expr.Const); !ok {
			return e
		}
	}
	d, err := EvalConst(e, env)
	if err != nil {
		return e
	}
	return &expr.Const{T: e.Type(), Value: d}
}

// immutableNode reports whether the functions that e itself calls are immutable
// and can be evaluated here.
func immutableNode(e expr.Expr) bool {
	for _, fn := range functionsOf(e) {
		if fn.Volatility != 'i' || fn.Kernel == nil {
			return false
		}
	}
	return true
}

// foldLogic drops the arguments that cannot matter.
func foldLogic(e *expr.Logic) expr.Expr {
	if e.Op == expr.Not {
		if c, ok := e.Args[0].(*expr.Const); ok {
			if c.Value.Null {
				return c
			}
			return &expr.Const{T: boolType, Value: types.BoolDatum(!c.Value.Bool())}
		}
		return e
	}
	decisive := e.Op == expr.Or
	var rest []expr.Expr
	for _, a := range e.Args {
		if isBool(a, !decisive) {
			continue
		}
		rest = append(rest, a)
		if isBool(a, decisive) {
			// Nothing behind it is reached, and the value is decided: what
			// stands before it can only raise errors, which SQL lets go.
			return a
		}
	}
	switch len(rest) {
	case 0:
		return &expr.Const{T: boolType, Value: types.BoolDatum(!decisive)}
	case 1:
		return rest[0]
	case len(e.Args):
		return e
	}
	return &expr.Logic{Op: e.Op, Args: rest}
}

// foldCase drops arms that are never taken and all behind one that always is.
func foldCase(e *expr.Case) expr.Expr {
	out := &expr.Case{Else: e.Else, T: e.T}
	for _, w := range e.Whens {
		if isNull(w.Cond) || isBool(w.Cond, false) {
			continue
		}
		if isBool(w.Cond, true) {
			out.Else = w.Result
			break
		}
		out.Whens = append(out.Whens, w)
	}
	if len(out.Whens) == 0 {
		if out.Else == nil {
			return &expr.Const{T: e.T, Value: types.Null}
		}
		return out.Else
	}
	if len(out.Whens) == len(e.Whens) {
		return e
	}
	return out
}

// foldCoalesce drops NULLs and all behind the first constant.
func foldCoalesce(e *expr.Coalesce) expr.Expr {
	var rest []expr.Expr
	for _, a := range e.Args {
		if isNull(a) {
			continue
		}
		rest = append(rest, a)
		if _, ok := a.(*expr.Const); ok {
			break
		}
	}
	switch len(rest) {
	case 0:
		return &expr.Const{T: e.T, Value: types.Null}
	case 1:
		return rest[0]
	case len(e.Args):
		return e
	}
	return &expr.Coalesce{Args: rest, T: e.T}
}
