package builtin

import (
	"regexp"
	"unicode/utf8"
)

// matcher is a compiled regular expression. Positions are bytes.
type matcher interface {
	Match(b []byte) bool
	MatchString(s string) bool
	// FindStringSubmatchIndex returns the bounds of the first match and of its
	// groups, nil for none.
	FindStringSubmatchIndex(s string) []int
	// FindAllStringSubmatchIndex returns the first n matches, all for n < 0. An empty
	// match may stand where another one ended.
	FindAllStringSubmatchIndex(s string, n int) [][]int
}

// backKind is what a node of a regular expression matches.
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
	backCat // of two
	backAlt
	backRepeat
)

// backNode is a node of a regular expression.
type backNode struct {
	id   int
	kind backKind
	set  func(r rune) bool
	kids []*backNode
	// group is the number of a capturing group or of what a back reference
	// repeats, 0 for a group that captures nothing.
	group int
	// behind and not describe look-around.
	behind, not bool
	min, max    int // of a repetition; max < 0 is no limit
	// lazy: it prefers few rounds; exact: written {n}, it prefers as its operand.
	lazy, exact bool
	// captures says that a group is inside, and refs a back reference.
	captures, refs bool
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
		case n.exact:
			return n.kids[0].preference()
		case n.lazy:
			return -1
		}
		return 1
	}
	return 0
}

// empty reports whether the expression may match no character.
func (n *backNode) empty() bool {
	switch n.kind {
	case backRune:
		return false
	case backCat:
		return n.kids[0].empty() && n.kids[1].empty()
	case backGroup:
		return n.kids[0].empty()
	case backAlt:
		for _, k := range n.kids {
			if k.empty() {
				return true
			}
		}
		return false
	case backRepeat:
		return n.min == 0 || n.kids[0].empty()
	}
	return true
}

// regexMatcher finds matches as PostgreSQL does. Where the whole match is enough,
// and every part prefers the longest, fast finds it; the rest is done over nodes.
type regexMatcher struct {
	fast *regexp.Regexp // nil when it cannot say the same
	slow *backRegex
}

// Match implements matcher.
func (m *regexMatcher) Match(b []byte) bool {
	if m.fast != nil {
		return m.fast.Match(b)
	}
	return m.slow.find(newBackRun(m.slow, string(b)), 0) != nil
}

// MatchString implements matcher.
func (m *regexMatcher) MatchString(s string) bool {
	if m.fast != nil {
		return m.fast.MatchString(s)
	}
	return m.slow.find(newBackRun(m.slow, s), 0) != nil
}

// FindStringSubmatchIndex implements matcher.
func (m *regexMatcher) FindStringSubmatchIndex(s string) []int {
	if m.fast != nil {
		at := m.fast.FindStringIndex(s)
		if at == nil || m.slow.groups == 0 {
			return at
		}
		return m.slow.groupsOf(s, at[0], at[1])
	}
	r := newBackRun(m.slow, s)
	return r.bytes(m.slow.find(r, 0))
}

// FindAllStringSubmatchIndex implements matcher.
func (m *regexMatcher) FindAllStringSubmatchIndex(s string, n int) [][]int {
	if m.fast != nil && !m.slow.root.empty() {
		all := m.fast.FindAllStringIndex(s, n)
		if m.slow.groups > 0 {
			for i, at := range all {
				all[i] = m.slow.groupsOf(s, at[0], at[1])
			}
		}
		return all
	}
	r := newBackRun(m.slow, s)
	var out [][]int
	for at := 0; at <= len(r.s) && (n < 0 || len(out) < n); {
		found := m.slow.find(r, at)
		if found == nil {
			break
		}
		if at = found[1]; found[1] == found[0] {
			at++
		}
		out = append(out, r.bytes(found))
	}
	return out
}

// groupsOf returns the bounds of the groups of a match that is known.
func (re *backRegex) groupsOf(s string, from, to int) []int {
	r := newBackRun(re, s)
	f := utf8.RuneCountInString(s[:from])
	t := f + utf8.RuneCountInString(s[from:to])
	r.reset()
	r.dissect(re.root, f, t)
	r.caps[0], r.caps[1] = f, t
	return r.bytes(r.caps)
}
