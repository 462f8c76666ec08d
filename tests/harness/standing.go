package harness

import (
	"fmt"
	"os"
	"path/filepath"
)

// OpenPostgres starts a PostgreSQL server for programs that are no tests. Its
// data lives in a folder, is made at the first time, and stays there. settings
// are of the form name=value. The caller ends it by Stop; it ends with the
// process in any case.
func OpenPostgres(dir string, settings ...string) (*PG, error) {
	// The server's user must get there.
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	pg, err := cluster(dir, settings...)
	if err != nil {
		return nil, fmt.Errorf("PostgreSQL in %s (its user must be able to enter that folder): %w", dir, err)
	}
	if err := pg.launch(); err != nil {
		pg.Stop()
		return nil, err
	}
	return pg, nil
}

// OpenMariaDB is OpenPostgres for MariaDB; options are those of its command line.
func OpenMariaDB(dir string, options ...string) (*Maria, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	m, err := dataDirectory(dir, options...)
	if err != nil {
		return nil, err
	}
	if err := m.launch(); err != nil {
		m.Stop()
		return nil, err
	}
	return m, nil
}

// Process is a program that ends with this one.
type Process struct{ server server }

// StartProcess starts a program that a SIGTERM ends; its output goes to a file.
func StartProcess(log string, args ...string) (*Process, error) {
	log, err := filepath.Abs(log)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(log, nil, 0o644); err != nil {
		return nil, err
	}
	p := &Process{server: server{args: args, log: log, signal: "TERM"}}
	return p, p.server.start()
}

// Await calls ready until it succeeds, the program has ended or a minute is over.
func (p *Process) Await(ready func() error) error { return p.server.await(p.server.args[0], ready) }

// PID is the number of the process.
func (p *Process) PID() int { return p.server.pid }

// Stop ends the program and waits for it.
func (p *Process) Stop() { p.server.stop() }
