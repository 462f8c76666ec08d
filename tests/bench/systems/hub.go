package systems

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/hubsql/hubsql/tests/harness"
)

// Hub is a running hub with an empty catalog.
type Hub struct {
	*Wired
	process    *harness.Process
	dir        string
	url, debug string
	binary     string
}

// HubOptions say how a hub runs.
type HubOptions struct {
	// Binary is the program; "" is bin/hubsql.
	Binary string
	// Workers is the number of threads; 0 is Threads.
	Workers int
	// QueryMemory limits each query, as the option of that name is written.
	QueryMemory string
	// Environment are more variables, NAME=value.
	Environment []string
}

// StartHub starts a hub and connects to it.
func StartHub(ctx context.Context, o HubOptions) (*Hub, error) {
	if o.Binary == "" {
		o.Binary = filepath.Join("bin", "hubsql")
	}
	binary, err := filepath.Abs(o.Binary)
	if err != nil {
		return nil, err
	}
	if o.Workers == 0 {
		o.Workers = Threads()
	}
	dir, err := os.MkdirTemp("", "hubsql-bench-")
	if err != nil {
		return nil, err
	}
	h := &Hub{dir: dir, binary: binary}
	addresses, err := freeAddresses(2)
	if err != nil {
		return nil, err
	}
	h.url = "postgres://hubsql@" + addresses[0] + "/hubsql?sslmode=disable"
	h.debug = addresses[1]
	// What the hub prints goes to its log: nobody reads the pipe.
	args := []string{"/bin/sh", "-c", `exec env "$@" >&2`, "sh", "HUBSQL_SUPERUSER=hubsql", "HUBSQL_SUPERUSER_PASSWORD=" + dir}
	args = append(args, o.Environment...)
	args = append(args, binary, "serve", "--data-dir", filepath.Join(dir, "data"), "--listen", addresses[0], "--debug-listen", addresses[1],
		"--auth", "trust", "--log-level", "warn", "--max-connections", "200", "--workers", strconv.Itoa(o.Workers))
	if o.QueryMemory != "" {
		args = append(args, "--query-memory-limit", o.QueryMemory)
	}
	if h.process, err = harness.StartProcess(filepath.Join(dir, "log"), args...); err != nil {
		return nil, err
	}
	err = h.process.Await(func() error {
		conn, err := pgconn.Connect(ctx, h.url)
		if err == nil {
			h.Wired = &Wired{name: "HubSQL", Conn: conn, processor: func() (time.Duration, error) { return processorTime(h.process.PID()) }}
		}
		return err
	})
	if err != nil {
		h.Close()
		return nil, err
	}
	return h, nil
}

// freeAddresses returns loopback addresses whose ports are free now.
func freeAddresses(n int) ([]string, error) {
	var out []string
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close()
		out = append(out, l.Addr().String())
	}
	return out, nil
}

// Dial opens one more connection.
func (h *Hub) Dial(ctx context.Context) (*Wired, error) { return Dial(ctx, "HubSQL", h.url) }

// Version is what the program says of itself.
func (h *Hub) Version() (string, error) {
	out, err := exec.Command(h.binary, "version").Output()
	return strings.TrimSpace(string(out)), err
}

// Close ends the hub.
func (h *Hub) Close() {
	if h.Wired != nil {
		h.Wired.Close()
	}
	h.process.Stop()
	os.RemoveAll(h.dir)
}

// Resident returns the memory of the process in bytes: now, and the most since
// ForgetPeak.
func (h *Hub) Resident() (now, most int64, err error) { return resident(h.process.PID()) }

// ForgetPeak begins a new measurement of the most memory.
func (h *Hub) ForgetPeak() error { return forgetPeak(h.process.PID()) }

// Profile writes a processor profile of the hub, taken while during runs. It
// covers whole seconds, at least one; during is repeated until they are over.
func (h *Hub) Profile(ctx context.Context, file string, seconds int, during func() error) error {
	ended := make(chan error, 1)
	go func() {
		ended <- func() error {
			u := url.URL{Scheme: "http", Host: h.debug, Path: "/debug/pprof/profile", RawQuery: fmt.Sprintf("seconds=%d", max(1, seconds))}
			request, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
			if err != nil {
				return err
			}
			answer, err := (&http.Client{Timeout: time.Duration(seconds+30) * time.Second}).Do(request)
			if err != nil {
				return err
			}
			defer answer.Body.Close()
			profile, err := io.ReadAll(answer.Body)
			if err != nil {
				return err
			}
			if answer.StatusCode != http.StatusOK {
				return fmt.Errorf("profile: %s: %s", answer.Status, strings.TrimSpace(string(profile)))
			}
			return os.WriteFile(file, profile, 0o644)
		}()
	}()
	for {
		if err := during(); err != nil {
			return err
		}
		select {
		case err := <-ended:
			return err
		default:
		}
	}
}
