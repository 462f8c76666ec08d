package catalog

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/federation/connector"
)

func TestStatisticsAreKeptEncrypted(t *testing.T) {
	dir := t.TempDir()
	c := open(t, dir)
	const canary = "V4LUE-CANARY"
	var known, dropped *Relation
	change(t, c, func(tx *Tx) {
		srv := addServer(t, tx, "s", "postgres_fdw")
		known = addTable(t, tx, srv, "known", []string{"a", "b"})
		dropped = addTable(t, tx, srv, "dropped", []string{"a"})
	})
	stats := &connector.Statistics{Rows: 3, Columns: []*connector.ColumnStatistics{{
		Distinct: 2, Min: types.TextDatum(canary), Max: types.TextDatum(canary + "2"),
		Common: []connector.CommonValue{{Value: types.TextDatum(canary), Fraction: 0.5}},
	}, {}}}
	for _, r := range []*Relation{known, dropped} {
		if err := c.SetStatistics(r.OID, stats); err != nil {
			t.Fatal(err)
		}
	}
	change(t, c, func(tx *Tx) { tx.Remove(dropped.OID) })
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(b, []byte(canary)) {
			t.Errorf("a value of the table stands in %s", f)
		}
	}
	again := open(t, dir)
	if got := again.Statistics(known.OID); !reflect.DeepEqual(got, stats) {
		t.Errorf("read again: %+v, want %+v", got, stats)
	}
	if got := again.Statistics(dropped.OID); got != nil {
		t.Errorf("statistics of a dropped relation: %+v", got)
	}
}
