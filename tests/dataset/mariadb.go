package dataset

import (
	"context"
	"database/sql"
	"io"
	"strconv"
	"time"

	"github.com/go-sql-driver/mysql"
)

// LoadMariaDB loads the rows of a table into a table of MariaDB that exists, by
// LOAD DATA LOCAL. The server must allow that (local_infile).
func LoadMariaDB(ctx context.Context, db *sql.DB, t *Table, into string) error {
	return streamed(t, encodeText, func(r io.Reader) error {
		name := "dataset:" + into
		mysql.RegisterReaderHandler(name, func() io.Reader { return r })
		defer mysql.DeregisterReaderHandler(name)
		_, err := db.ExecContext(ctx, "LOAD DATA LOCAL INFILE 'Reader::"+name+"' INTO TABLE "+into+" CHARACTER SET utf8mb4 FIELDS TERMINATED BY '\\t' ESCAPED BY '\\\\' LINES TERMINATED BY '\\n'")
		return err
	})
}

// encodeText writes rows as lines with tabs. Generated texts hold no tabs, no ends
// of lines and no backslashes.
func encodeText(t *Table, w io.Writer) error {
	out := make([]byte, 0, 1<<20)
	return ahead(t, func(b *Batch) error {
		for row := range b.Len() {
			for i, c := range t.Columns {
				if i > 0 {
					out = append(out, '\t')
				}
				out = appendText(out, c.Type, &b.Columns[i], row)
			}
			out = append(out, '\n')
			if len(out) > 1<<19 || row == b.Len()-1 {
				if _, err := w.Write(out); err != nil {
					return err
				}
				out = out[:0]
			}
		}
		return nil
	})
}

// appendText appends a value as MariaDB and PostgreSQL read it.
func appendText(out []byte, t Type, v *Values, row int) []byte {
	if v.IsNull(row) {
		return append(out, `\N`...)
	}
	switch t {
	case Text:
		return append(out, v.At(row)...)
	case Float64:
		return strconv.AppendFloat(out, v.Floats[row], 'g', -1, 64)
	case Decimal, FixedDecimal:
		cents := v.Ints[row]
		if cents < 0 {
			out, cents = append(out, '-'), -cents
		}
		out = strconv.AppendInt(out, cents/100, 10)
		return append(out, '.', byte('0'+cents/10%10), byte('0'+cents%10))
	case Date:
		return time.Unix(v.Ints[row]*86400, 0).UTC().AppendFormat(out, time.DateOnly)
	case Timestamp:
		return time.UnixMicro(v.Ints[row]).UTC().AppendFormat(out, "2006-01-02 15:04:05.000000")
	default:
		return strconv.AppendInt(out, v.Ints[row], 10)
	}
}
