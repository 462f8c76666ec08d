package sqltext

import (
	"slices"
	"strconv"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/planner/expr"
)

// Relation is a SELECT that grows as conditions and operations are pushed into
// it. It is immutable: every push returns a new one. When the next operation
// comes before what is there already (a condition on groups), the SELECT so far
// becomes a subquery; the servers' planners see through those.
type Relation struct {
	Dialect Dialect
	// Outputs are the columns.
	Outputs []Output

	from    SQL
	where   []SQL
	group   []SQL
	order   []SQL
	grouped bool // rows are groups, though without keys there is one only
	limit   int64
	offset  int64
}

// Output is a column of a relation.
type Output struct {
	connector.Column
	// Select is what is selected, Rule how the column may be used in expressions.
	Select SQL
	Rule   Column
	// Origin is the index of the column of the source's own tables whose values
	// these are, as they arrive; Computed for others, which arrive as the source
	// sends values of the column's type.
	Origin int
}

// Computed is the Origin of a value that is not that of a column.
const Computed = -1

// Table returns the relation of all rows of a table.
func Table(d Dialect, from string, outputs []Output) *Relation {
	return &Relation{Dialect: d, Outputs: outputs, from: Raw(from), limit: -1}
}

// Columns are the columns as a handle shows them.
func (r *Relation) Columns() []connector.Column {
	out := make([]connector.Column, len(r.Outputs))
	for i, o := range r.Outputs {
		out[i] = o.Column
	}
	return out
}

// Text returns the statement, with redact without its literals.
func (r *Relation) Text(redact bool) string { return r.query().Text(redact) }

func (r *Relation) query() *Query {
	q := &Query{Dialect: r.Dialect, From: r.from, Where: r.where, GroupBy: r.group, OrderBy: r.order, Limit: r.limit, Offset: r.offset}
	for _, o := range r.Outputs {
		q.Select = append(q.Select, o.Select)
	}
	return q
}

// Shift returns r with the origins counted from n on, for a relation over two
// lists of columns.
func (r *Relation) Shift(n int) *Relation {
	next := *r
	next.Outputs = slices.Clone(r.Outputs)
	for i := range next.Outputs {
		if next.Outputs[i].Origin != Computed {
			next.Outputs[i].Origin += n
		}
	}
	return &next
}

// Estimate is a guess at the number of rows that conditions and limits leave of
// the rows of a table.
func (r *Relation) Estimate(rows float64) float64 {
	for range r.where {
		rows *= 0.3
	}
	if r.limit >= 0 {
		rows = min(rows, float64(r.limit))
	}
	return rows
}

// Limited reports whether the relation ends after a number of rows: conditions
// that follow would have to count other rows.
func (r *Relation) Limited() bool { return r.limit >= 0 }

// rules are those of the outputs for conditions.
func (r *Relation) rules() []Column {
	out := make([]Column, len(r.Outputs))
	for i, o := range r.Outputs {
		out[i] = o.Rule
	}
	return out
}

// And returns r with more conjuncts over the table it began with.
func (r *Relation) And(where []SQL) *Relation {
	next := *r
	next.where = append(slices.Clip(r.where), where...)
	return &next
}

// Filter pushes conjuncts over the outputs.
func (r *Relation) Filter(conjuncts []expr.Expr) (*Relation, []connector.Outcome) {
	if r.Limited() {
		out := make([]connector.Outcome, len(conjuncts))
		for i := range out {
			out[i].Reason = "a limit is applied before"
		}
		return r, out
	}
	next := r.plain()
	where, out := Push(next.Dialect, next.rules(), conjuncts)
	next.where = append(slices.Clip(next.where), where...)
	return next, out
}

// Dynamic pushes what is known of dynamic filters. A limit counts the rows before
// they are dropped, so below one the executor applies them.
func (r *Relation) Dynamic(filters []connector.ScanFilter) (*Relation, Dynamic) {
	if len(filters) == 0 || r.Limited() {
		return r, Dynamic{}
	}
	next := r.plain()
	d := PushDynamic(next.Dialect, next.rules(), filters)
	if len(d.Where) == 0 {
		return r, d
	}
	next.where = append(slices.Clip(next.where), d.Where...)
	return next, d
}

// Project keeps some outputs; false when the rows could not be told without the
// others.
func (r *Relation) Project(columns []int) (*Relation, bool) {
	if r.grouped && len(r.group) == 0 && len(columns) == 0 {
		return r, false
	}
	next := *r
	next.Outputs = make([]Output, len(columns))
	for i, c := range columns {
		next.Outputs[i] = r.Outputs[c]
	}
	return &next, true
}

// Cut keeps the first rows.
func (r *Relation) Cut(limit int64) *Relation {
	next := *r
	if next.limit < 0 || limit < next.limit {
		next.limit = limit
	}
	return &next
}

// plain returns r as a SELECT to which conditions can be added: a copy of r, or a
// SELECT of it.
func (r *Relation) plain() *Relation {
	if r.grouped || r.limit >= 0 || len(r.order) > 0 {
		return r.wrap("q")
	}
	next := *r
	return &next
}

// wrap returns a SELECT of the outputs of r as a subquery.
func (r *Relation) wrap(alias string) *Relation {
	inner := r.query()
	next := &Relation{Dialect: r.Dialect, limit: -1}
	inner.Select = nil
	for i, o := range r.Outputs {
		name := "c" + strconv.Itoa(i)
		ref := alias + "." + name
		if value := exactly(o.Rule); value.Local == "" {
			// From here on the value is as HubSQL reads it.
			o.Select = SQL{value.SQL, orElse(value.Redacted, value.SQL)}
			value.SQL, value.Redacted = ref, ""
			o.Rule = value
			o.Origin = Computed
		} else if o.Rule.Local == "" {
			o.Rule.Local = value.Local
		}
		inner.Select = append(inner.Select, concat(o.Select, Raw(" AS "+name)))
		o.Select = Raw(ref)
		next.Outputs = append(next.Outputs, o)
	}
	next.from = concat(parens(inner.sql()), Raw(" AS "+alias))
	return next
}

// exactly returns the rule of a column whose SQL is the value that HubSQL reads,
// whatever is stored; Local says why there is none.
func exactly(c Column) Column {
	switch {
	case c.Local != "":
	case c.Guard != "":
		c.Local = "column " + c.Name + " may hold values of other types"
	case c.NullIf != "":
		c.SQL = "CASE WHEN NOT (" + c.NullIf + ") THEN " + c.SQL + " END"
		c.NullIf = ""
	}
	return c
}

// renderer renders expressions over the outputs whose value must be exact.
func (r *Relation) renderer() *renderer {
	out := &renderer{d: r.Dialect}
	for _, o := range r.Outputs {
		out.cols = append(out.cols, exactly(o.Rule))
	}
	return out
}

// Apply pushes an operation over r, or over r and right. It returns the reason
// when the operation is not pushed.
func (r *Relation) Apply(op connector.Operation, right *Relation) (*Relation, string) {
	switch op := op.(type) {
	case *connector.Compute:
		return r.compute(op)
	case *connector.Aggregate:
		return r.aggregate(op)
	case *connector.TopN:
		return r.topN(op)
	case *connector.Join:
		return r.join(op, right)
	case *connector.SetOperation:
		return r.combine(op, right)
	}
	return nil, "the source does not evaluate it"
}

// compute replaces the outputs by expressions.
func (r *Relation) compute(op *connector.Compute) (*Relation, string) {
	next := *r
	next.Outputs = make([]Output, len(op.Exprs))
	in := r.renderer()
	for i, e := range op.Exprs {
		if c, ok := e.(*expr.Column); ok && c.ID >= 0 && int(c.ID) < len(r.Outputs) {
			o := r.Outputs[c.ID]
			o.Name = op.Columns[i].Name
			next.Outputs[i] = o
			continue
		}
		s := in.scalar(e)
		if s.reason != "" {
			return nil, s.reason
		}
		if familyOf(s.t) == noFamily {
			return nil, "a value of type " + typeName(s.t) + " is not computed by the source"
		}
		next.Outputs[i] = computed(op.Columns[i], s.sql, s.text)
	}
	return &next, ""
}

// computed is an output that is no column.
func computed(c connector.Column, sql SQL, text TextRule) Output {
	rule := Column{Name: c.Name, SQL: sql.Text, Redacted: sql.Redacted, Type: c.Type, Text: text}
	return Output{Column: c, Select: sql, Rule: rule, Origin: Computed}
}

// aggregate groups the rows.
func (r *Relation) aggregate(op *connector.Aggregate) (*Relation, string) {
	if len(op.Keys)+len(op.Calls) == 0 {
		return nil, "nothing of it is read"
	}
	next := r.plain()
	in := next.renderer()
	var outputs []Output
	for i, e := range op.Keys {
		s, reason := in.key(e)
		if reason != "" {
			return nil, reason
		}
		next.group = append(next.group, s.sql)
		outputs = append(outputs, computed(op.Columns[i], s.sql, s.text))
	}
	for _, c := range op.Calls {
		sql, text, reason := in.aggregate(c)
		if reason != "" {
			return nil, reason
		}
		outputs = append(outputs, computed(connector.Column{Name: c.Name, Type: c.Type}, sql, text))
	}
	next.Outputs, next.grouped = outputs, true
	return next, ""
}

// topN orders and limits the rows.
func (r *Relation) topN(op *connector.TopN) (*Relation, string) {
	next := *r
	if r.limit >= 0 || len(r.order) > 0 {
		next = *r.wrap("q")
	}
	in := next.renderer()
	for _, k := range op.Keys {
		parts, reason := in.sortKey(k, next.Outputs)
		if reason != "" {
			return nil, reason
		}
		next.order = append(next.order, parts...)
	}
	next.limit, next.offset = op.Limit, op.Offset
	return &next, ""
}

// joinWords are the joins of two tables in FROM.
var joinWords = map[connector.JoinKind]string{
	connector.InnerJoin: " JOIN ", connector.LeftJoin: " LEFT JOIN ", connector.RightJoin: " RIGHT JOIN ", connector.FullJoin: " FULL JOIN ",
}

// join combines two relations.
func (r *Relation) join(op *connector.Join, other *Relation) (*Relation, string) {
	left, right := r.wrap("l"), other.wrap("r")
	both := &Relation{Dialect: r.Dialect, Outputs: slices.Concat(left.Outputs, right.Outputs), limit: -1}
	var on []SQL
	equal, found := false, false
	for _, c := range op.Conds {
		in := both.renderer()
		p := in.predicate(c, false)
		if p.pushed != connector.Exact {
			return nil, p.reason
		}
		on = append(on, p.sql)
		if l, r, ok := columnsOf(c, len(left.Outputs)); ok {
			equal = true
			found = found || left.Outputs[l].Rule.Indexed || right.Outputs[r].Rule.Indexed
		} else if op.Kind == connector.FullJoin {
			return nil, "a full join has a condition that is no equality of columns"
		}
	}
	if !equal && r.Dialect != Postgres {
		return nil, "no condition equates columns of the two sides"
	}
	if len(on) == 0 {
		on = []SQL{Raw("TRUE")}
	}
	word, plain := joinWords[op.Kind]
	switch {
	case r.Dialect == MySQL && op.Kind == connector.FullJoin:
		return nil, "the source has no full joins"
	case r.Dialect == MySQL && !found:
		return nil, "no index of the source serves the join"
	case !plain && r.Dialect != Postgres:
		return nil, "the source may evaluate the subquery for each row"
	case r.Dialect == SQLite && op.Kind != connector.InnerJoin && op.Kind != connector.LeftJoin:
		return nil, "the source may have no right and full joins"
	}
	if plain {
		both.from = concat(left.from, Raw(word), right.from, Raw(" ON "), list(" AND ", on))
		return both, ""
	}
	exists := concat(Raw("EXISTS (SELECT 1 FROM "), right.from, Raw(" WHERE "), list(" AND ", on), Raw(")"))
	if op.Kind == connector.AntiJoin {
		exists = concat(Raw("NOT "), exists)
	}
	both.Outputs, both.from, both.where = left.Outputs, left.from, []SQL{exists}
	return both, ""
}

// columnsOf returns the columns that a condition equates, one of the left and one
// of the right side; the right one's index is within its side.
func columnsOf(e expr.Expr, left int) (l, r int, ok bool) {
	var a, b expr.Expr
	switch e := e.(type) {
	case *expr.Call:
		if e.Op != "=" || len(e.Args) != 2 {
			return 0, 0, false
		}
		a, b = e.Args[0], e.Args[1]
	default:
		return 0, 0, false
	}
	at := func(e expr.Expr) int {
		set := map[expr.ColumnID]bool{}
		expr.Columns(e, set)
		if len(set) != 1 {
			return -1
		}
		for id := range set {
			return int(id)
		}
		return -1
	}
	x, y := at(a), at(b)
	if x > y {
		x, y = y, x
	}
	if x < 0 || x >= left || y < left {
		return 0, 0, false
	}
	return x, y - left, true
}

// combine makes a set operation.
func (r *Relation) combine(op *connector.SetOperation, other *Relation) (*Relation, string) {
	if r.Dialect != Postgres {
		return nil, "set operations are not sent to the source"
	}
	left, reason := r.comparable(op)
	if reason != "" {
		return nil, reason
	}
	right, reason := other.comparable(op)
	if reason != "" {
		return nil, reason
	}
	next := &Relation{Dialect: r.Dialect, limit: -1}
	word := " " + op.Name + " "
	if op.All {
		word += "ALL "
	}
	next.from = concat(Raw("(("), left, Raw(")"+word+"("), right, Raw(")) AS q"))
	for i, c := range op.Columns {
		ref := "q.c" + strconv.Itoa(i)
		rule := Column{Name: c.Name, SQL: ref, Type: c.Type, Text: binaryText()}
		next.Outputs = append(next.Outputs, Output{Column: c, Select: Raw(ref), Rule: rule, Origin: Computed})
	}
	return next, ""
}

// comparable returns r as an operand of a set operation: columns named by
// position that the source compares as HubSQL does.
func (r *Relation) comparable(op *connector.SetOperation) (SQL, string) {
	in := r.renderer()
	q := r.query()
	q.Select = nil
	for i, o := range r.Outputs {
		s, reason := in.key(&expr.Column{ID: expr.ColumnID(i), Name: o.Name, T: o.Type})
		switch {
		case reason != "":
			return SQL{}, reason
		case o.Type.OID != op.Columns[i].Type.OID:
			return SQL{}, "the types of the two sides differ"
		case familyOf(o.Type) == textFamily && o.Type.OID != types.Name && s.text.EqualCollate == "":
			s.sql = concat(s.sql, Raw(` COLLATE "C"`))
		}
		q.Select = append(q.Select, concat(s.sql, Raw(" AS c"+strconv.Itoa(i))))
	}
	return q.sql(), ""
}

// binaryText is the rule of a string of PostgreSQL that was given the collation
// of bytes.
func binaryText() TextRule {
	rule := ExactText()
	rule.EqualCollate, rule.OrderCollate = ` COLLATE "C"`, ` COLLATE "C"`
	return rule
}
