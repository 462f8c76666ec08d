package decode

import (
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// slow stores a value through the input function of its type. The error keeps
// the SQLSTATE and the type, but not the value that the input function shows.
func (c *Column) slow(i int, b []byte) error {
	if !validText(b) {
		return badEncoding()
	}
	d, err := types.ParseText(c.Type, string(b), c.format)
	if err != nil {
		return hideValue(err, c.Type)
	}
	c.vec.Set(i, c.capacity, d)
	return nil
}

// hideValue replaces an error of an input function by one of the same code that
// shows no value.
func hideValue(err error, t types.Type) error {
	name := TypeName(t)
	code := pgerror.CodeOf(err)
	switch code {
	case pgerror.DatetimeFieldOverflow:
		return pgerror.New(code, "date/time field value out of range")
	case pgerror.NumericValueOutOfRange, pgerror.IntervalFieldOverflow:
		return pgerror.Newf(code, "value is out of range for type %s", name)
	case pgerror.StringDataRightTruncation:
		return pgerror.Newf(code, "value too long for type %s", name)
	case pgerror.FeatureNotSupported:
		return pgerror.NotSupported("values of type %s cannot be read from text", name)
	}
	return pgerror.Newf(code, "invalid input syntax for type %s", name)
}
