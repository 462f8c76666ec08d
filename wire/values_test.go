package wire_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgproto3"
)

// allText is what PostgreSQL prints for the first row of allTypes.
var allText = []string{
	"t", "-32768", "-2147483648", "-9223372036854775808", "4294967295", "1.5", "-0.1", "-12345.6789000",
	"größer\t\"x\"", "", `\x00ff10`, "1999-12-31", "23:59:59.5", "1969-12-31 23:59:59.000001", "2024-02-29 10:00:00+00",
	"1 mon 2 days 03:04:05", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", `{"a": 1}`, `{"a": 1}`, "-0.05",
}

// allBinary is the first row of allTypes in binary, as PostgreSQL's send
// functions give it, in hexadecimal.
var allBinary = []string{
	"01", "8000", "80000000", "8000000000000000", "ffffffff", "3fc00000", "bfb999999999999a",
	"0003000140000007000109291a85", "6772c3b6c39f657209227822", "", "00ff10", "ffffffff",
	"000000141dcfbee0", "fffca2fec4b8ddc1", "0002b5811750c800", "00000002925553400000000200000001",
	"a0eebc999c0b4ef8bb6d6bb9bd380a11", "7b2261223a20317d", "017b2261223a20317d", "0001ffff4000000201f4",
}

func TestValuesAsText(t *testing.T) {
	c := serve(t, nil).connect("")
	for _, mode := range []string{"simple", "extended"} {
		var rows [][][]byte
		if mode == "simple" {
			res, err := c.Exec(context.Background(), "all").ReadAll()
			if err != nil {
				t.Fatal(err)
			}
			rows = res[0].Rows
		} else {
			res := c.ExecParams(context.Background(), "all", nil, nil, nil, nil).Read()
			if res.Err != nil {
				t.Fatal(res.Err)
			}
			rows = res.Rows
		}
		for i, want := range allText {
			if got := string(rows[0][i]); got != want {
				t.Errorf("%s: column %d is %q, want %q", mode, i, got, want)
			}
			if rows[1][i] != nil {
				t.Errorf("%s: column %d is not NULL", mode, i)
			}
		}
	}
}

func TestValuesInBinary(t *testing.T) {
	c := serve(t, nil).connect("")
	res := c.ExecParams(context.Background(), "all", nil, nil, nil, []int16{1}).Read()
	if res.Err != nil {
		t.Fatal(res.Err)
	}
	for i, want := range allBinary {
		if got := fmt.Sprintf("%x", res.Rows[0][i]); got != want {
			t.Errorf("column %d (%s) is %s, want %s", i, res.FieldDescriptions[i].Name, got, want)
		}
		if res.Rows[1][i] != nil {
			t.Errorf("column %d is not NULL", i)
		}
	}
}

func TestFormatsPerColumn(t *testing.T) {
	c := serve(t, nil).connect("")
	formats := make([]int16, len(allText))
	formats[2], formats[4] = 1, 1
	res := c.ExecParams(context.Background(), "all", nil, nil, nil, formats).Read()
	if res.Err != nil {
		t.Fatal(res.Err)
	}
	if got := fmt.Sprintf("%x %s %x", res.Rows[0][2], res.Rows[0][3], res.Rows[0][4]); got != "80000000 -9223372036854775808 ffffffff" {
		t.Error(got)
	}
	if res.FieldDescriptions[2].Format != 1 || res.FieldDescriptions[3].Format != 0 {
		t.Error("the description does not tell the formats")
	}
}

func TestPgxReadsEveryProtocolMode(t *testing.T) {
	s := serve(t, nil)
	c := s.pgx("")
	for _, mode := range []pgx.QueryExecMode{pgx.QueryExecModeCacheStatement, pgx.QueryExecModeCacheDescribe, pgx.QueryExecModeDescribeExec, pgx.QueryExecModeExec, pgx.QueryExecModeSimpleProtocol} {
		rows, err := c.Query(context.Background(), "rows 2500", mode)
		if err != nil {
			t.Fatal(err)
		}
		n, nulls := int64(0), 0
		for rows.Next() {
			n++
			var id int64
			var text *string
			if err := rows.Scan(&id, &text); err != nil {
				t.Fatal(err)
			}
			if id != n {
				t.Fatalf("row %d is %d", n, id)
			}
			if text == nil {
				nulls++
			} else if *text != fmt.Sprintf("row %d", n) {
				t.Fatalf("row %d is %q", n, *text)
			}
		}
		if rows.Err() != nil || n != 2500 || nulls != 357 || rows.CommandTag().String() != "SELECT 2500" {
			t.Errorf("mode %v: %d rows, %d NULLs, tag %s, %v", mode, n, nulls, rows.CommandTag(), rows.Err())
		}
	}
}

func TestParametersComeBack(t *testing.T) {
	c := serve(t, nil).connect("")
	oids := []uint32{16, 21, 23, 20, 700, 701, 25, 1082, 1114, 1184, 2950, 17, 1700}
	texts := []string{
		"t", "-1", "5", "9223372036854775807", "1.5", "2.25", "a\nb", "2024-02-29", "2024-02-29 12:00:00.5", "2024-02-29 12:00:00.123456+00",
		"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", `\x0102`, "-1.50",
	}
	values := make([][]byte, len(texts))
	for i, s := range texts {
		values[i] = []byte(s)
	}
	sql := "echo" + strings.Repeat(" $", len(oids))
	res := c.ExecParams(context.Background(), sql, values, oids, nil, []int16{1}).Read()
	if res.Err != nil {
		t.Fatal(res.Err)
	}
	// What came back in binary goes in again in binary and comes out as text.
	res = c.ExecParams(context.Background(), sql, append([][]byte(nil), res.Rows[0]...), oids, []int16{1}, nil).Read()
	if res.Err != nil {
		t.Fatal(res.Err)
	}
	for i, want := range texts {
		if got := string(res.Rows[0][i]); got != want {
			t.Errorf("type %d: %q came back as %q", oids[i], want, got)
		}
	}
	res = c.ExecParams(context.Background(), "echo $1 $2", [][]byte{nil, []byte("x")}, nil, nil, nil).Read()
	if res.Err != nil || res.Rows[0][0] != nil || string(res.Rows[0][1]) != "x" {
		t.Errorf("%v %q", res.Err, res.Rows)
	}
}

func TestErrorFields(t *testing.T) {
	r := serve(t, nil).raw()
	r.send(&pgproto3.Query{String: "missing"})
	m, err := r.fe.Receive()
	if err != nil {
		t.Fatal(err)
	}
	e := m.(*pgproto3.ErrorResponse)
	if e.Severity != "ERROR" || e.SeverityUnlocalized != "ERROR" || e.Position != 8 || e.Hint != "a hint" || e.Detail != "a detail" {
		t.Errorf("%+v", e)
	}
}

func TestForeignErrorsAreNotShown(t *testing.T) {
	c := serve(t, nil).connect("")
	_, err := c.Exec(context.Background(), "broken").ReadAll()
	wantCode(t, err, "XX000", "internal error")
	if strings.Contains(err.Error(), "secret") {
		t.Error(err)
	}
}

func TestCopyOut(t *testing.T) {
	c := serve(t, nil).connect("")
	for _, f := range []struct{ sql, want string }{
		{"copy text 8", "1\trow 1\n2\trow 2\n3\trow 3\n4\trow 4\n5\trow 5\n6\trow 6\n7\t\\N\n8\trow 8\n"},
		{"copy text 0", ""},
		{"copy csv 8", "n,t\n1,row 1\n2,row 2\n3,row 3\n4,row 4\n5,row 5\n6,row 6\n7,\n8,row 8\n"},
		{"copy csv 0", "n,t\n"},
		{"copy binary 0", "PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff"},
		{"copy binary 1", "PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x08\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x05row 1\xff\xff"},
	} {
		var out bytes.Buffer
		tag, err := c.CopyTo(context.Background(), &out, f.sql)
		if err != nil || out.String() != f.want || !tag.Select() && tag.String() != "COPY "+f.sql[len(f.sql)-1:] {
			t.Errorf("%s: %v %s %q", f.sql, err, tag, out.String())
		}
	}
}

func TestCopyInTheExtendedProtocol(t *testing.T) {
	r := serve(t, nil).raw()
	r.send(parse("", "copy text 2"), bind("", ""), &pgproto3.Describe{ObjectType: 'P'}, exec("", 1), syncMsg)
	r.want('Z', "1 2 n H d d c C:COPY_2 Z:I")
}
