package vector

import (
	"slices"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/bitutil"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// Arrow's arrays and HubSQL's vectors agree on integers, floats, dates,
// microseconds and string bytes: those buffers are shared, not copied. Booleans
// are unpacked from bits to bytes, strings with offsets get views, decimals of
// up to 18 digits become scaled integers.

// ArrowType returns the SQL type of an Arrow type, ok false when there is none.
func ArrowType(t arrow.DataType) (sql types.Type, ok bool) {
	switch t := t.(type) {
	case *arrow.BooleanType:
		return types.Of(types.Bool), true
	case *arrow.Int8Type, *arrow.Int16Type, *arrow.Uint8Type:
		return types.Of(types.Int2), true
	case *arrow.Int32Type, *arrow.Uint16Type:
		return types.Of(types.Int4), true
	case *arrow.Int64Type, *arrow.Uint32Type:
		return types.Of(types.Int8), true
	case *arrow.Float32Type:
		return types.Of(types.Float4), true
	case *arrow.Float64Type:
		return types.Of(types.Float8), true
	case *arrow.Date32Type:
		return types.Of(types.Date), true
	case *arrow.TimestampType:
		if t.Unit != arrow.Microsecond {
			return types.Type{}, false
		}
		if t.TimeZone != "" {
			return types.Of(types.TimestampTZ), true
		}
		return types.Of(types.Timestamp), true
	case *arrow.Decimal128Type:
		if t.Scale < 0 || t.Scale > t.Precision {
			return types.Type{}, false
		}
		return types.NumericType(int(t.Precision), int(t.Scale)), true
	case *arrow.StringType, *arrow.LargeStringType, *arrow.StringViewType:
		return types.Of(types.Text), true
	case *arrow.BinaryType, *arrow.LargeBinaryType, *arrow.BinaryViewType:
		return types.Of(types.Bytea), true
	case *arrow.DictionaryType:
		return ArrowType(t.ValueType)
	}
	return types.Type{}, false
}

// FromArrow returns a as a vector. The vector shares a's buffers where the
// layouts agree, so a must be retained for as long as the vector is used. An
// Arrow type without a SQL type is 0A000.
func FromArrow(a arrow.Array) (*Vec, error) {
	t, ok := ArrowType(a.DataType())
	if !ok {
		return nil, pgerror.NotSupported("Arrow type %s is not supported", a.DataType())
	}
	n := a.Len()
	v := &Vec{Type: t, Valid: arrowValid(a)}
	switch a := a.(type) {
	case *array.Boolean:
		v.Resize(n)
		dst := v.Bools()
		bits, off := a.Data().Buffers()[1].Bytes(), a.Data().Offset()
		for i := range n {
			dst[i] = bits[(off+i)>>3] >> (uint(off+i) & 7) & 1
		}
	case *array.Int8:
		widen(v, n, a.Int8Values(), (*Vec).Int16s)
	case *array.Uint8:
		widen(v, n, a.Uint8Values(), (*Vec).Int16s)
	case *array.Uint16:
		widen(v, n, a.Uint16Values(), (*Vec).Int32s)
	case *array.Uint32:
		widen(v, n, a.Uint32Values(), (*Vec).Int64s)
	case *array.Int16:
		share(v, n, a.Int16Values())
	case *array.Int32:
		share(v, n, a.Int32Values())
	case *array.Int64:
		share(v, n, a.Int64Values())
	case *array.Float32:
		share(v, n, a.Float32Values())
	case *array.Float64:
		share(v, n, a.Float64Values())
	case *array.Date32:
		share(v, n, a.Date32Values())
	case *array.Timestamp:
		share(v, n, a.TimestampValues())
	case *array.Decimal128:
		fromDecimals(v, n, a)
	case *array.String:
		views(v, n, a.ValueBytes(), a.ValueOffset)
	case *array.LargeString:
		return v, largeViews(v, n, a.ValueBytes(), a.ValueOffset)
	case *array.Binary:
		views(v, n, a.ValueBytes(), func(i int) int { return int(a.ValueOffsets()[i]) })
	case *array.LargeBinary:
		return v, largeViews(v, n, a.ValueBytes(), func(i int) int64 { return a.ValueOffsets()[i] })
	case *array.StringView:
		fromViews(v, n, a.Data())
	case *array.BinaryView:
		fromViews(v, n, a.Data())
	case *array.Dictionary:
		dict, err := FromArrow(a.Dictionary())
		if err != nil {
			return nil, err
		}
		v.Kind, v.Dict = Dict, dict
		v.Codes = make([]int32, n)
		if a.Dictionary().Len() == 0 {
			// The codes of NULL rows need an entry to point at.
			v.Dict = New(t, 1)
			clear(v.Dict.data)
			break
		}
		for i := range n {
			if a.IsValid(i) {
				v.Codes[i] = int32(a.GetValueIndex(i))
			}
		}
	default:
		return nil, pgerror.NotSupported("Arrow type %s is not supported", a.DataType())
	}
	return v, nil
}

// arrowValid returns the validity of a, nil when nothing is NULL.
func arrowValid(a arrow.Array) Bitmap {
	n := a.Len()
	if a.NullN() == 0 {
		return nil
	}
	bits, off := a.NullBitmapBytes(), a.Data().Offset()
	out := make(Bitmap, (n+63)/64)
	for i := range n {
		if bitutil.BitIsSet(bits, off+i) {
			out.Set(i)
		}
	}
	return out
}

// share makes vals the backing store of v when it may be one (whole words,
// aligned), else copies them.
func share[T any](v *Vec, n int, vals []T) {
	var zero T
	size := n * int(unsafe.Sizeof(zero))
	p := unsafe.Pointer(unsafe.SliceData(vals))
	if n > 0 && size%8 == 0 && uintptr(p)%8 == 0 {
		v.data = unsafe.Slice((*uint64)(p), size/8)
		return
	}
	v.Resize(n)
	copy(Values[T](v), vals)
}

// widen copies integers into a wider layout.
func widen[D int16 | int32 | int64, S int8 | uint8 | uint16 | uint32](v *Vec, n int, vals []S, of func(*Vec) []D) {
	v.Resize(n)
	dst := of(v)
	for i, x := range vals[:n] {
		dst[i] = D(x)
	}
}

// views makes v the views on the strings of bytes, which begin at offset 0 of
// the array's first value.
func views(v *Vec, n int, bytes []byte, offset func(int) int) {
	v.Resize(n)
	v.Bufs = [][]byte{slices.Clip(bytes)}
	if n == 0 {
		return
	}
	base := offset(0)
	for i := range n {
		from, to := offset(i)-base, len(bytes)
		if i+1 < n {
			to = offset(i+1) - base
		}
		v.SetView(i, 0, from, to-from)
	}
}

// largeViews is views for 64-bit offsets; a view reaches 2 GB.
func largeViews(v *Vec, n int, bytes []byte, offset func(int) int64) error {
	if len(bytes) > 1<<31-1 {
		return pgerror.NotSupported("Arrow strings of more than 2 GB in one array are not supported")
	}
	views(v, n, bytes, func(i int) int { return int(offset(i)) })
	return nil
}

// fromViews shares the buffers of a view array; only the views are copied when
// the array is a slice of another.
func fromViews(v *Vec, n int, d arrow.ArrayData) {
	bufs := d.Buffers()
	v.Resize(n)
	if n > 0 {
		copy(Values[byte](v)[:16*n], bufs[1].Bytes()[16*d.Offset():])
	}
	for _, b := range bufs[2:] {
		bytes := b.Bytes()
		v.Bufs = append(v.Bufs, slices.Clip(bytes))
	}
}

// fromDecimals converts decimals: scaled integers when the precision allows,
// PostgreSQL's binary form otherwise.
func fromDecimals(v *Vec, n int, a *array.Decimal128) {
	t := a.DataType().(*arrow.Decimal128Type)
	vals := a.Values()
	if t.Precision <= 18 {
		v.Scaled, v.Scale = true, t.Scale
		v.Resize(n)
		dst := v.Int64s()
		for i := range n {
			dst[i] = int64(vals[i].LowBits())
		}
		return
	}
	v.Resize(n)
	var scratch []byte
	for i := range n {
		if a.IsNull(i) {
			v.Views()[i] = View{}
			continue
		}
		scratch = types.NumFromBig(vals[i].BigInt(), t.Scale).Append(scratch[:0])
		v.SetBytes(i, scratch)
	}
}

// ToArrow returns the first n rows of v as an Arrow array that the caller
// releases. It shares v's buffers where the layouts agree, so v must stay
// unchanged until then. Types without an Arrow layout are delivered as 0A000;
// a numeric without precision cannot be a decimal and is one of them.
func ToArrow(v *Vec, n int) (arrow.Array, error) {
	if v.Kind == Const {
		flat := *v
		flat.Flatten(n)
		v = &flat
	}
	if v.Kind == Dict {
		return dictToArrow(v, n)
	}
	var valid *memory.Buffer
	nulls := 0
	if v.Valid != nil {
		if nulls = v.NullCount(n); nulls > 0 {
			valid = memory.NewBufferBytes(wordBytes(v.Valid, (n+7)/8))
		}
	}
	fixed := func(t arrow.DataType, width int) (arrow.Array, error) {
		data := array.NewData(t, n, []*memory.Buffer{valid, memory.NewBufferBytes(wordBytes(v.data, n*width))}, nil, nulls, 0)
		defer data.Release()
		return array.MakeFromData(data), nil
	}
	switch v.Type.OID {
	case types.Bool:
		bits := make([]byte, (n+7)/8)
		for i, x := range v.Bools()[:n] {
			bits[i>>3] |= x << (uint(i) & 7)
		}
		data := array.NewData(arrow.FixedWidthTypes.Boolean, n, []*memory.Buffer{valid, memory.NewBufferBytes(bits)}, nil, nulls, 0)
		defer data.Release()
		return array.MakeFromData(data), nil
	case types.Int2:
		return fixed(arrow.PrimitiveTypes.Int16, 2)
	case types.Int4:
		return fixed(arrow.PrimitiveTypes.Int32, 4)
	case types.Int8:
		return fixed(arrow.PrimitiveTypes.Int64, 8)
	case types.Float4:
		return fixed(arrow.PrimitiveTypes.Float32, 4)
	case types.Float8:
		return fixed(arrow.PrimitiveTypes.Float64, 8)
	case types.Date:
		return fixed(arrow.FixedWidthTypes.Date32, 4)
	case types.Timestamp:
		return fixed(&arrow.TimestampType{Unit: arrow.Microsecond}, 8)
	case types.TimestampTZ:
		return fixed(&arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}, 8)
	case types.Numeric:
		return decimalsToArrow(v, n, valid, nulls)
	case types.Bytea:
		return viewsToArrow(v, n, arrow.BinaryTypes.BinaryView, valid, nulls)
	case types.Text, types.VarChar, types.BPChar, types.Name, types.JSON, types.JSONB, types.XML:
		return viewsToArrow(v, n, arrow.BinaryTypes.StringView, valid, nulls)
	}
	return nil, pgerror.NotSupported("type %s has no Arrow form", types.FormatType(v.Type))
}

// wordBytes views the first size bytes of words.
func wordBytes(words []uint64, size int) []byte {
	if size == 0 {
		return []byte{}
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(words))), len(words)*8)[:size]
}

// viewsToArrow shares views and their buffers.
func viewsToArrow(v *Vec, n int, t arrow.DataType, valid *memory.Buffer, nulls int) (arrow.Array, error) {
	bufs := []*memory.Buffer{valid, memory.NewBufferBytes(wordBytes(v.data, 16*n))}
	for _, b := range v.Bufs {
		bufs = append(bufs, memory.NewBufferBytes(b))
	}
	data := array.NewData(t, n, bufs, nil, nulls, 0)
	defer data.Release()
	return array.MakeFromData(data), nil
}

// decimalsToArrow makes decimals of a numeric with precision and scale.
func decimalsToArrow(v *Vec, n int, valid *memory.Buffer, nulls int) (arrow.Array, error) {
	p, s, ok := v.Type.NumericMod()
	switch {
	case !ok && v.Scaled:
		p, s = 18, int(v.Scale)
	case !ok || p > 38 || s < 0 || s > p:
		return nil, pgerror.NotSupported("type %s has no Arrow form", types.FormatType(v.Type))
	}
	vals := make([]decimal128.Num, n)
	for i := range n {
		if v.IsNull(i) {
			continue
		}
		if v.Scaled && int(v.Scale) == s {
			vals[i] = decimal128.FromI64(v.Int64s()[i])
			continue
		}
		var num types.Num
		if v.Scaled {
			num = types.NumFromScaled(v.Int64s()[i], v.Scale)
		} else {
			num = types.DecodeNumeric(v.Bytes(i))
		}
		if num.IsNaN() || num.IsInf() {
			return nil, pgerror.New(pgerror.NumericValueOutOfRange, "NaN and Infinity have no Arrow decimal form")
		}
		x := num.Round(int32(s)).Unscaled()
		vals[i] = decimal128.FromBigInt(x)
	}
	raw := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(vals))), 16*n)
	if n == 0 {
		raw = []byte{}
	}
	data := array.NewData(&arrow.Decimal128Type{Precision: int32(p), Scale: int32(s)}, n, []*memory.Buffer{valid, memory.NewBufferBytes(raw)}, nil, nulls, 0)
	defer data.Release()
	return array.MakeFromData(data), nil
}

// dictToArrow shares the codes and the dictionary.
func dictToArrow(v *Vec, n int) (arrow.Array, error) {
	entries := int32(0)
	for _, c := range v.Codes[:n] {
		entries = max(entries, c+1)
	}
	dict, err := ToArrow(v.Dict, int(entries))
	if err != nil {
		return nil, err
	}
	defer dict.Release()
	var valid *memory.Buffer
	nulls := 0
	if nulls = v.NullCount(n); nulls > 0 {
		bits := make([]byte, (n+7)/8)
		for i := range n {
			if !v.IsNull(i) {
				bits[i>>3] |= 1 << (uint(i) & 7)
			}
		}
		valid = memory.NewBufferBytes(bits)
	}
	codes := []byte{}
	if n > 0 {
		codes = unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(v.Codes))), 4*n)
	}
	index := array.NewData(arrow.PrimitiveTypes.Int32, n, []*memory.Buffer{valid, memory.NewBufferBytes(codes)}, nil, nulls, 0)
	defer index.Release()
	indices := array.MakeFromData(index)
	defer indices.Release()
	return array.NewDictionaryArray(&arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int32, ValueType: dict.DataType()}, indices, dict), nil
}
