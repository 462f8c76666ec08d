package postgres

import (
	"io"
	"testing"

	"github.com/hubsql/hubsql/exec/memory"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/tests/harness"
)

// count reads a table of src and returns the number of its rows.
func count(t *testing.T, src connector.Source, name string, snap connector.Snapshot) int {
	t.Helper()
	h, err := src.Table(t.Context(), connector.TableRef{Schema: "public", Name: name})
	if err != nil {
		t.Fatal(err)
	}
	account := memory.NewRoot("test", 0)
	r, err := src.Scan(t.Context(), h, connector.ScanOptions{Account: account, BatchSize: 100, Snapshot: snap})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	rows := 0
	for {
		var b vector.Batch
		switch err := r.Next(t.Context(), &b); err {
		case nil:
			rows += b.N
		case io.EOF:
			return rows
		default:
			t.Fatal(err)
		}
	}
}

func TestScansWithOneSnapshotSeeOneState(t *testing.T) {
	pg := harness.Postgres(t)
	pg.Database(t, "hub_snap", "")
	pg.Exec(t, "hub_snap", "CREATE TABLE a AS SELECT 1 AS x", "CREATE TABLE b AS SELECT 1 AS x")
	c := config(pg, "hub_snap")
	c.Options["max_connections"] = "2"
	src, err := Connector{}.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	frozen, err := src.(connector.Snapshotter).Snapshot(t.Context())
	if err != nil || frozen == nil {
		t.Fatalf("no snapshot: %v", err)
	}
	// One connection is left for those who wait: a second snapshot would take it.
	if second, err := src.(connector.Snapshotter).Snapshot(t.Context()); err != nil || second != nil {
		t.Errorf("the last connection is held: %v, %v", second, err)
	}
	pg.Exec(t, "hub_snap", "INSERT INTO a VALUES (2)", "INSERT INTO b VALUES (2)")
	for _, name := range []string{"a", "b"} {
		if n := count(t, src, name, frozen); n != 1 {
			t.Errorf("%s has %d rows in the snapshot", name, n)
		}
	}
	if n := count(t, src, "a", nil); n != 2 {
		t.Errorf("without the snapshot there are %d rows: a transaction was left open", n)
	}
	// A snapshot that is gone is no reason to fail.
	gone := *frozen.(*snapshot)
	frozen.Close()
	if n := count(t, src, "b", &gone); n != 2 {
		t.Errorf("a lost snapshot shows %d rows", n)
	}
	again, err := src.(connector.Snapshotter).Snapshot(t.Context())
	if err != nil || again == nil {
		t.Fatalf("no second snapshot: %v", err)
	}
	again.Close()
}
