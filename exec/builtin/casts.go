package builtin

import (
	"math"
	"strings"
	"unicode/utf8"

	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/kernel"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// textLike reports whether values of a type are plain text.
func textLike(oid types.OID) bool {
	switch oid {
	case types.Text, types.VarChar, types.BPChar, types.Unknown:
		return true
	}
	return false
}

// convertInt converts between integer widths, checking the range when the
// result is narrower.
func convertInt[A, B kernel.Integer]() function.Kernel {
	return func(c *function.Call, args []*vector.Vec, n int, out *vector.Vec) error {
		src, dst, s := vector.Values[A](args[0]), vector.Values[B](out)[:n], step(args[0])
		bad := false
		for i := range dst {
			x := src[i*s]
			dst[i] = B(x)
			bad = bad || A(B(x)) != x
		}
		if !bad {
			return nil
		}
		for i := range dst {
			if x := src[i*s]; A(B(x)) != x && valid(out, i) {
				return errOutOfRange(c.Ret.OID)
			}
		}
		return nil
	}
}

// intToFloat converts integers to floats.
func intToFloat[A kernel.Integer, B float]() function.Kernel {
	return func(_ *function.Call, args []*vector.Vec, n int, out *vector.Vec) error {
		src, dst, s := vector.Values[A](args[0]), vector.Values[B](out)[:n], step(args[0])
		for i := range dst {
			dst[i] = B(src[i*s])
		}
		return nil
	}
}

// floatToInt rounds floats to integers, ties to even.
func floatToInt[A float, B kernel.Integer](lo, hi float64) function.Kernel {
	return func(c *function.Call, args []*vector.Vec, n int, out *vector.Vec) error {
		src, dst, s := vector.Values[A](args[0]), vector.Values[B](out)[:n], step(args[0])
		for i := range dst {
			x := math.RoundToEven(float64(src[i*s]))
			if !(x >= lo && x < hi) {
				if valid(out, i) {
					return errOutOfRange(c.Ret.OID)
				}
				x = 0
			}
			dst[i] = B(x)
		}
		return nil
	}
}

// narrowFloat is float4(float8).
func narrowFloat(_ *function.Call, args []*vector.Vec, n int, out *vector.Vec) error {
	src, dst, s := args[0].Float64s(), out.Float32s()[:n], step(args[0])
	for i := range dst {
		x := src[i*s]
		dst[i] = float32(x)
		if valid(out, i) {
			if isInf(dst[i]) && !isInf(x) {
				return errOverflow()
			}
			if dst[i] == 0 && x != 0 {
				return errUnderflow()
			}
		}
	}
	return nil
}

// widenFloat is float8(float4).
func widenFloat(_ *function.Call, args []*vector.Vec, n int, out *vector.Vec) error {
	src, dst, s := args[0].Float32s(), out.Float64s()[:n], step(args[0])
	for i := range dst {
		dst[i] = float64(src[i*s])
	}
	return nil
}

// shareText makes out show the bytes of text values changed by f, which returns
// a part of its argument: no byte is copied for long values but the view.
func shareText(f func(string) string) function.Kernel {
	return func(c *function.Call, args []*vector.Vec, n int, out *vector.Vec) error {
		for i := range n {
			if !valid(out, i) {
				continue
			}
			s := f(args[0].String(i))
			if c.Ret.Mod >= 0 {
				var err error
				if s, err = types.FitChar(c.Ret, s, c.Explicit); err != nil {
					return err
				}
			}
			out.SetString(i, s)
		}
		return nil
	}
}

// fitLength applies the length of varchar(n) or char(n).
func fitLength(c *function.Call, args []*vector.Vec, n int, out *vector.Vec) error {
	t, explicit := c.Ret, c.Explicit
	if len(args) == 3 {
		t.Mod, explicit = int32(args[1].Int(0)), args[2].Int(0) != 0
	}
	limit, ok := t.CharMod()
	for i := range n {
		if !valid(out, i) {
			continue
		}
		s := args[0].String(i)
		if ok && (t.OID == types.BPChar || len(s) > limit) {
			var err error
			if s, err = types.FitChar(t, s, explicit); err != nil {
				return err
			}
		}
		out.SetString(i, s)
	}
	return nil
}

// trimBlanks drops trailing blanks.
func trimBlanks(s string) string { return strings.TrimRight(s, " ") }

// same returns its argument.
func same(s string) string { return s }

// oidFromInt8 is oid(int8).
func oidFromInt8(r *row) (types.Datum, error) {
	if x := r.int(0); x >= 0 && x <= math.MaxUint32 {
		return types.IntDatum(int64(int32(uint32(x)))), nil
	}
	return types.Null, pgerror.New(pgerror.NumericValueOutOfRange, "OID out of range")
}

// jsonbScalar converts a scalar jsonb to a number or boolean.
func jsonbScalar(r *row) (types.Datum, error) {
	v, err := types.ParseJSONB(r.text(0))
	if err != nil {
		return types.Null, err
	}
	oid := r.c.Ret.OID
	name := types.FormatType(types.Of(oid))
	switch v.Kind {
	case types.JSONNumber:
		switch oid {
		case types.Bool:
		case types.Numeric:
			x, err := v.Num.WithMod(r.c.Ret)
			return x.Datum(), err
		case types.Float4:
			f, err := v.Num.Float32()
			return types.FloatDatum(float64(f)), err
		case types.Float8:
			f, err := v.Num.Float64()
			return types.FloatDatum(f), err
		default:
			x, err := v.Num.Int(oid)
			return types.IntDatum(x), err
		}
	case types.JSONTrue, types.JSONFalse:
		if oid == types.Bool {
			return types.BoolDatum(v.Kind == types.JSONTrue), nil
		}
	}
	kind := map[types.JSONKind]string{
		types.JSONNull: "null", types.JSONString: "string", types.JSONNumber: "numeric", types.JSONTrue: "boolean",
		types.JSONFalse: "boolean", types.JSONArrayKind: "array", types.JSONObject: "object",
	}[v.Kind]
	return types.Null, pgerror.Newf(pgerror.InvalidParameterValue, "cannot cast jsonb %s to type %s", kind, name)
}

// casts are the cast functions of pg_cast outside numeric and the date types.
func casts() []entry {
	exact := "Converts; the value stays the same."
	checked := "Converts; 22003 when the value does not fit."
	return []entry{
		{sigs: "int4(int2)", kernel: convertInt[int16, int32](), infallible: true, doc: exact},
		{sigs: "int8(int2)", kernel: convertInt[int16, int64](), infallible: true, doc: exact},
		{sigs: "int8(int4)", kernel: convertInt[int32, int64](), infallible: true, doc: exact},
		{sigs: "int2(int4)", kernel: convertInt[int32, int16](), doc: checked},
		{sigs: "int2(int8)", kernel: convertInt[int64, int16](), doc: checked},
		{sigs: "int4(int8)", kernel: convertInt[int64, int32](), doc: checked},
		{sigs: "float4(int2)", kernel: intToFloat[int16, float32](), infallible: true, doc: "Converts to the nearest float."},
		{sigs: "float4(int4)", kernel: intToFloat[int32, float32](), infallible: true, doc: "Converts to the nearest float."},
		{sigs: "float4(int8)", kernel: intToFloat[int64, float32](), infallible: true, doc: "Converts to the nearest float."},
		{sigs: "float8(int2)", kernel: intToFloat[int16, float64](), infallible: true, doc: exact},
		{sigs: "float8(int4)", kernel: intToFloat[int32, float64](), infallible: true, doc: exact},
		{sigs: "float8(int8)", kernel: intToFloat[int64, float64](), infallible: true, doc: "Converts to the nearest float."},
		{sigs: "int2(float4)", kernel: floatToInt[float32, int16](-1<<15, 1<<15), doc: "Rounds to even; 22003 when it does not fit."},
		{sigs: "int4(float4)", kernel: floatToInt[float32, int32](-1<<31, 1<<31), doc: "Rounds to even; 22003 when it does not fit."},
		{sigs: "int8(float4)", kernel: floatToInt[float32, int64](-1<<63, 1<<63), doc: "Rounds to even; 22003 when it does not fit."},
		{sigs: "int2(float8)", kernel: floatToInt[float64, int16](-1<<15, 1<<15), doc: "Rounds to even; 22003 when it does not fit."},
		{sigs: "int4(float8)", kernel: floatToInt[float64, int32](-1<<31, 1<<31), doc: "Rounds to even; 22003 when it does not fit."},
		{sigs: "int8(float8)", kernel: floatToInt[float64, int64](-1<<63, 1<<63), doc: "Rounds to even; 22003 when it does not fit."},
		{sigs: "float4(float8)", kernel: narrowFloat, doc: "Rounds to single precision; 22003 beyond its range."},
		{sigs: "float8(float4)", kernel: widenFloat, infallible: true, doc: exact},
		{sigs: "bool(int4)", kernel: each(func(r *row) (types.Datum, error) { return types.BoolDatum(r.int(0) != 0), nil }), infallible: true, doc: "True unless zero."},
		{sigs: "int4(bool)", kernel: each(func(r *row) (types.Datum, error) { return types.IntDatum(r.int(0)), nil }), infallible: true, doc: "1 for true, 0 for false."},
		{sigs: "text(bool)", kernel: each(func(r *row) (types.Datum, error) {
			s := "false"
			if r.bool(0) {
				s = "true"
			}
			s, err := types.FitChar(r.c.Ret, s, r.c.Explicit)
			return types.TextDatum(s), err
		}), doc: "The words true and false."},
		{sigs: "oid(int8)", kernel: each(oidFromInt8), doc: checked},
		{sigs: "int8(oid)", kernel: each(func(r *row) (types.Datum, error) { return types.IntDatum(int64(uint32(r.int(0)))), nil }), infallible: true, doc: exact},
		{sigs: "int4(char)", kernel: each(func(r *row) (types.Datum, error) {
			if s := r.text(0); s != "" {
				return types.IntDatum(int64(int8(s[0]))), nil
			}
			return types.IntDatum(0), nil
		}), infallible: true, doc: "The code of a single byte."},
		{sigs: "char(int4)", kernel: each(func(r *row) (types.Datum, error) {
			x := r.int(0)
			if x < -128 || x > 127 {
				return types.Null, pgerror.New(pgerror.NumericValueOutOfRange, "\"char\" out of range")
			}
			if x == 0 {
				return types.TextDatum(""), nil
			}
			return types.TextDatum(string([]byte{byte(x)})), nil
		}), doc: "The single byte with a code."},
		{sigs: "char(text)", kernel: shareText(func(s string) string { return s[:min(1, len(s))] }), infallible: true, doc: "The first byte."},
		{sigs: "text(char)", kernel: each(charText), infallible: true, doc: "The character; a byte beyond ASCII as its octal escape."},
		{sigs: "bpchar(char) text(name) bpchar(name) varchar(name)", kernel: shareText(same), doc: "The same characters."},
		{sigs: "text(bpchar)", kernel: shareText(trimBlanks), infallible: true, doc: "Drops trailing blanks."},
		{sigs: "name(text) name(varchar)", kernel: shareText(types.TruncateName), infallible: true, doc: "Cuts to 63 bytes."},
		{sigs: "name(bpchar)", kernel: shareText(func(s string) string { return types.TruncateName(trimBlanks(s)) }), infallible: true, doc: "Drops trailing blanks and cuts to 63 bytes."},
		{sigs: "varchar(varchar,int4,bool) bpchar(bpchar,int4,bool)", kernel: fitLength, doc: "Applies the length of the type; 22001 when more than blanks would be lost and the cast is not explicit."},
		{sigs: "bool(jsonb) int2(jsonb) int4(jsonb) int8(jsonb) float4(jsonb) float8(jsonb) numeric(jsonb)", kernel: each(jsonbScalar), doc: "Converts a scalar; 22023 for another kind."},
	}
}

// runes counts characters.
func runes(s string) int {
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			return utf8.RuneCountInString(s)
		}
	}
	return len(s)
}

// charText is the text of a "char".
func charText(r *row) (types.Datum, error) { return text(string(r.printed(nil, 0))) }
