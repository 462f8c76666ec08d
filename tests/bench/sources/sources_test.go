// Package sources compares HubSQL with the sources themselves: the same statements
// over the same rows, in a Parquet file through HubSQL, in PostgreSQL through
// HubSQL, and in PostgreSQL without it. Every statement is run by psql, which
// takes the time; the best of several runs counts. Nothing here fails because it
// is slow, only because answers differ.
//
// `make bench` runs it; PROFILE=cpu.out writes a processor profile of the hub.
package sources

import (
	"context"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/snappy"

	"github.com/hubsql/hubsql/tests/harness"
	"github.com/hubsql/hubsql/tests/hubtest"
)

var (
	rowCount = flag.Int("rows", 1_000_000, "rows of the table events")
	runs     = flag.Int("runs", 3, "runs of each statement, the best of which counts")
)

// customersN is the number of rows of the small table.
const customersN = 10_000

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(harness.Main(m))
}

// event is a row of the large table.
type event struct {
	ID         int64   `parquet:"id,delta"`
	CustomerID int32   `parquet:"customer_id"`
	Day        int32   `parquet:"day,date"`
	Amount     int64   `parquet:"amount,decimal(2:12)"`
	Kind       string  `parquet:"kind,dict"`
	Score      float64 `parquet:"score"`
}

// customer is a row of the small table.
type customer struct {
	ID     int32  `parquet:"id"`
	Region string `parquet:"region,dict"`
}

const (
	eventColumns    = "id bigint, customer_id integer, day date, amount numeric(12,2), kind text, score float8"
	customerColumns = "id integer, region text"
)

// statements are what is measured; %s is the prefix of the tables.
var statements = []struct{ name, sql string }{
	{"scan", "SELECT count(*), sum(amount), max(score), min(day), max(length(kind)) FROM %sevents"},
	{"filter", "SELECT count(*), sum(amount) FROM %sevents WHERE kind = 'web' AND amount > 900"},
	{"range", "SELECT count(*), sum(score) FROM %sevents WHERE id BETWEEN 500000 AND 510000"},
	{"join", "SELECT c.region, count(*), sum(e.amount) FROM %[1]sevents e JOIN %[1]scustomers c ON c.id = e.customer_id GROUP BY c.region"},
	{"group by", "SELECT kind, day, count(*), sum(amount), avg(score) FROM %sevents GROUP BY kind, day"},
	{"many groups", "SELECT customer_id, count(*), sum(amount), max(score) FROM %sevents GROUP BY customer_id"},
	{"top 10", "SELECT id, amount, kind FROM %sevents ORDER BY amount DESC, id LIMIT 10"},
	{"all rows", "SELECT * FROM %sevents"},
}

// writeEvents writes the rows as Parquet and as the text of COPY; the same rows
// every time.
func writeEvents(file string, text io.Writer, n int) error {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	defer f.Close()
	w := parquet.NewGenericWriter[event](f, parquet.Compression(&snappy.Codec{}), parquet.MaxRowsPerRowGroup(128<<10))
	r := rand.New(rand.NewPCG(7, 11))
	kinds := []string{"web", "store", "phone", "partner", "mail"}
	start := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	rows := make([]event, 0, 4096)
	var line []byte
	for i := range n {
		// Eighths add up exactly in every order.
		e := event{
			ID: int64(i + 1), CustomerID: 1 + r.Int32N(customersN), Day: int32(start.Unix()/86400) + r.Int32N(365),
			Amount: r.Int64N(100_000), Kind: kinds[r.IntN(len(kinds))], Score: float64(r.IntN(8000)) / 8,
		}
		rows = append(rows, e)
		line = fmt.Appendf(line[:0], "%d\t%d\t%s\t%d.%02d\t%s\t%g\n", e.ID, e.CustomerID, time.Unix(int64(e.Day)*86400, 0).UTC().Format(time.DateOnly),
			e.Amount/100, e.Amount%100, e.Kind, e.Score)
		if _, err := text.Write(line); err != nil {
			return err
		}
		if len(rows) == cap(rows) || i == n-1 {
			if _, err := w.Write(rows); err != nil {
				return err
			}
			rows = rows[:0]
		}
	}
	if err := w.Close(); err != nil {
		return err
	}
	return f.Close()
}

// load fills PostgreSQL and writes the Parquet files.
func load(b *testing.B, pg *harness.PG, dir string) {
	b.Helper()
	ctx := context.Background()
	pg.Database(b, "bench", "")
	pg.Exec(b, "bench", "CREATE TABLE events ("+eventColumns+")", "CREATE TABLE customers ("+customerColumns+")")
	conn, err := pgconn.Connect(ctx, pg.URL("bench"))
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close(ctx)
	reader, writer := io.Pipe()
	go func() {
		writer.CloseWithError(writeEvents(filepath.Join(dir, "events.parquet"), writer, *rowCount))
	}()
	if _, err := conn.CopyFrom(ctx, reader, "COPY events FROM STDIN"); err != nil {
		b.Fatal(err)
	}
	regions := []string{"EMEA", "AMER", "APAC"}
	list := make([]customer, customersN)
	var text strings.Builder
	for i := range list {
		list[i] = customer{int32(i + 1), regions[i*7%len(regions)]}
		fmt.Fprintf(&text, "%d\t%s\n", list[i].ID, list[i].Region)
	}
	if err := parquet.WriteFile(filepath.Join(dir, "customers.parquet"), list); err != nil {
		b.Fatal(err)
	}
	if _, err := conn.CopyFrom(ctx, strings.NewReader(text.String()), "COPY customers FROM STDIN"); err != nil {
		b.Fatal(err)
	}
	pg.Exec(b, "bench", "VACUUM ANALYZE")
}

// timed runs a statement by psql and returns the best of the times it shows.
func timed(b *testing.B, url, sql string) time.Duration {
	b.Helper()
	args := []string{"-X", "-q", "-A", "-d", url, "-o", os.DevNull, "-c", `\timing on`}
	for range *runs {
		args = append(args, "-c", sql)
	}
	out, err := exec.Command("psql", args...).CombinedOutput()
	if err != nil {
		b.Fatalf("psql: %v\n%s", err, out)
	}
	best := time.Duration(1<<63 - 1)
	for _, m := range regexp.MustCompile(`Time: ([0-9.]+) ms`).FindAllStringSubmatch(string(out), -1) {
		ms, err := strconv.ParseFloat(m[1], 64)
		if err != nil {
			b.Fatal(err)
		}
		best = min(best, time.Duration(ms*float64(time.Millisecond)))
	}
	if strings.Contains(string(out), "ERROR") || best == 1<<63-1 {
		b.Fatalf("psql: %s\n%s", sql, out)
	}
	return best
}

// rows returns an answer in an order of its own.
func rows(b *testing.B, url, sql string) []string {
	b.Helper()
	conn, err := pgconn.Connect(context.Background(), url)
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close(context.Background())
	_, list, err := hubtest.Text(context.Background(), conn, sql)
	if err != nil {
		b.Fatalf("%s: %v", sql, err)
	}
	out := make([]string, len(list))
	for i, r := range list {
		out[i] = strings.Join(r, "|")
	}
	slices.Sort(out)
	return out
}

func BenchmarkAgainstTheSources(b *testing.B) {
	say := func(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }
	say("starting PostgreSQL and a hub; writing %d rows", *rowCount)
	pg, hub, dir := harness.Postgres(b), hubtest.Start(b), b.TempDir()
	load(b, pg, dir)
	literal := func(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
	hub.Exec(
		b,
		"CREATE SCHEMA pq", "CREATE SCHEMA pg",
		"CREATE SERVER lake FOREIGN DATA WRAPPER parquet_fdw OPTIONS (root "+literal(dir)+")",
		"CREATE FOREIGN TABLE pq.events ("+eventColumns+") SERVER lake OPTIONS (filename 'events.parquet')",
		"CREATE FOREIGN TABLE pq.customers ("+customerColumns+") SERVER lake OPTIONS (filename 'customers.parquet')",
		fmt.Sprintf("CREATE SERVER db FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host %s, port '%d', dbname 'bench', sslmode 'disable')", literal(pg.Host), pg.Port),
		fmt.Sprintf("CREATE USER MAPPING FOR hubsql SERVER db OPTIONS (user %s, password %s)", literal(pg.User), literal(pg.Password)),
		"IMPORT FOREIGN SCHEMA public FROM SERVER db INTO pg",
	)
	hubURL, pgURL := hub.URL("hubsql", hub.Password), pg.URL("bench")

	say("%d processors; best of %d runs; million rows of the table per second\n", runtime.NumCPU(), *runs)
	say("%-12s | %18s | %18s | %18s | %s", "statement", "HubSQL on Parquet", "HubSQL on PG", "psql on PG", "times faster than psql on PG: Parquet, PG")
	for b.Loop() {
		for _, s := range statements {
			viaParquet, viaPG, direct := fmt.Sprintf(s.sql, "pq."), fmt.Sprintf(s.sql, "pg."), fmt.Sprintf(s.sql, "")
			if want := rows(b, pgURL, direct); !slices.Equal(rows(b, hubURL, viaParquet), want) || !slices.Equal(rows(b, hubURL, viaPG), want) {
				b.Errorf("%s: the answers differ", s.name)
				continue
			}
			t1, t2, t3 := timed(b, hubURL, viaParquet), timed(b, hubURL, viaPG), timed(b, pgURL, direct)
			speed := func(t time.Duration) string {
				return fmt.Sprintf("%7.2f (%6.1f ms)", float64(*rowCount)/t.Seconds()/1e6, float64(t.Microseconds())/1000)
			}
			say("%-12s | %s | %s | %s | %5.1f, %5.1f", s.name, speed(t1), speed(t2), speed(t3), t3.Seconds()/t1.Seconds(), t3.Seconds()/t2.Seconds())
		}
	}
}
