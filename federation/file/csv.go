package file

import (
	"bytes"
)

// cell is one value of a record: bytes of the window, valid until the next
// record is read.
type cell struct {
	b []byte
	// quoted is set when a quote took part in the value: it is not the null
	// text then.
	quoted bool
	// null is set by the text format, whose null text is compared before
	// escapes are taken away.
	null bool
}

// records splits a stream into records and cells as COPY does.
type records struct {
	window
	layout layout
	// line is the number of the last line read, 1-based.
	line  int64
	cells []cell
	// special marks the bytes that end a run of ordinary ones.
	special [256]bool
	done    bool
}

// newRecords returns a splitter that starts behind line.
func newRecords(l layout, line int64) *records {
	r := &records{layout: l, line: line}
	r.special['\n'], r.special['\r'] = true, true
	r.special[l.delimiter] = true
	if l.format == formatCSV {
		r.special[l.quote] = true
	} else {
		r.special['\\'] = true
	}
	return r
}

// bom is UTF-8's byte order mark.
var bom = []byte("\xEF\xBB\xBF")

// skipBOM passes over a byte order mark at the beginning of a file.
func (w *window) skipBOM() error {
	for w.end-w.start < 3 && !w.eof {
		if err := w.more(); err != nil {
			return err
		}
	}
	if bytes.HasPrefix(w.buf[w.start:w.end], bom) {
		w.start += 3
	}
	return nil
}

// errUnterminated is the cause of 22P04 for a quote that is not closed.
type errUnterminated struct{}

func (errUnterminated) Error() string { return "unterminated CSV quoted field" }

// next reads one record into cells; it returns false at the end of the data.
func (r *records) next() (bool, error) {
	if r.done {
		return false, nil
	}
	for {
		if r.start == r.end {
			if r.eof {
				return false, nil
			}
			if err := r.more(); err != nil {
				return false, err
			}
			continue
		}
		var used, lines int
		var ok bool
		switch r.layout.format {
		case formatCSV:
			used, lines, ok = r.csv(r.buf[r.start:r.end])
		case formatFixed:
			used, lines, ok = r.fixed(r.buf[r.start:r.end])
		default:
			used, lines, ok = r.text(r.buf[r.start:r.end])
		}
		if ok {
			r.line += int64(lines)
			raw := r.buf[r.start : r.start+used]
			r.start += used
			if r.layout.format != formatFixed && len(r.cells) == 1 && len(raw) >= 2 && raw[0] == '\\' && raw[1] == '.' && len(bytes.TrimRight(raw, "\r\n")) == 2 {
				r.done = true
				return false, nil
			}
			return true, nil
		}
		if r.eof {
			r.line += int64(lines) + 1
			return false, errUnterminated{}
		}
		if err := r.more(); err != nil {
			return false, err
		}
	}
}

// csv parses one record at the beginning of b. It returns the bytes and lines
// used, or ok false when the record is not complete.
func (r *records) csv(b []byte) (used, lines int, ok bool) {
	delimiter, quote, escape := r.layout.delimiter, r.layout.quote, r.layout.escape
	cells := r.cells[:0]
	i := 0
	for {
		// A cell starts at i.
		from := i
		for i < len(b) && !r.special[b[i]] {
			i++
		}
		c := cell{}
		switch {
		case i < len(b) && b[i] == quote:
			// Quoted parts: the value is compacted in place only when parts
			// join or an escape goes; a plain "..." is a slice.
			var end int
			c.quoted = true
			c.b, end, lines = r.quoted(b, from, i, lines, quote, escape, delimiter)
			if end < 0 {
				r.cells = cells
				return 0, lines, false
			}
			i = end
		default:
			c.b = b[from:i]
		}
		cells = append(cells, c)
		if i == len(b) {
			if !r.eof {
				r.cells = cells
				return 0, lines, false
			}
			r.cells = cells
			return i, lines + 1, true
		}
		switch b[i] {
		case delimiter:
			i++
			continue
		case '\r':
			if i+1 == len(b) && !r.eof {
				r.cells = cells
				return 0, lines, false
			}
			i++
			if i < len(b) && b[i] == '\n' {
				i++
			}
		default:
			i++
		}
		r.cells = cells
		return i, lines + 1, true
	}
}

// quoted reads a cell that holds quotes: it starts at from and its first quote
// is at i. It returns the value, the index behind the cell (-1 when it is not
// complete) and the lines counted so far. The window may be parsed again from
// its start when the record was not complete, so nothing is changed in place:
// a value that must be put together is a copy.
func (r *records) quoted(b []byte, from, i, lines int, quote, escape, delimiter byte) ([]byte, int, int) {
	// The common case: "..." with nothing to take away.
	if i == from && quote == escape {
		if n := bytes.IndexByte(b[i+1:], quote); n >= 0 {
			end := i + 1 + n + 1
			if end < len(b) && (b[end] == delimiter || b[end] == '\n' || b[end] == '\r') || end == len(b) && r.eof {
				v := b[i+1 : end-1]
				return v, end, lines + countLines(v)
			}
		} else if !r.eof {
			return nil, -1, lines
		}
	}
	out := append([]byte(nil), b[from:i]...)
	inside := false
	for i < len(b) {
		x := b[i]
		if inside {
			switch {
			case x == escape && i+1 < len(b) && (b[i+1] == quote || b[i+1] == escape):
				out = append(out, b[i+1])
				i += 2
				continue
			case x == escape && i+1 == len(b) && !r.eof:
				return nil, -1, lines
			case x == quote:
				inside = false
				i++
				continue
			case x == '\n' || x == '\r' && (i+1 >= len(b) || b[i+1] != '\n'):
				lines++
			}
			out = append(out, x)
			i++
			continue
		}
		switch x {
		case quote:
			inside = true
			i++
			continue
		case delimiter, '\n', '\r':
			return out, i, lines
		}
		out = append(out, x)
		i++
	}
	if inside || !r.eof {
		return nil, -1, lines
	}
	return out, i, lines
}

// countLines returns the number of line ends in b.
func countLines(b []byte) int { return bytes.Count(b, []byte{'\n'}) }

// text parses one record of the text format: cells end at the delimiter, a
// backslash takes the meaning of the next character.
func (r *records) text(b []byte) (used, lines int, ok bool) {
	delimiter := r.layout.delimiter
	cells := r.cells[:0]
	i := 0
	for {
		from, escaped := i, false
		for i < len(b) {
			for i < len(b) && !r.special[b[i]] {
				i++
			}
			if i == len(b) || b[i] != '\\' {
				break
			}
			escaped = true
			if i+1 < len(b) {
				i += 2
			} else {
				i++
			}
		}
		i = min(i, len(b))
		if i == len(b) && !r.eof || i+1 == len(b) && b[i] == '\r' && !r.eof {
			r.cells = cells
			return 0, 0, false
		}
		raw := b[from:i]
		c := cell{b: raw, null: string(raw) == r.layout.null}
		if escaped && !c.null {
			c.b = unescape(raw)
		}
		cells = append(cells, c)
		if i == len(b) {
			r.cells = cells
			return i, 1, true
		}
		if b[i] == delimiter {
			i++
			continue
		}
		if b[i] == '\r' && i+1 < len(b) && b[i+1] == '\n' {
			i++
		}
		r.cells = cells
		return i + 1, 1, true
	}
}

// unescape applies the backslash sequences of COPY's text format.
func unescape(b []byte) []byte {
	out := make([]byte, 0, len(b))
	hexValue := func(x byte) int {
		switch {
		case x >= '0' && x <= '9':
			return int(x - '0')
		case x >= 'a' && x <= 'f':
			return int(x-'a') + 10
		case x >= 'A' && x <= 'F':
			return int(x-'A') + 10
		}
		return -1
	}
	for i := 0; i < len(b); i++ {
		if b[i] != '\\' || i+1 == len(b) {
			out = append(out, b[i])
			continue
		}
		i++
		switch x := b[i]; {
		case x == 'b':
			out = append(out, '\b')
		case x == 'f':
			out = append(out, '\f')
		case x == 'n':
			out = append(out, '\n')
		case x == 'r':
			out = append(out, '\r')
		case x == 't':
			out = append(out, '\t')
		case x == 'v':
			out = append(out, '\v')
		case x >= '0' && x <= '7':
			v := int(x - '0')
			for k := 0; k < 2 && i+1 < len(b) && b[i+1] >= '0' && b[i+1] <= '7'; k++ {
				i++
				v = v*8 + int(b[i]-'0')
			}
			out = append(out, byte(v))
		case x == 'x' && i+1 < len(b) && hexValue(b[i+1]) >= 0:
			v := 0
			for k := 0; k < 2 && i+1 < len(b) && hexValue(b[i+1]) >= 0; k++ {
				i++
				v = v*16 + hexValue(b[i])
			}
			out = append(out, byte(v))
		default:
			out = append(out, x)
		}
	}
	return out
}
