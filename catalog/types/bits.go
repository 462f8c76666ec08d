package types

import (
	"encoding/binary"
	"strings"
	"unicode/utf8"

	"github.com/hubsql/hubsql/wire/pgerror"
)

// Bit strings are stored as their digits, one byte each: their order, equality
// and hashes are those of text. The protocol's binary form packs them.

// parseBits reads a bit string: digits, after b or B too, or x and hexadecimal
// digits.
func parseBits(t Type, s string) (Datum, error) {
	digits := s
	if s != "" && (s[0] == 'x' || s[0] == 'X') {
		var b strings.Builder
		for i := 1; i < len(s); i++ {
			d, ok := hexDigit(s[i])
			if !ok {
				_, w := utf8.DecodeRuneInString(s[i:])
				return Datum{}, pgerror.New(pgerror.InvalidTextRepresentation, "\""+s[i:i+w]+"\" is not a valid hexadecimal digit")
			}
			for k := 3; k >= 0; k-- {
				b.WriteByte('0' + d>>k&1)
			}
		}
		digits = b.String()
	} else {
		if s != "" && (s[0] == 'b' || s[0] == 'B') {
			digits = s[1:]
		}
		for i := range len(digits) {
			if digits[i] != '0' && digits[i] != '1' {
				_, w := utf8.DecodeRuneInString(digits[i:])
				return Datum{}, pgerror.New(pgerror.InvalidTextRepresentation, "\""+digits[i:i+w]+"\" is not a valid binary digit")
			}
		}
	}
	digits, err := FitBits(t, digits, false)
	return TextDatum(digits), err
}

// FitBits applies the length of bit(n) or varbit(n). An explicit cast cuts or
// fills on the right; otherwise the wrong length is 22026 or 22001.
func FitBits(t Type, s string, explicit bool) (string, error) {
	n := int(t.Mod)
	switch {
	case n <= 0 || len(s) == n || t.OID == VarBit && len(s) < n:
		return s, nil
	case explicit && len(s) > n:
		return s[:n], nil
	case explicit:
		return s + strings.Repeat("0", n-len(s)), nil
	case t.OID == VarBit:
		return "", pgerror.Newf(pgerror.StringDataRightTruncation, "bit string too long for type bit varying(%d)", n)
	}
	return "", pgerror.Newf(pgerror.StringDataLengthMismatch, "bit string length %d does not match type bit(%d)", len(s), n)
}

// appendBits appends the protocol's form: the number of bits, then the bits in
// bytes.
func appendBits(dst []byte, s string) []byte {
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(s)))
	for i := 0; i < len(s); i += 8 {
		c := byte(0)
		for k := range 8 {
			c <<= 1
			if i+k < len(s) {
				c |= s[i+k] & 1
			}
		}
		dst = append(dst, c)
	}
	return dst
}

// bitsBinary reads the protocol's form.
func bitsBinary(t Type, b []byte) (Datum, error) {
	if len(b) < 4 {
		return Datum{}, errShort()
	}
	n := int(int32(binary.BigEndian.Uint32(b)))
	if n < 0 || (n+7)/8 != len(b)-4 {
		return Datum{}, errBinary()
	}
	s := make([]byte, n)
	for i := range s {
		s[i] = '0' + b[4+i/8]>>(7-i%8)&1
	}
	out, err := FitBits(t, string(s), false)
	return TextDatum(out), err
}
