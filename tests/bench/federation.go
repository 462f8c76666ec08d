package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/hubsql/hubsql/tests/bench/report"
	"github.com/hubsql/hubsql/tests/bench/systems"
	"github.com/hubsql/hubsql/tests/dataset"
	"github.com/hubsql/hubsql/tests/harness"
	"github.com/hubsql/hubsql/tests/tpch"
)

// federationRun are the 22 queries over three kinds of sources, on HubSQL and on
// PostgreSQL with foreign data wrappers.
type federationRun struct {
	shared
	factor  float64
	limit   time.Duration
	fdw     bool
	scan    bool
	profile string
	hub     *systems.Hub
	wrapped *systems.Wired // PostgreSQL with wrappers; nil without
	source  *systems.Wired // PostgreSQL with all tables as its own: the right answers
	pg      *harness.PG
}

// patience is how long a statement may take and still be run again.
const patience = 5 * time.Second

// federationCommand measures federated queries.
func federationCommand(ctx context.Context, args []string, out io.Writer) error {
	var r federationRun
	flags := r.flags("federation", 3)
	flags.Float64Var(&r.factor, "sf", 1, "scale factor")
	flags.DurationVar(&r.limit, "limit", time.Minute, "time limit of a query; what reaches it counts as the limit")
	flags.BoolVar(&r.fdw, "fdw", true, "measure PostgreSQL with foreign data wrappers too")
	flags.BoolVar(&r.scan, "scan", true, "measure the scan of one table too")
	flags.StringVar(&r.profile, "profile", "", "folder for a processor profile of each query")
	if err := r.parse(flags, args, out); err != nil {
		return err
	}
	numbers, err := r.chosen(tpch.Queries)
	if err != nil {
		return err
	}
	dir, err := tpchFiles(r.factor)
	if err != nil {
		return err
	}
	if r.pg, err = r.postgres(); err != nil {
		return err
	}
	defer r.pg.Stop()
	if r.source, err = r.postgresTPCH(ctx, r.pg, r.factor); err != nil {
		return err
	}
	defer r.source.Close()
	maria, err := r.mariadb()
	if err != nil {
		return err
	}
	defer maria.Stop()
	if err := r.mariadbTPCH(ctx, maria, r.factor); err != nil {
		return err
	}
	postgresAt := dataset.Server{Host: r.pg.Host, Port: r.pg.Port, User: r.pg.User, Password: r.pg.Password, Database: database(r.factor)}
	mariadbAt := dataset.Server{Host: maria.Host, Port: maria.Port, User: maria.User, Password: maria.Password, Database: database(r.factor)}
	if r.hub, err = r.shared.hub(ctx, systems.HubOptions{}); err != nil {
		return err
	}
	defer r.hub.Close()
	if err := r.hub.Exec(ctx, append(tpch.FederatedSchema("tpch", dir, postgresAt, mariadbAt), "SET search_path = tpch", r.timeout())...); err != nil {
		return err
	}
	if r.fdw {
		if r.wrapped, err = r.wrap(ctx, postgresAt, mariadbAt); err != nil {
			return err
		}
		defer func() { r.wrapped.Close() }()
	}
	about, err := versions(ctx, r.hub, r.source)
	if err != nil {
		return err
	}
	section := report.New("federation")
	section.Printf("Scale factor %g: orders and lineitem in PostgreSQL, part and partsupp in MariaDB, the rest in Parquet (for PostgreSQL as the hub: its own tables); "+
		"milliseconds, best of %d runs (one run beyond %v), at most %v. %s with postgres_fdw and mysql_fdw, MariaDB from Debian. %s.\n\n",
		r.factor, r.runs, patience, r.limit, about, report.Machine())
	if err := r.queries22(ctx, section, numbers); err != nil {
		return err
	}
	if r.scan {
		if err := r.scanOfOneTable(ctx, section); err != nil {
			return err
		}
	}
	return r.finish(section)
}

// timeout is the statement by which a server ends what takes too long.
func (r *federationRun) timeout() string {
	return fmt.Sprintf("SET statement_timeout = %d", r.limit.Milliseconds())
}

// wrappedDatabase is the name of the database with foreign tables.
func (r *federationRun) wrappedDatabase() string { return "hub_" + database(r.factor) }

// wrap returns a connection to a database of PostgreSQL in which the tables of
// PostgreSQL and MariaDB are foreign and the others its own.
func (r *federationRun) wrap(ctx context.Context, postgresAt, mariadbAt dataset.Server) (*systems.Wired, error) {
	w, err := filled(ctx, r.pg, r.wrappedDatabase(), func(w *systems.Wired) error {
		scale, err := tpch.NewScale(r.factor)
		if err != nil {
			return err
		}
		return scale.LoadPostgres(ctx, w.Conn, tpch.InParquet)
	})
	if err != nil {
		return nil, err
	}
	literal := func(s string) string {
		return "E'" + strings.NewReplacer(`\`, `\\`, "'", "''").Replace(s) + "'"
	}
	// The ports change from run to run.
	statements := []string{
		"SET client_min_messages = error",
		"DROP EXTENSION IF EXISTS postgres_fdw CASCADE", "DROP EXTENSION IF EXISTS mysql_fdw CASCADE",
		"CREATE EXTENSION postgres_fdw", "CREATE EXTENSION mysql_fdw",
		fmt.Sprintf("CREATE SERVER p FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '%s', port '%d', dbname '%s', fetch_size '10000')", postgresAt.Host, postgresAt.Port, postgresAt.Database),
		fmt.Sprintf("CREATE SERVER m FOREIGN DATA WRAPPER mysql_fdw OPTIONS (host '%s', port '%d', fetch_size '10000')", mariadbAt.Host, mariadbAt.Port),
		fmt.Sprintf("CREATE USER MAPPING FOR PUBLIC SERVER p OPTIONS (user '%s', password %s)", postgresAt.User, literal(postgresAt.Password)),
		fmt.Sprintf("CREATE USER MAPPING FOR PUBLIC SERVER m OPTIONS (username '%s', password %s)", mariadbAt.User, literal(mariadbAt.Password)),
		"IMPORT FOREIGN SCHEMA public LIMIT TO (" + strings.Join(tpch.InPostgres, ", ") + ") FROM SERVER p INTO public",
		"IMPORT FOREIGN SCHEMA " + mariadbAt.Database + " LIMIT TO (" + strings.Join(tpch.InMariaDB, ", ") + ") FROM SERVER m INTO public",
		"ANALYZE orders", "ANALYZE lineitem",
		r.timeout(),
	}
	if err := w.Exec(ctx, statements...); err != nil {
		w.Close()
		return nil, fmt.Errorf("PostgreSQL as a hub needs the Debian package postgresql-15-mysql-fdw: %w", err)
	}
	return w, nil
}

// bounded is the best of several runs; one that reaches the limit of time counts
// as the limit.
func (r *federationRun) bounded(ctx context.Context, w *systems.Wired, sql string) (best systems.Sample, late bool, err error) {
	best.Wall, best.CPU = 1<<62, 1<<62
	for range r.runs {
		// The server ends the statement; one that does not is ended with its connection.
		inner, stop := context.WithTimeout(ctx, r.limit+30*time.Second)
		one, err := w.Time(inner, sql)
		stop()
		if systems.State(err) == "57014" || errors.Is(err, context.DeadlineExceeded) {
			return systems.Sample{Wall: r.limit}, true, nil
		}
		if err != nil {
			return best, false, fmt.Errorf("%s: %w", w.Name(), err)
		}
		best.Wall, best.CPU, best.Rows = min(best.Wall, one.Wall), min(best.CPU, one.CPU), one.Rows
		if one.Wall > patience {
			break
		}
	}
	return best, false, nil
}

var actualRows = regexp.MustCompile(`Foreign.*\(actual .*rows=(\d+)`)

// fetched is the number of rows that came from sources, as EXPLAIN ANALYZE counts
// them.
func fetched(ctx context.Context, w *systems.Wired, sql string) (string, error) {
	plan, err := w.Answer(ctx, "EXPLAIN ANALYZE "+sql)
	if err != nil {
		return "", err
	}
	n, found := 0, false
	for _, line := range plan {
		if m := actualRows.FindStringSubmatch(line[0]); m != nil {
			rows, err := strconv.Atoi(m[1])
			if err != nil {
				return "", err
			}
			n, found = n+rows, true
		}
	}
	if !found {
		return "-", nil
	}
	return strconv.Itoa(n), nil
}

func (r *federationRun) queries22(ctx context.Context, section *report.Section, numbers []int) error {
	table := [][]string{{"query", "HubSQL", "HubSQL CPU", "rows fetched", "PostgreSQL as hub", "ratio", "answers"}}
	var own, theirs, cpu time.Duration
	differ := 0
	for _, n := range numbers {
		sql := tpch.Query(n)
		best, late, err := r.bounded(ctx, r.hub.Wired, sql)
		if err != nil {
			return fmt.Errorf("query %d: %w", n, err)
		}
		own += best.Wall
		cpu += best.CPU
		row := []string{strconv.Itoa(n), report.Millis(best.Wall), report.Millis(best.CPU), "-", "-", "-", "-"}
		if !late {
			if row[3], err = fetched(ctx, r.hub.Wired, sql); err != nil {
				return fmt.Errorf("query %d: %w", n, err)
			}
			if row[6], err = compareAnswers(ctx, []systems.System{r.hub, r.source}, sql); err != nil {
				return fmt.Errorf("query %d: %w", n, err)
			}
			if row[6] != "same" {
				differ++
			}
		}
		if r.wrapped != nil {
			other, otherLate, err := r.bounded(ctx, r.wrapped, sql)
			if err != nil {
				return fmt.Errorf("query %d: %w", n, err)
			}
			theirs += other.Wall
			row[4], row[5] = report.Millis(other.Wall), report.Ratio(best.Wall, other.Wall)
			if otherLate {
				row[4] = "≥ " + row[4]
				// A statement that its server could not end took the connection along.
				if r.wrapped.Conn.IsClosed() {
					if r.wrapped, err = systems.Dial(ctx, "PostgreSQL", r.pg.URL(r.wrappedDatabase())); err != nil {
						return err
					}
					if err := r.wrapped.Exec(ctx, r.timeout()); err != nil {
						return err
					}
				}
			}
		}
		if r.profile != "" {
			if err := keepProfile(ctx, r.hub, r.profile, n, sql); err != nil {
				return err
			}
		}
		table = append(table, row)
		r.say("%s", strings.Join(row, "\t"))
	}
	table = append(table, []string{"total", report.Millis(own), report.Millis(cpu), "", report.Millis(theirs), report.Ratio(own, theirs), ""})
	section.Table(table)
	if differ > 0 {
		return fmt.Errorf("the answers of %d queries differ", differ)
	}
	return nil
}

// scanOfOneTable measures how fast the rows of lineitem come: by COPY into
// nothing, through HubSQL into a client, and through HubSQL into an aggregate
// that needs every value and that the source cannot compute.
func (r *federationRun) scanOfOneTable(ctx context.Context, section *report.Section) error {
	scale, err := tpch.NewScale(r.factor)
	if err != nil {
		return err
	}
	var all, most []string
	for _, t := range scale.Tables() {
		if t.Name == "lineitem" {
			for _, c := range t.Columns {
				all = append(all, c.Name)
				most = append(most, "max("+c.Name+")")
			}
		}
	}
	columns := strings.Join(all, ", ")
	if err := r.hub.Exec(ctx, "SET statement_timeout = 0"); err != nil {
		return err
	}
	// OFFSET keeps the aggregate from being computed by the source.
	aggregate := "SELECT count(*), " + strings.Join(most, ", ") + " FROM (SELECT " + columns + " FROM lineitem OFFSET 1) AS l"
	var copied, drained, aggregated systems.Sample
	for run := range r.runs {
		started := time.Now()
		tag, err := r.source.Conn.CopyTo(ctx, io.Discard, "COPY (SELECT "+columns+" FROM lineitem) TO STDOUT (FORMAT binary)")
		if err != nil {
			return err
		}
		one := systems.Sample{Wall: time.Since(started), Rows: tag.RowsAffected()}
		two, err := r.hub.TimeFormat(ctx, "SELECT "+columns+" FROM lineitem", true)
		if err != nil {
			return err
		}
		three, err := r.hub.Time(ctx, aggregate)
		if err != nil {
			return err
		}
		if run == 0 {
			copied, drained, aggregated = one, two, three
		}
		copied.Wall = min(copied.Wall, one.Wall)
		drained.Wall, drained.CPU = min(drained.Wall, two.Wall), min(drained.CPU, two.CPU)
		aggregated.Wall, aggregated.CPU = min(aggregated.Wall, three.Wall), min(aggregated.CPU, three.CPU)
	}
	section.Printf("All %d rows and columns of lineitem out of PostgreSQL, milliseconds:\n\n", copied.Rows)
	section.Table([][]string{
		{"way", "time", "ratio", "HubSQL CPU"},
		{"`COPY ... TO STDOUT (FORMAT binary)`, thrown away", report.Millis(copied.Wall), "1.00", "-"},
		{"HubSQL, the maximum of every column", report.Millis(aggregated.Wall), report.Ratio(aggregated.Wall, copied.Wall), report.Millis(aggregated.CPU)},
		{"HubSQL, all rows to a client in binary", report.Millis(drained.Wall), report.Ratio(drained.Wall, copied.Wall), report.Millis(drained.CPU)},
	})
	return nil
}
