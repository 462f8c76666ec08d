package operator

import (
	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/eval"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/planner/expr"
	"github.com/hubsql/hubsql/planner/physical"
)

// evalEnv returns what expressions may read.
func (q *Query) evalEnv() *eval.Env {
	return &eval.Env{Ctx: q.ctx, Session: q.env.Session, Params: q.env.Params, Memory: q.env.Account}
}

// compile makes one task's programs of es.
func (q *Query) compile(es []expr.Expr) ([]*eval.Program, error) {
	out := make([]*eval.Program, len(es))
	for i, e := range es {
		p, err := eval.Compile(e, q.evalEnv())
		if err != nil {
			return nil, err
		}
		out[i] = p
	}
	return out, nil
}

// evalAll evaluates programs over b into dst, which it returns.
func evalAll(dst []*vector.Vec, programs []*eval.Program, b *vector.Batch) ([]*vector.Vec, error) {
	dst = dst[:0]
	for _, p := range programs {
		v, err := p.Eval(b)
		if err != nil {
			return nil, err
		}
		dst = append(dst, v)
	}
	return dst, nil
}

// constant evaluates an expression without columns.
func (q *Query) constant(e expr.Expr) (types.Datum, error) {
	if c, ok := e.(*expr.Const); ok {
		return c.Value, nil
	}
	p, err := eval.Compile(e, q.evalEnv())
	if err != nil {
		return types.Null, err
	}
	v, err := p.Eval(&vector.Batch{N: 1})
	if err != nil {
		return types.Null, err
	}
	return v.Datum(0), nil
}

// call returns what a function gets to know of its invocation.
func (q *Query) call(args []expr.Expr, ret types.Type) *function.Call {
	return &function.Call{Ctx: q.ctx, Session: q.env.Session, Args: exprTypes(args), Ret: ret, Memory: q.env.Account}
}

// exprTypes returns the types of es.
func exprTypes(es []expr.Expr) []types.Type {
	out := make([]types.Type, len(es))
	for i, e := range es {
		out[i] = e.Type()
	}
	return out
}

// columnTypes returns the types of cols.
func columnTypes(cols []physical.Column) []types.Type {
	out := make([]types.Type, len(cols))
	for i, c := range cols {
		out[i] = c.Type
	}
	return out
}

// keyExprs returns the expressions of keys.
func keyExprs(keys []physical.SortKey) []expr.Expr {
	out := make([]expr.Expr, len(keys))
	for i, k := range keys {
		out[i] = k.Expr
	}
	return out
}
