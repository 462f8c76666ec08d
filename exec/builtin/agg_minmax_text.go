package builtin

import (
	"bytes"
	"cmp"
	"math/bits"

	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/exec/vector"
)

// textView is a vector.View as two words: length and prefix, and the rest of a
// short value, whose unused bytes are zero.
type textView [2]uint64

// prefix returns the first four bytes as a number in their order.
func (w *textView) prefix() uint32 { return bits.ReverseBytes32(uint32(w[0] >> 32)) }

// short reports whether the view holds the whole value.
func (w *textView) short() bool { return uint32(w[0]) <= vector.MaxInline }

// orderText orders two values with the same prefix: x is view i of v, y view j
// of w.
func orderText(x *textView, v *vector.Vec, i int, y *textView, w *vector.Vec, j int) int {
	if x.short() && y.short() {
		if x[1] != y[1] {
			return cmp.Compare(bits.ReverseBytes64(x[1]), bits.ReverseBytes64(y[1]))
		}
		return cmp.Compare(uint32(x[0]), uint32(y[0]))
	}
	return bytes.Compare(v.Bytes(i), w.Bytes(j))
}

// updateText is Update for values in byte order: most are decided by their
// first four bytes, the rest of the short ones by one more word.
func (a *rowExtreme) updateText(groups []int32, v *vector.Vec) {
	s, views, best := step(v), vector.Values[textView](v), vector.Values[textView](a.best)
	if s == 0 && v.IsNull(0) {
		return
	}
	valid, seen := v.Valid, a.best.Valid
	if s == 0 {
		valid = nil
	}
	for i, g := range groups {
		if valid != nil && !valid.Get(i) {
			continue
		}
		if seen.Get(int(g)) {
			x, y := &views[i*s], &best[g]
			if p, q := x.prefix(), y.prefix(); p != q {
				if (p > q) != a.larger {
					continue
				}
			} else if *x == *y && x.short() {
				continue
			} else if c := orderText(x, v, i*s, y, a.best, int(g)); c == 0 || (c > 0) != a.larger {
				continue
			}
		}
		a.take(int(g), v, i*s)
	}
}

// runText adds a run of values in byte order: the best so far stays where it is
// until the run has ended.
func (a *rowExtreme) runText(r function.Run, v *vector.Vec) {
	s, views := step(v), vector.Values[textView](v)
	if r.N == 0 || s == 0 && v.IsNull(0) {
		return
	}
	rows, valid := r.N, v.Valid
	if s == 0 {
		rows, valid = 1, nil
	}
	// Flipped, the smallest prefix is the largest.
	flip := uint32(0)
	if !a.larger {
		flip = ^flip
	}
	var y *textView
	var prefix uint32
	w, at, row := v, 0, -1
	if g := int(r.Group); a.best.Valid.Get(g) {
		w, at = a.best, g
		y = &vector.Values[textView](a.best)[g]
		prefix = y.prefix() ^ flip
	}
	for k := range rows {
		i := k * s
		if r.Rows != nil {
			i = int(r.Rows[k]) * s
		}
		if valid != nil && !valid.Get(i) {
			continue
		}
		x := &views[i]
		p := x.prefix() ^ flip
		if p < prefix {
			continue
		}
		if y != nil && p == prefix {
			if *x == *y && x.short() {
				continue
			}
			if c := orderText(x, v, i, y, w, at); c == 0 || (c > 0) != a.larger {
				continue
			}
		}
		w, at, row, y, prefix = v, i, i, x, p
	}
	if row >= 0 {
		a.take(int(r.Group), v, row)
	}
}
