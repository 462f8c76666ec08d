package harness

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// PG is a running PostgreSQL server with the superuser "postgres", scram-sha-256
// authentication and the locale C.UTF-8.
type PG struct {
	Host     string
	Port     int
	User     string
	Password string
	server   server
}

// Postgres returns the PostgreSQL server of this test binary, running.
func Postgres(t testing.TB) *PG {
	t.Helper()
	shared.Lock()
	defer shared.Unlock()
	if shared.pg == nil {
		pg, err := newPostgres(t)
		if err != nil {
			t.Fatalf("harness: PostgreSQL: %v", err)
		}
		shared.pg = pg
	}
	if shared.pg.server.alive == nil {
		if err := shared.pg.launch(); err != nil {
			t.Fatalf("harness: PostgreSQL: %v", err)
		}
	}
	return shared.pg
}

// newPostgres makes a cluster that is small and logs every statement.
func newPostgres(t testing.TB) (*PG, error) {
	dir := folder(t, "postgres")
	return cluster(dir, "shared_buffers=16MB", "max_connections=60", "autovacuum=off", "max_wal_size=256MB", "log_statement=all")
}

// cluster returns a cluster in a folder that is there, made if the folder has
// none, with its settings. It is not running.
func cluster(dir string, settings ...string) (*PG, error) {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(found) == 0 {
		if path, err := exec.LookPath("initdb"); err == nil {
			found = []string{path}
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("no initdb found: install the Debian package postgresql")
	}
	slices.Sort(found)
	bin := filepath.Dir(found[len(found)-1])
	port, err := unusedPort()
	if err != nil {
		return nil, err
	}
	pg := &PG{Host: "127.0.0.1", Port: port, User: "postgres", Password: "s3cret'\\ pass"}
	if os.Getuid() == 0 {
		// The server refuses to run as root.
		u, err := user.Lookup("postgres")
		if err != nil {
			return nil, fmt.Errorf("running as root needs the user postgres: %w", err)
		}
		uid, _ := strconv.Atoi(u.Uid)
		gid, _ := strconv.Atoi(u.Gid)
		if err := os.Chown(dir, uid, gid); err != nil {
			return nil, err
		}
		pg.server.credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	}
	data := filepath.Join(dir, "data")
	if _, err := os.Stat(filepath.Join(data, "PG_VERSION")); err != nil {
		secret := filepath.Join(dir, "password")
		if err := os.WriteFile(secret, []byte(pg.Password+"\n"), 0o644); err != nil {
			return nil, err
		}
		init := exec.Command(filepath.Join(bin, "initdb"), "-D", data, "-U", pg.User, "-A", "scram-sha-256", "--pwfile", secret,
			"--locale=C.UTF-8", "-E", "UTF8", "--no-sync")
		init.SysProcAttr = &syscall.SysProcAttr{Credential: pg.server.credential}
		init.Dir = dir
		if out, err := init.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("initdb: %w\n%s", err, out)
		}
	}
	pg.server.log = filepath.Join(dir, "log")
	if err := os.WriteFile(pg.server.log, nil, 0o666); err != nil {
		return nil, err
	}
	pg.server.signal = "INT"
	pg.server.args = []string{
		filepath.Join(bin, "postgres"), "-D", data, "-p", strconv.Itoa(pg.Port), "-c", "listen_addresses=127.0.0.1",
		"-c", "unix_socket_directories=", "-c", "fsync=off",
	}
	for _, s := range settings {
		pg.server.args = append(pg.server.args, "-c", s)
	}
	return pg, nil
}

// launch starts the process and waits until it answers.
func (p *PG) launch() error {
	if err := p.server.start(); err != nil {
		return err
	}
	return p.server.await("postgres", func() error {
		c, err := p.connect("postgres")
		if err == nil {
			c.Close(context.Background())
		}
		return err
	})
}

// URL returns a connection string for a database.
func (p *PG) URL(database string) string {
	u := url.URL{Scheme: "postgres", User: url.UserPassword(p.User, p.Password), Host: fmt.Sprintf("%s:%d", p.Host, p.Port), Path: "/" + database, RawQuery: "sslmode=disable"}
	return u.String()
}

// connect opens a connection to a database.
func (p *PG) connect(database string) (*pgconn.PgConn, error) {
	ctx, stop := context.WithTimeout(context.Background(), 10*time.Second)
	defer stop()
	return pgconn.Connect(ctx, p.URL(database))
}

// Exec runs statements in a database.
func (p *PG) Exec(t testing.TB, database string, statements ...string) {
	t.Helper()
	c, err := p.connect(database)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(context.Background())
	for _, s := range statements {
		if _, err := c.Exec(context.Background(), s).ReadAll(); err != nil {
			t.Fatalf("%v\n%.300s", err, s)
		}
	}
}

// Database creates a database of that name with the given options of CREATE
// DATABASE, replacing an older one.
func (p *PG) Database(t testing.TB, name, options string) {
	t.Helper()
	p.Exec(t, "postgres", "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)", "CREATE DATABASE "+name+" "+options)
}

// Log returns what the server has logged: every statement it got.
func (p *PG) Log(t testing.TB) string {
	t.Helper()
	text, err := os.ReadFile(p.server.log)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Stop shuts the server down; Start brings it back.
func (p *PG) Stop() { p.server.stop() }

// Kill ends the server as a crash does; Start brings it back.
func (p *PG) Kill() { p.server.kill() }

// Start starts a stopped server.
func (p *PG) Start(t testing.TB) {
	t.Helper()
	if err := p.launch(); err != nil {
		// After a crash the memory of the dead server may be in use for a moment.
		p.server.stop()
		time.Sleep(time.Second)
		if err := p.launch(); err != nil {
			t.Fatal(err)
		}
	}
}
