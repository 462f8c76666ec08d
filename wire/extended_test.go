package wire_test

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"
)

func parse(name, sql string, oids ...uint32) *pgproto3.Parse {
	return &pgproto3.Parse{Name: name, Query: sql, ParameterOIDs: oids}
}

func bind(portal, statement string) *pgproto3.Bind {
	return &pgproto3.Bind{DestinationPortal: portal, PreparedStatement: statement}
}

func exec(portal string, limit uint32) *pgproto3.Execute {
	return &pgproto3.Execute{Portal: portal, MaxRows: limit}
}

var syncMsg = &pgproto3.Sync{}

func TestSimpleProtocolTranscripts(t *testing.T) {
	r := serve(t, nil).raw()
	for _, c := range []struct{ name, sql, want string }{
		{"one statement", "rows 3", "T:n/20/0,t/25/0 rows:3 C:SELECT_3 Z:I"},
		{"no rows", "rows 0", "T:n/20/0,t/25/0 C:SELECT_0 Z:I"},
		{"many batches", "rows 1007", "T:n/20/0,t/25/0 rows:1007 C:SELECT_1007 Z:I"},
		{"several statements have one ReadyForQuery", "rows 1; update; rows 2", "T:n/20/0,t/25/0 rows:1 C:SELECT_1 C:UPDATE T:n/20/0,t/25/0 rows:2 C:SELECT_2 Z:I"},
		{"first error stops the string", "update; fail; update", "C:UPDATE E:ERROR:22012 Z:I"},
		{"syntax error anywhere executes nothing", "update; syntax", "E:ERROR:42601 Z:I"},
		{"empty", "", "I Z:I"},
		{"semicolons only", " ; ;", "I Z:I"},
		{"transaction block", "begin; update", "C:BEGIN C:UPDATE Z:T"},
		{"error fails the block", "fail", "E:ERROR:22012 Z:E"},
		{"failed block refuses", "update", "E:ERROR:25P02 Z:E"},
		{"commit of a failed block says ROLLBACK", "commit", "C:ROLLBACK Z:I"},
		{"changed setting is reported before ReadyForQuery", "set application_name = x; set other = y", "C:SET C:SET S:application_name=x Z:I"},
		{"unchanged setting is not", "set application_name = x", "C:SET Z:I"},
		{"notice precedes the tag", "notice hello", "N:NOTICE:hello C:NOTICE Z:I"},
		{"client_min_messages hides notices", "set client_min_messages = warning; notice a; warning b", "C:SET C:NOTICE N:WARNING:b C:WARNING Z:I"},
		{"panic becomes XX000 and the connection lives", "panic", "E:ERROR:XX000 Z:I"},
		{"and answers", "rows 1", "T:n/20/0,t/25/0 rows:1 C:SELECT_1 Z:I"},
		{"copy", "copy text 2", "H d d c C:COPY_2 Z:I"},
		{
			"cursor", "begin; declare c rows 10; fetch 3 c; fetch 100 c; fetch 1 c; commit",
			"C:BEGIN C:DECLARE_CURSOR T:n/20/0,t/25/0 rows:3 C:FETCH_3 T:n/20/0,t/25/0 rows:7 C:FETCH_7 T:n/20/0,t/25/0 C:FETCH_0 C:COMMIT Z:I",
		},
		{"cursor dies at commit", "fetch 1 c", "T:n/20/0,t/25/0 E:ERROR:34000 Z:I"},
		{"parameters need the extended protocol", "echo $1", "E:ERROR:42P02 Z:I"},
	} {
		r.send(&pgproto3.Query{String: c.sql})
		if got := r.until('Z'); got != c.want {
			t.Errorf("%s: got\n  %s\nwant\n  %s", c.name, got, c.want)
		}
	}
}

func TestPipelinedErrorSkipsToSync(t *testing.T) {
	r := serve(t, nil).raw()
	r.send(parse("", "rows 2"), bind("", ""), exec("", 0), parse("", "fail"), bind("", ""), exec("", 0),
		parse("", "rows 1"), bind("", ""), exec("", 0), &pgproto3.Query{String: "rows 1"}, syncMsg,
		parse("", "rows 1"), bind("", ""), exec("", 0), syncMsg)
	r.want('Z', "1 2 rows:2 C:SELECT_2 1 2 E:ERROR:22012 Z:I")
	r.want('Z', "1 2 rows:1 C:SELECT_1 Z:I")
}

func TestErrorIsFlushedBeforeSync(t *testing.T) {
	r := serve(t, nil).raw()
	r.send(parse("", "missing"))
	r.want('E', "E:ERROR:42703")
	r.send(syncMsg)
	r.want('Z', "Z:I")
}

func TestFlushSendsWithoutSync(t *testing.T) {
	r := serve(t, nil).raw()
	r.send(parse("s", "echo $1 $2", 23), &pgproto3.Describe{ObjectType: 'S', Name: "s"}, &pgproto3.Flush{})
	r.want('T', "1 t:[23,25] T:p1/23/0,p2/25/0")
	r.send(parse("", "update"), &pgproto3.Describe{ObjectType: 'S'}, syncMsg)
	r.want('Z', "1 t:[] n Z:I")
}

func TestSuspendedPortal(t *testing.T) {
	r := serve(t, nil).raw()
	r.send(parse("", "begin"), bind("", ""), exec("", 1), parse("", "rows 1007"), bind("C_2", ""),
		&pgproto3.Describe{ObjectType: 'P', Name: "C_2"}, exec("C_2", 300), syncMsg)
	r.want('Z', "1 2 C:BEGIN 1 2 T:n/20/0,t/25/0 rows:300 s Z:T")
	for range 2 {
		r.send(exec("C_2", 300), syncMsg)
		r.want('Z', "rows:300 s Z:T")
	}
	r.send(exec("C_2", 300), syncMsg)
	r.want('Z', "rows:107 C:SELECT_107 Z:T")
	r.send(exec("C_2", 300), syncMsg)
	r.want('Z', "C:SELECT_0 Z:T")
	r.send(&pgproto3.Close{ObjectType: 'P', Name: "C_2"}, exec("C_2", 0), syncMsg)
	r.want('Z', "3 E:ERROR:34000 Z:E")
}

func TestSuspensionAtExactlyTheLastRow(t *testing.T) {
	r := serve(t, nil).raw()
	r.send(parse("", "rows 10"), bind("p", ""), exec("p", 10), exec("p", 10), syncMsg)
	r.want('Z', "1 2 rows:10 s C:SELECT_0 Z:I")
}

func TestPortalsEndWithTheTransaction(t *testing.T) {
	r := serve(t, nil).raw()
	r.send(parse("s", "rows 10"), bind("p", "s"), exec("p", 4), syncMsg)
	r.want('Z', "1 2 rows:4 s Z:I")
	r.send(exec("p", 4), syncMsg)
	r.want('Z', "E:ERROR:34000 Z:I")
	// COMMIT in the middle of a batch ends them at once.
	r.send(&pgproto3.Query{String: "begin"})
	r.want('Z', "C:BEGIN Z:T")
	r.send(bind("p", "s"), exec("p", 4), parse("", "commit"), bind("", ""), exec("", 0), exec("p", 4), syncMsg)
	r.want('Z', "2 rows:4 s 1 2 C:COMMIT E:ERROR:34000 Z:I")
	// A failed block releases them and says why.
	r.send(&pgproto3.Query{String: "begin"}, bind("p", "s"), exec("p", 4), syncMsg, &pgproto3.Query{String: "fail"}, exec("p", 4), syncMsg)
	r.want('Z', "C:BEGIN Z:T")
	r.want('Z', "2 rows:4 s Z:T")
	r.want('Z', "E:ERROR:22012 Z:E")
	r.want('Z', "E:ERROR:25P02 Z:E")
}

func TestNamesAreShared(t *testing.T) {
	r := serve(t, nil).raw()
	r.send(&pgproto3.Query{String: "prepare q rows 2"})
	r.want('Z', "C:PREPARE Z:I")
	r.send(bind("", "q"), exec("", 0), syncMsg)
	r.want('Z', "2 rows:2 C:SELECT_2 Z:I")
	r.send(&pgproto3.Query{String: "prepare q rows 2"})
	r.want('Z', "E:ERROR:42P05 Z:I")
	r.send(parse("q", "rows 1"), syncMsg)
	r.want('Z', "E:ERROR:42P05 Z:I")
	r.send(&pgproto3.Close{ObjectType: 'S', Name: "q"}, bind("", "q"), syncMsg)
	r.want('Z', "3 E:ERROR:26000 Z:I")
	r.send(&pgproto3.Query{String: "begin"}, parse("", "rows 5"), bind("p", ""), exec("p", 2), syncMsg, &pgproto3.Query{String: "fetch 2 p; fetch 9 p"})
	r.want('Z', "C:BEGIN Z:T")
	r.want('Z', "1 2 rows:2 s Z:T")
	r.want('Z', "T:n/20/0,t/25/0 rows:2 C:FETCH_2 T:n/20/0,t/25/0 rows:1 C:FETCH_1 Z:T")
}

func TestExtendedProtocolErrors(t *testing.T) {
	r := serve(t, nil).raw()
	for _, c := range []struct {
		name string
		send []pgproto3.FrontendMessage
		want string
	}{
		{"unknown statement", []pgproto3.FrontendMessage{bind("", "x")}, "E:ERROR:26000 Z:I"},
		{"unnamed statement missing", []pgproto3.FrontendMessage{&pgproto3.Describe{ObjectType: 'S'}}, "E:ERROR:26000 Z:I"},
		{"unknown portal", []pgproto3.FrontendMessage{exec("x", 0)}, "E:ERROR:34000 Z:I"},
		{"several statements", []pgproto3.FrontendMessage{parse("", "update; update")}, "E:ERROR:42601 Z:I"},
		{"empty statement", []pgproto3.FrontendMessage{parse("", ""), bind("", ""), &pgproto3.Describe{ObjectType: 'P'}, exec("", 0)}, "1 2 n I Z:I"},
		{"too few parameters", []pgproto3.FrontendMessage{parse("", "echo $1"), bind("", "")}, "1 E:ERROR:08P01 Z:I"},
		{"too many formats", []pgproto3.FrontendMessage{parse("", "echo $1"), &pgproto3.Bind{ParameterFormatCodes: []int16{0, 0}, Parameters: [][]byte{[]byte("a")}}}, "1 E:ERROR:08P01 Z:I"},
		{"result formats do not fit", []pgproto3.FrontendMessage{parse("", "rows 1"), &pgproto3.Bind{ResultFormatCodes: []int16{0, 0, 0}}}, "1 E:ERROR:08P01 Z:I"},
		{"result formats of a statement without rows", []pgproto3.FrontendMessage{parse("", "update"), &pgproto3.Bind{ResultFormatCodes: []int16{1, 1}}, exec("", 0)}, "1 2 C:UPDATE Z:I"},
		{"unknown format", []pgproto3.FrontendMessage{parse("", "rows 1"), &pgproto3.Bind{ResultFormatCodes: []int16{7}}}, "1 E:ERROR:22023 Z:I"},
		{"bad text", []pgproto3.FrontendMessage{parse("", "echo $1", 23), &pgproto3.Bind{Parameters: [][]byte{[]byte("a")}}}, "1 E:ERROR:22P02 Z:I"},
		{"long binary", []pgproto3.FrontendMessage{parse("", "echo $1", 23), &pgproto3.Bind{ParameterFormatCodes: []int16{1}, Parameters: [][]byte{make([]byte, 5)}}}, "1 E:ERROR:22P03 Z:I"},
		{"short binary", []pgproto3.FrontendMessage{parse("", "echo $1", 23), &pgproto3.Bind{ParameterFormatCodes: []int16{1}, Parameters: [][]byte{make([]byte, 3)}}}, "1 E:ERROR:08P01 Z:I"},
		{"not UTF-8", []pgproto3.FrontendMessage{parse("", "echo $1", 25), &pgproto3.Bind{Parameters: [][]byte{{'a', 0xff}}}}, "1 E:ERROR:22021 Z:I"},
		{"a statement without rows runs once", []pgproto3.FrontendMessage{parse("", "update"), bind("", ""), exec("", 1), exec("", 1)}, "1 2 C:UPDATE E:ERROR:55000 Z:I"},
		{"portal name taken", []pgproto3.FrontendMessage{parse("", "rows 1"), bind("p", ""), bind("p", "")}, "1 2 E:ERROR:42P03 Z:I"},
		{"panic", []pgproto3.FrontendMessage{parse("", "panic"), bind("", ""), exec("", 0)}, "1 2 E:ERROR:XX000 Z:I"},
		{"describe what", []pgproto3.FrontendMessage{&pgproto3.Describe{ObjectType: 'S', Name: "nope"}}, "E:ERROR:26000 Z:I"},
	} {
		r.send(append(c.send, syncMsg)...)
		if got := r.until('Z'); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

func TestFunctionCallIsNotSupported(t *testing.T) {
	r := serve(t, nil).raw()
	r.send(&pgproto3.FunctionCall{Function: 1})
	r.want('Z', "E:ERROR:0A000 Z:I")
}

func TestUnknownMessageEndsTheConnection(t *testing.T) {
	r := serve(t, nil).raw()
	if _, err := r.conn.Write([]byte{'~', 0, 0, 0, 4}); err != nil {
		t.Fatal(err)
	}
	r.want('E', "E:FATAL:08P01")
	r.eof()
}

func TestTooLongMessageEndsTheConnection(t *testing.T) {
	r := serve(t, nil).raw()
	if _, err := r.conn.Write([]byte{'Q', 0x7f, 0xff, 0xff, 0xff}); err != nil {
		t.Fatal(err)
	}
	r.want('E', "E:FATAL:08P01")
	r.eof()
}

func TestFatalErrorEndsTheConnection(t *testing.T) {
	r := serve(t, nil).raw()
	r.send(&pgproto3.Query{String: "fatal"})
	r.want('E', "E:FATAL:57P01")
	r.eof()
}

func TestStrayCopyMessagesAreIgnored(t *testing.T) {
	r := serve(t, nil).raw()
	r.send(&pgproto3.CopyData{Data: []byte("x")}, &pgproto3.CopyDone{}, &pgproto3.Query{String: "update"})
	r.want('Z', "C:UPDATE Z:I")
}

func TestIdleSessionTimeout(t *testing.T) {
	r := serve(t, nil).raw()
	r.send(&pgproto3.Query{String: "set idle_session_timeout = 30ms"})
	r.want('E', "C:SET Z:I E:FATAL:57P05")
	r.eof()
	r = serve(t, nil).raw()
	r.send(&pgproto3.Query{String: "set idle_in_transaction_session_timeout = 30ms; begin"})
	r.want('E', "C:SET C:BEGIN Z:T E:FATAL:25P03")
}

func TestBytesReadAheadWhileExecutingAreNotLost(t *testing.T) {
	s := serve(t, nil)
	r := s.raw()
	r.send(&pgproto3.Query{String: "sleep"})
	time.Sleep(100 * time.Millisecond)
	for range 50 {
		r.send(&pgproto3.Query{String: "rows 1"})
	}
	time.Sleep(50 * time.Millisecond)
	close(s.fake.release)
	r.want('Z', "T:n/20/0 rows:1 C:SELECT_1 Z:I")
	for range 50 {
		r.want('Z', "T:n/20/0,t/25/0 rows:1 C:SELECT_1 Z:I")
	}
}

func TestQueryLargerThanTheReadBuffer(t *testing.T) {
	c := serve(t, nil).connect("")
	pad := make([]byte, 3<<20)
	for i := range pad {
		pad[i] = ' '
	}
	if _, err := c.Exec(context.Background(), "rows 1"+string(pad)).ReadAll(); err != nil {
		t.Fatal(err)
	}
}

func TestIdleTimeoutSparesAnOpenBatch(t *testing.T) {
	r := serve(t, nil).raw("options", "-c idle_session_timeout=30ms")
	r.send(parse("", "rows 1"), &pgproto3.Flush{})
	r.want('1', "1")
	time.Sleep(80 * time.Millisecond)
	r.send(bind("", ""), exec("", 0), syncMsg)
	r.want('E', "2 rows:1 C:SELECT_1 Z:I E:FATAL:57P05")
}

func TestWholeMessageInPieces(t *testing.T) {
	r := serve(t, nil).raw()
	b, _ := (&pgproto3.Query{String: "rows 1"}).Encode(nil)
	for i := range b {
		if _, err := r.conn.Write(b[i : i+1]); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Millisecond)
	}
	r.want('Z', "T:n/20/0,t/25/0 rows:1 C:SELECT_1 Z:I")
}
