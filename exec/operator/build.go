package operator

import (
	"reflect"
	"slices"

	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/planner/physical"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// builder cuts a plan into pipelines. Inputs are built in the order in which
// they are executed: the build side of a join before its probe side.
type builder struct {
	q      *Query
	shared map[*physical.Shared]*sharedRows
	// modified is the pipeline of the Modify built last, nil before the first: a
	// statement changes tables one after the other.
	modified *pipeline
	// dynamic holds this execution's state of the dynamic filters.
	dynamic map[*physical.DynamicFilter]*connector.DynamicFilter
	// located are the scans that locate their rows.
	located map[*physical.Scan]*scan
}

// dynamicFilter returns the state of f; nil for nil.
func (b *builder) dynamicFilter(f *physical.DynamicFilter) *connector.DynamicFilter {
	if f == nil {
		return nil
	}
	d := b.dynamic[f]
	if d == nil {
		d = connector.NewDynamicFilter(f.Awaited)
		if b.dynamic == nil {
			b.dynamic = map[*physical.DynamicFilter]*connector.DynamicFilter{}
		}
		b.dynamic[f] = d
	}
	return d
}

// build returns the stream of n; the pipelines it depends on have been added to
// the query.
func (b *builder) build(n physical.Node) (part, error) {
	st := b.q.stats[n]
	if st == nil {
		st = &stat{account: b.q.newAccount(reflect.TypeOf(n).Elem().Name())}
		b.q.stats[n] = st
	}
	in, err := b.node(n, st)
	if err != nil {
		return part{}, err
	}
	_, isScan := n.(*physical.Scan)
	open := in.open
	in.open = func(t *task) (stream, error) {
		s, err := open(t)
		if err != nil {
			return nil, err
		}
		st.tasks.Add(1)
		return &metered{in: s, stat: st, timed: !isScan}, nil
	}
	return in, nil
}

// node builds n without its meter. What n holds is charged to st.account.
func (b *builder) node(n physical.Node, st *stat) (part, error) {
	switch n := n.(type) {
	case *physical.Scan:
		return b.scan(n, st)
	case *physical.Values:
		return b.values(n)
	case *physical.Filter:
		return b.filter(n)
	case *physical.Project:
		return b.project(n)
	case *physical.Fetch:
		return b.fetch(n, st)
	case *physical.Limit:
		return b.limit(n, st)
	case *physical.Sort:
		return b.sort(n, st)
	case *physical.HashAggregate:
		return b.aggregate(n, st)
	case *physical.HashJoin:
		return b.hashJoin(n, st)
	case *physical.NestedLoopJoin:
		return b.nestedLoopJoin(n, st)
	case *physical.SetOp:
		return b.setOp(n, st)
	case *physical.SharedScan:
		return b.sharedScan(n, st)
	case *physical.FunctionScan:
		return b.functionScan(n)
	case *physical.ProjectSet:
		return b.projectSet(n)
	case *physical.Window:
		return b.window(n, st)
	case *physical.Append:
		return b.append(n)
	case *physical.Recursive:
		return b.recursive(n, st)
	case *physical.Modify:
		return b.modify(n, st)
	case *physical.With:
		return b.with(n, st)
	case *physical.WorkScan:
		return b.workScan(n)
	}
	return part{}, pgerror.Newf(pgerror.InternalError, "cannot execute %T", n)
}

// over returns the part that open makes over the streams of in.
func over(in part, open func(t *task, in stream) (stream, error)) part {
	out := in
	out.open = func(t *task) (stream, error) {
		s, err := in.open(t)
		if err != nil {
			return nil, err
		}
		r, err := open(t, s)
		if err != nil {
			s.close()
			return nil, err
		}
		return r, nil
	}
	return out
}

// pipeline adds a pipeline that runs in into s. st is charged with its time; it
// is nil for the result.
func (b *builder) pipeline(in part, s sink, st *stat) *pipeline {
	p := &pipeline{q: b.q, in: in, sink: s, stat: st}
	for i, a := range in.after {
		if !slices.Contains(in.after[:i], a) {
			p.waiting++
			a.dependents = append(a.dependents, p)
		}
	}
	b.q.pipelines = append(b.q.pipelines, p)
	return p
}

// breaker runs in into s and returns the part that reads the result, by open.
func (b *builder) breaker(in part, s sink, st *stat, open func(t *task) (stream, error)) part {
	return part{open: open, after: []*pipeline{b.pipeline(in, s, st)}}
}
