package connector

import (
	"context"

	"github.com/hubsql/hubsql/catalog/types"
)

// Statistics describe the rows of a table as a whole, before any predicate. They
// are estimates: a plan made with wrong ones is slow, never wrong.
type Statistics struct {
	// Rows is the number of rows, negative when unknown.
	Rows float64
	// Bytes is the size of the table at the source, 0 when unknown.
	Bytes float64
	// Columns has an entry for each column of the handle; those that were not
	// asked for, or of which nothing is known, are nil.
	Columns []*ColumnStatistics
	// Of says which columns Columns are about, for a table whose columns come and
	// go; nil when it is the columns of the table in order.
	Of []StatisticsColumn
}

// StatisticsColumn is a column as it was when its statistics were taken.
type StatisticsColumn struct {
	AttNum int16
	Type   types.Type
}

// ColumnStatistics describe the values of one column. The zero value knows
// nothing. They hold values of the table: whoever shows an estimate that was
// made with them must be allowed to see the column.
type ColumnStatistics struct {
	// NullFraction is the fraction of rows that are NULL.
	NullFraction float64
	// Distinct is the number of different values that are not NULL, 0 when
	// unknown.
	Distinct float64
	// Width is the average number of bytes of a value, 0 when unknown.
	Width float64
	// Min and Max bound the values, in the order of the column's type (text: of
	// its bytes). Both are NULL when unknown.
	Min, Max types.Datum
	// Common lists the most frequent values, the most frequent first.
	Common []CommonValue
	// Histogram divides the values that are not in Common into ranges of equal
	// frequency: sorted bounds, the first and the last included.
	Histogram []types.Datum
}

// CommonValue is a value and the fraction of all rows that have it.
type CommonValue struct {
	Value    types.Datum
	Fraction float64
}

// Statistician is a source that knows more of a table than its size.
type Statistician interface {
	// Statistics describes the table of h. Only the columns listed (indexes into
	// h.Columns()) need to be described. It is asked while a statement is
	// planned: it answers from the source's own catalog, or from a sample small
	// enough not to be noticed, and remembers what cost reading. An error means
	// that nothing is known; planning goes on without.
	Statistics(ctx context.Context, h TableHandle, columns []int) (Statistics, error)
}
