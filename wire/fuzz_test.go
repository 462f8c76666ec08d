package wire_test

import (
	"encoding/binary"
	"io"
	"net"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/hubsql/hubsql/wire"
)

// FuzzMessages sends bytes behind a good startup packet: whatever they are, the
// connection ends soon after its client has, and nothing panics.
func FuzzMessages(f *testing.F) {
	script := func(ms ...pgproto3.FrontendMessage) []byte {
		var b []byte
		for _, m := range ms {
			b, _ = m.Encode(b)
		}
		return b
	}
	f.Add(script(&pgproto3.Query{String: "rows 3; begin; fail"}, &pgproto3.Query{String: "rollback"}))
	f.Add(script(parse("s", "echo $1 $2", 23, 25), &pgproto3.Describe{ObjectType: 'S', Name: "s"},
		&pgproto3.Bind{PreparedStatement: "s", ParameterFormatCodes: []int16{1, 0}, Parameters: [][]byte{{0, 0, 0, 1}, nil}, ResultFormatCodes: []int16{0, 1}},
		exec("", 1), syncMsg, &pgproto3.Close{ObjectType: 'S', Name: "s"}, syncMsg))
	f.Add(script(parse("", "rows 250"), bind("p", ""), exec("p", 99), exec("p", 99), &pgproto3.Flush{}, exec("p", 0), syncMsg))
	f.Add(script(&pgproto3.Query{String: "copy csv 3"}, &pgproto3.CopyData{Data: []byte("x")}, &pgproto3.FunctionCall{}))
	f.Add([]byte("Q\x00\x00\x00\x04"))
	f.Add([]byte("B\x00\x00\x00\x0a\x00\x00\x7f\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, data []byte) {
		fuzzConn(t, append(startupPacket("user\x00ann\x00\x00"), data...))
	})
}

// FuzzStartup sends bytes as the first packets of a connection.
func FuzzStartup(f *testing.F) {
	f.Add(startupPacket("user\x00ann\x00options\x00-c a=b --x=y\\ z\x00\x00"))
	f.Add(startupPacket("user\x00ann\x00_pq_.a\x00b\x00\x00"))
	f.Add([]byte{0, 0, 0, 8, 4, 210, 22, 47})
	f.Add([]byte{0, 0, 0, 16, 4, 210, 22, 46, 0, 0, 0, 1, 1, 2, 3, 4})
	f.Add([]byte{0x16, 3, 1, 0, 5, 1, 0, 0, 1, 0})
	f.Fuzz(func(t *testing.T, data []byte) { fuzzConn(t, data) })
}

func startupPacket(params string) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(8+len(params)))
	return append(binary.BigEndian.AppendUint32(b, 3<<16), params...)
}

func fuzzConn(t *testing.T, input []byte) {
	fake := newFake()
	close(fake.release)
	s, err := wire.NewServer(wire.Config{Backend: fake, Log: discard(), Auth: wire.AuthTrust, MaxMessage: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	client, socket := net.Pipe()
	s.ServeConn(socket)
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		_, _ = io.Copy(io.Discard, client)
	}()
	_ = client.SetWriteDeadline(time.Now().Add(5 * time.Second))
	_, _ = client.Write(input)
	_ = client.Close()
	<-drained
	for range 2000 {
		if s.Sessions() == 0 {
			if n := fake.open.Load(); n == 0 {
				return
			}
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatalf("%d sessions, %d portals stay", s.Sessions(), fake.open.Load())
}
