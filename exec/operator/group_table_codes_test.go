package operator

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/memory"
	"github.com/hubsql/hubsql/exec/vector"
)

// coded makes a Dict vector of the entries that pick chooses; entry -1 is NULL.
func coded(dict *vector.Vec, id uint64, n int, pick func(i int) int) *vector.Vec {
	v := &vector.Vec{Type: dict.Type, Kind: vector.Dict, Dict: dict, DictID: id, Codes: make([]int32, n)}
	for i := range n {
		if c := pick(i); c >= 0 {
			v.Codes[i] = int32(c)
		} else {
			v.SetNull(i, n)
		}
	}
	return v
}

// texts makes a Flat vector of strings; NULL is one.
func texts(t types.Type, ss ...string) *vector.Vec {
	var ds []types.Datum
	for _, s := range ss {
		d := types.Datum{S: s}
		if s == "NULL" {
			d = types.Null
		}
		ds = append(ds, d)
	}
	return vector.FromDatums(t, ds)
}

// checkGroupsOf feeds batches to a table and compares the groups with the rows
// that key tells apart: new ones must be numbered in the order of their rows. off
// tells that the array of small keys was given up.
func checkGroupsOf(t *testing.T, ts []types.Type, batches [][]*vector.Vec, n int, key func(v *vector.Vec, i int) string) (off bool) {
	t.Helper()
	account := memory.NewRoot("test", 0)
	g := newGroupTable(account, ts)
	seen := map[string]int32{}
	for b, cols := range batches {
		for _, insert := range []bool{false, true, false} {
			groups, err := g.find(cols, n, insert)
			if err != nil {
				t.Fatal(err)
			}
			for i := range n {
				k := ""
				for _, c := range cols {
					if c.IsNull(i) {
						k += "NULL|"
					} else {
						k += fmt.Sprintf("%q|", key(c, i))
					}
				}
				want, ok := seen[k]
				switch {
				case !ok && insert:
					want = int32(len(seen))
					seen[k] = want
				case !ok:
					want = -1
				}
				if groups[i] != want {
					t.Fatalf("batch %d, row %d, %s, insert %v: group %d, want %d", b, i, k, insert, groups[i], want)
				}
			}
			if g.groups() != len(seen) {
				t.Fatalf("batch %d: %d groups, want %d", b, g.groups(), len(seen))
			}
		}
	}
	off = g.direct.off
	g.drop()
	if used := account.Used(); used != 0 {
		t.Errorf("account holds %d bytes", used)
	}
	return off
}

func datumKey(v *vector.Vec, i int) string { return show(v.Type, v.Datum(i)) }

func TestGroupsOfDictionaryCodes(t *testing.T) {
	text, char := types.Of(types.Text), types.Of(types.BPChar)
	const n = 200
	rnd := rand.New(rand.NewPCG(1, 2))
	words := func(t types.Type, from, to int) *vector.Vec {
		var ss []string
		for i := from; i < to; i++ {
			ss = append(ss, fmt.Sprintf("word number %d", i))
		}
		return texts(t, ss...)
	}
	a, b, twice := words(text, 0, 50), words(text, 25, 400), texts(text, "x", "NULL", "x", "word number 30")
	upTo := func(k int) func(int) int { return func(int) int { return rnd.IntN(k) } }
	withNulls := func(k int) func(int) int { return func(int) int { return rnd.IntN(k+1) - 1 } }
	batches := [][]*vector.Vec{
		{coded(a, 1, n, upTo(10))},
		{coded(a, 1, n, upTo(50))},
		{coded(b, 2, n, upTo(375))},
		{coded(b, 2, n, withNulls(375))},
		{coded(twice, 0, n, upTo(4))},
		{coded(a, 0, n, withNulls(50))},
		{coded(b, 0, n, upTo(375))}, // too many entries: row by row
		{words(text, 300, 300+n)},
		{coded(a, 1, n, withNulls(50))},
		{coded(b, 1, n, upTo(20))}, // the same ID of another producer
	}
	checkGroupsOf(t, []types.Type{text}, batches, n, datumKey)
	// Values that are equal and look different.
	spaces := texts(char, "a", "a  ", "b", "a ")
	checkGroupsOf(t, []types.Type{char}, [][]*vector.Vec{{coded(spaces, 3, n, upTo(4))}, {coded(spaces, 3, n, withNulls(4))}}, n,
		func(v *vector.Vec, i int) string { return v.Datum(i).S[:1] })
}

func TestGroupsOfSmallKeysSideBySide(t *testing.T) {
	text, i2, i4, i8, flag := types.Of(types.Text), types.Of(types.Int2), types.Of(types.Int4), types.Of(types.Int8), types.Of(types.Bool)
	const n = 256
	rnd := rand.New(rand.NewPCG(5, 6))
	modes, other := texts(text, "AIR", "a mode that is long", "SHIP", "NULL"), texts(text, "SHIP", "RAIL", "AIR")
	ints := func(t types.Type, low, width int64, nulls bool) *vector.Vec {
		v := vector.New(t, n)
		for i := range n {
			x := low + rnd.Int64N(width)
			switch t.OID {
			case types.Bool:
				v.Bools()[i] = uint8(x & 1)
			case types.Int2:
				v.Int16s()[i] = int16(x)
			case types.Int4:
				v.Int32s()[i] = int32(x)
			default:
				v.Int64s()[i] = x
			}
			if nulls && rnd.IntN(5) == 0 {
				v.SetNull(i, n)
			}
		}
		return v
	}
	dict := func(d *vector.Vec, id uint64, k int) *vector.Vec {
		return coded(d, id, n, func(int) int { return rnd.IntN(k+1) - 1 })
	}
	constant := func(t types.Type, d types.Datum) *vector.Vec { return vector.NewConst(t, d) }
	for name, c := range map[string]struct {
		types   []types.Type
		batches [][]*vector.Vec
		off     bool
	}{
		"two dictionaries": {types: []types.Type{text, text}, batches: [][]*vector.Vec{
			{dict(modes, 1, 2), dict(other, 2, 1)},
			{dict(modes, 1, 4), dict(other, 2, 3)},
			{dict(other, 2, 3), dict(modes, 1, 4)},
			{dict(modes, 0, 4), texts(text, make([]string, n)...)},
			{dict(modes, 0, 4), dict(other, 0, 3)},
		}},
		"a range that moves both ways": {types: []types.Type{i4, flag, text}, batches: [][]*vector.Vec{
			{ints(i4, 100, 10, false), ints(flag, 0, 1, false), dict(modes, 1, 4)},
			{ints(i4, 95, 30, true), ints(flag, 0, 2, true), dict(modes, 1, 4)},
			{ints(i4, -90, 30, true), constant(flag, types.Null), dict(other, 2, 3)},
			{constant(i4, types.IntDatum(17)), ints(flag, 0, 2, true), dict(modes, 1, 4)},
			{ints(i4, 300, 1, false), ints(flag, 0, 2, true), dict(modes, 1, 4)},
		}},
		"only NULL at first": {types: []types.Type{i2, i8}, batches: [][]*vector.Vec{
			{constant(i2, types.Null), constant(i8, types.Null)},
			{ints(i2, 5, 3, true), ints(i8, math.MaxInt64-4, 4, false)},
			{ints(i2, -3, 3, true), ints(i8, math.MaxInt64-8, 8, true)},
		}},
		"the lowest values": {types: []types.Type{i8, i2}, batches: [][]*vector.Vec{
			{ints(i8, math.MinInt64+9, 4, false), ints(i2, 0, 2, false)}, {ints(i8, math.MinInt64, 12, true), ints(i2, -1, 4, false)},
		}},
		"too far apart within a batch": {types: []types.Type{i8, i2}, off: true, batches: [][]*vector.Vec{
			{ints(i8, 0, 9, false), ints(i2, 0, 9, true)},
			{ints(i8, math.MinInt64/2, math.MaxInt64, true), ints(i2, 0, 9, false)},
			{ints(i8, 0, 9, true), ints(i2, 0, 9, true)},
		}},
		"too far apart later": {types: []types.Type{i8, i2}, off: true, batches: [][]*vector.Vec{
			{ints(i8, math.MaxInt64-9, 9, true), ints(i2, 0, 9, true)}, {ints(i8, math.MinInt64, 9, true), ints(i2, 0, 9, true)}, {ints(i8, 0, 9, true), ints(i2, 0, 9, true)},
		}},
		"too many bits together": {types: []types.Type{i4, i4}, off: true, batches: [][]*vector.Vec{
			{ints(i4, 0, 100, true), ints(i4, 0, 100, true)}, {ints(i4, 0, 600, true), ints(i4, 0, 600, true)}, {ints(i4, 0, 100, true), ints(i4, 0, 100, true)},
		}},
		"a dictionary after NULLs": {types: []types.Type{i4, flag}, batches: [][]*vector.Vec{
			{constant(i4, types.Null), constant(flag, types.BoolDatum(true))},
			{coded(vector.FromDatums(i4, []types.Datum{types.IntDatum(3)}), 9, n, func(int) int { return 0 }), constant(flag, types.BoolDatum(true))},
		}},
		"a dictionary after integers": {types: []types.Type{i4, flag}, off: true, batches: [][]*vector.Vec{
			{ints(i4, 0, 5, true), ints(flag, 0, 2, false)},
			{coded(vector.FromDatums(i4, []types.Datum{types.IntDatum(3), types.IntDatum(77)}), 9, n, func(int) int { return rnd.IntN(3) - 1 }), ints(flag, 0, 2, true)},
			{ints(i4, 0, 5, true), ints(flag, 0, 2, false)},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			if off := checkGroupsOf(t, c.types, c.batches, n, datumKey); off != c.off {
				t.Errorf("given up: %v", off)
			}
		})
	}
}

// TestGroupsWithoutMemoryForTheArray finds the groups row by row when there is
// no memory for anything else.
func TestGroupsWithoutMemoryForTheArray(t *testing.T) {
	i4 := types.Of(types.Int4)
	for limit := int64(4 << 10); limit < 2<<20; limit *= 2 {
		account := memory.NewRoot("test", limit)
		g := newGroupTable(account, []types.Type{i4, i4})
		g.mem.step, g.store.step = 1024, 1024
		a, b := vector.New(i4, 1024), vector.New(i4, 1024)
		for i := range 1024 {
			a.Int32s()[i], b.Int32s()[i] = int32(i%180), int32(i%3)
		}
		for range 3 {
			groups, err := g.find([]*vector.Vec{a, b}, 1024, true)
			if err != nil {
				if limit >= 256<<10 {
					t.Errorf("limit %d: %v", limit, err)
				}
				break
			}
			for i, x := range groups {
				if int(x) != i%180 {
					t.Fatalf("limit %d, row %d: group %d", limit, i, x)
				}
			}
		}
		g.drop()
		if account.Used() != 0 {
			t.Errorf("limit %d: %d bytes are left", limit, account.Used())
		}
	}
}
