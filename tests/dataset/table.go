// Package dataset carries generated rows to where measurements and tests need
// them: a table fills batches of typed columns, which are written as a Parquet
// file, copied into PostgreSQL in its binary form, or loaded into MariaDB. All
// three get the same values.
package dataset

import (
	"fmt"
	"slices"
	"strings"
)

// Type is the type of a column.
type Type int

// The types of columns, with what they are in Parquet, PostgreSQL and MariaDB.
const (
	Int16        Type = iota // INT32 annotated as 16 bits, smallint
	Int32                    // INT32, integer, int
	Int64                    // INT64, bigint
	Decimal                  // INT64 decimal(15,2), numeric(15,2): the value times 100
	Float64                  // DOUBLE, double precision
	Date                     // INT32 date, date: days since 1970-01-01
	Timestamp                // INT64 timestamp, timestamp: microseconds since 1970-01-01 without a zone
	Text                     // BYTE_ARRAY UTF8, text, varchar
	FixedDecimal             // FIXED_LEN_BYTE_ARRAY(7) decimal(15,2), else as Decimal
)

// Column describes a column of a table.
type Column struct {
	Name string
	Type Type
	// Nullable columns may hold NULLs.
	Nullable bool
	// Size is the largest number of characters of a Text, which MariaDB wants to know.
	Size int
	// Plain keeps the writer of Parquet from trying a dictionary.
	Plain bool
}

// Table is a generator of rows, cut into parts that do not depend on each other.
type Table struct {
	Name    string
	Columns []Column
	// Snappy compresses the Parquet file with snappy in place of zstd.
	Snappy bool
	// Parts is the number of parts; a part is a row group of the Parquet file.
	Parts int
	// Fill appends the rows of a part, 0 to Parts-1, to an empty batch. The same
	// part gives the same rows at every call.
	Fill func(part int, b *Batch)
}

// Batch holds rows by column. Only the slice of a column's type is filled.
type Batch struct {
	Columns []Values
	types   []Type
}

// Values are the values of one column.
type Values struct {
	Ints   []int64 // Int16, Int32, Int64, Decimal, FixedDecimal, Date, Timestamp
	Floats []float64
	Bytes  []byte // of Text, one value behind the other
	Ends   []int  // where each text ends in Bytes
	Nulls  []int  // the rows that are NULL, ascending; their value above is the zero of the type
	kind   Type
}

// NewBatch returns an empty batch for a table.
func NewBatch(t *Table) *Batch {
	b := &Batch{Columns: make([]Values, len(t.Columns)), types: make([]Type, len(t.Columns))}
	for i, c := range t.Columns {
		b.types[i], b.Columns[i].kind = c.Type, c.Type
	}
	return b
}

// Reset empties the batch and keeps its memory.
func (b *Batch) Reset() {
	for i := range b.Columns {
		c := &b.Columns[i]
		c.Ints, c.Floats, c.Bytes, c.Ends = c.Ints[:0], c.Floats[:0], c.Bytes[:0], c.Ends[:0]
		c.Nulls = c.Nulls[:0]
	}
}

// Len returns the number of rows.
func (b *Batch) Len() int {
	c := &b.Columns[0]
	switch b.types[0] {
	case Text:
		return len(c.Ends)
	case Float64:
		return len(c.Floats)
	default:
		return len(c.Ints)
	}
}

// Null appends a NULL, for Nullable columns only.
func (v *Values) Null() {
	switch v.kind {
	case Text:
		v.Nulls = append(v.Nulls, len(v.Ends))
		v.End()
	case Float64:
		v.Nulls = append(v.Nulls, len(v.Floats))
		v.Float(0)
	default:
		v.Nulls = append(v.Nulls, len(v.Ints))
		v.Int(0)
	}
}

// IsNull tells whether a row is NULL.
func (v *Values) IsNull(row int) bool {
	_, found := slices.BinarySearch(v.Nulls, row)
	return found
}

// Int appends a value of a column that is stored as an integer.
func (v *Values) Int(x int64) { v.Ints = append(v.Ints, x) }

// Float appends a value of a Float64 column.
func (v *Values) Float(x float64) { v.Floats = append(v.Floats, x) }

// Text appends a value of a Text column.
func (v *Values) Text(s string) {
	v.Bytes = append(v.Bytes, s...)
	v.Ends = append(v.Ends, len(v.Bytes))
}

// End ends a text that was appended to Bytes piece by piece.
func (v *Values) End() { v.Ends = append(v.Ends, len(v.Bytes)) }

// At returns the text of a row; it is valid until the batch is reset.
func (v *Values) At(row int) []byte {
	start := 0
	if row > 0 {
		start = v.Ends[row-1]
	}
	return v.Bytes[start:v.Ends[row]]
}

// Postgres returns the definitions of the columns in PostgreSQL's words, and in
// HubSQL's.
func (t *Table) Postgres() string {
	return t.definitions(func(c Column) string {
		return [...]string{"smallint", "integer", "bigint", "numeric(15,2)", "double precision", "date", "timestamp", "text", "numeric(15,2)"}[c.Type]
	}, `"`)
}

// MariaDB returns the definitions of the columns in MariaDB's words.
func (t *Table) MariaDB() string {
	return t.definitions(func(c Column) string {
		if c.Type == Text {
			return fmt.Sprintf("varchar(%d) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin", c.Size)
		}
		return [...]string{"smallint", "int", "bigint", "decimal(15,2)", "double", "date", "datetime(6)", "", "decimal(15,2)"}[c.Type]
	}, "`")
}

func (t *Table) definitions(name func(Column) string, quote string) string {
	var s strings.Builder
	for i, c := range t.Columns {
		if i > 0 {
			s.WriteString(", ")
		}
		fmt.Fprintf(&s, "%s%s%s %s", quote, c.Name, quote, name(c))
		if !c.Nullable {
			s.WriteString(" NOT NULL")
		}
	}
	return s.String()
}
