package binder

import (
	"slices"

	pg "github.com/pganalyze/pg_query_go/v5"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/planner/logical"
	"github.com/hubsql/hubsql/planner/physical"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// bindRecursive binds "initial UNION [ALL] step" of WITH RECURSIVE. with is the
// scope of the WITH queries before it.
func (b *binder) bindRecursive(c *pg.CommonTableExpr, sel *pg.SelectStmt, with *scope) (*query, error) {
	if err := b.checkRecursion(c, sel); err != nil {
		return nil, err
	}
	level, err := b.bindWith(sel.WithClause, with)
	if err != nil {
		return nil, err
	}
	initial, err := b.bindSelect(sel.Larg, &scope{parent: level})
	if err != nil {
		return nil, err
	}
	if initial, err = b.finishUnknown(initial); err != nil {
		return nil, err
	}
	cols := append([]logical.Column(nil), initial.cols...)
	for i, a := range namesOf(c) {
		if i < len(cols) {
			cols[i].Name = a
		}
	}
	tr := &traversal{b: b, c: c}
	larg, rarg := sel.Larg, sel.Rarg
	if tr.wanted() {
		if err := tr.check(sel, cols); err != nil {
			return nil, err
		}
		larg = tr.initial(larg, cols)
		rarg = tr.step(rarg, cols)
		if initial, err = b.bindSelect(larg, &scope{parent: level}); err != nil {
			return nil, err
		}
		if initial, err = b.finishUnknown(initial); err != nil {
			return nil, err
		}
		cols = initial.cols
	}
	self := &cte{work: &physical.WorkTable{Name: c.Ctename}, cols: cols, hidden: len(tr.added)}
	inner := &scope{parent: level.parent, ctes: map[string]*cte{c.Ctename: self}, cteOnly: true}
	for name, other := range level.ctes {
		if name != c.Ctename {
			inner.ctes[name] = other
		}
	}
	step, err := b.bindSelect(rarg, &scope{parent: inner})
	if err != nil {
		return nil, err
	}
	if len(step.cols) != len(cols) {
		return nil, b.errorf(firstLocation(sel.Rarg), pgerror.SyntaxError, "each UNION query must have the same number of columns")
	}
	targets := make([]types.Type, len(cols))
	for i := range cols {
		targets[i] = cols[i].Type
		have := step.cols[i].Type
		if unknownType(have) {
			continue
		}
		common := types.Of(targets[i].OID)
		if have.OID == targets[i].OID {
			// A modifier holds overall only when both terms have it.
			if have.Mod == targets[i].Mod || targets[i] == common {
				continue
			}
		} else {
			oid, err := b.env.Registry.CommonType("UNION", []types.OID{targets[i].OID, have.OID})
			if err != nil {
				return nil, b.at(err, firstLocation(sel.Rarg))
			}
			common = types.Of(oid)
			if oid == targets[i].OID && targets[i] == common {
				continue
			}
		}
		return nil, b.at(pgerror.Newf(pgerror.DatatypeMismatch, "recursive query %q column %d has type %s in non-recursive term but type %s overall",
			c.Ctename, i+1, types.FormatType(targets[i]), types.FormatType(common)).
			WithHint("Cast the output of the non-recursive term to the correct type."), targetLocation(sel.Larg, i))
	}
	if step, err = b.coerceQuery(step, targets); err != nil {
		return nil, err
	}
	rec := &logical.Recursive{
		Initial: project(initial.plan, initial.cols), Step: project(step.plan, step.cols), Work: self.work, All: sel.All,
	}
	for _, col := range cols {
		if !sel.All {
			if err := b.needEquality(col.Type); err != nil {
				return nil, err
			}
		}
		rec.Cols = append(rec.Cols, b.newColumn(col.Name, col.Type))
	}
	out := &query{plan: rec, cols: rec.Cols}
	if tr.wanted() {
		out.cols = slices.DeleteFunc(slices.Clone(rec.Cols), func(c logical.Column) bool { return c.Name == depthColumn })
	}
	return out, nil
}

// readsWork reports whether a plan reads the rows of a recursion around it.
func readsWork(n logical.Node) bool {
	made := map[*physical.WorkTable]bool{}
	read := map[*physical.WorkTable]bool{}
	var walk func(n logical.Node)
	walk = func(n logical.Node) {
		switch n := n.(type) {
		case *logical.Recursive:
			made[n.Work] = true
		case *logical.WorkScan:
			read[n.Of] = true
		case *logical.SharedScan:
			walk(n.Of.Input)
		}
		for _, in := range n.Inputs() {
			walk(in)
		}
	}
	walk(n)
	for w := range read {
		if !made[w] {
			return true
		}
	}
	return false
}

// orderRecursive puts the queries of WITH RECURSIVE into an order in which each
// reads earlier ones only, and marks those that read themselves.
func (b *binder) orderRecursive(list []*pg.CommonTableExpr, recursive map[*pg.CommonTableExpr]bool) ([]*pg.CommonTableExpr, error) {
	needs := map[*pg.CommonTableExpr][]*pg.CommonTableExpr{}
	for _, c := range list {
		w := &relationWalk{visit: func(rv *pg.RangeVar) error {
			for _, other := range list {
				switch {
				case other.Ctename != rv.Relname:
				case other == c:
					recursive[c] = true
				default:
					needs[c] = append(needs[c], other)
				}
			}
			return nil
		}}
		if err := w.node(c.Ctequery); err != nil {
			return nil, err
		}
	}
	left := slices.Clone(list)
	var out []*pg.CommonTableExpr
	for len(left) > 0 {
		at := slices.IndexFunc(left, func(c *pg.CommonTableExpr) bool {
			return !slices.ContainsFunc(needs[c], func(o *pg.CommonTableExpr) bool { return slices.Contains(left, o) })
		})
		if at < 0 {
			return nil, b.errorf(left[0].Location, pgerror.FeatureNotSupported, "mutual recursion between WITH items is not implemented")
		}
		out = append(out, left[at])
		left = slices.Delete(left, at, at+1)
	}
	return out, nil
}

// checkRecursion refuses the places where a recursive query may not read itself.
func (b *binder) checkRecursion(c *pg.CommonTableExpr, sel *pg.SelectStmt) error {
	if sel.Op != pg.SetOperation_SETOP_UNION {
		return b.errorf(c.Location, pgerror.InvalidRecursion, "recursive query %q does not have the form non-recursive-term UNION [ALL] recursive-term", c.Ctename)
	}
	seen := 0
	w := &relationWalk{}
	w.visit = func(rv *pg.RangeVar) error {
		if rv.Relname != c.Ctename {
			return nil
		}
		if w.where != "" {
			return b.errorf(rv.Location, pgerror.InvalidRecursion, "recursive reference to query %q must not appear within %s", c.Ctename, w.where)
		}
		if seen++; seen > 1 {
			return b.errorf(rv.Location, pgerror.InvalidRecursion, "recursive reference to query %q must not appear more than once", c.Ctename)
		}
		return nil
	}
	if err := w.with(sel.WithClause); err != nil {
		return err
	}
	w.where = "its non-recursive term"
	if err := w.selectStmt(sel.Larg); err != nil {
		return err
	}
	w.where = ""
	if err := w.selectStmt(sel.Rarg); err != nil {
		return err
	}
	switch {
	case len(sel.SortClause) > 0:
		return b.errorf(exprLocation(sel.SortClause[0].GetSortBy().Node), pgerror.FeatureNotSupported, "ORDER BY in a recursive query is not implemented")
	case sel.LimitOffset != nil:
		return b.errorf(exprLocation(sel.LimitOffset), pgerror.FeatureNotSupported, "OFFSET in a recursive query is not implemented")
	case sel.LimitCount != nil:
		return b.errorf(exprLocation(sel.LimitCount), pgerror.FeatureNotSupported, "LIMIT in a recursive query is not implemented")
	case len(sel.LockingClause) > 0:
		return b.errorf(-1, pgerror.FeatureNotSupported, "FOR UPDATE/SHARE in a recursive query is not implemented")
	}
	return nil
}

// relationWalk visits the unqualified table names of a query that are not names
// of WITH queries inside of it.
type relationWalk struct {
	visit func(*pg.RangeVar) error
	// column, if set, gets every column reference.
	column func(*pg.ColumnRef)
	// where says in what the current place lies that a recursive reference may not
	// be in, "" for none.
	where string
	// hidden are the WITH queries of the statements around.
	hidden []string
}

// within walks m with where set, unless it is set already.
func (w *relationWalk) within(where string, m protoreflect.ProtoMessage) error {
	old := w.where
	if w.where == "" {
		w.where = where
	}
	err := w.message(m)
	w.where = old
	return err
}

// node walks any node.
func (w *relationWalk) node(n *pg.Node) error {
	if n == nil {
		return nil
	}
	return w.message(n)
}

// message walks a message by its kind.
func (w *relationWalk) message(m protoreflect.ProtoMessage) error {
	switch m := m.(type) {
	case *pg.RangeVar:
		if m.Schemaname == "" && !slices.Contains(w.hidden, m.Relname) {
			return w.visit(m)
		}
		return nil
	case *pg.ColumnRef:
		if w.column != nil {
			w.column(m)
		}
		return nil
	case *pg.SelectStmt:
		return w.selectStmt(m)
	case *pg.JoinExpr:
		left, right := "", ""
		switch m.Jointype {
		case pg.JoinType_JOIN_LEFT:
			right = "an outer join"
		case pg.JoinType_JOIN_RIGHT:
			left = "an outer join"
		case pg.JoinType_JOIN_FULL:
			left, right = "an outer join", "an outer join"
		}
		if err := w.within(left, m.Larg); err != nil {
			return err
		}
		if err := w.within(right, m.Rarg); err != nil {
			return err
		}
		return w.node(m.Quals)
	case *pg.SubLink:
		if err := w.within("a subquery", m.Subselect); err != nil {
			return err
		}
		return w.node(m.Testexpr)
	}
	return w.children(m.ProtoReflect(), nil)
}

// children walks the messages in the fields of m but those named in skip.
func (w *relationWalk) children(m protoreflect.Message, skip []protoreflect.Name) error {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		fd := fields.Get(i)
		if fd.Kind() != protoreflect.MessageKind || !m.Has(fd) || slices.Contains(skip, fd.Name()) {
			continue
		}
		v := m.Get(fd)
		if !fd.IsList() {
			if err := w.message(v.Message().Interface()); err != nil {
				return err
			}
			continue
		}
		for k := range v.List().Len() {
			if err := w.message(v.List().Get(k).Message().Interface()); err != nil {
				return err
			}
		}
	}
	return nil
}

// with walks the queries of a WITH clause, whose names hide tables from then on.
func (w *relationWalk) with(c *pg.WithClause) error {
	if c == nil {
		return nil
	}
	if c.Recursive {
		for _, n := range c.Ctes {
			w.hidden = append(w.hidden, n.GetCommonTableExpr().Ctename)
		}
	}
	for _, n := range c.Ctes {
		if err := w.node(n.GetCommonTableExpr().Ctequery); err != nil {
			return err
		}
		if !c.Recursive {
			w.hidden = append(w.hidden, n.GetCommonTableExpr().Ctename)
		}
	}
	return nil
}

// selectStmt walks a query.
func (w *relationWalk) selectStmt(s *pg.SelectStmt) error {
	if s == nil {
		return nil
	}
	outer := len(w.hidden)
	defer func() { w.hidden = w.hidden[:outer] }()
	if err := w.with(s.WithClause); err != nil {
		return err
	}
	left, right := "", ""
	switch s.Op {
	case pg.SetOperation_SETOP_INTERSECT:
		if s.All {
			left, right = "INTERSECT", "INTERSECT"
		}
	case pg.SetOperation_SETOP_EXCEPT:
		right = "EXCEPT"
		if s.All {
			left = "EXCEPT"
		}
	}
	if s.Larg != nil {
		if err := w.within(left, s.Larg); err != nil {
			return err
		}
	}
	if s.Rarg != nil {
		if err := w.within(right, s.Rarg); err != nil {
			return err
		}
	}
	return w.children(s.ProtoReflect(), []protoreflect.Name{"with_clause", "larg", "rarg"})
}
