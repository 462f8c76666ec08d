package masking

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

var epoch = time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC)

// protocol is how a statement is sent and in which format results come.
type protocol string

const (
	simple   protocol = "simple"
	extended protocol = "extended, text"
	binary   protocol = "extended, binary"
)

// answer is what a client gets: for the comparison, and everything as bytes for
// the search for raw values.
type answer struct {
	text string
	raw  string
}

// ask runs a statement and collects all that comes back. Rows are sorted unless
// ordered.
func ask(c *pgconn.PgConn, p protocol, sql string, ordered bool) answer {
	ctx, stop := context.WithTimeout(context.Background(), 30*time.Second)
	defer stop()
	var a answer
	var raw strings.Builder
	var parts []string
	take := func(r *pgconn.ResultReader) {
		var head, lines []string
		format := int16(0)
		for _, f := range r.FieldDescriptions() {
			head = append(head, fmt.Sprintf("%s:%d", f.Name, f.DataTypeOID))
			format = f.Format
		}
		for r.NextRow() {
			var line []string
			for _, v := range r.Values() {
				raw.Write(v)
				raw.WriteByte('\n')
				switch {
				case v == nil:
					line = append(line, "NULL")
				case format == 1:
					line = append(line, hex.EncodeToString(v))
				default:
					line = append(line, string(v))
				}
			}
			lines = append(lines, strings.Join(line, "|"))
		}
		if !ordered {
			slices.Sort(lines)
		}
		parts = append(parts, strings.Join(head, " "))
		parts = append(parts, lines...)
	}
	var err error
	if strings.HasPrefix(sql, "COPY ") {
		var out bytes.Buffer
		var tag pgconn.CommandTag
		tag, err = c.CopyTo(ctx, &out, sql)
		raw.Write(out.Bytes())
		lines := strings.Split(fmt.Sprintf("%q", strings.Split(out.String(), "\n")), `" "`)
		if !ordered {
			slices.Sort(lines)
		}
		parts = append(lines, tag.String())
	} else if p == simple {
		r := c.Exec(ctx, sql)
		for r.NextResult() {
			rr := r.ResultReader()
			take(rr)
			tag, closed := rr.Close()
			if closed == nil {
				parts = append(parts, tag.String())
			}
		}
		err = r.Close()
	} else {
		format := []int16{0}
		if p == binary {
			format[0] = 1
		}
		r := c.ExecParams(ctx, sql, nil, nil, nil, format)
		take(r)
		var tag pgconn.CommandTag
		if tag, err = r.Close(); err == nil {
			parts = append(parts, tag.String())
		}
	}
	if err != nil {
		if pe, ok := errors.AsType[*pgconn.PgError](err); ok {
			parts = []string{"error " + pe.Code + ": " + pe.Message}
			fmt.Fprintf(&raw, "%+v", *pe)
		} else {
			parts = []string{"connection error: " + err.Error()}
		}
	}
	a.text, a.raw = strings.Join(parts, "\n"), raw.String()
	return a
}

var digits = regexp.MustCompile(`[0-9]+`)

// leak returns a raw value found in a text, "" when there is none. Salaries
// count as whole numbers only: a hash may hold their digits.
func leak(text string, known []string) string {
	numbers := map[string]bool{}
	for _, n := range digits.FindAllString(text, -1) {
		numbers[n] = true
	}
	for _, k := range known {
		if digits.FindString(k) == k {
			if numbers[k] && !inHash(text, k) {
				return k
			}
		} else if strings.Contains(text, k) {
			return k
		}
	}
	return ""
}

var hash = regexp.MustCompile(`[0-9a-f]{64}`)

// inHash reports whether a number appears inside hashes only.
func inHash(text, n string) bool {
	return !slices.Contains(digits.FindAllString(hash.ReplaceAllString(text, ""), -1), n)
}

// set runs settings on a connection.
func set(t *testing.T, c *pgconn.PgConn, statements ...string) {
	t.Helper()
	for _, s := range statements {
		if _, err := c.Exec(context.Background(), s).ReadAll(); err != nil {
			t.Fatalf("%v\n%s", err, s)
		}
	}
}

// code is the SQLSTATE of an error, "" for none.
func code(err error) string {
	if pe, ok := errors.AsType[*pgconn.PgError](err); ok {
		return pe.Code
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

// run executes by the simple protocol and returns the rows of the last statement
// joined, or "error SQLSTATE".
func run(c *pgconn.PgConn, sql string) string { return ask(c, simple, sql, true).short() }

// short returns the rows of an answer joined, or "error SQLSTATE".
func (a answer) short() string {
	if strings.HasPrefix(a.text, "error ") {
		return a.text[:len("error 00000")]
	}
	lines := strings.Split(a.text, "\n")
	return strings.Join(lines[1:max(len(lines)-1, 1)], ";")
}
