package operator

import (
	"errors"
	"iter"

	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/planner/expr"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// rowSource pulls the rows of one call of a set-returning function, which pushes
// them.
type rowSource struct {
	next func() ([]types.Datum, error, bool)
	stop func()
}

// errStopped ends a function whose rows nobody wants any more.
var errStopped = errors.New("operator: stopped")

// rows calls a set-returning function with the given arguments. The source must
// be stopped.
func (q *Query) rows(call *expr.Call, args []types.Datum) (*rowSource, error) {
	fn := call.Fn
	if fn.Rows == nil {
		return nil, pgerror.NotSupported("function %s cannot be called here", fn.Name)
	}
	for _, a := range args {
		if fn.Strict && a.Null {
			return &rowSource{next: func() ([]types.Datum, error, bool) { return nil, nil, false }, stop: func() {}}, nil
		}
	}
	c := &function.Call{Ctx: q.ctx, Session: q.env.Session, Args: exprTypes(call.Args), Ret: call.T, Memory: q.env.Account}
	next, stop := iter.Pull2(func(yield func([]types.Datum, error) bool) {
		err := fn.Rows(c, args, func(row []types.Datum) error {
			if q.stopped.Load() || !yield(row, nil) {
				return errStopped
			}
			return nil
		})
		if err != nil && !errors.Is(err, errStopped) {
			yield(nil, err)
		}
	})
	return &rowSource{next: next, stop: stop}, nil
}
