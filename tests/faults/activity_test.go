package faults

import (
	"context"
	"strings"
	"testing"

	"github.com/hubsql/hubsql/tests/hubtest"
)

func TestActivityOfOtherSessionsShowsNoSecret(t *testing.T) {
	h := hubtest.Start(t)
	const secret = "sw0rdfish"
	writer, reader := h.Admin(t), h.Admin(t)
	h.Exec(t, "CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '127.0.0.1')")
	for _, sql := range []string{
		"CREATE USER MAPPING FOR PUBLIC SERVER far OPTIONS (user 'u', password '" + secret + "')",
		"ALTER USER MAPPING FOR PUBLIC SERVER far OPTIONS (SET password '" + secret + "')",
		"CREATE ROLE r LOGIN PASSWORD '" + secret + "'",
		"ALTER ROLE r PASSWORD '" + secret + "'",
	} {
		if _, err := writer.PgConn().Exec(context.Background(), sql).ReadAll(); err != nil {
			t.Fatal(err)
		}
		_, rows, err := hubtest.Text(context.Background(), reader.PgConn(), "SELECT query FROM pg_stat_activity")
		if err != nil {
			t.Fatal(err)
		}
		shown := false
		for _, r := range rows {
			if strings.Contains(r[0], secret) {
				t.Errorf("pg_stat_activity shows %q", r[0])
			}
			verb, _, _ := strings.Cut(sql, " ")
			shown = shown || strings.HasPrefix(r[0], verb)
		}
		if !shown {
			t.Errorf("pg_stat_activity does not show the statement %.20s... at all: %v", sql, rows)
		}
	}
}
