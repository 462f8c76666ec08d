package types

import "strconv"

// AppendInt appends v in decimal.
func AppendInt(dst []byte, v int64) []byte { return strconv.AppendInt(dst, v, 10) }

// AppendScaledText appends v * 10^-scale in decimal with scale digits behind
// the point (scale >= 0), as PostgreSQL prints a numeric of that display scale.
func AppendScaledText(dst []byte, v int64, scale int32) []byte {
	u := uint64(v)
	if v < 0 {
		dst = append(dst, '-')
		u = -u
	}
	return appendPoint(dst, u, int(scale))
}

// appendPoint appends u * 10^-scale.
func appendPoint(dst []byte, u uint64, scale int) []byte {
	if scale == 0 {
		return strconv.AppendUint(dst, u, 10)
	}
	if scale >= len(pow10u) {
		dst = append(dst, "0."...)
		d := max(decimalDigits(u), 1)
		for range scale - d {
			dst = append(dst, '0')
		}
		return strconv.AppendUint(dst, u, 10)
	}
	p := pow10u[scale]
	dst = strconv.AppendUint(dst, u/p, 10)
	dst = append(dst, '.')
	at := len(dst)
	for range scale {
		dst = append(dst, '0')
	}
	for i, r := at+scale-1, u%p; r > 0; i-- {
		dst[i] = byte('0' + r%10)
		r /= 10
	}
	return dst
}

// AppendNumericText appends the text of a well-formed binary form.
func AppendNumericText(dst, b []byte) []byte { return appendNumericText(dst, b) }

func appendNumericText[T ~string | ~[]byte](dst []byte, b T) []byte {
	if len(b) < numericHeaderSize {
		return append(dst, "NaN"...)
	}
	switch b[4] >> 4 {
	case 0xC:
		return append(dst, "NaN"...)
	case 0xD:
		return append(dst, "Infinity"...)
	case 0xF:
		return append(dst, "-Infinity"...)
	}
	nd := (len(b) - numericHeaderSize) / 2
	weight := int(int16(uint16(b[2])<<8 | uint16(b[3])))
	scale := int(b[6])<<8 | int(b[7])
	if b[4]&0x40 != 0 {
		dst = append(dst, '-')
	}
	if weight < 0 {
		dst = append(dst, '0')
	}
	for w := 0; w <= weight; w++ {
		d := 0
		if w < nd {
			d = int(b[numericHeaderSize+2*w])<<8 | int(b[numericHeaderSize+2*w+1])
		}
		if w == 0 {
			dst = strconv.AppendInt(dst, int64(d), 10)
		} else {
			dst = append(dst, byte('0'+d/1000), byte('0'+d/100%10), byte('0'+d/10%10), byte('0'+d%10))
		}
	}
	if scale == 0 {
		return dst
	}
	dst = append(dst, '.')
	at := len(dst)
	for w := 0; len(dst)-at < scale; w++ {
		// Word w behind the point is stored at index weight+1+w.
		d, i := 0, weight+1+w
		if i >= 0 && i < nd {
			d = int(b[numericHeaderSize+2*i])<<8 | int(b[numericHeaderSize+2*i+1])
		}
		dst = append(dst, byte('0'+d/1000), byte('0'+d/100%10), byte('0'+d/10%10), byte('0'+d%10))
	}
	return dst[:at+scale]
}
