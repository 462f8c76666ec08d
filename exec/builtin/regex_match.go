package builtin

import (
	"slices"
	"unicode"
	"unicode/utf8"
)

// backRegex is a regular expression as a tree. A match is found in two steps, as
// PostgreSQL's engine does: the first position where one begins, and there the
// longest one, or the shortest if the expression prefers it; then the match is cut
// among the parts from left to right, each as long or as short as it prefers and
// the others allow.
type backRegex struct {
	root          *backNode
	groups, nodes int
	fold, anchors bool
}

// backSteps bounds the work for one string: what was found until then counts.
const backSteps = 5_000_000

// span is a range of positions, both ends inside.
type span struct{ lo, hi int }

// reachKey is a node at a position.
type reachKey struct{ node, at int }

// backRun is the search in one string, whose characters are s.
type backRun struct {
	re    *backRegex
	text  string
	s     []rune
	caps  []int // as indexes into s
	memo  map[reachKey][]span
	steps int
}

func newBackRun(re *backRegex, s string) *backRun {
	r := &backRun{re: re, text: s, s: make([]rune, 0, len(s)), memo: map[reachKey][]span{}}
	for _, c := range s {
		r.s = append(r.s, c)
	}
	return r
}

// reset forgets the groups.
func (r *backRun) reset() {
	r.caps = make([]int, 2*(r.re.groups+1))
	for i := range r.caps {
		r.caps[i] = -1
	}
}

// bytes turns positions into byte offsets.
func (r *backRun) bytes(at []int) []int {
	if at == nil || len(r.s) == len(r.text) {
		return slices.Clone(at)
	}
	offset := make([]int, 0, len(r.s)+1)
	o := 0
	for _, c := range r.s {
		offset = append(offset, o)
		_, w := utf8.DecodeRuneInString(r.text[o:])
		_ = c
		o += w
	}
	offset = append(offset, o)
	out := make([]int, len(at))
	for i, p := range at {
		if out[i] = -1; p >= 0 {
			out[i] = offset[p]
		}
	}
	return out
}

func wordRune(c rune) bool { return c == '_' || unicode.IsLetter(c) || unicode.IsDigit(c) }

// word reports whether the character at a position is part of a word.
func (r *backRun) word(at int) bool { return at >= 0 && at < len(r.s) && wordRune(r.s[at]) }

// holds reports whether a constraint holds at a position.
func (r *backRun) holds(n *backNode, at int) bool {
	switch n.kind {
	case backLineStart:
		return at == 0 || r.re.anchors && r.s[at-1] == '\n'
	case backLineEnd:
		return at == len(r.s) || r.re.anchors && r.s[at] == '\n'
	case backTextStart:
		return at == 0
	case backTextEnd:
		return at == len(r.s)
	case backWordStart:
		return !r.word(at-1) && r.word(at)
	case backWordEnd:
		return r.word(at-1) && !r.word(at)
	case backWordEdge:
		return r.word(at-1) != r.word(at)
	case backNoWordEdge:
		return r.word(at-1) == r.word(at)
	case backLook:
		if !n.behind {
			return (len(r.reach(n.kids[0], at)) > 0) != n.not
		}
		for from := at; from >= 0; from-- {
			if inside(r.reach(n.kids[0], from), at) {
				return !n.not
			}
		}
		return n.not
	}
	return true
}

// inside reports whether a position is in one of the spans.
func inside(list []span, at int) bool {
	for _, s := range list {
		if s.lo <= at && at <= s.hi {
			return true
		}
	}
	return false
}

// join adds spans to a list that is in order and without overlaps.
func join(list, more []span) []span {
	if len(more) == 0 {
		return list
	}
	list = append(list, more...)
	if len(list) == len(more) {
		return list
	}
	slices.SortFunc(list, func(a, b span) int { return a.lo - b.lo })
	out := list[:1]
	for _, s := range list[1:] {
		last := &out[len(out)-1]
		if s.lo <= last.hi+1 {
			last.hi = max(last.hi, s.hi)
			continue
		}
		out = append(out, s)
	}
	return out
}

// reach returns where a match of n that begins at a position may end, in order.
// What a back reference repeats is not looked at: it may end anywhere.
func (r *backRun) reach(n *backNode, at int) []span {
	switch n.kind {
	case backRune:
		if at < len(r.s) && n.set(r.s[at]) {
			return []span{{at + 1, at + 1}}
		}
		return nil
	case backGroup:
		return r.reach(n.kids[0], at)
	case backRef:
		return []span{{at, len(r.s)}}
	case backCat, backAlt, backRepeat:
	default:
		if r.holds(n, at) {
			return []span{{at, at}}
		}
		return nil
	}
	key := reachKey{n.id, at}
	if out, ok := r.memo[key]; ok {
		return out
	}
	if r.steps++; r.steps > backSteps {
		return nil
	}
	var out []span
	switch n.kind {
	case backCat:
		for _, s := range r.reach(n.kids[0], at) {
			for mid := s.lo; mid <= s.hi; mid++ {
				if r.steps++; r.steps > backSteps {
					return nil
				}
				out = join(out, r.reach(n.kids[1], mid))
			}
		}
	case backAlt:
		for _, k := range n.kids {
			out = join(out, r.reach(k, at))
		}
	default:
		out = r.rounds(n, at)
	}
	out = slices.Clone(out)
	r.memo[key] = out
	return out
}

// rounds is reach of a repetition.
func (r *backRun) rounds(n *backNode, at int) []span {
	k := n.kids[0]
	if k.kind == backRune {
		end := at
		for end < len(r.s) && (n.max < 0 || end-at < n.max) && k.set(r.s[end]) {
			end++
		}
		r.steps += end - at
		if end-at < n.min {
			return nil
		}
		return []span{{at + n.min, end}}
	}
	now := []span{{at, at}}
	var out []span
	if n.min == 0 {
		out = []span{{at, at}}
	}
	for i := 1; n.max < 0 || i <= n.max; i++ {
		var next []span
		for _, s := range now {
			for from := s.lo; from <= s.hi; from++ {
				if r.steps++; r.steps > backSteps {
					return nil
				}
				next = join(next, r.reach(k, from))
			}
		}
		next = slices.Clone(next)
		if i >= n.min {
			before := slices.Clone(out)
			out = slices.Clone(join(out, next))
			if slices.Equal(before, out) {
				break
			}
		} else if slices.Equal(now, next) && i > len(r.s) {
			// More rounds end at the same places.
			out = next
			break
		}
		if len(next) == 0 {
			break
		}
		now = next
	}
	return out
}

// dissect cuts the text between two positions among the parts of n and sets the
// groups, false when that cannot be done.
func (r *backRun) dissect(n *backNode, from, to int) bool {
	if r.steps++; r.steps > backSteps {
		return false
	}
	if !n.captures && !n.refs {
		return inside(r.reach(n, from), to)
	}
	switch n.kind {
	case backGroup:
		if !r.dissect(n.kids[0], from, to) {
			return false
		}
		if n.group > 0 {
			r.caps[2*n.group], r.caps[2*n.group+1] = from, to
		}
		return true
	case backRef:
		return r.repeats(n, from, to)
	case backAlt:
		for _, k := range n.kids {
			r.clear(k)
			if inside(r.reach(k, from), to) && r.dissect(k, from, to) {
				return true
			}
		}
		return false
	case backCat:
		left, right := n.kids[0], n.kids[1]
		return r.eachEnd(left, from, to, func(mid int) bool {
			r.clear(n)
			return inside(r.reach(right, mid), to) && r.dissect(left, from, mid) && r.dissect(right, mid, to)
		})
	case backRepeat:
		if from == to && n.min == 0 {
			if inside(r.reach(n.kids[0], from), to) {
				r.dissect(n.kids[0], from, to)
			}
			return true
		}
		return r.divide(n, 1, from, to)
	}
	return inside(r.reach(n, from), to)
}

// eachEnd calls f for the ends of n up to a limit, in the order that n prefers,
// until f is satisfied.
func (r *backRun) eachEnd(n *backNode, from, limit int, f func(end int) bool) bool {
	list := r.reach(n, from)
	if n.preference() < 0 {
		for _, s := range list {
			for end := s.lo; end <= min(s.hi, limit); end++ {
				if f(end) {
					return true
				}
			}
		}
		return false
	}
	for _, s := range slices.Backward(list) {
		for end := min(s.hi, limit); end >= s.lo; end-- {
			if f(end) {
				return true
			}
		}
	}
	return false
}

// divide cuts a text into the rounds of a repetition from round k on.
func (r *backRun) divide(n *backNode, k, from, to int) bool {
	kid := n.kids[0]
	if n.max >= 0 && k > n.max {
		return false
	}
	return r.eachEnd(kid, from, to, func(end int) bool {
		if r.steps++; r.steps > backSteps {
			return false
		}
		if end == to {
			if k < n.min && !(from == to || inside(r.reach(kid, to), to)) {
				return false
			}
			r.clear(kid)
			return r.dissect(kid, from, to)
		}
		if end == from && (k >= n.min || n.min-k < to-end) {
			return false // an empty round changes nothing
		}
		if !r.divide(n, k+1, end, to) {
			return false
		}
		// The groups are those of the last round, unless a back reference in an
		// earlier one has to be checked.
		if !kid.refs {
			return true
		}
		saved := slices.Clone(r.caps)
		ok := r.dissect(kid, from, end)
		copy(r.caps, saved)
		return ok
	})
}

// clear forgets the groups in n.
func (r *backRun) clear(n *backNode) {
	if n.kind == backGroup && n.group > 0 {
		r.caps[2*n.group], r.caps[2*n.group+1] = -1, -1
	}
	for _, k := range n.kids {
		if k.captures {
			r.clear(k)
		}
	}
}

// repeats reports whether a text is what the group of a back reference matched.
func (r *backRun) repeats(n *backNode, from, to int) bool {
	f, t := r.caps[2*n.group], r.caps[2*n.group+1]
	if f < 0 || t-f != to-from {
		return false
	}
	for i := range t - f {
		a, b := r.s[f+i], r.s[from+i]
		if a != b && (!r.re.fold || unicode.ToLower(a) != unicode.ToLower(b)) {
			return false
		}
	}
	return true
}

// find returns the first match from a position on, nil for none.
func (re *backRegex) find(r *backRun, from int) []int {
	for at := from; at <= len(r.s) && r.steps <= backSteps; at++ {
		found := -1
		r.eachEnd(re.root, at, len(r.s), func(end int) bool {
			r.reset()
			if r.dissect(re.root, at, end) {
				found = end
			}
			return found >= 0
		})
		if found >= 0 {
			r.caps[0], r.caps[1] = at, found
			return r.caps
		}
	}
	return nil
}
