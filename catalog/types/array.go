package types

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"

	"github.com/hubsql/hubsql/wire/pgerror"
)

// MaxArrayDims is the largest number of dimensions of an array.
const MaxArrayDims = 6

// maxArrayElems bounds the elements of an array.
const maxArrayElems = 134217727

// Dim is one dimension of an array.
type Dim struct{ Len, Lower int32 }

// Array is a decoded array value. Elems lists the elements in row-major order;
// it and their strings may share memory with what was decoded.
type Array struct {
	Elem  OID
	Dims  []Dim // none for an empty array
	Elems []Datum
}

// ArrayHeader reads the shape of a well-formed binary array: the dimensions (as
// a fixed array and their count), whether there are NULLs, the element type and
// the offset of the first element.
func ArrayHeader(b string) (ndim int, dims [MaxArrayDims]Dim, elem OID, at int, ok bool) {
	if len(b) < 12 {
		return 0, dims, 0, 0, false
	}
	ndim = int(int32(beUint32(b)))
	elem = OID(beUint32(b[8:]))
	if ndim < 0 || ndim > MaxArrayDims || len(b) < 12+8*ndim {
		return 0, dims, 0, 0, false
	}
	for i := range ndim {
		dims[i] = Dim{int32(beUint32(b[12+8*i:])), int32(beUint32(b[16+8*i:]))}
	}
	return ndim, dims, elem, 12 + 8*ndim, true
}

func beUint32(s string) uint32 {
	return uint32(s[0])<<24 | uint32(s[1])<<16 | uint32(s[2])<<8 | uint32(s[3])
}

// ArrayElement reads the element at offset at of a binary array: its binary form
// (null set for NULL) and the offset of the next one, -1 when the array is broken.
func ArrayElement(b string, at int) (value string, null bool, next int) {
	if at < 0 || at+4 > len(b) {
		return "", false, -1
	}
	n := int(int32(beUint32(b[at:])))
	at += 4
	if n < 0 {
		return "", true, at
	}
	if at+n > len(b) {
		return "", false, -1
	}
	return b[at : at+n], false, at + n
}

// DecodeArray decodes an array datum's S. Broken input reads as an error 22P03.
func DecodeArray(b string) (Array, error) {
	ndim, dims, elem, at, ok := ArrayHeader(b)
	if !ok {
		return Array{}, errBinary()
	}
	a := Array{Elem: elem}
	n := 0
	if ndim > 0 {
		a.Dims = append(a.Dims, dims[:ndim]...)
		n = 1
		for _, d := range a.Dims {
			n *= int(d.Len)
		}
	}
	if n < 0 || n > len(b)/4 {
		return Array{}, errBinary()
	}
	a.Elems = make([]Datum, n)
	for i := range n {
		value, null, next := ArrayElement(b, at)
		if next < 0 {
			return Array{}, errBinary()
		}
		at = next
		if null {
			a.Elems[i] = Null
			continue
		}
		d, err := elementDatum(elem, value)
		if err != nil {
			return Array{}, err
		}
		a.Elems[i] = d
	}
	return a, nil
}

// elementDatum decodes the binary form of an element that is known to be valid.
// Layouts stored as they are sent need no copy.
func elementDatum(elem OID, value string) (Datum, error) {
	switch elem {
	case Numeric, Text, VarChar, BPChar, Name, Bytea, JSON, Unknown, Inet, CIDR, MacAddr, Record, ACLItem:
		return Datum{S: value}, nil
	case JSONB:
		if value != "" {
			value = value[1:]
		}
		return Datum{S: value}, nil
	}
	if elem&userTypes != 0 || RangeElem(elem) != 0 {
		return Datum{S: value}, nil
	}
	if info := Lookup(elem); info != nil && info.Category == CategoryArray {
		return Datum{S: value}, nil
	}
	return ParseBinary(Of(elem), []byte(value))
}

// Append appends the binary form of a, which is how arrays are stored.
func (a Array) Append(dst []byte) []byte {
	be := binary.BigEndian
	if len(a.Elems) == 0 {
		return be.AppendUint32(append(dst, 0, 0, 0, 0, 0, 0, 0, 0), uint32(a.Elem))
	}
	dst = be.AppendUint32(dst, uint32(len(a.Dims)))
	nulls := uint32(0)
	for i := range a.Elems {
		if a.Elems[i].Null {
			nulls = 1
			break
		}
	}
	dst = be.AppendUint32(dst, nulls)
	dst = be.AppendUint32(dst, uint32(a.Elem))
	for _, d := range a.Dims {
		dst = be.AppendUint32(be.AppendUint32(dst, uint32(d.Len)), uint32(d.Lower))
	}
	t := Of(a.Elem)
	for i := range a.Elems {
		if a.Elems[i].Null {
			dst = be.AppendUint32(dst, ^uint32(0))
			continue
		}
		at := len(dst)
		dst = AppendBinary(append(dst, 0, 0, 0, 0), t, a.Elems[i])
		be.PutUint32(dst[at:], uint32(len(dst)-at-4))
	}
	return dst
}

// Datum returns the array as a datum of its array type.
func (a Array) Datum() Datum { return Datum{S: string(a.Append(nil))} }

// NewArray returns a one-dimensional array with lower bound 1.
func NewArray(elem OID, elems []Datum) Array {
	a := Array{Elem: elem, Elems: elems}
	if len(elems) > 0 {
		a.Dims = []Dim{{int32(len(elems)), 1}}
	}
	return a
}

// delimiter separates the elements of an array of elem in text form.
func delimiter(elem OID) byte {
	if elem == 603 { // box
		return ';'
	}
	return ','
}

// errArray is PostgreSQL's 22P02 of array input, with a detail.
func errArray(s, detail string) error {
	e := pgerror.New(pgerror.InvalidTextRepresentation, "malformed array literal: \""+s+"\"")
	e.Detail = detail
	return e
}

// arrayParser reads the text form of an array.
type arrayParser struct {
	all   string // the literal, for errors
	s     string
	i     int
	delim byte
	elem  Type
	f     *Format
	out   Array
	dims  [MaxArrayDims]int32 // -1: length not known yet
	ndim  int                 // -1 until the first scalar fixes the depth
}

// parseArray reads {1,2,NULL}, nested, with optional bounds [1:3]={...}.
func parseArray(t Type, s string, f *Format) (Datum, error) {
	elem := t.Elem()
	p := arrayParser{all: s, s: s, delim: delimiter(elem.OID), elem: elem, f: f, ndim: -1}
	p.out.Elem = elem.OID
	for k := range p.dims {
		p.dims[k] = -1
	}
	p.space()
	var bounds []Dim
	for p.peek() == '[' {
		d, err := p.bound(len(bounds))
		if err != nil {
			return Datum{}, err
		}
		bounds = append(bounds, d)
	}
	if bounds != nil {
		if p.peek() != '=' {
			return Datum{}, errArray(s, `Missing "=" after array dimensions.`)
		}
		p.i++
		p.space()
		if p.peek() != '{' {
			return Datum{}, errArray(s, `Array contents must start with "{".`)
		}
	} else if p.peek() != '{' {
		return Datum{}, errArray(s, `Array value must start with "{" or dimension information.`)
	}
	if err := p.level(0); err != nil {
		return Datum{}, err
	}
	p.space()
	if p.i < len(s) {
		return Datum{}, errArray(s, "Junk after closing right brace.")
	}
	if len(p.out.Elems) > 0 {
		for k := range p.ndim {
			p.out.Dims = append(p.out.Dims, Dim{p.dims[k], 1})
		}
	}
	if bounds != nil {
		if len(bounds) != len(p.out.Dims) {
			return Datum{}, errArray(s, "Specified array dimensions do not match array contents.")
		}
		for k, b := range bounds {
			if b.Len != p.out.Dims[k].Len {
				return Datum{}, errArray(s, "Specified array dimensions do not match array contents.")
			}
			p.out.Dims[k].Lower = b.Lower
		}
	}
	return p.out.Datum(), nil
}

func (p *arrayParser) peek() byte {
	if p.i < len(p.s) {
		return p.s[p.i]
	}
	return 0
}

func (p *arrayParser) space() {
	for p.i < len(p.s) && isSpace(p.s[p.i]) {
		p.i++
	}
}

// bound reads [lower:upper] or [upper].
func (p *arrayParser) bound(depth int) (Dim, error) {
	if depth >= MaxArrayDims {
		return Dim{}, errArrayDims(depth + 1)
	}
	p.i++
	lower, ok := p.boundNumber()
	upper := lower
	if ok && p.peek() == ':' {
		p.i++
		upper, ok = p.boundNumber()
	} else {
		lower = 1
	}
	if !ok {
		return Dim{}, errArray(p.all, `"[" must introduce explicitly-specified array dimensions.`)
	}
	if p.peek() != ']' {
		return Dim{}, errArray(p.all, `Missing "]" after array dimensions.`)
	}
	p.i++
	if upper < lower {
		return Dim{}, pgerror.New(pgerror.ArraySubscriptError, "upper bound cannot be less than lower bound")
	}
	p.space()
	return Dim{int32(upper - lower + 1), int32(lower)}, nil
}

func (p *arrayParser) boundNumber() (int64, bool) {
	start := p.i
	for p.i < len(p.s) && (isDigit(p.s[p.i]) || p.s[p.i] == '-' || p.s[p.i] == '+') {
		p.i++
	}
	v, err := strconv.ParseInt(p.s[start:p.i], 10, 32)
	return v, err == nil
}

func errArrayDims(n int) error {
	return pgerror.Newf(pgerror.ProgramLimitExceeded, "number of array dimensions (%d) exceeds the maximum allowed (%d)", n, MaxArrayDims)
}

// level reads {...} at a nesting depth.
func (p *arrayParser) level(depth int) error {
	if depth >= MaxArrayDims {
		return errArrayDims(depth + 1)
	}
	p.i++ // {
	count := int32(0)
	p.space()
	if p.peek() == '}' {
		p.i++
		if depth > 0 {
			return errArray(p.all, `Unexpected "}" character.`)
		}
		return nil
	}
	for {
		p.space()
		switch c := p.peek(); {
		case p.i >= len(p.s):
			return errArray(p.all, "Unexpected end of input.")
		case c == '{':
			if p.ndim >= 0 && depth+1 >= p.ndim {
				return errArray(p.all, fmt.Sprintf("Unexpected %q character.", "{"))
			}
			if err := p.level(depth + 1); err != nil {
				return err
			}
		case c == p.delim || c == '}':
			return errArray(p.all, fmt.Sprintf("Unexpected %q character.", string(c)))
		default:
			if p.ndim < 0 {
				p.ndim = depth + 1
			} else if p.ndim != depth+1 {
				return errArray(p.all, "Unexpected array element.")
			}
			if err := p.scalar(); err != nil {
				return err
			}
		}
		count++
		p.space()
		switch c := p.peek(); {
		case p.i >= len(p.s):
			return errArray(p.all, "Unexpected end of input.")
		case c == p.delim:
			p.i++
		case c == '}':
			p.i++
			if p.dims[depth] >= 0 && p.dims[depth] != count {
				return errArray(p.all, "Multidimensional arrays must have sub-arrays with matching dimensions.")
			}
			p.dims[depth] = count
			return nil
		default:
			return errArray(p.all, "Unexpected array element.")
		}
	}
}

// scalar reads one element, quoted or not.
func (p *arrayParser) scalar() error {
	var buf []byte
	quoted := false
	if p.peek() == '"' {
		quoted = true
		p.i++
		for {
			if p.i >= len(p.s) {
				return errArray(p.all, "Unexpected end of input.")
			}
			c := p.s[p.i]
			p.i++
			if c == '"' {
				break
			}
			if c == '\\' {
				if p.i >= len(p.s) {
					return errArray(p.all, "Unexpected end of input.")
				}
				c = p.s[p.i]
				p.i++
			}
			buf = append(buf, c)
		}
	} else {
		keep := 0 // length up to the last byte that is not trailing space
		for p.i < len(p.s) {
			c := p.s[p.i]
			if c == p.delim || c == '}' {
				break
			}
			switch c {
			case '{':
				return errArray(p.all, fmt.Sprintf("Unexpected %q character.", "{"))
			case '"':
				return errArray(p.all, "Unexpected array element.")
			case '\\':
				p.i++
				if p.i >= len(p.s) {
					return errArray(p.all, "Unexpected end of input.")
				}
				quoted = true
				buf = append(buf, p.s[p.i])
				keep = len(buf)
			default:
				buf = append(buf, c)
				if !isSpace(c) {
					keep = len(buf)
				}
			}
			p.i++
		}
		buf = buf[:keep]
		if !quoted && strings.EqualFold(string(buf), "null") {
			p.out.Elems = append(p.out.Elems, Null)
			return nil
		}
	}
	d, err := ParseText(p.elem, string(buf), p.f)
	if err != nil {
		return err
	}
	if len(p.out.Elems) >= maxArrayElems {
		return pgerror.Newf(pgerror.ProgramLimitExceeded, "array size exceeds the maximum allowed (%d)", maxArrayElems)
	}
	p.out.Elems = append(p.out.Elems, d)
	return nil
}

// appendArray appends the text form of a binary array.
func appendArray(dst []byte, b string, f *Format) []byte {
	ndim, dims, elem, at, ok := ArrayHeader(b)
	if !ok || ndim == 0 {
		return append(dst, "{}"...)
	}
	for _, d := range dims[:ndim] {
		if d.Lower == 1 {
			continue
		}
		for _, d := range dims[:ndim] {
			dst = AppendInt(append(dst, '['), int64(d.Lower))
			dst = AppendInt(append(dst, ':'), int64(d.Lower)+int64(d.Len)-1)
			dst = append(dst, ']')
		}
		dst = append(dst, '=')
		break
	}
	w := arrayPrinter{b: b, at: at, elem: Of(elem), delim: delimiter(elem), f: f}
	return w.level(dst, dims[:ndim])
}

type arrayPrinter struct {
	b     string
	at    int
	elem  Type
	delim byte
	f     *Format
}

func (w *arrayPrinter) level(dst []byte, dims []Dim) []byte {
	dst = append(dst, '{')
	for i := range dims[0].Len {
		if w.at < 0 {
			break
		}
		if i > 0 {
			dst = append(dst, w.delim)
		}
		if len(dims) > 1 {
			dst = w.level(dst, dims[1:])
			continue
		}
		value, null, next := ArrayElement(w.b, w.at)
		w.at = next
		if next < 0 {
			break
		}
		if null {
			dst = append(dst, "NULL"...)
			continue
		}
		d, err := elementDatum(w.elem.OID, value)
		if err != nil {
			continue // a stored array is well-formed
		}
		start := len(dst)
		dst = AppendText(dst, w.elem, d, w.f)
		dst = quoteElement(dst, start, w.delim)
	}
	return append(dst, '}')
}

// quoteElement quotes dst[start:] when the array syntax needs it.
func quoteElement(dst []byte, start int, delim byte) []byte {
	text := dst[start:]
	need := len(text) == 0 || len(text) == 4 && strings.EqualFold(string(text), "null")
	escapes := 0
	for _, c := range text {
		switch {
		case c == '"' || c == '\\':
			need = true
			escapes++
		case c == '{' || c == '}' || c == delim || isSpace(c):
			need = true
		}
	}
	if !need {
		return dst
	}
	raw := string(text)
	dst = append(dst[:start], '"')
	for i := range len(raw) {
		if raw[i] == '"' || raw[i] == '\\' {
			dst = append(dst, '\\')
		}
		dst = append(dst, raw[i])
	}
	return append(dst, '"')
}

// arrayBinary validates a received array and stores it with the modifier of t
// applied to its elements.
func arrayBinary(t Type, b []byte) (Datum, error) {
	s := string(b)
	if len(s) < 12 {
		return Datum{}, errShort()
	}
	ndim, dims, elem, at, ok := ArrayHeader(s)
	if !ok {
		if n := int32(beUint32(s)); n < 0 || n > MaxArrayDims {
			return Datum{}, pgerror.Newf(pgerror.ProgramLimitExceeded, "number of array dimensions (%d) exceeds the maximum allowed (%d)", n, MaxArrayDims)
		}
		return Datum{}, errShort()
	}
	want := t.Elem()
	if elem != want.OID {
		return Datum{}, pgerror.New(pgerror.DatatypeMismatch, "binary data has array element type "+strconv.Itoa(int(elem))+" ("+FormatOID(elem)+") instead of expected "+strconv.Itoa(int(want.OID))+" ("+FormatOID(want.OID)+")")
	}
	n := int64(0)
	a := Array{Elem: elem}
	for i, d := range dims[:ndim] {
		if d.Len < 0 {
			return Datum{}, errBinary()
		}
		if i == 0 {
			n = 1
		}
		if n *= int64(d.Len); n > maxArrayElems {
			return Datum{}, pgerror.Newf(pgerror.ProgramLimitExceeded, "array size exceeds the maximum allowed (%d)", maxArrayElems)
		}
	}
	if n > int64(len(s)/4) {
		return Datum{}, errShort()
	}
	for range n {
		if at+4 > len(s) {
			return Datum{}, errShort()
		}
		value, null, next := ArrayElement(s, at)
		if next < 0 {
			return Datum{}, errShort()
		}
		at = next
		if null {
			a.Elems = append(a.Elems, Null)
			continue
		}
		d, err := ParseBinary(want, []byte(value))
		if err != nil {
			return Datum{}, err
		}
		a.Elems = append(a.Elems, d)
	}
	if at != len(s) {
		return Datum{}, errBinary()
	}
	if n > 0 {
		a.Dims = dims[:ndim]
	}
	return a.Datum(), nil
}

// parseVector reads int2vector or oidvector: numbers separated by blanks, stored
// as an array with lower bound 0.
func parseVector(t OID, s string) (Datum, error) {
	a := Array{Elem: Lookup(t).Elem}
	for _, w := range strings.FieldsFunc(s, isSpaceRune) {
		d, err := ParseText(Of(a.Elem), w, nil)
		if err != nil {
			return Datum{}, err
		}
		a.Elems = append(a.Elems, d)
	}
	return NewVector(a.Elem, a.Elems), nil
}

// NewVector returns an int2vector or oidvector datum of the elements.
func NewVector(elem OID, elems []Datum) Datum {
	a := Array{Elem: elem, Elems: elems, Dims: []Dim{{int32(len(elems)), 0}}}
	return a.Datum()
}

func appendVector(dst []byte, b string) []byte {
	ndim, dims, elem, at, ok := ArrayHeader(b)
	if !ok || ndim == 0 {
		return dst
	}
	for i := range dims[0].Len {
		value, _, next := ArrayElement(b, at)
		if at = next; next < 0 {
			break
		}
		if i > 0 {
			dst = append(dst, ' ')
		}
		if d, err := elementDatum(elem, value); err == nil {
			dst = AppendText(dst, Of(elem), d, nil)
		}
	}
	return dst
}
