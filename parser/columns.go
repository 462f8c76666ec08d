package parser

import (
	"slices"

	pg "github.com/pganalyze/pg_query_go/v5"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// ColumnNames returns the names of the columns that an expression refers to, each
// once, in order of appearance.
func ColumnNames(n *pg.Node) []string {
	var out []string
	var visit func(m protoreflect.Message)
	visit = func(m protoreflect.Message) {
		if ref, ok := m.Interface().(*pg.ColumnRef); ok {
			if names := Strings(ref.Fields); len(names) > 0 && !slices.Contains(out, names[len(names)-1]) {
				out = append(out, names[len(names)-1])
			}
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
	return out
}

// ColumnsOf returns the columns that the text of an expression refers to; none
// when it cannot be read.
func ColumnsOf(sql string) []string {
	list, err := Parse("SELECT (" + sql + ")")
	if err != nil || len(list) != 1 {
		return nil
	}
	targets := list[0].Stmt.GetSelectStmt().GetTargetList()
	if len(targets) != 1 {
		return nil
	}
	return ColumnNames(targets[0].GetResTarget().GetVal())
}
