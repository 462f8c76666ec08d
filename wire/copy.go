package wire

import (
	"context"
	"encoding/binary"
	"io"
	"strings"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/hubsql/hubsql/exec/vector"
)

// CopyFormat is the format of COPY data.
type CopyFormat uint8

// Formats of COPY.
const (
	CopyText CopyFormat = iota
	CopyCSV
	CopyBinary
)

// CopyOut describes a COPY ... TO STDOUT. The options have been checked against
// each other by whoever made it.
type CopyOut struct {
	Format  CopyFormat
	Columns []Column
	// Header prints the column names first (text and CSV).
	Header bool
	// Delimiter is a tab for text and a comma for CSV when 0.
	Delimiter byte
	// Null is how NULL is printed: as it is, so the default \N of text has to
	// be given.
	Null string
	// Quote and Escape are those of CSV; '"' and Quote when 0.
	Quote, Escape byte
	// ForceQuote has one flag per column (CSV); nil means none.
	ForceQuote []bool
}

var copySignature = []byte("PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00")

// copyWriter formats the rows of one COPY, each as one CopyData message.
type copyWriter struct {
	spec      CopyOut
	enc       *rowEncoder
	delimiter byte
	special   [256]bool // bytes that need an escape (text) or quotes (CSV)
	cell      []byte
}

// copyOut runs a COPY TO STDOUT and returns the number of rows.
func (c *conn) copyOut(ctx context.Context, cur *Cursor, spec *CopyOut) (n int64, err error) {
	w := newCopyWriter(*spec)
	formats := []int16{formatText}
	m := &pgproto3.CopyOutResponse{ColumnFormatCodes: make([]uint16, len(spec.Columns))}
	if spec.Format == CopyBinary {
		formats[0] = formatBinary
		m.OverallFormat = formatBinary
		for i := range m.ColumnFormatCodes {
			m.ColumnFormatCodes[i] = formatBinary
		}
	}
	w.enc = c.newEncoder(spec.Columns, formats)
	begun := false
	begin := func() {
		if !begun {
			begun = true
			c.sendNotices()
			c.send(m)
			if spec.Header && spec.Format != CopyBinary {
				c.out = w.appendHeader(c.out)
			}
		}
	}
	first := true
	for {
		b, err := cur.Next(ctx, 0)
		if err == io.EOF {
			break
		}
		if err != nil {
			return n, err
		}
		begin()
		if err := w.enc.load(b); err != nil {
			return n, err
		}
		if err := c.copyBatch(ctx, w, b, &first); err != nil {
			return n, err
		}
		n += int64(b.Rows())
		if err := context.Cause(ctx); err != nil {
			return n, err
		}
	}
	begin()
	if spec.Format == CopyBinary {
		at := len(c.out)
		c.out = append(c.out, 'd', 0, 0, 0, 0)
		if first {
			c.out = append(c.out, copySignature...)
		}
		c.out = append(c.out, 0xff, 0xff)
		finishMessage(c.out, at)
	}
	c.send(&pgproto3.CopyDone{})
	return n, nil
}

func (c *conn) copyBatch(ctx context.Context, w *copyWriter, b *vector.Batch, first *bool) error {
	for i := range b.Rows() {
		row := i
		if b.Sel != nil {
			row = int(b.Sel[i])
		}
		at := len(c.out)
		c.out = append(c.out, 'd', 0, 0, 0, 0)
		if w.spec.Format == CopyBinary {
			if *first {
				c.out = append(c.out, copySignature...)
			}
			n := len(w.enc.cols)
			c.out = append(c.out, byte(n>>8), byte(n))
			c.out = w.enc.appendCells(c.out, row)
		} else {
			c.out = w.appendRow(c.out, row)
		}
		*first = false
		finishMessage(c.out, at)
		if len(c.out) >= flushAt {
			if err := c.flushRows(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// finishMessage sets the length of the message that begins at.
func finishMessage(out []byte, at int) {
	binary.BigEndian.PutUint32(out[at+1:], uint32(len(out)-at-1))
}

func newCopyWriter(spec CopyOut) *copyWriter {
	w := &copyWriter{spec: spec, delimiter: spec.Delimiter}
	if spec.Format == CopyCSV {
		if w.delimiter == 0 {
			w.delimiter = ','
		}
		if w.spec.Quote == 0 {
			w.spec.Quote = '"'
		}
		if w.spec.Escape == 0 {
			w.spec.Escape = w.spec.Quote
		}
		w.special['\n'], w.special['\r'], w.special[w.spec.Quote] = true, true, true
	} else {
		if w.delimiter == 0 {
			w.delimiter = '\t'
		}
		for _, ch := range []byte("\b\f\n\r\t\v\\") {
			w.special[ch] = true
		}
	}
	w.special[w.delimiter] = true
	return w
}

func (w *copyWriter) appendHeader(dst []byte) []byte {
	at := len(dst)
	dst = append(dst, 'd', 0, 0, 0, 0)
	for i, col := range w.spec.Columns {
		if i > 0 {
			dst = append(dst, w.delimiter)
		}
		if w.spec.Format == CopyCSV {
			dst = w.appendCSV(dst, []byte(col.Name), false)
		} else {
			dst = w.appendEscaped(dst, []byte(col.Name))
		}
	}
	dst = append(dst, '\n')
	finishMessage(dst, at)
	return dst
}

func (w *copyWriter) appendRow(dst []byte, row int) []byte {
	w.cell = w.enc.appendCells(w.cell[:0], row)
	cells := w.cell
	for k := range w.enc.cols {
		if k > 0 {
			dst = append(dst, w.delimiter)
		}
		n := int32(binary.BigEndian.Uint32(cells))
		cells = cells[4:]
		if n < 0 {
			dst = append(dst, w.spec.Null...)
			continue
		}
		value := cells[:n]
		cells = cells[n:]
		if w.spec.Format == CopyCSV {
			dst = w.appendCSV(dst, value, k < len(w.spec.ForceQuote) && w.spec.ForceQuote[k])
		} else {
			dst = w.appendEscaped(dst, value)
		}
	}
	return append(dst, '\n')
}

// appendEscaped appends a value of the text format.
func (w *copyWriter) appendEscaped(dst, value []byte) []byte {
	from := 0
	for i, ch := range value {
		if !w.special[ch] {
			continue
		}
		dst = append(append(dst, value[from:i]...), '\\')
		if at := strings.IndexByte("\b\f\n\r\t\v", ch); at >= 0 {
			dst = append(dst, "bfnrtv"[at])
		} else {
			dst = append(dst, ch)
		}
		from = i + 1
	}
	return append(dst, value[from:]...)
}

// appendCSV appends a value of the CSV format, in quotes where it could be
// taken for something else.
func (w *copyWriter) appendCSV(dst, value []byte, quote bool) []byte {
	if !quote {
		quote = string(value) == w.spec.Null || len(w.spec.Columns) == 1 && string(value) == `\.`
	}
	for i := 0; i < len(value) && !quote; i++ {
		quote = w.special[value[i]]
	}
	if !quote {
		return append(dst, value...)
	}
	dst = append(dst, w.spec.Quote)
	for _, ch := range value {
		if ch == w.spec.Quote || ch == w.spec.Escape {
			dst = append(dst, w.spec.Escape)
		}
		dst = append(dst, ch)
	}
	return append(dst, w.spec.Quote)
}
