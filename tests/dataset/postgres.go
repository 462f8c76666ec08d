package dataset

import (
	"context"
	"encoding/binary"
	"io"
	"math"

	"github.com/jackc/pgx/v5/pgconn"
)

// CopyPostgres copies the rows of a table into a table of PostgreSQL that exists,
// by COPY in the binary format.
func CopyPostgres(ctx context.Context, conn *pgconn.PgConn, t *Table, into string) error {
	return streamed(t, encodeCopy, func(r io.Reader) error {
		_, err := conn.CopyFrom(ctx, r, "COPY "+into+" FROM STDIN (FORMAT binary)")
		return err
	})
}

// streamed encodes a table in one goroutine and gives the bytes to use.
func streamed(t *Table, encode func(*Table, io.Writer) error, use func(io.Reader) error) error {
	reader, writer := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := encode(t, writer)
		writer.CloseWithError(err)
		ended <- err
	}()
	err := use(reader)
	reader.CloseWithError(io.ErrClosedPipe)
	if encoding := <-ended; err == nil {
		err = encoding
	}
	return err
}

// Days and microseconds from the Unix epoch to PostgreSQL's, 2000-01-01.
const (
	postgresDays   = 10957
	postgresMicros = postgresDays * 86400 * 1e6
)

func encodeCopy(t *Table, w io.Writer) error {
	out := append(make([]byte, 0, 1<<20), "PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00"...)
	err := ahead(t, func(b *Batch) error {
		for row := range b.Len() {
			out = binary.BigEndian.AppendUint16(out, uint16(len(t.Columns)))
			for i, c := range t.Columns {
				out = appendBinary(out, c.Type, &b.Columns[i], row)
			}
			if len(out) > 1<<19 {
				if _, err := w.Write(out); err != nil {
					return err
				}
				out = out[:0]
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	_, err = w.Write(append(out, 0xff, 0xff))
	return err
}

// appendBinary appends the length and the binary form of a value.
func appendBinary(out []byte, t Type, v *Values, row int) []byte {
	if v.IsNull(row) {
		return append(out, 0xff, 0xff, 0xff, 0xff)
	}
	switch t {
	case Text:
		s := v.At(row)
		return append(binary.BigEndian.AppendUint32(out, uint32(len(s))), s...)
	case Float64:
		return binary.BigEndian.AppendUint64(append(out, 0, 0, 0, 8), math.Float64bits(v.Floats[row]))
	case Int16:
		return binary.BigEndian.AppendUint16(append(out, 0, 0, 0, 2), uint16(v.Ints[row]))
	case Int32:
		return binary.BigEndian.AppendUint32(append(out, 0, 0, 0, 4), uint32(v.Ints[row]))
	case Date:
		return binary.BigEndian.AppendUint32(append(out, 0, 0, 0, 4), uint32(v.Ints[row]-postgresDays))
	case Timestamp:
		return binary.BigEndian.AppendUint64(append(out, 0, 0, 0, 8), uint64(v.Ints[row]-postgresMicros))
	case Decimal, FixedDecimal:
		return appendNumeric(out, v.Ints[row])
	default:
		return binary.BigEndian.AppendUint64(append(out, 0, 0, 0, 8), uint64(v.Ints[row]))
	}
}

// appendNumeric appends a number of hundredths as a numeric: digits to the base
// 10000, of which the last holds the two decimals.
func appendNumeric(out []byte, cents int64) []byte {
	sign := uint16(0)
	if cents < 0 {
		sign, cents = 0x4000, -cents
	}
	var digits [6]uint16
	n := len(digits)
	whole, fraction := cents/100, uint16(cents%100)*100
	weight := -1
	if fraction != 0 {
		n--
		digits[n] = fraction
	}
	for ; whole > 0; whole /= 10000 {
		weight++
		// Zeros behind the last digit that counts are not stored.
		if d := uint16(whole % 10000); d != 0 || n < len(digits) {
			n--
			digits[n] = d
		}
	}
	used := digits[n:]
	if len(used) == 0 {
		weight = 0
	}
	out = binary.BigEndian.AppendUint32(out, uint32(8+2*len(used)))
	out = binary.BigEndian.AppendUint16(out, uint16(len(used)))
	out = binary.BigEndian.AppendUint16(out, uint16(weight))
	out = binary.BigEndian.AppendUint16(out, sign)
	out = binary.BigEndian.AppendUint16(out, 2)
	for _, d := range used {
		out = binary.BigEndian.AppendUint16(out, d)
	}
	return out
}
