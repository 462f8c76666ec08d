package builtin

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// likePattern is a LIKE pattern taken apart at its % signs. Every piece is
// matched as early as possible, the last at the end.
type likePattern struct {
	source string
	fold   bool
	bytes  bool // over bytea: _ is one byte
	pieces []likePiece
	// anchored: the pattern does not start (end) with %.
	start, end bool
	// plain is set when no piece has a wildcard, so that pieces are searched
	// as bytes.
	plain bool
}

// likePiece is a run of literal characters and single wildcards.
type likePiece struct {
	text []byte // for a plain piece
	any  []rune // character by character, -1 for _
}

// newLike parses a pattern, whose escape character is the backslash.
func newLike(pattern string, fold, raw bool) (*likePattern, error) {
	p := &likePattern{source: strings.Clone(pattern), fold: fold, bytes: raw, plain: true, start: true}
	var cur likePiece
	flush := func() {
		p.pieces = append(p.pieces, cur)
		cur = likePiece{}
	}
	open := false // the last thing was a %
	s := p.source
	first := true
	for len(s) > 0 {
		c, w := utf8.DecodeRuneInString(s)
		if raw || c == utf8.RuneError {
			c, w = rune(s[0]), 1
		}
		lit := s[:w]
		s = s[w:]
		switch c {
		case '%':
			if first {
				p.start = false
			} else if !open {
				flush()
			}
			open, first = true, false
			continue
		case '_':
			cur.any = append(cur.any, -1)
			p.plain = false
			open, first = false, false
			continue
		case '\\':
			if s == "" {
				return nil, pgerror.New(pgerror.InvalidEscapeSequence, "LIKE pattern must not end with escape character")
			}
			c, w = utf8.DecodeRuneInString(s)
			if raw || c == utf8.RuneError {
				c, w = rune(s[0]), 1
			}
			lit = s[:w]
			s = s[w:]
		}
		if fold {
			c = unicode.ToLower(c)
			if !isASCII(lit) {
				p.plain = false
			}
		}
		cur.any = append(cur.any, c)
		if raw {
			cur.text = append(cur.text, byte(c))
		} else if fold {
			cur.text = utf8.AppendRune(cur.text, c)
		} else {
			cur.text = append(cur.text, lit...)
		}
		open, first = false, false
	}
	p.end = !open
	if !open {
		flush()
	}
	return p, nil
}

// match reports whether s matches.
func (p *likePattern) match(s []byte) bool {
	if p.plain && (!p.fold || isASCII(s)) {
		if p.fold {
			s = bytes.ToLower(s)
		}
		return p.matchPlain(s)
	}
	return p.matchRunes(s)
}

// matchPlain searches the pieces as bytes.
func (p *likePattern) matchPlain(s []byte) bool {
	list := p.pieces
	if len(list) == 0 {
		return !p.start || len(s) == 0
	}
	if p.start {
		if p.end && len(list) == 1 {
			return bytes.Equal(s, list[0].text)
		}
		if !bytes.HasPrefix(s, list[0].text) {
			return false
		}
		s, list = s[len(list[0].text):], list[1:]
	}
	if p.end && len(list) > 0 {
		last := list[len(list)-1].text
		if !bytes.HasSuffix(s, last) {
			return false
		}
		s, list = s[:len(s)-len(last)], list[:len(list)-1]
	}
	for _, piece := range list {
		at := bytes.Index(s, piece.text)
		if at < 0 {
			return false
		}
		s = s[at+len(piece.text):]
	}
	return true
}

// next decodes one character.
func (p *likePattern) next(s []byte) (rune, int) {
	if p.bytes {
		return rune(s[0]), 1
	}
	c, w := utf8.DecodeRune(s)
	if p.fold {
		c = unicode.ToLower(c)
	}
	return c, w
}

// prefix matches a piece at the start of s and returns its length, -1 for no
// match.
func (p *likePattern) prefix(s []byte, piece *likePiece) int {
	at := 0
	for _, want := range piece.any {
		if at >= len(s) {
			return -1
		}
		c, w := p.next(s[at:])
		if want >= 0 && c != want {
			return -1
		}
		at += w
	}
	return at
}

// matchRunes matches character by character.
func (p *likePattern) matchRunes(s []byte) bool {
	list := p.pieces
	if len(list) == 0 {
		return !p.start || len(s) == 0
	}
	if p.start {
		n := p.prefix(s, &list[0])
		if n < 0 {
			return false
		}
		s, list = s[n:], list[1:]
		if len(list) == 0 {
			return !p.end || len(s) == 0
		}
	}
	for k := range list {
		piece := &list[k]
		last := p.end && k == len(list)-1
		if last {
			// The piece has to end at the end.
			total := utf8.RuneCount(s)
			if p.bytes {
				total = len(s)
			}
			skip := total - len(piece.any)
			if skip < 0 {
				return false
			}
			for ; skip > 0; skip-- {
				_, w := p.next(s)
				s = s[w:]
			}
			return p.prefix(s, piece) == len(s)
		}
		for {
			if n := p.prefix(s, piece); n >= 0 {
				s = s[n:]
				break
			}
			if len(s) == 0 {
				return false
			}
			_, w := p.next(s)
			s = s[w:]
		}
	}
	return true
}

// like makes the kernel of LIKE, ILIKE and their negations. A compiled pattern
// is kept between rows and batches.
func like(fold, not, raw bool) function.Kernel {
	return func(c *function.Call, args []*vector.Vec, n int, out *vector.Vec) error {
		dst := out.Bools()
		p, _ := c.Scratch.(*likePattern)
		for i := range n {
			if !valid(out, i) {
				continue
			}
			if pattern := args[1].String(i); p == nil || p.source != pattern {
				var err error
				if p, err = newLike(pattern, fold, raw); err != nil {
					return err
				}
				c.Scratch = p
			}
			s := args[0].Bytes(i)
			dst[i] = 0
			if p.match(s) != not {
				dst[i] = 1
			}
		}
		return nil
	}
}

// likeEscape rewrites a pattern with another escape character to one with the
// backslash (LIKE ... ESCAPE).
func likeEscape(r *row) (types.Datum, error) {
	p, esc := r.text(0), r.text(1)
	if runes(esc) > 1 {
		return types.Null, pgerror.New(pgerror.InvalidEscapeSequence, "invalid escape string").WithHint("Escape string must be empty or one character.")
	}
	if esc == `\` {
		return text(p)
	}
	var b strings.Builder
	for len(p) > 0 {
		_, w := utf8.DecodeRuneInString(p)
		switch {
		case esc != "" && p[:w] == esc:
			p = p[w:]
			b.WriteByte('\\')
			if p == "" {
				continue
			}
			_, w = utf8.DecodeRuneInString(p)
		case p[0] == '\\':
			b.WriteByte('\\')
		}
		b.WriteString(p[:w])
		p = p[w:]
	}
	return text(b.String())
}

// likes are the LIKE operators.
func likes() []entry {
	return []entry{
		{sigs: "textlike(text,text) namelike(name,text) bpcharlike(bpchar,text) like(text,text) like(name,text)", kernel: like(false, false, false), doc: "Matches a LIKE pattern."},
		{sigs: "textnlike(text,text) namenlike(name,text) bpcharnlike(bpchar,text) notlike(text,text) notlike(name,text)", kernel: like(false, true, false), doc: "Does not match a LIKE pattern."},
		{sigs: "texticlike(text,text) nameiclike(name,text) bpchariclike(bpchar,text)", kernel: like(true, false, false), doc: "Matches a LIKE pattern whatever the case."},
		{sigs: "texticnlike(text,text) nameicnlike(name,text) bpcharicnlike(bpchar,text)", kernel: like(true, true, false), doc: "Does not match a LIKE pattern whatever the case."},
		{sigs: "bytealike(bytea,bytea) like(bytea,bytea)", kernel: like(false, false, true), doc: "Matches a LIKE pattern of bytes."},
		{sigs: "byteanlike(bytea,bytea) notlike(bytea,bytea)", kernel: like(false, true, true), doc: "Does not match a LIKE pattern of bytes."},
		{sigs: "like_escape(text,text)", kernel: each(likeEscape), doc: "Rewrites a LIKE pattern to the escape character \\."},
	}
}
