package fuzz

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// column is a column that an expression may read.
type column struct{ name, typ string }

// table is a table of the fixture.
type table struct {
	name string
	cols []column
	// small tables may be joined without an equality.
	small bool
}

var tables = []table{
	{"customers", []column{{"id", "int"}, {"name", "text"}, {"region", "text"}, {"credit", "num"}, {"vip", "bool"}, {"born", "date"}}, true},
	{"products", []column{{"id", "int"}, {"category", "text"}, {"price", "num"}, {"stock", "int"}, {"discontinued", "bool"}, {"added", "date"}}, true},
	{"orders", []column{{"id", "int"}, {"customer_id", "int"}, {"product_id", "int"}, {"amount", "num"}, {"qty", "int"}, {"status", "text"}, {"ordered_at", "ts"}, {"note", "text"}}, false},
	{"employees", []column{{"id", "int"}, {"name", "text"}, {"manager_id", "int"}, {"dept", "text"}, {"salary", "num"}, {"hired", "date"}, {"active", "bool"}}, true},
	{"events", []column{{"id", "int"}, {"customer_id", "int"}, {"kind", "text"}, {"value", "float"}, {"ts", "ts"}, {"day", "date"}}, false},
	{"regions", []column{{"code", "text"}, {"label", "text"}, {"manager", "text"}, {"target", "num"}}, true},
}

// generator makes queries.
type generator struct {
	*rand.Rand
	aliases int
}

// scope is what an expression may read: the columns of this level first, then
// those of outer levels.
type scope struct {
	cols  []column
	outer *scope
}

func (g *generator) pick(list ...string) string { return list[g.IntN(len(list))] }

func (g *generator) chance(percent int) bool { return g.IntN(100) < percent }

func (g *generator) alias() string {
	g.aliases++
	return fmt.Sprintf("t%d", g.aliases)
}

// column returns a column of a type, "" when there is none; sometimes one of an
// outer query.
func (g *generator) column(s *scope, typ string) string {
	at := s
	for at != nil && at.outer != nil && g.chance(25) {
		at = at.outer
	}
	for ; at != nil; at = at.outer {
		var fit []string
		for _, c := range at.cols {
			if c.typ == typ {
				fit = append(fit, c.name)
			}
		}
		if len(fit) > 0 {
			return g.pick(fit...)
		}
	}
	return ""
}

// literal makes a constant.
func (g *generator) literal(typ string) string {
	if g.chance(6) {
		return "NULL::" + map[string]string{"int": "int4", "num": "numeric", "text": "text", "bool": "bool", "date": "date", "ts": "timestamp", "float": "float8"}[typ]
	}
	switch typ {
	case "int":
		return g.pick("0", "1", "2", "3", "5", "7", "10", "20", "50", "-1")
	case "num":
		return g.pick("0.5", "10", "99.99", "250.5", "1000", "5000.0")
	case "text":
		return g.pick("'EMEA'", "'paid'", "'buy'", "'tools'", "'eng'", "'Ann'", "''", "'open'", "'a'")
	case "bool":
		return g.pick("true", "false")
	case "date":
		return g.pick("date '2024-01-15'", "date '2023-06-01'", "date '1970-01-01'")
	case "ts":
		return g.pick("timestamp '2024-02-01 12:00:00'", "timestamp '2024-04-01'")
	}
	return g.pick("0.5::float8", "50::float8", "99.25::float8")
}

// types are what expressions may be of.
var types = []string{"int", "num", "text", "bool", "date", "ts", "float"}

// expr makes an expression without aggregates.
func (g *generator) expr(s *scope, typ string, depth int) *node {
	if depth <= 0 || g.chance(30) {
		if c := g.column(s, typ); c != "" && g.chance(80) {
			return e(typ, c)
		}
		return e(typ, g.literal(typ))
	}
	d := depth - 1
	if typ == "bool" {
		return g.cond(s, depth)
	}
	switch g.IntN(12) {
	case 0:
		return e(typ, "CASE WHEN ", g.cond(s, d), " THEN ", g.expr(s, typ, d), opt(" ELSE ", g.expr(s, typ, d)), " END")
	case 1:
		return e(typ, "coalesce(", g.expr(s, typ, d), ", ", g.expr(s, typ, d), ")")
	case 2:
		return e(typ, "nullif(", g.expr(s, typ, d), ", ", g.expr(s, typ, d), ")")
	case 3:
		return e(typ, g.pick("greatest", "least"), "(", g.expr(s, typ, d), ", ", g.expr(s, typ, d), ")")
	case 4:
		if depth > 1 {
			return g.scalarSubquery(s, typ, d)
		}
	}
	switch typ {
	case "int":
		switch g.IntN(6) {
		case 0:
			return e(typ, "length(", g.expr(s, "text", d), ")")
		case 1:
			return e(typ, "(", g.expr(s, "int", d), " % 7)")
		case 2:
			return e(typ, "abs(", g.expr(s, "int", d), ")")
		case 3:
			return e(typ, "extract(month FROM ", g.expr(s, "date", d), ")::int4")
		}
		return e(typ, "(", g.expr(s, "int", d), g.pick(" + ", " - "), g.expr(s, "int", d), ")")
	case "num":
		switch g.IntN(4) {
		case 0:
			return e(typ, "round(", g.expr(s, "num", d), ", 1)")
		case 1:
			return e(typ, "(", g.expr(s, "int", d), " * 1.5)")
		}
		return e(typ, "(", g.expr(s, "num", d), g.pick(" + ", " - "), g.expr(s, "num", d), ")")
	case "text":
		switch g.IntN(4) {
		case 0:
			return e(typ, g.pick("upper", "lower", "reverse"), "(", g.expr(s, "text", d), ")")
		case 1:
			return e(typ, g.pick("left", "right"), "(", g.expr(s, "text", d), ", ", g.pick("1", "2", "-1"), ")")
		case 2:
			return e(typ, "(", g.expr(s, g.pick("int", "bool", "date"), d), ")::text")
		}
		return e(typ, "(", g.expr(s, "text", d), " || ", g.expr(s, "text", d), ")")
	case "date":
		if g.chance(30) {
			return e(typ, "(", g.expr(s, "ts", d), ")::date")
		}
		return e(typ, "(", g.expr(s, "date", d), g.pick(" + ", " - "), g.pick("1", "30"), ")")
	case "ts":
		if g.chance(40) {
			return e(typ, "date_trunc('month', ", g.expr(s, "ts", d), ")")
		}
		return e(typ, "(", g.expr(s, "ts", d), " + interval '1 day')")
	}
	return e("float", "(", g.expr(s, "float", d), g.pick(" + ", " - "), g.expr(s, "float", d), ")")
}

// cond makes a condition.
func (g *generator) cond(s *scope, depth int) *node {
	if depth <= 0 {
		if c := g.column(s, "bool"); c != "" && g.chance(30) {
			return e("bool", c)
		}
		t := g.pick("int", "num", "text", "date")
		return e("bool", "(", g.expr(s, t, 0), g.comparison(), g.expr(s, t, 0), ")")
	}
	d := depth - 1
	t := types[g.IntN(len(types))]
	switch g.IntN(16) {
	case 0, 1:
		return e("bool", "(", g.cond(s, d), " AND ", g.cond(s, d), ")")
	case 2, 3:
		return e("bool", "(", g.cond(s, d), " OR ", g.cond(s, d), ")")
	case 4:
		return e("bool", "(NOT ", g.cond(s, d), ")")
	case 5:
		return e("bool", "(", g.expr(s, t, d), g.pick(" IS NULL", " IS NOT NULL"), ")")
	case 6:
		return e("bool", "(", g.cond(s, d), g.pick(" IS TRUE", " IS NOT TRUE", " IS FALSE", " IS NOT FALSE", " IS UNKNOWN"), ")")
	case 7:
		return e("bool", "(", g.expr(s, t, d), g.pick(" IS DISTINCT FROM ", " IS NOT DISTINCT FROM "), g.expr(s, t, d), ")")
	case 8:
		return e("bool", "(", g.expr(s, t, d), g.pick(" IN (", " NOT IN ("), list(", ", g.expr(s, t, 0), g.expr(s, t, 0), g.expr(s, t, 0)), "))")
	case 9:
		return e("bool", "(", g.expr(s, t, d), g.pick(" BETWEEN ", " NOT BETWEEN "), g.expr(s, t, 0), " AND ", g.expr(s, t, 0), ")")
	case 10:
		return e("bool", "(", g.expr(s, "text", d), g.pick(" LIKE ", " NOT LIKE ", " ILIKE "), g.pick("'%a%'", "'A%'", "'_o%'", "'%1'"), ")")
	case 11, 12:
		if depth > 1 {
			return g.quantified(s, d)
		}
	}
	return e("bool", "(", g.expr(s, t, d), g.comparison(), g.expr(s, t, d), ")")
}

func (g *generator) comparison() string {
	return g.pick(" = ", " = ", " <> ", " < ", " <= ", " > ", " >= ")
}

// scalarSubquery makes a subquery of at most one row.
func (g *generator) scalarSubquery(s *scope, typ string, depth int) *node {
	from, in := g.from(s, 1+g.IntN(2), depth)
	where := g.where(in, s, depth)
	switch {
	case typ == "int" && g.chance(50):
		return e(typ, "(SELECT count(", g.pick("*", g.anyColumn(in)), ") FROM ", from, where, ")")
	case typ != "bool" && g.chance(70):
		return e(typ, "(SELECT ", g.pick("min", "max"), "(", g.expr(in, typ, depth-1), ") FROM ", from, where, ")")
	}
	// The order leaves no choice.
	x := g.expr(in, typ, depth-1)
	return e(typ, "(SELECT ", x, " FROM ", from, where, " ORDER BY 1 ", g.pick("", "DESC"), " LIMIT 1", opt(g.pick(" OFFSET 1", " OFFSET 3")), ")")
}

func (g *generator) anyColumn(s *scope) string { return s.cols[g.IntN(len(s.cols))].name }

// quantified makes EXISTS, IN, ANY or ALL.
func (g *generator) quantified(s *scope, depth int) *node {
	if g.chance(40) {
		if g.chance(20) {
			q, _ := g.query(s, depth, true)
			return e("bool", "(", g.pick("", "NOT "), "EXISTS (", q, "))")
		}
		from, in := g.from(s, 1+g.IntN(2), depth)
		return e("bool", "(", g.pick("", "NOT "), "EXISTS (SELECT 1 FROM ", from, g.where(in, s, depth), "))")
	}
	t := g.pick("int", "int", "num", "text", "date")
	sub := g.column1(s, t, depth)
	op := g.pick(" IN ", " NOT IN ", " = ANY ", " <> ALL ", " > ANY ", " < ALL ", " >= ALL ")
	return e("bool", "(", g.expr(s, t, depth-1), op, "(", sub, "))")
}

// column1 makes a query of one column.
func (g *generator) column1(s *scope, t string, depth int) *node {
	from, in := g.from(s, 1, depth)
	q := n("SELECT ", g.pick("", "DISTINCT "), g.expr(in, t, depth-1), " FROM ", from, g.where(in, s, depth))
	if g.chance(15) {
		from, in := g.from(s, 1, depth)
		return n(q, g.pick(" UNION ", " UNION ALL ", " EXCEPT ", " INTERSECT "), "SELECT ", g.expr(in, t, depth-1), " FROM ", from, g.where(in, s, depth))
	}
	return q
}

// where makes a WHERE clause, often with an equality to the outer query.
func (g *generator) where(in, outer *scope, depth int) *node {
	if outer != nil && g.chance(60) {
		t := g.pick("int", "int", "text")
		c, o := g.local(in, t), g.local(outer, t)
		if c != "" && o != "" {
			return opt(" WHERE ", e("bool", c, " = ", o), opt(" AND ", g.cond(in, depth-1)))
		}
	}
	if g.chance(55) {
		return n("")
	}
	return opt(" WHERE ", g.cond(in, depth-1))
}

// local returns a column of this level.
func (g *generator) local(s *scope, typ string) string { return g.column(&scope{cols: s.cols}, typ) }

// source makes one FROM item and its columns.
func (g *generator) source(outer *scope, depth int) (*node, []column, bool) {
	a := g.alias()
	qualified := func(cols []column) []column {
		out := make([]column, len(cols))
		for i, c := range cols {
			out[i] = column{a + "." + c.name, c.typ}
		}
		return out
	}
	if depth > 1 && g.chance(20) {
		q, cols := g.query(nil, depth-1, true)
		return n("(", q, ") ", a), qualified(cols), true
	}
	t := tables[g.IntN(len(tables))]
	return n(t.name, " ", a), qualified(t.cols), t.small
}

// from makes a FROM clause of up to count items.
func (g *generator) from(outer *scope, count, depth int) (*node, *scope) {
	x, cols, small := g.source(outer, depth)
	s := &scope{cols: cols, outer: outer}
	for range count - 1 {
		y, more, ysmall := g.source(outer, depth)
		both := &scope{cols: append(append([]column(nil), s.cols...), more...), outer: outer}
		if depth > 1 && g.chance(20) {
			a := g.alias()
			q, inner := g.query(s, depth-1, true)
			kind, on := " LEFT JOIN LATERAL (", " ON true"
			if g.chance(40) {
				kind, on = " CROSS JOIN LATERAL (", ""
			}
			x = n(x, kind, q, ") ", a, on)
			all := append([]column(nil), s.cols...)
			for _, c := range inner {
				all = append(all, column{a + "." + c.name, c.typ})
			}
			s, small = &scope{cols: all, outer: outer}, false
			continue
		}
		kind := g.pick(" JOIN ", " JOIN ", " LEFT JOIN ", " LEFT JOIN ", " RIGHT JOIN ", " FULL JOIN ")
		t := g.pick("int", "int", "text")
		l, r := g.local(s, t), g.column(&scope{cols: more}, t)
		switch {
		case l != "" && r != "":
			extra := opt(" AND ", g.cond(both, min(depth-1, 1)))
			if kind == " FULL JOIN " || g.chance(50) {
				extra = n("")
			}
			x = n(x, kind, y, " ON ", l, " = ", r, extra)
		case small && ysmall && kind != " FULL JOIN ":
			x = n(x, kind, y, " ON ", g.cond(both, 1))
		default:
			continue
		}
		s, small = both, false
	}
	return x, s
}

// query makes a SELECT; nested ones get names for their columns and no order.
func (g *generator) query(outer *scope, depth int, nested bool) (*node, []column) {
	if depth > 1 && g.chance(12) {
		return g.setOperation(outer, depth, nested)
	}
	if depth > 1 && g.chance(10) {
		return g.shared(outer, depth, nested)
	}
	from, s := g.from(outer, 1+g.IntN(3), depth)
	where := g.where(s, outer, depth)
	if g.chance(30) {
		return g.grouped(from, where, s, depth, nested)
	}
	var cols []column
	var items []*node
	for i := range 1 + g.IntN(4) {
		t := types[g.IntN(len(types))]
		name := fmt.Sprintf("c%d", i)
		items = append(items, n(g.expr(s, t, depth), " AS ", name))
		cols = append(cols, column{name, t})
	}
	distinct := ""
	if g.chance(15) {
		distinct = "DISTINCT "
	} else if g.chance(15) && len(s.cols) > 0 {
		part := g.anyColumn(s)
		order := g.anyColumn(s)
		items = append(items, n("row_number() OVER (PARTITION BY ", part, " ORDER BY ", order, ") - row_number() OVER (PARTITION BY ", part, " ORDER BY ", order, ") AS w0"),
			n("count(*) OVER (PARTITION BY ", part, ") AS w1"), n("rank() OVER (PARTITION BY ", part, " ORDER BY ", order, ") AS w2"))
		cols = append(cols, column{"w0", "int"}, column{"w1", "int"}, column{"w2", "int"})
	}
	q := n("SELECT ", distinct, list(", ", items...), " FROM ", from, where)
	return g.ordered(q, len(items), nested), cols
}

// shared makes a WITH query that is read once or twice.
func (g *generator) shared(outer *scope, depth int, nested bool) (*node, []column) {
	name := "w" + g.alias()
	q, cols := g.query(outer, depth-1, true)
	a, b := g.alias(), g.alias()
	s := &scope{outer: outer}
	for _, c := range cols {
		s.cols = append(s.cols, column{a + "." + c.name, c.typ})
	}
	from := n(name, " ", a)
	if g.chance(60) {
		c := cols[g.IntN(len(cols))]
		from = n(from, g.pick(" JOIN ", " LEFT JOIN "), name, " ", b, " ON ", a, ".", c.name, g.pick(" = ", " IS NOT DISTINCT FROM "), b, ".", c.name)
	}
	c := cols[g.IntN(len(cols))]
	items := []*node{n("count(*) AS a0"), n("count(DISTINCT ", a+"."+c.name, ") AS a1")}
	out := []column{{"a0", "int"}, {"a1", "int"}}
	if c.typ != "bool" {
		items, out = append(items, n("max(", a+"."+c.name, ") AS a2")), append(out, column{"a2", c.typ})
	}
	body := n("WITH ", name, g.pick("", "", " AS MATERIALIZED", " AS NOT MATERIALIZED"))
	if !strings.Contains(body.String(), " AS") {
		body = n(body, " AS")
	}
	return n(body, " (", q, ") SELECT ", list(", ", items...), " FROM ", from, g.where(s, outer, depth-1)), out
}

// grouped makes an aggregation.
func (g *generator) grouped(from, where *node, s *scope, depth int, nested bool) (*node, []column) {
	var cols []column
	var items, keys []*node
	for i := range g.IntN(3) {
		t := g.pick("int", "text", "bool", "date")
		k := g.expr(s, t, min(depth-1, 1))
		if len(k.parts) != 1 || strings.Contains(k.String(), "'") || strings.Contains(k.String(), "SELECT") {
			if c := g.local(s, t); c != "" {
				k = e(t, c)
			} else {
				continue
			}
		}
		name := fmt.Sprintf("k%d", i)
		items = append(items, n(k, " AS ", name))
		keys = append(keys, n(k.String()))
		cols = append(cols, column{name, t})
	}
	for i := range 1 + g.IntN(3) {
		name := fmt.Sprintf("a%d", i)
		a, t := g.aggregate(s, depth)
		items = append(items, n(a, " AS ", name))
		cols = append(cols, column{name, t})
	}
	q := n("SELECT ", list(", ", items...), " FROM ", from, where)
	if len(keys) > 0 {
		q = n(q, " GROUP BY ", list(", ", keys...))
	}
	if g.chance(30) {
		a, t := g.aggregate(s, depth)
		q = n(q, opt(" HAVING ", e("bool", a, g.comparison(), g.literal(t))))
	}
	return g.ordered(q, len(items), nested), cols
}

// aggregate makes an aggregate call.
func (g *generator) aggregate(s *scope, depth int) (*node, string) {
	d := min(depth-1, 2)
	filter := n("")
	if g.chance(20) {
		filter = opt(" FILTER (WHERE ", g.cond(s, 1), ")")
	}
	t := types[g.IntN(len(types))]
	distinct := g.pick("", "", "", "DISTINCT ")
	switch g.IntN(6) {
	case 0:
		return e("int", "count(*)", filter), "int"
	case 1:
		return e("int", "count(", distinct, g.expr(s, t, d), ")", filter), "int"
	case 2:
		return e("num", "sum(", distinct, g.expr(s, "num", d), ")", filter), "num"
	case 3:
		return e("num", "sum(", distinct, g.expr(s, "int", d), ")::numeric", filter).whole(filter, "sum("+distinct, g.expr(s, "int", d), ")", "::numeric"), "num"
	case 4:
		return e("bool", g.pick("bool_and", "bool_or"), "(", g.cond(s, 1), ")", filter), "bool"
	}
	if t == "bool" {
		t = "int"
	}
	return e(t, g.pick("min", "max"), "(", g.expr(s, t, d), ")", filter), t
}

// whole replaces the parts of an aggregate whose result is cast: the filter
// stands before the cast.
func (x *node) whole(filter *node, open string, arg *node, closing, cast string) *node {
	x.parts = []any{"(", open, arg, closing, filter, ")", cast}
	return x
}

// ordered adds ORDER BY over all columns and LIMIT.
func (g *generator) ordered(q *node, columns int, nested bool) *node {
	if !g.chance(30) {
		return q
	}
	var keys []*node
	for i := range columns {
		keys = append(keys, n(fmt.Sprint(i+1), g.pick("", " DESC", " NULLS FIRST", " DESC NULLS LAST")))
	}
	return n(q, opt(" ORDER BY ", list(", ", keys...), opt(" LIMIT ", g.pick("1", "3", "10", "0", "100"), opt(g.pick("", " OFFSET 1", " OFFSET 5")))))
}

// setOperation makes UNION and its kin.
func (g *generator) setOperation(outer *scope, depth int, nested bool) (*node, []column) {
	var cols []column
	for i := range 1 + g.IntN(3) {
		cols = append(cols, column{fmt.Sprintf("c%d", i), g.pick("int", "num", "text", "date")})
	}
	arm := func() *node {
		from, s := g.from(outer, 1, depth)
		var items []*node
		for _, c := range cols {
			items = append(items, n(g.expr(s, c.typ, min(depth-1, 2)), " AS ", c.name))
		}
		return n("SELECT ", list(", ", items...), " FROM ", from, g.where(s, outer, depth))
	}
	q := arm()
	for range 1 + g.IntN(2) {
		q = n(q, g.pick(" UNION ", " UNION ALL ", " UNION ALL ", " EXCEPT ", " EXCEPT ALL ", " INTERSECT ", " INTERSECT ALL "), arm())
	}
	return g.ordered(q, len(cols), nested), cols
}
