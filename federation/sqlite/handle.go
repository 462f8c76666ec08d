package sqlite

import (
	"slices"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/federation/sqltext"
)

// handle is a table with a projection, predicates and a limit.
type handle struct {
	table   *table
	project []int
	where   []sqltext.SQL
	limit   int64 // negative for all
}

// Columns implements connector.TableHandle.
func (h *handle) Columns() []connector.Column {
	out := make([]connector.Column, len(h.project))
	for i, c := range h.project {
		out[i] = h.table.columns[c]
	}
	return out
}

// String implements connector.TableHandle.
func (h *handle) String() string { return h.statement(true) }

// statement returns the SELECT that Scan sends.
func (h *handle) statement(redact bool) string {
	q := sqltext.Query{Dialect: sqltext.SQLite, From: sqltext.SQLite.Ident(h.table.name), Where: h.where, Limit: h.limit}
	for _, c := range h.project {
		q.Select = append(q.Select, sqltext.SQLite.Ident(h.table.remote[c].name))
	}
	return q.Text(redact)
}

// RemoteQuery implements connector.Explainer.
func (s *source) RemoteQuery(h connector.TableHandle, redact bool) string {
	return h.(*handle).statement(redact)
}

// PushProject implements connector.ProjectPusher.
func (s *source) PushProject(h connector.TableHandle, columns []int) (connector.TableHandle, bool) {
	out := *h.(*handle)
	project := make([]int, len(columns))
	for i, c := range columns {
		project[i] = out.project[c]
	}
	out.project = project
	return &out, true
}

// PushLimit implements connector.LimitPusher.
func (s *source) PushLimit(h connector.TableHandle, limit int64) (connector.TableHandle, bool) {
	out := *h.(*handle)
	if limit < 0 {
		return h, false
	}
	if out.limit < 0 || limit < out.limit {
		out.limit = limit
	}
	return &out, true
}

// PushFilter implements connector.FilterPusher.
func (s *source) PushFilter(h connector.TableHandle, filter connector.Sealed) (connector.TableHandle, []connector.Outcome) {
	x := h.(*handle)
	list := filter.Predicates()
	if x.limit >= 0 {
		outcomes := make([]connector.Outcome, len(list))
		for i := range outcomes {
			outcomes[i].Reason = "the scan is limited already"
		}
		return h, outcomes
	}
	where, outcomes := sqltext.Push(sqltext.SQLite, x.rules(), list)
	out := *x
	out.where = append(append([]sqltext.SQL(nil), x.where...), where...)
	return &out, outcomes
}

// rules says how the columns of h may be used in the query.
func (h *handle) rules() []sqltext.Column {
	cols := make([]sqltext.Column, len(h.project))
	for i, c := range h.project {
		cols[i] = h.table.rules(c)
	}
	return cols
}

// dynamic returns h with what is known of dynamic filters. A limit counts the
// rows before they are dropped, so below one the executor applies them.
func (h *handle) dynamic(filters []connector.ScanFilter) (*handle, sqltext.Dynamic) {
	if len(filters) == 0 || h.limit >= 0 {
		return h, sqltext.Dynamic{}
	}
	d := sqltext.PushDynamic(sqltext.SQLite, h.rules(), filters)
	next := *h
	next.where = append(slices.Clip(h.where), d.Where...)
	return &next, d
}

// rules says how a column may be used in remote predicates. Only a STRICT table
// and the rowid guarantee the type of every value; elsewhere values of another
// type are always fetched, so that HubSQL judges them.
func (t *table) rules(c int) sqltext.Column {
	remote, typ := t.remote[c], t.columns[c].Type
	id := sqltext.SQLite.Ident(remote.name)
	out := sqltext.Column{Name: t.columns[c].Name, SQL: id, Type: typ}
	stored := ""
	switch typ.OID {
	case types.Int2, types.Int4, types.Int8:
		stored = "integer"
	case types.Float8:
		stored = "real"
	case types.Text, types.VarChar:
		stored = "text"
	case types.Bytea:
		stored = "blob"
	case types.Bool:
		out.Guard = "(typeof(" + id + ") NOT IN ('integer', 'null') OR " + id + " NOT IN (0, 1) AND " + id + " IS NOT NULL)"
	default:
		out.Local = "SQLite stores values of this type in several forms"
		return out
	}
	if n, ok := typ.CharMod(); ok && n > 0 && typ.OID == types.BPChar {
		out.Local = "SQLite does not pad strings"
		return out
	}
	if stored == "text" {
		out.Text = sqltext.ExactText()
		out.Text.EqualCollate, out.Text.OrderCollate = " COLLATE BINARY", " COLLATE BINARY"
		if !t.utf8 {
			out.Text.Order, out.Text.Why = false, "the database is stored in UTF-16"
		}
	}
	same := remote.typ.OID == typ.OID || stored == "integer" && remote.typ.OID == types.Int8
	if stored != "" && !(same && (t.strict || remote.rowid)) {
		out.Guard = "typeof(" + id + ") NOT IN ('" + stored + "', 'null')"
	}
	return out
}
