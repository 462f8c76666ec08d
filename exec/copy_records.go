package exec

import (
	"bytes"
	"encoding/binary"
	"unicode/utf8"

	"github.com/hubsql/hubsql/wire/pgerror"
)

// records cuts the bytes of a COPY FROM into rows and fields, as PostgreSQL
// does. The bytes come in pieces of any size.
type records struct {
	o *CopyIn
	// buf[at:] has not been consumed; scanned bytes of it belong to the row that
	// is not complete, in the state below.
	buf     []byte
	at      int
	scanned int
	quoted  bool // within quotes (CSV)
	escaped bool // the byte before escapes the next one
	eol     byte // '\n', '\r' or 'd' for both; 0 while unknown
	line    int  // of the row that was returned last, from 1
	lines   int  // line ends seen in it: quoted fields may have some
	ended   bool // the end marker was seen
	begun   bool // the signature of the binary format was read

	row    []byte
	fields []field
	text   []byte // unescaped values
}

// field is one value of a row: bytes of records.text, or NULL.
type field struct {
	from, to int
	null     bool
}

// add appends what has arrived.
func (r *records) add(b []byte) {
	if r.at > 0 {
		r.buf = r.buf[:copy(r.buf, r.buf[r.at:])]
		r.at = 0
	}
	r.buf = append(r.buf, b...)
}

// badFormat is an error of the data as a whole.
func badFormat(format string, args ...any) *pgerror.Error {
	return pgerror.Newf(pgerror.BadCopyFileFormat, format, args...)
}

// next finds the next row; ok is false when more bytes are needed, or with last
// when there are no more rows.
func (r *records) next(last bool) (ok bool, err error) {
	if r.ended {
		return false, nil
	}
	if r.o.Format == "binary" {
		return r.nextBinary(last)
	}
	line, ok, err := r.nextLine(last)
	if !ok || err != nil {
		return false, err
	}
	if string(line) == `\.` {
		r.ended = true
		return false, nil
	}
	if !utf8.Valid(line) || bytes.IndexByte(line, 0) >= 0 {
		return false, pgerror.New(pgerror.CharacterNotInRepertoire, `invalid byte sequence for encoding "UTF8"`)
	}
	r.row = line
	r.fields, r.text = r.fields[:0], r.text[:0]
	if r.o.Format == "csv" {
		return true, r.splitCSV()
	}
	r.splitText()
	return true, nil
}

// nextLine returns the next line without its end.
func (r *records) nextLine(last bool) ([]byte, bool, error) {
	csv := r.o.Format == "csv"
	b := r.buf[r.at:]
	for i := r.scanned; i < len(b); i++ {
		c := b[i]
		switch {
		case csv:
			if r.quoted && c == r.o.Escape && (c != r.o.Quote || r.escaped || i+1 < len(b) && b[i+1] == r.o.Quote) && r.o.Escape != r.o.Quote {
				r.escaped = !r.escaped
				continue
			}
			if c == r.o.Quote && !r.escaped {
				r.quoted = !r.quoted
			}
			r.escaped = false
			if r.quoted {
				if c == '\n' {
					r.lines++
				}
				continue
			}
		case r.escaped:
			r.escaped = false
			if c == '\n' {
				r.lines++
			}
			continue
		case c == '\\':
			r.escaped = true
			continue
		}
		if c != '\n' && c != '\r' {
			continue
		}
		if c == '\r' && r.eol != '\r' && i+1 == len(b) && !last {
			r.scanned = i // the next byte decides
			return nil, false, nil
		}
		if r.eol == 0 {
			switch {
			case c == '\n':
				r.eol = '\n'
			case i+1 < len(b) && b[i+1] == '\n':
				r.eol = 'd'
			default:
				r.eol = '\r'
			}
		}
		skip := 1
		switch {
		case c == '\r' && r.eol == 'd' && i+1 < len(b) && b[i+1] == '\n':
			skip = 2
		case c == '\r' && r.eol != '\r':
			r.line++
			return nil, false, literalEnd("carriage return", `\r`, csv)
		case c == '\n' && r.eol != '\n':
			r.line++
			return nil, false, literalEnd("newline", `\n`, csv)
		}
		r.take(i + skip)
		return b[:i], true, nil
	}
	if !last {
		r.scanned = len(b)
		return nil, false, nil
	}
	if len(b) == 0 {
		return nil, false, nil
	}
	if csv && r.quoted {
		r.line++
		return nil, false, badFormat(unterminated)
	}
	r.take(len(b))
	return b, true, nil
}

// shown is what an error about a row shows of it: all that there is when its end
// was not found.
func (r *records) shown(err error) []byte {
	if pgerror.From(err).Message == unterminated {
		return r.buf[r.at:]
	}
	return nil
}

// unterminated is the error of quotes without end.
const unterminated = "unterminated CSV quoted field"

// literalEnd is the error of a line end of another kind than the first.
func literalEnd(name, escape string, csv bool) error {
	if csv {
		return badFormat("unquoted %s found in data", name).WithHint("Use quoted CSV field to represent %s.", name)
	}
	return badFormat("literal %s found in data", name).WithHint(`Use "%s" to represent %s.`, escape, name)
}

// take consumes a line of n bytes with its end.
func (r *records) take(n int) {
	r.at += n
	r.scanned, r.quoted, r.escaped = 0, false, false
	r.line += 1 + r.lines
	r.lines = 0
}

// end finishes a field that began at from.
func (r *records) end(from int, null bool) {
	r.fields = append(r.fields, field{from, len(r.text), null})
}

// splitText cuts a line of the text format.
func (r *records) splitText() {
	line, from := r.row, 0
	raw := 0 // where the field begins in line
	for i := 0; ; i++ {
		if i == len(line) || line[i] == r.o.Delimiter {
			r.end(from, string(line[raw:i]) == r.o.Null)
			if i == len(line) {
				return
			}
			from, raw = len(r.text), i+1
			continue
		}
		c := line[i]
		if c != '\\' || i+1 == len(line) {
			r.text = append(r.text, c)
			continue
		}
		i++
		c = line[i]
		switch c {
		case 'b':
			c = '\b'
		case 'f':
			c = '\f'
		case 'n':
			c = '\n'
		case 'r':
			c = '\r'
		case 't':
			c = '\t'
		case 'v':
			c = '\v'
		case 'x':
			if v, n := digits(line[i+1:], 16, 2); n > 0 {
				c, i = byte(v), i+n
			}
		case '0', '1', '2', '3', '4', '5', '6', '7':
			v, n := digits(line[i:], 8, 3)
			c, i = byte(v), i+n-1
		}
		r.text = append(r.text, c)
	}
}

// digits reads up to most digits of a base.
func digits(b []byte, base, most int) (v, n int) {
	for n < len(b) && n < most {
		d := bytes.IndexByte([]byte("0123456789abcdef"), b[n]|0x20)
		if b[n] >= '0' && b[n] <= '9' {
			d = int(b[n] - '0')
		}
		if d < 0 || d >= base {
			break
		}
		v = v*base + d
		n++
	}
	return v, n
}

// splitCSV cuts a line of the CSV format.
func (r *records) splitCSV() error {
	line, i := r.row, 0
	for {
		from, raw, sawQuote := len(r.text), i, false
	field:
		for {
			// Outside of quotes.
			for {
				if i == len(line) || line[i] == r.o.Delimiter {
					break field
				}
				c := line[i]
				i++
				if c == r.o.Quote {
					sawQuote = true
					break
				}
				r.text = append(r.text, c)
			}
			// Within quotes.
			for {
				if i == len(line) {
					return badFormat(unterminated)
				}
				c := line[i]
				i++
				if c == r.o.Escape && i < len(line) && (line[i] == r.o.Escape || line[i] == r.o.Quote) {
					r.text = append(r.text, line[i])
					i++
					continue
				}
				if c == r.o.Quote {
					break
				}
				r.text = append(r.text, c)
			}
		}
		k := len(r.fields)
		null := string(line[raw:i]) == r.o.Null && (!sawQuote || r.o.forceNull(k))
		if sawQuote && r.o.forceNull(k) {
			null = string(r.text[from:]) == r.o.Null
		}
		r.end(from, null && !r.o.forceNotNull(k))
		if i == len(line) {
			return nil
		}
		i++
	}
}

// copyHeader begins data of the binary format.
var copyHeader = []byte("PGCOPY\n\xff\r\n\x00")

// nextBinary cuts the next row of the binary format. The fields point into text.
func (r *records) nextBinary(last bool) (bool, error) {
	b := r.buf[r.at:]
	short := func() (bool, error) {
		if last {
			return false, badFormat("unexpected EOF in COPY data")
		}
		return false, nil
	}
	if !r.begun {
		if len(b) < 19 {
			if last || len(b) >= 11 && !bytes.HasPrefix(b, copyHeader) {
				return false, badFormat("COPY file signature not recognized")
			}
			return false, nil
		}
		if !bytes.HasPrefix(b, copyHeader) {
			return false, badFormat("COPY file signature not recognized")
		}
		if flags := binary.BigEndian.Uint32(b[11:]); flags>>16 != 0 {
			return false, badFormat("unrecognized critical flags in COPY file header")
		}
		extra := int(int32(binary.BigEndian.Uint32(b[15:])))
		if extra < 0 {
			return false, badFormat("invalid COPY file header (missing length)")
		}
		if len(b) < 19+extra {
			return short()
		}
		r.at += 19 + extra
		r.begun = true
		b = r.buf[r.at:]
	}
	if len(b) < 2 {
		return false, nil // the end marker may be missing
	}
	count := int(int16(binary.BigEndian.Uint16(b)))
	if count == -1 {
		r.ended = true
		return false, nil
	}
	r.line++
	if count != len(r.o.Columns) {
		return false, badFormat("row field count is %d, expected %d", count, len(r.o.Columns))
	}
	r.fields, r.text = r.fields[:0], r.text[:0]
	at := 2
	for range count {
		if len(b) < at+4 {
			r.line--
			return short()
		}
		n := int(int32(binary.BigEndian.Uint32(b[at:])))
		at += 4
		from := len(r.text)
		switch {
		case n == -1:
			r.end(from, true)
			continue
		case n < 0:
			return false, badFormat("invalid field size")
		case len(b) < at+n:
			r.line--
			return short()
		}
		r.text = append(r.text, b[at:at+n]...)
		at += n
		r.end(from, false)
	}
	r.at += at
	return true, nil
}
