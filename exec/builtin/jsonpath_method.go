package builtin

import (
	"math"
	"slices"
	"strings"
	"time"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// pathTime is what .datetime() yields.
type pathTime struct {
	t types.OID
	d types.Datum
	// zone is the offset that a timestamp with time zone was written with, in
	// seconds east of UTC.
	zone int
}

// item returns the JSON that a date or time is printed as.
func (x *pathRun) item(v pathItem) types.JSONValue {
	if v.at == nil {
		return v.JSONValue
	}
	f := *x.c.Session.Format()
	f.DateStyle = "ISO"
	f.TimeZone = time.FixedZone("", v.at.zone)
	s := types.FormatText(types.Of(v.at.t), v.at.d, &f)
	s = strings.Replace(s, " ", "T", 1)
	if n := len(s); (v.at.t == types.TimestampTZ || v.at.t == types.TimeTZ) && n > 3 && (s[n-3] == '+' || s[n-3] == '-') {
		s += ":00"
	}
	return types.JSONValue{Kind: types.JSONString, Str: s}
}

// method applies a method.
func (x *pathRun) method(p *types.PathItem, v pathItem, unwrap bool, each func() error, next emitItem) error {
	isArray := v.at == nil && v.Kind == types.JSONArrayKind
	number := func(n types.Num) error {
		return next(pathItem{JSONValue: types.JSONValue{Kind: types.JSONNumber, Num: n}})
	}
	name := p.Kind.Symbol()
	switch p.Kind {
	case types.PathType:
		s := kindNames[v.Kind]
		if v.at != nil {
			s = types.FormatOID(v.at.t)
		}
		return next(pathItem{JSONValue: types.JSONValue{Kind: types.JSONString, Str: s}})
	case types.PathSize:
		n := 1
		switch {
		case isArray:
			n = len(v.Elems)
		case x.path.Strict && !x.lenient:
			return pathError(codeArray, "jsonpath item method .%s() can only be applied to an array", name)
		case x.path.Strict:
			return nil
		}
		return number(types.NumFromInt(int64(n)))
	}
	if unwrap && isArray {
		return each()
	}
	switch p.Kind {
	case types.PathAbs, types.PathFloor, types.PathCeiling:
		if v.at != nil || v.Kind != types.JSONNumber {
			return pathError(codeNonNumber, "jsonpath item method .%s() can only be applied to a numeric value", name)
		}
		switch p.Kind {
		case types.PathAbs:
			return number(v.Num.Abs())
		case types.PathFloor:
			return number(v.Num.Floor())
		}
		return number(v.Num.Ceil())
	case types.PathDouble:
		switch {
		case v.at != nil:
		case v.Kind == types.JSONNumber:
			if _, err := v.Num.Float64(); err != nil {
				return pathError(codeNonNumber, "numeric argument of jsonpath item method .%s() is out of range for type double precision", name)
			}
			return next(v)
		case v.Kind == types.JSONString:
			d, err := types.ParseText(types.Of(types.Float8), v.Str, nil)
			if err != nil || math.IsNaN(d.Float()) || math.IsInf(d.Float(), 0) {
				return pathError(codeNonNumber, "string argument of jsonpath item method .%s() is not a valid representation of a double precision number", name)
			}
			n, err := types.ParseNum(types.FormatText(types.Of(types.Float8), d, nil))
			if err != nil {
				return err
			}
			return number(n)
		}
		return pathError(codeNonNumber, "jsonpath item method .%s() can only be applied to a string or numeric value", name)
	case types.PathKeyValue:
		return x.keyValue(v, next)
	}
	if v.at != nil || v.Kind != types.JSONString {
		return pathError(codeDatetime, "jsonpath item method .%s() can only be applied to a string", name)
	}
	at, err := x.datetime(v.Str, p.Left)
	if err != nil {
		return err
	}
	return next(pathItem{JSONValue: v.JSONValue, at: at})
}

// keyValue is .keyvalue(): an object for each member, with an identifier of the
// object it belongs to, which is its place in PostgreSQL's binary form.
func (x *pathRun) keyValue(v pathItem, next emitItem) error {
	if v.at != nil || v.Kind != types.JSONObject {
		return pathError(codeObject, "jsonpath item method .keyvalue() can only be applied to an object")
	}
	id := x.base.id*10000000000 + jsonOffset(x.base.doc, v.JSONValue)
	saved := x.base
	defer func() { x.base = saved }()
	for i, k := range v.Keys {
		pair := types.NewJSONObject([]string{"key", "value", "id"}, []types.JSONValue{
			{Kind: types.JSONString, Str: k}, v.Elems[i], {Kind: types.JSONNumber, Num: types.NumFromInt(id)},
		})
		x.base = pathBase{doc: pair, id: saved.id + 2}
		if err := next(pathItem{JSONValue: pair}); err != nil {
			return err
		}
	}
	return nil
}

// jsonOffset is where a container stands in the binary form of a document, 0 for
// the document itself. Containers are told apart by their elements' memory.
func jsonOffset(doc, want types.JSONValue) int64 {
	at, found := int64(0), int64(0)
	same := func(v types.JSONValue) bool {
		return v.Kind == want.Kind && len(v.Elems) == len(want.Elems) && len(v.Elems) > 0 && &v.Elems[0] == &want.Elems[0]
	}
	align := func() { at = (at + 3) &^ 3 }
	var walk func(v types.JSONValue) bool
	walk = func(v types.JSONValue) bool {
		switch v.Kind {
		case types.JSONString:
			at += int64(len(v.Str))
		case types.JSONNumber:
			align()
			at += v.Num.StoredSize()
		case types.JSONArrayKind, types.JSONObject:
			align()
			if same(v) {
				found = at
				return true
			}
			at += 4 + 4*int64(len(v.Elems))
			if v.Kind == types.JSONObject {
				at += 4 * int64(len(v.Elems))
				for _, k := range v.Keys {
					at += int64(len(k))
				}
			}
			return slices.ContainsFunc(v.Elems, walk)
		}
		return false
	}
	walk(doc)
	return found
}

// datetimeFormats are what .datetime() without a template understands.
var datetimeFormats = []string{
	"yyyy-mm-dd", "HH24:MI:SS.USTZH:TZM", "HH24:MI:SS.USTZH", "HH24:MI:SS.US", "HH24:MI:SSTZH:TZM", "HH24:MI:SSTZH", "HH24:MI:SS",
	"yyyy-mm-dd HH24:MI:SS.USTZH:TZM", "yyyy-mm-dd HH24:MI:SS.USTZH", "yyyy-mm-dd HH24:MI:SS.US",
	"yyyy-mm-dd HH24:MI:SSTZH:TZM", "yyyy-mm-dd HH24:MI:SSTZH", "yyyy-mm-dd HH24:MI:SS",
	`yyyy-mm-dd"T"HH24:MI:SS.USTZH:TZM`, `yyyy-mm-dd"T"HH24:MI:SS.USTZH`, `yyyy-mm-dd"T"HH24:MI:SS.US`,
	`yyyy-mm-dd"T"HH24:MI:SSTZH:TZM`, `yyyy-mm-dd"T"HH24:MI:SSTZH`, `yyyy-mm-dd"T"HH24:MI:SS`,
}

// datetime reads a date or time.
func (x *pathRun) datetime(s string, template *types.PathItem) (*pathTime, error) {
	if template != nil {
		return parseTemplate(s, template.Str, true)
	}
	for _, f := range datetimeFormats {
		if at, err := parseTemplate(s, f, true); err == nil {
			return at, nil
		}
	}
	return nil, pgerror.Newf(codeDatetime, "datetime format is not recognized: \"%s\"", s).
		WithHint("Use a datetime template argument to specify the input data format.")
}

// compareTimes orders two dates or times; ok is false when their types cannot be
// compared.
func (x *pathRun) compareTimes(a, b *pathTime) (c int, ok bool, err error) {
	if a.t == b.t {
		return types.Compare(types.Of(a.t), a.d, b.d), true, nil
	}
	clock := func(t types.OID) bool { return t == types.Time || t == types.TimeTZ }
	if clock(a.t) != clock(b.t) {
		return 0, false, nil
	}
	zoned := func(t types.OID) bool { return t == types.TimeTZ || t == types.TimestampTZ }
	if zoned(a.t) != zoned(b.t) && !x.useTZ {
		from, to := a.t, b.t
		if zoned(from) {
			from, to = to, from
		}
		return 0, false, pgerror.Newf(pgerror.FeatureNotSupported, "cannot convert value from %s to %s without time zone usage", pathTimeName(from), pathTimeName(to)).
			WithHint("Use *_tz() function for time zone support.")
	}
	loc := x.c.Session.Format().TimeZone
	if clock(a.t) {
		zone := func(p *pathTime) types.Datum {
			if p.t == types.TimeTZ {
				return p.d
			}
			_, off := x.c.Session.Format().Now.In(loc).Zone()
			return types.WideDatum(p.d.I, int64(-off))
		}
		return types.CompareTimeTZ(zone(a), zone(b)), true, nil
	}
	instant := func(p *pathTime) int64 {
		us := p.d.I
		if p.t == types.Date {
			us = dateMicros(int32(us))
		}
		if p.t != types.TimestampTZ && (zoned(a.t) || zoned(b.t)) {
			if u, ok := types.LocalToUTC(us, loc); ok {
				return u
			}
		}
		return us
	}
	l, r := instant(a), instant(b)
	switch {
	case l < r:
		return -1, true, nil
	case l > r:
		return 1, true, nil
	}
	return 0, true, nil
}

// pathTimeName is a type as the error about time zones names it.
func pathTimeName(t types.OID) string { return types.Lookup(t).Name }
