package server

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/parquet-go/parquet-go"
	_ "modernc.org/sqlite" // the driver that writes the sample database
)

// Sizes of the sample data.
const (
	demoCRM        = "crm.sqlite"
	demoCustomersN = 200
	demoOrdersN    = 5000
	demoOrderFiles = 3
	demoVisitsN    = 3000
)

// customer is a row of the sample CRM. Nobody like that exists: the telephone
// numbers are reserved for fiction, social security numbers never start with 9,
// and example.com belongs to nobody.
type customer struct {
	id                       int
	name, email, phone, ssn  string
	region, salary, signedUp string
}

// demoRandom returns the source of one part of the sample data; the same every
// time.
func demoRandom(part uint64) *rand.Rand { return rand.New(rand.NewPCG(20240229, part)) }

// demoCustomers generates the customers.
func demoCustomers() []customer {
	first := strings.Fields("Ada Bruno Chiara Dilip Elena Farid Grace Hugo Ines Jonas Keiko Liam Maya Nils Olga Pedro Quinn Rosa Samir Tara Uma Viktor Wanda Ximena Yusuf")
	last := strings.Fields("Andersen Baker Costa Dubois Eriksen Fischer García Haddad Ivanova Jansen Kowalski Lindqvist Moreau Novak Okafor Patel Quist Rossi Schmidt Tanaka Ueda Visser Weber Xu Yilmaz Zhang Ålund Østby")
	regions := []string{"EMEA", "AMER", "APAC"}
	ascii := strings.NewReplacer("í", "i", "Å", "A", "Ø", "O")
	r := demoRandom(1)
	day := time.Date(2019, 1, 1, 0, 0, 0, 0, time.UTC)
	list := make([]customer, demoCustomersN)
	for i := range list {
		// 25 and 28 have no common factor, so that no name comes twice.
		f, l := first[i%len(first)], last[i%len(last)]
		list[i] = customer{
			id: i + 1, name: f + " " + l,
			email:    strings.ToLower(ascii.Replace(f+"."+l)) + "@example.com",
			phone:    fmt.Sprintf("+1-%03d-555-0%03d", 201+r.IntN(700), 100+i%100),
			ssn:      fmt.Sprintf("9%02d-%02d-%04d", r.IntN(100), 1+r.IntN(99), 1000+i*37),
			region:   regions[r.IntN(len(regions))],
			salary:   fmt.Sprintf("%d.%02d", 32000+r.IntN(98000), r.IntN(100)),
			signedUp: day.AddDate(0, 0, r.IntN(1800)).Format(time.DateOnly),
		}
	}
	return list
}

// order is a row of the Parquet files.
type order struct {
	OrderID    int64  `parquet:"order_id"`
	CustomerID int32  `parquet:"customer_id"`
	OrderDate  int32  `parquet:"order_date,date"`
	Amount     int64  `parquet:"amount,decimal(2:12)"`
	Status     string `parquet:"status,dict"`
}

// writeDemoData writes the sample files into dir, replacing older ones.
func writeDemoData(ctx context.Context, dir string) error {
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(dir, "orders"), 0o700); err != nil {
		return err
	}
	if err := writeCustomers(ctx, filepath.Join(dir, demoCRM)); err != nil {
		return err
	}
	if err := writeOrders(filepath.Join(dir, "orders")); err != nil {
		return err
	}
	return writeVisits(filepath.Join(dir, "web_visits.csv"))
}

// writeCustomers makes the SQLite database.
func writeCustomers(ctx context.Context, path string) (err error) {
	db, err := sql.Open("sqlite", path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // after Commit it says that the transaction has ended
	const schema = `CREATE TABLE customers (
  id INTEGER PRIMARY KEY, name TEXT NOT NULL, email TEXT NOT NULL, phone TEXT, ssn TEXT,
  region TEXT NOT NULL, salary NUMERIC(10,2), signup DATE)`
	if _, err := tx.ExecContext(ctx, schema); err != nil {
		return err
	}
	for _, c := range demoCustomers() {
		if _, err := tx.ExecContext(ctx, "INSERT INTO customers VALUES (?,?,?,?,?,?,?,?)",
			c.id, c.name, c.email, c.phone, c.ssn, c.region, c.salary, c.signedUp); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// writeOrders makes the Parquet files, one for each year.
func writeOrders(dir string) error {
	r := demoRandom(2)
	statuses := []string{"paid", "paid", "paid", "open", "cancelled"}
	id := int64(0)
	for f := range demoOrderFiles {
		start := time.Date(2021+f, 1, 1, 0, 0, 0, 0, time.UTC).Unix() / (24 * 60 * 60)
		rows := make([]order, 0, demoOrdersN/demoOrderFiles+1)
		for range (demoOrdersN + demoOrderFiles - 1 - f) / demoOrderFiles {
			id++
			rows = append(rows, order{
				OrderID: id, CustomerID: 1 + r.Int32N(demoCustomersN), OrderDate: int32(start) + r.Int32N(365),
				Amount: 500 + r.Int64N(200_000), Status: statuses[r.IntN(len(statuses))],
			})
		}
		if err := parquet.WriteFile(filepath.Join(dir, fmt.Sprintf("orders-%d.parquet", 2021+f)), rows); err != nil {
			return err
		}
	}
	return nil
}

// writeVisits makes the CSV file.
func writeVisits(path string) (err error) {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w := bufio.NewWriter(f)
	r := demoRandom(3)
	pages := []string{"/", "/pricing", "/docs", "/docs/connect", "/blog", "/account", `"/search?q=a,b"`}
	at := time.Date(2023, 1, 1, 0, 0, 0, 0, time.UTC)
	fmt.Fprintln(w, "visit_id,customer_id,visited_at,page,ms")
	for i := range demoVisitsN {
		at = at.Add(time.Duration(r.IntN(20000)) * time.Second)
		fmt.Fprintf(w, "%d,%d,%s,%s,%d\n", i+1, 1+r.IntN(demoCustomersN), at.Format(time.DateTime), pages[r.IntN(len(pages))], 20+r.IntN(3000))
	}
	return w.Flush()
}
