package main

import (
	"encoding/binary"
	"strconv"

	"github.com/hubsql/hubsql/tests/dataset"
)

// operatorRows is the number of rows of the table that operators run over.
const operatorRows = 2_000_000

// operatorPart is the number of rows of a row group.
const operatorPart = 131_072

// operatorTables are a table with columns of all kinds, and three that it is
// joined with.
func operatorTables() []dataset.Table {
	const dimension = 1_000_000
	return []dataset.Table{
		{
			Name: "op", Snappy: true, Parts: (operatorRows + operatorPart - 1) / operatorPart,
			Columns: []dataset.Column{
				{Name: "key", Type: dataset.Int64, Plain: true},
				{Name: "low", Type: dataset.Int64},
				{Name: "g8", Type: dataset.Int32},
				{Name: "g10k", Type: dataset.Int64},
				{Name: "g1m", Type: dataset.Int64, Plain: true},
				{Name: "sparse", Type: dataset.Int64, Plain: true},
				{Name: "price", Type: dataset.Decimal, Plain: true},
				{Name: "discount", Type: dataset.Decimal},
				{Name: "tax", Type: dataset.Decimal},
				{Name: "fixed", Type: dataset.FixedDecimal, Plain: true},
				{Name: "flag", Type: dataset.Text, Size: 1},
				{Name: "city", Type: dataset.Text, Size: 20},
				{Name: "str", Type: dataset.Text, Size: 30, Plain: true},
				{Name: "day", Type: dataset.Date},
			},
			Fill: func(part int, b *dataset.Batch) {
				for i := part * operatorPart; i < min(operatorRows, (part+1)*operatorPart); i++ {
					r, c := dataset.NewRandom(1, uint64(i)), b.Columns
					c[0].Int(int64(r.Uint64()))
					c[1].Int(r.Below(10_000))
					c[2].Int(r.Below(8))
					c[3].Int(r.Below(10_000))
					g := r.Below(dimension)
					c[4].Int(g)
					c[5].Int(sparseKey(g))
					price := r.Between(90_000, 10_500_000)
					c[6].Int(price)
					c[7].Int(r.Below(11))
					c[8].Int(r.Below(9))
					c[9].Int(price)
					c[10].Text("ANR"[r.Below(3):][:1])
					c[11].Bytes = strconv.AppendInt(append(c[11].Bytes, "city of the "...), r.Below(1000), 10)
					c[11].End()
					c[12].Bytes = longText(c[12].Bytes, &r)
					c[12].End()
					c[13].Int(r.Between(8000, 10_500))
				}
			},
		},
		operatorDimension("dim10k", 10_000, func(i int64) int64 { return i }),
		operatorDimension("dim1m", dimension, func(i int64) int64 { return i }),
		operatorDimension("dim1ms", dimension, sparseKey),
	}
}

// sparseKey spreads the keys of a dimension over all numbers.
func sparseKey(i int64) int64 {
	r := dataset.NewRandom(2, uint64(i))
	return int64(r.Uint64())
}

// longText appends thirty letters.
func longText(b []byte, r *dataset.Random) []byte {
	var eight [8]byte
	for range 4 {
		binary.LittleEndian.PutUint64(eight[:], r.Uint64())
		for _, x := range eight {
			b = append(b, 'a'+x%26)
		}
	}
	return b[:len(b)-2]
}

// operatorDimension is a table of keys with a number from 0 to 99.
func operatorDimension(name string, n int64, key func(int64) int64) dataset.Table {
	return dataset.Table{
		Name: name, Snappy: true, Parts: int((n + operatorPart - 1) / operatorPart),
		Columns: []dataset.Column{{Name: "id", Type: dataset.Int64, Plain: true}, {Name: "v", Type: dataset.Int64}},
		Fill: func(part int, b *dataset.Batch) {
			for i := int64(part) * operatorPart; i < min(n, int64(part+1)*operatorPart); i++ {
				r := dataset.NewRandom(3, uint64(i))
				b.Columns[0].Int(key(i))
				b.Columns[1].Int(r.Below(100))
			}
		},
	}
}

// operator is a query whose processor time for each row is watched. What it
// takes beyond its base is the operator's own.
type operator struct {
	name, base, sql string
	binary          bool // rows in the binary format
	postgres        bool // needs the source PostgreSQL
}

func operators() []operator {
	return []operator{
		{name: "scan, integers by dictionary", sql: "SELECT max(low) FROM op"},
		{name: "scan, plain integers", sql: "SELECT max(key) FROM op"},
		{name: "scan, decimals as integers", sql: "SELECT max(price) FROM op"},
		{name: "scan, decimals as bytes", sql: "SELECT max(fixed) FROM op"},
		{name: "scan, dates", sql: "SELECT max(day) FROM op"},
		{name: "scan, strings by dictionary", sql: "SELECT min(city) FROM op"},
		{name: "scan, plain strings", sql: "SELECT min(str) FROM op"},
		{name: "filter, integers", base: "scan, plain integers", sql: "SELECT count(*) FROM op WHERE key > 0"},
		{name: "filter, strings by dictionary", sql: "SELECT count(*) FROM op WHERE city = 'city of the 7'"},
		{name: "filter, LIKE '%abc%'", base: "scan, plain strings", sql: "SELECT count(*) FROM op WHERE str LIKE '%abc%'"},
		{name: "sum, decimals", sql: "SELECT sum(price) FROM op"},
		{name: "columns of TPC-H's query 1", sql: "SELECT max(price), max(discount), max(tax) FROM op"},
		{name: "expression of TPC-H's query 1", base: "columns of TPC-H's query 1", sql: "SELECT sum(price * (1 - discount) * (1 + tax)) FROM op"},
		{name: "group, 3 strings", sql: "SELECT flag, count(*), sum(low) FROM op GROUP BY flag"},
		{name: "group, 8 integers", base: "scan, integers by dictionary", sql: "SELECT g8, count(*), sum(low) FROM op GROUP BY g8"},
		{name: "group, 10 000 integers", base: "scan, integers by dictionary", sql: "SELECT count(*), max(n), max(s) FROM (SELECT g10k, count(*) AS n, sum(low) AS s FROM op GROUP BY g10k) AS g"},
		{name: "group, 1 000 000 integers", base: "scan, plain integers", sql: "SELECT count(*), max(n), max(s) FROM (SELECT g1m, count(*) AS n, sum(low) AS s FROM op GROUP BY g1m) AS g"},
		{name: "group, 1 000 000 sparse integers", base: "scan, plain integers", sql: "SELECT count(*), max(n), max(s) FROM (SELECT sparse, count(*) AS n, sum(low) AS s FROM op GROUP BY sparse) AS g"},
		{name: "group, 1000 strings", base: "scan, strings by dictionary", sql: "SELECT count(*), max(n) FROM (SELECT city, count(*) AS n FROM op GROUP BY city) AS g"},
		{name: "group, 2 000 000 strings", base: "scan, plain strings", sql: "SELECT count(*), max(n) FROM (SELECT str, count(*) AS n FROM op GROUP BY str) AS g"},
		{name: "group, string and integer", sql: "SELECT count(*), max(n) FROM (SELECT city, g8, count(*) AS n FROM op GROUP BY city, g8) AS g"},
		{name: "count of distinct integers", base: "scan, plain integers", sql: "SELECT count(DISTINCT g1m) FROM op"},
		{name: "join, 10 000 dense keys", base: "scan, integers by dictionary", sql: "SELECT sum(v) FROM op JOIN dim10k ON g10k = id"},
		{name: "join, 1 000 000 dense keys", base: "scan, plain integers", sql: "SELECT sum(v) FROM op JOIN dim1m ON g1m = id"},
		{name: "join, 1 000 000 sparse keys", base: "scan, plain integers", sql: "SELECT sum(v) FROM op JOIN dim1ms ON sparse = id"},
		{name: "join, 1 in 50 matches", base: "scan, plain integers", sql: "SELECT sum(v) FROM op JOIN dim1ms ON sparse = id WHERE v < 2"},
		{name: "semi join, sparse keys", base: "scan, plain integers", sql: "SELECT count(*) FROM op WHERE sparse IN (SELECT id FROM dim1ms WHERE v < 50)"},
		{name: "sort, integers", base: "scan, plain integers", sql: "SELECT max(key) FROM (SELECT key FROM op ORDER BY key OFFSET 1) AS s"},
		{name: "sort, strings", base: "scan, plain strings", sql: "SELECT max(str) FROM (SELECT str FROM op ORDER BY str OFFSET 1) AS s"},
		{name: "first 10", base: "scan, plain integers", sql: "SELECT key, low FROM op ORDER BY key LIMIT 10"},
		{name: "window, row number by group", base: "scan, plain integers", sql: "SELECT max(n) FROM (SELECT row_number() OVER (PARTITION BY g10k ORDER BY key) AS n FROM op) AS w"},
		{name: "rows to a client, text", sql: "SELECT low, price, city, day, g8 FROM op"},
		{name: "rows to a client, binary", sql: "SELECT low, price, city, day, g8 FROM op", binary: true},
		{name: "rows from PostgreSQL", sql: "SELECT max(low), max(price), max(city), max(day), max(g8) FROM (SELECT low, price, city, day, g8 FROM source.op OFFSET 1) AS s", postgres: true},
	}
}
