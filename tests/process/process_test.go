// Package process runs the program as its users do: the command line, the
// environment, the configuration file, signals and crashes.
package process

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// binary is the program under test.
var binary string

func TestMain(m *testing.M) { os.Exit(build(m)) }

// build makes the program once for all tests.
func build(m *testing.M) int {
	dir, err := os.MkdirTemp("", "hubsql-process-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "hubsql")
	c := exec.Command("go", "build", "-o", binary, "github.com/hubsql/hubsql/cmd/hubsql")
	c.Stderr = os.Stderr
	if err := c.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "the program does not build:", err)
		return 1
	}
	return m.Run()
}

// patience bounds everything that must happen at all.
const patience = 60 * time.Second

// password is the superuser's.
const password = "pr0cess pass"

// process is a started program.
type process struct {
	cmd    *exec.Cmd
	addr   string
	stderr *tail
	ended  chan struct{}
	code   int
}

// tail keeps what a process writes.
type tail struct {
	sync.Mutex
	bytes.Buffer
}

// Write implements io.Writer.
func (b *tail) Write(p []byte) (int, error) {
	b.Lock()
	defer b.Unlock()
	return b.Buffer.Write(p)
}

func (b *tail) text() string {
	b.Lock()
	defer b.Unlock()
	return b.String()
}

// environment is the test's own without HUBSQL_*, and more.
func environment(more ...string) []string {
	var out []string
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "HUBSQL_") {
			out = append(out, e)
		}
	}
	return append(out, more...)
}

// start runs the program until it listens. The test's end kills it.
func start(t *testing.T, env []string, args ...string) *process {
	t.Helper()
	p := &process{cmd: exec.Command(binary, args...), stderr: &tail{}, ended: make(chan struct{})}
	p.cmd.Env, p.cmd.Stderr = environment(env...), p.stderr
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line := make(chan string, 1)
	go func() {
		r := bufio.NewReader(out)
		s, _ := r.ReadString('\n')
		line <- s
		_, _ = r.WriteTo(p.stderr)
		_ = p.cmd.Wait()
		p.code = p.cmd.ProcessState.ExitCode()
		close(p.ended)
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.ended
	})
	select {
	case s := <-line:
		addr, ok := strings.CutPrefix(s, "ready to accept connections on ")
		if !ok {
			t.Fatalf("it says %q\n%s", s, p.stderr.text())
		}
		p.addr = strings.TrimSpace(addr)
	case <-time.After(patience):
		t.Fatalf("it does not get ready\n%s", p.stderr.text())
	}
	return p
}

// serve starts a server on a data directory and a free port.
func serve(t *testing.T, dir string, args ...string) *process {
	t.Helper()
	return start(t, []string{"HUBSQL_SUPERUSER_PASSWORD=" + password}, append([]string{"serve", "--data-dir", dir, "--listen", "127.0.0.1:0"}, args...)...)
}

// refuse runs the program and checks that it ends by itself with an error that
// has every part.
func refuse(t *testing.T, env []string, args []string, parts ...string) {
	t.Helper()
	ctx, stop := context.WithTimeout(context.Background(), patience)
	defer stop()
	c := exec.CommandContext(ctx, binary, args...)
	c.Env = environment(env...)
	out, err := c.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() <= 0 {
		t.Errorf("%q ends with %v\n%s", args, err, out)
	}
	for _, p := range parts {
		if !strings.Contains(string(out), p) {
			t.Errorf("%q does not say %q:\n%s", args, p, out)
		}
	}
	if strings.Contains(string(out), "goroutine ") || strings.Contains(string(out), password) {
		t.Errorf("%q says too much:\n%s", args, out)
	}
}

// wait waits for the end and returns the exit code.
func (p *process) wait(t *testing.T) int {
	t.Helper()
	select {
	case <-p.ended:
	case <-time.After(patience):
		t.Fatalf("it does not end\n%s", p.stderr.text())
	}
	return p.code
}

// signal sends a signal.
func (p *process) signal(t *testing.T, s os.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

// url is a connection string.
func (p *process) url(user, password, parameters string) string {
	u := url.URL{Scheme: "postgres", User: url.UserPassword(user, password), Host: p.addr, Path: "/hubsql", RawQuery: parameters}
	return u.String()
}

// connect opens a connection as the superuser.
func (p *process) connect(t *testing.T) *pgconn.PgConn {
	t.Helper()
	c, err := pgconn.Connect(context.Background(), p.url("hubsql", password, "sslmode=disable"))
	if err != nil {
		t.Fatalf("%v\n%s", err, p.stderr.text())
	}
	t.Cleanup(func() { c.Close(context.Background()) })
	return c
}

// query returns the first column of the answer.
func query(t *testing.T, c *pgconn.PgConn, sql string) []string {
	t.Helper()
	results, err := c.Exec(context.Background(), sql).ReadAll()
	if err != nil {
		t.Fatalf("%v\n%s", err, sql)
	}
	var out []string
	for _, row := range results[len(results)-1].Rows {
		out = append(out, string(row[0]))
	}
	return out
}

// code is the SQLSTATE of an error, its text when it has none.
func code(err error) string {
	if pe, ok := errors.AsType[*pgconn.PgError](err); ok {
		return pe.Code
	}
	return fmt.Sprint(err)
}
