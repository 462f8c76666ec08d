package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/hubsql/hubsql/tests/bench/report"
	"github.com/hubsql/hubsql/tests/bench/systems"
	"github.com/hubsql/hubsql/tests/tpch"
)

// greedy are queries that take all processors and little memory.
var greedy = []int{1, 12, 14, 13}

// fairCommand measures a small query alone and beside many large ones.
func fairCommand(ctx context.Context, args []string, out io.Writer) error {
	var s shared
	flags := s.flags("fair", 60)
	factor := flags.Float64("sf", 1, "scale factor")
	crowd := flags.Int("greedy", 64, "number of large queries at once")
	goal := flags.Duration("victim", 20*time.Millisecond, "time of the small query alone")
	if err := s.parse(flags, args, out); err != nil {
		return err
	}
	dir, err := tpchFiles(*factor)
	if err != nil {
		return err
	}
	hub, err := s.hub(ctx, systems.HubOptions{})
	if err != nil {
		return err
	}
	defer hub.Close()
	if err := hub.Exec(ctx, append(tpch.ParquetSchema("tpch", dir, tpch.Everything()), "SET search_path = tpch")...); err != nil {
		return err
	}
	about, err := versions(ctx, hub, nil)
	if err != nil {
		return err
	}
	victim, err := smallQuery(ctx, hub, *goal, int64(*factor*6_000_000))
	if err != nil {
		return err
	}
	measure := func() ([]time.Duration, error) {
		var all []time.Duration
		for range s.runs {
			one, err := hub.Time(ctx, victim)
			if err != nil {
				return nil, err
			}
			all = append(all, one.Wall)
		}
		return all, nil
	}
	alone, err := measure()
	if err != nil {
		return err
	}
	s.say("%s: alone %s ms", victim, report.Millis(report.Quantile(alone, 0.5)))

	rest, stop := context.WithCancel(ctx)
	var wait sync.WaitGroup
	finished := make([]int, *crowd)
	failed := make(chan error, *crowd)
	for i := range *crowd {
		w, err := hub.Dial(ctx)
		if err == nil {
			err = w.Exec(ctx, "SET search_path = tpch")
		}
		if err != nil {
			stop()
			return err
		}
		wait.Go(func() {
			defer w.Close()
			for n := i; ; n++ {
				if _, err := w.Time(rest, tpch.Query(greedy[n%len(greedy)])); err != nil {
					if rest.Err() == nil {
						failed <- err
					}
					return
				}
				finished[i]++
			}
		})
	}
	time.Sleep(2 * time.Second) // until all of them run
	started := time.Now()
	crowded, err := measure()
	took := time.Since(started)
	stop()
	wait.Wait()
	close(failed)
	if err != nil {
		return err
	}
	for err := range failed {
		return fmt.Errorf("a large query: %w", err)
	}
	done := 0
	for _, n := range finished {
		done += n
	}
	section := report.New("fair")
	section.Printf("`%s` alone and beside %d connections that run queries %v of TPC-H at scale factor %g again and again; milliseconds, %d runs. "+
		"%d of the large ones ended in the %s seconds of the second row. %s. %s.\n\n",
		victim, *crowd, greedy, *factor, s.runs, done, report.Digits(took.Seconds()), about, report.Machine())
	row := func(name string, all []time.Duration) []string {
		return []string{name, report.Millis(report.Quantile(all, 0.5)), report.Millis(report.Quantile(all, 0.95)), report.Millis(slices.Max(all))}
	}
	section.Table([][]string{{"", "p50", "p95", "largest"}, row("alone", alone), row("beside "+strconv.Itoa(*crowd), crowded)})
	return s.finish(section)
}

// smallQuery looks for a query that takes about as long as wanted: an aggregate
// over as many orders as that needs.
func smallQuery(ctx context.Context, hub *systems.Hub, goal time.Duration, keys int64) (string, error) {
	text := func(last int64) string {
		return fmt.Sprintf("SELECT l_returnflag, count(*), sum(l_extendedprice * (1 - l_discount)) FROM lineitem WHERE l_orderkey <= %d GROUP BY l_returnflag", last)
	}
	last := keys / 2
	for range 8 {
		best, err := systems.Best(ctx, hub, text(last), 3)
		if err != nil {
			return "", err
		}
		if best.Wall > goal*9/10 && best.Wall < goal*11/10 {
			break
		}
		last = max(1, min(keys, int64(float64(last)*goal.Seconds()/best.Wall.Seconds())))
	}
	return text(last), nil
}
