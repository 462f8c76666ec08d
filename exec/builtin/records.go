package builtin

import (
	"strings"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// recordField reads the field with the number that the second argument is, from
// 0, out of a record.
func recordField(r *row) (types.Datum, error) {
	fields, err := types.DecodeRecord(r.text(0))
	if err != nil {
		return types.Null, err
	}
	i := int(r.int(1))
	if i >= len(fields) {
		return types.Null, nil // a column that was added after the value was made
	}
	d := fields[i].Value
	d.S = strings.Clone(d.S)
	return d, nil
}

// recordNulls is record IS NULL, or IS NOT NULL when the second argument is
// false: it asks for every field.
func recordNulls(r *row) (types.Datum, error) {
	null := r.bool(1)
	if r.null(0) {
		return types.BoolDatum(null), nil
	}
	fields, err := types.DecodeRecord(r.text(0))
	if err != nil {
		return types.Null, err
	}
	for _, f := range fields {
		if f.Value.Null != null {
			return types.BoolDatum(false), nil
		}
	}
	return types.BoolDatum(true), nil
}

// refuseValue raises the error that its second and third argument are: the value
// does not belong to a domain.
func refuseValue(r *row) (types.Datum, error) {
	return types.Null, pgerror.New(pgerror.Code(strings.Clone(r.text(1))), strings.Clone(r.text(2)))
}
