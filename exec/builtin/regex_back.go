package builtin

import (
	"unicode"
	"unicode/utf8"
)

// matcher is a compiled regular expression; *regexp.Regexp is one.
type matcher interface {
	Match(b []byte) bool
	MatchString(s string) bool
	FindStringSubmatchIndex(s string) []int
	FindAllStringSubmatchIndex(s string, n int) [][]int
	FindAllStringIndex(s string, n int) [][]int
}

// backKind is what a node of a backtracking matcher matches.
type backKind uint8

const (
	backEmpty backKind = iota
	backRune           // one character of a set
	backLineStart
	backLineEnd
	backTextStart
	backTextEnd
	backWordStart
	backWordEnd
	backWordEdge
	backNoWordEdge
	backGroup
	backRef
	backLook
	backCat
	backAlt
	backRepeat
)

// backNode is a node of a regular expression that is matched by trying.
type backNode struct {
	kind backKind
	set  func(r rune) bool
	kids []*backNode
	// group is the number of a capturing group or of what a back reference
	// repeats, 0 for a group that captures nothing.
	group int
	// behind and not describe look-around.
	behind, not bool
	min, max    int // of a repetition; max < 0 is no limit
	lazy        bool
}

// preference is 1 for an expression that prefers the longest match, -1 for one
// that prefers the shortest, 0 for none.
func (n *backNode) preference() int {
	switch n.kind {
	case backAlt:
		return 1
	case backCat:
		for _, k := range n.kids {
			if p := k.preference(); p != 0 {
				return p
			}
		}
	case backGroup:
		return n.kids[0].preference()
	case backRepeat:
		switch {
		case n.min == n.max:
			return n.kids[0].preference()
		case n.lazy:
			return -1
		}
		return 1
	}
	return 0
}

// backRegex matches by backtracking: expressions with back references,
// look-around or lazy quantifiers. The overall match is the longest or the
// shortest one, as the first quantifier says; within it the parts in turn take as
// much or as little as they can.
type backRegex struct {
	root          *backNode
	groups        int
	fold, anchors bool
	shortest      bool
}

// backSteps bounds the work for one match: what was found until then counts.
const backSteps = 2_000_000

// backRun is one search.
type backRun struct {
	re    *backRegex
	s     string
	caps  []int
	steps int
	// limit prunes a search for the shortest match.
	limit int
}

func (r *backRun) rune(at int) (rune, int) {
	if at >= len(r.s) {
		return -1, 0
	}
	return utf8.DecodeRuneInString(r.s[at:])
}

func (r *backRun) before(at int) rune {
	if at == 0 {
		return -1
	}
	c, _ := utf8.DecodeLastRuneInString(r.s[:at])
	return c
}

func wordRune(c rune) bool { return c == '_' || unicode.IsLetter(c) || unicode.IsDigit(c) }

// match tries n at a position and calls next for every way it can match, until
// next is satisfied.
func (r *backRun) match(n *backNode, at int, next func(at int) bool) bool {
	if r.steps++; r.steps > backSteps || r.limit >= 0 && at > r.limit {
		return false
	}
	switch n.kind {
	case backEmpty:
		return next(at)
	case backRune:
		c, w := r.rune(at)
		return w > 0 && n.set(c) && next(at+w)
	case backLineStart:
		return (at == 0 || r.re.anchors && r.s[at-1] == '\n') && next(at)
	case backLineEnd:
		return (at == len(r.s) || r.re.anchors && r.s[at] == '\n') && next(at)
	case backTextStart:
		return at == 0 && next(at)
	case backTextEnd:
		return at == len(r.s) && next(at)
	case backWordStart, backWordEnd, backWordEdge, backNoWordEdge:
		c, _ := r.rune(at)
		left, right := wordRune(r.before(at)), wordRune(c)
		ok := map[backKind]bool{
			backWordStart: !left && right, backWordEnd: left && !right,
			backWordEdge: left != right, backNoWordEdge: left == right,
		}[n.kind]
		return ok && next(at)
	case backGroup:
		if n.group == 0 {
			return r.match(n.kids[0], at, next)
		}
		from, to := r.caps[2*n.group], r.caps[2*n.group+1]
		if r.match(n.kids[0], at, func(end int) bool {
			f, t := r.caps[2*n.group], r.caps[2*n.group+1]
			r.caps[2*n.group], r.caps[2*n.group+1] = at, end
			if next(end) {
				return true
			}
			r.caps[2*n.group], r.caps[2*n.group+1] = f, t
			return false
		}) {
			return true
		}
		r.caps[2*n.group], r.caps[2*n.group+1] = from, to
		return false
	case backRef:
		from, to := r.caps[2*n.group], r.caps[2*n.group+1]
		if from < 0 {
			return false
		}
		for k := from; k < to; {
			c, w := utf8.DecodeRuneInString(r.s[k:])
			d, v := r.rune(at)
			if v == 0 || c != d && (!r.re.fold || unicode.ToLower(c) != unicode.ToLower(d)) {
				return false
			}
			k, at = k+w, at+v
		}
		return next(at)
	case backLook:
		return r.look(n, at) != n.not && next(at)
	case backCat:
		return r.sequence(n.kids, at, next)
	case backAlt:
		for _, k := range n.kids {
			if r.match(k, at, next) {
				return true
			}
		}
		return false
	}
	return r.repeat(n, 0, at, next)
}

func (r *backRun) sequence(kids []*backNode, at int, next func(int) bool) bool {
	if len(kids) == 0 {
		return next(at)
	}
	return r.match(kids[0], at, func(at int) bool { return r.sequence(kids[1:], at, next) })
}

func (r *backRun) repeat(n *backNode, done, at int, next func(int) bool) bool {
	more := func() bool {
		if n.max >= 0 && done >= n.max {
			return false
		}
		return r.match(n.kids[0], at, func(end int) bool {
			if end == at && done >= n.min {
				return false // an empty round changes nothing
			}
			return r.repeat(n, done+1, end, next)
		})
	}
	if done < n.min {
		return more()
	}
	if n.lazy {
		return next(at) || more()
	}
	return more() || next(at)
}

// look reports whether the look-around holds, whatever it then says of it.
func (r *backRun) look(n *backNode, at int) bool {
	limit := r.limit
	r.limit = -1
	defer func() { r.limit = limit }()
	if !n.behind {
		return r.match(n.kids[0], at, func(int) bool { return true })
	}
	for from := at; from >= 0; from-- {
		if from < len(r.s) && !utf8.RuneStart(r.s[from]) {
			continue
		}
		if r.match(n.kids[0], from, func(end int) bool { return end == at }) {
			return true
		}
	}
	return false
}

// find returns the first match from a position on, nil for none.
func (re *backRegex) find(s string, from int) []int {
	for at := from; at <= len(s); at++ {
		if at < len(s) && !utf8.RuneStart(s[at]) {
			continue
		}
		r := backRun{re: re, s: s, limit: -1}
		reset := func() {
			r.caps = make([]int, 2*(re.groups+1))
			for i := range r.caps {
				r.caps[i] = -1
			}
			r.steps = 0
		}
		reset()
		best := -1
		r.match(re.root, at, func(end int) bool {
			switch {
			case re.shortest && (best < 0 || end < best):
				best, r.limit = end, end
				return end == at
			case !re.shortest && end > best:
				best = end
				return end == len(s)
			}
			return false
		})
		if best < 0 {
			continue
		}
		reset()
		r.limit = best
		r.match(re.root, at, func(end int) bool { return end == best })
		r.caps[0], r.caps[1] = at, best
		return r.caps
	}
	return nil
}

// Match implements matcher.
func (re *backRegex) Match(b []byte) bool { return re.find(string(b), 0) != nil }

// MatchString implements matcher.
func (re *backRegex) MatchString(s string) bool { return re.find(s, 0) != nil }

// FindStringSubmatchIndex implements matcher.
func (re *backRegex) FindStringSubmatchIndex(s string) []int { return re.find(s, 0) }

// FindAllStringSubmatchIndex implements matcher.
func (re *backRegex) FindAllStringSubmatchIndex(s string, n int) [][]int {
	var out [][]int
	for at, last := 0, -1; at <= len(s) && (n < 0 || len(out) < n); {
		m := re.find(s, at)
		if m == nil {
			break
		}
		if m[1] > m[0] {
			at = m[1]
		} else {
			_, w := utf8.DecodeRuneInString(s[m[1]:])
			at = m[1] + max(w, 1)
			if m[0] == last {
				continue // an empty match where the last one ended
			}
		}
		last = m[1]
		out = append(out, m)
	}
	return out
}

// FindAllStringIndex implements matcher.
func (re *backRegex) FindAllStringIndex(s string, n int) [][]int {
	out := re.FindAllStringSubmatchIndex(s, n)
	for i := range out {
		out[i] = out[i][:2]
	}
	return out
}
