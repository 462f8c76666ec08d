package types

import (
	"math"
	"strconv"

	"github.com/hubsql/hubsql/wire/pgerror"
)

// PathKind says what an item of a jsonpath does.
type PathKind uint8

// Kinds of jsonpath items.
const (
	PathNull PathKind = iota
	PathString
	PathNumber
	PathBool
	PathVariable
	PathRoot
	PathCurrent
	PathLast
	PathAnd
	PathOr
	PathNot
	PathIsUnknown
	PathExists
	PathEqual
	PathNotEqual
	PathLess
	PathGreater
	PathLessEqual
	PathGreaterEqual
	PathStartsWith
	PathLikeRegex
	PathAdd
	PathSub
	PathMul
	PathDiv
	PathMod
	PathPlus
	PathMinus
	PathKey
	PathAnyKey
	PathAnyArray
	PathIndex
	PathAny
	PathFilter
	PathType
	PathSize
	PathAbs
	PathFloor
	PathCeiling
	PathDouble
	PathKeyValue
	PathDatetime
)

// PathLevels is the level that .**{last} names.
const PathLevels = math.MaxUint32

// PathItem is one item of a jsonpath with what follows it.
type PathItem struct {
	Kind PathKind
	// Next is applied to what the item yields, nil at the end.
	Next *PathItem
	// Left and Right are operands; Left is the only one of a unary operator, a
	// filter, EXISTS and LIKE_REGEX, and the template of datetime().
	Left, Right *PathItem
	// Str is a string, a key, a variable's name or a pattern; Flags are those of
	// LIKE_REGEX in the order that PostgreSQL prints.
	Str, Flags string
	Num        Num
	Bool       bool
	// Subs are the subscripts of PathIndex.
	Subs []PathRange
	// First and Last are the levels of PathAny.
	First, Last uint32
}

// PathRange is one subscript; To is nil for a single index.
type PathRange struct{ From, To *PathItem }

// PathExpr is a parsed jsonpath.
type PathExpr struct {
	Strict bool
	Root   *PathItem
}

// IsPredicate reports whether the item yields true, false or unknown.
func (k PathKind) IsPredicate() bool { return k >= PathAnd && k <= PathLikeRegex }

// PathSymbols are the operators and methods as jsonpath writes them.
var pathSymbols = map[PathKind]string{
	PathAnd: "&&", PathOr: "||", PathEqual: "==", PathNotEqual: "!=", PathLess: "<", PathGreater: ">",
	PathLessEqual: "<=", PathGreaterEqual: ">=", PathAdd: "+", PathSub: "-", PathMul: "*", PathDiv: "/", PathMod: "%",
	PathPlus: "+", PathMinus: "-", PathStartsWith: "starts with",
	PathType: "type", PathSize: "size", PathAbs: "abs", PathFloor: "floor", PathCeiling: "ceiling",
	PathDouble: "double", PathKeyValue: "keyvalue", PathDatetime: "datetime",
}

// Symbol returns the operator or the method's name as jsonpath writes it.
func (k PathKind) Symbol() string { return pathSymbols[k] }

// priority orders operators by how tightly they bind, for parentheses.
func (k PathKind) priority() int {
	switch k {
	case PathOr:
		return 0
	case PathAnd:
		return 1
	case PathEqual, PathNotEqual, PathLess, PathGreater, PathLessEqual, PathGreaterEqual, PathStartsWith:
		return 2
	case PathAdd, PathSub:
		return 3
	case PathMul, PathDiv, PathMod:
		return 4
	case PathPlus, PathMinus:
		return 5
	}
	return 6
}

// String returns the path as PostgreSQL prints it.
func (p PathExpr) String() string {
	var dst []byte
	if p.Strict {
		dst = append(dst, "strict "...)
	}
	return string(p.Root.append(dst, false, true))
}

// append prints an item and what follows it. inKey is set behind another item;
// brackets asks for parentheses around an operator.
func (p *PathItem) append(dst []byte, inKey, brackets bool) []byte {
	inner := func(x *PathItem) { dst = x.append(dst, false, x.Kind.priority() <= p.Kind.priority()) }
	open := func(c string) {
		if brackets {
			dst = append(dst, c...)
		}
	}
	dot := func() {
		if inKey {
			dst = append(dst, '.')
		}
	}
	switch p.Kind {
	case PathNull:
		dst = append(dst, "null"...)
	case PathString:
		dst = AppendJSONString(dst, p.Str)
	case PathKey:
		dot()
		dst = AppendJSONString(dst, p.Str)
	case PathVariable:
		dst = AppendJSONString(append(dst, '$'), p.Str)
	case PathNumber:
		if p.Next != nil {
			dst = append(dst, '(')
		}
		dst = p.Num.AppendText(dst)
		if p.Next != nil {
			dst = append(dst, ')')
		}
	case PathBool:
		dst = strconv.AppendBool(dst, p.Bool)
	case PathRoot:
		dst = append(dst, '$')
	case PathCurrent:
		dst = append(dst, '@')
	case PathLast:
		dst = append(dst, "last"...)
	case PathLikeRegex:
		open("(")
		inner(p.Left)
		dst = AppendJSONString(append(dst, " like_regex "...), p.Str)
		if p.Flags != "" {
			dst = append(dst, ` flag "`+p.Flags+`"`...)
		}
		open(")")
	case PathPlus, PathMinus:
		open("(")
		dst = append(dst, p.Kind.Symbol()...)
		inner(p.Left)
		open(")")
	case PathFilter:
		dst = append(p.Left.append(append(dst, "?("...), false, false), ')')
	case PathNot:
		dst = append(p.Left.append(append(dst, "!("...), false, false), ')')
	case PathIsUnknown:
		dst = append(p.Left.append(append(dst, '('), false, false), ") is unknown"...)
	case PathExists:
		dst = append(p.Left.append(append(dst, "exists ("...), false, false), ')')
	case PathAnyArray:
		dst = append(dst, "[*]"...)
	case PathAnyKey:
		dot()
		dst = append(dst, '*')
	case PathIndex:
		dst = append(dst, '[')
		for i, s := range p.Subs {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = s.From.append(dst, false, false)
			if s.To != nil {
				dst = s.To.append(append(dst, " to "...), false, false)
			}
		}
		dst = append(dst, ']')
	case PathAny:
		dot()
		dst = append(dst, "**"...)
		if p.First != 0 || p.Last != PathLevels {
			dst = appendPathLevel(append(dst, '{'), p.First)
			if p.First != p.Last {
				dst = appendPathLevel(append(dst, " to "...), p.Last)
			}
			dst = append(dst, '}')
		}
	case PathType, PathSize, PathAbs, PathFloor, PathCeiling, PathDouble, PathKeyValue, PathDatetime:
		dst = append(dst, "."+p.Kind.Symbol()+"("...)
		if p.Left != nil {
			dst = p.Left.append(dst, false, false)
		}
		dst = append(dst, ')')
	default: // the binary operators
		open("(")
		inner(p.Left)
		dst = append(dst, " "+p.Kind.Symbol()+" "...)
		inner(p.Right)
		open(")")
	}
	if p.Next != nil {
		return p.Next.append(dst, true, true)
	}
	return dst
}

func appendPathLevel(dst []byte, n uint32) []byte {
	if n == PathLevels {
		return append(dst, "last"...)
	}
	return strconv.AppendUint(dst, uint64(n), 10)
}

// check refuses @ outside of filters and LAST outside of subscripts.
func (p *PathItem) check(inFilter, inSubscript bool) error {
	for ; p != nil; p = p.Next {
		switch p.Kind {
		case PathCurrent:
			if !inFilter {
				return pgerror.New(pgerror.SyntaxError, "@ is not allowed in root expressions")
			}
		case PathLast:
			if !inSubscript {
				return pgerror.New(pgerror.SyntaxError, "LAST is allowed only in array subscripts")
			}
		}
		if err := p.Left.check(inFilter || p.Kind == PathFilter, inSubscript); err != nil {
			return err
		}
		if err := p.Right.check(inFilter, inSubscript); err != nil {
			return err
		}
		for _, s := range p.Subs {
			if err := s.From.check(inFilter, true); err != nil {
				return err
			}
			if err := s.To.check(inFilter, true); err != nil {
				return err
			}
		}
	}
	return nil
}

// ParseJSONPath parses a jsonpath. Errors are PostgreSQL's 22P02 and 42601.
func ParseJSONPath(s string) (PathExpr, error) {
	if err := checkText(s); err != nil {
		return PathExpr{}, err
	}
	p := pathParser{lex: pathLexer{s: s}}
	p.next()
	if p.err == nil && p.tok.kind == pathEnd {
		return PathExpr{}, errSyntax("jsonpath", s)
	}
	out := PathExpr{}
	if p.word("strict") || p.word("lax") {
		out.Strict = p.word("strict")
		p.next()
	}
	out.Root = p.or()
	if p.err == nil && p.tok.kind != pathEnd {
		p.fail()
	}
	if p.err != nil {
		return PathExpr{}, p.err
	}
	return out, out.Root.check(false, false)
}
