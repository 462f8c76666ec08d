package main

import (
	"context"
	"database/sql"
	"flag"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/go-sql-driver/mysql"

	"github.com/hubsql/hubsql/tests/bench/report"
	"github.com/hubsql/hubsql/tests/bench/systems"
	"github.com/hubsql/hubsql/tests/harness"
	"github.com/hubsql/hubsql/tests/tpch"
)

// page is what -write writes to.
const page = "docs/performance.md"

// shared are the flags that every measurement has.
type shared struct {
	runs    int
	queries string
	write   bool
	binary  string
	home    string
	out     io.Writer
}

// flags registers the shared flags.
func (s *shared) flags(name string, runs int) *flag.FlagSet {
	f := flag.NewFlagSet(name, flag.ContinueOnError)
	f.IntVar(&s.runs, "runs", runs, "runs of each statement, the best of which counts")
	f.StringVar(&s.queries, "queries", "", "numbers of the queries, separated by commas (default: all)")
	f.BoolVar(&s.write, "write", false, "put the tables into "+page)
	f.StringVar(&s.binary, "binary", "", "the hub's program (default: bin/hubsql)")
	return f
}

// parse reads the command line.
func (s *shared) parse(f *flag.FlagSet, args []string, out io.Writer) error {
	if err := f.Parse(args); err != nil {
		return err
	}
	if f.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", f.Arg(0))
	}
	s.runs, s.out = max(1, s.runs), out
	var err error
	s.home, err = home()
	return err
}

// say tells the terminal what happens.
func (s *shared) say(format string, args ...any) { fmt.Fprintf(s.out, format+"\n", args...) }

// chosen returns the numbers of the queries, of 1 to n.
func (s *shared) chosen(n int) ([]int, error) {
	var out []int
	if s.queries == "" {
		for i := range n {
			out = append(out, i+1)
		}
		return out, nil
	}
	for part := range strings.SplitSeq(s.queries, ",") {
		i, err := strconv.Atoi(strings.TrimSpace(part))
		if err != nil || i < 1 || i > n {
			return nil, fmt.Errorf("-queries: %q is no number from 1 to %d", part, n)
		}
		out = append(out, i)
	}
	return out, nil
}

// finish prints a section and keeps it if that is wanted.
func (s *shared) finish(section *report.Section) error {
	s.say("")
	if s.write {
		return section.Finish(s.out, page)
	}
	return section.Finish(s.out, "")
}

// hub starts a hub.
func (s *shared) hub(ctx context.Context, o systems.HubOptions) (*systems.Hub, error) {
	o.Binary = s.binary
	return systems.StartHub(ctx, o)
}

// postgres starts PostgreSQL on the cluster that is kept between runs.
func (s *shared) postgres() (*harness.PG, error) {
	return harness.OpenPostgres(filepath.Join(s.home, "postgres"), "shared_buffers=1GB", "work_mem=256MB", "maintenance_work_mem=512MB",
		"effective_cache_size=4GB", "max_wal_size=8GB", "wal_level=minimal", "max_wal_senders=0", "max_connections=200", "random_page_cost=1.1",
		fmt.Sprintf("max_parallel_workers_per_gather=%d", systems.Threads()), "log_min_messages=fatal")
}

// mariadb starts MariaDB on the data that is kept between runs.
func (s *shared) mariadb() (*harness.Maria, error) {
	return harness.OpenMariaDB(filepath.Join(s.home, "mariadb"), "--innodb-buffer-pool-size=1G", "--innodb-log-file-size=512M", "--max-connections=100", "--local-infile=1")
}

// filled returns a connection to a database of a server of PostgreSQL. When the
// database is not there it is made and filled; half of it is never seen.
func filled(ctx context.Context, pg *harness.PG, database string, fill func(w *systems.Wired) error) (*systems.Wired, error) {
	admin, err := systems.Dial(ctx, "PostgreSQL", pg.URL("postgres"))
	if err != nil {
		return nil, err
	}
	defer admin.Close()
	there, err := admin.Answer(ctx, "SELECT 1 FROM pg_database WHERE datname = '"+database+"'")
	if err != nil {
		return nil, err
	}
	if len(there) == 0 {
		if err := admin.Exec(ctx, "DROP DATABASE IF EXISTS "+database+"_part WITH (FORCE)", "CREATE DATABASE "+database+"_part"); err != nil {
			return nil, err
		}
		w, err := systems.Dial(ctx, "PostgreSQL", pg.URL(database+"_part"))
		if err != nil {
			return nil, err
		}
		err = fill(w)
		w.Close()
		if err != nil {
			return nil, err
		}
		if err := admin.Exec(ctx, "ALTER DATABASE "+database+"_part RENAME TO "+database, "CHECKPOINT"); err != nil {
			return nil, err
		}
	}
	return systems.Dial(ctx, "PostgreSQL", pg.URL(database))
}

// database is the name of the databases that hold a scale factor.
func database(factor float64) string {
	return strings.NewReplacer(".", "_", "+", "_").Replace(tpchName(factor))
}

// postgresTPCH returns a connection to a database with the tables of TPC-H.
func (s *shared) postgresTPCH(ctx context.Context, pg *harness.PG, factor float64) (*systems.Wired, error) {
	return filled(ctx, pg, database(factor), func(w *systems.Wired) error {
		s.say("loading scale factor %g into PostgreSQL", factor)
		scale, err := tpch.NewScale(factor)
		if err != nil {
			return err
		}
		return scale.LoadPostgres(ctx, w.Conn, tpch.Everything())
	})
}

// mariadbTPCH makes sure that MariaDB has its tables of TPC-H, in a database of
// the name that database gives.
func (s *shared) mariadbTPCH(ctx context.Context, m *harness.Maria, factor float64) error {
	name := database(factor)
	open := func(database string) (*sql.DB, error) {
		c := mysql.NewConfig()
		c.User, c.Passwd, c.Net, c.Addr, c.DBName = m.User, m.Password, "tcp", fmt.Sprintf("%s:%d", m.Host, m.Port), database
		connector, err := mysql.NewConnector(c)
		if err != nil {
			return nil, err
		}
		return sql.OpenDB(connector), nil
	}
	admin, err := open("")
	if err != nil {
		return err
	}
	defer admin.Close()
	var n int
	// The mark comes last.
	if err := admin.QueryRowContext(ctx, "SELECT count(*) FROM information_schema.tables WHERE table_schema = ? AND table_name = 'complete'", name).Scan(&n); err != nil || n == 1 {
		return err
	}
	s.say("loading scale factor %g into MariaDB", factor)
	if _, err := admin.ExecContext(ctx, "CREATE OR REPLACE DATABASE "+name); err != nil {
		return err
	}
	db, err := open(name)
	if err != nil {
		return err
	}
	defer db.Close()
	scale, err := tpch.NewScale(factor)
	if err != nil {
		return err
	}
	if err := scale.LoadMariaDB(ctx, db, tpch.InMariaDB); err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, "CREATE TABLE complete (i int)")
	return err
}

// versions names what was measured.
func versions(ctx context.Context, hub *systems.Hub, pg *systems.Wired) (string, error) {
	v, err := hub.Version()
	if err != nil {
		return "", err
	}
	if commit, err := exec.CommandContext(ctx, "git", "describe", "--always", "--dirty").Output(); err == nil {
		v += " at " + strings.TrimSpace(string(commit))
	}
	if pg == nil {
		return v, nil
	}
	rows, err := pg.Answer(ctx, "SHOW server_version")
	if err != nil {
		return "", err
	}
	number, _, _ := strings.Cut(rows[0][0], " ")
	return v + ", PostgreSQL " + number, nil
}
