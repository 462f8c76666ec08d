package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/hubsql/hubsql/tests/hubtest"
)

// copyIn sends data in pieces of n bytes and returns the error as the client sees
// it.
func (s session) copyIn(sql, data string, n int) string {
	tag, err := s.c.CopyFrom(context.Background(), &pieces{data, n}, sql)
	var e *pgconn.PgError
	switch {
	case err == nil:
		return tag.String()
	case errors.As(err, &e):
		return e.Code + " " + e.Message + " | " + e.Where
	}
	return err.Error()
}

// pieces reads n bytes at a time.
type pieces struct {
	data string
	n    int
}

// Read implements io.Reader.
func (p *pieces) Read(b []byte) (int, error) {
	if p.data == "" {
		return 0, io.EOF
	}
	n := copy(b[:min(len(b), p.n)], p.data)
	p.data = p.data[n:]
	return n, nil
}

// The answers are PostgreSQL's.
func TestCopyFromReadsWhatPostgreSQLReads(t *testing.T) {
	h := hubtest.Start(t)
	a := connect(t, h)
	for _, c := range []struct{ options, data, want, rows string }{
		{"", "1\tx\t1.5\n2\t\\N\t\\N\n3\ta\\tb\\nc\\\\d\\x41\\101\t10\n", "COPY 3", "1,x,1.50;2,,;3,a\tb\nc\\dAA,10.00"},
		{"", "1\ta\\\nb\t1\n2\tx\t2", "COPY 2", "1,a\nb,1.00;2,x,2.00"},
		{"", "1\tx\t1\n\\.\n2\tx\t2\n", "COPY 1", "1,x,1.00"},
		{"", "1\r\n", "22P04 missing data for column \"b\" | COPY ct, line 1: \"1\"", ""},
		{"", "1\tx\t1\r\n2\ty\t2\r\n", "COPY 2", "1,x,1.00;2,y,2.00"},
		{"", "1\tx\t1\r2\ty\t2\r", "COPY 2", "1,x,1.00;2,y,2.00"},
		{"", "1\tx\t1\n2\ty\r\t2\n", "22P04 literal carriage return found in data | COPY ct, line 2", ""},
		{"", "1\tx\t1\t2\n", "22P04 extra data after last expected column | COPY ct, line 1: \"1\tx\t1\t2\"", ""},
		{"", "1\tx\t1\nz\tx\t1\n", "22P02 invalid input syntax for type integer: \"z\" | COPY ct, line 2, column a: \"z\"", ""},
		{"", "99999999999\tx\t1\n", "22003 value \"99999999999\" is out of range for type integer | COPY ct, line 1, column a: \"99999999999\"", ""},
		{"(FORMAT csv, HEADER)", "a,b,c\n1,\"x,\"\"y\"\"\nz\",2\n2,,\n3,\"\",3\n", "COPY 3", "1,x,\"y\"\nz,2.00;2,,;3,,3.00"},
		{"(FORMAT csv, HEADER match)", "a,b,d\n1,x,2\n", "22P04 column name mismatch in header line field 3: got \"d\", expected \"c\" | COPY ct, line 1: \"a,b,d\"", ""},
		{"(FORMAT csv, DELIMITER ';', NULL 'nil', QUOTE '''', ESCAPE '\\')", "1;'it\\'s';nil\n2;'nil';4\n", "COPY 2", "1,it's,;2,nil,4.00"},
		{"(FORMAT csv, FORCE_NULL (b))", "1,\"\",2\n2,,3\n", "COPY 2", "1,,2.00;2,,3.00"},
		{"(FORMAT csv)", "1,x,2\n2,\"x\nyy,2", "22P04 unterminated CSV quoted field | COPY ct, line 2: \"2,\"x\nyy,2\"", ""},
		{"CSV HEADER DELIMITER '|'", "h|h|h\n1|x|2\n", "COPY 1", "1,x,2.00"},
		{"(FORMAT binary)", "PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x04\x00\x00\x00\x07\x00\x00\x00\x02hi\xff\xff\xff\xff\xff\xff", "COPY 1", "7,hi,"},
		{"(FORMAT binary)", "PGCOPX\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00", "22P04 COPY file signature not recognized | COPY ct, line 1", ""},
		{"", "1\t\xff\t1\n", "22021 invalid byte sequence for encoding \"UTF8\" | COPY ct, line 1", ""},
	} {
		for _, n := range []int{1, 3, 1 << 16} {
			a.run("DROP TABLE IF EXISTS ct", "CREATE TABLE ct (a int, b text DEFAULT 'dflt', c numeric(6,2))")
			if got := a.copyIn("COPY ct FROM STDIN "+c.options, c.data, n); got != c.want {
				t.Errorf("%s %q in pieces of %d\ngot  %s\nwant %s", c.options, c.data, n, got, c.want)
			}
			got := a.value("SELECT coalesce(string_agg(concat_ws(',', a, coalesce(b, ''), coalesce(c::text, '')), ';' ORDER BY a), '') FROM ct")
			if got != c.rows {
				t.Errorf("%s %q in pieces of %d stored\n%q, want\n%q", c.options, c.data, n, got, c.rows)
			}
		}
	}
}

func TestCopyFromIsOneStatement(t *testing.T) {
	h := hubtest.Start(t)
	a, b := connect(t, h), connect(t, h)
	a.run("CREATE TABLE t (id int PRIMARY KEY, v text NOT NULL DEFAULT 'd', n int CHECK (n > 0))")
	if got := a.copyIn("COPY t (n, id) FROM STDIN", "5\t1\n6\t2\n", 4); got != "COPY 2" {
		t.Error(got)
	}
	for _, c := range []struct{ data, code string }{
		{"5\t7\n6\t2\n", "23505"}, {"5\t8\n0\t9\n", "23514"}, {"5\t8\n1\t\\N\n", "23502"}, {"5\t8\nx\t9\n", "22P02"},
	} {
		if got := a.copyIn("COPY t (n, id) FROM STDIN", c.data, 100); !strings.HasPrefix(got, c.code) {
			t.Errorf("%q: %s", c.data, got)
		}
	}
	if got := a.value("SELECT string_agg(id || v || n, ',' ORDER BY id) FROM t"); got != "1d5,2d6" {
		t.Errorf("the table holds %s", got)
	}
	a.run("BEGIN READ ONLY")
	if got := a.copyIn("COPY t FROM STDIN", "", 1); !strings.HasPrefix(got, "25006") {
		t.Error(got)
	}
	a.run("ROLLBACK", "BEGIN")
	if got := a.copyIn("COPY t (id) FROM STDIN", "3\n", 1); got != "COPY 1" {
		t.Error(got)
	}
	wait := b.blocked("INSERT INTO t VALUES (4)")
	a.run("ROLLBACK")
	if code := <-wait; code != "" {
		t.Error(code)
	}
	if got := a.value("SELECT count(*) FROM t"); got != "3" {
		t.Errorf("%s rows", got)
	}
}

// TestCopyFromIsBrokenOff ends copies from both sides; the session goes on.
func TestCopyFromIsBrokenOff(t *testing.T) {
	h := hubtest.Start(t)
	a, b := connect(t, h), connect(t, h)
	a.run("CREATE TABLE t (id int)")
	r, w := io.Pipe()
	done := make(chan string, 1)
	go func() {
		_, err := a.c.CopyFrom(context.Background(), r, "COPY t FROM STDIN")
		done <- fmt.Sprint(err)
	}()
	_, _ = io.WriteString(w, "1\n2\n")
	time.Sleep(100 * time.Millisecond)
	b.run(fmt.Sprintf("SELECT pg_cancel_backend(%d)", a.c.PID()))
	time.Sleep(100 * time.Millisecond)
	_ = w.Close()
	if err := <-done; !strings.Contains(err, "57014") {
		t.Errorf("after a cancellation: %s", err)
	}
	r, w = io.Pipe()
	go func() {
		_, _ = io.WriteString(w, "1\n")
		_ = w.CloseWithError(errors.New("the reader has given up"))
	}()
	if _, err := a.c.CopyFrom(context.Background(), r, "COPY t FROM STDIN"); err == nil || !strings.Contains(err.Error(), "the reader has given up") {
		t.Error(err)
	}
	if got := a.value("SELECT count(*) FROM t"); got != "0" {
		t.Errorf("%s rows", got)
	}
	// A client that goes away leaves no lock behind.
	gone := connect(t, h)
	r, w = io.Pipe()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = gone.c.CopyFrom(context.Background(), r, "COPY t FROM STDIN")
	}()
	_, _ = io.WriteString(w, "1\n")
	time.Sleep(100 * time.Millisecond)
	_ = gone.c.Conn().Close()
	_ = w.Close()
	<-ended
	b.run("SET statement_timeout = '5s'", "INSERT INTO t VALUES (9)")
}

func TestPgxCopiesFrom(t *testing.T) {
	h := hubtest.Start(t)
	c := h.Admin(t)
	a := session{t, c.PgConn()}
	a.run("CREATE TABLE t (id int PRIMARY KEY, name varchar(20), amount numeric(10,2), at timestamptz, tags text[], doc jsonb, ok bool)")
	const rows = 30000
	i := 0
	n, err := c.CopyFrom(t.Context(), pgx.Identifier{"t"}, []string{"id", "name", "amount", "at", "tags", "ok"}, pgx.CopyFromFunc(func() ([]any, error) {
		if i++; i > rows {
			return nil, nil
		}
		return []any{i, fmt.Sprint("name ", i), fmt.Sprintf("%d.25", i), time.Unix(int64(i), 0), []string{"a", fmt.Sprint(i)}, i%2 == 0}, nil
	}))
	if err != nil || n != rows {
		t.Fatal(n, err)
	}
	if got := a.value("SELECT concat_ws(' ', count(*), sum(amount), min(name), max(tags[2]::int), extract(epoch FROM max(at))::int, count(*) FILTER (WHERE ok), count(doc)) FROM t"); got != "30000 450022500.00 name 1 30000 30000 15000 0" {
		t.Error(got)
	}
}
