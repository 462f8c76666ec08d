package systems

import (
	"bufio"
	"context"
	_ "embed" // the program that drives DuckDB
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// DuckDBVersion is the version that is measured.
const DuckDBVersion = "1.5.6"

// arrowVersion is the version of the columns that it hands out.
const arrowVersion = "26.0.1"

//go:embed duckdb.py
var duckdbProgram string

// DuckDB is a running DuckDB without a database.
type DuckDB struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

// StartDuckDB starts DuckDB with a number of threads. Its library is installed
// into a Python environment below home at the first time; it is no part of the
// product.
func StartDuckDB(ctx context.Context, home string, threads int) (*DuckDB, error) {
	environment := filepath.Join(home, "duckdb-"+DuckDBVersion)
	python := filepath.Join(environment, "bin", "python3")
	mark := filepath.Join(environment, "complete")
	if _, err := os.Stat(mark); err != nil {
		for _, args := range [][]string{
			{"python3", "-m", "venv", "--clear", environment},
			{python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "duckdb==" + DuckDBVersion, "pyarrow==" + arrowVersion},
		} {
			if out, err := exec.CommandContext(ctx, args[0], args[1:]...).CombinedOutput(); err != nil {
				return nil, fmt.Errorf("DuckDB needs python3 with venv and the package index: %v: %w\n%s", args, err, out)
			}
		}
		if err := os.WriteFile(mark, nil, 0o644); err != nil {
			return nil, err
		}
	}
	d := &DuckDB{cmd: exec.CommandContext(ctx, python, "-c", duckdbProgram)}
	d.cmd.Stderr = os.Stderr
	var err error
	if d.in, err = d.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := d.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	d.out = bufio.NewReaderSize(out, 1<<20)
	if err := d.cmd.Start(); err != nil {
		return nil, err
	}
	return d, d.Exec(fmt.Sprintf("SET threads = %d", threads))
}

// Name implements System.
func (d *DuckDB) Name() string { return "DuckDB" }

// Close ends the process.
func (d *DuckDB) Close() {
	d.in.Close()
	d.cmd.Wait()
}

// reply is what the program answers.
type reply struct {
	Error           string
	Wall, CPU, Rows json.RawMessage
}

func (d *DuckDB) ask(do, sql string) (*reply, error) {
	request, err := json.Marshal(map[string]string{"do": do, "sql": sql})
	if err != nil {
		return nil, err
	}
	if _, err := d.in.Write(append(request, '\n')); err != nil {
		return nil, err
	}
	line, err := d.out.ReadBytes('\n')
	if err != nil {
		return nil, fmt.Errorf("DuckDB has ended: %w", err)
	}
	var r reply
	if err := json.Unmarshal(line, &r); err != nil {
		return nil, err
	}
	if r.Error != "" {
		return nil, errors.New("DuckDB: " + r.Error)
	}
	return &r, nil
}

// Exec runs statements.
func (d *DuckDB) Exec(statements ...string) error {
	for _, s := range statements {
		if _, err := d.ask("exec", s); err != nil {
			return err
		}
	}
	return nil
}

// Views makes the Parquet files of a folder tables of their names.
func (d *DuckDB) Views(dir string, names ...string) error {
	for _, n := range names {
		if err := d.Exec(fmt.Sprintf("CREATE OR REPLACE VIEW %s AS FROM '%s'", n, filepath.Join(dir, n+".parquet"))); err != nil {
			return err
		}
	}
	return nil
}

// Answer implements System.
func (d *DuckDB) Answer(_ context.Context, sql string) (rows [][]string, err error) {
	r, err := d.ask("answer", sql)
	if err != nil {
		return nil, err
	}
	return rows, json.Unmarshal(r.Rows, &rows)
}

// Time implements System.
func (d *DuckDB) Time(_ context.Context, sql string) (Sample, error) {
	r, err := d.ask("time", sql)
	if err != nil {
		return Sample{}, err
	}
	var wall, cpu, rows int64
	err = errors.Join(json.Unmarshal(r.Wall, &wall), json.Unmarshal(r.CPU, &cpu), json.Unmarshal(r.Rows, &rows))
	return Sample{Wall: time.Duration(wall), CPU: time.Duration(cpu), Rows: rows}, err
}
