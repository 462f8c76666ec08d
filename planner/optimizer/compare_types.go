package optimizer

import (
	"math"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/planner/expr"
	"github.com/hubsql/hubsql/planner/logical"
)

// compareInOneType gives constants the type of the column that they are compared
// with: a date column against a timestamp, an integer column converted to
// numeric. Sources know bounds and operators of their own types only, and the
// conversion of every row is saved.
func compareInOneType(env *Env, plan logical.Node) (logical.Node, error) {
	rewrite := func(e expr.Expr) expr.Expr {
		return expr.Rewrite(e, func(x expr.Expr) expr.Expr {
			if c, ok := x.(*expr.Call); ok {
				if out := inOneType(env, c); out != nil {
					return out
				}
			}
			return x
		})
	}
	f := func(n logical.Node) (logical.Node, error) {
		return logical.Rewrite(n, func(m logical.Node) logical.Node {
			switch m := m.(type) {
			case *logical.Filter:
				if !m.Policy {
					return logical.MapExprs(m, rewrite)
				}
			case *logical.Join:
				return logical.MapExprs(m, rewrite)
			}
			return m
		}), nil
	}
	if err := eachShared(plan, f); err != nil {
		return nil, err
	}
	return f(plan)
}

// inOneType rewrites one comparison, nil when there is nothing to do.
func inOneType(env *Env, c *expr.Call) expr.Expr {
	op := c.Op
	switch op {
	case "=", "<", "<=", ">", ">=":
	default:
		return nil
	}
	if len(c.Args) != 2 || c.Fn.Schema != "" && c.Fn.Schema != "pg_catalog" {
		return nil
	}
	col, k := c.Args[0], c.Args[1]
	if _, ok := col.(*expr.Const); ok {
		col, k = k, col
		op = map[string]string{"=": "=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}[op]
	}
	value, ok := k.(*expr.Const)
	if !ok || value.Value.Null {
		return nil
	}
	var unit float64 // of the constant, in which the column counts whole ones
	lo, hi := 0.0, 0.0
	at := float64(value.Value.I)
	switch {
	case col.Type().OID == types.Date && value.T.OID == types.Timestamp:
		unit, lo, hi = 86400e6, -2400000, 100000000
	case value.T.OID == types.Numeric:
		cast, ok := col.(*expr.Call)
		if !ok || !cast.Cast || len(cast.Args) != 1 || cast.T.Mod >= 0 {
			return nil
		}
		switch col = cast.Args[0]; col.Type().OID {
		case types.Int2:
			lo, hi = math.MinInt16, math.MaxInt16
		case types.Int4:
			lo, hi = math.MinInt32, math.MaxInt32
		case types.Int8:
			// Up to where every integer is a float64.
			lo, hi = -1<<53, 1<<53
		default:
			return nil
		}
		f, err := types.DecodeNumeric(value.Value.S).Float64()
		if err != nil || types.NumericScale([]byte(value.Value.S)) > 6 {
			return nil // more digits than float64 keeps apart
		}
		at, unit = f, 1
	default:
		return nil
	}
	if math.IsNaN(at) || math.Abs(at) >= 1<<53*math.Max(unit, 1)/1024 {
		return nil
	}
	whole := math.Floor(at / unit)
	if whole <= lo || whole >= hi {
		return nil
	}
	if whole*unit != at {
		switch op {
		case "=":
			return nil
		case "<":
			op = "<="
		case ">=":
			op = ">"
		}
	}
	m, oper, err := env.Registry.Operator(op, col.Type().OID, col.Type().OID)
	if err != nil {
		return nil
	}
	out := *c
	out.Fn, out.Op, out.T = m.Fn, oper.Name, types.Of(m.Ret)
	out.Args = []expr.Expr{col, &expr.Const{T: types.Of(col.Type().OID), Value: types.IntDatum(int64(whole))}}
	return &out
}
