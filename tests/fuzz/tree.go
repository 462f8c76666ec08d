// Package fuzz generates random queries and compares the hub's answers with
// PostgreSQL's, and with themselves where the answer follows from another.
package fuzz

import "strings"

// node is a piece of a query: text and other pieces in turn. Shrinking works on
// this form alone; what it makes may be invalid, then both sides refuse it.
type node struct {
	parts []any // string or *node
	// typ is the type of an expression, "" for other pieces.
	typ string
	// optional pieces may be left out.
	optional bool
	// list pieces are items with a separator; items may be left out.
	list string
	// gone pieces print as nothing.
	gone bool
}

// n makes a piece.
func n(parts ...any) *node { return &node{parts: parts} }

// e makes an expression.
func e(typ string, parts ...any) *node { return &node{parts: parts, typ: typ} }

// opt makes a piece that may be left out.
func opt(parts ...any) *node { return &node{parts: parts, optional: true} }

// list makes a list.
func list(sep string, items ...*node) *node {
	l := &node{list: sep}
	for _, i := range items {
		l.parts = append(l.parts, i)
	}
	return l
}

// String is the text of the query.
func (x *node) String() string {
	var b strings.Builder
	x.write(&b)
	return b.String()
}

func (x *node) write(b *strings.Builder) {
	if x.gone {
		return
	}
	first := true
	for _, p := range x.parts {
		switch p := p.(type) {
		case string:
			b.WriteString(p)
		case *node:
			if p.gone {
				continue
			}
			if x.list != "" && !first {
				b.WriteString(x.list)
			}
			first = false
			p.write(b)
		}
	}
}

// all lists x and every piece below, parents first.
func (x *node) all() []*node {
	out := []*node{x}
	if x.gone {
		return nil
	}
	for _, p := range x.parts {
		if c, ok := p.(*node); ok {
			out = append(out, c.all()...)
		}
	}
	return out
}

// literals are the simplest expressions of each type.
var literals = map[string][]string{
	"int": {"1", "NULL::int4"}, "num": {"1.5", "NULL::numeric"}, "text": {"'a'", "NULL::text"},
	"bool": {"true", "false", "NULL::bool"}, "date": {"date '2024-01-15'"}, "ts": {"timestamp '2024-01-15'"}, "float": {"1::float8"},
}

// shrink makes a query smaller while differs holds, with at most budget tries.
func shrink(q *node, budget int, differs func(string) bool) {
	for changed := true; changed && budget > 0; {
		changed = false
		for _, x := range q.all() {
			if budget <= 0 {
				return
			}
			try := func(apply, undo func()) bool {
				before := q.String()
				apply()
				if budget--; budget < 0 || len(q.String()) >= len(before) || !differs(q.String()) {
					undo()
					return false
				}
				changed = true
				return true
			}
			if x.gone {
				continue
			}
			if x.optional && try(func() { x.gone = true }, func() { x.gone = false }) {
				continue
			}
			if x.list != "" {
				for _, p := range x.parts {
					c := p.(*node)
					if left := x.live(); !c.gone && left > 1 {
						try(func() { c.gone = true }, func() { c.gone = false })
					}
				}
			}
			if x.typ == "" {
				continue
			}
			saved := x.parts
			done := false
			for _, text := range literals[x.typ] {
				if done = try(func() { x.parts = []any{text} }, func() { x.parts = saved }); done {
					break
				}
			}
			if done {
				continue
			}
			for _, c := range x.all()[1:] {
				if c.typ == x.typ && try(func() { x.parts = []any{c} }, func() { x.parts = saved }) {
					break
				}
			}
		}
	}
}

// live counts the items of a list that are printed.
func (x *node) live() int {
	k := 0
	for _, p := range x.parts {
		if !p.(*node).gone {
			k++
		}
	}
	return k
}
