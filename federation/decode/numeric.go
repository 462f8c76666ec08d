package decode

import (
	"encoding/binary"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// maxDigits limits what an exponent may ask for (PostgreSQL's limits of digits
// before and behind the point).
const (
	maxIntegerDigits = 131072
	maxScaleDigits   = 16383
)

// decimal is a parsed numeric: 0.digits * 10^point. digits has no sign.
type decimal struct {
	neg    bool
	digits []byte // values 0..9, most significant first
	point  int    // digits before the decimal point (may be negative or beyond)
	scale  int    // display scale
}

// parseDecimal parses [sign]digits[.digits][e[sign]digits] into d, using its
// memory again.
func (d *decimal) parse(b []byte) bool {
	b = trim(b)
	d.neg, d.digits, d.point, d.scale = false, d.digits[:0], 0, 0
	if len(b) > 0 && (b[0] == '-' || b[0] == '+') {
		d.neg = b[0] == '-'
		b = b[1:]
	}
	seen, point := false, false
	i := 0
	for ; i < len(b); i++ {
		x := b[i]
		if x == '.' && !point {
			point = true
			continue
		}
		if x-'0' > 9 {
			break
		}
		seen = true
		d.digits = append(d.digits, x-'0')
		if point {
			d.scale++
		} else {
			d.point++
		}
	}
	if !seen {
		return false
	}
	if i < len(b) {
		if b[i] != 'e' && b[i] != 'E' {
			return false
		}
		e, ok := parseInt(b[i+1:])
		if !ok || e > 1<<20 || e < -1<<20 {
			return false
		}
		d.point += int(e)
		d.scale = max(0, d.scale-int(e))
	}
	return true
}

// round rounds half away from zero to scale digits behind the point.
func (d *decimal) round(scale int) {
	d.scale = max(scale, 0)
	keep := d.point + scale
	if keep >= len(d.digits) {
		return
	}
	if keep < 0 {
		d.digits = d.digits[:0]
		return
	}
	up := d.digits[keep] >= 5
	d.digits = d.digits[:keep]
	if !up {
		return
	}
	for i := keep - 1; i >= 0; i-- {
		if d.digits[i] < 9 {
			d.digits[i]++
			return
		}
		d.digits[i] = 0
	}
	d.digits = append(d.digits, 0)
	copy(d.digits[1:], d.digits)
	d.digits[0] = 1
	d.point++
}

// weight returns the number of digits before the point that are not leading
// zeros (negative when the value is below 0.1; very small when it is zero).
func (d *decimal) weight() int {
	for i, x := range d.digits {
		if x != 0 {
			return d.point - i
		}
	}
	return -maxIntegerDigits
}

// scaled returns the value in units of 10^-scale; it must fit.
func (d *decimal) scaled(scale int) int64 {
	var x int64
	for i := 0; i < d.point+scale; i++ {
		x *= 10
		if i < len(d.digits) {
			x += int64(d.digits[i])
		}
	}
	if d.neg {
		x = -x
	}
	return x
}

// append appends PostgreSQL's binary form (numeric_send).
func (d *decimal) append(dst []byte) []byte {
	at := func(pos int) uint16 { // digit of weight pos: 0 is the first before the point
		i := d.point - 1 - pos
		if i < 0 || i >= len(d.digits) {
			return 0
		}
		return uint16(d.digits[i])
	}
	group := func(g int) uint16 {
		return at(4*g+3)*1000 + at(4*g+2)*100 + at(4*g+1)*10 + at(4*g)
	}
	floor := func(x int) int { // floor(x/4)
		if x < 0 {
			return -((3 - x) / 4)
		}
		return x / 4
	}
	high := floor(d.point - 1)
	low := floor(d.point - len(d.digits))
	for high >= low && group(high) == 0 {
		high--
	}
	for low <= high && group(low) == 0 {
		low++
	}
	n := high - low + 1
	sign := uint16(0)
	weight := high
	if n <= 0 {
		n, weight = 0, 0
	} else if d.neg {
		sign = 0x4000
	}
	dst = binary.BigEndian.AppendUint16(dst, uint16(n))
	dst = binary.BigEndian.AppendUint16(dst, uint16(int16(weight)))
	dst = binary.BigEndian.AppendUint16(dst, sign)
	dst = binary.BigEndian.AppendUint16(dst, uint16(d.scale))
	for g := high; n > 0; g, n = g-1, n-1 {
		dst = binary.BigEndian.AppendUint16(dst, group(g))
	}
	return dst
}

// special returns the binary form of NaN and the infinities, nil for others.
func special(b []byte) []byte {
	b = trim(b)
	lower := make([]byte, 0, 16)
	if len(b) > 10 {
		return nil
	}
	for _, x := range b {
		if x >= 'A' && x <= 'Z' {
			x += 'a' - 'A'
		}
		lower = append(lower, x)
	}
	switch string(lower) {
	case "nan":
		return []byte{0, 0, 0, 0, 0xC0, 0, 0, 0}
	case "inf", "+inf", "infinity", "+infinity":
		return []byte{0, 0, 0, 0, 0xD0, 0, 0, 0}
	case "-inf", "-infinity":
		return []byte{0, 0, 0, 0, 0xF0, 0, 0, 0}
	}
	return nil
}

// overflow is PostgreSQL's error for a value beyond numeric(p,s).
func (c *Column) overflow() error {
	return pgerror.New(pgerror.NumericValueOutOfRange, "numeric field overflow").
		WithDetail("A field with precision %d, scale %d must round to an absolute value less than 10^%d.", c.precision, c.scale, c.precision-c.scale)
}

// scaledSlow stores a value that needs rounding, or says what is wrong.
func (c *Column) scaledSlow(i int, b []byte) error {
	var d decimal
	if !d.parse(b) {
		if special(b) != nil {
			return c.scaledSpecial(i, b)
		}
		return c.invalid()
	}
	d.round(c.scale)
	if d.weight() > c.precision-c.scale {
		return c.overflow()
	}
	c.vec.Int64s()[i] = d.scaled(c.scale)
	return nil
}

// scaledSpecial stores NaN into a column that holds scaled integers: the vector
// is turned into views.
func (c *Column) scaledSpecial(i int, b []byte) error {
	s := special(b)
	if s[4] != 0xC0 {
		return pgerror.New(pgerror.NumericValueOutOfRange, "numeric field overflow").
			WithDetail("A field with precision %d, scale %d cannot hold an infinite value.", c.precision, c.scale)
	}
	old := append([]int64(nil), c.vec.Int64s()[:i]...)
	c.vec.Scaled = false
	c.vec.Resize(c.capacity)
	var scratch [64]byte
	for k, x := range old {
		if c.vec.Valid != nil && !c.vec.Valid.Get(k) {
			continue
		}
		c.vec.SetBytes(k, types.AppendScaled(scratch[:0], x, int32(c.scale)))
	}
	c.vec.SetBytes(i, s)
	// The rest of this column's batches stay in the general form.
	c.kind = kindNumeric
	return nil
}

// numeric stores a value in binary form.
func (c *Column) numeric(i int, b []byte) error {
	var d decimal
	if !d.parse(b) {
		s := special(b)
		if s == nil {
			return c.invalid()
		}
		if c.precision >= 0 && s[4] != 0xC0 {
			return pgerror.New(pgerror.NumericValueOutOfRange, "numeric field overflow").
				WithDetail("A field with precision %d, scale %d cannot hold an infinite value.", c.precision, c.scale)
		}
		c.vec.SetBytes(i, s)
		return nil
	}
	if c.precision >= 0 {
		d.round(c.scale)
		if d.weight() > c.precision-c.scale {
			return c.overflow()
		}
	}
	if d.weight() > maxIntegerDigits || d.scale > maxScaleDigits {
		return pgerror.New(pgerror.NumericValueOutOfRange, "value overflows numeric format")
	}
	c.scratch = d.append(c.scratch[:0])
	c.vec.SetBytes(i, c.scratch)
	return nil
}

// AppendBigEndian appends the binary form of a two's complement big-endian
// integer of any length in units of 10^-scale, as Parquet stores decimals.
func AppendBigEndian(dst, b []byte, scale int) []byte {
	var mag [40]byte
	m := append(mag[:0], b...)
	neg := len(m) > 0 && m[0]&0x80 != 0
	if neg {
		carry := uint16(1)
		for i := len(m) - 1; i >= 0; i-- {
			carry += uint16(^m[i])
			m[i] = byte(carry)
			carry >>= 8
		}
	}
	// Divide by 10 repeatedly: at most 16 bytes and 38 digits in practice.
	var buf [96]byte
	digits := buf[:0]
	for len(m) > 0 {
		rem := uint32(0)
		zero := true
		for i, x := range m {
			cur := rem<<8 | uint32(x)
			m[i] = byte(cur / 10)
			rem = cur % 10
			zero = zero && m[i] == 0
		}
		digits = append(digits, byte(rem))
		if zero {
			break
		}
		for len(m) > 0 && m[0] == 0 {
			m = m[1:]
		}
	}
	for i, j := 0, len(digits)-1; i < j; i, j = i+1, j-1 {
		digits[i], digits[j] = digits[j], digits[i]
	}
	d := decimal{neg: neg, digits: digits, point: len(digits) - scale, scale: scale}
	return d.append(dst)
}
