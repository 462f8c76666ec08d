package parser

import (
	"slices"

	pg "github.com/pganalyze/pg_query_go/v5"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/hubsql/hubsql/wire/pgerror"
)

// ColumnNames returns the names of the columns that an expression refers to, each
// once, in order of appearance.
func ColumnNames(n *pg.Node) []string {
	var out []string
	eachColumn(n, func(ref *pg.ColumnRef) {
		if names := Strings(ref.Fields); len(names) > 0 && !slices.Contains(out, names[len(names)-1]) {
			out = append(out, names[len(names)-1])
		}
	})
	return out
}

// eachColumn calls f for every column reference in an expression.
func eachColumn(n *pg.Node, f func(*pg.ColumnRef)) {
	var visit func(m protoreflect.Message)
	visit = func(m protoreflect.Message) {
		if ref, ok := m.Interface().(*pg.ColumnRef); ok {
			f(ref)
			return
		}
		m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
			switch {
			case f.IsList() && f.Message() != nil:
				for i := range v.List().Len() {
					visit(v.List().Get(i).Message())
				}
			case f.Message() != nil && !f.IsMap():
				visit(v.Message())
			}
			return true
		})
	}
	if n != nil {
		visit(n.ProtoReflect())
	}
}

// RenameColumn returns the text of an expression over the columns of one table
// in which the column from is called to. The table's name, which may change, too,
// is left out of the references.
func RenameColumn(sql, table, from, to string) (string, error) {
	n, err := expression(sql)
	if err != nil {
		return "", err
	}
	eachColumn(n, func(ref *pg.ColumnRef) {
		names := Strings(ref.Fields)
		if len(names) != len(ref.Fields) || len(names) > 1 && names[len(names)-2] != table {
			return
		}
		ref.Fields = ref.Fields[len(names)-1:]
		if names[len(names)-1] == from {
			ref.Fields[0] = &pg.Node{Node: &pg.Node_String_{String_: &pg.String{Sval: to}}}
		}
	})
	return ExprText(n)
}

// expression parses the text of an expression.
func expression(sql string) (*pg.Node, error) {
	list, err := Parse("SELECT (" + sql + ")")
	if err != nil {
		return nil, err
	}
	if len(list) == 1 {
		if targets := list[0].Stmt.GetSelectStmt().GetTargetList(); len(targets) == 1 {
			return targets[0].GetResTarget().GetVal(), nil
		}
	}
	return nil, pgerror.New(pgerror.InvalidObjectDefinition, "the definition is not one expression")
}

// ColumnsOf returns the columns that the text of an expression refers to; none
// when it cannot be read.
func ColumnsOf(sql string) []string {
	n, err := expression(sql)
	if err != nil {
		return nil
	}
	return ColumnNames(n)
}
