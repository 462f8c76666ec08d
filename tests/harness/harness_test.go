package harness

import (
	"os"
	"testing"
)

func TestMain(m *testing.M) { os.Exit(Main(m)) }

func TestServersStartStopAndComeBack(t *testing.T) {
	pg := Postgres(t)
	pg.Database(t, "one", "")
	pg.Exec(t, "one", "CREATE TABLE t (i int)", "INSERT INTO t VALUES (1)")
	pg.Kill()
	pg.Start(t)
	pg.Exec(t, "one", "SELECT * FROM t")
	maria := MariaDB(t)
	maria.Exec(t, "", "CREATE DATABASE one", "CREATE TABLE one.t (i int)")
	maria.Stop()
	maria.Start(t)
	maria.Exec(t, "one", "SELECT * FROM t")
}
