package builtin

import (
	"strings"
	"unicode/utf8"

	"github.com/hubsql/hubsql/wire/pgerror"
)

// formatNode is one part of a format of dates: a field, or a character that
// stands for itself, a separator or a blank.
type formatNode struct {
	word    string // the field in upper case, "" for a character
	written string // the field as written
	char    string
	kind    nodeKind
	fill    bool // FM
	ordinal bool // TH or th follows
}

type nodeKind uint8

const (
	nodeField nodeKind = iota
	nodeChar
	nodeSeparator
	nodeSpace
)

// readWords are the fields that a format may have, longest first where one
// begins with another.
var readWords = [...]string{
	"A.D.", "A.M.", "AD", "AM", "B.C.", "BC", "CC", "DAY", "DDD", "DD", "DY", "D", "FF1", "FF2", "FF3", "FF4", "FF5", "FF6", "FX",
	"HH24", "HH12", "HH", "IDDD", "ID", "IW", "IYYY", "IYY", "IY", "I", "J", "MI", "MM", "MONTH", "MON", "MS", "OF", "P.M.", "PM",
	"Q", "RM", "SSSSS", "SSSS", "SS", "TZH", "TZM", "TZ", "US", "WW", "W", "Y,YYY", "YYYY", "YYY", "YY", "Y",
}

// wordAt returns the field that s starts with, "" for none.
func wordAt(s string) string {
	for _, w := range readWords {
		if len(s) < len(w) {
			continue
		}
		head := s[:len(w)]
		if head == w || head == strings.ToLower(w) || (w == "DAY" || w == "DY" || w == "MON" || w == "MONTH") && head == w[:1]+strings.ToLower(w[1:]) {
			return w
		}
	}
	return ""
}

// separates reports whether c is a separator: printable ASCII that is neither a
// letter nor a digit.
func separates(c byte) bool { return c > 0x20 && c < 0x7F && !alnum(c) }

// alnum reports whether c is a letter or digit.
func alnum(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

func blank(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

// parseFormat cuts a format into its parts. With std only the separators of the
// SQL standard are allowed.
func parseFormat(f string, std bool) ([]formatNode, error) {
	var out []formatNode
	for f != "" {
		n := formatNode{}
		for _, p := range [...]string{"FM", "fm", "TM", "tm"} {
			if strings.HasPrefix(f, p) {
				n.fill = n.fill || p == "FM" || p == "fm"
				f = f[2:]
			}
		}
		if w := wordAt(f); w != "" {
			n.word, n.written = w, f[:len(w)]
			f = f[len(w):]
			if strings.HasPrefix(f, "TH") || strings.HasPrefix(f, "th") {
				n.ordinal = true
				f = f[2:]
			}
			f = strings.TrimPrefix(f, "SP")
			out = append(out, n)
			continue
		}
		if f == "" {
			break
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
				out = append(out, formatNode{kind: nodeChar, char: f[:w]})
				f = f[w:]
			}
			continue
		}
		if f[0] == '\\' && len(f) > 1 && f[1] == '"' {
			f = f[1:]
		}
		_, w := utf8.DecodeRuneInString(f)
		n.char, n.kind = f[:w], nodeChar
		if std && !strings.ContainsAny(n.char, "-./,':; ") {
			return nil, pgerror.Newf(pgerror.InvalidDatetimeFormat, "invalid datetime format separator: \"%s\"", n.char)
		}
		switch {
		case separates(f[0]):
			n.kind = nodeSeparator
		case blank(f[0]):
			n.kind = nodeSpace
		}
		out = append(out, n)
		f = f[w:]
	}
	return out, nil
}

// numeric reports whether the field is written in digits.
func (n *formatNode) numeric() bool {
	switch n.word {
	case "A.D.", "A.M.", "AD", "AM", "B.C.", "BC", "P.M.", "PM", "DAY", "DY", "MONTH", "MON", "RM", "FX", "TZ", "OF", "TZH":
		return false
	}
	return !strings.HasPrefix(n.word, "FF")
}

// freeWidth reports whether the number of node i ends by itself: what follows is
// not a digit.
func freeWidth(nodes []formatNode, i int) bool {
	if nodes[i].ordinal || i+1 == len(nodes) {
		return true
	}
	next := &nodes[i+1]
	if next.kind == nodeField {
		return !next.numeric()
	}
	return len(next.char) != 1 || next.char[0] < '0' || next.char[0] > '9'
}
