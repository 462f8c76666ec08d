package parquet

import (
	"slices"

	"github.com/hubsql/hubsql/exec/vector"
)

// rowFilter decides, window by window, which rows of a row group are worth
// reading: it reads the columns that predicates name before all others.
type rowFilter struct {
	steps []*step
	// work has what was read of each column of the table for the current window,
	// nil when nothing was.
	work map[int]*windowColumn
	// seen and passed count rows of the current row group; off is set when so
	// many pass that deciding first does not pay.
	seen, passed int64
	off          bool
	sel          []int32
	// some and dense are the rows that applyDense tests, and rows their numbers.
	some, dense vector.Vec
	rows        []int32
}

// step is one test with the columns that must be read for it.
type step struct {
	test    rowTest
	columns []int
	// seen and passed tell how selective the test has been.
	seen, passed int64
	// pass has, for a test of one column, a byte for each entry of dictionary
	// dictID.
	dictID uint64
	pass   []uint8
	// debt counts the rows that were tested without pass.
	debt int
	// rest counts windows for which the test is left out, because nearly
	// everything passed.
	rest    int
	dynamic *dynamic // whose rows are counted, nil for others
}

// forget makes the step start anew with a test that has changed.
func (s *step) forget() {
	s.dictID, s.debt, s.rest, s.seen, s.passed = 0, 0, 0, 0, 0
}

// windowColumn is the window of one column that tests read.
type windowColumn struct {
	chunk *chunkReader
	vec   vector.Vec
	valid vector.Bitmap
	keep  keeper
	codes []int32
	read  bool // for the current window
	paid  int64
}

// When tests stop being evaluated for the rest of a row group: after sampleRows
// rows of which more than offShare have passed.
const (
	sampleRows = 4 * vector.BatchSize
	offShare   = 0.7
	// A test that more than restShare pass rests for restWindows.
	restShare   = 0.95
	restWindows = 32
)

// newRowFilter returns a filter for the tests.
func newRowFilter(tests []rowTest) *rowFilter {
	f := &rowFilter{work: map[int]*windowColumn{}}
	for _, t := range tests {
		columns := t.columns(nil)
		slices.Sort(columns)
		f.steps = append(f.steps, &step{test: t, columns: slices.Compact(columns)})
	}
	return f
}

// columns returns the columns that the tests read.
func (f *rowFilter) columns() []int {
	var out []int
	for _, s := range f.steps {
		out = append(out, s.columns...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// begin starts a row group. The tests that removed most rows come first.
func (f *rowFilter) begin() {
	f.seen, f.passed, f.off = 0, 0, false
	slices.SortStableFunc(f.steps, func(a, b *step) int {
		x, y := a.rank(), b.rank()
		switch {
		case x < y:
			return -1
		case x > y:
			return 1
		}
		return 0
	})
	for _, s := range f.steps {
		s.seen, s.passed = s.seen/2, s.passed/2
	}
}

// rank orders tests: cheap and selective ones first.
func (s *step) rank() float64 {
	share := 0.5
	if s.seen > 0 {
		share = float64(s.passed) / float64(s.seen)
	}
	return share + 0.1*float64(len(s.columns)-1)
}

// window reads the next n rows of the columns that tests need and returns the
// rows that pass, ascending. Columns that it had no need of, whose windows are
// not read, are left where they were.
func (f *rowFilter) window(n int) ([]int32, error) {
	for _, w := range f.work {
		w.read = w.chunk == nil
	}
	f.sel = vector.Identity(f.sel, n)
	sel := f.sel
	for _, s := range f.steps {
		if len(sel) == 0 {
			break
		}
		if s.rest > 0 {
			s.rest--
			continue
		}
		for _, c := range s.columns {
			if err := f.work[c].fill(n); err != nil {
				return nil, err
			}
		}
		before := len(sel)
		sel = f.apply(s, sel)
		s.seen += int64(before)
		s.passed += int64(len(sel))
		if s.dynamic != nil {
			s.dynamic.Note(int64(len(sel)), int64(before-len(sel)))
		}
		if s.seen >= sampleRows && float64(s.passed) > restShare*float64(s.seen) {
			s.rest, s.seen, s.passed = restWindows, 0, 0
		}
	}
	f.seen += int64(n)
	f.passed += int64(len(sel))
	if f.seen >= sampleRows && float64(f.passed) > offShare*float64(f.seen) {
		f.off = true
	}
	return sel, nil
}

// end lets go of what the columns of a row group hold.
func (f *rowFilter) end() {
	for _, w := range f.work {
		w.keep.release()
		w.chunk = nil
	}
	f.steps = slices.DeleteFunc(f.steps, func(s *step) bool { return s.dynamic != nil })
}

// close gives the memory back.
func (f *rowFilter) close(m *budget) {
	f.end()
	for _, w := range f.work {
		m.release(w.paid)
	}
}

// fill reads the next n rows unless that is done.
func (w *windowColumn) fill(n int) error {
	if w.read {
		return nil
	}
	w.read = true
	w.keep.release()
	if w.vec.Valid != nil {
		w.valid = w.vec.Valid
	}
	w.chunk.codes = true
	defer func() { w.chunk.codes = false }()
	w.chunk.begin(&w.vec, n, w.valid)
	return w.chunk.read(&w.vec, 0, n, n, &w.keep)
}

// apply keeps the rows of sel that pass a step.
func (f *rowFilter) apply(s *step, sel []int32) []int32 {
	vec := func(c int) *vector.Vec { return &f.work[c].vec }
	if len(s.columns) != 1 {
		return s.test.keep(vec, sel)
	}
	v := vec(s.columns[0])
	if v.Kind != vector.Dict {
		return s.test.keep(vec, sel)
	}
	entries := f.work[s.columns[0]].chunk.dict.entries
	if s.dictID != v.DictID || s.pass == nil {
		// Testing the whole dictionary pays from about as many rows on.
		if s.debt += len(sel); 2*s.debt < entries {
			return f.applyDense(s, v, sel)
		}
	}
	pass := f.passTable(s, v.Dict, v.DictID, entries)
	if v.Valid != nil {
		return keepCodes(sel, v, pass, s.passNull(v))
	}
	k := 0
	codes := v.Codes
	if len(sel) == len(codes) {
		for i, c := range codes {
			sel[k] = int32(i)
			k += int(pass[c])
		}
		return sel[:k]
	}
	for _, i := range sel {
		sel[k] = i
		k += int(pass[codes[i]])
	}
	return sel[:k]
}

// applyDense tests the rows of sel of a dictionary vector by their values.
func (f *rowFilter) applyDense(s *step, v *vector.Vec, sel []int32) []int32 {
	vector.Gather(&f.some, v, sel, len(sel))
	vector.Gather(&f.dense, f.some.Dict, f.some.Codes, len(sel))
	f.dense.Valid = vector.And(nil, f.dense.Valid, f.some.Valid, len(sel))
	f.rows = vector.Identity(f.rows, len(sel))
	passed := s.test.keep(func(int) *vector.Vec { return &f.dense }, f.rows)
	for k, i := range passed {
		sel[k] = sel[i]
	}
	return sel[:len(passed)]
}

// keepCodes is apply for a column with NULLs.
func keepCodes(sel []int32, v *vector.Vec, pass []uint8, null uint8) []int32 {
	k := 0
	for _, i := range sel {
		sel[k] = i
		if v.Valid[i>>6]>>(uint(i)&63)&1 != 0 {
			k += int(pass[v.Codes[i]])
		} else {
			k += int(null)
		}
	}
	return sel[:k]
}

// passNull tells whether the test passes a NULL.
func (s *step) passNull(like *vector.Vec) uint8 {
	one := vector.NewNull(like.Type)
	one.Kind, one.Scaled, one.Scale = vector.Flat, like.Scaled, like.Scale
	return uint8(len(s.test.keep(func(int) *vector.Vec { return one }, []int32{0})))
}

// passTable evaluates a test of one column on a dictionary, once.
func (f *rowFilter) passTable(s *step, dict *vector.Vec, id uint64, entries int) []uint8 {
	if s.dictID == id && s.pass != nil {
		return s.pass
	}
	n := max(entries, 1)
	if cap(s.pass) < n {
		s.pass = make([]uint8, n)
	}
	s.pass = s.pass[:n]
	clear(s.pass)
	sel := vector.Identity(nil, entries)
	for _, i := range s.test.keep(func(int) *vector.Vec { return dict }, sel) {
		s.pass[i] = 1
	}
	s.dictID, s.debt = id, 0
	return s.pass
}

// maxPruneEntries is the largest dictionary that a dynamic filter is tried on
// before a row group is read.
const maxPruneEntries = 1 << 13

// excluded reports whether the dictionary of a chunk, of which all values are
// codes, has no value that passes.
func (f *rowFilter) excluded() (bool, error) {
	for _, s := range f.steps {
		if len(s.columns) != 1 {
			continue
		}
		c := f.work[s.columns[0]].chunk
		if !c.pages.allCodes() {
			continue
		}
		if err := c.dictionary(); err != nil {
			return false, err
		}
		if c.dict == nil {
			continue
		}
		if s.dynamic != nil && c.dict.entries > maxPruneEntries {
			continue
		}
		pass := f.passTable(s, c.dict.vec, c.dict.id, c.dict.entries)
		if slices.Contains(pass[:c.dict.entries], 1) {
			continue
		}
		if c.f.optional && s.passNull(c.dict.vec) != 0 {
			continue
		}
		return true, nil
	}
	return false, nil
}

// appendRows appends the rows sel of a window to v, which has at rows and room
// for size. spare is memory for the validity of v.
func (w *windowColumn) appendRows(v *vector.Vec, at, size int, sel []int32, spare vector.Bitmap, keep *keeper) {
	w.chunk.spare = spare
	src := &w.vec
	for _, b := range w.keep.blocks {
		keep.block(b)
	}
	for _, d := range w.keep.dicts {
		keep.dict(d)
	}
	n := len(sel)
	if src.Valid != nil || v.Valid != nil {
		if v.Valid == nil {
			v.Valid = w.chunk.newValid(size)
			fillBits(v.Valid, 0, at)
		}
		if src.Valid == nil {
			fillBits(v.Valid, at, n)
		} else {
			for i, s := range sel {
				v.Valid.SetTo(at+i, src.Valid[s>>6]>>(uint(s)&63)&1 != 0)
			}
		}
	}
	if src.Kind == vector.Dict && w.chunk.f.coded() && (at == 0 || v.Kind == vector.Dict && v.Dict == src.Dict) {
		if at == 0 {
			v.Kind, v.Dict, v.DictID = vector.Dict, src.Dict, src.DictID
			if cap(v.Codes) < size {
				v.Codes = make([]int32, size)
			}
			v.Codes = v.Codes[:size]
		}
		lookup(v.Codes[at:at+n], src.Codes, sel)
		return
	}
	if v.Kind == vector.Dict {
		flatten(v, at, size)
	}
	if src.Kind == vector.Dict {
		// sel may be in use afterwards.
		w.codes = w.codes[:0]
		for _, s := range sel {
			w.codes = append(w.codes, src.Codes[s])
		}
		lookupInto(v, at, src.Dict, w.codes)
		return
	}
	lookupInto(v, at, src, sel)
}
