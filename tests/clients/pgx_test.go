package clients

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
)

// person is a row as pgx reads it.
type person struct {
	ID     int32
	Name   string
	SSN    string
	Salary pgtype.Numeric
	Born   time.Time
	Active bool
	Score  float64
	Seen   time.Time
}

func TestPgxReadsTypesInEveryMode(t *testing.T) {
	h := fixture(t)
	for _, c := range []struct {
		name string
		mode pgx.QueryExecMode
	}{
		{"prepared and cached", pgx.QueryExecModeCacheStatement},
		{"described", pgx.QueryExecModeCacheDescribe},
		{"unnamed", pgx.QueryExecModeDescribeExec},
		{"text parameters", pgx.QueryExecModeExec},
		{"simple protocol", pgx.QueryExecModeSimpleProtocol},
	} {
		t.Run(c.name, func(t *testing.T) {
			conn := h.Connect(t, "steward", stewardPassword)
			for id := int32(1); id <= 12; id++ {
				rows, err := conn.Query(t.Context(), "SELECT id, name, ssn, salary, born, active, score, seen FROM people WHERE id = $1 AND born >= $2",
					c.mode, id, time.Date(1960, 1, 1, 0, 0, 0, 0, time.UTC))
				if err != nil {
					t.Fatal(err)
				}
				p, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[person])
				if err != nil {
					t.Fatal(err)
				}
				salary, err := p.Salary.Float64Value()
				if err != nil {
					t.Fatal(err)
				}
				want := 30000 + float64(id) + float64(id)/100
				if p.ID != id || p.SSN != ssn(int(id)) || salary.Float64 < want-0.001 || salary.Float64 > want+0.001 ||
					p.Born != time.Date(1960, 1, 1+int(id), 0, 0, 0, 0, time.UTC) || p.Active != (id%3 != 0) || p.Score != float64(id)/8 ||
					p.Seen != time.Date(2020, 1, 1, 0, int(id), 0, 0, time.UTC) {
					t.Fatalf("got %+v", p)
				}
			}
		})
	}
}

// ask runs one statement by the extended protocol in one format.
func ask(t *testing.T, c *pgconn.PgConn, format int16, sql string) [][][]byte {
	t.Helper()
	r := c.ExecParams(t.Context(), sql, nil, nil, nil, []int16{format}).Read()
	if r.Err != nil {
		t.Fatalf("%s: %v", sql, r.Err)
	}
	return r.Rows
}

func TestMaskedRoleMeetsMaskedValuesInEveryProtocolAndFormat(t *testing.T) {
	h := fixture(t)
	conn := h.Connect(t, "analyst", analystPassword)
	for _, sql := range []string{
		"SELECT ssn, salary FROM people ORDER BY id LIMIT 50",
		"SELECT ssn FROM people WHERE ssn LIKE '9%' ORDER BY ssn LIMIT 50",
		"SELECT a.ssn, b.ssn FROM people a JOIN people b USING (ssn) WHERE a.id < 5 ORDER BY a.id, b.id LIMIT 50",
		"SELECT ssn, count(*), max(salary) FROM people GROUP BY ssn ORDER BY ssn",
		"SELECT DISTINCT upper(ssn) FROM people ORDER BY 1",
		"WITH p AS (SELECT * FROM people) SELECT max(ssn), min(ssn), sum(salary), string_agg(ssn, ',') FROM p",
		"SELECT people FROM people ORDER BY id LIMIT 20",
		"SELECT (SELECT ssn FROM people x WHERE x.id = p.id) FROM people p ORDER BY id LIMIT 20",
		"SELECT ssn FROM people WHERE id < 20 UNION SELECT ssn FROM people WHERE id > 2900",
		"EXPLAIN SELECT * FROM people WHERE ssn = 'x' AND salary = 30001.01",
	} {
		var all []byte
		results, err := conn.PgConn().Exec(t.Context(), sql).ReadAll()
		if err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
		answers := [][][][]byte{results[0].Rows, ask(t, conn.PgConn(), 0, sql)}
		if !strings.Contains(sql, "SELECT people") { // a record has its binary values one level deeper
			answers = append(answers, ask(t, conn.PgConn(), 1, sql))
		}
		for _, rows := range answers {
			if len(rows) == 0 {
				t.Errorf("%s: no rows", sql)
			}
			for _, r := range rows {
				for _, v := range r {
					all = append(append(all, v...), '\n')
				}
			}
		}
		for id := 1; id <= people; id++ {
			if strings.Contains(string(all), ssn(id)) {
				t.Errorf("%s: shows the raw value of row %d", sql, id)
				break
			}
		}
		if !strings.HasPrefix(sql, "EXPLAIN") && strings.Contains(string(all), "30001.01") {
			t.Errorf("%s: shows a salary", sql)
		}
	}
}

func TestErrorsOfTheMaskedRoleHoldNoRawValue(t *testing.T) {
	h := fixture(t)
	conn := h.Connect(t, "analyst", analystPassword)
	for _, sql := range []string{
		"SELECT ssn::integer FROM people",
		"SELECT count(*) FROM people WHERE ssn::date > '2000-01-01'",
		"SELECT max((ssn || 'x')::numeric) FROM people",
	} {
		_, err := conn.PgConn().Exec(t.Context(), sql).ReadAll()
		var pg *pgconn.PgError
		if !errors.As(err, &pg) {
			t.Fatalf("%s: %v", sql, err)
		}
		for id := 1; id <= people; id++ {
			if strings.Contains(pg.Message+pg.Detail+pg.Hint+pg.Where, ssn(id)) {
				t.Fatalf("%s: %v", sql, pg)
			}
		}
	}
}

func TestPgxSendsBatches(t *testing.T) {
	h := fixture(t)
	conn := h.Connect(t, "steward", stewardPassword)
	var b pgx.Batch
	for id := 1; id <= 5; id++ {
		b.Queue("SELECT ssn FROM people WHERE id = $1", id)
	}
	results := conn.SendBatch(t.Context(), &b)
	for id := 1; id <= 5; id++ {
		var got string
		if err := results.QueryRow().Scan(&got); err != nil || got != ssn(id) {
			t.Errorf("row %d: %q, %v", id, got, err)
		}
	}
	if err := results.Close(); err != nil {
		t.Error(err)
	}
}

func TestPgxCancelsWithinASecond(t *testing.T) {
	h := fixture(t)
	conn := h.Connect(t, "steward", stewardPassword).PgConn()
	for _, sql := range []string{
		"SELECT count(*) FROM people a, people b, people c WHERE a.score * b.score < c.score",
		"SELECT count(*) FROM people a, people b, people c GROUP BY a.id + b.id + c.id",
		"SELECT a.name || b.name FROM people a, people b, people c ORDER BY 1",
		"SELECT pg_sleep(60)",
	} {
		ended := make(chan error, 1)
		go func() {
			_, err := conn.Exec(context.Background(), sql).ReadAll()
			ended <- err
		}()
		time.Sleep(300 * time.Millisecond)
		began := time.Now()
		if err := conn.CancelRequest(t.Context()); err != nil {
			t.Fatal(err)
		}
		err := <-ended
		var pg *pgconn.PgError
		if !errors.As(err, &pg) || pg.Code != "57014" {
			t.Errorf("%s: %v", sql, err)
		}
		// Generous: the machine may be busy with other tests.
		if waited := time.Since(began); waited > 5*time.Second {
			t.Errorf("%s: ended %v after the request", sql, waited)
		}
		if _, err := conn.Exec(t.Context(), "SELECT 1").ReadAll(); err != nil {
			t.Fatalf("the connection is of no use after %s: %v", sql, err)
		}
	}
}

func TestPreparedStatementFollowsPolicies(t *testing.T) {
	h := fixture(t)
	conn := h.Connect(t, "steward", stewardPassword)
	const sql = "SELECT ssn FROM people WHERE id = $1"
	if _, err := conn.Prepare(t.Context(), "by_id", sql); err != nil {
		t.Fatal(err)
	}
	read := func() (got string) {
		t.Helper()
		if err := conn.QueryRow(t.Context(), "by_id", 1).Scan(&got); err != nil {
			t.Fatal(err)
		}
		return got
	}
	if got := read(); got != ssn(1) {
		t.Fatalf("got %q", got)
	}
	h.Exec(t, "CREATE MASKING POLICY hide_more ON people (ssn) TO steward USING (hub.full_mask(ssn))")
	if got := read(); got != strings.Repeat("*", 11) {
		t.Errorf("after a policy was added: %q", got)
	}
	h.Exec(t, "DROP MASKING POLICY hide_more ON people")
	if got := read(); got != ssn(1) {
		t.Errorf("after the policy was dropped: %q", got)
	}
}
