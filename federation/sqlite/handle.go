package sqlite

import (
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/federation/sqltext"
)

// handle is a table, or several, with what was pushed into it.
type handle struct {
	// table is nil when the rows are not those of one table.
	table    *table
	relation *sqltext.Relation
}

// newHandle returns the handle of all rows of a table.
func newHandle(t *table) *handle {
	outputs := make([]sqltext.Output, len(t.columns))
	for i, c := range t.columns {
		outputs[i] = sqltext.Output{Column: c, Select: sqltext.Raw(sqltext.SQLite.Ident(t.remote[i].name)), Rule: t.rules(i), Origin: i}
	}
	return &handle{table: t, relation: sqltext.Table(sqltext.SQLite, sqltext.SQLite.Ident(t.name), outputs)}
}

// with returns h with another relation over the same tables.
func (h *handle) with(r *sqltext.Relation) *handle { return &handle{table: h.table, relation: r} }

// Columns implements connector.TableHandle.
func (h *handle) Columns() []connector.Column { return h.relation.Columns() }

// String implements connector.TableHandle.
func (h *handle) String() string { return h.relation.Text(true) }

// RemoteQuery implements connector.Explainer.
func (s *source) RemoteQuery(h connector.TableHandle, redact bool) string {
	return h.(*handle).relation.Text(redact)
}

// PushProject implements connector.ProjectPusher.
func (s *source) PushProject(h connector.TableHandle, columns []int) (connector.TableHandle, bool) {
	x := h.(*handle)
	next, ok := x.relation.Project(columns)
	return x.with(next), ok
}

// PushLimit implements connector.LimitPusher.
func (s *source) PushLimit(h connector.TableHandle, limit int64) (connector.TableHandle, bool) {
	if limit < 0 {
		return h, false
	}
	x := h.(*handle)
	return x.with(x.relation.Cut(limit)), true
}

// PushFilter implements connector.FilterPusher.
func (s *source) PushFilter(h connector.TableHandle, filter connector.Sealed) (connector.TableHandle, []connector.Outcome) {
	x := h.(*handle)
	next, out := x.relation.Filter(filter.Predicates())
	return x.with(next), out
}

// PushOperation implements connector.OperationPusher.
func (s *source) PushOperation(inputs []connector.TableHandle, op connector.SealedOperation) (connector.TableHandle, string) {
	right := &sqltext.Relation{}
	if len(inputs) == 2 {
		right = inputs[1].(*handle).relation
	}
	relation, reason := inputs[0].(*handle).relation.Apply(op.Operation(), right)
	if reason != "" {
		return nil, reason
	}
	return &handle{relation: relation}, ""
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
