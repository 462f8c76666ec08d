package logic

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
)

// binaryAnswer prepares and executes a statement with binary results and prints
// it in a form that does not depend on the format.
func binaryAnswer(ctx context.Context, c *pgconn.PgConn, r record) (string, error) {
	return prepared(ctx, c, r, pgtype.BinaryFormatCode)
}

// canonicalAnswer is the same from text results.
func canonicalAnswer(ctx context.Context, c *pgconn.PgConn, r record) string {
	out, err := prepared(ctx, c, r, pgtype.TextFormatCode)
	if err != nil {
		return err.Error()
	}
	return out
}

// prepared runs a statement by the extended protocol. An error of the server is
// part of the answer.
func prepared(ctx context.Context, c *pgconn.PgConn, r record, format int16) (string, error) {
	sd, err := c.Prepare(ctx, "", r.sql, nil)
	if err != nil {
		return failure(err), nil
	}
	res := c.ExecPrepared(ctx, "", nil, nil, []int16{format}).Read()
	if res.Err != nil {
		return failure(res.Err), nil
	}
	m := pgtype.NewMap()
	lines := make([]string, len(res.Rows))
	for i, row := range res.Rows {
		cells := make([]string, len(row))
		for k, v := range row {
			oid := sd.Fields[k].DataTypeOID
			if res.FieldDescriptions[k].DataTypeOID != oid {
				return "", fmt.Errorf("column %d is of type %d, described as %d", k, res.FieldDescriptions[k].DataTypeOID, oid)
			}
			if cells[k], err = canonical(m, oid, format, v); err != nil {
				return "", fmt.Errorf("column %d of type %d: %w", k, oid, err)
			}
		}
		lines[i] = strings.Join(cells, "|")
	}
	if r.sort == "rowsort" {
		slices.Sort(lines)
	}
	return strings.Join(lines, "\n"), nil
}

// canonical prints a value the same from its text and its binary form.
func canonical(m *pgtype.Map, oid uint32, format int16, v []byte) (string, error) {
	if v == nil {
		return "NULL", nil
	}
	if oid == pgtype.NumericOID && format == pgtype.BinaryFormatCode {
		return numericText(v)
	}
	t, known := m.TypeForOID(oid)
	if oid == pgtype.NumericOID || !known || oid == pgtype.RecordOID {
		if format == pgtype.TextFormatCode && oid == pgtype.NumericOID {
			return string(v), nil
		}
		return "(not compared)", nil
	}
	x, err := t.Codec.DecodeValue(m, oid, format, v)
	if err != nil {
		return "", err
	}
	return print(x), nil
}

// print shows a decoded value.
func print(x any) string {
	switch x := x.(type) {
	case nil:
		return "NULL"
	case time.Time:
		return x.UTC().Format(time.RFC3339Nano)
	case float64:
		return strconv.FormatFloat(x, 'g', -1, 64)
	case float32:
		return strconv.FormatFloat(float64(x), 'g', -1, 32)
	case pgtype.Numeric:
		f, err := x.Float64Value()
		if err != nil {
			return err.Error()
		}
		return strconv.FormatFloat(f.Float64, 'g', -1, 64)
	case []any:
		parts := make([]string, len(x))
		for i := range x {
			parts[i] = print(x[i])
		}
		return "[" + strings.Join(parts, " ") + "]"
	}
	return fmt.Sprintf("%v", x)
}

// numericText prints a numeric in binary form with exactly its display scale.
func numericText(v []byte) (string, error) {
	if len(v) < 8 {
		return "", fmt.Errorf("%d bytes are no numeric", len(v))
	}
	word := func(i int) int { return int(binary.BigEndian.Uint16(v[2*i:])) }
	digits, weight, sign, scale := word(0), int(int16(word(1))), word(2), word(3)
	if len(v) != 8+2*digits {
		return "", fmt.Errorf("%d digits in %d bytes", digits, len(v))
	}
	switch sign {
	case 0xC000:
		return "NaN", nil
	case 0xD000:
		return "Infinity", nil
	case 0xF000:
		return "-Infinity", nil
	}
	group := func(w int) int {
		if i := weight - w; i >= 0 && i < digits {
			return word(4 + i)
		}
		return 0
	}
	var b strings.Builder
	if sign == 0x4000 {
		b.WriteByte('-')
	}
	whole := ""
	for w := max(weight, 0); w >= 0; w-- {
		whole += fmt.Sprintf("%04d", group(w))
	}
	if whole = strings.TrimLeft(whole, "0"); whole == "" {
		whole = "0"
	}
	b.WriteString(whole)
	if scale > 0 {
		frac := ""
		for w := -1; len(frac) < scale; w-- {
			frac += fmt.Sprintf("%04d", group(w))
		}
		b.WriteString("." + frac[:scale])
	}
	if math.MaxInt16 < scale {
		return "", fmt.Errorf("scale %d", scale)
	}
	return b.String(), nil
}
