package tpch

import (
	"sync"

	"github.com/hubsql/hubsql/tests/dataset"
)

// poolSize is the number of bytes of grammatical text that comments are cut from.
const poolSize = 32 << 20

// pool is the text that all comments are cut from, made at the first use; it
// never changes.
var pool = sync.OnceValue(func() []byte {
	w := writer{r: dataset.NewRandom(streamPool, 0), text: make([]byte, 0, poolSize+1024)}
	for len(w.text) < poolSize {
		w.sentence()
	}
	return w.text
})

// writer makes sentences by the grammar of the specification.
type writer struct {
	r    dataset.Random
	text []byte
}

// word appends one of the words behind the text.
func (w *writer) word(from []string) {
	w.text = append(append(w.text, from[w.r.Below(int64(len(from)))]...), ' ')
}

// mark sets a sign behind the last word.
func (w *writer) mark(sign string) {
	w.text = append(append(w.text[:len(w.text)-1], sign...), ' ')
}

func (w *writer) sentence() {
	switch n := w.r.Below(11); {
	case n < 3:
		w.noun()
		w.verb()
	case n < 6:
		w.noun()
		w.verb()
		w.preposition()
	case n < 9:
		w.noun()
		w.verb()
		w.noun()
	case n < 10:
		w.noun()
		w.preposition()
		w.verb()
		w.noun()
	default:
		w.noun()
		w.preposition()
		w.verb()
		w.preposition()
	}
	w.mark(ends[w.r.Below(int64(len(ends)))])
}

func (w *writer) noun() {
	switch n := w.r.Below(90); {
	case n < 10:
	case n < 30:
		w.word(adjectives)
	case n < 40:
		w.word(adjectives)
		w.mark(",")
		w.word(adjectives)
	default:
		w.word(adverbs)
		w.word(adjectives)
	}
	w.word(nouns)
}

func (w *writer) verb() {
	n := w.r.Below(72)
	if n >= 70 {
		w.word(auxiliaries)
	}
	w.word(verbs)
	if n >= 30 && n != 70 {
		w.word(adverbs)
	}
}

func (w *writer) preposition() {
	w.word(prepositions)
	w.text = append(w.text, "the "...)
	w.noun()
}

// comment appends between low and high characters of the pool.
func comment(r *dataset.Random, v *dataset.Values, low, high int64) {
	p := pool()
	n := r.Between(low, high)
	at := r.Below(int64(len(p)) - n)
	v.Bytes = append(v.Bytes, p[at:at+n]...)
	v.End()
}
