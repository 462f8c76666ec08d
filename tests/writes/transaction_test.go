package writes

import (
	"strings"
	"testing"

	"github.com/hubsql/hubsql/tests/hubtest"
)

// TestTransactionsOfSources runs transactions on one kind of source after the
// other: $ is the schema.
func TestTransactionsOfSources(t *testing.T) {
	hub := hubtest.Start(t)
	c := hub.Admin(t).PgConn()
	all := sources(t, hub)
	hub.Exec(t, "CREATE TABLE here (a int)")
	for i, s := range all {
		t.Run(s.name, func(t *testing.T) {
			other := all[(i+1)%len(all)].name
			for _, x := range []struct{ sql, want string }{
				{"BEGIN", "BEGIN"},
				{"INSERT INTO $.item (id, name) VALUES (1, 'a'), (2, 'b')", "INSERT 0 2"},
				{"SELECT name FROM $.item ORDER BY id", "a;b"},
				{"SELECT count(*) FROM $.item x JOIN $.item y USING (id)", "2"},
				{"SAVEPOINT s", "SAVEPOINT"},
				{"UPDATE $.item SET name = name || '!'", "UPDATE 2"},
				{"DELETE FROM $.item WHERE id = 2", "DELETE 1"},
				{"SELECT name FROM $.item ORDER BY id", "a!"},
				{"INSERT INTO $.item (id) VALUES (1)", "error 23505"},
				{"SELECT 1", "error 25P02"},
				{"ROLLBACK TO s", "ROLLBACK"},
				{"SELECT name FROM $.item ORDER BY id", "a;b"},
				{"INSERT INTO $.item (id, name) SELECT id + 10, name FROM $.item", "INSERT 0 2"},
				{"INSERT INTO here VALUES (1)", "INSERT 0 1"},
				{"COMMIT", "COMMIT"},
				{"SELECT id, name FROM $.item ORDER BY id", "1|a;2|b;11|a;12|b"},
				{"BEGIN", "BEGIN"},
				{"SAVEPOINT before", "SAVEPOINT"},
				{"DELETE FROM $.item", "DELETE 4"},
				{"ROLLBACK TO before", "ROLLBACK"},
				{"SELECT count(*) FROM $.item", "4"},
				{"DELETE FROM $.item WHERE id > 2", "DELETE 2"},
				{"ROLLBACK", "ROLLBACK"},
				{"SELECT count(*) FROM $.item", "4"},
				{"INSERT INTO $.item (id, name) SELECT g, 'x' FROM generate_series(20, 5000) g UNION ALL SELECT 1, 'twice'", "error 23505"},
				{"SELECT count(*) FROM $.item", "4"},
				{"BEGIN", "BEGIN"},
				{"DELETE FROM $.item WHERE id = 1", "DELETE 1"},
				{"DELETE FROM " + other + ".item", "error 0A000"},
				{"COMMIT", "ROLLBACK"},
				{"BEGIN READ ONLY", "BEGIN"},
				{"DELETE FROM $.item WHERE id = 1", "error 25006"},
				{"ROLLBACK", "ROLLBACK"},
				{"ALTER FOREIGN TABLE $.item OPTIONS (ADD updatable 'false')", "ALTER FOREIGN TABLE"},
				{"DELETE FROM $.item WHERE id = 1", "error 55000"},
				{"ALTER FOREIGN TABLE $.item OPTIONS (DROP updatable)", "ALTER FOREIGN TABLE"},
				{"INSERT INTO $.item (id, name) SELECT id + 100, name FROM $.item WHERE id < 10", "INSERT 0 2"},
				{"BEGIN", "BEGIN"},
				{"TRUNCATE $.item", "TRUNCATE TABLE"},
				{"SELECT count(*) FROM $.item", "0"},
				{"ROLLBACK", "ROLLBACK"},
				{"SELECT count(*) FROM $.item", "6"},
				{"TRUNCATE $.item", "TRUNCATE TABLE"},
				{"SELECT count(*) FROM $.item", "0"},
			} {
				sql := strings.ReplaceAll(x.sql, "$", s.name)
				run := tag
				if strings.HasPrefix(sql, "SELECT") {
					run = answer
				}
				if got := run(t, c, sql); got != x.want {
					t.Errorf("%s\ngot  %s\nwant %s", sql, got, x.want)
				}
			}
		})
	}
}
