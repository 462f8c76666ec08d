package ddl

import (
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/parser"
)

// Columns describes the rows of a statement before it is executed; nil for a
// statement without rows.
func Columns(st parser.Statement) []ResultColumn {
	if _, ok := st.Extension.(*parser.ShowMaskingPolicies); !ok {
		return nil
	}
	return maskingPolicyColumns()
}

// maskingPolicyColumns describes SHOW MASKING POLICIES.
func maskingPolicyColumns() []ResultColumn {
	var out []ResultColumn
	for _, name := range []string{"name", "schema", "table", "column", "to", "except", "using"} {
		out = append(out, ResultColumn{name, types.Of(types.Text)})
	}
	return append(out, ResultColumn{"priority", types.Of(types.Int4)})
}
