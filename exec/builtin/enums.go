package builtin

import (
	"strings"

	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/kernel"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// enums are the functions of enum types. They learn which type they are asked
// about from the types of the call: the arguments may be NULL.
func enums() []entry {
	return []entry{
		{sigs: "enum_cmp(anyenum,anyenum)", kernel: each(func(r *row) (types.Datum, error) {
			return types.IntDatum(int64(strings.Compare(r.text(0), r.text(1)))), nil
		}), infallible: true, doc: "Compares two values of an enum type by the order of its labels."},
		{sigs: "enum_smaller(anyenum,anyenum)", kernel: each(func(r *row) (types.Datum, error) {
			return types.TextDatum(strings.Clone(min(r.text(0), r.text(1)))), nil
		}), infallible: true, doc: "The smaller of two values of an enum type."},
		{sigs: "enum_larger(anyenum,anyenum)", kernel: each(func(r *row) (types.Datum, error) {
			return types.TextDatum(strings.Clone(max(r.text(0), r.text(1)))), nil
		}), infallible: true, doc: "The larger of two values of an enum type."},
		{sigs: "enum_first(anyenum)", kernel: each(func(r *row) (types.Datum, error) { return enumEnd(r, false) }), doc: "The first value of an enum type.", example: "enum_first(NULL::mood)"},
		{sigs: "enum_last(anyenum)", kernel: each(func(r *row) (types.Datum, error) { return enumEnd(r, true) }), doc: "The last value of an enum type."},
		{sigs: "enum_range(anyenum) enum_range(anyenum,anyenum)", kernel: each(enumRange), doc: "The values of an enum type, or those between two of them, as an array."},
	}
}

// records are the functions of records.
func records() []entry {
	return []entry{
		{sigs: "json_populate_record(anyelement,json,bool)", kernel: each(populate("json_populate_record")), doc: "An object as a value of the first argument's type, which has the values that the object lacks."},
		{sigs: "jsonb_populate_record(anyelement,jsonb)", kernel: each(populate("jsonb_populate_record")), doc: "An object as a value of the first argument's type, which has the values that the object lacks."},
		{sigs: "json_populate_recordset(anyelement,json,bool)", rows: populateSet("json_populate_recordset"), doc: "The objects of an array as values of the first argument's type."},
		{sigs: "jsonb_populate_recordset(anyelement,jsonb)", rows: populateSet("jsonb_populate_recordset"), doc: "The objects of an array as values of the first argument's type."},
		{sigs: "record_image_eq(record,record)", kernel: recordImage(kernel.Eq), doc: "Tests two records for equality of what they are stored as."},
		{sigs: "record_image_ne(record,record)", kernel: recordImage(kernel.Ne), doc: "Tests two records for difference of what they are stored as."},
		{sigs: "record_image_lt(record,record)", kernel: recordImage(kernel.Lt), doc: "Compares two records."},
		{sigs: "record_image_le(record,record)", kernel: recordImage(kernel.Le), doc: "Compares two records."},
		{sigs: "record_image_gt(record,record)", kernel: recordImage(kernel.Gt), doc: "Compares two records."},
		{sigs: "record_image_ge(record,record)", kernel: recordImage(kernel.Ge), doc: "Compares two records."},
		{sigs: "hashenum(anyenum)", kernel: each(func(r *row) (types.Datum, error) {
			return types.IntDatum(int64(int32(uint32(kernel.HashBytes([]byte(r.text(0))))))), nil
		}), infallible: true, doc: "A hash of a value of an enum type."},
	}
}

// recordImage compares records by what they are stored as where they are equal
// otherwise.
func recordImage(op kernel.Op) function.Kernel {
	return each(func(r *row) (types.Datum, error) {
		a, b := r.text(0), r.text(1)
		order := 0
		if a != b {
			if order = types.Compare(types.Of(types.Record), types.Datum{S: a}, types.Datum{S: b}); order == 0 {
				order = strings.Compare(a, b)
			}
		}
		return types.BoolDatum(op.Holds(order)), nil
	})
}

// enumOf returns the labels of an enum type.
func enumOf(c *function.Call, t types.OID) (*types.Enum, error) {
	e := c.Session.Format().Enum(t)
	if e == nil {
		return nil, pgerror.New(pgerror.FeatureNotSupported, "could not determine actual enum type")
	}
	return e, nil
}

// enumEnd is enum_first and enum_last.
func enumEnd(r *row, last bool) (types.Datum, error) {
	e, err := enumOf(r.c, r.c.Args[0].OID)
	if err != nil {
		return types.Null, err
	}
	if len(e.Labels) == 0 {
		return types.Null, pgerror.Newf(pgerror.ObjectNotInPrerequisiteState, "enum %s contains no values", r.c.Session.Format().TypeName(r.c.Args[0].OID))
	}
	if last {
		return e.Labels[len(e.Labels)-1].Value(), nil
	}
	return e.Labels[0].Value(), nil
}

// enumRange is enum_range.
func enumRange(r *row) (types.Datum, error) {
	t := r.c.Ret.Elem().OID
	e, err := enumOf(r.c, t)
	if err != nil {
		return types.Null, err
	}
	var out []types.Datum
	for _, l := range e.Labels {
		v := l.Value()
		if r.n() == 2 && (!r.null(0) && v.S < r.text(0) || !r.null(1) && v.S > r.text(1)) {
			continue
		}
		out = append(out, v)
	}
	return types.NewArray(t, out).Datum(), nil
}
