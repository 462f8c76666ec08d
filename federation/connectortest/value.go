package connectortest

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/hubsql/hubsql/catalog/types"
)

// text prints a datum in the suite's text form.
func text(t types.Type, d types.Datum) string {
	if d.Null {
		return "NULL"
	}
	switch t.OID {
	case types.Bool:
		if d.I != 0 {
			return "t"
		}
		return "f"
	case types.Int2, types.Int4, types.Int8:
		return strconv.FormatInt(d.I, 10)
	case types.Float4:
		return strconv.FormatFloat(d.Float(), 'g', -1, 32)
	case types.Float8:
		return strconv.FormatFloat(d.Float(), 'g', -1, 64)
	case types.Numeric:
		return numericText(d.S)
	case types.Date:
		return time.Unix(d.I*86400, 0).UTC().Format("2006-01-02")
	case types.Timestamp, types.TimestampTZ:
		return time.UnixMicro(d.I).UTC().Format("2006-01-02 15:04:05.999999")
	case types.Bytea:
		return `\x` + hex.EncodeToString([]byte(d.S))
	case types.UUID:
		var b [16]byte
		binary.BigEndian.PutUint64(b[:], uint64(d.I))
		binary.BigEndian.PutUint64(b[8:], uint64(d.J))
		return hex.EncodeToString(b[:])
	}
	return d.S
}

// parse is the inverse of text for the types that predicates are made of; ok is
// false for other types.
func parse(t types.Type, s string) (d types.Datum, ok bool) {
	switch t.OID {
	case types.Bool:
		return types.BoolDatum(s == "t" || s == "1"), true
	case types.Int2, types.Int4, types.Int8:
		i, err := strconv.ParseInt(s, 10, 64)
		return types.IntDatum(i), err == nil
	case types.Float8:
		f, err := strconv.ParseFloat(s, 64)
		return types.FloatDatum(f), err == nil
	case types.Numeric:
		return types.TextDatum(numericBinary(s)), true
	case types.Date:
		at, err := time.Parse("2006-01-02", s)
		return types.IntDatum(at.Unix() / 86400), err == nil
	case types.Timestamp:
		at, err := time.Parse("2006-01-02 15:04:05.999999", s)
		return types.IntDatum(at.UnixMicro()), err == nil
	case types.Bytea:
		b, err := hex.DecodeString(strings.TrimPrefix(s, `\x`))
		return types.TextDatum(string(b)), err == nil
	case types.Text, types.VarChar:
		return types.TextDatum(s), true
	}
	return types.Null, false
}

// numericText decodes numeric_send into plain decimal text.
func numericText(bin string) string {
	u16 := func(i int) uint16 { return binary.BigEndian.Uint16([]byte(bin[2*i : 2*i+2])) }
	n, weight, sign, scale := int(u16(0)), int(int16(u16(1))), u16(2), int(u16(3))
	switch sign {
	case 0xC000:
		return "NaN"
	case 0xD000:
		return "Infinity"
	case 0xF000:
		return "-Infinity"
	}
	var b strings.Builder
	if sign == 0x4000 {
		b.WriteByte('-')
	}
	digit := func(i int) int {
		if i < 0 || i >= n {
			return 0
		}
		return int(u16(4 + i))
	}
	if weight < 0 {
		b.WriteByte('0')
	}
	for i := 0; i <= weight; i++ {
		if i == 0 {
			fmt.Fprintf(&b, "%d", digit(0))
		} else {
			fmt.Fprintf(&b, "%04d", digit(i))
		}
	}
	if scale > 0 {
		var f strings.Builder
		for i := weight + 1; f.Len() < scale; i++ {
			fmt.Fprintf(&f, "%04d", digit(i))
		}
		b.WriteString("." + f.String()[:scale])
	}
	return b.String()
}

// numericBinary encodes plain decimal text as numeric_send.
func numericBinary(s string) string {
	sign := uint16(0)
	if s[0] == '-' {
		sign, s = 0x4000, s[1:]
	}
	whole, frac, _ := strings.Cut(s, ".")
	scale := len(frac)
	whole = strings.Repeat("0", (4-len(whole)%4)%4) + whole
	frac += strings.Repeat("0", (4-len(frac)%4)%4)
	weight := len(whole)/4 - 1
	all := whole + frac
	var digits []uint16
	for i := 0; i < len(all); i += 4 {
		d, _ := strconv.Atoi(all[i : i+4])
		digits = append(digits, uint16(d))
	}
	for len(digits) > 0 && digits[0] == 0 {
		digits, weight = digits[1:], weight-1
	}
	for len(digits) > 0 && digits[len(digits)-1] == 0 {
		digits = digits[:len(digits)-1]
	}
	if len(digits) == 0 {
		weight, sign = 0, 0
	}
	b := binary.BigEndian.AppendUint16(nil, uint16(len(digits)))
	b = binary.BigEndian.AppendUint16(b, uint16(int16(weight)))
	b = binary.BigEndian.AppendUint16(b, sign)
	b = binary.BigEndian.AppendUint16(b, uint16(scale))
	for _, d := range digits {
		b = binary.BigEndian.AppendUint16(b, d)
	}
	return string(b)
}

// same reports whether datum d of type t is the stored value want of type w.
// Sources without a type of their own deliver a value as another type (a
// boolean as 0 and 1, a date as text): the text form decides then.
func same(w types.Type, want Value, t types.Type, d types.Datum) bool {
	if want.Null || d.Null {
		return want.Null == d.Null
	}
	got := text(t, d)
	if got == want.Text {
		return true
	}
	switch w.OID {
	case types.Bool:
		return got == map[string]string{"t": "1", "f": "0"}[want.Text] || got == map[string]string{"t": "true", "f": "false"}[want.Text]
	case types.Float8:
		x, err1 := strconv.ParseFloat(got, 64)
		y, err2 := strconv.ParseFloat(want.Text, 64)
		return err1 == nil && err2 == nil && (x == y || math.IsNaN(x) && math.IsNaN(y))
	case types.Numeric:
		// A source may keep a decimal without its trailing zeros, but not as a
		// float that lost digits.
		x, ok1 := new(big.Rat).SetString(got)
		y, ok2 := new(big.Rat).SetString(want.Text)
		return ok1 && ok2 && x.Cmp(y) == 0
	}
	return false
}

// compare orders two values of one type as PostgreSQL does with collation C.
func compare(t types.Type, a, b types.Datum) int {
	switch t.Layout() {
	case types.LayoutFloat32, types.LayoutFloat64:
		x, y := a.Float(), b.Float()
		switch {
		case math.IsNaN(x) && math.IsNaN(y) || x == y:
			return 0
		case math.IsNaN(x) || x > y:
			return 1
		}
		return -1
	case types.LayoutNumeric:
		x, ok1 := new(big.Rat).SetString(numericText(a.S))
		y, ok2 := new(big.Rat).SetString(numericText(b.S))
		if ok1 && ok2 {
			return x.Cmp(y)
		}
		return strings.Compare(numericText(a.S), numericText(b.S))
	case types.LayoutBytes:
		if t.OID == types.BPChar {
			return strings.Compare(strings.TrimRight(a.S, " "), strings.TrimRight(b.S, " "))
		}
		return strings.Compare(a.S, b.S)
	case types.LayoutWide:
		if a.I != b.I {
			if uint64(a.I) < uint64(b.I) {
				return -1
			}
			return 1
		}
		a.I, b.I = int64(uint64(a.J)^1<<63), int64(uint64(b.J)^1<<63)
	}
	switch {
	case a.I < b.I:
		return -1
	case a.I > b.I:
		return 1
	}
	return 0
}
