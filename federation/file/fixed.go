package file

import (
	"bytes"
	"strconv"
	"unicode/utf8"

	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// place is where a cell stands in a fixed record: characters [from, to).
type place struct{ from, to int }

// placesOf reads the places of columns from their options.
func placesOf(columns []connector.Column) ([]place, error) {
	out := make([]place, len(columns))
	end := 0
	for i, c := range columns {
		length, err := strconv.Atoi(c.Options["length"])
		if err != nil {
			return nil, pgerror.Newf(pgerror.FDWOptionNameNotFound, "column %q of a fixed-width file needs the option length", c.Name).
				WithHint("For example: %s ... OPTIONS (start '1', length '10').", c.Name)
		}
		from := end
		if v, ok := c.Options["start"]; ok {
			if from, err = strconv.Atoi(v); err != nil {
				return nil, pgerror.Newf(pgerror.InvalidParameterValue, "invalid value for a number of characters: %s", v)
			}
			from--
		}
		end = from + length
		out[i] = place{from, end}
	}
	return out, nil
}

// fixed parses one record of fixed length, or a line, at the beginning of b. It
// returns the bytes and lines used, or ok false when the record is not complete.
func (r *records) fixed(b []byte) (used, lines int, ok bool) {
	line := b
	if n := r.layout.length; n > 0 {
		used = offsetOf(b, n)
		if used < 0 {
			if !r.eof {
				return 0, 0, false
			}
			used = len(b)
		}
		line, lines = b[:used], 1
	} else {
		end := bytes.IndexByte(b, '\n')
		switch {
		case end >= 0:
			line, used = b[:end], end+1
		case !r.eof:
			return 0, 0, false
		default:
			used = len(b)
		}
		line, lines = bytes.TrimSuffix(line, []byte{'\r'}), 1
	}
	plain := ascii(line)
	r.cells = r.cells[:0]
	for _, p := range r.layout.places {
		from, to := p.from, p.to
		if !plain {
			from, to = offsetOf(line, from), offsetOf(line, to)
		}
		if from < 0 || from > len(line) {
			from = len(line)
		}
		if to < 0 || to > len(line) {
			to = len(line)
		}
		x := bytes.TrimRight(line[from:to], " \x00")
		r.cells = append(r.cells, cell{b: x, null: string(bytes.TrimLeft(x, " ")) == r.layout.null})
	}
	return used, lines, true
}

// ascii reports whether every character of b is one byte.
func ascii(b []byte) bool {
	for _, c := range b {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// offsetOf returns where character n of b begins, -1 when b has fewer.
func offsetOf(b []byte, n int) int {
	at := 0
	for ; n > 0; n-- {
		if at == len(b) {
			return -1
		}
		_, size := utf8.DecodeRune(b[at:])
		at += size
	}
	return at
}
