// Package tpch generates the eight tables of the TPC-H benchmark (revision 3 of
// its specification: schema, relations between keys, distributions and texts)
// and holds its 22 queries with the parameters of the validation run. A row
// depends on its table, its number and the scale factor, on nothing else. It is
// an implementation of its own: answers are compared between systems over the
// same rows, not with the published ones.
package tpch

import (
	"embed"
	"fmt"
	"math"
	"time"

	"github.com/hubsql/hubsql/tests/dataset"
)

// Version changes whenever the rows of any table change.
const Version = 1

// Rows of scale factor 1.
const (
	baseSuppliers = 10_000
	baseParts     = 200_000
	baseCustomers = 150_000
	baseOrders    = 1_500_000
	baseClerks    = 1_000
)

// Streams of random numbers, one for each table.
const (
	streamPool = iota + 1
	streamRegion
	streamNation
	streamSupplier
	streamPart
	streamPartSupp
	streamCustomer
	streamOrder
	streamComplaint
	// Chosen so that orders of more than 300 pieces exist at small scales too.
	streamLine = 63
)

// Dates as days since 1970-01-01.
var (
	startDate   = day(1992, time.January, 1)
	currentDate = day(1995, time.June, 17)
	endDate     = day(1998, time.December, 31)
)

func day(year int, month time.Month, d int) int64 {
	return time.Date(year, month, d, 0, 0, 0, 0, time.UTC).Unix() / 86400
}

// Scale are the tables of one scale factor.
type Scale struct {
	// Factor is the scale factor; 1 has about six million rows in lineitem.
	Factor    float64
	suppliers int64
	parts     int64
	customers int64
	orders    int64
	clerks    int64
}

// NewScale returns the tables of a scale factor, which is at least 0.001.
func NewScale(factor float64) (*Scale, error) {
	if !(factor >= 0.001 && factor <= 10_000) {
		return nil, fmt.Errorf("tpch: scale factor %v is not between 0.001 and 10000", factor)
	}
	rows := func(base float64) int64 { return max(1, int64(math.Round(base*factor))) }
	return &Scale{
		Factor: factor, suppliers: rows(baseSuppliers), parts: rows(baseParts), customers: rows(baseCustomers),
		orders: rows(baseOrders), clerks: rows(baseClerks),
	}, nil
}

// partRows is about the number of rows of a part of a table.
const partRows = 120_000

func columns(list ...dataset.Column) []dataset.Column { return list }

func key(name string) dataset.Column { return dataset.Column{Name: name, Type: dataset.Int64} }

func number(name string) dataset.Column { return dataset.Column{Name: name, Type: dataset.Int32} }

func money(name string) dataset.Column { return dataset.Column{Name: name, Type: dataset.Decimal} }

func date(name string) dataset.Column { return dataset.Column{Name: name, Type: dataset.Date} }

func text(name string, size int) dataset.Column {
	return dataset.Column{Name: name, Type: dataset.Text, Size: size}
}

// free is a text of which every row has its own.
func free(name string, size int) dataset.Column {
	return dataset.Column{Name: name, Type: dataset.Text, Size: size, Plain: true}
}

// table makes a table of n rows; row appends the row of that number, from 0 on.
func table(name string, n, perPart int64, columns []dataset.Column, row func(c []dataset.Values, i int64)) dataset.Table {
	return dataset.Table{
		Name: name, Columns: columns, Parts: int((n + perPart - 1) / perPart),
		Fill: func(part int, b *dataset.Batch) {
			for i := int64(part) * perPart; i < min(n, int64(part+1)*perPart); i++ {
				row(b.Columns, i)
			}
		},
	}
}

// Tables returns the eight tables, the largest first.
func (s *Scale) Tables() []dataset.Table {
	return []dataset.Table{
		// An order has four lines on average.
		table("lineitem", s.orders, partRows/4, columns(
			key("l_orderkey"), key("l_partkey"), key("l_suppkey"), number("l_linenumber"), money("l_quantity"), money("l_extendedprice"),
			money("l_discount"), money("l_tax"), text("l_returnflag", 1), text("l_linestatus", 1), date("l_shipdate"), date("l_commitdate"),
			date("l_receiptdate"), text("l_shipinstruct", 25), text("l_shipmode", 10), free("l_comment", 44),
		), s.lines),
		table("orders", s.orders, partRows, columns(
			key("o_orderkey"), key("o_custkey"), text("o_orderstatus", 1), money("o_totalprice"), date("o_orderdate"),
			text("o_orderpriority", 15), text("o_clerk", 15), number("o_shippriority"), free("o_comment", 79),
		), s.order),
		table("partsupp", s.parts, partRows/4, columns(
			key("ps_partkey"), key("ps_suppkey"), number("ps_availqty"), money("ps_supplycost"), free("ps_comment", 199),
		), s.partSuppliers),
		table("part", s.parts, partRows, columns(
			key("p_partkey"), free("p_name", 55), text("p_mfgr", 25), text("p_brand", 10), text("p_type", 25), number("p_size"),
			text("p_container", 10), money("p_retailprice"), free("p_comment", 23),
		), s.part),
		table("customer", s.customers, partRows, columns(
			key("c_custkey"), free("c_name", 25), free("c_address", 40), key("c_nationkey"), free("c_phone", 15), money("c_acctbal"),
			text("c_mktsegment", 10), free("c_comment", 117),
		), s.customer),
		table("supplier", s.suppliers, partRows, columns(
			key("s_suppkey"), free("s_name", 25), free("s_address", 40), key("s_nationkey"), free("s_phone", 15), money("s_acctbal"),
			free("s_comment", 101),
		), s.supplier),
		table("nation", int64(len(nations)), partRows, columns(
			key("n_nationkey"), text("n_name", 25), key("n_regionkey"), free("n_comment", 152),
		), s.nation),
		table("region", int64(len(regions)), partRows, columns(
			key("r_regionkey"), text("r_name", 25), free("r_comment", 152),
		), s.region),
	}
}

//go:embed queries/*.sql
var queries embed.FS

// Queries is the number of queries.
const Queries = 22

// Query returns the text of a query, 1 to 22.
func Query(n int) string {
	text, err := queries.ReadFile(fmt.Sprintf("queries/%02d.sql", n))
	if err != nil {
		panic(err) // n is a constant or a loop's; the files are part of the program
	}
	return string(text)
}

// Keys are the statements that give the tables of one database the keys and
// indexes that the specification allows: on columns of keys only. A statement
// is that of PostgreSQL and MariaDB both.
func Keys(table string) []string {
	switch table {
	case "region":
		return []string{"ALTER TABLE region ADD PRIMARY KEY (r_regionkey)"}
	case "nation":
		return []string{"ALTER TABLE nation ADD PRIMARY KEY (n_nationkey)"}
	case "supplier":
		return []string{"ALTER TABLE supplier ADD PRIMARY KEY (s_suppkey)", "CREATE INDEX s_nation ON supplier (s_nationkey)"}
	case "part":
		return []string{"ALTER TABLE part ADD PRIMARY KEY (p_partkey)"}
	case "partsupp":
		return []string{"ALTER TABLE partsupp ADD PRIMARY KEY (ps_partkey, ps_suppkey)", "CREATE INDEX ps_supplier ON partsupp (ps_suppkey)"}
	case "customer":
		return []string{"ALTER TABLE customer ADD PRIMARY KEY (c_custkey)", "CREATE INDEX c_nation ON customer (c_nationkey)"}
	case "orders":
		return []string{"ALTER TABLE orders ADD PRIMARY KEY (o_orderkey)", "CREATE INDEX o_customer ON orders (o_custkey)"}
	case "lineitem":
		return []string{
			"ALTER TABLE lineitem ADD PRIMARY KEY (l_orderkey, l_linenumber)",
			"CREATE INDEX l_part_supplier ON lineitem (l_partkey, l_suppkey)", "CREATE INDEX l_supplier ON lineitem (l_suppkey)",
		}
	default:
		return nil
	}
}
