package builtin

import (
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// numFormatCache keeps the parsed format of a call.
type numFormatCache struct {
	text string
	f    *numFormat
}

// numFormatOf parses the format in argument 1.
func (r *row) numFormatOf() (numFormat, error) {
	c, ok := r.c.Scratch.(*numFormatCache)
	if !ok || c.text != r.text(1) {
		c = &numFormatCache{text: strings.Clone(r.text(1))}
		var err error
		if c.f, err = parseNumFormat(c.text); err != nil {
			return numFormat{}, err
		}
		r.c.Scratch = c
	}
	return *c.f, nil
}

// numberToChar is to_char of numbers.
func numberToChar(r *row) (types.Datum, error) {
	f, err := r.numFormatOf()
	if err != nil {
		return types.Null, err
	}
	layout := r.args[0].Type.Layout()
	isFloat := layout == types.LayoutFloat32 || layout == types.LayoutFloat64
	var x types.Num
	switch {
	case layout == types.LayoutNumeric:
		x = r.num(0)
	case isFloat:
		if v := r.float(0); math.IsNaN(v) {
			x = types.NaNNum()
		} else if math.IsInf(v, 0) {
			x = types.InfNum(v < 0)
		} else if x, err = types.ParseNum(strconv.FormatFloat(v, 'f', -1, 64)); err != nil {
			return types.Null, err
		}
	default:
		x = types.NumFromInt(r.int(0))
	}
	special := x.IsNaN() || x.IsInf()
	switch {
	case f.roman:
		n, err := x.Round(0).Int(types.Int4)
		if err != nil {
			return types.Null, err
		}
		return text(f.write(romanNumber(n), false, 0))
	case f.scientific && special:
		b := []byte(strings.Repeat("#", f.before+f.after+6))
		b[0], b[f.before+1] = ' ', '.'
		return text(string(b))
	case f.scientific:
		return text(scientific(x, f.after))
	}
	if f.isMulti {
		if !special {
			by, err := types.ParseNum("1" + strings.Repeat("0", f.multi))
			if err != nil {
				return types.Null, err
			}
			if x, err = x.Mul(by); err != nil {
				return types.Null, err
			}
		}
		f.before += f.multi
	}
	var s string
	if isFloat && !special {
		v, digits := r.float(0), 15
		if layout == types.LayoutFloat32 {
			digits = 6
		}
		if f.isMulti {
			v *= math.Pow(10, float64(f.multi))
		}
		whole := len(strconv.FormatFloat(math.Abs(v), 'f', 0, 64))
		switch {
		case whole >= digits:
			f.after = 0
		case whole+f.after > digits:
			f.after = digits - whole
		}
		s = strconv.FormatFloat(v, 'f', f.after, 64)
	} else {
		s = x.Round(int32(f.after)).String()
		if special {
			s = x.String()
		}
	}
	neg := s[0] == '-'
	s = strings.TrimPrefix(s, "-")
	whole, _, _ := strings.Cut(s, ".")
	spaces := max(f.before-len(whole), 0)
	if len(whole) > f.before {
		b := []byte(strings.Repeat("#", f.before+f.after+1))
		b[f.before] = '.'
		s = string(b)
	}
	return text(f.write(s, neg, spaces))
}

// romanNumber is 1 to 3999 in Roman numerals, else fifteen #.
func romanNumber(n int64) string {
	if n < 1 || n > 3999 {
		return strings.Repeat("#", 15)
	}
	var b strings.Builder
	for _, step := range [...]struct {
		v int64
		s string
	}{{1000, "M"}, {900, "CM"}, {500, "D"}, {400, "CD"}, {100, "C"}, {90, "XC"}, {50, "L"}, {40, "XL"}, {10, "X"}, {9, "IX"}, {5, "V"}, {4, "IV"}, {1, "I"}} {
		for n >= step.v {
			b.WriteString(step.s)
			n -= step.v
		}
	}
	return b.String()
}

// scientific prints a number with one digit before the point.
func scientific(x types.Num, after int) string {
	sign := " "
	if x.Sign() < 0 {
		sign, x = "-", x.Abs()
	}
	digits := x.Unscaled().String()
	exp := len(digits) - 1 - int(x.Scale())
	if x.IsZero() {
		exp = 0
	}
	// The digits that stay are rounded as a number with that many places.
	n, err := types.ParseNum(digits[:1] + "." + digits[1:] + "0")
	if err != nil {
		return ""
	}
	s := n.Round(int32(after)).String()
	if strings.HasPrefix(s, "10") {
		exp++
		n, _ = types.ParseNum("1.0") // always a number
		s = n.Round(int32(after)).String()
	}
	esign := "+"
	if exp < 0 {
		esign, exp = "-", -exp
	}
	e := strconv.Itoa(exp)
	if len(e) < 2 {
		e = "0" + e
	}
	return sign + s + "e" + esign + e
}

// numReader reads a number by a format.
type numReader struct {
	f                   numFormat
	in                  string
	at                  int
	sign                byte // ' ' while none was read
	digits              []byte
	readBefore, readAft int
	point               bool
}

func (d *numReader) done() bool { return d.at >= len(d.in) }

// skipOther skips up to n characters that are not of a number.
func (d *numReader) skipOther(n int) {
	for ; n > 0 && !d.done() && strings.IndexByte("0123456789.,+-", d.in[d.at]) < 0; n-- {
		_, w := utf8.DecodeRuneInString(d.in[d.at:])
		d.at += w
	}
}

func isDigitByte(c byte) bool { return c >= '0' && c <= '9' }

// part reads a digit, the point, or a sign around the number.
func (d *numReader) part(word string) {
	if d.done() {
		return
	}
	if d.in[d.at] == ' ' {
		d.at++
	}
	if d.done() {
		return
	}
	if d.sign == ' ' && (word == "0" || word == "9") && d.readBefore+d.readAft == 0 {
		c := d.in[d.at]
		switch {
		case c == '-' || c == '<' && d.f.bracket && !d.f.hasSign:
			if !d.f.hasSign || d.f.sign == signBefore {
				d.sign = '-'
				d.at++
			}
		case c == '+' && (!d.f.hasSign || d.f.sign == signBefore):
			d.sign = '+'
			d.at++
		}
	}
	if d.done() {
		return
	}
	read := false
	switch c := d.in[d.at]; {
	case isDigitByte(c):
		if d.point && d.readAft == d.f.after {
			return
		}
		d.digits = append(d.digits, c)
		if d.point {
			d.readAft++
		} else {
			d.readBefore++
		}
		read = true
	case d.f.decimal && !d.point && c == '.':
		d.digits = append(d.digits, '.')
		d.point, read = true, true
	}
	if d.done() || d.sign != ' ' || d.readBefore+d.readAft == 0 {
		return
	}
	switch {
	case d.f.hasSign && read && d.at+1 < len(d.in) && !isDigitByte(d.in[d.at+1]):
		if c := d.in[d.at+1]; c == '-' || c == '+' {
			d.sign = c
			d.at++
		}
	case !read && !d.f.hasSign && (d.f.plus || d.f.minus):
		if c := d.in[d.at]; c == '-' || c == '+' {
			d.sign = c
		}
	}
}

// toNumber is to_number.
func toNumber(r *row) (types.Datum, error) {
	if r.text(1) == "" {
		return types.Null, nil
	}
	f, err := r.numFormatOf()
	if err != nil {
		return types.Null, err
	}
	d := numReader{f: f, in: r.text(0), sign: ' '}
	for i := range f.nodes {
		if d.done() {
			break
		}
		n := &f.nodes[i]
		switch n.word {
		case "":
			_, w := utf8.DecodeRuneInString(d.in[d.at:])
			d.at += w
			continue
		case "9", "0", ".", "D":
			d.part(n.word)
		case ",", "G":
			if d.in[d.at] != ',' {
				continue
			}
		case "RN":
			return types.Null, pgerror.NotSupported("\"RN\" not supported for input")
		case "TH":
			if d.sign != '-' && !f.decimal {
				d.skipOther(2)
			}
			continue
		case "L", "MI", "PL", "SG":
			d.skipOther(1)
			continue
		default:
			continue
		}
		d.at++
	}
	s := strings.TrimSuffix(string(d.digits), ".")
	s = string(d.sign) + s
	x, err := types.ParseNum(s)
	if err != nil {
		return types.Null, err
	}
	if x, err = x.WithMod(types.NumericType(max(f.before+f.multi+d.readAft, 1), d.readAft)); err != nil {
		return types.Null, err
	}
	if f.isMulti {
		by, err := types.ParseNum("1" + strings.Repeat("0", f.multi))
		if err != nil {
			return types.Null, err
		}
		if x, err = x.Div(by); err != nil {
			return types.Null, err
		}
	}
	return x.Datum(), nil
}
