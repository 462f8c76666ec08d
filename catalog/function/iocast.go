package function

import (
	"strconv"
	"strings"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/vector"
)

// ioCast converts any type to any other by printing the value and reading it
// again: PostgreSQL's I/O conversion casts, and casts of arrays element by
// element. It is stable, not immutable: dates print by the session's DateStyle.
var ioCast = &Overload{
	Name: "io_cast", Schema: "hub", Kind: Scalar,
	Args: []types.OID{types.Any}, Ret: types.Any,
	Volatility: Stable, Strict: true,
	Doc:    "Converts a value by way of its text form.",
	Kernel: ConvertByText,
}

// ConvertByText is the kernel of the cast: it prints the argument and reads the
// text as the call's type, with its modifier.
func ConvertByText(c *Call, args []*vector.Vec, n int, out *vector.Vec) error {
	format := c.Session.Format()
	from := c.Args[0]
	if from.OID == types.Unknown {
		from = types.Of(types.Text)
	}
	fromText := textLike(from.OID)
	toText := textLike(c.Ret.OID)
	toArray := c.Ret.IsArray() && c.Ret.OID != types.OidVector && c.Ret.OID != types.Int2Vector
	fromVector := toArray && (from.OID == types.OidVector || from.OID == types.Int2Vector)
	if toArray && from.IsArray() && format.Names != nil && from.Elem().Category() != types.CategoryString && c.Ret.Elem().Category() != types.CategoryString {
		// regtype[] becomes oid[] by its numbers.
		numbers := *format
		numbers.Names = nil
		format = &numbers
	}
	var buf []byte
	for i := range n {
		if args[0].IsNull(i) {
			out.SetNull(i, n)
			continue
		}
		var text string
		if fromText {
			text = strings.Clone(args[0].String(i))
		} else {
			buf = types.AppendText(buf[:0], from, args[0].Datum(i), format)
			text = string(buf)
			if fromVector {
				text = vectorAsArray(text)
			}
		}
		if toText && c.Ret.Mod >= 0 {
			var err error
			if text, err = types.FitChar(c.Ret, text, c.Explicit); err != nil {
				return err
			}
		}
		if toText {
			out.SetString(i, text)
			continue
		}
		d, err := types.ParseText(c.Ret, text, format)
		if err != nil {
			return err
		}
		out.Set(i, n, d)
	}
	return nil
}

// vectorAsArray turns the text form of a vector into that of an array, whose
// lower bound stays 0.
func vectorAsArray(text string) string {
	elems := strings.Fields(text)
	if len(elems) == 0 {
		return "{}"
	}
	return "[0:" + strconv.Itoa(len(elems)-1) + "]={" + strings.Join(elems, ",") + "}"
}

// IOCast is the function behind PathIO and PathArray. The call's type says what
// to convert to.
func (r *Registry) IOCast() *Overload { return ioCast }

// LengthCast returns the function that applies a type's modifier, nil when the
// type has none.
func (r *Registry) LengthCast(t types.OID) *Overload {
	if i, ok := r.castIndex[castKey{t, t}]; ok {
		return r.casts[i].Fn
	}
	return nil
}

// textLike reports whether values of a type are plain text.
func textLike(t types.OID) bool {
	switch t {
	case types.Text, types.VarChar, types.BPChar, types.Unknown:
		return true
	}
	return false
}
