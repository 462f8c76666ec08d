// Package harness starts the real servers that tests need: PostgreSQL and
// MariaDB from the distribution's packages, on free loopback ports, in temporary
// folders. A test binary calls Main from TestMain; each kind of server is
// started at its first use, shared by the tests of the binary and stopped at the
// end, even when the binary is killed.
package harness

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// shared holds the servers of this test binary.
var shared struct {
	sync.Mutex
	running bool
	dir     string
	pg      *PG
	maria   *Maria
}

// Main runs the tests of a binary and stops the servers afterwards. It returns
// the exit code for os.Exit.
func Main(m *testing.M) int {
	shared.Lock()
	shared.running = true
	shared.Unlock()
	code := m.Run()
	shared.Lock()
	defer shared.Unlock()
	if shared.pg != nil {
		shared.pg.server.stop()
	}
	if shared.maria != nil {
		shared.maria.server.stop()
	}
	if shared.dir != "" {
		os.RemoveAll(shared.dir)
	}
	return code
}

// folder returns a new folder below the binary's temporary folder. The caller
// holds shared.
func folder(t testing.TB, name string) string {
	t.Helper()
	if !shared.running {
		t.Fatal("harness: TestMain must call harness.Main")
	}
	if shared.dir == "" {
		dir, err := os.MkdirTemp("", "hubsql-test-")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		shared.dir = dir
	}
	dir := filepath.Join(shared.dir, name)
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

// unusedPort returns a TCP port of the loopback address that is free now.
func unusedPort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// server is a process that ends with this one.
type server struct {
	args       []string
	log        string
	signal     string // that ends it properly
	credential *syscall.Credential

	cmd   *exec.Cmd
	alive io.Closer
	pid   int
}

// supervise runs its arguments until its standard input ends: then, whatever
// became of the test binary, the server is told to go.
const supervise = `sig=$1; shift; "$@" </dev/null & pid=$!; echo $pid; read _; kill -$sig $pid 2>/dev/null; wait $pid`

// start launches the process.
func (s *server) start() error {
	logFile, err := os.OpenFile(s.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer logFile.Close()
	s.cmd = exec.Command("/bin/sh", append([]string{"-c", supervise, "sh", s.signal}, s.args...)...)
	s.cmd.Stderr = logFile
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.credential}
	s.cmd.Dir = filepath.Dir(s.log)
	in, err := s.cmd.StdinPipe()
	if err != nil {
		return err
	}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := s.cmd.Start(); err != nil {
		return err
	}
	s.alive = in
	line, err := bufio.NewReader(out).ReadString('\n')
	if err == nil {
		s.pid, err = strconv.Atoi(strings.TrimSpace(line))
	}
	return err
}

// stop ends the process properly and waits for it.
func (s *server) stop() {
	if s.alive != nil {
		s.alive.Close()
		s.cmd.Wait()
		s.alive, s.pid = nil, 0
	}
}

// kill ends the process and its children as a crash of the machine does.
func (s *server) kill() {
	if s.pid != 0 {
		list, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", s.pid, s.pid))
		syscall.Kill(s.pid, syscall.SIGKILL)
		for child := range strings.FieldsSeq(string(list)) {
			if pid, err := strconv.Atoi(child); err == nil && pid > 1 {
				syscall.Kill(pid, syscall.SIGKILL)
			}
		}
	}
	s.stop()
}

// await calls ready until it succeeds.
func (s *server) await(what string, ready func() error) error {
	var err error
	for deadline := time.Now().Add(60 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if err = ready(); err == nil {
			return nil
		}
		if s.pid == 0 || syscall.Kill(s.pid, 0) != nil {
			break
		}
	}
	text, _ := os.ReadFile(s.log)
	if len(text) > 4000 {
		text = text[len(text)-4000:]
	}
	return fmt.Errorf("%s does not answer: %w\n%s", what, err, text)
}
