package builtin

import (
	"strings"

	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// bitPairs makes a kernel of a bitwise operator.
func bitPairs(word string, f func(a, b byte) bool) function.Kernel {
	return each(func(r *row) (types.Datum, error) {
		a, b := r.text(0), r.text(1)
		if len(a) != len(b) {
			return types.Null, errBitSizes(word)
		}
		return text(mapBits(a, b, f))
	})
}

func errBitSizes(word string) error {
	return pgerror.Newf(pgerror.StringDataLengthMismatch, "cannot %s bit strings of different sizes", word)
}

func mapBits(a, b string, f func(a, b byte) bool) string {
	out := make([]byte, len(a))
	for i := range out {
		out[i] = '0'
		if f(a[i], b[i]) {
			out[i] = '1'
		}
	}
	return string(out)
}

func bothBits(a, b byte) bool   { return a == '1' && b == '1' }
func eitherBit(a, b byte) bool  { return a == '1' || b == '1' }
func differBits(a, b byte) bool { return a != b }

// shiftBits moves the digits by n to the left, or to the right when n < 0.
func shiftBits(s string, n int64) string {
	size := int64(len(s))
	n = max(min(n, size), -size)
	if n >= 0 {
		return s[n:] + strings.Repeat("0", int(n))
	}
	return strings.Repeat("0", int(-n)) + s[:size+n]
}

// bitsOfInt are the low n bits of x, sign-extended from width bits.
func bitsOfInt(x int64, n int) string {
	if n <= 0 {
		n = 1
	}
	out := make([]byte, n)
	for i := range out {
		out[n-1-i] = '0' + byte(x>>min(i, 63)&1)
	}
	return string(out)
}

// intOfBits reads at most width bits.
func intOfBits(width int) function.Kernel {
	return each(func(r *row) (types.Datum, error) {
		s := r.text(0)
		if len(s) > width {
			return types.Null, errOutOfRange(r.c.Ret.OID)
		}
		x := uint64(0)
		for i := range len(s) {
			x = x<<1 | uint64(s[i]&1)
		}
		if width == 32 {
			return types.IntDatum(int64(int32(uint32(x)))), nil
		}
		return types.IntDatum(int64(x)), nil
	})
}

// fitBits applies the length of bit(n) or varbit(n).
func fitBits(r *row) (types.Datum, error) {
	t, explicit := r.c.Ret, r.c.Explicit
	if r.n() == 3 {
		t.Mod, explicit = int32(r.int(1)), r.bool(2)
	}
	s, err := types.FitBits(t, r.text(0), explicit)
	return types.TextDatum(s), err
}

// bitsFromInt is bit(int4) and bit(int8), the length from the cast's type.
func bitsFromInt(r *row) (types.Datum, error) {
	n := int64(r.c.Ret.Mod)
	if r.n() == 2 {
		n = r.int(1)
	}
	return text(bitsOfInt(r.int(0), int(n)))
}

// bitRange cuts characters from..from+n-1, counted from 1; n < 0 with has is an
// error.
func bitRange(s string, from, n int64, has bool) (string, error) {
	start := max(from, 1)
	end := int64(len(s)) + 1
	if has {
		if n < 0 {
			return "", pgerror.New(pgerror.SubstringError, "negative substring length not allowed")
		}
		if from+n >= from { // no overflow
			end = min(end, from+n)
		}
	}
	if start >= end {
		return "", nil
	}
	return s[start-1 : end-1], nil
}

// bitIndex checks an index into a bit string.
func bitIndex(i int64, n int) error {
	if i < 0 || i >= int64(n) {
		return pgerror.Newf(pgerror.ArraySubscriptError, "bit index %d out of valid range (0..%d)", i, n-1)
	}
	return nil
}

func errNewBit() error {
	return pgerror.New(pgerror.InvalidParameterValue, "new bit must be 0 or 1")
}

// bitFold is an aggregate over bit strings of one length.
func bitFold(word string, f func(a, b byte) bool) *function.Aggregate {
	return collect(true, func(_ *function.Call, s *list) (types.Datum, error) {
		if len(s.v) == 0 {
			return types.Null, nil
		}
		acc := s.v[0].S
		for _, d := range s.v[1:] {
			if len(d.S) != len(acc) {
				return types.Null, errBitSizes(word)
			}
			acc = mapBits(acc, d.S, f)
		}
		return types.TextDatum(acc), nil
	})
}

// bitStrings are the functions of bit and bit varying, and those of bytea that
// count bits.
func bitStrings() []entry {
	return []entry{
		{sigs: "bitand(bit,bit)", kernel: bitPairs("AND", bothBits), doc: "Bitwise AND."},
		{sigs: "bitor(bit,bit)", kernel: bitPairs("OR", eitherBit), doc: "Bitwise OR."},
		{sigs: "bitxor(bit,bit)", kernel: bitPairs("XOR", differBits), doc: "Bitwise exclusive OR."},
		{sigs: "bitnot(bit)", kernel: each(func(r *row) (types.Datum, error) {
			s := r.text(0)
			return text(mapBits(s, s, func(a, _ byte) bool { return a == '0' }))
		}), doc: "Bitwise NOT."},
		{sigs: "bitshiftleft(bit,int4)", kernel: each(func(r *row) (types.Datum, error) { return text(shiftBits(r.text(0), r.int(1))) }), doc: "Shifts to the left; the length stays."},
		{sigs: "bitshiftright(bit,int4)", kernel: each(func(r *row) (types.Datum, error) { return text(shiftBits(r.text(0), -r.int(1))) }), doc: "Shifts to the right; the length stays."},
		{sigs: "bitcat(varbit,varbit)", kernel: each(func(r *row) (types.Datum, error) { return text(r.text(0) + r.text(1)) }), doc: "Joins two bit strings."},
		{sigs: "bitcmp(bit,bit) varbitcmp(varbit,varbit)", kernel: each(func(r *row) (types.Datum, error) {
			return types.IntDatum(int64(strings.Compare(r.text(0), r.text(1)))), nil
		}), doc: "Orders two bit strings."},
		{sigs: "substring(bit,int4) substring(bit,int4,int4)", kernel: each(func(r *row) (types.Datum, error) {
			s, err := bitRange(r.text(0), r.int(1), r.intAt(2, 0), r.n() > 2)
			return types.TextDatum(strings.Clone(s)), err
		}), doc: "A part of a bit string."},
		{sigs: "overlay(bit,bit,int4) overlay(bit,bit,int4,int4)", kernel: each(func(r *row) (types.Datum, error) {
			s, with, from := r.text(0), r.text(1), r.int(2)
			n := r.intAt(3, int64(len(with)))
			if from <= 0 {
				return types.Null, pgerror.New(pgerror.SubstringError, "negative substring length not allowed")
			}
			head, err := bitRange(s, 1, from-1, true)
			if err != nil {
				return types.Null, err
			}
			tail, err := bitRange(s, from+n, 0, false)
			return types.TextDatum(head + with + tail), err
		}), doc: "Replaces a part of a bit string."},
		{sigs: "length(bit) bit_length(bit)", kernel: each(func(r *row) (types.Datum, error) { return types.IntDatum(int64(len(r.text(0)))), nil }), infallible: true, doc: "The number of bits."},
		{sigs: "octet_length(bit)", kernel: each(func(r *row) (types.Datum, error) { return types.IntDatum(int64(len(r.text(0))+7) / 8), nil }), infallible: true, doc: "The number of bytes."},
		{sigs: "position(bit,bit)", kernel: each(func(r *row) (types.Datum, error) {
			if r.text(0) == "" {
				return types.IntDatum(0), nil
			}
			return types.IntDatum(int64(strings.Index(r.text(0), r.text(1))) + 1), nil
		}), infallible: true, doc: "Where the second stands in the first, from 1, or 0."},
		{sigs: "get_bit(bit,int4)", kernel: each(func(r *row) (types.Datum, error) {
			s, i := r.text(0), r.int(1)
			if err := bitIndex(i, len(s)); err != nil {
				return types.Null, err
			}
			return types.IntDatum(int64(s[i] - '0')), nil
		}), doc: "One bit, counted from the left from 0."},
		{sigs: "set_bit(bit,int4,int4)", kernel: each(func(r *row) (types.Datum, error) {
			b, i, v := []byte(r.text(0)), r.int(1), r.int(2)
			if err := bitIndex(i, len(b)); err != nil {
				return types.Null, err
			}
			if v != 0 && v != 1 {
				return types.Null, errNewBit()
			}
			b[i] = '0' + byte(v)
			return text(string(b))
		}), doc: "Changes one bit."},
		{sigs: "bit_count(bit)", kernel: each(func(r *row) (types.Datum, error) {
			return types.IntDatum(int64(strings.Count(r.text(0), "1"))), nil
		}), infallible: true, doc: "The number of bits that are set."},
		{sigs: "bit_count(bytea)", kernel: each(func(r *row) (types.Datum, error) {
			n := int64(0)
			for _, c := range []byte(r.text(0)) {
				for ; c != 0; c &= c - 1 {
					n++
				}
			}
			return types.IntDatum(n), nil
		}), infallible: true, doc: "The number of bits that are set."},
		{sigs: "get_bit(bytea,int8)", kernel: each(func(r *row) (types.Datum, error) {
			s, i := r.text(0), r.int(1)
			if i < 0 || i >= int64(len(s))*8 {
				return types.Null, pgerror.Newf(pgerror.ArraySubscriptError, "index %d out of valid range, 0..%d", i, len(s)*8-1)
			}
			return types.IntDatum(int64(s[i/8] >> (i % 8) & 1)), nil
		}), doc: "One bit of bytes, the lowest of each first."},
		{sigs: "set_bit(bytea,int8,int4)", kernel: each(func(r *row) (types.Datum, error) {
			b, i, v := []byte(r.text(0)), r.int(1), r.int(2)
			if i < 0 || i >= int64(len(b))*8 {
				return types.Null, pgerror.Newf(pgerror.ArraySubscriptError, "index %d out of valid range, 0..%d", i, len(b)*8-1)
			}
			if v != 0 && v != 1 {
				return types.Null, errNewBit()
			}
			b[i/8] = b[i/8]&^(1<<(i%8)) | byte(v)<<(i%8)
			return text(string(b))
		}), doc: "Changes one bit of bytes."},
		{sigs: "bit(bit,int4,bool) varbit(varbit,int4,bool)", kernel: each(fitBits), doc: "Applies the length of the type."},
		{sigs: "bit(int4,int4) bit(int8,int4)", kernel: each(bitsFromInt), doc: "The low bits of a number."},
		{sigs: "int4(bit)", kernel: intOfBits(32), doc: "The number with these bits; 22003 for too many."},
		{sigs: "int8(bit)", kernel: intOfBits(64), doc: "The number with these bits; 22003 for too many."},
		{sigs: "bit_and(bit)", aggregate: bitFold("AND", bothBits), doc: "Bitwise AND of all values."},
		{sigs: "bit_or(bit)", aggregate: bitFold("OR", eitherBit), doc: "Bitwise OR of all values."},
		{sigs: "bit_xor(bit)", aggregate: bitFold("XOR", differBits), doc: "Bitwise exclusive OR of all values."},
	}
}
