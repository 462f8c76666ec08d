package exec

import (
	"context"
	"slices"
	"time"

	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/planner"
	"github.com/hubsql/hubsql/planner/expr"
	"github.com/hubsql/hubsql/planner/physical"
)

// planned is a plan for one execution: what is executed and with which values.
type planned struct {
	root physical.Node
	// params are the values that parameters of the plan have; nil when they are
	// constants in it.
	params  []types.Datum
	handles map[*physical.Scan]connector.TableHandle
	// custom is the time it took to plan for these values; 0 when the plan was
	// there.
	custom time.Duration
}

// cachedPlan is a plan that a binding keeps.
type cachedPlan struct {
	generic *planner.Generic
	// vars is the version of the settings it was made under.
	vars uint64
}

// planHistory tells whether planning is worth its time: how long the executions
// that were planned for their own values took, and their planning.
type planHistory struct {
	custom            int
	planning, running time.Duration
	// refused is set when a plan for all values was found to send less to the
	// sources than one for given values.
	refused bool
}

// customPlans is how many executions are planned for their own values before a
// plan for all values is tried.
const customPlans = 5

// wantsGeneric reports whether a plan for all values should be tried: when
// planning takes a tenth of the time, or more.
func (h *planHistory) wantsGeneric(mode string) bool {
	switch mode {
	case "force_generic_plan":
		return true
	case "force_custom_plan":
		return false
	}
	return !h.refused && h.custom >= customPlans && h.planning*10 >= h.running
}

// planFor returns a plan for these values: the one that the binding keeps, or a
// new one. A statement without parameters is planned once per binding and
// settings; one with parameters first for each execution's own values, and then,
// if that pays, once for all values. Its parameters go down to the sources all
// the same, with each execution.
func (p *Prepared) planFor(ctx context.Context, params []types.Datum) (planned, error) {
	s, b := p.s, p.bind
	vars := s.sess.Vars.Version()
	if c := b.cached; c != nil && c.vars == vars {
		return p.execution(c, params), nil
	}
	b.cached = nil
	mode := s.sess.Vars.Str("plan_cache_mode")
	forced := mode == "force_generic_plan"
	if len(params) == 0 || p.history.wantsGeneric(mode) {
		root, lasting, err := s.plan(ctx, b.result, nil)
		if err != nil {
			return planned{}, err
		}
		c := &cachedPlan{generic: planner.NewGeneric(root), vars: vars}
		if len(params) == 0 {
			if lasting {
				b.cached = c
			}
			return p.execution(c, params), nil
		}
		if lasting && (forced || s.sendsAsMuch(ctx, c, b, params)) {
			b.cached = c
			return p.execution(c, params), nil
		}
		p.history.refused = true
	}
	began := time.Now()
	root, _, err := s.plan(ctx, b.result, params)
	return planned{root: root, custom: max(time.Since(began), 1)}, err
}

// execution completes a kept plan with the values of one execution.
func (p *Prepared) execution(c *cachedPlan, params []types.Datum) planned {
	out := planned{root: c.generic.Root, params: params}
	if len(params) > 0 {
		out.handles = c.generic.Handles(p.s.fold, params)
	}
	return out
}

// sendsAsMuch compares what a plan for all values makes the sources do with what
// a plan for these values does: a limit that is only pushed behind exact
// conditions, say, would be lost.
func (s *Session) sendsAsMuch(ctx context.Context, c *cachedPlan, b *binding, params []types.Datum) bool {
	root, _, err := s.plan(ctx, b.result, params)
	if err != nil {
		return false
	}
	custom := sent(root, nil)
	return slices.Equal(custom, sent(c.generic.Root, c.generic.Handles(s.fold, params)))
}

// sent lists which rows the scans of a plan ask their sources for, in a fixed
// order. The columns do not count: what a source evaluates exactly need not be
// sent, and a plan for all values evaluates it again.
func sent(root physical.Node, handles map[*physical.Scan]connector.TableHandle) []string {
	var out []string
	planner.EachScan(root, func(n *physical.Scan) {
		h, ok := handles[n]
		if !ok {
			h = n.Handle
		}
		text := n.Server + "/" + h.String()
		if p, ok := n.Source.(connector.ProjectPusher); ok {
			if none, ok := p.PushProject(h, nil); ok {
				h = none
			}
		}
		if x, ok := n.Source.(connector.Explainer); ok {
			text += "/" + x.RemoteQuery(h, true)
		}
		out = append(out, text)
	})
	slices.Sort(out)
	return out
}

// lastingFold evaluates what does not read rows, and clears lasting when that
// holds for this execution only.
func (s *Session) lastingFold(lasting *bool) func(expr.Expr) expr.Expr {
	return func(e expr.Expr) expr.Expr {
		out := s.fold(e)
		if out != e && *lasting {
			expr.Walk(e, func(x expr.Expr) bool {
				if !immutable(x) {
					*lasting = false
				}
				return *lasting
			})
		}
		return out
	}
}

// immutable reports whether a node by itself has the same value in every
// statement.
func immutable(e expr.Expr) bool {
	switch e := e.(type) {
	case *expr.Call:
		return e.Fn.Volatility == function.Immutable
	case *expr.ArrayCompare:
		return e.Fn.Volatility == function.Immutable
	}
	return true
}
