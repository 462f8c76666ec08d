package postgres

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/tests/harness"
)

// slowConn answers writes late, which makes the driver read in the background.
type slowConn struct{ net.Conn }

func (c slowConn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	time.Sleep(40 * time.Millisecond)
	return n, err
}

func TestSlowWritesLoseNoAnswer(t *testing.T) {
	pg := harness.Postgres(t)
	s := open(t, pg, "postgres")
	dial := s.config.DialFunc
	s.config.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return slowConn{c}, nil
	}
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
	defer stop()
	h, err := s.Table(ctx, connector.TableRef{Schema: "pg_catalog", Name: "pg_type"})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if got, err := rows(ctx, s, h); err != nil || len(got) < 100 {
			t.Fatalf("%d rows, %v", len(got), err)
		}
	}
}
