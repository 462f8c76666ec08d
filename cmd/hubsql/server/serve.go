package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/hubsql/hubsql/catalog"
	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/pgcatalog"
	"github.com/hubsql/hubsql/catalog/session"
	"github.com/hubsql/hubsql/exec"
	"github.com/hubsql/hubsql/exec/builtin"
	"github.com/hubsql/hubsql/exec/memory"
	"github.com/hubsql/hubsql/exec/scheduler"
	"github.com/hubsql/hubsql/exec/spill"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/federation/file"
	"github.com/hubsql/hubsql/federation/mysql"
	"github.com/hubsql/hubsql/federation/parquet"
	"github.com/hubsql/hubsql/federation/postgres"
	"github.com/hubsql/hubsql/federation/sqlite"
	"github.com/hubsql/hubsql/masking"
	"github.com/hubsql/hubsql/storage"
	"github.com/hubsql/hubsql/wire"
)

// connectors lists every kind of source of this build.
func connectors() []connector.Connector {
	return []connector.Connector{&postgres.Connector{}, &mysql.Connector{}, sqlite.New(), file.New(), parquet.New()}
}

// Hub is a server with everything it is made of.
type Hub struct {
	catalog *catalog.Catalog
	engine  *exec.Engine
	pool    *scheduler.Pool
	rows    *storage.Store
	server  *wire.Server
	log     *slog.Logger
	config  *Config
}

// Open puts a server together on a data directory. It does not listen yet.
func Open(c *Config, stderr io.Writer) (*Hub, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	log, err := newLog(c.LogLevel, stderr)
	if err != nil {
		return nil, err
	}
	list := connectors()
	var wrappers []string
	for _, x := range list {
		wrappers = append(wrappers, x.Wrapper())
	}
	// Settings of the file are checked before the data directory is touched.
	if _, err := session.ParseDefaults(c.Settings); err != nil {
		return nil, err
	}
	cat, err := catalog.Open(c.DataDir, catalog.OpenOptions{Wrappers: wrappers, Log: log})
	if err != nil {
		return nil, err
	}
	h := &Hub{catalog: cat, log: log, config: c}
	if err := h.compose(list); err != nil {
		return nil, errors.Join(err, h.Close())
	}
	return h, nil
}

// compose makes the superuser of a new catalog, the registry, the engine and the
// protocol server.
func (h *Hub) compose(list []connector.Connector) error {
	c := h.config
	if !h.catalog.Initialized() {
		if c.SuperuserPassword == "" && c.Auth != "trust" {
			return errors.New("the data directory is new: set HUBSQL_SUPERUSER_PASSWORD to the password of the superuser (HUBSQL_SUPERUSER, default hubsql)")
		}
		if _, err := h.catalog.Bootstrap(c.Superuser, c.SuperuserPassword); err != nil {
			return err
		}
	}
	// The heap is kept below the budget by the collector; the budget itself is
	// enforced by the accounts.
	debug.SetMemoryLimit(c.MemoryLimit + c.MemoryLimit/4 + 256<<20)
	debug.SetGCPercent(200)
	h.pool = scheduler.New(processors(c.Workers))
	files, err := spill.Open(filepath.Join(c.DataDir, "spill"))
	if err != nil {
		return err
	}
	account := memory.NewRoot("server", c.MemoryLimit)
	if h.rows, err = storage.Open(filepath.Join(c.DataDir, "tables"), h.catalog, account, h.log); err != nil {
		return err
	}
	registry := function.NewRegistry()
	builtin.Register(registry)
	for _, f := range masking.Functions(h.catalog.Current().HashKey()) {
		registry.AddFunction(f)
	}
	for _, f := range pgcatalog.Functions(registry, activity{h}) {
		registry.AddFunction(f)
	}
	for _, c := range pgcatalog.Casts(registry) {
		registry.AddCast(c)
	}
	h.engine = exec.New(exec.Config{
		Catalog: h.catalog, Registry: registry, Policies: masking.Provider{}, Connectors: list,
		System: func(snap *catalog.Snapshot, s *session.Session) connector.Source {
			return pgcatalog.New(snap, s, registry, activity{h})
		},
		SystemRelations: systemRelations{registry}, Pool: h.pool,
		Memory: account, Rows: h.rows, QueryMemory: c.QueryMemory, Spill: files,
		Log: h.log, Database: c.Database, Defaults: c.Settings, ExportDir: c.ExportDir,
	})
	// Temporary tables do not outlive the process.
	if err := h.engine.DropSchemas(func(name string) bool { return strings.HasPrefix(name, "pg_temp_") }); err != nil {
		return err
	}
	for _, f := range h.engine.Functions() {
		registry.AddFunction(f)
	}
	for _, f := range h.functions() {
		registry.AddFunction(f)
	}
	if err := registry.Freeze(); err != nil {
		return err
	}
	wc := wire.Config{
		Backend: backend{h.engine}, Log: h.log, MaxConnections: c.MaxConnections,
		MockKey: h.catalog.Current().HashKey(),
	}
	if c.Auth == "trust" {
		wc.Auth = wire.AuthTrust
	}
	if c.TLSCert != "" {
		files, err := wire.LoadCertificate(c.TLSCert, c.TLSKey, h.log)
		if err != nil {
			return err
		}
		wc.Certificates = files
	}
	h.server, err = wire.NewServer(wc)
	return err
}

// processors returns the number of workers, one per processor when configured is
// 0. Busy workers never give up a processor of Go's own scheduler, which then
// looks at sockets every 10 ms only: it gets one more than there are workers, and
// the operating system shares the real ones, so that connections are served at
// once. GOMAXPROCS in the environment is left as it is.
func processors(configured int) int {
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.SetDefaultGOMAXPROCS()
	}
	have := runtime.GOMAXPROCS(0)
	workers := configured
	if workers <= 0 {
		workers = have
	}
	if workers >= have && os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(workers + 1)
	}
	return workers
}

// Run listens until ctx ends, then drains. ready is called once with the
// address.
func (h *Hub) Run(ctx context.Context, ready func(addr net.Addr)) error {
	ln, err := net.Listen("tcp", h.config.Listen)
	if err != nil {
		return err
	}
	if h.config.DebugListen != "" {
		stop, err := serveDebug(h.config.DebugListen, h.log)
		if err != nil {
			return errors.Join(err, ln.Close())
		}
		defer stop()
	}
	served := make(chan error, 1)
	go func() { served <- h.server.Serve(ln) }()
	ready(ln.Addr())
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	h.log.Info("shutting down: waiting for running statements", "timeout", h.config.DrainTimeout.String())
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), h.config.DrainTimeout)
	defer cancel()
	if err := h.server.Shutdown(drain); err != nil {
		h.log.Warn("statements were cancelled at shutdown", "error", err)
	}
	if err := <-served; !errors.Is(err, wire.ErrServerClosed) {
		return err
	}
	return nil
}

// Close releases the sources, the workers and the data directory.
func (h *Hub) Close() error {
	if h.engine != nil {
		h.engine.Close()
	}
	if h.pool != nil {
		h.pool.Close()
	}
	var err error
	if h.rows != nil {
		err = h.rows.Close()
	}
	return errors.Join(err, h.catalog.Close())
}

// Serve is the command serve.
func Serve(ctx context.Context, c *Config, stdout, stderr io.Writer) error {
	h, err := Open(c, stderr)
	if err != nil {
		return err
	}
	err = h.Run(ctx, func(addr net.Addr) {
		fmt.Fprintf(stdout, "ready to accept connections on %s\n", addr)
	})
	return errors.Join(err, h.Close())
}

// newLog makes the server's log.
func newLog(level string, stderr io.Writer) (*slog.Logger, error) {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		return nil, fmt.Errorf("invalid value for log-level: %q", level)
	}
	if stderr == nil {
		stderr = os.Stderr
	}
	return slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: l})), nil
}
