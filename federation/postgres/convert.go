package postgres

import (
	"errors"
	"fmt"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// conversion reads the text that the server sends as the declared type of a
// foreign table's column.
type conversion struct {
	active bool
	// parse is unset when values of the type are only passed on as they are.
	parse  bool
	to     types.Type
	format *types.Format
	// labels are the values of an enum type, nil for another type.
	labels map[string]string
}

// newConversion returns the conversion of a column, inactive when the server
// sends the column's type.
func newConversion(c column, session *types.Format) conversion {
	// The remote session writes dates in ISO form and UTC, whatever the local
	// session reads.
	out := conversion{parse: types.HasInput(c.Type), active: c.wire.OID != c.Type.OID || c.wire.Mod != c.Type.Mod, to: c.Type, format: types.DefaultFormat()}
	if _, _, _, user := c.Type.OID.User(); user && session != nil {
		out.format.Names = session.Names
	}
	if c.Type.OID.IsEnum() {
		// What the server computes arrives as a label, too.
		out.active = true
		out.labels = map[string]string{}
		if e := session.Enum(c.Type.OID); e != nil {
			for _, l := range e.Labels {
				out.labels[l.Name] = l.Value().S
			}
		}
	}
	return out
}

// run converts n rows of text.
func (c *conversion) run(in *vector.Vec, n int, out *vector.Vec) error {
	out.Reset(c.to, n)
	for i := range n {
		if in.IsNull(i) {
			out.Set(i, n, types.Null)
			continue
		}
		if c.labels != nil {
			v, ok := c.labels[string(in.Bytes(i))]
			if !ok {
				return pgerror.New(pgerror.InvalidTextRepresentation, "a label is not one of the type's")
			}
			out.SetString(i, v)
			continue
		}
		if !c.parse {
			out.Set(i, n, types.TextDatum(string(in.Bytes(i))))
			continue
		}
		d, err := types.ParseText(c.to, string(in.Bytes(i)), c.format)
		if err != nil {
			return err
		}
		out.Set(i, n, d)
	}
	return nil
}

// conversionError names the column that holds a value of another type, but not
// the value.
func (s *source) conversionError(column string, err error) error {
	code := pgerror.InvalidTextRepresentation
	if e, ok := errors.AsType[*pgerror.Error](err); ok {
		code = e.Code
	}
	return pgerror.Source(s.name, code, fmt.Sprintf("a value of column %q does not fit its declared type", column), nil)
}
