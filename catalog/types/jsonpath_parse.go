package types

import (
	"math"
	"strconv"
	"strings"

	"github.com/hubsql/hubsql/wire/pgerror"
)

// pathParser is a parser of jsonpath by recursive descent. The first error
// stops it: tokens are pathEnd from then on.
type pathParser struct {
	lex   pathLexer
	tok   pathToken
	err   error
	depth int
}

func (p *pathParser) next() {
	if p.err != nil {
		return
	}
	p.tok, p.err = p.lex.next()
	if p.err != nil {
		p.tok = pathToken{kind: pathEnd}
	}
}

// fail makes the current token a syntax error.
func (p *pathParser) fail() {
	if p.err == nil {
		p.err = p.lex.fail("syntax error", p.tok.raw)
		p.tok = pathToken{kind: pathEnd}
	}
}

// is reports whether the token is this symbol.
func (p *pathParser) is(sym string) bool { return p.tok.kind == pathSymbol && p.tok.text == sym }

// word reports whether the token is this keyword. true, false and null must be
// written in lower case.
func (p *pathParser) word(w string) bool {
	if p.tok.kind != pathWord {
		return false
	}
	if w == "true" || w == "false" || w == "null" {
		return p.tok.text == w
	}
	return strings.EqualFold(p.tok.text, w)
}

func (p *pathParser) accept(sym string) bool {
	if p.is(sym) {
		p.next()
		return true
	}
	return false
}

func (p *pathParser) expect(sym string) {
	if !p.accept(sym) {
		p.fail()
	}
}

func (p *pathParser) expectWord(w string) {
	if !p.word(w) {
		p.fail()
	}
	p.next()
}

// predicate requires that x is one, else the current token is an error.
func (p *pathParser) predicate(x *PathItem) bool {
	if x == nil || !x.Kind.IsPredicate() || x.Next != nil {
		p.fail()
		return false
	}
	return true
}

func (p *pathParser) or() *PathItem {
	left := p.and()
	for p.is("||") && p.predicate(left) {
		p.next()
		right := p.and()
		if p.predicate(right) {
			left = &PathItem{Kind: PathOr, Left: left, Right: right}
		}
	}
	return left
}

func (p *pathParser) and() *PathItem {
	left := p.comparison()
	for p.is("&&") && p.predicate(left) {
		p.next()
		right := p.comparison()
		if p.predicate(right) {
			left = &PathItem{Kind: PathAnd, Left: left, Right: right}
		}
	}
	return left
}

// pathComparisons are the comparison operators.
var pathComparisons = map[string]PathKind{
	"==": PathEqual, "=": PathEqual, "!=": PathNotEqual, "<>": PathNotEqual,
	"<": PathLess, ">": PathGreater, "<=": PathLessEqual, ">=": PathGreaterEqual,
}

func (p *pathParser) comparison() *PathItem {
	if p.accept("!") {
		if !p.is("(") && !p.word("exists") {
			p.fail()
			return nil
		}
		x := p.primary()
		if !p.predicate(x) {
			return nil
		}
		return &PathItem{Kind: PathNot, Left: x}
	}
	left := p.sum()
	if p.err != nil || left.Kind.IsPredicate() && left.Next == nil {
		return left
	}
	if p.tok.kind == pathSymbol {
		if k, ok := pathComparisons[p.tok.text]; ok {
			p.next()
			return &PathItem{Kind: k, Left: left, Right: p.sum()}
		}
	}
	switch {
	case p.word("starts"):
		p.next()
		p.expectWord("with")
		right := &PathItem{Kind: PathString, Str: p.tok.text}
		switch p.tok.kind {
		case pathString:
		case pathVariable:
			right.Kind = PathVariable
		default:
			p.fail()
		}
		p.next()
		return &PathItem{Kind: PathStartsWith, Left: left, Right: right}
	case p.word("like_regex"):
		p.next()
		x := &PathItem{Kind: PathLikeRegex, Left: left, Str: p.tok.text}
		if p.tok.kind != pathString {
			p.fail()
		}
		p.next()
		if p.word("flag") {
			p.next()
			if p.tok.kind != pathString {
				p.fail()
			} else if x.Flags, p.err = pathFlags(p.tok.text); p.err != nil {
				return x
			}
			p.next()
		}
		return x
	}
	return left
}

// pathFlags checks the flags of LIKE_REGEX and puts them into PostgreSQL's order.
func pathFlags(s string) (string, error) {
	for _, c := range s {
		if !strings.ContainsRune("ismxq", c) {
			return "", pgerror.New(pgerror.SyntaxError, "invalid input syntax for type jsonpath").
				WithDetail("Unrecognized flag character \"%c\" in LIKE_REGEX predicate.", c)
		}
	}
	out := strings.Map(func(c rune) rune {
		if strings.ContainsRune(s, c) {
			return c
		}
		return -1
	}, "ismxq")
	if strings.Contains(out, "x") && !strings.Contains(out, "q") {
		return "", pgerror.New(pgerror.FeatureNotSupported, "XQuery \"x\" flag (expanded regular expressions) is not implemented")
	}
	return out, nil
}

func (p *pathParser) sum() *PathItem {
	left := p.product()
	for p.err == nil && (p.is("+") || p.is("-")) {
		k := PathAdd
		if p.is("-") {
			k = PathSub
		}
		p.next()
		left = &PathItem{Kind: k, Left: left, Right: p.product()}
	}
	return left
}

func (p *pathParser) product() *PathItem {
	left := p.unary()
	for p.err == nil && (p.is("*") || p.is("/") || p.is("%")) {
		k := map[string]PathKind{"*": PathMul, "/": PathDiv, "%": PathMod}[p.tok.text]
		p.next()
		left = &PathItem{Kind: k, Left: left, Right: p.unary()}
	}
	return left
}

func (p *pathParser) unary() *PathItem {
	if p.depth++; p.depth > maxJSONDepth {
		p.err = pgerror.New(pgerror.StatementTooComplex, "stack depth limit exceeded")
	}
	defer func() { p.depth-- }()
	if p.err != nil || !p.is("+") && !p.is("-") {
		return p.primary()
	}
	k := PathPlus
	if p.is("-") {
		k = PathMinus
	}
	p.next()
	x := p.unary()
	if p.err == nil && x.Kind == PathNumber && x.Next == nil {
		if k == PathMinus {
			x.Num = x.Num.Neg()
		}
		return x
	}
	return &PathItem{Kind: k, Left: x}
}

// primary is a value with its accessors, or something in parentheses.
func (p *pathParser) primary() *PathItem {
	x := &PathItem{Str: p.tok.text}
	switch {
	case p.err != nil:
		return x
	case p.accept("("):
		x = p.or()
		p.expect(")")
		if p.err != nil {
			return x
		}
		if x.Kind.IsPredicate() && x.Next == nil && p.word("is") {
			p.next()
			p.expectWord("unknown")
			return &PathItem{Kind: PathIsUnknown, Left: x}
		}
		return p.accessors(x)
	case p.word("exists"):
		p.next()
		p.expect("(")
		x = p.sum()
		p.expect(")")
		return &PathItem{Kind: PathExists, Left: x}
	case p.tok.kind == pathString:
		x.Kind = PathString
	case p.tok.kind == pathVariable:
		x.Kind = PathVariable
	case p.tok.kind == pathInt || p.tok.kind == pathNumeric:
		x.Kind = PathNumber
		x.Num, p.err = ParseNum(p.tok.text)
	case p.is("$"):
		x.Kind = PathRoot
	case p.is("@"):
		x.Kind = PathCurrent
	case p.word("last"):
		x.Kind = PathLast
	case p.word("null"):
		x.Kind = PathNull
	case p.word("true"), p.word("false"):
		x.Kind, x.Bool = PathBool, p.word("true")
	default:
		p.fail()
	}
	p.next()
	return p.accessors(x)
}

// accessors appends the accessors that follow.
func (p *pathParser) accessors(head *PathItem) *PathItem {
	end := head
	for end.Next != nil {
		end = end.Next
	}
	for p.err == nil {
		var x *PathItem
		switch {
		case p.accept("."):
			x = p.member()
		case p.accept("["):
			x = p.subscripts()
		case p.accept("?"):
			p.expect("(")
			cond := p.or()
			if p.predicate(cond) {
				p.expect(")")
			}
			x = &PathItem{Kind: PathFilter, Left: cond}
		default:
			return head
		}
		end.Next = x
		end = x
	}
	return head
}

// pathMethods are the methods without arguments.
var pathMethods = map[string]PathKind{
	"type": PathType, "size": PathSize, "abs": PathAbs, "floor": PathFloor, "ceiling": PathCeiling,
	"double": PathDouble, "keyvalue": PathKeyValue, "datetime": PathDatetime,
}

// member is what follows a dot.
func (p *pathParser) member() *PathItem {
	switch {
	case p.accept("*"):
		return &PathItem{Kind: PathAnyKey}
	case p.accept("**"):
		return p.levels()
	case p.tok.kind != pathWord && p.tok.kind != pathString:
		p.fail()
		return &PathItem{}
	}
	x := &PathItem{Kind: PathKey, Str: p.tok.text}
	isWord := p.tok.kind == pathWord
	p.next()
	if k, ok := pathMethods[strings.ToLower(x.Str)]; ok && isWord && p.is("(") {
		p.next()
		x = &PathItem{Kind: k}
		if k == PathDatetime && p.tok.kind == pathString {
			x.Left = &PathItem{Kind: PathString, Str: p.tok.text}
			p.next()
		}
		p.expect(")")
	}
	return x
}

// levels reads the bounds of .**.
func (p *pathParser) levels() *PathItem {
	x := &PathItem{Kind: PathAny, Last: PathLevels}
	if !p.accept("{") {
		return x
	}
	level := func() uint32 {
		defer p.next()
		if p.word("last") {
			return PathLevels
		}
		n, err := strconv.ParseInt(p.tok.text, 10, 64)
		if p.tok.kind != pathInt || err != nil {
			p.fail()
			return 0
		}
		return uint32(min(n, math.MaxInt32))
	}
	x.First = level()
	x.Last = x.First
	if p.word("to") {
		p.next()
		x.Last = level()
	}
	p.expect("}")
	return x
}

func (p *pathParser) subscripts() *PathItem {
	if p.accept("*") {
		p.expect("]")
		return &PathItem{Kind: PathAnyArray}
	}
	x := &PathItem{Kind: PathIndex}
	for p.err == nil {
		r := PathRange{From: p.sum()}
		if p.word("to") {
			p.next()
			r.To = p.sum()
		}
		x.Subs = append(x.Subs, r)
		if !p.accept(",") {
			break
		}
	}
	p.expect("]")
	return x
}
