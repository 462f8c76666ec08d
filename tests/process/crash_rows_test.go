package process

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestCrashesLoseNoCommittedRows kills the server again and again while clients
// write local tables, by single rows and by files. A commit that a client was
// told of is there after the restart, whole; one that it was not told of is there
// whole or not at all. A sequence gives no number twice.
func TestCrashesLoseNoCommittedRows(t *testing.T) {
	const (
		clients = 3
		bulk    = 70_000 // a file of its own
	)
	dir := t.TempDir()
	r := rand.New(rand.NewPCG(5, 6))
	told := [clients]map[int]bool{} // transactions by table, true when told to be done
	for i := range told {
		told[i] = map[int]bool{}
	}
	next := 1
	for round := range 6 {
		p := serve(t, dir)
		check := p.connect(t)
		for i := range clients {
			table := fmt.Sprintf("rows_%d", i)
			if round == 0 {
				if i == 0 {
					query(t, check, "CREATE SEQUENCE ids")
				}
				query(t, check, "CREATE TABLE "+table+" (tx int, n int, pair int UNIQUE, id bigint DEFAULT nextval('ids'))")
				continue
			}
			there := map[int]bool{}
			for _, row := range query(t, check, "SELECT tx || ' ' || count(*) || ' ' || max(n) FROM "+table+" GROUP BY tx") {
				f := strings.Fields(row)
				tx, _ := strconv.Atoi(f[0])
				if f[1] != f[2] {
					t.Errorf("round %d: transaction %d of %s has %s of its %s rows", round, tx, table, f[1], f[2])
				}
				there[tx] = true
			}
			for tx, done := range told[i] {
				if done && !there[tx] {
					t.Errorf("round %d: transaction %d of %s is lost", round, tx, table)
				}
				told[i][tx] = there[tx]
			}
		}
		ended := make(chan struct{})
		for i := range clients {
			c := p.connect(t)
			first := next
			go func() {
				defer func() { ended <- struct{}{} }()
				table := fmt.Sprintf("rows_%d", i)
				for k := 0; ; k++ {
					tx := first + k
					sql := fmt.Sprintf("INSERT INTO %s VALUES (%d, 1, %d)", table, tx, tx)
					switch k % 8 {
					case 3:
						sql = fmt.Sprintf("BEGIN; INSERT INTO %[1]s VALUES (%[2]d, 2, NULL); INSERT INTO %[1]s VALUES (%[2]d, 2, NULL); COMMIT", table, tx)
					case 5:
						sql = fmt.Sprintf("INSERT INTO %s SELECT %d, %d, NULL FROM generate_series(1, %[3]d)", table, tx, bulk)
					case 6:
						sql = fmt.Sprintf("BEGIN; INSERT INTO %s VALUES (%d, 99, NULL); ROLLBACK", table, -tx)
					case 7:
						sql = fmt.Sprintf("UPDATE %s SET pair = NULL WHERE tx = %d", table, tx-7)
					}
					told[i][tx] = false
					if !complete(c, sql) {
						return
					}
					told[i][tx] = k%8 < 6
				}
			}()
		}
		next += 100_000
		time.Sleep(time.Duration(100+r.IntN(400)) * time.Millisecond)
		p.signal(t, syscall.SIGKILL)
		p.wait(t)
		for range clients {
			<-ended
		}
	}
	p := serve(t, dir)
	c := p.connect(t)
	total := 0
	for i := range clients {
		if got := query(t, c, fmt.Sprintf("SELECT count(*) FROM rows_%d WHERE tx < 0", i)); got[0] != "0" {
			t.Errorf("%s rows of transactions that were rolled back", got[0])
		}
		for _, done := range told[i] {
			if done {
				total++
			}
		}
	}
	if total < 50 {
		t.Errorf("only %d transactions were told to be done", total)
	}
	if got := query(t, c, "SELECT count(*) - count(DISTINCT id) FROM (SELECT id FROM rows_0 UNION ALL SELECT id FROM rows_1 UNION ALL SELECT id FROM rows_2) a"); got[0] != "0" {
		t.Errorf("%s numbers of the sequence were drawn twice", got[0])
	}
	p.signal(t, syscall.SIGTERM)
	if code := p.wait(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
}
