// Package tpcds generates the 24 tables of the TPC-DS benchmark (schema and
// relations between keys as its specification has them) and holds its 99 queries,
// with substitutions that find rows in these tables. There is one scale: about
// 160,000 rows, of which date_dim has ten years, time_dim every minute and
// customer_demographics every tenth combination or so. A row depends on its table
// and its number alone. It is an implementation of its own: answers are compared
// between systems over the same rows, not with the published ones.
package tpcds

import (
	"embed"
	"fmt"
	"io/fs"
	"strings"

	"github.com/hubsql/hubsql/tests/dataset"
)

//go:embed schema.sql
var schema string

//go:embed queries/*.sql
var queries embed.FS

// Queries returns the names of the queries in order: 01 to 99, of which 14, 23,
// 24 and 39 are two each (14a, 14b).
func Queries() []string {
	files, err := fs.Glob(queries, "queries/*.sql")
	if err != nil {
		panic(err) // the pattern is a constant
	}
	for i, f := range files {
		files[i] = strings.TrimSuffix(strings.TrimPrefix(f, "queries/"), ".sql")
	}
	return files
}

// Query returns the text of a query.
func Query(name string) string {
	text, err := queries.ReadFile("queries/" + name + ".sql")
	if err != nil {
		panic(err) // the names are those of Queries
	}
	return string(text)
}

// Table is a table with the text of its definition.
type Table struct {
	dataset.Table
	// Columns are the definitions of the columns, separated by commas, in the
	// words of PostgreSQL, HubSQL, MariaDB and SQLite alike.
	Definitions string
	// Key is the list of the primary key's columns.
	Key string
}

// generator makes the rows of a table.
type generator struct {
	count int64 // of calls of fill
	parts int
	fill  func(w *row, i int64)
}

// Tables returns the 24 tables in the order of their names.
func Tables() []Table {
	var out []Table
	makers := generators()
	for statement := range strings.SplitSeq(strings.TrimSpace(schema), ";\n") {
		name, body, _ := strings.Cut(strings.TrimPrefix(strings.TrimSuffix(statement, ";"), "create table "), " (")
		body, key, _ := strings.Cut(body, "primary key (")
		t := Table{
			Table:       dataset.Table{Name: name, Parts: makers[name].parts},
			Definitions: strings.TrimSuffix(strings.Join(strings.Fields(body), " "), ","),
			Key:         strings.TrimRight(key, ")\n;"),
		}
		for definition := range strings.SplitSeq(t.Definitions, ", ") {
			t.Columns = append(t.Columns, column(strings.Fields(definition)))
		}
		g := makers[name]
		t.Fill = func(part int, b *dataset.Batch) {
			per := (g.count + int64(g.parts) - 1) / int64(g.parts)
			w := &row{columns: b.Columns, table: name}
			for i := int64(part) * per; i < min(g.count, int64(part+1)*per); i++ {
				g.fill(w, i)
			}
		}
		out = append(out, t)
	}
	return out
}

// column reads a definition: a name, a type, maybe "not null".
func column(words []string) dataset.Column {
	c := dataset.Column{Name: words[0], Nullable: len(words) == 2}
	switch kind, size, _ := strings.Cut(words[1], "("); kind {
	case "integer":
		c.Type = dataset.Int32
	case "date":
		c.Type = dataset.Date
	case "decimal":
		c.Type = dataset.Decimal
	default:
		c.Type = dataset.Text
		fmt.Sscan(strings.TrimSuffix(size, ")"), &c.Size)
	}
	return c
}

// row appends the values of a row in the order of the columns.
type row struct {
	columns []dataset.Values
	table   string
	next    int
}

// column is the one that the next value goes to.
func (w *row) column() *dataset.Values {
	w.next++
	return &w.columns[w.next-1]
}

// int appends integers, dates or hundredths; none stands for NULL.
func (w *row) int(values ...int64) {
	for _, x := range values {
		if c := w.column(); x == none {
			c.Null()
		} else {
			c.Int(x)
		}
	}
}

// text appends texts; "" stands for NULL.
func (w *row) text(values ...string) {
	for _, s := range values {
		if c := w.column(); s == "" {
			c.Null()
		} else {
			c.Text(s)
		}
	}
}

// end ends the row, whose every column must have a value.
func (w *row) end() {
	if w.next != len(w.columns) {
		panic(fmt.Sprintf("tpcds: a row of %s has %d values for %d columns", w.table, w.next, len(w.columns)))
	}
	w.next = 0
}

// none stands for NULL among integers.
const none = -1 << 62
