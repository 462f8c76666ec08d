package sqltext

import (
	"math"
	"math/bits"
	"strconv"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/planner/expr"
)

// Dynamic is what a source evaluates of the dynamic filters of a scan.
type Dynamic struct {
	// Where holds conjuncts to be added to the query.
	Where []SQL

	filters []connector.ScanFilter
	applied []*connector.Domain // by filter, nil where the executor has to test
}

// A list of more values than shortList is not sent when it has more than
// mostShare of the column's values.
const (
	shortList = 100
	mostShare = 0.3
)

// PushDynamic renders the domains that are known of filters on columns of cols,
// by the rules that predicates follow: a set of values becomes IN, another one
// BETWEEN its bounds, and what the source might compare differently is left to
// the executor.
func PushDynamic(d Dialect, cols []Column, filters []connector.ScanFilter) Dynamic {
	out := Dynamic{filters: filters, applied: make([]*connector.Domain, len(filters))}
	for i, f := range filters {
		domain := f.Filter.Domain()
		if domain == nil {
			continue
		}
		column := &expr.Column{ID: expr.ColumnID(f.Column), Name: cols[f.Column].Name, T: cols[f.Column].Type}
		r := &renderer{d: d, cols: cols}
		all := true
		if n := size(domain); n > shortList && f.Distinct > 0 && float64(n) > mostShare*f.Distinct {
			// A list of most values drops few rows, and may make the source look each
			// of them up in an index instead of reading the table in order.
			bounds := *domain
			bounds.Values, bounds.Bits, all = nil, nil, false
			domain = &bounds
		}
		p, said := r.domain(column, domain)
		all = all && said
		if p.pushed == connector.Local {
			continue
		}
		sql, guarded := r.guard(p.sql)
		if all && p.pushed == connector.Exact && guarded == "" {
			out.applied[i] = domain
		}
		out.Where = append(out.Where, sql)
	}
	return out
}

// size is how many values a domain lists, 0 when it lists none.
func size(d *connector.Domain) int {
	if d.Values != nil || d.Bits == nil {
		return len(d.Values)
	}
	n := 0
	for _, w := range d.Bits {
		n += bits.OnesCount64(w)
	}
	return n
}

// Filters implements connector.FilteringReader for a reader of the query.
func (d *Dynamic) Filters(i int) bool {
	return i < len(d.applied) && d.applied[i] != nil && d.applied[i] == d.filters[i].Filter.Domain()
}

// domain renders a domain as a condition on c; all reports whether the condition
// says all that the domain does.
func (r *renderer) domain(c *expr.Column, d *connector.Domain) (p predicate, all bool) {
	switch {
	case d.Empty:
		p, all = exact(Raw("1 = 0")), true
	case d.Values != nil:
		items := make([]expr.Expr, 0, len(d.Values))
		for _, v := range d.Values {
			if fits(c.T, v) {
				items = append(items, &expr.Const{T: c.T, Value: v})
			}
		}
		p, all = r.inList(&expr.InList{Arg: c, Items: items}, false), true
	}
	if d.Bits != nil && p.sql.Text == "" {
		p, all = r.shipped(c, d)
	}
	if p.sql.Text == "" || len(p.sql.Text) > maxText {
		r.used = nil
		p, all = r.bounds(c, d)
		all = all && d.Values == nil && d.Bits == nil && d.Bloom == nil
	}
	if p.pushed != connector.Local && d.Nulls {
		null := r.nullTest(&expr.NullTest{Arg: c}, false)
		if null.pushed != connector.Exact {
			return null, false
		}
		p.sql = parens(list(" OR ", []SQL{p.sql, null.sql}))
	}
	return p, all
}

// maxShipped is how many integers are sent to PostgreSQL, which looks them up in
// an index or, since version 14, hashes them: 45,000 keys of TPC-H's orders cost it
// less than sending the 6 million rows of lineitem.
const maxShipped = 100_000

// shipped renders the integers of a domain as one array, nothing when they are
// too many or the server would search them one by one.
func (r *renderer) shipped(c *expr.Column, d *connector.Domain) (p predicate, all bool) {
	if r.d != Postgres || !d.HasMin || !d.HasMax {
		return predicate{}, false
	}
	word := ""
	switch c.T.OID {
	case types.Int2:
		word = "int2"
	case types.Int4:
		word = "int4"
	case types.Int8:
		word = "int8"
	}
	a := r.scalar(c)
	if word == "" || a.reason != "" || a.nullIf != "" || len(r.used) > 0 {
		return predicate{}, false
	}
	n := size(d)
	if n > maxShipped {
		return predicate{}, false
	}
	text := append(make([]byte, 0, 8*n+16), "'{"...)
	for i, w := range d.Bits {
		for ; w != 0; w &= w - 1 {
			v := types.IntDatum(d.Min.I + int64(64*i+bits.TrailingZeros64(w)))
			if !fits(c.T, v) {
				continue
			}
			if text[len(text)-1] != '{' {
				text = append(text, ',')
			}
			text = strconv.AppendInt(text, v.I, 10)
		}
	}
	text = append(text, "}'"...)
	return exact(a.sql, Raw(" = ANY ("), literal(string(text)), Raw("::"+word+"[])")), true
}

// bounds renders the bounds of a domain; all reports whether it has
// all of them.
func (r *renderer) bounds(c *expr.Column, d *connector.Domain) (out predicate, all bool) {
	out, all = local("the filter has no bounds"), true
	for _, b := range []struct {
		op  string
		has bool
		v   types.Datum
	}{{">=", d.HasMin, d.Min}, {"<=", d.HasMax, d.Max}} {
		if !b.has {
			continue
		}
		if !fits(c.T, b.v) {
			all = false
			continue
		}
		p := r.compare(b.op, c, &expr.Const{T: c.T, Value: b.v})
		switch {
		case p.pushed == connector.Local:
			all = false
		case out.pushed == connector.Local:
			out = p
		default:
			out.sql = parens(list(" AND ", []SQL{out.sql, p.sql}))
			out.pushed = min(out.pushed, p.pushed)
		}
	}
	return out, all
}

// fits reports whether a value of a wider integer type is one of type t.
func fits(t types.Type, v types.Datum) bool {
	switch t.OID {
	case types.Int2:
		return v.I >= math.MinInt16 && v.I <= math.MaxInt16
	case types.Int4:
		return v.I >= math.MinInt32 && v.I <= math.MaxInt32
	}
	return true
}
