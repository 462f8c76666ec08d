package process

import (
	"context"
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// TestCrashesLoseNoCommittedDDL kills the server again and again while several
// clients make schemas, roles, servers and policies. What a client was told to
// be done is there after the restart, and of a transaction all or nothing.
func TestCrashesLoseNoCommittedDDL(t *testing.T) {
	dir := t.TempDir()
	r := rand.New(rand.NewPCG(3, 4))
	done := map[string]bool{}
	for round := range 8 {
		p := serve(t, dir)
		check := p.connect(t)
		there := map[string]bool{}
		for _, s := range query(t, check, "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'c\\_%' UNION ALL SELECT srvname FROM pg_foreign_server WHERE srvname LIKE 'c\\_%' UNION ALL SELECT rolname FROM pg_roles WHERE rolname LIKE 'c\\_%'") {
			there[s] = true
		}
		for name := range done {
			if !there[name] {
				t.Errorf("round %d: %s is lost", round, name)
			}
		}
		for name := range there {
			// A transaction makes name_a and name_b.
			if n := len(name); name[n-2:] == "_a" && !there[name[:n-1]+"b"] || name[n-2:] == "_b" && !there[name[:n-1]+"a"] {
				t.Errorf("round %d: half of a transaction: %s", round, name)
			}
			done[name] = true
		}
		committed := make(chan string, 1<<16)
		ended := make(chan struct{})
		const clients = 4
		for client := range clients {
			c := p.connect(t)
			go func() {
				defer func() { ended <- struct{}{} }()
				for i := 0; ; i++ {
					name := fmt.Sprintf("c_%d_%d_%d", round, client, i)
					sql, names := "", []string{name}
					switch i % 4 {
					case 0:
						sql = "CREATE SCHEMA " + name
					case 1:
						sql = "CREATE SERVER " + name + " FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host 'h')"
					case 2:
						sql = "CREATE ROLE " + name
					case 3:
						sql = fmt.Sprintf("BEGIN; CREATE SCHEMA %[1]s_a; CREATE SCHEMA %[1]s_b; COMMIT", name)
						names = []string{name + "_a", name + "_b"}
					}
					if i%16 == 3 {
						sql, names = "BEGIN; CREATE SCHEMA x"+name+"; ROLLBACK", nil
					}
					if !complete(c, sql) {
						return
					}
					for _, n := range names {
						committed <- n
					}
				}
			}()
		}
		time.Sleep(time.Duration(50+r.IntN(250)) * time.Millisecond)
		p.signal(t, syscall.SIGKILL)
		p.wait(t)
		for range clients {
			<-ended
		}
		close(committed)
		for name := range committed {
			done[name] = true
		}
	}
	p := serve(t, dir)
	c := p.connect(t)
	if got := query(t, c, "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'xc\\_%'"); got[0] != "0" {
		t.Errorf("%s schemas of transactions that were rolled back", got[0])
	}
	if len(done) < 20 {
		t.Errorf("only %d objects were made", len(done))
	}
	query(t, c, "CREATE SCHEMA afterwards")
	p.signal(t, syscall.SIGTERM)
	if code := p.wait(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// complete reports whether the server said that all statements are done.
func complete(c *pgconn.PgConn, sql string) bool {
	ctx, stop := context.WithTimeout(context.Background(), patience)
	defer stop()
	_, err := c.Exec(ctx, sql).ReadAll()
	return err == nil
}
