package local

import (
	"testing"

	"github.com/hubsql/hubsql/tests/hubtest"
)

func TestFunctionsHaveAnEnd(t *testing.T) {
	h := hubtest.Start(t)
	a := connect(t, h)
	a.run("CREATE FUNCTION f(n int) RETURNS int LANGUAGE SQL AS 'SELECT 1'",
		"CREATE FUNCTION g(n int) RETURNS int LANGUAGE SQL AS 'SELECT f(n)'")
	for sql, code := range map[string]string{
		"CREATE OR REPLACE FUNCTION f(n int) RETURNS int LANGUAGE SQL AS 'SELECT f(n) + f(n)'":            "54001",
		"CREATE OR REPLACE FUNCTION f(n int) RETURNS int LANGUAGE SQL AS 'SELECT g(n)'":                   "54001",
		"CREATE FUNCTION p() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 1; END'":                       "0A000",
		"CREATE FUNCTION p() RETURNS int LANGUAGE SQL SECURITY DEFINER AS 'SELECT 1'":                     "0A000",
		"CREATE FUNCTION p() RETURNS int LANGUAGE SQL AS 'SELECT 1; SELECT 2'":                            "0A000",
		"CREATE FUNCTION p() RETURNS int LANGUAGE SQL AS 'WITH x AS (DELETE FROM t RETURNING 1) TABLE x'": "0A000",
		"CREATE FUNCTION p(int DEFAULT 1) RETURNS int LANGUAGE SQL AS 'SELECT 1'":                         "0A000",
		"SELECT g(random()::int)":                 "0A000",
		"CREATE TABLE t (a int DEFAULT f(1))":     "0A000",
		"CREATE TABLE t (a int CHECK (f(a) > 0))": "0A000",
		"DO $$ BEGIN END $$":                      "0A000",
	} {
		if got := a.try(sql); got != code {
			t.Errorf("%s: %q, want %s", sql, got, code)
		}
	}
	// Each level calls the one below twice.
	prev := "g"
	for _, name := range []string{"a1", "a2", "a3", "a4", "a5", "a6", "a7", "a8", "a9"} {
		a.run("CREATE FUNCTION " + name + "(n int) RETURNS int LANGUAGE SQL AS 'SELECT " + prev + "(n) + " + prev + "(n)'")
		prev = name
	}
	if got := a.value("SELECT a3(1)"); got != "8" {
		t.Errorf("a3(1) is %s", got)
	}
	if got := a.try("SELECT a9(1) + a9(1) + a9(1)"); got != "54001" {
		t.Errorf("a statement with thousands of calls: %q", got)
	}
}

// TestSavepointsUndoWhatFailed goes on after errors in transactions that write.
func TestSavepointsUndoWhatFailed(t *testing.T) {
	h := hubtest.Start(t)
	a := connect(t, h)
	a.run("CREATE TABLE t (id int PRIMARY KEY)", "BEGIN", "INSERT INTO t VALUES (1)", "SAVEPOINT s", "INSERT INTO t VALUES (2)")
	for range 2 {
		if got := a.try("INSERT INTO t VALUES (3), (1)"); got != "23505" {
			t.Errorf("%q", got)
		}
		if got := a.try("SELECT 1"); got != "25P02" {
			t.Errorf("in a failed transaction: %q", got)
		}
		a.run("ROLLBACK TO s")
		if got := a.value("SELECT string_agg(id::text, ',') FROM t"); got != "1" {
			t.Errorf("after ROLLBACK TO the table holds %s", got)
		}
	}
	a.run("CREATE TABLE u (a int)", "INSERT INTO u VALUES (1)", "SAVEPOINT r")
	if got := a.try("WITH w AS (DELETE FROM u RETURNING a) INSERT INTO t SELECT 1 FROM w"); got != "23505" {
		t.Errorf("%q", got)
	}
	a.run("ROLLBACK TO r", "RELEASE r", "INSERT INTO t VALUES (4)", "COMMIT")
	if got := a.value("SELECT string_agg(id::text, ',' ORDER BY id) || (SELECT count(*) FROM u) FROM t"); got != "1,41" {
		t.Errorf("the tables hold %s", got)
	}
}
