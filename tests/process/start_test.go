package process

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

func TestFirstStart(t *testing.T) {
	t.Run("without a password it is refused and leaves nothing that starts", func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "data")
		refuse(t, nil, []string{"serve", "--data-dir", dir, "--listen", "127.0.0.1:0"}, "HUBSQL_SUPERUSER_PASSWORD")
		refuse(t, nil, []string{"serve", "--data-dir", dir, "--listen", "127.0.0.1:0"}, "HUBSQL_SUPERUSER_PASSWORD")
		serve(t, dir).connect(t)
	})
	t.Run("the superuser is the environment's", func(t *testing.T) {
		dir := t.TempDir()
		p := start(t, []string{"HUBSQL_SUPERUSER=chief", "HUBSQL_SUPERUSER_PASSWORD=first"}, "serve", "--data-dir", dir, "--listen", "127.0.0.1:0")
		c, err := pgconn.Connect(t.Context(), p.url("chief", "first", "sslmode=disable"))
		if err != nil {
			t.Fatal(err)
		}
		if got := query(t, c, "SELECT current_user, current_setting('is_superuser')"); got[0] != "chief" {
			t.Error(got)
		}
		c.Close(context.Background())
		p.signal(t, syscall.SIGTERM)
		p.wait(t)
		// Later starts neither need nor use it.
		p = start(t, []string{"HUBSQL_SUPERUSER=other", "HUBSQL_SUPERUSER_PASSWORD=second"}, "serve", "--data-dir", dir, "--listen", "127.0.0.1:0")
		if c, err = pgconn.Connect(t.Context(), p.url("chief", "first", "sslmode=disable")); err != nil {
			t.Fatal(err)
		}
		c.Close(context.Background())
		if _, err = pgconn.Connect(t.Context(), p.url("other", "second", "sslmode=disable")); code(err) != "28P01" {
			t.Error(err)
		}
	})
	t.Run("trust", func(t *testing.T) {
		dir := t.TempDir()
		for _, listen := range []string{"0.0.0.0:0", ":0", "[::]:0"} {
			refuse(t, nil, []string{"serve", "--data-dir", dir, "--auth", "trust", "--listen", listen}, "trust", "loopback")
		}
		p := start(t, nil, "serve", "--data-dir", dir, "--auth", "trust", "--listen", "127.0.0.1:0")
		c, err := pgconn.Connect(t.Context(), p.url("hubsql", "anything", "sslmode=disable"))
		if err != nil {
			t.Fatal(err)
		}
		c.Close(context.Background())
		if _, err := pgconn.Connect(t.Context(), p.url("nosuch", "", "sslmode=disable")); code(err) != "28000" {
			t.Error(err)
		}
	})
}

func TestCommandLineErrors(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "hubsql.yaml")
	if err := os.WriteFile(file, []byte("lissten: 127.0.0.1:0\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	broken := filepath.Join(dir, "broken.yaml")
	if err := os.WriteFile(broken, []byte("listen: [\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	env := []string{"HUBSQL_SUPERUSER_PASSWORD=" + password}
	with := func(args ...string) []string {
		return append([]string{"serve", "--data-dir", filepath.Join(dir, "data"), "--listen", "127.0.0.1:0"}, args...)
	}
	for _, x := range []struct {
		args  []string
		parts []string
	}{
		{nil, []string{"Usage", "command"}},
		{[]string{"sevre"}, []string{"sevre"}},
		{[]string{"serve"}, []string{"data-dir"}},
		{with("--nosuch"), []string{"nosuch"}},
		{with("extra"), []string{"extra"}},
		{with("--auth", "md5"), []string{"auth", "md5", "scram-sha-256"}},
		{with("--listen", "nonsense"), []string{"listen", "nonsense"}},
		{with("--memory-limit", "much"), []string{"memory-limit", "much"}},
		{with("--memory-limit", "1kB"), []string{"memory-limit"}},
		{with("--max-connections", "none"), []string{"max-connections", "none"}},
		{with("--max-connections", "0"), []string{"max-connections"}},
		{with("--log-level", "loud"), []string{"log-level", "loud"}},
		{with("--drain-timeout", "soon"), []string{"drain-timeout", "soon"}},
		{with("--tls-cert", file), []string{"tls-key"}},
		{with("--tls-cert", file, "--tls-key", file), []string{"hubsql.yaml"}},
		{with("--config", file), []string{"lissten", "listen"}},
		{with("--config", broken), []string{"broken.yaml"}},
		{with("--config", filepath.Join(dir, "absent.yaml")), []string{"absent.yaml"}},
		{[]string{"serve", "--data-dir", file, "--listen", "127.0.0.1:0"}, []string{"hubsql.yaml"}},
	} {
		refuse(t, env, x.args, x.parts...)
	}
}

func TestHelpIsComplete(t *testing.T) {
	run := func(args ...string) string {
		c := exec.Command(binary, args...)
		c.Env = environment()
		out, err := c.CombinedOutput()
		if err != nil {
			t.Errorf("%q: %v\n%s", args, err, out)
		}
		return string(out)
	}
	for _, part := range []string{"serve", "demo", "version", "--help"} {
		if text := run("--help"); !strings.Contains(text, part) {
			t.Errorf("--help lacks %q:\n%s", part, text)
		}
	}
	for _, command := range []string{"serve", "demo"} {
		text := run(command, "--help")
		for _, option := range []string{"data-dir", "listen", "config", "auth", "tls-cert", "tls-key", "memory-limit", "query-memory-limit", "max-connections", "workers", "database", "log-level", "drain-timeout"} {
			if !strings.Contains(text, "--"+option) || !strings.Contains(text, "HUBSQL_"+strings.ToUpper(strings.ReplaceAll(option, "-", "_"))) {
				t.Errorf("%s --help lacks %s:\n%s", command, option, text)
			}
		}
		for _, part := range []string{"HUBSQL_SUPERUSER", "HUBSQL_SUPERUSER_PASSWORD", "127.0.0.1:5433", "scram-sha-256", "4GB"} {
			if !strings.Contains(text, part) {
				t.Errorf("%s --help lacks %s", command, part)
			}
		}
	}
	if !strings.Contains(run("demo", "--help"), "--once") {
		t.Error("demo --help lacks --once")
	}
	if !strings.HasPrefix(run("version"), "hubsql ") {
		t.Error(run("version"))
	}
}

// TestFlagsEnvironmentAndFileSayTheSame: each way of giving an option works, and
// the command line wins over the environment, the environment over the file.
func TestFlagsEnvironmentAndFileSayTheSame(t *testing.T) {
	file := filepath.Join(t.TempDir(), "hubsql.yaml")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	secret := "HUBSQL_SUPERUSER_PASSWORD=" + password
	database := func(env []string, args ...string) string {
		t.Helper()
		p := start(t, append(env, secret), args...)
		for _, name := range []string{"flagged", "environed", "filed", "hubsql"} {
			u := strings.Replace(p.url("hubsql", password, "sslmode=disable"), "/hubsql?", "/"+name+"?", 1)
			c, err := pgconn.Connect(t.Context(), u)
			if err == nil {
				got := query(t, c, "SELECT current_database()")[0]
				c.Close(context.Background())
				return got
			}
			if code(err) != "3D000" {
				t.Error(err)
			}
		}
		return "none"
	}
	dir := func() string { return t.TempDir() }
	check := func(got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	check(database(nil, "serve", "--data-dir", dir(), "--listen", "127.0.0.1:0"), "hubsql")
	check(database(nil, "serve", "--data-dir", dir(), "--listen", "127.0.0.1:0", "--database", "flagged"), "flagged")
	check(database([]string{"HUBSQL_DATA_DIR=" + dir(), "HUBSQL_LISTEN=127.0.0.1:0", "HUBSQL_DATABASE=environed"}, "serve"), "environed")
	write(fmt.Sprintf("data-dir: %s\nlisten: 127.0.0.1:0\ndatabase: filed\nmax-connections: 3\nmemory-limit: 64MB\nsettings:\n  TimeZone: Asia/Tokyo\n  statement_timeout: 12345\n", dir()))
	check(database(nil, "serve", "--config", file), "filed")
	check(database([]string{"HUBSQL_CONFIG=" + file, "HUBSQL_DATA_DIR=" + dir()}, "serve"), "filed")
	check(database([]string{"HUBSQL_DATABASE=environed", "HUBSQL_DATA_DIR=" + dir()}, "serve", "--config", file), "environed")
	check(database([]string{"HUBSQL_DATABASE=environed"}, "serve", "--config", file, "--database", "flagged", "--data-dir", dir()), "flagged")

	write("settings:\n  TimeZone: Asia/Tokyo\n  statement_timeout: 12345\n")
	p := serve(t, dir(), "--config", file)
	c := p.connect(t)
	check(query(t, c, "SHOW timezone")[0], "Asia/Tokyo")
	check(query(t, c, "SHOW statement_timeout")[0], "12345ms")
	write("settings:\n  no_such_setting: 1\n")
	refuse(t, []string{secret}, []string{"serve", "--data-dir", dir(), "--listen", "127.0.0.1:0", "--config", file}, "no_such_setting")
}

func TestSIGTERMDrains(t *testing.T) {
	p := serve(t, t.TempDir())
	idle, busy := p.connect(t), p.connect(t)
	answer := make(chan error, 1)
	go func() {
		r, err := busy.Exec(context.Background(), "SELECT count(*) FROM generate_series(1, 1) WHERE pg_sleep(2) IS NOT NULL").ReadAll()
		if err == nil && (len(r) != 1 || len(r[0].Rows) != 1) {
			err = fmt.Errorf("%d results", len(r))
		}
		answer <- err
	}()
	// It runs before the signal comes.
	for len(query(t, idle, "SELECT 1 FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%pg_sleep(2)%' AND pid <> pg_backend_pid()")) == 0 {
		time.Sleep(10 * time.Millisecond)
	}
	p.signal(t, syscall.SIGTERM)
	if err := <-answer; err != nil {
		t.Error("the running statement ends with", err)
	}
	if code := p.wait(t); code != 0 {
		t.Errorf("exit code %d\n%s", code, p.stderr.text())
	}
	if _, err := idle.Exec(context.Background(), "SELECT 1").ReadAll(); code(err) != "57P01" && !strings.Contains(fmt.Sprint(err), "closed") && !strings.Contains(fmt.Sprint(err), "EOF") && !strings.Contains(fmt.Sprint(err), "reset") && !strings.Contains(fmt.Sprint(err), "broken pipe") {
		t.Error("the idle session ends with", err)
	}
	t.Run("the drain has an end", func(t *testing.T) {
		p := serve(t, t.TempDir(), "--drain-timeout", "300ms")
		c := p.connect(t)
		r := c.Exec(context.Background(), "SELECT pg_sleep(600)")
		time.Sleep(200 * time.Millisecond)
		p.signal(t, syscall.SIGTERM)
		if _, err := r.ReadAll(); err == nil {
			t.Error("it slept on")
		}
		if code := p.wait(t); code != 0 {
			t.Errorf("exit code %d\n%s", code, p.stderr.text())
		}
	})
	t.Run("a second signal ends it at once", func(t *testing.T) {
		p := serve(t, t.TempDir(), "--drain-timeout", "10m")
		c := p.connect(t)
		r := c.Exec(context.Background(), "SELECT pg_sleep(600)")
		p.signal(t, syscall.SIGTERM)
		for done := false; !done; {
			select {
			case <-p.ended:
				done = true
			case <-time.After(50 * time.Millisecond):
				_ = p.cmd.Process.Signal(syscall.SIGTERM)
			}
		}
		if _, err := r.ReadAll(); err == nil {
			t.Error("it slept on")
		}
	})
	t.Run("SIGINT too", func(t *testing.T) {
		p := serve(t, t.TempDir())
		p.signal(t, os.Interrupt)
		if code := p.wait(t); code != 0 {
			t.Errorf("exit code %d\n%s", code, p.stderr.text())
		}
	})
}

func TestOneProcessPerDataDirectory(t *testing.T) {
	dir := t.TempDir()
	p := serve(t, dir)
	refuse(t, []string{"HUBSQL_SUPERUSER_PASSWORD=" + password}, []string{"serve", "--data-dir", dir, "--listen", "127.0.0.1:0"}, dir, "another")
	query(t, p.connect(t), "SELECT 1")
	// After a crash it is free.
	p.signal(t, syscall.SIGKILL)
	p.wait(t)
	serve(t, dir).connect(t)
}

func TestPortInUse(t *testing.T) {
	p := serve(t, t.TempDir())
	refuse(t, []string{"HUBSQL_SUPERUSER_PASSWORD=" + password}, []string{"serve", "--data-dir", t.TempDir(), "--listen", p.addr}, "address already in use", p.addr)
}
