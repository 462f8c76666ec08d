package wire

import (
	"encoding/binary"

	"github.com/hubsql/hubsql/catalog/types"
)

// binaryKind chooses how values of t are sent in binary.
func binaryKind(t types.Type) cellKind {
	switch t.OID {
	case types.Bool:
		return binBool
	case types.Date:
		return binDate
	case types.Timestamp, types.TimestampTZ:
		return binTimestamp
	case types.UUID:
		return binWide
	case types.JSONB:
		return binJSONB
	case types.Numeric, types.Text, types.VarChar, types.BPChar, types.Name, types.Bytea, types.JSON, types.XML,
		types.Unknown, types.CString, types.RefCursor:
		return cellBytes
	}
	switch t.Layout() {
	case types.LayoutInt16:
		return binInt16
	case types.LayoutInt32, types.LayoutFloat32:
		return binInt32
	case types.LayoutInt64, types.LayoutFloat64:
		return binInt64
	}
	if t.IsArray() && types.SentAsStored(t) {
		return cellBytes
	}
	return cellGeneric
}

// binaryCell appends value j, which is not NULL, in binary behind its length.
func (c *column) binaryCell(dst []byte, j int) []byte {
	be := binary.BigEndian
	switch c.now {
	case binInt32:
		return be.AppendUint64(dst, 4<<32|uint64(uint32(c.i32[j])))
	case binInt64:
		dst = append(dst, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0)
		be.PutUint64(dst[len(dst)-8:], uint64(c.i64[j]))
		return dst
	case binTimestamp:
		dst = append(dst, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0)
		be.PutUint64(dst[len(dst)-8:], uint64(types.TimestampToWire(c.i64[j])))
		return dst
	case binDate:
		return be.AppendUint64(dst, 4<<32|uint64(uint32(types.DateToWire(c.i32[j]))))
	case binInt16:
		v := uint16(c.i16[j])
		return append(dst, 0, 0, 0, 2, byte(v>>8), byte(v))
	case binBool:
		return append(dst, 0, 0, 0, 1, c.vec.Bools()[j])
	case binWide:
		w := c.vec.Wides()[j]
		return be.AppendUint64(be.AppendUint64(append(dst, 0, 0, 0, 16), uint64(w.A)), uint64(w.B))
	case binJSONB:
		b := c.vec.Bytes(j)
		dst = be.AppendUint32(dst, uint32(len(b)+1))
		return append(append(dst, 1), b...)
	}
	at := len(dst)
	dst = appendScaledBinary(append(dst, 0, 0, 0, 0), c.i64[j], c.scale)
	be.PutUint32(dst[at:], uint32(len(dst)-at-4))
	return dst
}

// appendScaledBinary appends v * 10^-scale as numeric_send does. Amounts of
// money below 10^8 units, the common case, take a short way.
func appendScaledBinary(dst []byte, v int64, scale int32) []byte {
	sign := uint64(0)
	u := uint64(v)
	if v < 0 {
		sign, u = 0x4000<<16, -u
	}
	if scale != 2 || u == 0 || u >= 1e10 {
		return types.AppendScaled(dst, v, scale)
	}
	be := binary.BigEndian
	whole := u / 100
	low := (u - whole*100) * 100 // the digit behind the point
	high := whole / 10000
	mid := whole - high*10000
	// Digits are written from the first that is not zero to the last: n of them,
	// the first worth 10000^weight.
	digits, n, weight := high<<32|mid<<16|low, uint64(3), uint64(1)
	switch {
	case high != 0:
	case mid != 0:
		n, weight = 2, 0
	default:
		n, weight = 1, 0xffff
	}
	for digits&0xffff == 0 {
		digits >>= 16
		n--
	}
	dst = be.AppendUint64(dst, n<<48|weight<<32|sign|uint64(scale))
	switch n {
	case 1:
		return be.AppendUint16(dst, uint16(digits))
	case 2:
		return be.AppendUint32(dst, uint32(digits))
	}
	return be.AppendUint32(be.AppendUint16(dst, uint16(digits>>32)), uint32(digits))
}
