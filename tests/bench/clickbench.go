package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/hubsql/hubsql/tests/bench/report"
	"github.com/hubsql/hubsql/tests/bench/systems"
	"github.com/hubsql/hubsql/tests/dataset"
	"github.com/hubsql/hubsql/tests/tpch"
	"github.com/hubsql/hubsql/tests/webhits"
)

// clickbenchCommand measures queries over a wide table of web analytics.
func clickbenchCommand(ctx context.Context, args []string, out io.Writer) error {
	var s shared
	flags := s.flags("clickbench", 3)
	rows := flags.Int64("rows", 10_000_000, "rows of the table")
	profile := flags.String("profile", "", "folder for a processor profile of each query")
	if err := s.parse(flags, args, out); err != nil {
		return err
	}
	numbers, err := s.chosen(webhits.Queries)
	if err != nil {
		return err
	}
	table := webhits.Table(*rows)
	dir, err := makeFolder(filepath.Join(s.home, fmt.Sprintf("hits_v%d_%d", webhits.Version, *rows)))
	if err != nil {
		return err
	}
	file := filepath.Join(dir, table.Name+".parquet")
	if _, err := os.Stat(file); err != nil {
		s.say("writing %d rows", *rows)
		if err := dataset.WriteParquet(&table, file); err != nil {
			return err
		}
	}
	hub, err := s.hub(ctx, systems.HubOptions{})
	if err != nil {
		return err
	}
	defer hub.Close()
	if err := hub.Exec(ctx, append(tpch.ParquetSchema("web", dir, []string{table.Name}), "SET search_path = web")...); err != nil {
		return err
	}
	duck, err := systems.StartDuckDB(ctx, s.home, systems.Threads())
	if err != nil {
		return err
	}
	defer duck.Close()
	if err := duck.Views(dir, table.Name); err != nil {
		return err
	}
	about, err := versions(ctx, hub, nil)
	if err != nil {
		return err
	}
	list := []systems.System{hub, duck}
	section := report.New("clickbench")
	section.Printf("%d rows of %d columns, Parquet with zstd, %d threads each; milliseconds, best of %d runs, the systems in turn. %s, DuckDB %s. %s.\n\n",
		*rows, len(table.Columns), systems.Threads(), s.runs, about, systems.DuckDBVersion, report.Machine())
	result := [][]string{{"query", "HubSQL", "DuckDB", "ratio", "HubSQL CPU", "DuckDB CPU", "ratio", "answers", "RSS MB"}}
	row := func(name string, a, b systems.Sample, answers, memory string) []string {
		return []string{
			name, report.Millis(a.Wall), report.Millis(b.Wall), report.Ratio(a.Wall, b.Wall),
			report.Millis(a.CPU), report.Millis(b.CPU), report.Ratio(a.CPU, b.CPU), answers, memory,
		}
	}
	var totals [2]systems.Sample
	differ := 0
	for _, n := range numbers {
		sql := webhits.Query(n)
		best, answers, peak, err := besideOthers(ctx, hub, list, sql, s.runs)
		if err != nil {
			return fmt.Errorf("query %d: %w", n, err)
		}
		if answers != "same" {
			differ++
		}
		for i := range totals {
			totals[i].Wall += best[i].Wall
			totals[i].CPU += best[i].CPU
		}
		result = append(result, row(strconv.Itoa(n), best[0], best[1], answers, peak))
		s.say("%s", strings.Join(result[len(result)-1], "\t"))
		if *profile != "" {
			if err := keepProfile(ctx, hub, *profile, n, sql); err != nil {
				return err
			}
		}
	}
	section.Table(append(result, row("total", totals[0], totals[1], "", "")))
	section.Printf("The queries are in [tests/webhits/queries](../tests/webhits/queries).\n")
	if err := s.finish(section); err != nil {
		return err
	}
	if differ > 0 {
		return fmt.Errorf("the answers of %d queries differ", differ)
	}
	return nil
}
