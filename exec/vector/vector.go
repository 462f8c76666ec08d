// Package vector is the in-memory form of rows: batches of column vectors over
// Arrow-layout buffers with a selection vector.
//
// Ownership: an operator or reader owns the batches it returns; a batch and
// every buffer in it stay valid until the next call of Next or Close on that
// producer. Whoever keeps values longer copies them (Gather, Builder).
package vector

import (
	"unsafe"

	"github.com/hubsql/hubsql/catalog/types"
)

// BatchSize is the number of rows that operators work on at a time. Ten columns
// of it fit the first two cache levels. It is a multiple of 64, so that slicing
// a longer column at batch boundaries never splits a validity word.
const BatchSize = 2048

// Batch is a set of equally long columns. When Sel is not nil only the rows it
// lists, in ascending order, belong to the batch.
type Batch struct {
	// N is the physical length of every column (Const columns have no length).
	N    int
	Sel  []int32
	Cols []*Vec
}

// Rows returns the number of rows that belong to the batch.
func (b *Batch) Rows() int {
	if b.Sel != nil {
		return len(b.Sel)
	}
	return b.N
}

// Kind says how a vector stores its values.
type Kind uint8

// Kinds.
const (
	// Flat stores value i at index i.
	Flat Kind = iota
	// Const stores one value, at index 0, that stands for every row.
	Const
	// Dict stores in Codes[i] the index of value i in the Flat vector Dict.
	// NULL rows are marked in the Dict vector's own Valid as well as outside:
	// a row is NULL when its bit in Valid is clear or its dictionary entry is
	// NULL.
	Dict
)

// Vec is one column of a batch: a view over Arrow-layout buffers. The fields in
// use depend on the layout of Type.
type Vec struct {
	Type types.Type
	Kind Kind
	// Scaled is meaningful for LayoutNumeric: values are int64 in units of
	// 10^-Scale, and every value has the display scale Scale.
	Scaled bool
	Scale  int32
	// Valid has one bit per row, set when the row is not NULL; nil means that
	// no row is NULL. Bits beyond the length are undefined.
	Valid Bitmap
	data  []uint64 // backing store; typed access through Values
	// Bufs holds the bytes that the views of LayoutBytes (and of unscaled
	// LayoutNumeric) point into.
	Bufs  [][]byte
	Dict  *Vec
	Codes []int32
	// DictID identifies the dictionary across batches, 0 when unknown: equal
	// non-zero IDs from one producer mean the same Dict contents.
	DictID uint64
}

// Wide is one value of LayoutWide.
type Wide struct{ A, B int64 }

// View is Arrow's 16-byte string view: up to 12 bytes inline, else a 4-byte
// prefix, a buffer index and an offset.
type View struct {
	Len int32
	// Prefix and the two words behind it hold the bytes of a short value.
	Prefix [4]byte
	Buf    int32
	Off    int32
}

// MaxInline is the longest value that lives in the view itself.
const MaxInline = 12

// New returns a Flat vector of type t with room for n values, all zero. A
// numeric vector is made for views; NewScaled makes the other form.
func New(t types.Type, n int) *Vec {
	v := &Vec{Type: t}
	v.Resize(n)
	return v
}

// NewScaled returns a Flat numeric vector of scaled int64 values.
func NewScaled(t types.Type, scale int32, n int) *Vec {
	v := &Vec{Type: t, Scaled: true, Scale: scale}
	v.Resize(n)
	return v
}

// width returns the bytes per value of v's physical form.
func (v *Vec) width() int {
	switch v.Type.Layout() {
	case types.LayoutBool:
		return 1
	case types.LayoutInt16:
		return 2
	case types.LayoutInt32, types.LayoutFloat32:
		return 4
	case types.LayoutInt64, types.LayoutFloat64:
		return 8
	case types.LayoutNumeric:
		if v.Scaled {
			return 8
		}
	}
	return 16
}

// Resize makes room for n values, reusing the backing store when it is large
// enough. The values are undefined afterwards.
func (v *Vec) Resize(n int) {
	words := (n*v.width() + 7) / 8
	if cap(v.data) >= words {
		v.data = v.data[:words]
		return
	}
	v.data = make([]uint64, words)
}

// Reset makes v an empty Flat vector of type t with room for n values and no
// NULLs, keeping its backing store. For a numeric type the unscaled form is
// chosen; set Scaled and call Resize for the other.
func (v *Vec) Reset(t types.Type, n int) {
	*v = Vec{Type: t, data: v.data, Bufs: v.Bufs[:0]}
	v.Resize(n)
}

// Values returns the values of v as a slice of T, which must have the width of
// v's layout: uint8 for LayoutBool, int16, int32, int64, float32, float64, Wide
// or View. The slice is as long as the backing store allows, at least the
// length v was sized for.
func Values[T any](v *Vec) []T {
	if len(v.data) == 0 {
		return nil
	}
	var zero T
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(v.data))), len(v.data)*8/int(unsafe.Sizeof(zero)))
}

// Bools returns the bytes of a LayoutBool vector.
func (v *Vec) Bools() []uint8 { return Values[uint8](v) }

// Int16s returns the values of a LayoutInt16 vector.
func (v *Vec) Int16s() []int16 { return Values[int16](v) }

// Int32s returns the values of a LayoutInt32 vector.
func (v *Vec) Int32s() []int32 { return Values[int32](v) }

// Int64s returns the values of a LayoutInt64 or scaled numeric vector.
func (v *Vec) Int64s() []int64 { return Values[int64](v) }

// Float32s returns the values of a LayoutFloat32 vector.
func (v *Vec) Float32s() []float32 { return Values[float32](v) }

// Float64s returns the values of a LayoutFloat64 vector.
func (v *Vec) Float64s() []float64 { return Values[float64](v) }

// Wides returns the values of a LayoutWide vector.
func (v *Vec) Wides() []Wide { return Values[Wide](v) }

// Views returns the views of a LayoutBytes or unscaled numeric vector.
func (v *Vec) Views() []View { return Values[View](v) }

// Wrap returns a Flat vector over words, a backing store in v's layout that the
// caller keeps alive and unchanged. It is how connectors hand over decoded
// pages without copying.
func Wrap(t types.Type, words []uint64) *Vec { return &Vec{Type: t, data: words} }

// Backing returns the raw backing store, for spilling and for Slice.
func (v *Vec) Backing() []uint64 { return v.data }

// Slice returns rows [from, to) of a vector as a view on the same buffers. from
// must be a multiple of 64.
func (v *Vec) Slice(from, to int) *Vec {
	out := *v
	if v.Kind == Const {
		return &out
	}
	if v.Valid != nil {
		out.Valid = v.Valid[from/64:]
	}
	if v.Kind == Dict {
		out.Codes = v.Codes[from:to]
		return &out
	}
	w := v.width()
	out.data = v.data[from*w/8 : (to*w+7)/8]
	return &out
}

// index maps a row to the index of its value in the vector that stores it.
func (v *Vec) index(i int) (*Vec, int) {
	switch v.Kind {
	case Const:
		return v, 0
	case Dict:
		return v.Dict, int(v.Codes[i])
	}
	return v, i
}

// IsNull reports whether row i is NULL.
func (v *Vec) IsNull(i int) bool {
	switch v.Kind {
	case Const:
		return v.Valid != nil && !v.Valid.Get(0)
	case Dict:
		if v.Valid != nil && !v.Valid.Get(i) {
			return true
		}
		return v.Dict.Valid != nil && !v.Dict.Valid.Get(int(v.Codes[i]))
	}
	return v.Valid != nil && !v.Valid.Get(i)
}

// Bytes returns the bytes of row i of a LayoutBytes or unscaled numeric vector,
// without copying; they live as long as the vector.
func (v *Vec) Bytes(i int) []byte {
	v, i = v.index(i)
	return v.view(i)
}

// view returns the bytes behind view i of a Flat or Const vector.
func (v *Vec) view(i int) []byte {
	w := (*View)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(v.data)), i*16))
	if w.Len <= MaxInline {
		return unsafe.Slice((*byte)(unsafe.Pointer(&w.Prefix)), int(w.Len))
	}
	b := v.Bufs[w.Buf]
	return b[w.Off : int(w.Off)+int(w.Len) : int(w.Off)+int(w.Len)]
}

// String returns row i like Bytes, as a string that shares memory with the
// vector: it must not be kept longer than the vector.
func (v *Vec) String(i int) string {
	b := v.Bytes(i)
	return unsafe.String(unsafe.SliceData(b), len(b))
}

// SetBytes stores a copy of b as value i of a Flat or Const vector.
func (v *Vec) SetBytes(i int, b []byte) {
	w := (*View)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(v.data)), i*16))
	*w = View{Len: int32(len(b))}
	if len(b) <= MaxInline {
		copy(unsafe.Slice((*byte)(unsafe.Pointer(&w.Prefix)), MaxInline), b)
		return
	}
	copy(w.Prefix[:], b)
	last := len(v.Bufs) - 1
	if last < 0 || cap(v.Bufs[last])-len(v.Bufs[last]) < len(b) {
		size := 4096
		if last >= 0 {
			size = min(2*cap(v.Bufs[last]), 1<<20)
		}
		v.Bufs = append(v.Bufs, make([]byte, 0, max(size, len(b))))
		last++
	}
	w.Buf, w.Off = int32(last), int32(len(v.Bufs[last]))
	v.Bufs[last] = append(v.Bufs[last], b...)
}

// SetString stores a copy of s as value i of a Flat or Const vector.
func (v *Vec) SetString(i int, s string) {
	v.SetBytes(i, unsafe.Slice(unsafe.StringData(s), len(s)))
}

// SetView stores as value i a view on buf[off:off+n], where buf is an index
// into Bufs. Values of up to 12 bytes are copied into the view.
func (v *Vec) SetView(i int, buf, off, n int) {
	b := v.Bufs[buf][off : off+n]
	w := (*View)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(v.data)), i*16))
	*w = View{Len: int32(n)}
	if n <= MaxInline {
		copy(unsafe.Slice((*byte)(unsafe.Pointer(&w.Prefix)), MaxInline), b)
		return
	}
	copy(w.Prefix[:], b)
	w.Buf, w.Off = int32(buf), int32(off)
}

// SetNull marks row i of n rows as NULL, creating the bitmap when needed.
func (v *Vec) SetNull(i, n int) {
	if v.Valid == nil {
		v.Valid = NewBitmap(n)
	}
	v.Valid.Clear(i)
}

// Int returns row i of an integer-like layout (bool, int2/4/8, scaled numeric)
// widened to int64.
func (v *Vec) Int(i int) int64 {
	v, i = v.index(i)
	switch v.width() {
	case 1:
		return int64(v.Bools()[i])
	case 2:
		return int64(v.Int16s()[i])
	case 4:
		return int64(v.Int32s()[i])
	}
	return v.Int64s()[i]
}

// Equal reports whether row i of a and row j of b hold the same bytes, as Bytes
// returns them. It does not look at NULLs.
func Equal(a *Vec, i int, b *Vec, j int) bool {
	return string(a.Bytes(i)) == string(b.Bytes(j))
}
