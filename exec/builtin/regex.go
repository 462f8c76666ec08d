package builtin

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// regexFlags are the options of a regular expression.
type regexFlags struct {
	fold, expanded, literal, global bool
	// dotNewline: . and [^x] match a newline; anchors: ^ and $ match at lines.
	dotNewline, anchors bool
}

// parseFlags reads PostgreSQL's option letters over start.
func parseFlags(start regexFlags, s string, allowGlobal bool) (regexFlags, error) {
	f := start
	for _, c := range s {
		switch c {
		case 'g':
			if !allowGlobal {
				return f, badFlag(c)
			}
			f.global = true
		case 'i':
			f.fold = true
		case 'c':
			f.fold = false
		case 'x':
			f.expanded = true
		case 't':
			f.expanded = false
		case 'q':
			f.literal = true
		case 's':
			f.dotNewline, f.anchors = true, false
		case 'm', 'n':
			f.dotNewline, f.anchors = false, true
		case 'p':
			f.dotNewline, f.anchors = false, false
		case 'w':
			f.dotNewline, f.anchors = true, true
		case 'b', 'e':
			return f, pgerror.NotSupported("basic and extended regular expressions are not supported")
		default:
			return f, badFlag(c)
		}
	}
	return f, nil
}

func badFlag(c rune) error {
	return pgerror.Newf(pgerror.InvalidParameterValue, "invalid regular expression option: \"%c\"", c)
}

// badRegex is 2201B with PostgreSQL's prefix.
func badRegex(why string) error {
	return pgerror.Newf(pgerror.InvalidRegularExpression, "invalid regular expression: %s", why)
}

// plainFlags is what a regular expression without options has.
var plainFlags = regexFlags{dotNewline: true}

// compileRegex translates an advanced regular expression of PostgreSQL to Go's
// syntax where that means the same: for the longest match of expressions without
// lazy quantifiers, back references and look-around.
func compileRegex(p string, f regexFlags) (matcher, error) {
	if rest, ok := strings.CutPrefix(p, "***="); ok {
		p, f.literal = rest, true
	} else if rest, ok := strings.CutPrefix(p, "***:"); ok {
		p = rest
	}
	if f.literal {
		fast, err := fastRegex(regexp.QuoteMeta(p), f)
		if err != nil {
			return nil, regexError(err)
		}
		return &regexMatcher{fast: fast, slow: literalTree(p, f)}, nil
	}
	if strings.HasPrefix(p, "(?") && len(p) > 2 && strings.IndexByte(":=!<#", p[2]) < 0 {
		opts, rest, ok := strings.Cut(p[2:], ")")
		if !ok {
			return nil, badRegex("invalid embedded option")
		}
		var err error
		if f, err = parseFlags(f, opts, false); err != nil {
			return nil, badRegex("invalid embedded option")
		}
		p = rest
	}
	slow, plain, err := newBackRegex(p, f)
	if err != nil {
		return nil, err
	}
	m := &regexMatcher{slow: slow}
	if !plain {
		return m, nil
	}
	t := translator{in: p, flags: f}
	if body, err := t.run(); err == nil && !t.lazy {
		// What Go does not take is left to the tree.
		m.fast, _ = fastRegex(body, f)
	}
	return m, nil
}

// fastRegex compiles an expression in Go's syntax.
func fastRegex(body string, f regexFlags) (*regexp.Regexp, error) {
	opts := ""
	if f.fold {
		opts += "i"
	}
	if f.dotNewline {
		opts += "s"
	}
	if f.anchors {
		opts += "m"
	}
	if opts != "" {
		body = "(?" + opts + ")" + body
	}
	re, err := regexp.Compile(body)
	if err != nil {
		return nil, err
	}
	re.Longest()
	return re, nil
}

// regexError gives Go's syntax errors PostgreSQL's words.
func regexError(err error) error {
	if s, ok := errors.AsType[*syntax.Error](err); ok {
		switch s.Code {
		case syntax.ErrMissingParen, syntax.ErrUnexpectedParen:
			return badRegex("parentheses () not balanced")
		case syntax.ErrMissingBracket:
			return badRegex("brackets [] not balanced")
		case syntax.ErrMissingRepeatArgument, syntax.ErrInvalidRepeatOp:
			return badRegex("quantifier operand invalid")
		case syntax.ErrInvalidRepeatSize:
			return badRegex("invalid repetition count(s)")
		case syntax.ErrInvalidCharRange:
			return badRegex("invalid character range")
		case syntax.ErrTrailingBackslash, syntax.ErrInvalidEscape:
			return badRegex("invalid escape \\ sequence")
		case syntax.ErrLarge:
			return badRegex("regular expression is too complex")
		}
	}
	return badRegex("invalid pattern")
}

// translator rewrites one pattern.
type translator struct {
	in    string
	out   strings.Builder
	flags regexFlags
	lazy  bool
}

// run rewrites the whole pattern.
func (t *translator) run() (string, error) {
	for len(t.in) > 0 {
		c := t.in[0]
		switch {
		case c == '\\':
			if err := t.escape(false); err != nil {
				return "", err
			}
			continue
		case c == '[':
			if err := t.bracket(); err != nil {
				return "", err
			}
			continue
		case c == '(' && strings.HasPrefix(t.in, "(?"):
			if err := t.group(); err != nil {
				return "", err
			}
			continue
		case t.flags.expanded && (c == ' ' || c == '\t' || c == '\n' || c == '\r'):
			t.in = t.in[1:]
			continue
		case t.flags.expanded && c == '#':
			if at := strings.IndexByte(t.in, '\n'); at >= 0 {
				t.in = t.in[at:]
			} else {
				t.in = ""
			}
			continue
		case c == '?' && t.out.Len() > 0:
			if last := t.out.String()[t.out.Len()-1]; strings.IndexByte("*+?}", last) >= 0 {
				t.lazy = true
			}
		}
		_, w := utf8.DecodeRuneInString(t.in)
		t.out.WriteString(t.in[:w])
		t.in = t.in[w:]
	}
	return t.out.String(), nil
}

// group passes (?:...) and comments, and refuses look-around.
func (t *translator) group() error {
	switch {
	case strings.HasPrefix(t.in, "(?:"):
		t.out.WriteString("(?:")
		t.in = t.in[3:]
	case strings.HasPrefix(t.in, "(?#"):
		at := strings.IndexByte(t.in, ')')
		if at < 0 {
			return badRegex("parentheses () not balanced")
		}
		t.in = t.in[at+1:]
	case strings.HasPrefix(t.in, "(?=") || strings.HasPrefix(t.in, "(?!") || strings.HasPrefix(t.in, "(?<"):
		return pgerror.NotSupported("lookahead and lookbehind in regular expressions are not supported")
	default:
		return badRegex("quantifier operand invalid")
	}
	return nil
}

// classes are named character classes in Go's terms, for inside brackets.
var classes = map[string]string{
	"alpha": `\p{L}`, "alnum": `\p{L}\p{Nd}`, "upper": `\p{Lu}`, "lower": `\p{Ll}`, "digit": "0-9", "space": `\s\v`,
	"punct": "[:punct:]", "xdigit": "[:xdigit:]", "cntrl": "[:cntrl:]", "print": "[:print:]", "graph": "[:graph:]", "blank": "[:blank:]",
}

// bracket rewrites a bracket expression.
func (t *translator) bracket() error {
	for _, b := range []string{"[[:<:]]", "[[:>:]]"} {
		if strings.HasPrefix(t.in, b) {
			t.out.WriteString(`\b`)
			t.in = t.in[len(b):]
			return nil
		}
	}
	t.out.WriteByte('[')
	t.in = t.in[1:]
	negated := strings.HasPrefix(t.in, "^")
	if negated {
		t.out.WriteByte('^')
		t.in = t.in[1:]
	}
	for first := true; ; first = false {
		switch {
		case t.in == "":
			return badRegex("brackets [] not balanced")
		case t.in[0] == ']' && !first:
			if negated && !t.flags.dotNewline {
				t.out.WriteString(`\n`)
			}
			t.out.WriteByte(']')
			t.in = t.in[1:]
			return nil
		case strings.HasPrefix(t.in, "[:"):
			name, rest, ok := strings.Cut(t.in[2:], ":]")
			class := classes[name]
			if !ok || class == "" {
				return badRegex("invalid character class")
			}
			t.out.WriteString(class)
			t.in = rest
		case strings.HasPrefix(t.in, "[.") || strings.HasPrefix(t.in, "[="):
			return pgerror.NotSupported("collating elements in regular expressions are not supported")
		case t.in[0] == '\\':
			if err := t.escape(true); err != nil {
				return err
			}
		case t.in[0] == '[' || t.in[0] == ']':
			t.out.WriteByte('\\')
			t.out.WriteByte(t.in[0])
			t.in = t.in[1:]
		default:
			_, w := utf8.DecodeRuneInString(t.in)
			t.out.WriteString(t.in[:w])
			t.in = t.in[w:]
		}
	}
}

// escape rewrites a backslash sequence.
func (t *translator) escape(bracket bool) error {
	if len(t.in) < 2 {
		return badRegex("invalid escape \\ sequence")
	}
	_, w := utf8.DecodeRuneInString(t.in[1:])
	c := t.in[1]
	rest := t.in[1+w:]
	// hex and set return what is written, nothing for an invalid sequence.
	hex := func(least, most int) string {
		n := 0
		for n < most && n < len(rest) && strings.IndexByte("0123456789abcdefABCDEF", rest[n]) >= 0 {
			n++
		}
		if n < least {
			return ""
		}
		x, err := strconv.ParseUint(rest[:n], 16, 32)
		if err != nil || x > utf8.MaxRune {
			return ""
		}
		rest = rest[n:]
		return fmt.Sprintf(`\x{%x}`, x)
	}
	set := func(outside, inside string) string {
		if bracket {
			return inside
		}
		return outside
	}
	var out string
	switch c {
	case 'd':
		out = set("[0-9]", "0-9")
	case 'D':
		out = set("[^0-9]", "")
	case 's':
		out = set(`[\s\v]`, `\s\v`)
	case 'S':
		out = set(`[^\s\v]`, "")
	case 'w':
		out = set(`[\p{L}\p{Nd}_]`, `\p{L}\p{Nd}_`)
	case 'W':
		out = set(`[^\p{L}\p{Nd}_]`, "")
	case 'm', 'M', 'y':
		if !bracket {
			out = `\b`
		}
	case 'Y':
		if !bracket {
			out = `\B`
		}
	case 'A':
		if !bracket {
			out = `\A`
		}
	case 'Z':
		if !bracket {
			out = `\z`
		}
	case 'a', 'f', 'n', 'r', 't', 'v':
		out = t.in[:2]
	case 'b':
		out = `\x08`
	case 'B':
		out = `\\`
	case 'e':
		out = `\x1b`
	case 'x':
		out = hex(1, 6)
	case 'u':
		out = hex(4, 4)
	case 'U':
		out = hex(8, 8)
	case 'c':
		if rest != "" {
			x := rest[0] & 0x1f
			rest = rest[1:]
			out = fmt.Sprintf(`\x{%x}`, x)
		}
	case '0':
		out = `\x00`
	case '1', '2', '3', '4', '5', '6', '7', '8', '9':
		return pgerror.NotSupported("back references in regular expressions are not supported")
	default:
		switch {
		case c >= utf8.RuneSelf:
			out = t.in[1 : 1+w]
		case c < 'A' || c > 'Z' && c < 'a' || c > 'z':
			out = t.in[:2]
		}
	}
	if out == "" {
		return badRegex("invalid escape \\ sequence")
	}
	t.out.WriteString(out)
	t.in = rest
	return nil
}

// compiledRegex is a compiled pattern kept between rows.
type compiledRegex struct {
	pattern, options string
	re               matcher
	flags            regexFlags
}

// regex compiles a pattern with options; the last one is kept.
func regex(c *function.Call, pattern, options string, start regexFlags, allowGlobal bool) (*compiledRegex, error) {
	if r, ok := c.Scratch.(*compiledRegex); ok && r.pattern == pattern && r.options == options {
		return r, nil
	}
	f, err := parseFlags(start, options, allowGlobal)
	if err != nil {
		return nil, err
	}
	r := &compiledRegex{pattern: strings.Clone(pattern), options: strings.Clone(options), flags: f}
	if r.re, err = compileRegex(r.pattern, f); err != nil {
		return nil, err
	}
	c.Scratch = r
	return r, nil
}

// regexMatch makes the kernel of ~ and its relatives.
func regexMatch(fold, not bool) function.Kernel {
	start := plainFlags
	start.fold = fold
	return func(c *function.Call, args []*vector.Vec, n int, out *vector.Vec) error {
		dst := out.Bools()
		for i := range n {
			if !valid(out, i) {
				continue
			}
			r, err := regex(c, args[1].String(i), "", start, false)
			if err != nil {
				return err
			}
			dst[i] = 0
			if r.re.Match(args[0].Bytes(i)) != not {
				dst[i] = 1
			}
		}
		return nil
	}
}
