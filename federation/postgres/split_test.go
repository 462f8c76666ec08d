package postgres

import (
	"context"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/memory"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/tests/harness"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// openSplit opens a source of a database with further options.
func openSplit(t *testing.T, pg *harness.PG, database string, options ...string) *source {
	t.Helper()
	c := config(pg, database)
	for i := 0; i < len(options); i += 2 {
		c.Options[options[i]] = options[i+1]
	}
	src, err := Connector{}.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { src.Close() })
	return src.(*source)
}

// splitTable resolves a table and cuts its scan.
func splitTable(t *testing.T, s *source, name string, n int) []connector.TableHandle {
	t.Helper()
	h, err := s.Table(t.Context(), connector.TableRef{Schema: "public", Name: name})
	if err != nil {
		t.Fatal(err)
	}
	list, err := s.Split(t.Context(), h, n)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// tally is what a scan of (id int8, v int8, ...) delivered.
type tally struct {
	ids  map[int64]bool
	rows int
	sum  int64
	text int // bytes of a third column
	some int // parts that had rows
}

// readParts reads parts at the same time. opened is called when the first is
// open.
func readParts(t *testing.T, s *source, list []connector.TableHandle, snap connector.Snapshot, opened func()) tally {
	t.Helper()
	out := tally{ids: map[int64]bool{}}
	var mu sync.Mutex
	var wg sync.WaitGroup
	o := connector.ScanOptions{Account: memory.NewRoot("test", 0), BatchSize: 1000, Format: types.DefaultFormat(), Snapshot: snap}
	read := func(r connector.Reader) {
		defer r.Close()
		rows := 0
		for {
			var b vector.Batch
			err := r.Next(t.Context(), &b)
			mu.Lock()
			if err != nil {
				if err != io.EOF {
					t.Error(err)
				}
				if rows > 0 {
					out.some++
				}
				mu.Unlock()
				return
			}
			rows += b.N
			out.rows += b.N
			for i := range b.N {
				out.ids[vector.Values[int64](b.Cols[0])[i]] = true
				out.sum += vector.Values[int64](b.Cols[1])[i]
				if len(b.Cols) > 2 {
					out.text += len(b.Cols[2].Datum(i).S)
				}
			}
			mu.Unlock()
		}
	}
	for i, h := range list {
		r, err := s.Scan(t.Context(), h, o)
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 && opened != nil {
			opened()
		}
		wg.Go(func() { read(r) })
	}
	wg.Wait()
	return out
}

// free fails when connections of s are in use.
func free(t *testing.T, s *source) {
	t.Helper()
	for range 100 {
		c, ok, err := s.pool.TryHoldSpare(t.Context(), s.size-1)
		if err != nil {
			t.Fatal(err)
		}
		if ok {
			s.pool.Unhold(c, true)
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Error("connections are still in use")
}

const splitTestRows = 60000

// makeSplit makes a table of more than splitPages pages.
func makeSplit(t *testing.T, pg *harness.PG, database, table string) {
	pg.Exec(t, database, "CREATE TABLE "+table+" AS SELECT g::int8 AS id, 1::int8 AS v, repeat('x', 200) AS pad FROM generate_series(1, 60000) g", "VACUUM ANALYZE "+table)
}

func TestLargeTableIsReadInParts(t *testing.T) {
	pg := harness.Postgres(t)
	pg.Database(t, "hub_split", "")
	makeSplit(t, pg, "hub_split", "big")
	pg.Exec(t, "hub_split",
		"CREATE MATERIALIZED VIEW mat AS SELECT * FROM big", "CREATE VIEW seen AS SELECT * FROM big", "ANALYZE mat",
		"CREATE TABLE parent (id int8, v int8, pad text) PARTITION BY RANGE (id)",
		"CREATE TABLE leaf PARTITION OF parent FOR VALUES FROM (0) TO (100000)", "INSERT INTO parent SELECT * FROM big",
		"CREATE TABLE guarded AS SELECT * FROM big", "ALTER TABLE guarded ENABLE ROW LEVEL SECURITY",
		"CREATE INDEX ON big (id)",
		"CREATE TABLE small AS SELECT 1::int8 AS id, 1::int8 AS v",
		"CREATE TABLE none (id int8, v int8)", "VACUUM ANALYZE")
	s := openSplit(t, pg, "hub_split")
	for _, c := range []struct {
		table string
		parts int
		rows  int
	}{
		{"big", 3, splitTestRows},
		{"mat", 3, splitTestRows},
		{"leaf", 3, splitTestRows},
		{"seen", 1, splitTestRows},
		{"parent", 1, splitTestRows},
		{"guarded", 1, splitTestRows},
		{"small", 1, 1},
		{"none", 1, 0},
	} {
		got := readParts(t, s, splitTable(t, s, c.table, 4), nil, nil)
		if got.rows != c.rows || len(got.ids) != c.rows || got.some != min(c.parts, c.rows) {
			t.Errorf("%s: %d rows, %d different, from %d streams, want %d rows from %d", c.table, got.rows, len(got.ids), got.some, c.rows, c.parts)
		}
		free(t, s)
	}
	for _, options := range [][]string{{"use_ctid_split", "false"}, {"parallelism", "1"}, {"max_connections", "3"}} {
		s := openSplit(t, pg, "hub_split", options...)
		if n := len(splitTable(t, s, "big", 4)); n != 1 {
			t.Errorf("%v: %d parts", options, n)
		}
	}
	h, err := s.Table(t.Context(), connector.TableRef{Schema: "public", Name: "big", Options: map[string]string{"use_ctid_split": "false"}})
	if err != nil || h.(*handle).table.ranged {
		t.Errorf("the option of the table is ignored: %v", err)
	}
	limited, _ := s.PushLimit(splitTable(t, s, "big", 1)[0], 10)
	if list, _ := s.Split(t.Context(), limited, 4); len(list) != 1 {
		t.Error("a scan with a limit is split")
	}
}

func TestPartsSeeOneState(t *testing.T) {
	pg := harness.Postgres(t)
	pg.Database(t, "hub_parts", "")
	makeSplit(t, pg, "hub_parts", "big")
	s := openSplit(t, pg, "hub_parts")
	// The table grows far beyond its pages, after it was described and again
	// while it is read; rows move within it.
	list := splitTable(t, s, "big", 4)
	pg.Exec(t, "hub_parts", "INSERT INTO big SELECT g, 1, 'late' FROM generate_series(60001, 200000) g")
	var wg sync.WaitGroup
	got := readParts(t, s, list, nil, func() {
		wg.Go(func() {
			pg.Exec(t, "hub_parts", "UPDATE big SET v = v + 1 WHERE id % 3 = 0", "INSERT INTO big SELECT g, 100, 'new' FROM generate_series(300000, 310000) g", "DELETE FROM big WHERE id % 7 = 0")
		})
	})
	wg.Wait()
	if got.rows != 200000 || len(got.ids) != 200000 || got.sum != 200000 || got.some < 2 {
		t.Errorf("%d rows, %d different, sum %d, from %d streams", got.rows, len(got.ids), got.sum, got.some)
	}
	free(t, s)

	// A snapshot that the statement shares is the one that parts see.
	frozen, err := s.Snapshot(t.Context())
	if err != nil || frozen == nil {
		t.Fatalf("no snapshot: %v", err)
	}
	before := readParts(t, s, splitTable(t, s, "big", 4), frozen, nil)
	pg.Exec(t, "hub_parts", "UPDATE big SET v = v + 1000")
	after := readParts(t, s, splitTable(t, s, "big", 4), frozen, nil)
	if before.sum != after.sum || before.rows != after.rows || after.some < 2 {
		t.Errorf("sum %d then %d, rows %d then %d, from %d streams", before.sum, after.sum, before.rows, after.rows, after.some)
	}
	frozen.Close()
	free(t, s)
}

func TestTableCannotBeRewrittenBetweenParts(t *testing.T) {
	pg := harness.Postgres(t)
	pg.Database(t, "hub_rewrite", "")
	makeSplit(t, pg, "hub_rewrite", "big")
	// Half the pages are empty: rewriting moves every row.
	pg.Exec(t, "hub_rewrite", "DELETE FROM big WHERE id <= 30000", "VACUUM (TRUNCATE off) big")
	s := openSplit(t, pg, "hub_rewrite")
	var wg sync.WaitGroup
	got := readParts(t, s, splitTable(t, s, "big", 4), nil, func() {
		wg.Go(func() { pg.Exec(t, "hub_rewrite", "VACUUM FULL big") })
		time.Sleep(100 * time.Millisecond)
	})
	wg.Wait()
	if got.rows != 30000 || len(got.ids) != 30000 {
		t.Errorf("%d rows, %d different", got.rows, len(got.ids))
	}
}

func TestPartsReadStoredOutOfLineValues(t *testing.T) {
	pg := harness.Postgres(t)
	pg.Database(t, "hub_toast", "")
	pg.Exec(t, "hub_toast", "CREATE TABLE big (id int8, v int8, pad text, doc text)", "ALTER TABLE big ALTER doc SET STORAGE EXTERNAL",
		"INSERT INTO big SELECT g, 1, repeat('p', 900), CASE WHEN g % 40 = 0 THEN repeat('d', 9000) END FROM generate_series(1, 12000) g", "VACUUM ANALYZE")
	s := openSplit(t, pg, "hub_toast")
	h := splitTable(t, s, "big", 1)[0]
	h, _ = s.PushProject(h, []int{0, 1, 3})
	list, err := s.Split(t.Context(), h, 4)
	if err != nil {
		t.Fatal(err)
	}
	got := readParts(t, s, list, nil, nil)
	if got.rows != 12000 || len(got.ids) != 12000 || got.text != 300*9000 || got.some < 2 {
		t.Errorf("%d rows, %d different, %d bytes, from %d streams", got.rows, len(got.ids), got.text, got.some)
	}
}

func TestOneStreamWithoutASnapshot(t *testing.T) {
	pg := harness.Postgres(t)
	pg.Database(t, "hub_refuse", "")
	makeSplit(t, pg, "hub_refuse", "big")
	pg.Exec(t, "hub_refuse", "CREATE ROLE hub_plain LOGIN PASSWORD 'plain'", "GRANT SELECT ON big TO hub_plain",
		"REVOKE EXECUTE ON FUNCTION pg_export_snapshot() FROM PUBLIC")
	c := config(pg, "hub_refuse")
	c.Mapping = map[string]string{"user": "hub_plain", "password": "plain"}
	src, err := Connector{}.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	s := src.(*source)
	got := readParts(t, s, splitTable(t, s, "big", 4), nil, nil)
	if got.rows != splitTestRows || len(got.ids) != splitTestRows || got.some != 1 {
		t.Errorf("refused: %d rows, %d different, from %d streams", got.rows, len(got.ids), got.some)
	}
	free(t, s)
	// A snapshot of the statement that is gone, as one of another server is.
	s = openSplit(t, pg, "hub_refuse")
	frozen, err := s.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	gone := *frozen.(*snapshot)
	frozen.Close()
	got = readParts(t, s, splitTable(t, s, "big", 4), &gone, nil)
	if got.rows != splitTestRows || len(got.ids) != splitTestRows {
		t.Errorf("gone: %d rows, %d different", got.rows, len(got.ids))
	}
	free(t, s)
	// All other connections are busy.
	var busy []*conn
	for range s.size - 2 {
		c, err := s.acquire(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		busy = append(busy, c)
	}
	got = readParts(t, s, splitTable(t, s, "big", 4), nil, nil)
	if got.rows != splitTestRows || got.some != 1 {
		t.Errorf("busy: %d rows from %d streams", got.rows, got.some)
	}
	for _, c := range busy {
		s.release(c, true)
	}
}

func TestAbandonedPartsGiveTheirConnectionsBack(t *testing.T) {
	pg := harness.Postgres(t)
	pg.Database(t, "hub_abandon", "")
	makeSplit(t, pg, "hub_abandon", "big")
	s := openSplit(t, pg, "hub_abandon")
	list := splitTable(t, s, "big", 4)
	if len(list) < 2 {
		t.Fatal("not split")
	}
	ctx, stop := context.WithCancel(t.Context())
	r, err := s.Scan(ctx, list[0], connector.ScanOptions{Account: memory.NewRoot("test", 0), BatchSize: 10, Format: types.DefaultFormat()})
	if err != nil {
		t.Fatal(err)
	}
	stop()
	var b vector.Batch
	start := time.Now()
	for err == nil {
		err = r.Next(ctx, &b)
	}
	if code := pgerror.CodeOf(err); code != pgerror.QueryCanceledCode || time.Since(start) > time.Second {
		t.Errorf("%v after %v", err, time.Since(start))
	}
	r.Close()
	free(t, s)
}

func TestAPartIsReadOnce(t *testing.T) {
	pg := harness.Postgres(t)
	pg.Database(t, "hub_once", "")
	makeSplit(t, pg, "hub_once", "big")
	s := openSplit(t, pg, "hub_once")
	list := splitTable(t, s, "big", 4)
	o := connector.ScanOptions{Account: memory.NewRoot("test", 0), BatchSize: 1000, Format: types.DefaultFormat()}
	r, err := s.Scan(t.Context(), list[0], o)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := s.Scan(t.Context(), list[0], o); pgerror.CodeOf(err) != pgerror.ConnectionFailure {
		t.Errorf("the second time: %v", err)
	}
	other, err := s.Scan(t.Context(), list[1], o)
	if err != nil {
		t.Fatal(err)
	}
	other.Close()
}

func TestTidRangesCoverEveryPageOnce(t *testing.T) {
	for n := 1; n < 9; n++ {
		var last string
		for at := range n {
			var lower, upper string
			for _, w := range tidRange(1003, at, n) {
				if bound, ok := strings.CutPrefix(w.Text, "ctid >= "); ok {
					lower = bound
				} else {
					upper = strings.TrimPrefix(w.Text, "ctid < ")
				}
			}
			if lower != last || (at == n-1) != (upper == "") {
				t.Errorf("part %d of %d is [%s, %s)", at, n, lower, upper)
			}
			last = upper
		}
	}
}
