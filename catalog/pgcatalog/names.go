package pgcatalog

import (
	"slices"
	"strconv"
	"strings"

	"github.com/hubsql/hubsql/catalog"
	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
)

// Names prints and reads regclass and its family for one session: names are
// qualified when the search path does not find them. It is a value and may be
// used concurrently.
type Names struct {
	Snapshot *catalog.Snapshot
	// SearchPath lists the schemas of the search path that exist. pg_catalog
	// comes first unless it is in the list.
	SearchPath []string
	// Registry serves regproc, regprocedure, regoper and regoperator; it may be
	// nil, when those are numbers.
	Registry *function.Registry
}

// RegText prints an oid as its type t (regclass, regtype and so on) does.
func RegText(snap *catalog.Snapshot, searchPath []string, reg *function.Registry, t, id types.OID) string {
	return Names{snap, searchPath, reg}.Text(t, id)
}

// Lookup reads the text of a value of type t (regclass, regtype and so on). Its
// errors are PostgreSQL's: 42P01 for relations, 42704 for types, roles and
// collations, 42883 for functions and operators, 3F000 for schemas.
func Lookup(snap *catalog.Snapshot, searchPath []string, reg *function.Registry, t types.OID, text string) (types.OID, error) {
	return Names{snap, searchPath, reg}.Lookup(t, text)
}

// path is the effective search path.
func (n Names) path() []string {
	if slices.Contains(n.SearchPath, function.PgCatalog) {
		return n.SearchPath
	}
	return append([]string{function.PgCatalog}, n.SearchPath...)
}

// relation finds a relation of a schema, the system's among them.
func (n Names) relation(schema, name string) (types.OID, bool) {
	if r, ok := Relation(schema, name); ok {
		return r.OID, true
	}
	if r, ok := n.Snapshot.Relation(schema, name); ok {
		return r.OID, true
	}
	return 0, false
}

// relationName returns schema and name of a relation, the system's among them.
func (n Names) relationName(id types.OID) (schema, name string, ok bool) {
	if r, ok := RelationByOID(id); ok {
		return r.Schema, r.Name, true
	}
	if r, ok := n.Snapshot.RelationByOID(id); ok {
		return n.schemaName(r.SchemaID), r.Name, true
	}
	return "", "", false
}

// schemaName returns the name of a schema, "" when there is none.
func (n Names) schemaName(id types.OID) string {
	if s, ok := n.Snapshot.SchemaByOID(id); ok {
		return s.Name
	}
	return ""
}

// relationVisible reports whether an unqualified name finds this relation.
func (n Names) relationVisible(schema, name string) bool {
	for i, s := range n.SearchPath {
		// The path is walked without making the list that begins with
		// pg_catalog: this runs for every row of a listing.
		if i == 0 && !slices.Contains(n.SearchPath, function.PgCatalog) {
			if _, ok := Relation(function.PgCatalog, name); ok {
				return schema == function.PgCatalog
			}
		}
		if _, ok := n.relation(s, name); ok {
			return s == schema
		}
	}
	return schema == function.PgCatalog && len(n.SearchPath) == 0
}

// functionByOID returns a function by its OID, nil when there is none.
func (n Names) functionByOID(id types.OID) *function.Overload {
	if n.Registry == nil {
		return nil
	}
	f, _ := n.Registry.FunctionByOID(id)
	return f
}

// operatorByOID returns an operator by its OID.
func (n Names) operatorByOID(id types.OID) (function.Operator, bool) {
	if n.Registry == nil {
		return function.Operator{}, false
	}
	return n.Registry.OperatorByOID(id)
}

// Text prints an oid as a value of type t. An oid without a name prints as its
// number, 0 as "-".
func (n Names) Text(t, id types.OID) string {
	if id == 0 {
		switch t {
		case types.RegOper, types.RegOperator:
			return "0"
		}
		return "-"
	}
	if s := n.text(t, id); s != "" {
		return s
	}
	return strconv.FormatUint(uint64(id), 10)
}

// AppendReg appends what Text returns.
func (n Names) AppendReg(dst []byte, t types.OID, id uint32) []byte {
	return append(dst, n.Text(t, types.OID(id))...)
}

// text is Text, "" for an oid without a name.
func (n Names) text(t, id types.OID) string {
	switch t {
	case types.RegClass:
		schema, name, ok := n.relationName(id)
		switch {
		case !ok:
			return ""
		case n.relationVisible(schema, name):
			return QuoteIdent(name)
		}
		return QuoteIdent(schema) + "." + QuoteIdent(name)
	case types.RegType:
		if _, _, _, user := id.User(); user {
			return n.userType(id)
		}
		if types.Lookup(id) == nil {
			return ""
		}
		return types.FormatOID(id)
	case types.RegProc:
		if f := n.functionByOID(id); f != nil {
			if len(n.functionsNamed(f.Schema, f.Name)) == 1 && n.schemaVisible(f.Schema) {
				return QuoteIdent(f.Name)
			}
			return QuoteIdent(f.Schema) + "." + QuoteIdent(f.Name)
		}
		if name, ok := supportName(id); ok {
			return QuoteIdent(name)
		}
	case types.RegProcedure:
		if f := n.functionByOID(id); f != nil {
			name := QuoteIdent(f.Name)
			if !n.schemaVisible(f.Schema) {
				name = QuoteIdent(f.Schema) + "." + name
			}
			return name + typeList(f.Args)
		}
		if name, ok := supportName(id); ok {
			return QuoteIdent(name) + typeList(supportArgs(id))
		}
	case types.RegOper:
		if o, ok := n.operatorByOID(id); ok {
			if len(n.operatorsNamed(o.Name)) == 1 {
				return o.Name
			}
			return "pg_catalog." + o.Name
		}
	case types.RegOperator:
		if o, ok := n.operatorByOID(id); ok {
			left := "NONE"
			if o.Left != 0 {
				left = types.FormatOID(o.Left)
			}
			return o.Name + "(" + left + "," + types.FormatOID(o.Right) + ")"
		}
	case types.RegNamespace:
		if s := n.schemaName(id); s != "" {
			return QuoteIdent(s)
		}
	case types.RegRole:
		if r, ok := n.Snapshot.RoleByOID(id); ok {
			return QuoteIdent(r.Name)
		}
	case types.RegCollation:
		for _, r := range collationRows() {
			if oidOf(r[0]) == id {
				return QuoteIdent(r[1].S)
			}
		}
	}
	return ""
}

// userType prints the name of a type that users have made, "" when there is none.
func (n Names) userType(id types.OID) string {
	schema, name, ok := n.Snapshot.TypeIdentity(id)
	if !ok {
		return ""
	}
	out := QuoteIdent(name)
	in := n.schemaName(schema)
	found := ""
	for _, s := range n.path() {
		if _, ok := n.Snapshot.FindType([]string{s}, name); ok {
			found = s
			break
		}
		if s == function.PgCatalog && types.ByName(name) != nil {
			found = s
			break
		}
	}
	if found != in {
		out = QuoteIdent(in) + "." + out
	}
	if _, array, _, _ := id.User(); array {
		out += "[]"
	}
	return out
}

// TypeName prints a type as format_type without a modifier does.
func (n Names) TypeName(id types.OID) string {
	if _, _, _, user := id.User(); user {
		if s := n.userType(id); s != "" {
			return s
		}
		return "???"
	}
	return types.FormatOID(id)
}

// FormatType prints a type as format_type does.
func (n Names) FormatType(t types.Type) string {
	if t.Domain != 0 {
		return n.TypeName(t.Domain)
	}
	if _, _, _, user := t.OID.User(); user {
		return n.TypeName(t.OID)
	}
	return types.FormatType(t)
}

// schemaVisible reports whether unqualified names are looked up in a schema.
func (n Names) schemaVisible(schema string) bool {
	return schema == function.PgCatalog || slices.Contains(n.SearchPath, schema)
}

// functionsNamed lists the overloads of a name.
func (n Names) functionsNamed(schema, name string) []*function.Overload {
	if n.Registry == nil {
		return nil
	}
	return n.Registry.Candidates(schema, name)
}

// operatorsNamed lists the operators of a name.
func (n Names) operatorsNamed(name string) []function.Operator {
	if n.Registry == nil {
		return nil
	}
	return n.Registry.OperatorsNamed(name)
}

// typeList prints argument types as regprocedure does: without blanks.
func typeList(args []types.OID) string {
	var b strings.Builder
	b.WriteByte('(')
	for i, a := range args {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(types.FormatOID(a))
	}
	b.WriteByte(')')
	return b.String()
}

// QuoteIdent puts a name into double quotes when it would not read as itself.
func QuoteIdent(name string) string {
	safe := name != "" && (name[0] >= 'a' && name[0] <= 'z' || name[0] == '_')
	for i := 0; safe && i < len(name); i++ {
		c := name[i]
		safe = c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '_'
	}
	if safe && !reserved()[name] {
		return name
	}
	return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
}
