package kernel

import (
	"bytes"
	"encoding/binary"
	"math"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/vector"
)

// element is one element of an array or record in binary form.
type element struct {
	oid  types.OID
	null bool
	b    []byte
}

// elements reads the elements of an array or record in binary form one by one.
type elements struct {
	b     []byte
	n     int
	array bool
	oid   types.OID
	dims  []byte
}

// openElements starts reading; malformed input reads as empty.
func openElements(t types.Type, b []byte) elements {
	if t.IsRow() {
		if len(b) < 4 {
			return elements{}
		}
		return elements{b: b[4:], n: int(binary.BigEndian.Uint32(b))}
	}
	if len(b) < 12 {
		return elements{array: true}
	}
	dims := int(binary.BigEndian.Uint32(b))
	if dims < 0 || dims > 6 || len(b) < 12+8*dims {
		return elements{array: true}
	}
	e := elements{array: true, oid: types.OID(binary.BigEndian.Uint32(b[8:])), dims: b[12 : 12+8*dims], b: b[12+8*dims:]}
	if dims > 0 {
		e.n = 1
		for i := range dims {
			e.n *= int(int32(binary.BigEndian.Uint32(b[12+8*i:])))
		}
	}
	return e
}

// next returns the next element, ok false at the end.
func (e *elements) next() (element, bool) {
	oid := e.oid
	if e.n <= 0 {
		return element{}, false
	}
	if !e.array {
		if len(e.b) < 4 {
			return element{}, false
		}
		oid, e.b = types.OID(binary.BigEndian.Uint32(e.b)), e.b[4:]
	}
	if len(e.b) < 4 {
		return element{}, false
	}
	n := int(int32(binary.BigEndian.Uint32(e.b)))
	e.b = e.b[4:]
	e.n--
	if n < 0 {
		return element{oid: oid, null: true}, true
	}
	if n > len(e.b) {
		return element{}, false
	}
	v := element{oid: oid, b: e.b[:n]}
	e.b = e.b[n:]
	return v, true
}

// CompareComposite orders two arrays or records in binary form as PostgreSQL
// does: element by element, NULL above everything and equal to NULL, then by
// the number of elements, then by the dimensions.
func CompareComposite(t types.Type, a, b []byte) int {
	x, y := openElements(t, a), openElements(t, b)
	nx, ny := x.n, y.n
	for {
		p, okp := x.next()
		q, okq := y.next()
		if !okp || !okq {
			break
		}
		switch {
		case p.null && q.null:
			continue
		case p.null:
			return 1
		case q.null:
			return -1
		}
		if c := CompareBinary(types.Of(p.oid), p.b, q.b); c != 0 {
			return c
		}
	}
	if nx != ny {
		return Order(nx, ny)
	}
	if len(x.dims) != len(y.dims) {
		return Order(len(x.dims), len(y.dims))
	}
	return bytes.Compare(x.dims, y.dims)
}

// CompareBinary orders two values of type t in PostgreSQL's binary form.
func CompareBinary(t types.Type, a, b []byte) int {
	switch t.Layout() {
	case types.LayoutInt16, types.LayoutInt32, types.LayoutInt64:
		if Unsigned(t) {
			return bytes.Compare(a, b)
		}
		return Order(bigEndian(a), bigEndian(b))
	case types.LayoutFloat32, types.LayoutFloat64:
		return OrderFloat(floatBinary(a), floatBinary(b))
	case types.LayoutNumeric:
		if len(a) < 8 || len(b) < 8 {
			return bytes.Compare(a, b)
		}
		return CompareNumeric(a, b)
	case types.LayoutWide:
		if len(a) == len(b) && t.OID != types.UUID && (len(a) == 16 || len(a) == 12) {
			return OrderWide(t.OID)(wideBinary(a), wideBinary(b))
		}
	}
	switch {
	case t.OID == types.BPChar:
		return bytes.Compare(TrimBlanks(a), TrimBlanks(b))
	case t.IsArray() || t.IsRow():
		return CompareComposite(t, a, b)
	}
	return bytes.Compare(a, b)
}

// bigEndian reads a signed integer of 1, 2, 4 or 8 bytes.
func bigEndian(b []byte) int64 {
	switch len(b) {
	case 8:
		return int64(binary.BigEndian.Uint64(b))
	case 4:
		return int64(int32(binary.BigEndian.Uint32(b)))
	case 2:
		return int64(int16(binary.BigEndian.Uint16(b)))
	case 1:
		return int64(b[0])
	}
	return 0
}

// floatBinary reads a float4 or float8.
func floatBinary(b []byte) float64 {
	if len(b) == 4 {
		return float64(math.Float32frombits(binary.BigEndian.Uint32(b)))
	}
	if len(b) == 8 {
		return math.Float64frombits(binary.BigEndian.Uint64(b))
	}
	return 0
}

// wideBinary reads an interval (µs, days, months) or a timetz (µs, zone).
func wideBinary(b []byte) vector.Wide {
	w := vector.Wide{A: int64(binary.BigEndian.Uint64(b))}
	if len(b) == 12 {
		w.B = int64(int32(binary.BigEndian.Uint32(b[8:])))
		return w
	}
	w.B = int64(int32(binary.BigEndian.Uint32(b[12:])))<<32 | int64(binary.BigEndian.Uint32(b[8:]))
	return w
}

// hashComposite hashes an array or record so that equal ones hash equal.
func hashComposite(t types.Type, b []byte) uint64 {
	e := openElements(t, b)
	h := HashBytes(e.dims)
	for {
		p, ok := e.next()
		if !ok {
			return h
		}
		h = mix(h, hashElement(p))
	}
}

// hashElement hashes one element.
func hashElement(p element) uint64 {
	if p.null {
		return hashNull
	}
	t := types.Of(p.oid)
	switch t.Layout() {
	case types.LayoutFloat32, types.LayoutFloat64:
		return hashFloat(floatBinary(p.b))
	case types.LayoutNumeric:
		if len(p.b) >= 8 {
			return hashNumericBytes(p.b)
		}
	case types.LayoutWide:
		if t.OID == types.Interval && len(p.b) == 16 {
			hi, lo := IntervalSpan(wideBinary(p.b))
			return fold(lo^k0, uint64(hi)^k1)
		}
	}
	switch {
	case t.OID == types.BPChar:
		return HashBytes(TrimBlanks(p.b))
	case t.IsArray() || t.IsRow():
		return hashComposite(t, p.b)
	}
	return HashBytes(p.b)
}
