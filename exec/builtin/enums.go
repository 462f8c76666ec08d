package builtin

import (
	"strings"

	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
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
