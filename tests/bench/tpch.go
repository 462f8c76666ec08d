package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/hubsql/hubsql/tests/bench/report"
	"github.com/hubsql/hubsql/tests/bench/systems"
	"github.com/hubsql/hubsql/tests/tpch"
)

// numericTolerance is what DuckDB's answers may differ by: averages and quotients
// of decimals are doubles there.
const numericTolerance = 1e-9

// tpchRun are the 22 queries on HubSQL, DuckDB and PostgreSQL.
type tpchRun struct {
	shared
	factor   float64
	memory   string
	profile  string
	growth   string
	postgres bool
	duckdb   bool
}

// tpchCommand measures the queries over Parquet files.
func tpchCommand(ctx context.Context, args []string, out io.Writer) error {
	var r tpchRun
	flags := r.flags("tpch", 3)
	flags.Float64Var(&r.factor, "sf", 1, "scale factor")
	flags.StringVar(&r.memory, "memory", "", "memory limit of each query, such as 128MB: measures the memory of the process")
	flags.StringVar(&r.profile, "profile", "", "folder for a processor profile of each query")
	flags.StringVar(&r.growth, "growth", "", "scale factors, separated by commas: measures how times grow instead")
	flags.BoolVar(&r.postgres, "postgres", true, "measure PostgreSQL too")
	flags.BoolVar(&r.duckdb, "duckdb", true, "measure DuckDB too")
	if err := r.parse(flags, args, out); err != nil {
		return err
	}
	numbers, err := r.chosen(tpch.Queries)
	if err != nil {
		return err
	}
	if r.growth != "" {
		return r.grow(ctx, numbers)
	}
	if r.memory != "" {
		return r.limited(ctx, numbers)
	}
	return r.compare(ctx, numbers)
}

// start starts a hub with the tables of a scale factor in its search path.
func (r *tpchRun) start(ctx context.Context, factor float64) (*systems.Hub, string, error) {
	dir, err := tpchFiles(factor)
	if err != nil {
		return nil, "", err
	}
	h, err := r.shared.hub(ctx, systems.HubOptions{QueryMemory: r.memory})
	if err != nil {
		return nil, "", err
	}
	if err := h.Exec(ctx, append(tpch.ParquetSchema("tpch", dir, tpch.Everything()), "SET search_path = tpch")...); err != nil {
		h.Close()
		return nil, "", err
	}
	return h, dir, nil
}

// compare measures the three systems in turn.
func (r *tpchRun) compare(ctx context.Context, numbers []int) error {
	hub, dir, err := r.start(ctx, r.factor)
	if err != nil {
		return err
	}
	defer hub.Close()
	list := []systems.System{hub}
	var duck *systems.DuckDB
	if r.duckdb {
		if duck, err = systems.StartDuckDB(ctx, r.home, systems.Threads()); err != nil {
			return err
		}
		defer duck.Close()
		if err := duck.Views(dir, tpch.Everything()...); err != nil {
			return err
		}
		list = append(list, duck)
	}
	var wired *systems.Wired
	if r.postgres {
		pg, err := r.shared.postgres()
		if err != nil {
			return err
		}
		defer pg.Stop()
		if wired, err = r.postgresTPCH(ctx, pg, r.factor); err != nil {
			return err
		}
		defer wired.Close()
		list = append(list, wired)
	}
	about, err := versions(ctx, hub, wired)
	if err != nil {
		return err
	}

	section := report.New("tpch")
	section.Printf("Scale factor %g, Parquet with zstd, %d threads each; milliseconds, best of %d runs, the systems in turn. %s", r.factor, systems.Threads(), r.runs, about)
	if r.duckdb {
		section.Printf(", DuckDB %s", systems.DuckDBVersion)
	}
	section.Printf(". %s.\n\n", report.Machine())
	head := []string{"query", "HubSQL"}
	if r.duckdb {
		head = append(head, "DuckDB", "ratio")
	}
	if r.postgres {
		head = append(head, "PostgreSQL", "ratio")
	}
	head = append(head, "HubSQL CPU")
	if r.duckdb {
		head = append(head, "DuckDB CPU", "ratio")
	}
	head = append(head, "answers", "RSS MB")
	table := [][]string{head}

	totals := make([]systems.Sample, len(list))
	worst, differ := 0.0, 0
	for _, n := range numbers {
		sql := tpch.Query(n)
		best, answers, peak, err := besideOthers(ctx, hub, list, sql, r.runs)
		if err != nil {
			return fmt.Errorf("query %d: %w", n, err)
		}
		if answers != "same" {
			differ++
		}
		if r.duckdb {
			worst = max(worst, best[0].Wall.Seconds()/best[1].Wall.Seconds())
		}
		for i := range totals {
			totals[i].Wall += best[i].Wall
			totals[i].CPU += best[i].CPU
		}
		table = append(table, r.row(strconv.Itoa(n), best, answers, peak))
		r.say("%s", strings.Join(table[len(table)-1], "\t"))
		if r.profile != "" {
			if err := keepProfile(ctx, hub, r.profile, n, sql); err != nil {
				return err
			}
		}
	}
	answers := "same"
	if differ > 0 {
		answers = fmt.Sprintf("%d differ", differ)
	}
	table = append(table, r.row("total", totals, answers, ""))
	section.Table(table)
	if r.duckdb {
		section.Printf("The largest ratio to DuckDB is %.2f.\n", worst)
	}
	if err := r.finish(section); err != nil {
		return err
	}
	if differ > 0 {
		return fmt.Errorf("the answers of %d queries differ", differ)
	}
	return nil
}

// row is a row of the table of compare.
func (r *tpchRun) row(name string, times []systems.Sample, answers, memory string) []string {
	row := []string{name, report.Millis(times[0].Wall)}
	for _, t := range times[1:] {
		row = append(row, report.Millis(t.Wall), report.Ratio(times[0].Wall, t.Wall))
	}
	row = append(row, report.Millis(times[0].CPU))
	if r.duckdb {
		row = append(row, report.Millis(times[1].CPU), report.Ratio(times[0].CPU, times[1].CPU))
	}
	return append(row, answers, memory)
}

// compareAnswers says whether systems agree with the first: exactly, or for
// DuckDB within the tolerance of its types.
func compareAnswers(ctx context.Context, list []systems.System, sql string) (string, error) {
	own, err := list[0].Answer(ctx, sql)
	if err != nil {
		return "", fmt.Errorf("%s: %w", list[0].Name(), err)
	}
	for _, s := range list[1:] {
		theirs, err := s.Answer(ctx, sql)
		if err != nil {
			return "", fmt.Errorf("%s: %w", s.Name(), err)
		}
		tolerance := 0.0
		if _, ok := s.(*systems.DuckDB); ok {
			tolerance = numericTolerance
		}
		if !systems.Same(own, theirs, tolerance) {
			return "not " + s.Name() + "'s", nil
		}
	}
	return "same", nil
}

// besideOthers compares the answers of a query, runs it on one system after the
// other, several times, and returns the best of each and the peak of the hub's
// memory in MB.
func besideOthers(ctx context.Context, hub *systems.Hub, list []systems.System, sql string, runs int) (best []systems.Sample, answers, peak string, err error) {
	if answers, err = compareAnswers(ctx, list, sql); err != nil {
		return nil, "", "", err
	}
	if err := hub.ForgetPeak(); err != nil {
		return nil, "", "", err
	}
	best = make([]systems.Sample, len(list))
	for run := range runs {
		for i, s := range list {
			one, err := s.Time(ctx, sql)
			if err != nil {
				return nil, "", "", fmt.Errorf("%s: %w", s.Name(), err)
			}
			if run == 0 {
				best[i] = one
			}
			best[i].Wall, best[i].CPU = min(best[i].Wall, one.Wall), min(best[i].CPU, one.CPU)
		}
	}
	_, bytes, err := hub.Resident()
	return best, answers, strconv.FormatInt(bytes>>20, 10), err
}

// keepProfile writes a profile of a query that runs again and again for a while
// into a folder.
func keepProfile(ctx context.Context, hub *systems.Hub, dir string, n int, sql string) error {
	dir, err := makeFolder(dir)
	if err != nil {
		return err
	}
	return hub.Profile(ctx, filepath.Join(dir, fmt.Sprintf("q%02d.pprof", n)), 3, func() error {
		_, err := hub.Time(ctx, sql)
		return err
	})
}

// limited measures the memory of queries that may use little, and checks their
// answers against those of queries that may use all.
func (r *tpchRun) limited(ctx context.Context, numbers []int) error {
	hub, _, err := r.start(ctx, r.factor)
	if err != nil {
		return err
	}
	defer hub.Close()
	free := *r
	free.memory = ""
	open, _, err := free.start(ctx, r.factor)
	if err != nil {
		return err
	}
	defer open.Close()
	about, err := versions(ctx, hub, nil)
	if err != nil {
		return err
	}
	section := report.New("tpch-memory")
	section.Printf("Scale factor %g with a limit of %s for each query, beside no limit; milliseconds, best of %d runs. %s. %s.\n\n",
		r.factor, r.memory, r.runs, about, report.Machine())
	table := [][]string{{"query", "limited", "unlimited", "ratio", "RSS MB, limited", "RSS MB, unlimited", "answers"}}
	var total [2]time.Duration
	var most int64
	failed := 0
	for _, n := range numbers {
		sql := tpch.Query(n)
		for _, h := range []*systems.Hub{hub, open} {
			if err := h.ForgetPeak(); err != nil {
				return err
			}
		}
		reference, err := systems.Best(ctx, open, sql, r.runs)
		if err != nil {
			return fmt.Errorf("query %d: %w", n, err)
		}
		_, peakOpen, err := open.Resident()
		if err != nil {
			return err
		}
		row := []string{strconv.Itoa(n), "-", report.Millis(reference.Wall), "-", "-", strconv.FormatInt(peakOpen>>20, 10)}
		best, err := systems.Best(ctx, hub, sql, r.runs)
		switch {
		case systems.State(err) != "":
			failed++
			table = append(table, append(row, "fails: "+systems.State(err)))
			r.say("%d\t%v", n, systems.Explained(err))
			continue
		case err != nil:
			return fmt.Errorf("query %d: %w", n, err)
		}
		_, peak, err := hub.Resident()
		if err != nil {
			return err
		}
		answers, err := compareAnswers(ctx, []systems.System{hub, open}, sql)
		if err != nil {
			return fmt.Errorf("query %d: %w", n, err)
		}
		if answers != "same" {
			failed++
		}
		most = max(most, peak)
		total[0] += best.Wall
		total[1] += reference.Wall
		row[1], row[3], row[4] = report.Millis(best.Wall), report.Ratio(best.Wall, reference.Wall), strconv.FormatInt(peak>>20, 10)
		table = append(table, append(row, answers))
		r.say("%s", strings.Join(table[len(table)-1], "\t"))
	}
	table = append(table, []string{"total of those that end, largest", report.Millis(total[0]), report.Millis(total[1]), report.Ratio(total[0], total[1]), strconv.FormatInt(most>>20, 10), "", ""})
	section.Table(table)
	if err := r.finish(section); err != nil {
		return err
	}
	if failed > 0 {
		return fmt.Errorf("%d queries fail or answer differently with a limit of %s", failed, r.memory)
	}
	return nil
}

// growthLimit is how much faster than its data a query may grow unremarked.
const growthLimit = 1.3

// grow measures the same queries over more and more data.
func (r *tpchRun) grow(ctx context.Context, numbers []int) error {
	var factors []float64
	for part := range strings.SplitSeq(r.growth, ",") {
		f, err := strconv.ParseFloat(strings.TrimSpace(part), 64)
		if err != nil {
			return fmt.Errorf("-growth: %w", err)
		}
		factors = append(factors, f)
	}
	section := report.New("tpch-growth")
	times := map[int][]time.Duration{}
	head, about := []string{"query"}, ""
	for i, f := range factors {
		head = append(head, fmt.Sprintf("SF %g", f))
		if i > 0 {
			head = append(head, "growth")
		}
		hub, _, err := r.start(ctx, f)
		if err != nil {
			return err
		}
		about, err = versions(ctx, hub, nil)
		for _, n := range numbers {
			if err != nil {
				break
			}
			var best systems.Sample
			best, err = systems.Best(ctx, hub, tpch.Query(n), r.runs)
			times[n] = append(times[n], best.CPU)
			r.say("SF %g\t%d\t%s", f, n, report.Millis(best.CPU))
		}
		hub.Close()
		if err != nil {
			return err
		}
	}
	section.Printf("Milliseconds of processor time, best of %d runs; growth is the factor of the time divided by the factor of the data, marked above %.1f. %s. %s.\n\n",
		r.runs, growthLimit, about, report.Machine())
	table := [][]string{append(head, "")}
	for _, n := range numbers {
		row, mark := []string{strconv.Itoa(n), report.Millis(times[n][0])}, ""
		for i := 1; i < len(factors); i++ {
			growth := times[n][i].Seconds() / times[n][i-1].Seconds() / (factors[i] / factors[i-1])
			if growth > growthLimit {
				mark = "grows faster"
			}
			row = append(row, report.Millis(times[n][i]), fmt.Sprintf("%.2f", growth))
		}
		table = append(table, append(row, mark))
	}
	section.Table(table)
	return r.finish(section)
}
