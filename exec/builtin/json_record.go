package builtin

import (
	"strconv"
	"strings"

	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// jsonObjects yields the objects of json_to_record, which is one, and of
// json_to_recordset, the elements of an array. The second argument is the
// function's name.
func jsonObjects(_ *function.Call, args []types.Datum, emit func([]types.Datum) error) error {
	if anyNull(args[1:]) {
		return nil
	}
	name := args[1].S
	set := strings.HasSuffix(name, "set")
	if args[0].Null {
		if set {
			return nil
		}
		return emit([]types.Datum{types.Null})
	}
	s := args[0].S
	start := jsonStart(s)
	if !set {
		switch start {
		case '{':
			return emit([]types.Datum{types.TextDatum(s)})
		case '[':
			return pgerror.Newf(pgerror.InvalidParameterValue, "cannot call %s on an array", onName(name))
		}
		return pgerror.Newf(pgerror.InvalidParameterValue, "cannot call %s on a scalar", onName(name))
	}
	switch start {
	case '[':
	case '{':
		if strings.HasPrefix(name, "jsonb") {
			return pgerror.Newf(pgerror.InvalidParameterValue, "cannot call %s on a non-array", name)
		}
		return pgerror.Newf(pgerror.InvalidParameterValue, "cannot call %s on an object", name)
	default:
		return pgerror.Newf(pgerror.InvalidParameterValue, "cannot call %s on a scalar", name)
	}
	var err error
	jsonMembers(s, func(_, v string) bool {
		if jsonStart(v) != '{' {
			err = pgerror.Newf(pgerror.InvalidParameterValue, "argument of %s must be an array of objects", name)
			return false
		}
		err = emit([]types.Datum{types.TextDatum(strings.Clone(v))})
		return err == nil
	})
	return err
}

// onName is what an error calls the function that reads one record.
func onName(name string) string {
	if strings.HasPrefix(name, "jsonb") {
		return "populate_composite"
	}
	return name
}

// jsonFieldAs reads a member of an object as the type of the call.
func jsonFieldAs(r *row) (types.Datum, error) {
	v, ok, err := textField(r.text(0), r.text(1))
	if err != nil || !ok {
		return types.Null, err
	}
	return jsonAs(strings.Clone(v), r.c.Ret, r.text(1), r.c.Session.Format())
}

// jsonAs reads a JSON value as a type: arrays element by element, everything else
// by its text.
func jsonAs(s string, t types.Type, key string, f *types.Format) (types.Datum, error) {
	start := jsonStart(s)
	switch {
	case start == 'n':
		return types.Null, nil
	case t.OID == types.JSON:
		return types.TextDatum(s), nil
	case t.OID == types.JSONB:
		return types.ParseText(t, s, f)
	}
	if t.OID.IsComposite() && start == '{' {
		return jsonRecord(s, t, types.Null, f)
	}
	if t.IsArray() && start != '"' {
		out := types.Array{Elem: t.Elem().OID}
		if start != '[' {
			return types.Null, pgerror.New(pgerror.InvalidTextRepresentation, "expected JSON array").WithHint("See the value of key \"%s\".", key)
		}
		if err := jsonArrayAs(&out, s, t, key, "", 0, f); err != nil {
			return types.Null, err
		}
		if len(out.Elems) == 0 {
			out.Dims = nil
		}
		return types.TextDatum(string(out.Append(nil))), nil
	}
	if start == '"' {
		var err error
		if s, err = jsonString(strings.TrimSpace(s)); err != nil {
			return types.Null, err
		}
	}
	if t.OID == types.VarChar || t.OID == types.BPChar {
		fit, err := types.FitChar(t, s, false)
		return types.TextDatum(fit), err
	}
	return types.ParseText(t, s, f)
}

// jsonRecord reads an object as a composite type; base, which may be NULL, has the
// values of the columns that the object lacks.
func jsonRecord(s string, t types.Type, base types.Datum, f *types.Format) (types.Datum, error) {
	columns := f.Composite(t.OID)
	fields := make([]types.Field, len(columns))
	var given []types.Field
	if !base.Null {
		var err error
		if given, err = types.DecodeRecord(base.S); err != nil {
			return types.Null, err
		}
	}
	if !t.OID.IsComposite() {
		// A record without a name has the columns of the value.
		columns = make([]types.Attribute, len(given))
		fields = make([]types.Field, len(given))
		for i, g := range given {
			columns[i] = types.Attribute{Name: "f" + strconv.Itoa(i+1), Type: types.Of(g.Type)}
		}
	}
	for i, c := range columns {
		fields[i] = types.Field{Type: c.Type.OID, Value: types.Null}
		v, ok, err := textField(s, c.Name)
		switch {
		case err != nil:
			return types.Null, err
		case ok:
			if fields[i].Value, err = jsonAs(strings.Clone(v), c.Type, c.Name, f); err != nil {
				return types.Null, err
			}
		case i < len(given):
			fields[i].Value = given[i].Value
		}
	}
	return types.TextDatum(string(types.AppendRecord(nil, fields))), nil
}

// populate is json_populate_record and jsonb_populate_record.
func populate(name string) func(r *row) (types.Datum, error) {
	return func(r *row) (types.Datum, error) {
		base := r.datum(0)
		if err := rowWanted(name, r.c.Ret, base); err != nil {
			return types.Null, err
		}
		if r.null(1) {
			return base, nil
		}
		s := r.text(1)
		if err := objectWanted("populate_composite", s); err != nil {
			return types.Null, err
		}
		return jsonRecord(s, r.c.Ret, base, r.c.Session.Format())
	}
}

// populateSet is json_populate_recordset and jsonb_populate_recordset.
func populateSet(name string) function.RowsFunc {
	return func(c *function.Call, args []types.Datum, emit func([]types.Datum) error) error {
		if err := rowWanted(name, c.Ret, args[0]); err != nil || args[1].Null {
			return err
		}
		return jsonObjects(c, []types.Datum{args[1], types.TextDatum(name)}, func(row []types.Datum) error {
			d, err := jsonRecord(row[0].S, c.Ret, args[0], c.Session.Format())
			if err != nil {
				return err
			}
			return emit([]types.Datum{d})
		})
	}
}

// rowWanted checks the first argument of the functions that make records.
func rowWanted(name string, t types.Type, base types.Datum) error {
	switch {
	case !t.IsRow():
		return pgerror.Newf(pgerror.DatatypeMismatch, "first argument of %s must be a row type", name)
	case t.OID == types.Record && base.Null:
		e := pgerror.Newf(pgerror.DatatypeMismatch, "could not determine row type for result of %s", name)
		return e.WithHint("Provide a non-null record argument, or call the function in the FROM clause using a column definition list.")
	}
	return nil
}

// objectWanted refuses JSON that is no object.
func objectWanted(name, s string) error {
	switch jsonStart(s) {
	case '{':
		return nil
	case '[':
		return pgerror.Newf(pgerror.InvalidParameterValue, "cannot call %s on an array", name)
	}
	return pgerror.Newf(pgerror.InvalidParameterValue, "cannot call %s on a scalar", name)
}

// jsonArrayAs appends the elements of one level of a JSON array.
func jsonArrayAs(out *types.Array, s string, t types.Type, key, at string, depth int, f *types.Format) error {
	if len(out.Dims) == depth {
		out.Dims = append(out.Dims, types.Dim{Len: -1, Lower: 1})
	}
	n := int32(0)
	var err error
	jsonMembers(s, func(_, v string) bool {
		here := at + "[" + strconv.Itoa(int(n)) + "]"
		n++
		nested := jsonStart(v) == '['
		switch {
		case nested && (len(out.Elems) == 0 || len(out.Dims) > depth+1):
			err = jsonArrayAs(out, v, t, key, here, depth+1, f)
		case nested || len(out.Dims) > depth+1:
			err = pgerror.New(pgerror.InvalidTextRepresentation, "expected JSON array").WithHint("See the array element %s of key \"%s\".", here, key)
		default:
			var d types.Datum
			if d, err = jsonAs(strings.Clone(v), types.Type{OID: t.Elem().OID, Mod: t.Mod}, key, f); err == nil {
				out.Elems = append(out.Elems, d)
			}
		}
		return err == nil
	})
	switch d := &out.Dims[depth]; {
	case err != nil:
	case d.Len == -1:
		d.Len = n
	case d.Len != n:
		err = pgerror.New(pgerror.InvalidTextRepresentation, "malformed JSON array").WithDetail("Multidimensional arrays must have sub-arrays with matching dimensions.")
	}
	return err
}
