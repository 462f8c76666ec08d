// Package connectortest is the conformance suite of connectors: every source
// runs it against its real server or files. The suite defines the data, the
// fixture stores them in the source, and Run compares what the connector reads
// with what was stored and what it pushes with what it does not.
package connectortest

import (
	"fmt"
	"strings"

	"github.com/hubsql/hubsql/catalog/types"
)

// Value is one stored value: NULL, or PostgreSQL's text form ("t"/"f" for
// booleans, ISO dates, \x-hex bytea).
type Value struct {
	Null bool
	Text string
}

// Column is a column of the suite's data.
type Column struct {
	Name    string
	Type    types.Type
	NotNull bool
}

// Table is a table of the suite's data. A fixture may leave out every column
// but "id"; Run looks only at the columns that the source has.
type Table struct {
	Name    string
	Columns []Column
	Rows    [][]Value
}

// null is the NULL value.
var null = Value{Null: true}

// TypesTable has one column per common type and rows of ordinary, extreme and
// hostile values.
func TypesTable() *Table {
	t := &Table{Name: "hub_types", Columns: []Column{
		{"id", types.Of(types.Int4), true},
		{"b", types.Of(types.Bool), false},
		{"i2", types.Of(types.Int2), false},
		{"i4", types.Of(types.Int4), false},
		{"i8", types.Of(types.Int8), false},
		{"f8", types.Of(types.Float8), false},
		{"n", types.NumericType(12, 2), false},
		{"big", types.NumericType(38, 10), false},
		{"t", types.Of(types.Text), false},
		{"v", types.VarCharType(60), false},
		{"d", types.Of(types.Date), false},
		{"ts", types.Of(types.Timestamp), false},
		{"y", types.Of(types.Bytea), false},
	}}
	rows := [][]string{
		{"t", "1", "1", "1", "1.5", "1.50", "1.5000000000", "abc", "abc", "2024-02-29", "2024-02-29 12:34:56", `\x00ff`},
		{"f", "-1", "-1", "-1", "-1.5", "-1.50", "-0.0000000001", "ABC", "ABC", "1999-12-31", "1999-12-31 23:59:59.999999", `\x`},
		{"f", "0", "0", "0", "0", "0.00", "0.0000000000", "", "", "1970-01-01", "1970-01-01 00:00:00", `\x61626320`},
		{"t", "32767", "2147483647", "9223372036854775807", "1.7976931348623157e+308", "9999999999.99", "9999999999999999999999999999.9999999999", "abc ", "abc ", "9999-12-31", "2037-12-31 23:59:59", `\x6162`},
		{"t", "-32768", "-2147483648", "-9223372036854775808", "-1.7976931348623157e+308", "-9999999999.99", "-9999999999999999999999999999.9999999999", "a'b\"c", "a'b\"c", "1000-01-01", "1000-01-01 00:00:00.5", `\x5c`},
		{"f", "2", "2", "2", "5e-324", "0.01", "12345678901234567890.1234567890", `a\b`, `a\b`, "2000-02-29", "2000-02-29 00:00:00", `\x27`},
		{"t", "10", "10", "10", "0.1", "10.00", "10.0000000000", "a%b_c", "a%b_c", "2024-03-01", "2024-03-01 00:00:00.000001", `\x25`},
		{"f", "9", "9", "9", "1e+15", "9.00", "9.0000000000", "äÖß€😀", "äÖß€😀", "1900-01-01", "1900-01-01 00:00:00", `\xc3a4`},
		{"t", "3", "3", "3", "3.3333333333333335", "3.33", "3.3300000000", "line\nbreak\ttab", "line\nbreak\ttab", "2020-06-15", "2020-06-15 06:07:08", `\x0a`},
		{"f", "4", "4", "4", "-2.5", "-2.50", "-2.5000000000", "éclair", "eclair", "2020-06-16", "2020-06-15 06:07:08.1", `\xff`},
		{"t", "5", "5", "5", "1e-07", "0.10", "0.1000000000", "longer than twelve bytes of text", "longer than twelve bytes of text", "2021-01-01", "2021-01-01 01:01:01", `\x000102030405060708090a0b0c0d0e0f`},
		{"f", "5", "5", "5", "12345678.9", "1234567.89", "5.0000000000", "a b", "a\tb", "2021-01-01", "2021-01-01 01:01:02", `\x20`},
	}
	for i, r := range rows {
		row := []Value{{Text: fmt.Sprint(i + 1)}}
		for _, s := range r {
			row = append(row, Value{Text: s})
		}
		t.Rows = append(t.Rows, row)
	}
	// One row of NULLs, and one NULL in each column in turn.
	width := len(t.Columns)
	for k := range width {
		row := []Value{{Text: fmt.Sprint(len(rows) + 1 + k)}}
		for c := 1; c < width; c++ {
			if k == 0 || c == k {
				row = append(row, null)
			} else {
				row = append(row, t.Rows[(k+c)%len(rows)][c])
			}
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// BigRows is the number of rows of BigTable.
const BigRows = 100_000

// BigTable has BigRows rows: id 0.., a number that repeats, a text, NULL in
// every tenth row of either.
func BigTable() *Table {
	t := &Table{Name: "hub_big", Columns: []Column{
		{"id", types.Of(types.Int4), true},
		{"grp", types.Of(types.Int8), false},
		{"amount", types.NumericType(12, 2), false},
		{"name", types.Of(types.Text), false},
	}}
	t.Rows = make([][]Value, BigRows)
	for i := range t.Rows {
		grp := Value{Text: fmt.Sprint(i % 97)}
		name := Value{Text: fmt.Sprintf("customer number %d", i)}
		if i%10 == 3 {
			grp = null
		}
		if i%10 == 7 {
			name = null
		}
		t.Rows[i] = []Value{{Text: fmt.Sprint(i)}, grp, {Text: fmt.Sprintf("%d.%02d", i/7, i%100)}, name}
	}
	return t
}

// EmptyTable has columns and no rows.
func EmptyTable() *Table {
	return &Table{Name: "hub_empty", Columns: []Column{
		{"id", types.Of(types.Int4), true}, {"name", types.Of(types.Text), false},
	}}
}

// QuoteSQL returns s as a string literal of a dialect in which backslashes have
// no meaning.
func QuoteSQL(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// Inserts returns INSERT statements of up to 1000 rows each; literal renders
// one value that is not NULL.
func (t *Table) Inserts(name string, literal func(c Column, text string) string) []string {
	var out []string
	for from := 0; from < len(t.Rows); from += 1000 {
		var b strings.Builder
		b.WriteString("INSERT INTO " + name + " VALUES ")
		for i, row := range t.Rows[from:min(from+1000, len(t.Rows))] {
			if i > 0 {
				b.WriteString(",")
			}
			b.WriteString("(")
			for c, v := range row {
				if c > 0 {
					b.WriteString(",")
				}
				if v.Null {
					b.WriteString("NULL")
				} else {
					b.WriteString(literal(t.Columns[c], v.Text))
				}
			}
			b.WriteString(")")
		}
		out = append(out, b.String())
	}
	return out
}
