package clients

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/hubsql/hubsql/tests/harness"
)

// binary returns the program under test: HUBSQL_BIN, or a build of the tree.
var binary = sync.OnceValues(func() (string, error) {
	if path := os.Getenv("HUBSQL_BIN"); path != "" {
		return path, nil
	}
	dir, err := os.MkdirTemp("", "hubsql-bin-")
	if err != nil {
		return "", err
	}
	built = dir
	path := filepath.Join(dir, "hubsql")
	cmd := exec.Command("go", "build", "-o", path, "github.com/hubsql/hubsql/cmd/hubsql")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", errors.New(string(out))
	}
	return path, nil
})

// built is the folder of the build, "" when there is none.
var built string

func TestMain(m *testing.M) {
	code := harness.Main(m)
	if built != "" {
		os.RemoveAll(built)
	}
	os.Exit(code)
}

// process is a running command.
type process struct {
	cmd    *exec.Cmd
	stderr *strings.Builder
	addr   string // where it listens
}

// command prepares a run of the binary with an environment of its own.
func command(t *testing.T, env []string, args ...string) *exec.Cmd {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, args...)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir()}, env...)
	return cmd
}

// serve starts the binary and waits until it is ready.
func serve(t *testing.T, env []string, args ...string) *process {
	t.Helper()
	p := &process{cmd: command(t, env, args...), stderr: &strings.Builder{}}
	p.cmd.Stderr = p.stderr
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.cmd.Process.Kill()
		p.cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		p.cmd.Wait()
		t.Fatalf("%v\n%s", err, p.stderr)
	}
	addr, ok := strings.CutPrefix(strings.TrimSpace(line), "ready to accept connections on ")
	if !ok {
		t.Fatalf("first line is %q", line)
	}
	go io.Copy(io.Discard, out)
	p.addr = addr
	return p
}

// stop ends the process by a signal and returns how it ended.
func (p *process) stop(t *testing.T, sig syscall.Signal) error {
	t.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
	return p.cmd.Wait()
}

// connect opens a connection; params are added to the connection string.
func (p *process) connect(t *testing.T, user, password, params string) (*pgconn.PgConn, error) {
	t.Helper()
	host, port, _ := strings.Cut(p.addr, ":")
	c, err := pgconn.ParseConfig("host=" + host + " port=" + port + " dbname=hubsql user=" + user + " " + params)
	if err != nil {
		t.Fatal(err)
	}
	c.Password = password
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
	defer stop()
	conn, err := pgconn.ConnectConfig(ctx, c)
	if err == nil {
		t.Cleanup(func() { conn.Close(context.Background()) })
	}
	return conn, err
}

// must runs statements.
func must(t *testing.T, c *pgconn.PgConn, statements ...string) {
	t.Helper()
	for _, s := range statements {
		if _, err := c.Exec(t.Context(), s).ReadAll(); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

var password = []string{"HUBSQL_SUPERUSER_PASSWORD=first"}

func TestServeKeepsWhatWasCommittedThroughKill(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	args := []string{"serve", "--data-dir", dir, "--listen", "127.0.0.1:0"}
	p := serve(t, password, args...)
	c, err := p.connect(t, "hubsql", "first", "sslmode=disable")
	if err != nil {
		t.Fatal(err)
	}
	must(t, c, "CREATE SCHEMA kept", "BEGIN", "CREATE SCHEMA lost")
	p.stop(t, syscall.SIGKILL)

	p = serve(t, nil, args...)
	c, err = p.connect(t, "hubsql", "first", "sslmode=disable")
	if err != nil {
		t.Fatal(err)
	}
	must(t, c, "DROP SCHEMA kept", "CREATE SCHEMA lost")
	if err := p.stop(t, syscall.SIGTERM); err != nil {
		t.Errorf("SIGTERM: %v\n%s", err, p.stderr)
	}
}

func TestServeFinishesRunningStatementsOnSIGTERM(t *testing.T) {
	p := serve(t, password, "serve", "--data-dir", filepath.Join(t.TempDir(), "data"), "--listen", "127.0.0.1:0")
	c, err := p.connect(t, "hubsql", "first", "sslmode=disable")
	if err != nil {
		t.Fatal(err)
	}
	answered := make(chan error, 1)
	go func() {
		_, err := c.Exec(context.Background(), "SELECT pg_sleep(1.5)").ReadAll()
		answered <- err
	}()
	time.Sleep(500 * time.Millisecond)
	if err := p.stop(t, syscall.SIGTERM); err != nil {
		t.Errorf("exit: %v\n%s", err, p.stderr)
	}
	if err := <-answered; err != nil {
		t.Errorf("the running statement: %v", err)
	}
}

func TestServeRefusesWhatCannotWork(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	running := serve(t, password, "serve", "--data-dir", dir, "--listen", "127.0.0.1:0")
	config := filepath.Join(t.TempDir(), "hubsql.yaml")
	if err := os.WriteFile(config, []byte("lisen: 127.0.0.1:0\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		env  []string
		args []string
		want string
	}{
		{"second process", nil, []string{"serve", "--data-dir", dir, "--listen", "127.0.0.1:0"}, dir},
		{"no data directory", password, []string{"serve"}, "--data-dir is required"},
		{"no password", nil, []string{"serve", "--data-dir", filepath.Join(t.TempDir(), "new"), "--listen", "127.0.0.1:0"}, "HUBSQL_SUPERUSER_PASSWORD"},
		{"trust everywhere", password, []string{"serve", "--data-dir", filepath.Join(t.TempDir(), "new"), "--listen", "0.0.0.0:0", "--auth", "trust"}, "trust is refused"},
		{"half of TLS", password, []string{"serve", "--data-dir", filepath.Join(t.TempDir(), "new"), "--tls-cert", "x"}, "go together"},
		{"address in use", password, []string{"serve", "--data-dir", filepath.Join(t.TempDir(), "new"), "--listen", running.addr}, "address already in use"},
		{"unknown flag", nil, []string{"serve", "--lisen", "x"}, "--lisen"},
		{"unknown name in the file", password, []string{"serve", "--data-dir", filepath.Join(t.TempDir(), "new"), "--config", config}, "lisen"},
		{"unknown command", nil, []string{"server"}, "server"},
		{"bad size", password, []string{"serve", "--data-dir", filepath.Join(t.TempDir(), "new"), "--memory-limit", "much"}, "memory-limit"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cmd := command(t, c.env, c.args...)
			timer := time.AfterFunc(20*time.Second, func() { cmd.Process.Kill() })
			defer timer.Stop()
			out, err := cmd.CombinedOutput()
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.ExitCode() != 1 || !strings.Contains(string(out), c.want) {
				t.Errorf("%v, want exit status 1 and %q in:\n%s", err, c.want, out)
			}
		})
	}
	if _, err := running.connect(t, "hubsql", "first", "sslmode=disable"); err != nil {
		t.Errorf("the running server: %v", err)
	}
}

func TestServeTakesTheSameNamesFromEverywhere(t *testing.T) {
	dir := t.TempDir()
	config := filepath.Join(dir, "hubsql.yaml")
	text := "data-dir: " + filepath.Join(dir, "from-file") + "\nlisten: 127.0.0.1:0\ndatabase: elsewhere\nauth: trust\nsettings:\n  TimeZone: Asia/Tokyo\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p := serve(t, []string{"HUBSQL_DATABASE=hubsql", "HUBSQL_SUPERUSER=root"}, "serve", "--config", config, "--data-dir", filepath.Join(dir, "from-flag"))
	if _, err := os.Stat(filepath.Join(dir, "from-flag")); err != nil {
		t.Error("the command line does not win over the file")
	}
	c, err := p.connect(t, "root", "", "sslmode=disable")
	if err != nil {
		t.Fatal(err)
	}
	r, err := c.Exec(t.Context(), "SHOW TimeZone").ReadAll()
	if err != nil || string(r[0].Rows[0][0]) != "Asia/Tokyo" {
		t.Errorf("TimeZone: %v %v", r, err)
	}
}

func TestServeSpeaksTLS(t *testing.T) {
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	writeCertificate(t, cert, key)
	p := serve(t, password, "serve", "--data-dir", filepath.Join(dir, "data"), "--listen", "127.0.0.1:0", "--tls-cert", cert, "--tls-key", key)
	for _, params := range []string{"sslmode=verify-full sslrootcert=" + cert, "sslmode=require", "sslmode=disable"} {
		c, err := p.connect(t, "hubsql", "first", params)
		if err != nil {
			t.Errorf("%s: %v", params, err)
			continue
		}
		must(t, c, "SELECT 1")
	}
}

func TestHelpAndVersion(t *testing.T) {
	for _, c := range []struct {
		args []string
		want []string
	}{
		{[]string{"--help"}, []string{"serve", "demo", "version"}},
		{[]string{"version"}, []string{"hubsql "}},
		{[]string{"serve", "--help"}, []string{"--data-dir", "--listen", "--config", "--auth", "--tls-cert", "--tls-key", "--memory-limit", "HUBSQL_DATA_DIR", "HUBSQL_SUPERUSER"}},
		{[]string{"demo", "--help"}, []string{"--data-dir", "--listen", "--once"}},
	} {
		out, err := command(t, nil, c.args...).Output()
		if err != nil {
			t.Errorf("%q: %v", c.args, err)
		}
		for _, w := range c.want {
			if !strings.Contains(string(out), w) {
				t.Errorf("%q does not mention %s:\n%s", c.args, w, out)
			}
		}
	}
}
