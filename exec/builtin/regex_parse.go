package builtin

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// backParser reads an advanced regular expression for the backtracking matcher.
type backParser struct {
	in     string
	at     int
	flags  regexFlags
	groups int
	// looking is above 0 in look-around, where groups capture nothing.
	looking int
	// plain says that nothing needs more than the fast matcher knows.
	plain bool
}

// newBackRegex compiles a pattern without its prefix and embedded options. plain
// says that it has neither lazy quantifiers nor look-around nor back references.
func newBackRegex(p string, f regexFlags) (re *backRegex, plain bool, err error) {
	b := backParser{in: p, flags: f, plain: true}
	root, err := b.alternatives()
	if err != nil {
		return nil, false, err
	}
	if b.at < len(b.in) {
		return nil, false, badRegex("parentheses () not balanced")
	}
	return newTree(root, b.groups, f), b.plain, nil
}

// newTree numbers the nodes of an expression.
func newTree(root *backNode, groups int, f regexFlags) *backRegex {
	re := &backRegex{root: root, groups: groups, fold: f.fold, anchors: f.anchors}
	var number func(n *backNode)
	number = func(n *backNode) {
		n.id = re.nodes
		re.nodes++
		n.captures = n.kind == backGroup && n.group > 0
		n.refs = n.kind == backRef
		for _, k := range n.kids {
			number(k)
			n.captures, n.refs = n.captures || k.captures, n.refs || k.refs
		}
	}
	number(root)
	return re
}

// literalTree matches a text as it is written.
func literalTree(p string, f regexFlags) *backRegex {
	b := backParser{flags: f}
	var list []*backNode
	for _, c := range p {
		list = append(list, b.one(c))
	}
	return newTree(sequence(list), 0, f)
}

// sequence puts nodes one behind the other, in pairs.
func sequence(list []*backNode) *backNode {
	switch len(list) {
	case 0:
		return &backNode{kind: backEmpty}
	case 1:
		return list[0]
	}
	return &backNode{kind: backCat, kids: []*backNode{list[0], sequence(list[1:])}}
}

func (b *backParser) has(s string) bool { return strings.HasPrefix(b.in[b.at:], s) }

func (b *backParser) take(s string) bool {
	if b.has(s) {
		b.at += len(s)
		return true
	}
	return false
}

func (b *backParser) alternatives() (*backNode, error) {
	n := &backNode{kind: backAlt}
	for {
		k, err := b.branch()
		if err != nil {
			return nil, err
		}
		n.kids = append(n.kids, k)
		if !b.take("|") {
			break
		}
	}
	if len(n.kids) == 1 {
		return n.kids[0], nil
	}
	return n, nil
}

func (b *backParser) branch() (*backNode, error) {
	var list []*backNode
	for b.at < len(b.in) && b.in[b.at] != '|' && b.in[b.at] != ')' {
		if b.flags.expanded {
			if c := b.in[b.at]; blank(c) {
				b.at++
				continue
			} else if c == '#' {
				if i := strings.IndexByte(b.in[b.at:], '\n'); i >= 0 {
					b.at += i + 1
				} else {
					b.at = len(b.in)
				}
				continue
			}
		}
		k, err := b.atom()
		if err != nil {
			return nil, err
		}
		if k == nil {
			continue
		}
		if k, err = b.quantified(k); err != nil {
			return nil, err
		}
		list = append(list, k)
	}
	return sequence(list), nil
}

// quantified wraps an atom in the quantifier that follows.
func (b *backParser) quantified(k *backNode) (*backNode, error) {
	if b.at == len(b.in) {
		return k, nil
	}
	if k.constraint() {
		// What follows is read as an atom, which no quantifier is.
		return k, nil
	}
	r := &backNode{kind: backRepeat, kids: []*backNode{k}, max: -1}
	switch c := b.in[b.at]; {
	case c == '*':
	case c == '+':
		r.min = 1
	case c == '?':
		r.max = 1
	case c == '{' && b.at+1 < len(b.in) && isDigitByte(b.in[b.at+1]):
		end := strings.IndexByte(b.in[b.at:], '}')
		if end < 0 {
			return nil, badRegex("braces {} not balanced")
		}
		lo, hi, ranged := strings.Cut(b.in[b.at+1:b.at+end], ",")
		var err error
		if r.min, err = strconv.Atoi(lo); err != nil || r.min > 255 {
			return nil, badRegex("invalid repetition count(s)")
		}
		switch {
		case !ranged:
			r.max, r.exact = r.min, true
		case hi != "":
			if r.max, err = strconv.Atoi(hi); err != nil || r.max > 255 || r.max < r.min {
				return nil, badRegex("invalid repetition count(s)")
			}
		}
		b.at += end
	default:
		return k, nil
	}
	b.at++
	if r.lazy = b.take("?"); r.lazy {
		b.plain = false
	}
	if r.exact && r.lazy {
		r.lazy = false
	}
	return r, nil
}

// constraint reports whether a node says something about a position.
func (n *backNode) constraint() bool {
	return n.kind >= backLineStart && n.kind <= backNoWordEdge || n.kind == backLook
}

// quantifier reports whether one stands at the current position.
func (b *backParser) quantifier() bool {
	c := b.in[b.at]
	return c == '*' || c == '+' || c == '?' || c == '{' && b.at+1 < len(b.in) && isDigitByte(b.in[b.at+1])
}

// one matches a single character, in any case when the pattern folds.
func (b *backParser) one(c rune) *backNode {
	if b.flags.fold {
		l := unicode.ToLower(c)
		return &backNode{kind: backRune, set: func(r rune) bool { return unicode.ToLower(r) == l }}
	}
	return &backNode{kind: backRune, set: func(r rune) bool { return r == c }}
}

func (b *backParser) atom() (*backNode, error) {
	if b.quantifier() {
		return nil, badRegex("quantifier operand invalid")
	}
	switch {
	case b.take("(?="):
		return b.look(&backNode{kind: backLook})
	case b.take("(?!"):
		return b.look(&backNode{kind: backLook, not: true})
	case b.take("(?<="):
		return b.look(&backNode{kind: backLook, behind: true})
	case b.take("(?<!"):
		return b.look(&backNode{kind: backLook, behind: true, not: true})
	case b.take("(?:"):
		return b.group(&backNode{kind: backGroup})
	case b.take("(?#"):
		if i := strings.IndexByte(b.in[b.at:], ')'); i >= 0 {
			b.at += i + 1
			return nil, nil
		}
		return nil, badRegex("parentheses () not balanced")
	case b.has("(?"):
		return nil, badRegex("quantifier operand invalid")
	case b.take("("):
		if b.looking > 0 {
			return b.group(&backNode{kind: backGroup})
		}
		b.groups++
		return b.group(&backNode{kind: backGroup, group: b.groups})
	case b.take("["):
		return b.bracket()
	case b.take("."):
		newline := b.flags.dotNewline
		return &backNode{kind: backRune, set: func(r rune) bool { return newline || r != '\n' }}, nil
	case b.take("^"):
		return &backNode{kind: backLineStart}, nil
	case b.take("$"):
		return &backNode{kind: backLineEnd}, nil
	case b.take(`\`):
		return b.escape()
	}
	c, w := utf8.DecodeRuneInString(b.in[b.at:])
	b.at += w
	return b.one(c), nil
}

// look reads what stands in the parentheses of look-around.
func (b *backParser) look(n *backNode) (*backNode, error) {
	b.plain = false
	b.looking++
	defer func() { b.looking-- }()
	return b.group(n)
}

// group reads what stands in the parentheses of n.
func (b *backParser) group(n *backNode) (*backNode, error) {
	k, err := b.alternatives()
	if err != nil {
		return nil, err
	}
	if !b.take(")") {
		return nil, badRegex("parentheses () not balanced")
	}
	n.kids = []*backNode{k}
	return n, nil
}

// class returns the set of a class escape, nil for another letter.
func classEscape(c byte) func(rune) bool {
	not := func(f func(rune) bool) func(rune) bool { return func(r rune) bool { return !f(r) } }
	switch c {
	case 'd':
		return unicode.IsDigit
	case 'D':
		return not(unicode.IsDigit)
	case 's':
		return unicode.IsSpace
	case 'S':
		return not(unicode.IsSpace)
	case 'w':
		return wordRune
	case 'W':
		return not(wordRune)
	}
	return nil
}

func (b *backParser) escape() (*backNode, error) {
	if b.at == len(b.in) {
		return nil, badRegex("invalid escape \\ sequence")
	}
	c := b.in[b.at]
	if set := classEscape(c); set != nil {
		b.at++
		return &backNode{kind: backRune, set: set}, nil
	}
	if k, ok := map[byte]backKind{'A': backTextStart, 'Z': backTextEnd, 'm': backWordStart, 'M': backWordEnd, 'y': backWordEdge, 'Y': backNoWordEdge}[c]; ok {
		b.at++
		if c != 'A' && c != 'Z' {
			b.plain = false
		}
		return &backNode{kind: k}, nil
	}
	if c >= '1' && c <= '9' {
		end := b.at + 1
		for end < len(b.in) && isDigitByte(b.in[end]) {
			end++
		}
		n, err := strconv.Atoi(b.in[b.at:end])
		if end == b.at+1 || err == nil && n <= b.groups {
			if n > b.groups || b.looking > 0 {
				return nil, badRegex("invalid backreference number")
			}
			b.at, b.plain = end, false
			return &backNode{kind: backRef, group: n}, nil
		}
		b.plain = false
		return b.one(b.octal()), nil
	}
	r, err := b.charEscape()
	if err != nil {
		return nil, err
	}
	return b.one(r), nil
}

// octal reads up to three octal digits; digits that are none are characters of
// their own.
func (b *backParser) octal() rune {
	var c rune
	for n := 0; n < 3 && b.at < len(b.in) && b.in[b.at] >= '0' && b.in[b.at] <= '7' && c*8+rune(b.in[b.at]-'0') <= 0xff; n++ {
		c = c*8 + rune(b.in[b.at]-'0')
		b.at++
	}
	return c
}

// charEscape reads an escape of one character behind the backslash.
func (b *backParser) charEscape() (rune, error) {
	c, w := utf8.DecodeRuneInString(b.in[b.at:])
	b.at += w
	hex := func(least, most int) (rune, error) {
		var v uint32
		from := b.at
		for b.at < len(b.in) && b.at < from+most {
			d := strings.IndexByte("0123456789abcdef", b.in[b.at]|0x20)
			if d < 0 {
				break
			}
			v = v<<4 | uint32(d)
			b.at++
		}
		if b.at-from < least || v > 0x7ffffffe {
			return 0, badRegex("invalid escape \\ sequence")
		}
		return rune(v), nil
	}
	switch c {
	case 'a':
		return 7, nil
	case 'b':
		return 8, nil
	case 'B':
		return '\\', nil
	case 'c':
		if b.at < len(b.in) {
			b.at++
			return rune(b.in[b.at-1] & 31), nil
		}
	case 'e':
		return 27, nil
	case 'f':
		return '\f', nil
	case 'n':
		return '\n', nil
	case 'r':
		return '\r', nil
	case 't':
		return '\t', nil
	case 'v':
		return '\v', nil
	case 'u':
		return hex(4, 4)
	case 'U':
		return hex(8, 8)
	case 'x':
		return hex(1, 255)
	case '0':
		b.at--
		return b.octal(), nil
	}
	if c < 0x80 && alnum(byte(c)) {
		return 0, badRegex("invalid escape \\ sequence")
	}
	return c, nil
}

// namedClasses are the character classes of brackets.
var namedClasses = map[string]func(rune) bool{
	"alpha": unicode.IsLetter, "digit": unicode.IsDigit, "space": unicode.IsSpace, "upper": unicode.IsUpper, "lower": unicode.IsLower,
	"alnum": func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }, "punct": func(r rune) bool { return unicode.IsPunct(r) || r < 0x80 && unicode.IsSymbol(r) },
	"cntrl": unicode.IsControl, "print": unicode.IsPrint, "graph": func(r rune) bool { return unicode.IsPrint(r) && r != ' ' },
	"blank": func(r rune) bool { return r == ' ' || r == '\t' }, "word": wordRune,
	"xdigit": func(r rune) bool { return r < 0x80 && strings.ContainsRune("0123456789abcdefABCDEF", r) },
}

// bracket reads a bracket expression behind its opening bracket.
func (b *backParser) bracket() (*backNode, error) {
	if b.has("[:<:]]") || b.has("[:>:]]") {
		b.plain = false
	}
	if b.take("[:<:]]") {
		return &backNode{kind: backWordStart}, nil
	}
	if b.take("[:>:]]") {
		return &backNode{kind: backWordEnd}, nil
	}
	not := b.take("^")
	var sets []func(rune) bool
	for first := true; ; first = false {
		if b.at == len(b.in) {
			return nil, badRegex("brackets [] not balanced")
		}
		if !first && b.take("]") {
			break
		}
		lo, set, err := b.bracketItem()
		if err != nil {
			return nil, err
		}
		if set != nil {
			sets = append(sets, set)
			continue
		}
		hi := lo
		if b.has("-") && !b.has("-]") {
			b.at++
			if hi, set, err = b.bracketItem(); err != nil || set != nil || hi < lo {
				return nil, badRegex("invalid character range")
			}
		}
		sets = append(sets, func(r rune) bool { return lo <= r && r <= hi })
	}
	fold, newline := b.flags.fold, b.flags.dotNewline
	return &backNode{kind: backRune, set: func(r rune) bool {
		in := false
		for _, f := range sets {
			in = in || f(r) || fold && (f(unicode.ToLower(r)) || f(unicode.ToUpper(r)))
		}
		if not {
			return !in && (newline || r != '\n')
		}
		return in
	}}, nil
}

// bracketItem reads a character or a class in brackets.
func (b *backParser) bracketItem() (rune, func(rune) bool, error) {
	for _, mark := range [...]string{":", ".", "="} {
		if !b.has("[" + mark) {
			continue
		}
		end := strings.Index(b.in[b.at+2:], mark+"]")
		if end < 0 {
			return 0, nil, badRegex("brackets [] not balanced")
		}
		name := b.in[b.at+2 : b.at+2+end]
		b.at += end + 4
		if mark == ":" {
			if f := namedClasses[name]; f != nil {
				return 0, f, nil
			}
			return 0, nil, badRegex("invalid character class")
		}
		c, w := utf8.DecodeRuneInString(name)
		if w != len(name) {
			return 0, nil, badRegex("invalid collating element")
		}
		return c, nil, nil
	}
	if b.take(`\`) && b.at < len(b.in) {
		if set := classEscape(b.in[b.at]); set != nil {
			b.at++
			return 0, set, nil
		}
		c, err := b.charEscape()
		return c, nil, err
	}
	c, w := utf8.DecodeRuneInString(b.in[b.at:])
	b.at += w
	return c, nil, nil
}
