package optimizer

import (
	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/planner/expr"
	"github.com/hubsql/hubsql/planner/logical"
)

// constantErrors raises the errors of constant expressions, whether a row reaches
// them or not: PostgreSQL evaluates immutable functions of constants when it
// plans, in the order of the arguments, and leaves out what stands behind a
// decisive constant of AND and OR, in arms of CASE that are never taken, and
// behind the first constant of COALESCE. It runs when columns that nobody reads
// are gone. No row is read, so no error here can speak about one.
func constantErrors(env *Env, plan logical.Node) (logical.Node, error) {
	if env.Evaluate == nil {
		return plan, nil
	}
	check := func(n logical.Node) (logical.Node, error) {
		var err error
		logical.Walk(n, func(m logical.Node) bool {
			if f, ok := m.(*logical.Filter); ok {
				if len(f.Conds) > 0 {
					_, err = constantLogic(env, &expr.Logic{Op: expr.And, Args: f.Conds})
				}
				return err == nil
			}
			logical.MapExprs(m, func(e expr.Expr) expr.Expr {
				if err == nil {
					_, err = constant(env, e)
				}
				return e
			})
			return err == nil
		})
		return n, err
	}
	if err := eachShared(plan, check); err != nil {
		return nil, err
	}
	return check(plan)
}

// constant returns the value of e if it is constant, else nil, and the error that
// stands in the way of one.
func constant(env *Env, e expr.Expr) (*expr.Const, error) {
	switch e := e.(type) {
	case *expr.Const:
		return e, nil
	case *expr.Column, *expr.Param:
		return nil, nil
	case *expr.Relabel:
		c, err := constant(env, e.Arg)
		if c == nil {
			return nil, err
		}
		return &expr.Const{T: e.T, Value: c.Value}, nil
	case *expr.Logic:
		return constantLogic(env, e)
	case *expr.Case:
		return constantCase(env, e)
	case *expr.Coalesce:
		for i, a := range e.Args {
			c, err := constant(env, a)
			if err != nil {
				return nil, err
			}
			if c != nil && !c.Value.Null {
				if i > 0 {
					c = nil // what stands before it may have a value
				}
				return c, nil
			}
		}
		return nil, nil
	}
	kids := expr.Children(e)
	args := make([]expr.Expr, len(kids))
	null, all := false, true
	for i, k := range kids {
		c, err := constant(env, k)
		switch {
		case err != nil:
			return nil, err
		case c == nil:
			all = false
		default:
			args[i], null = c, null || c.Value.Null
		}
	}
	if !evaluable(e) {
		return nil, nil
	}
	if call, ok := e.(*expr.Call); ok && call.Fn.Strict && null {
		return nil, nil
	}
	if !all {
		return nil, nil
	}
	d, err := env.Evaluate(expr.WithChildren(e, args))
	if err != nil {
		return nil, err
	}
	return &expr.Const{T: e.Type(), Value: d}, nil
}

// constantLogic looks at arguments until one decides.
func constantLogic(env *Env, e *expr.Logic) (*expr.Const, error) {
	all := true
	for _, a := range e.Args {
		c, err := constant(env, a)
		if err != nil {
			return nil, err
		}
		if c == nil {
			all = false
			continue
		}
		if e.Op != expr.Not && !c.Value.Null && c.Value.Bool() == (e.Op == expr.Or) {
			return c, nil
		}
	}
	if !all {
		return nil, nil
	}
	d, err := env.Evaluate(e)
	if err != nil {
		return nil, err
	}
	return &expr.Const{T: e.Type(), Value: d}, nil
}

// constantCase looks at the arms that may be taken.
func constantCase(env *Env, e *expr.Case) (*expr.Const, error) {
	only := true
	for _, w := range e.Whens {
		cond, err := constant(env, w.Cond)
		if err != nil {
			return nil, err
		}
		if cond != nil && (cond.Value.Null || !cond.Value.Bool()) {
			continue
		}
		c, err := constant(env, w.Result)
		if err != nil {
			return nil, err
		}
		if cond != nil {
			if only {
				return c, nil
			}
			return nil, nil
		}
		only = false
	}
	if e.Else == nil {
		return nil, nil
	}
	c, err := constant(env, e.Else)
	if err != nil || !only {
		return nil, err
	}
	return c, nil
}

// evaluable reports whether the value of e depends on its arguments only.
func evaluable(e expr.Expr) bool {
	pure := func(fn *function.Overload) bool {
		return fn == nil || fn.Volatility == function.Immutable && fn.Kind == function.Scalar && fn.Kernel != nil
	}
	switch e := e.(type) {
	case *expr.Call:
		return pure(e.Fn)
	case *expr.ArrayCompare:
		return pure(e.Fn)
	case *expr.InList:
		return pure(e.Eq)
	case *expr.Distinct:
		return pure(e.Eq)
	case *expr.MinMax:
		return pure(e.Less)
	case *expr.Subscript, *expr.Array, *expr.NullTest, *expr.BoolTest:
		return true
	}
	return false
}
