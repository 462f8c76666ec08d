package sqltext

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/hubsql/hubsql/catalog/types"
)

// literalOf renders a constant that is not NULL; reason is not empty when the
// dialect cannot hold it exactly.
func (d Dialect) literalOf(t types.Type, v types.Datum) (sql SQL, reason string) {
	switch familyOf(t) {
	case boolFamily:
		return literal(strings.ToUpper(strconv.FormatBool(v.Bool()))), ""
	case intFamily:
		return literal(d.intText(t, v.I)), ""
	case floatFamily:
		return d.floatLiteral(t, v.Float())
	case numericFamily:
		return d.numericLiteral(v.S)
	case textFamily, bpcharFamily:
		if reason := stringProblem(v.S); reason != "" {
			return SQL{}, reason
		}
		if d == Postgres {
			return literal(quote(v.S) + "::" + types.Lookup(t.OID).Name), ""
		}
		return literal(quote(v.S)), ""
	case enumFamily:
		if reason := stringProblem(types.EnumText(v.S)); reason != "" {
			return SQL{}, reason
		}
		if d == Postgres {
			// The column that it is compared with gives it its type.
			return literal(quote(types.EnumText(v.S))), ""
		}
	case byteaFamily:
		if d == Postgres {
			return literal(`'\x` + hex.EncodeToString([]byte(v.S)) + `'::bytea`), ""
		}
		return literal("X'" + hex.EncodeToString([]byte(v.S)) + "'"), ""
	case uuidFamily:
		if d != SQLite {
			s := quote(uuidText(v))
			if d == Postgres {
				s += "::uuid"
			}
			return literal(s), ""
		}
	case dateFamily, timestampFamily, timestamptzFamily, timeFamily:
		return d.timeLiteral(t, v.I)
	case intervalFamily:
		if d == Postgres {
			months, days, micros := v.IntervalParts()
			return literal(fmt.Sprintf("'%d mons %d days %s'::interval", months, days, secondsText(micros))), ""
		}
	}
	return SQL{}, "a constant of type " + typeName(t) + " is not sent to the source"
}

// typeName returns the SQL name of t.
func typeName(t types.Type) string {
	if i := types.Lookup(t.OID); i != nil {
		return i.Formal
	}
	return strconv.Itoa(int(t.OID))
}

// stringProblem says why s cannot be a literal in any dialect.
func stringProblem(s string) string {
	if strings.IndexByte(s, 0) >= 0 {
		return "a constant contains a NUL character"
	}
	if !utf8.ValidString(s) {
		return "a constant is not valid UTF-8"
	}
	return ""
}

// intText renders an integer; negative ones stand in parentheses, since "- -1"
// and "a--1" are other things.
func (d Dialect) intText(t types.Type, i int64) string {
	s := strconv.FormatInt(i, 10)
	if i < 0 {
		s = "(" + s + ")"
	}
	if d == Postgres {
		switch {
		case t.OID == types.Int2:
			s += "::int2"
		case t.OID == types.Int8:
			s += "::int8"
		case i == math.MinInt32:
			s += "::int4"
		}
	}
	return s
}

// floatLiteral renders a float so that the source reads the same bits.
func (d Dialect) floatLiteral(t types.Type, f float64) (SQL, string) {
	bits, name := 64, "float8"
	if t.OID == types.Float4 {
		bits, name = 32, "float4"
	}
	if d == Postgres {
		s := strconv.FormatFloat(f, 'g', -1, bits)
		switch {
		case math.IsInf(f, 1):
			s = "Infinity"
		case math.IsInf(f, -1):
			s = "-Infinity"
		}
		return literal("'" + s + "'::" + name), ""
	}
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return SQL{}, "the source has no value NaN or Infinity"
	}
	s := strconv.FormatFloat(f, 'e', -1, 64)
	mantissa, exponent, _ := strings.Cut(s, "e")
	exp, _ := strconv.Atoi(exponent)
	digits := len(strings.Trim(strings.ReplaceAll(mantissa, ".", ""), "-"))
	// SQLite's reader is exact only where one multiplication does it.
	if d == SQLite && f != 0 && (digits > 15 || exp < -15 || exp > 22) {
		return SQL{}, "the source may read the floating-point constant inexactly"
	}
	if d == MySQL && f != 0 && (exp < -300 || exp > 308) {
		return SQL{}, "the source may read the floating-point constant inexactly"
	}
	if f < 0 || math.Signbit(f) {
		s = "(" + s + ")"
	}
	return literal(s), ""
}

// numericLiteral renders a numeric in its binary form.
func (d Dialect) numericLiteral(bin string) (SQL, string) {
	s, finite := decimalText(bin)
	if d == Postgres {
		return literal("'" + s + "'::numeric"), ""
	}
	if !finite || s == "" {
		return SQL{}, "the source has no value NaN or Infinity"
	}
	if d == SQLite {
		return SQL{}, "the source compares decimals as floating-point numbers"
	}
	if len(s) > 60 {
		return SQL{}, "a constant has too many digits for the source"
	}
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	if s[0] == '-' {
		s = "(" + s + ")"
	}
	return literal(s), ""
}

// decimalText prints a numeric in its binary form (numeric_send) with all its
// display digits. finite is false for NaN and the infinities.
func decimalText(bin string) (s string, finite bool) {
	if len(bin) < 8 {
		return "", false
	}
	word := func(i int) uint16 { return uint16(bin[2*i])<<8 | uint16(bin[2*i+1]) }
	n, weight, sign, scale := int(word(0)), int(int16(word(1))), word(2), int(word(3))
	switch sign {
	case 0xC000:
		return "NaN", false
	case 0xD000:
		return "Infinity", false
	case 0xF000:
		return "-Infinity", false
	}
	if len(bin) < 8+2*n {
		return "", false
	}
	digit := func(i int) int {
		if i < 0 || i >= n {
			return 0
		}
		return int(word(4 + i))
	}
	var b []byte
	if sign == 0x4000 {
		b = append(b, '-')
	}
	if weight < 0 {
		b = append(b, '0')
	}
	for i := 0; i <= weight; i++ {
		if i == 0 {
			b = strconv.AppendInt(b, int64(digit(0)), 10)
		} else {
			b = fmt.Appendf(b, "%04d", digit(i))
		}
	}
	if scale > 0 {
		b = append(b, '.')
		want := len(b) + scale
		for i := weight + 1; len(b) < want; i++ {
			b = fmt.Appendf(b, "%04d", digit(i))
		}
		b = b[:want]
	}
	return string(b), true
}

// uuidText prints a uuid.
func uuidText(v types.Datum) string {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:], uint64(v.I))
	binary.BigEndian.PutUint64(b[8:], uint64(v.J))
	h := hex.EncodeToString(b[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

const microsPerDay = 86_400_000_000

// timeLiteral renders dates and times.
func (d Dialect) timeLiteral(t types.Type, v int64) (SQL, string) {
	name := types.Lookup(t.OID).Name
	var s string
	early := false
	switch t.OID {
	case types.Time:
		s = clockText(v)
	default:
		days, micros := v, int64(0)
		top, bottom := int64(math.MaxInt32), int64(math.MinInt32)
		if t.OID != types.Date {
			days = floorDiv(v, microsPerDay)
			micros = v - days*microsPerDay
			top, bottom = math.MaxInt64, math.MinInt64
		}
		if v == top || v == bottom {
			if d != Postgres {
				return SQL{}, "the source has no infinite dates"
			}
			s = map[bool]string{true: "infinity", false: "-infinity"}[v == top]
			break
		}
		y, m, day := civil(days)
		early = y < 1 || y > 9999
		bc := ""
		if y < 1 {
			y, bc = 1-y, " BC"
		}
		s = fmt.Sprintf("%04d-%02d-%02d", y, m, day)
		if t.OID != types.Date {
			s += " " + clockText(micros)
		}
		if t.OID == types.TimestampTZ {
			s += "+00"
		}
		s += bc
	}
	switch {
	case d == Postgres:
		return literal("'" + s + "'::" + name), ""
	case d == SQLite || t.OID == types.TimestampTZ:
		return SQL{}, "a constant of type " + typeName(t) + " is not sent to the source"
	case early:
		return SQL{}, "the date is outside the source's range"
	}
	return literal(map[types.OID]string{types.Date: "DATE", types.Time: "TIME", types.Timestamp: "TIMESTAMP"}[t.OID] + "'" + s + "'"), ""
}

// secondsText prints microseconds as "n.nnnnnn secs".
func secondsText(micros int64) string {
	sign := ""
	u := uint64(micros)
	if micros < 0 {
		sign, u = "-", -u
	}
	return fmt.Sprintf("%s%d.%06d secs", sign, u/1e6, u%1e6)
}

// clockText prints microseconds since midnight.
func clockText(micros int64) string {
	s := fmt.Sprintf("%02d:%02d:%02d", micros/3_600_000_000, micros/60_000_000%60, micros/1_000_000%60)
	if f := micros % 1_000_000; f != 0 {
		s += fmt.Sprintf(".%06d", f)
	}
	return s
}

// floorDiv divides rounding down.
func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b != 0 && (a < 0) != (b < 0) {
		q--
	}
	return q
}

// civil converts days since 1970-01-01 to the proleptic Gregorian calendar
// (year 0 is 1 BC).
func civil(days int64) (y, m, d int64) {
	z := days + 719468
	era := floorDiv(z, 146097)
	doe := z - era*146097
	yoe := (doe - doe/1460 + doe/36524 - doe/146096) / 365
	doy := doe - (365*yoe + yoe/4 - yoe/100)
	mp := (5*doy + 2) / 153
	d = doy - (153*mp+2)/5 + 1
	m = mp + 3
	if m > 12 {
		m -= 12
	}
	y = yoe + era*400
	if m <= 2 {
		y++
	}
	return y, m, d
}
