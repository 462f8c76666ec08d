package sqltext

import (
	"fmt"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/planner/expr"
)

// maxText is the longest rendered conjunct, in bytes; longer ones (huge IN
// lists) stay local, because sources limit the size of a statement.
const maxText = 1 << 20

// Push renders conjuncts whose columns are indexes into cols. It returns the
// rendered ones, to be joined by AND, and one outcome per conjunct.
func Push(d Dialect, cols []Column, conjuncts []expr.Expr) ([]SQL, []connector.Outcome) {
	var where []SQL
	out := make([]connector.Outcome, len(conjuncts))
	for i, e := range conjuncts {
		r := &renderer{d: d, cols: cols}
		p := r.predicate(e, false)
		if p.pushed != connector.Local && len(p.sql.Text) > maxText {
			p = local("the predicate is too long to be sent to the source")
		}
		out[i] = connector.Outcome{Pushed: p.pushed, Reason: p.reason}
		if p.pushed == connector.Local {
			continue
		}
		if sql, guarded := r.guard(p.sql); guarded != "" {
			p.sql = sql
			if p.pushed == connector.Exact {
				out[i] = connector.Outcome{Pushed: connector.Superset, Reason: "column " + guarded + " may hold values of other types"}
			}
		}
		where = append(where, p.sql)
	}
	return where, out
}

// renderer renders one conjunct.
type renderer struct {
	d    Dialect
	cols []Column
	used []int // columns with a guard that were rendered
}

// guard lets the rows pass whose values are not of their column's type.
func (r *renderer) guard(sql SQL) (SQL, string) {
	parts, name := []SQL{sql}, ""
	seen := map[int]bool{}
	for _, c := range r.used {
		if !seen[c] {
			seen[c] = true
			parts, name = append(parts, Raw(r.cols[c].Guard)), r.cols[c].Name
		}
	}
	if name == "" {
		return sql, ""
	}
	return parens(list(" OR ", parts)), name
}

// predicate is a rendered boolean expression. When pushed is Exact the remote
// condition is true for exactly the rows for which the expression is true; what
// it is otherwise, false or NULL, is not promised. So it may stand below AND and
// OR, but not below NOT: negation is carried down to the leaves instead.
type predicate struct {
	sql    SQL
	pushed connector.Pushed
	reason string
}

// local is a predicate that is not pushed.
func local(format string, args ...any) predicate {
	return predicate{pushed: connector.Local, reason: fmt.Sprintf(format, args...)}
}

// exact is a predicate that is pushed exactly.
func exact(parts ...SQL) predicate {
	return predicate{sql: parens(concat(parts...)), pushed: connector.Exact}
}

// predicate renders e, or NOT e when negated.
func (r *renderer) predicate(e expr.Expr, negated bool) predicate {
	switch e := e.(type) {
	case *expr.Logic:
		return r.logic(e, negated)
	case *expr.NullTest:
		return r.nullTest(e, negated)
	case *expr.BoolTest:
		return r.boolTest(e, negated)
	case *expr.InList:
		return r.inList(e, e.Not != negated)
	case *expr.Distinct:
		return r.distinct(e, e.Not == negated)
	case *expr.Call:
		if op, ok := comparisons[e.Op]; ok && len(e.Args) == 2 {
			if negated {
				return r.compare(op.negated, e.Args[0], e.Args[1])
			}
			return r.compare(e.Op, e.Args[0], e.Args[1])
		}
		switch e.Op {
		case "~~":
			return r.like(e, negated)
		case "!~~":
			return r.like(e, !negated)
		}
	case *expr.Const:
		if e.Value.Null {
			return exact(Raw("1 = 0"))
		}
		if e.Value.Bool() != negated {
			return exact(Raw("1 = 1"))
		}
		return exact(Raw("1 = 0"))
	}
	s := r.scalar(e)
	switch {
	case s.reason != "":
		return local("%s", s.reason)
	case s.nullIf != "":
		return local("column %s holds values that are read as NULL", s.name)
	case negated:
		return exact(Raw("NOT "), s.sql)
	}
	return exact(s.sql)
}

// logic renders AND, OR and NOT.
func (r *renderer) logic(e *expr.Logic, negated bool) predicate {
	if e.Op == expr.Not {
		return r.predicate(e.Args[0], !negated)
	}
	and := (e.Op == expr.And) != negated
	out := predicate{pushed: connector.Exact}
	var parts []SQL
	for _, a := range e.Args {
		mark := len(r.used)
		p := r.predicate(a, negated)
		if p.pushed == connector.Local {
			// Without one of its arms an OR drops too much, an AND too little.
			if !and {
				return p
			}
			r.used = r.used[:mark]
			out.pushed, out.reason = connector.Superset, p.reason
			continue
		}
		if p.pushed == connector.Superset {
			out.pushed, out.reason = connector.Superset, p.reason
		}
		parts = append(parts, p.sql)
	}
	if len(parts) == 0 {
		return local("%s", out.reason)
	}
	sep := " OR "
	if and {
		sep = " AND "
	}
	out.sql = parens(list(sep, parts))
	return out
}

// nullTest renders IS [NOT] NULL.
func (r *renderer) nullTest(e *expr.NullTest, negated bool) predicate {
	s := r.scalar(e.Arg)
	not := e.Not != negated
	switch {
	case s.reason != "":
		return local("%s", s.reason)
	case s.nullIf != "" && not:
		return exact(Raw("NOT (" + s.nullIf + ")"))
	case s.nullIf != "":
		return exact(Raw(s.nullIf))
	case not:
		return exact(s.sql, Raw(" IS NOT NULL"))
	}
	return exact(s.sql, Raw(" IS NULL"))
}

// boolTest renders IS [NOT] TRUE, FALSE, UNKNOWN through the truth of its
// argument.
func (r *renderer) boolTest(e *expr.BoolTest, negated bool) predicate {
	not := e.Not != negated
	if e.Value.Null {
		return r.nullTest(&expr.NullTest{Arg: e.Arg, Not: not}, false)
	}
	p := r.predicate(e.Arg, !e.Value.Bool())
	if !not || p.pushed == connector.Local {
		return p
	}
	if p.pushed != connector.Exact {
		return local("%s", p.reason)
	}
	return exact(Raw("CASE WHEN "), p.sql, Raw(" THEN 1 ELSE 0 END = 0"))
}

// comparison describes a comparison operator.
type comparison struct {
	negated string
	order   bool
}

// comparisons are the operators of btree classes and <>.
var comparisons = map[string]comparison{
	"=": {"<>", false}, "<>": {"=", false},
	"<": {">=", true}, ">=": {"<", true}, ">": {"<=", true}, "<=": {">", true},
}

// compare renders `left op right`.
func (r *renderer) compare(op string, left, right expr.Expr) predicate {
	a, b := r.scalar(left), r.scalar(right)
	for _, s := range []scalar{a, b} {
		if s.reason != "" {
			return local("%s", s.reason)
		}
	}
	order := comparisons[op].order
	if !r.d.comparable(a.t, b.t, order) {
		return local("the source may compare %s with %s differently", typeName(a.t), typeName(b.t))
	}
	if reason := outOfBounds(a, b); reason != "" {
		return local("%s", reason)
	}
	p := exact(a.sql, Raw(" "+op+" "), b.sql)
	if familyOf(a.t) == textFamily || familyOf(a.t) == bpcharFamily {
		p = r.compareText(op, a, b)
	}
	return valid(p, a, b)
}

// valid keeps the rows away whose operands are read as NULL.
func valid(p predicate, operands ...scalar) predicate {
	if p.pushed == connector.Local {
		return p
	}
	for _, s := range operands {
		if s.nullIf != "" {
			p.sql = parens(concat(p.sql, Raw(" AND NOT ("+s.nullIf+")")))
		}
	}
	return p
}

// outOfBounds says whether a constant is beyond what the other operand's column
// compares rightly.
func outOfBounds(operands ...scalar) string {
	for _, col := range operands {
		if col.min == 0 && col.max == 0 {
			continue
		}
		for _, s := range operands {
			if s.constant && !s.value.Null && (s.value.I < col.min || s.value.I > col.max) {
				return "the constant is outside the range of column " + col.name
			}
		}
	}
	return ""
}

// compareText renders a comparison of strings under the rules of its columns.
func (r *renderer) compareText(op string, a, b scalar) predicate {
	rule, reason := r.textRule(a, b)
	if reason != "" {
		return local("%s", reason)
	}
	if op == "=" || op == "<>" {
		if rule.Equal == connector.Local || op == "<>" && rule.Equal != connector.Exact {
			return local("%s", rule.Why)
		}
		p := exact(a.sql, Raw(" "+op+" "), b.sql, Raw(rule.EqualCollate))
		if rule.Index && op == "=" {
			p = exact(a.sql, Raw(" = "), b.sql, Raw(" AND "), a.sql, Raw(" = "), b.sql, Raw(rule.EqualCollate))
		}
		if rule.Equal == connector.Superset {
			p.pushed, p.reason = connector.Superset, rule.Why
		}
		return p
	}
	if !rule.Order {
		return local("%s", rule.Why)
	}
	return exact(a.sql, Raw(" "+op+" "), b.sql, Raw(rule.OrderCollate))
}

// textRule combines the rules of the operands of one comparison.
func (r *renderer) textRule(operands ...scalar) (rule TextRule, reason string) {
	rule = ExactText()
	columns := 0
	for _, s := range operands {
		if s.constant {
			continue
		}
		columns++
		rule = s.text
	}
	if columns > 1 {
		// Operands of different collations are an error in most sources, so the
		// comparison names one.
		if r.d == MySQL {
			return rule, "two columns may differ in collation"
		}
		collate := map[Dialect]string{Postgres: ` COLLATE "C"`, SQLite: " COLLATE BINARY"}[r.d]
		rule.EqualCollate, rule.OrderCollate, rule.Order, rule.Equal = collate, collate, true, connector.Exact
		for _, s := range operands {
			if !s.constant && (!s.text.Order || s.text.Equal != connector.Exact) {
				return rule, s.text.Why
			}
			rule.ASCII = rule.ASCII || s.text.ASCII
		}
	}
	if rule.ASCII {
		for _, s := range operands {
			if s.constant && !ascii(s.value.S) {
				return rule, "the constant may have no equivalent in the source's character set"
			}
		}
	}
	return rule, ""
}

// ascii reports whether s has only ASCII characters.
func ascii(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// distinct renders IS NOT DISTINCT FROM (same) or IS DISTINCT FROM.
func (r *renderer) distinct(e *expr.Distinct, differ bool) predicate {
	a, b := r.scalar(e.Left), r.scalar(e.Right)
	for _, s := range []scalar{a, b} {
		switch {
		case s.reason != "":
			return local("%s", s.reason)
		case s.nullIf != "":
			return local("column %s holds values that are read as NULL", s.name)
		}
	}
	if reason := outOfBounds(a, b); reason != "" || !r.d.comparable(a.t, b.t, false) {
		return local("the source may compare %s with %s differently", typeName(a.t), typeName(b.t))
	}
	collate := ""
	if f := familyOf(a.t); f == textFamily || f == bpcharFamily {
		rule, reason := r.textRule(a, b)
		switch {
		case reason != "":
			return local("%s", reason)
		case rule.Equal != connector.Exact:
			return local("%s", rule.Why)
		}
		collate = rule.EqualCollate
	}
	op := map[Dialect][2]string{
		Postgres: {" IS NOT DISTINCT FROM ", " IS DISTINCT FROM "},
		MySQL:    {" <=> ", " <=> "},
		SQLite:   {" IS ", " IS NOT "},
	}[r.d]
	if !differ {
		return exact(a.sql, Raw(op[0]), b.sql, Raw(collate))
	}
	if r.d == MySQL {
		return exact(Raw("NOT ("), a.sql, Raw(op[1]), b.sql, Raw(collate+")"))
	}
	return exact(a.sql, Raw(op[1]), b.sql, Raw(collate))
}

// inList renders [NOT] IN.
func (r *renderer) inList(e *expr.InList, not bool) predicate {
	a := r.scalar(e.Arg)
	if a.reason != "" {
		return local("%s", a.reason)
	}
	items := make([]SQL, 0, len(e.Items))
	operands := []scalar{a}
	for _, item := range e.Items {
		s := r.scalar(item)
		if s.reason != "" {
			return local("%s", s.reason)
		}
		if c := s.constant && s.value.Null; c {
			if not {
				// x NOT IN (..., NULL) is never true.
				return exact(Raw("1 = 0"))
			}
			continue
		}
		if !r.d.comparable(a.t, s.t, false) {
			return local("the source may compare %s with %s differently", typeName(a.t), typeName(s.t))
		}
		operands = append(operands, s)
		items = append(items, s.sql)
	}
	if len(items) == 0 {
		return exact(Raw("1 = 0"))
	}
	if reason := outOfBounds(operands...); reason != "" {
		return local("%s", reason)
	}
	op := " IN ("
	if not {
		op = " NOT IN ("
	}
	in := concat(Raw(op), list(", ", items), Raw(")"))
	p := exact(a.sql, in)
	if f := familyOf(a.t); f == textFamily || f == bpcharFamily {
		rule, reason := r.textRule(operands...)
		switch {
		case reason != "":
			return local("%s", reason)
		case rule.Equal == connector.Local || not && rule.Equal != connector.Exact:
			return local("%s", rule.Why)
		case rule.EqualCollate != "":
			p = exact(a.sql, Raw(rule.EqualCollate), in)
			if rule.Index && !not {
				p = exact(a.sql, in, Raw(" AND "), a.sql, Raw(rule.EqualCollate), in)
			}
		}
		if rule.Equal == connector.Superset {
			p.pushed, p.reason = connector.Superset, rule.Why
		}
	}
	return valid(p, operands...)
}

// nullDatum reports a constant NULL.
func nullDatum(e expr.Expr) bool {
	c, ok := e.(*expr.Const)
	return ok && c.Value == types.Null
}
