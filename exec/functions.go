package exec

import (
	"context"
	"strings"
	"time"

	"github.com/hubsql/hubsql/catalog"
	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/eval"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/planner/expr"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// Functions are the functions that need the engine itself.
func (e *Engine) Functions() []*function.Overload {
	return append(e.sequenceFunctions(), &function.Overload{
		Name: "test_server", Schema: "hub", Kind: function.Scalar,
		Args: []types.OID{types.Text}, ArgNames: []string{"server"}, Ret: types.Text,
		Volatility: function.Volatile, Strict: true,
		Doc:     "Connects to a registered server as the current user and tells what answers, or fails with the reason.",
		Example: "SELECT hub.test_server('crm')",
		Kernel: func(c *function.Call, args []*vector.Vec, n int, out *vector.Vec) error {
			for i := range n {
				if args[0].IsNull(i) {
					out.SetNull(i, n)
					continue
				}
				text, err := e.testServer(c, strings.Clone(args[0].String(i)))
				if err != nil {
					return err
				}
				out.SetString(i, text)
			}
			return nil
		},
	})
}

// testServer tries one server.
func (e *Engine) testServer(c *function.Call, name string) (string, error) {
	snap, ok := c.Session.Catalog.(*catalog.Snapshot)
	if !ok {
		return "", pgerror.New(pgerror.InternalError, "no catalog in this context")
	}
	server, ok := snap.Server(name)
	if !ok {
		return "", pgerror.Newf(pgerror.UndefinedObject, "server %q does not exist", name)
	}
	role, ok := snap.Role(c.Session.CurrentUser)
	if !ok || !snap.HasServer(role.OID, server, catalog.Usage) {
		return "", pgerror.PermissionDenied("foreign server", name)
	}
	src, err := e.sources.get(c.Ctx, snap, server, role.OID)
	if err != nil {
		return "", err
	}
	defer src.release()
	ctx, cancel := context.WithTimeoutCause(c.Ctx, 30*time.Second,
		pgerror.Source(name, pgerror.UnableToConnect, "no answer within 30 seconds", nil))
	defer cancel()
	p, ok := src.Source.(connector.Prober)
	if !ok {
		_, err := src.Schemas(ctx)
		return "ok", err
	}
	return p.Probe(ctx)
}

// evaluate computes an expression without columns.
func (s *Session) evaluate(ctx context.Context, e expr.Expr) (types.Datum, error) {
	return eval.EvalConst(e, &eval.Env{Ctx: ctx, Session: s.sess, Memory: s.engine.Memory})
}
