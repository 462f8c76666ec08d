package local

import (
	"strings"
	"testing"

	"github.com/hubsql/hubsql/tests/hubtest"
)

func TestAnalyzeDescribesLocalTables(t *testing.T) {
	h := hubtest.Start(t)
	a := connect(t, h)
	a.run("CREATE TABLE t (gone text, a int, b int)", "INSERT INTO t SELECT 'x', g, g % 2 FROM generate_series(1, 10000) g")
	estimate := func(cond string) string {
		plan := a.value("EXPLAIN SELECT * FROM t WHERE " + cond)
		_, rest, _ := strings.Cut(plan, "rows=")
		rest, _, _ = strings.Cut(rest, " ")
		return strings.TrimRight(rest, ")")
	}
	before := estimate("b = 1")
	a.run("ANALYZE t")
	if got := estimate("b = 1"); got == before || got[:1] != "5" && got[:1] != "4" || len(got) != 4 {
		t.Errorf("of 10000 rows half have b = 1, estimated are %s, before ANALYZE %s", got, before)
	}
	// The columns move, what is known of them moves along.
	a.run("ALTER TABLE t DROP COLUMN gone", "ALTER TABLE t ADD COLUMN c int")
	if got := estimate("b = 1"); got[:1] != "5" && got[:1] != "4" || len(got) != 4 {
		t.Errorf("after a column is gone, %s", got)
	}
	a.run("SET memory_limit = '1MB'")
	if code := a.try("ANALYZE t"); code != "53200" {
		t.Errorf("ANALYZE within 1 MB: %q", code)
	}
}
