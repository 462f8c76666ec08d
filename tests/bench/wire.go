package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hubsql/hubsql/tests/bench/report"
	"github.com/hubsql/hubsql/tests/bench/systems"
	"github.com/hubsql/hubsql/tests/dataset"
	"github.com/hubsql/hubsql/tests/tpch"
)

// wireRows is the number of rows that go to a client.
const wireRows = 1_000_000

// wireTable has one column of each common type.
func wireTable() dataset.Table {
	const perPart = 125_000
	return dataset.Table{
		Name: "wire_rows", Parts: wireRows / perPart,
		Columns: []dataset.Column{
			{Name: "id", Type: dataset.Int64, Plain: true},
			{Name: "amount", Type: dataset.Decimal, Plain: true},
			{Name: "name", Type: dataset.Text, Size: 40, Plain: true},
			{Name: "day", Type: dataset.Date},
			{Name: "quantity", Type: dataset.Int32},
		},
		Fill: func(part int, b *dataset.Batch) {
			for i := int64(part) * perPart; i < int64(part+1)*perPart; i++ {
				r := dataset.NewRandom(1, uint64(i))
				c := b.Columns
				c[0].Int(i)
				c[1].Int(r.Between(-99_999, 99_999_999))
				c[2].Bytes = strconv.AppendUint(append(c[2].Bytes, "customer "...), r.Uint64()>>20, 36)
				c[2].End()
				c[3].Int(r.Between(8000, 20000))
				c[4].Int(r.Between(0, 1_000_000))
			}
		},
	}
}

// wireCommand measures the protocol: large answers, small statements, planning.
func wireCommand(ctx context.Context, args []string, out io.Writer) error {
	var s shared
	flags := s.flags("wire", 5)
	factor := flags.Float64("sf", 1, "scale factor of the tables whose queries are planned")
	clients := flags.Int("clients", 8, "connections that send SELECT 1")
	seconds := flags.Float64("seconds", 2, "time of one run of SELECT 1")
	if err := s.parse(flags, args, out); err != nil {
		return err
	}
	hub, err := s.hub(ctx, systems.HubOptions{})
	if err != nil {
		return err
	}
	defer hub.Close()
	pg, err := s.postgres()
	if err != nil {
		return err
	}
	defer pg.Stop()
	reference, err := s.postgresTPCH(ctx, pg, *factor)
	if err != nil {
		return err
	}
	defer reference.Close()
	about, err := versions(ctx, hub, reference)
	if err != nil {
		return err
	}
	section := report.New("wire")
	section.Printf("One client program for both servers, over TCP on the same machine. %s. %s.\n\n", about, report.Machine())
	if err := wireLarge(ctx, &s, section, hub, reference); err != nil {
		return err
	}
	if err := wireSmall(ctx, &s, section, hub, pg.URL("postgres"), *clients, time.Duration(*seconds*float64(time.Second))); err != nil {
		return err
	}
	if err := planning(ctx, &s, section, hub, reference, *factor); err != nil {
		return err
	}
	return s.finish(section)
}

// wireLarge measures answers of many rows.
func wireLarge(ctx context.Context, s *shared, section *report.Section, hub *systems.Hub, pg *systems.Wired) error {
	table := wireTable()
	dir := filepath.Join(s.home, "wire_v1")
	if _, err := os.Stat(filepath.Join(dir, table.Name+".parquet")); err != nil {
		if dir, err = makeFolder(dir); err != nil {
			return err
		}
		if err := dataset.WriteParquet(&table, filepath.Join(dir, table.Name+".parquet")); err != nil {
			return err
		}
	}
	if err := hub.Exec(ctx, tpch.ParquetSchema("wire", dir, []string{table.Name})...); err != nil {
		return err
	}
	// Of the connection alone: gone when it ends.
	if err := pg.Exec(ctx, "CREATE TEMPORARY TABLE "+table.Name+" ("+table.Postgres()+")"); err != nil {
		return err
	}
	if err := dataset.CopyPostgres(ctx, pg.Conn, &table, table.Name); err != nil {
		return err
	}
	if err := pg.Exec(ctx, "ANALYZE "+table.Name); err != nil {
		return err
	}
	section.Printf("%d rows of bigint, numeric(15,2), text, date and integer to a client, from Parquet (HubSQL) and from a table (PostgreSQL), milliseconds, best of %d runs:\n\n", wireRows, s.runs)
	rows := [][]string{{"format", "HubSQL", "PostgreSQL", "ratio", "HubSQL CPU, ns per row"}}
	for _, binary := range []bool{false, true} {
		best := [2]systems.Sample{}
		for run := range s.runs {
			for i, w := range []*systems.Wired{hub.Wired, pg} {
				name := table.Name
				if i == 0 {
					name = "wire." + name
				}
				one, err := w.TimeFormat(ctx, "SELECT id, amount, name, day, quantity FROM "+name, binary)
				if err != nil {
					return err
				}
				if one.Rows != wireRows {
					return fmt.Errorf("%s: %d rows", w.Name(), one.Rows)
				}
				if run == 0 {
					best[i] = one
				}
				best[i].Wall, best[i].CPU = min(best[i].Wall, one.Wall), min(best[i].CPU, one.CPU)
			}
		}
		format := "text"
		if binary {
			format = "binary"
		}
		rows = append(rows, []string{
			format, report.Millis(best[0].Wall), report.Millis(best[1].Wall), report.Ratio(best[0].Wall, best[1].Wall),
			report.Digits(float64(best[0].CPU) / wireRows),
		})
		s.say("%s", strings.Join(rows[len(rows)-1], "\t"))
	}
	section.Table(rows)
	return nil
}

// pinger sends one prepared statement again and again, as cheaply as a client can.
type pinger struct {
	conn    net.Conn
	request []byte
	answer  []byte
}

// newPinger takes over a connection.
func newPinger(ctx context.Context, w *systems.Wired) (*pinger, error) {
	if _, err := w.Conn.Prepare(ctx, "ping", "SELECT 1", nil); err != nil {
		return nil, err
	}
	h, err := w.Conn.Hijack()
	if err != nil {
		return nil, err
	}
	message := func(kind byte, body string) []byte {
		return append(binary.BigEndian.AppendUint32([]byte{kind}, uint32(len(body)+4)), body...)
	}
	p := &pinger{conn: h.Conn, answer: make([]byte, 4096)}
	// Bind without parameters, Execute all rows, Sync.
	p.request = append(message('B', "\x00ping\x00\x00\x00\x00\x00\x00\x00"), message('E', "\x00\x00\x00\x00\x00")...)
	p.request = append(p.request, message('S', "")...)
	return p, nil
}

var ready = []byte{'Z', 0, 0, 0, 5, 'I'}

// ping runs the statement once.
func (p *pinger) ping() error {
	if _, err := p.conn.Write(p.request); err != nil {
		return err
	}
	n := 0
	for {
		m, err := p.conn.Read(p.answer[n:])
		if err != nil {
			return err
		}
		if n += m; bytes.HasSuffix(p.answer[:n], ready) {
			break
		}
	}
	// BindComplete, DataRow.
	if n < 10 || p.answer[0] != '2' || p.answer[5] != 'D' {
		return fmt.Errorf("the answer to SELECT 1 is %q", p.answer[:n])
	}
	return nil
}

// rate is how often a second clients together run SELECT 1.
func rate(pingers []*pinger, during time.Duration) (float64, error) {
	var wait sync.WaitGroup
	var count atomic.Int64
	failed := make([]error, len(pingers))
	started := time.Now()
	for i, p := range pingers {
		wait.Go(func() {
			n := int64(0)
			for time.Since(started) < during && failed[i] == nil {
				failed[i] = p.ping()
				n++
			}
			count.Add(n)
		})
	}
	wait.Wait()
	return float64(count.Load()) / time.Since(started).Seconds(), errors.Join(failed...)
}

// wireSmall measures prepared statements of next to nothing.
func wireSmall(ctx context.Context, s *shared, section *report.Section, hub *systems.Hub, pgURL string, clients int, during time.Duration) error {
	var pingers [2][]*pinger
	for i := range pingers {
		for range clients {
			w, err := hub.Dial(ctx)
			if i == 1 {
				w, err = systems.Dial(ctx, "PostgreSQL", pgURL)
			}
			if err != nil {
				return err
			}
			p, err := newPinger(ctx, w)
			if err != nil {
				return err
			}
			defer p.conn.Close()
			pingers[i] = append(pingers[i], p)
		}
	}
	var best [2]float64
	for range s.runs {
		for i := range pingers {
			one, err := rate(pingers[i], during)
			if err != nil {
				return err
			}
			best[i] = max(best[i], one)
		}
	}
	section.Printf("`SELECT 1`, prepared, by %d connections, statements a second, best of %d runs:\n\n", clients, s.runs)
	section.Table([][]string{
		{"", "HubSQL", "PostgreSQL", "HubSQL's part"},
		{"statements a second", fmt.Sprintf("%.0f", best[0]), fmt.Sprintf("%.0f", best[1]), fmt.Sprintf("%.0f %%", 100*best[0]/best[1])},
	})
	return nil
}

// planning measures how long EXPLAIN takes: parsing, binding, optimizing, printing
// and one round trip.
func planning(ctx context.Context, s *shared, section *report.Section, hub *systems.Hub, pg *systems.Wired, factor float64) error {
	dir, err := tpchFiles(factor)
	if err != nil {
		return err
	}
	if err := hub.Exec(ctx, append(tpch.ParquetSchema("tpch", dir, tpch.Everything()), "SET search_path = tpch")...); err != nil {
		return err
	}
	const times = 15
	median := func(w *systems.Wired, sql string) (time.Duration, error) {
		var all []time.Duration
		for range times {
			one, err := w.Time(ctx, sql)
			if err != nil {
				return 0, err
			}
			all = append(all, one.Wall)
		}
		return report.Quantile(all, 0.5), nil
	}
	table := [][]string{{"query", "HubSQL", "PostgreSQL"}}
	var own, theirs []time.Duration
	for n := 1; n <= tpch.Queries; n++ {
		a, err := median(hub.Wired, "EXPLAIN "+tpch.Query(n))
		if err != nil {
			return fmt.Errorf("query %d: %w", n, err)
		}
		b, err := median(pg, "EXPLAIN "+tpch.Query(n))
		if err != nil {
			return fmt.Errorf("query %d: %w", n, err)
		}
		own, theirs = append(own, a), append(theirs, b)
		table = append(table, []string{strconv.Itoa(n), report.Millis(a), report.Millis(b)})
	}
	table = append(table,
		[]string{"median", report.Millis(report.Quantile(own, 0.5)), report.Millis(report.Quantile(theirs, 0.5))},
		[]string{"largest", report.Millis(slices.Max(own)), report.Millis(slices.Max(theirs))})
	section.Printf("`EXPLAIN` of the queries of TPC-H at scale factor %g, from the client's side (it holds parsing, binding, optimizing, printing and a round trip), milliseconds, median of %d:\n\n", factor, times)
	section.Table(table)
	return nil
}
