package builtin

import (
	"errors"
	"strings"

	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// pathItem is a value inside the evaluation of a jsonpath: JSON, or a date or
// time that .datetime() made.
type pathItem struct {
	types.JSONValue
	at *pathTime
}

// ternary is what a predicate yields.
type ternary uint8

const (
	isFalse ternary = iota
	isTrue
	isUnknown
)

func ternaryOf(b bool) ternary {
	if b {
		return isTrue
	}
	return isFalse
}

// Outcomes of evaluating a path that is only asked whether it finds something.
var errPathStop = errors.New("found")

// pathRun evaluates one jsonpath on one document.
type pathRun struct {
	c    *function.Call
	path types.PathExpr
	root types.JSONValue
	vars *types.JSONValue
	// useTZ allows comparisons that depend on the time zone of the session.
	useTZ bool
	// lenient hides structural errors: the lax mode, and everywhere below .**.
	lenient bool
	// array is the size of the innermost array that is subscripted, -1 for none.
	array int
	regex map[*types.PathItem]*compiledRegex
	base  pathBase
}

// pathBase is the document that .keyvalue() counts its identifiers in.
type pathBase struct {
	doc types.JSONValue
	id  int64
}

// emitItem takes one result; errPathStop ends the evaluation.
type emitItem func(pathItem) error

// suppressible reports whether silent and predicates turn an error into nothing.
func suppressible(err error) bool {
	var e *pgerror.Error
	if !errors.As(err, &e) {
		return false
	}
	switch e.Code {
	case "22012", "22003", "22031", "22033", "22034", "22035", "22036", "22037", "22038", "22039",
		"2203A", "2203B", "2203C", "2203D", "2203F", "22030", "22032", "22007", "22008", "22P02", "22023":
		return true
	}
	return false
}

func pathError(code pgerror.Code, format string, args ...any) error {
	return pgerror.Newf(code, format, args...)
}

// Codes of SQL/JSON errors.
const (
	codeMember    pgerror.Code = "2203A"
	codeNumber    pgerror.Code = "2203B"
	codeObject    pgerror.Code = "2203C"
	codeArray     pgerror.Code = "22039"
	codeSubscript pgerror.Code = "22033"
	codeNonNumber pgerror.Code = "22036"
	codeSingleton pgerror.Code = "22038"
	codeDatetime  pgerror.Code = "22031"
)

// eval applies item p to v; unwrap says that an array stands for its elements
// where p needs something else.
func (x *pathRun) eval(p *types.PathItem, v pathItem, unwrap bool, emit emitItem) error {
	next := func(r pathItem) error {
		if p.Next == nil {
			return emit(r)
		}
		return x.eval(p.Next, r, !x.path.Strict, emit)
	}
	each := func() error {
		for _, e := range v.Elems {
			if err := x.eval(p, pathItem{JSONValue: e}, false, emit); err != nil {
				return err
			}
		}
		return nil
	}
	isArray := v.at == nil && v.Kind == types.JSONArrayKind
	isObject := v.at == nil && v.Kind == types.JSONObject
	if p.Kind.IsPredicate() {
		t, err := x.predicate(p, v)
		if err != nil {
			return err
		}
		return next(pathItem{JSONValue: types.JSONValue{Kind: [...]types.JSONKind{types.JSONFalse, types.JSONTrue, types.JSONNull}[t]}})
	}
	switch p.Kind {
	case types.PathNull, types.PathBool, types.PathNumber, types.PathString, types.PathVariable:
		lit, err := x.literal(p)
		if err != nil {
			return err
		}
		if p.Kind == types.PathVariable {
			saved := x.base
			x.base = pathBase{doc: *x.vars, id: 1}
			defer func() { x.base = saved }()
		}
		return next(pathItem{JSONValue: lit})
	case types.PathRoot:
		saved := x.base
		x.base = pathBase{doc: x.root}
		defer func() { x.base = saved }()
		return next(pathItem{JSONValue: x.root})
	case types.PathCurrent:
		return next(v)
	case types.PathLast:
		if x.array < 0 {
			return pgerror.New(pgerror.InternalError, "evaluating jsonpath LAST outside of array subscript")
		}
		return next(pathItem{JSONValue: types.JSONValue{Kind: types.JSONNumber, Num: types.NumFromInt(int64(x.array) - 1)}})
	case types.PathAdd, types.PathSub, types.PathMul, types.PathDiv, types.PathMod:
		r, err := x.arithmetic(p, v)
		if err != nil {
			return err
		}
		return next(r)
	case types.PathPlus, types.PathMinus:
		list, err := x.collect(p.Left, v, true)
		if err != nil {
			return err
		}
		for _, e := range list {
			if e.at != nil || e.Kind != types.JSONNumber {
				return pathError(codeNumber, "operand of unary jsonpath operator %s is not a numeric value", p.Kind.Symbol())
			}
			if p.Kind == types.PathMinus {
				e.Num = e.Num.Neg()
			}
			if err := next(e); err != nil {
				return err
			}
		}
		return nil
	case types.PathKey:
		switch {
		case isObject:
			if r, ok := v.Get(p.Str); ok {
				return next(pathItem{JSONValue: r})
			}
			if x.lenient {
				return nil
			}
			return pathError(codeMember, "JSON object does not contain key \"%s\"", p.Str)
		case unwrap && isArray:
			return each()
		case x.lenient:
			return nil
		}
		return pathError(codeMember, "jsonpath member accessor can only be applied to an object")
	case types.PathAnyKey:
		switch {
		case isObject:
			for _, e := range v.Elems {
				if err := x.below(p, pathItem{JSONValue: e}, emit); err != nil {
					return err
				}
			}
			return nil
		case unwrap && isArray:
			return each()
		case x.lenient:
			return nil
		}
		return pathError(codeObject, "jsonpath wildcard member accessor can only be applied to an object")
	case types.PathAnyArray:
		switch {
		case isArray:
			for _, e := range v.Elems {
				if err := x.below(p, pathItem{JSONValue: e}, emit); err != nil {
					return err
				}
			}
			return nil
		case !x.path.Strict:
			return next(v)
		case x.lenient:
			return nil
		}
		return pathError(codeArray, "jsonpath wildcard array accessor can only be applied to an array")
	case types.PathIndex:
		return x.subscript(p, v, next)
	case types.PathAny:
		if p.First == 0 {
			saved := x.lenient
			x.lenient = true
			err := next(v)
			x.lenient = saved
			if err != nil {
				return err
			}
		}
		return x.descend(p, v, 1, emit)
	case types.PathFilter:
		if unwrap && isArray {
			return each()
		}
		t, err := x.predicate(p.Left, v)
		if err != nil || t != isTrue {
			return err
		}
		return next(v)
	}
	return x.method(p, v, unwrap, each, next)
}

// below continues behind a wildcard.
func (x *pathRun) below(p *types.PathItem, v pathItem, emit emitItem) error {
	if p.Next == nil {
		return emit(v)
	}
	return x.eval(p.Next, v, !x.path.Strict, emit)
}

// descend is .**.
func (x *pathRun) descend(p *types.PathItem, v pathItem, level uint32, emit emitItem) error {
	if v.at != nil || level > p.Last || v.Kind != types.JSONArrayKind && v.Kind != types.JSONObject {
		return nil
	}
	for _, e := range v.Elems {
		container := e.Kind == types.JSONArrayKind || e.Kind == types.JSONObject
		if level >= p.First || p.First == types.PathLevels && p.Last == types.PathLevels && !container {
			saved := x.lenient
			x.lenient = true
			err := x.below(p, pathItem{JSONValue: e}, emit)
			x.lenient = saved
			if err != nil {
				return err
			}
		}
		if level < p.Last {
			if err := x.descend(p, pathItem{JSONValue: e}, level+1, emit); err != nil {
				return err
			}
		}
	}
	return nil
}

// literal is a constant or the value of a variable.
func (x *pathRun) literal(p *types.PathItem) (types.JSONValue, error) {
	switch p.Kind {
	case types.PathBool:
		if p.Bool {
			return types.JSONValue{Kind: types.JSONTrue}, nil
		}
		return types.JSONValue{Kind: types.JSONFalse}, nil
	case types.PathNumber:
		return types.JSONValue{Kind: types.JSONNumber, Num: p.Num}, nil
	case types.PathString:
		return types.JSONValue{Kind: types.JSONString, Str: p.Str}, nil
	case types.PathVariable:
		if x.vars != nil {
			if v, ok := x.vars.Get(p.Str); ok {
				return v, nil
			}
		}
		return types.JSONValue{}, pathError(pgerror.UndefinedObject, "could not find jsonpath variable \"%s\"", p.Str)
	}
	return types.JSONValue{Kind: types.JSONNull}, nil
}

// collect evaluates p to a list; with unwrap, arrays become their elements in
// the lax mode.
func (x *pathRun) collect(p *types.PathItem, v pathItem, unwrap bool) ([]pathItem, error) {
	var out []pathItem
	err := x.eval(p, v, !x.path.Strict, func(r pathItem) error {
		if unwrap && !x.path.Strict && r.at == nil && r.Kind == types.JSONArrayKind {
			for _, e := range r.Elems {
				out = append(out, pathItem{JSONValue: e})
			}
			return nil
		}
		out = append(out, r)
		return nil
	})
	return out, err
}

// arithmetic computes a binary operator on two single numbers.
func (x *pathRun) arithmetic(p *types.PathItem, v pathItem) (pathItem, error) {
	var n [2]types.Num
	for i, side := range []*types.PathItem{p.Left, p.Right} {
		list, err := x.collect(side, v, true)
		if err != nil {
			return pathItem{}, err
		}
		if len(list) != 1 || list[0].at != nil || list[0].Kind != types.JSONNumber {
			return pathItem{}, pathError(codeSingleton, "%s operand of jsonpath operator %s is not a single numeric value", [...]string{"left", "right"}[i], p.Kind.Symbol())
		}
		n[i] = list[0].Num
	}
	var r types.Num
	var err error
	switch p.Kind {
	case types.PathAdd:
		r, err = n[0].Add(n[1])
	case types.PathSub:
		r, err = n[0].Sub(n[1])
	case types.PathMul:
		r, err = n[0].Mul(n[1])
	case types.PathDiv:
		r, err = n[0].Div(n[1])
	default:
		r, err = n[0].Mod(n[1])
	}
	return pathItem{JSONValue: types.JSONValue{Kind: types.JSONNumber, Num: r}}, err
}

// subscript is [from to to, ...].
func (x *pathRun) subscript(p *types.PathItem, v pathItem, next emitItem) error {
	isArray := v.at == nil && v.Kind == types.JSONArrayKind
	elems := v.Elems
	switch {
	case isArray:
	case !x.path.Strict:
		elems = []types.JSONValue{v.JSONValue}
	case x.lenient:
		return nil
	default:
		return pathError(codeArray, "jsonpath array accessor can only be applied to an array")
	}
	outer := x.array
	x.array = len(elems)
	defer func() { x.array = outer }()
	for _, s := range p.Subs {
		from, err := x.index(s.From, v)
		if err != nil {
			return err
		}
		to := from
		if s.To != nil {
			if to, err = x.index(s.To, v); err != nil {
				return err
			}
		}
		if !x.lenient && (from < 0 || from > to || to >= int64(len(elems))) {
			return pathError(codeSubscript, "jsonpath array subscript is out of bounds")
		}
		for i := max(from, 0); i <= min(to, int64(len(elems))-1); i++ {
			r := pathItem{JSONValue: elems[i]}
			if !isArray {
				r = v
			}
			if err := next(r); err != nil {
				return err
			}
		}
	}
	return nil
}

// index evaluates one bound of a subscript.
func (x *pathRun) index(p *types.PathItem, v pathItem) (int64, error) {
	list, err := x.collect(p, v, false)
	if err != nil {
		return 0, err
	}
	if len(list) != 1 || list[0].at != nil || list[0].Kind != types.JSONNumber {
		return 0, pathError(codeSubscript, "jsonpath array subscript is not a single numeric value")
	}
	n, err := list[0].Num.Trunc(0).Int(types.Int4)
	if err != nil {
		return 0, pathError(codeSubscript, "jsonpath array subscript is out of integer range")
	}
	return n, nil
}

// predicate evaluates a condition; an error that may be hidden is unknown.
func (x *pathRun) predicate(p *types.PathItem, v pathItem) (ternary, error) {
	switch p.Kind {
	case types.PathAnd, types.PathOr:
		stop := isFalse
		if p.Kind == types.PathOr {
			stop = isTrue
		}
		l, err := x.predicate(p.Left, v)
		if err != nil || l == stop {
			return l, err
		}
		r, err := x.predicate(p.Right, v)
		if err != nil || r == stop || l != isUnknown {
			return r, err
		}
		return l, nil
	case types.PathNot:
		t, err := x.predicate(p.Left, v)
		if t != isUnknown {
			t = ternaryOf(t == isFalse)
		}
		return t, err
	case types.PathIsUnknown:
		t, err := x.predicate(p.Left, v)
		return ternaryOf(t == isUnknown), err
	case types.PathExists:
		found := false
		err := x.eval(p.Left, v, !x.path.Strict, func(pathItem) error {
			found = true
			if x.path.Strict {
				return nil // an error behind it counts
			}
			return errPathStop
		})
		if err != nil && !errors.Is(err, errPathStop) {
			if suppressible(err) {
				return isUnknown, nil
			}
			return isUnknown, err
		}
		return ternaryOf(found), nil
	}
	left, err := x.collect(p.Left, v, true)
	if err == nil && p.Kind == types.PathLikeRegex {
		return x.quantify(left, []pathItem{{}}, func(a, _ pathItem) (ternary, error) { return x.likeRegex(p, a) })
	}
	var right []pathItem
	if err == nil {
		right, err = x.collect(p.Right, v, p.Kind != types.PathStartsWith)
	}
	if err != nil {
		if suppressible(err) {
			return isUnknown, nil
		}
		return isUnknown, err
	}
	return x.quantify(left, right, func(a, b pathItem) (ternary, error) {
		if p.Kind == types.PathStartsWith {
			if a.at != nil || a.Kind != types.JSONString || b.Kind != types.JSONString {
				return isUnknown, nil
			}
			return ternaryOf(strings.HasPrefix(a.Str, b.Str)), nil
		}
		return x.compare(p.Kind, a, b)
	})
}

// quantify asks whether the condition holds for some pair. In the strict mode a
// pair for which it is unknown makes the whole unknown.
func (x *pathRun) quantify(left, right []pathItem, holds func(a, b pathItem) (ternary, error)) (ternary, error) {
	out := isFalse
	unknown := false
	for _, a := range left {
		for _, b := range right {
			t, err := holds(a, b)
			switch {
			case err != nil:
				return isUnknown, err
			case t == isUnknown && x.path.Strict:
				return isUnknown, nil
			case t == isUnknown:
				unknown = true
			case t == isTrue && !x.path.Strict:
				return isTrue, nil
			case t == isTrue:
				out = isTrue
			}
		}
	}
	if out != isTrue && unknown {
		return isUnknown, nil
	}
	return out, nil
}

// likeRegex is LIKE_REGEX.
func (x *pathRun) likeRegex(p *types.PathItem, a pathItem) (ternary, error) {
	if a.at != nil || a.Kind != types.JSONString {
		return isUnknown, nil
	}
	re := x.regex[p]
	if re == nil {
		f := regexFlags{
			fold: strings.Contains(p.Flags, "i"), literal: strings.Contains(p.Flags, "q"),
			dotNewline: strings.Contains(p.Flags, "s"), anchors: strings.Contains(p.Flags, "m"),
		}
		r := &compiledRegex{pattern: p.Str, flags: f}
		var err error
		if r.re, err = compileRegex(p.Str, f); err != nil {
			return isUnknown, err
		}
		if x.regex == nil {
			x.regex = map[*types.PathItem]*compiledRegex{}
		}
		x.regex[p], re = r, r
	}
	return ternaryOf(re.re.MatchString(a.Str)), nil
}

// compare is a comparison of two items.
func (x *pathRun) compare(op types.PathKind, a, b pathItem) (ternary, error) {
	c := 0
	boolean := func(k types.JSONKind) bool { return k == types.JSONTrue || k == types.JSONFalse }
	switch {
	case a.at != nil && b.at != nil:
		var ok bool
		var err error
		if c, ok, err = x.compareTimes(a.at, b.at); err != nil || !ok {
			return isUnknown, err
		}
	case a.at != nil || b.at != nil:
		if a.at == nil && a.Kind == types.JSONNull || b.at == nil && b.Kind == types.JSONNull {
			return ternaryOf(op == types.PathNotEqual), nil
		}
		return isUnknown, nil
	case a.Kind == types.JSONNull && b.Kind == types.JSONNull:
	case a.Kind == types.JSONNull || b.Kind == types.JSONNull:
		return ternaryOf(op == types.PathNotEqual), nil
	case boolean(a.Kind) && boolean(b.Kind):
		c = int(a.Kind) - int(b.Kind)
	case a.Kind != b.Kind:
		return isUnknown, nil
	case a.Kind == types.JSONNumber:
		c = a.Num.Cmp(b.Num)
	case a.Kind == types.JSONString:
		c = strings.Compare(a.Str, b.Str)
	default:
		return isUnknown, nil
	}
	switch op {
	case types.PathEqual:
		return ternaryOf(c == 0), nil
	case types.PathNotEqual:
		return ternaryOf(c != 0), nil
	case types.PathLess:
		return ternaryOf(c < 0), nil
	case types.PathLessEqual:
		return ternaryOf(c <= 0), nil
	case types.PathGreater:
		return ternaryOf(c > 0), nil
	}
	return ternaryOf(c >= 0), nil
}
