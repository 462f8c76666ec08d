package builtin

import (
	"strings"
	"unicode/utf8"

	"github.com/hubsql/hubsql/wire/pgerror"
)

// numNode is one part of a number format: a pattern in upper case, or a
// character that is copied.
type numNode struct {
	word  string
	lower bool
	char  string
}

// Where a locale sign (S) stands.
const (
	signNone = iota
	signBefore
	signBehind
)

// numFormat is a number format and what its patterns say together.
type numFormat struct {
	nodes []numNode
	// before and after are digits on both sides of the point, multi those of V.
	before, after, multi                               int
	sign, signAt                                       int
	zeroStart, zeroEnd                                 int
	decimal, zero, fill, hasSign, bracket, minus, plus bool
	roman, isMulti, scientific                         bool
}

// numWords are the patterns, longer ones before their prefixes.
var numWords = [...]string{",", ".", "0", "9", "B", "C", "D", "EEEE", "FM", "G", "L", "MI", "PL", "PR", "RN", "SG", "SP", "S", "TH", "V"}

func errPattern(format string, args ...any) *pgerror.Error {
	return pgerror.Newf(pgerror.SyntaxError, format, args...)
}

// parseNumFormat reads a number format.
func parseNumFormat(f string) (*numFormat, error) {
	n := &numFormat{}
next:
	for f != "" {
		for _, w := range numWords {
			if len(f) < len(w) || f[:len(w)] != w && f[:len(w)] != strings.ToLower(w) {
				continue
			}
			n.nodes = append(n.nodes, numNode{word: w, lower: f[:len(w)] != w})
			if err := n.pattern(w); err != nil {
				return nil, err
			}
			f = f[len(w):]
			continue next
		}
		if f[0] == '"' {
			for f = f[1:]; f != ""; {
				if f[0] == '"' {
					f = f[1:]
					break
				}
				if f[0] == '\\' && len(f) > 1 {
					f = f[1:]
				}
				_, w := utf8.DecodeRuneInString(f)
				n.nodes = append(n.nodes, numNode{char: f[:w]})
				f = f[w:]
			}
			continue
		}
		if f[0] == '\\' && len(f) > 1 && f[1] == '"' {
			f = f[1:]
		}
		_, w := utf8.DecodeRuneInString(f)
		n.nodes = append(n.nodes, numNode{char: f[:w]})
		f = f[w:]
	}
	return n, nil
}

// pattern notes what a pattern says and which do not go together.
func (n *numFormat) pattern(w string) error {
	if n.scientific && w != "EEEE" {
		return errPattern("\"EEEE\" must be the last pattern used")
	}
	switch w {
	case "9":
		switch {
		case n.bracket:
			return errPattern("\"9\" must be ahead of \"PR\"")
		case n.isMulti:
			n.multi++
		case n.decimal:
			n.after++
		default:
			n.before++
		}
	case "0":
		if n.bracket {
			return errPattern("\"0\" must be ahead of \"PR\"")
		}
		if !n.zero && !n.decimal {
			n.zero, n.zeroStart = true, n.before+1
		}
		if n.decimal {
			n.after++
		} else {
			n.before++
		}
		n.zeroEnd = n.before + n.after
	case ".", "D":
		if n.decimal {
			return errPattern("multiple decimal points")
		}
		if n.isMulti {
			return errPattern("cannot use \"V\" and decimal point together")
		}
		n.decimal = true
	case "FM":
		n.fill = true
	case "S":
		switch {
		case n.hasSign:
			return errPattern("cannot use \"S\" twice")
		case n.plus || n.minus || n.bracket:
			return errPattern("cannot use \"S\" and \"PL\"/\"MI\"/\"SG\"/\"PR\" together")
		case !n.decimal:
			n.sign, n.signAt, n.hasSign = signBefore, n.before, true
		default:
			n.sign, n.hasSign = signBehind, true
		}
	case "MI", "PL", "SG":
		if n.hasSign {
			return errPattern("cannot use \"S\" and \"%s\" together", w)
		}
		n.minus = n.minus || w != "PL"
		n.plus = n.plus || w != "MI"
	case "PR":
		if n.hasSign || n.plus || n.minus {
			return errPattern("cannot use \"PR\" and \"S\"/\"PL\"/\"MI\"/\"SG\" together")
		}
		n.bracket = true
	case "RN":
		n.roman = true
	case "V":
		if n.decimal {
			return errPattern("cannot use \"V\" and decimal point together")
		}
		n.isMulti = true
	case "EEEE":
		if n.scientific {
			return errPattern("cannot use \"EEEE\" twice")
		}
		if n.fill || n.hasSign || n.bracket || n.minus || n.plus || n.roman || n.isMulti {
			return errPattern("\"EEEE\" is incompatible with other formats").
				WithDetail("\"EEEE\" may only be used together with digit and decimal point patterns.")
		}
		n.scientific = true
	}
	return nil
}

// numWriter prints a number by a format. The positions and the order of the steps
// are those of PostgreSQL, on which the odd cases depend.
type numWriter struct {
	f      numFormat
	number string // digits with a point
	at     int    // in number
	neg    bool
	spaces int // digits of the format before the first of the number
	// last is where the last digit behind the point stands that counts, -1 for
	// none.
	last     int
	signDone bool
	inNumber bool
	count    int
	current  int
	out      []byte
}

// write prints number, an unsigned text, by the format.
func (f numFormat) write(number string, neg bool, spaces int) string {
	w := numWriter{f: f, number: number, neg: neg, spaces: spaces, last: -1}
	n := &w.f
	if n.roman {
		*n = numFormat{nodes: n.nodes, roman: true, fill: n.fill}
		w.neg, w.spaces = false, 0
	}
	if n.zeroStart > 0 {
		n.zeroStart-- // counted from 0 from here on
	}
	if n.plus || n.minus {
		w.signDone = n.minus
	} else {
		if !neg && n.fill {
			n.bracket = false
		}
		w.signDone = !neg && n.fill && !n.hasSign
		if n.sign == signBefore && n.before == n.signAt {
			n.sign = signBehind
		}
	}
	w.count = n.after + n.before - 1
	if n.fill && n.decimal {
		if p := strings.IndexByte(number, '.'); p >= 0 {
			w.last = p
			for i := p + 1; i < len(number); i++ {
				if number[i] != '0' {
					w.last = i
				}
			}
			if n.zeroEnd > w.spaces {
				w.last = max(w.last, min(len(number)-1, n.zeroEnd-w.spaces))
			}
		}
	}
	if !w.signDone && w.spaces == 0 {
		w.count++
	}
	for i := range n.nodes {
		w.node(&n.nodes[i])
	}
	s := string(w.out)
	if i := strings.IndexByte(s, 0); i >= 0 {
		s = s[:i] // digits that the number does not have end the text
	}
	return s
}

func (w *numWriter) node(n *numNode) {
	put := func(s string) { w.out = append(w.out, s...) }
	f := &w.f
	switch n.word {
	case "":
		put(n.char)
	case "9", "0", ".", "D":
		w.digit(n.word)
	case ",", "G":
		switch {
		case w.inNumber:
			put(",")
		case !f.fill:
			put(" ")
		}
	case "L":
		put(" ")
	case "RN":
		s := w.number
		if n.lower {
			s = strings.ToLower(s)
		}
		if !f.fill {
			s = strings.Repeat(" ", max(15-len(s), 0)) + s
		}
		put(s)
	case "TH":
		if f.roman || w.neg || f.decimal || w.number == "" || w.number[0] == '#' {
			return
		}
		s := ordinalEnding(w.number)
		if !n.lower {
			s = strings.ToUpper(s)
		}
		put(s)
	case "MI":
		switch {
		case w.neg:
			put("-")
		case !f.fill:
			put(" ")
		}
	case "PL":
		switch {
		case !w.neg:
			put("+")
		case !f.fill:
			put(" ")
		}
	case "SG":
		put(w.signText())
	}
}

// ordinalEnding is st, nd, rd or th.
func ordinalEnding(digits string) string {
	last := digits[len(digits)-1]
	if len(digits) > 1 && digits[len(digits)-2] == '1' {
		last = '0'
	}
	switch last {
	case '1':
		return "st"
	case '2':
		return "nd"
	case '3':
		return "rd"
	}
	return "th"
}

func (w *numWriter) signText() string {
	if w.neg {
		return "-"
	}
	return "+"
}

// lastIsPoint reports whether nothing behind the point counts.
func (w *numWriter) lastIsPoint() bool { return w.last >= 0 && w.number[w.last] == '.' }

// leadingZero reports whether the number is at a zero before the point that is
// shown as a blank.
func (w *numWriter) leadingZero() bool {
	return !w.f.zero && w.at == 0 && w.number != "" && w.number[0] == '0' && w.f.after != 0
}

// digit prints one digit or the point, with the sign before the first and behind
// the last.
func (w *numWriter) digit(word string) {
	f := &w.f
	if f.roman {
		return
	}
	w.inNumber = false
	put := func(s string) { w.out = append(w.out, s...) }
	if !w.signDone && (w.current >= w.spaces || f.zero && f.zeroStart == w.current) && (!w.leadingZero() || w.lastIsPoint()) {
		switch {
		case f.hasSign:
			if f.sign == signBefore {
				put(w.signText())
				w.signDone = true
			}
		case f.bracket:
			if w.neg {
				put("<")
			} else {
				put(" ")
			}
			w.signDone = true
		case !w.neg:
			if !f.fill {
				put(" ")
			}
			w.signDone = true
		default:
			put("-")
			w.signDone = true
		}
	}
	switch {
	case w.current < w.spaces && (f.zeroStart > w.current || !f.zero):
		if !f.fill {
			put(" ")
		}
	case f.zero && w.current < w.spaces && f.zeroStart <= w.current:
		put("0")
		w.inNumber = true
	default:
		c := byte(0)
		if w.at < len(w.number) {
			c = w.number[w.at]
		}
		switch {
		case c == '.':
			if !w.lastIsPoint() || f.fill {
				put(".")
			}
		case w.last >= 0 && w.at > w.last && word != "0":
		case w.leadingZero():
			if !f.fill {
				put(" ")
			} else if w.lastIsPoint() {
				put("0")
			}
		default:
			w.out = append(w.out, c)
			w.inNumber = true
		}
		if w.at < len(w.number) {
			w.at++
		}
	}
	end := w.count
	if w.spaces > 0 {
		end++
	}
	if f.decimal {
		end++
	}
	if w.last >= 0 && w.last == w.at {
		end = w.current
	}
	if w.current+1 == end {
		switch {
		case w.signDone && f.bracket:
			if w.neg {
				put(">")
			} else {
				put(" ")
			}
		case f.hasSign && f.sign == signBehind:
			put(w.signText())
		}
	}
	w.current++
}
