package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/hubsql/hubsql/tests/bench/report"
	"github.com/hubsql/hubsql/tests/bench/systems"
	"github.com/hubsql/hubsql/tests/dataset"
	"github.com/hubsql/hubsql/tests/tpch"
)

// baselineFile holds the figures that new ones are compared with.
const baselineFile = "tests/bench/op_baseline.json"

// slack is how much slower than the baseline an operator may be unremarked.
const slack = 1.15

// baseline are the figures of one machine.
type baseline struct {
	Machine string `json:"machine"`
	Version string `json:"version"`
	// Calibration is the time of a fixed piece of work in nanoseconds, by which
	// figures of another machine, or of a busy one, are scaled.
	Calibration float64 `json:"calibration_ns"`
	// Figures are nanoseconds of processor time for each row, by operator.
	Figures map[string]float64 `json:"ns_per_row"`
}

// opCommand measures operators on one processor.
func opCommand(ctx context.Context, args []string, out io.Writer) error {
	var s shared
	flags := s.flags("op", 5)
	save := flags.Bool("save", false, "make the figures the new baseline")
	only := flags.String("only", "", "measure the operators whose names contain this")
	withDuckDB := flags.Bool("duckdb", false, "measure DuckDB too, with one thread")
	withPostgres := flags.Bool("postgres", true, "measure the scan of PostgreSQL too")
	if err := s.parse(flags, args, out); err != nil {
		return err
	}
	before := baseline{} // what becomes the baseline is compared with nothing
	if !*save {
		var err error
		if before, err = readBaseline(); err != nil {
			return err
		}
	}
	hub, err := s.hub(ctx, systems.HubOptions{Workers: 1, Environment: []string{"GOMAXPROCS=1"}})
	if err != nil {
		return err
	}
	defer hub.Close()
	dir, names, err := s.operatorFiles()
	if err != nil {
		return err
	}
	if err := hub.Exec(ctx, append(tpch.ParquetSchema("bench", dir, names), "SET search_path = bench")...); err != nil {
		return err
	}
	list := slices.DeleteFunc(operators(), func(o operator) bool { return !strings.Contains(o.name, *only) || o.postgres && !*withPostgres })
	if slices.ContainsFunc(list, func(o operator) bool { return o.postgres }) {
		pg, err := s.postgres()
		if err != nil {
			return err
		}
		defer pg.Stop()
		source, err := filled(ctx, pg, "op_v1", func(w *systems.Wired) error {
			t := operatorTables()[0]
			if err := w.Exec(ctx, "CREATE TABLE op ("+t.Postgres()+")"); err != nil {
				return err
			}
			if err := dataset.CopyPostgres(ctx, w.Conn, &t, "op"); err != nil {
				return err
			}
			return w.Exec(ctx, "VACUUM (ANALYZE) op")
		})
		if err != nil {
			return err
		}
		source.Close()
		if err := hub.Exec(ctx, tpch.PostgresSchema("source", dataset.Server{Host: pg.Host, Port: pg.Port, User: pg.User, Password: pg.Password, Database: "op_v1"}, []string{"op"})...); err != nil {
			return err
		}
	}
	var duck *systems.DuckDB
	if *withDuckDB {
		if duck, err = systems.StartDuckDB(ctx, s.home, 1); err != nil {
			return err
		}
		defer duck.Close()
		if err := duck.Views(dir, names...); err != nil {
			return err
		}
	}
	about, err := versions(ctx, hub, nil)
	if err != nil {
		return err
	}
	now := baseline{Machine: report.Processor(), Version: about, Calibration: calibrate(), Figures: map[string]float64{}}
	theirs := map[string]float64{}
	// Round by round, so that a busy moment of the machine does not hit all runs of
	// one operator. The first round is not counted: it opens files and fills caches.
	for round := range s.runs + 1 {
		now.Calibration = min(now.Calibration, calibrate())
		for _, o := range list {
			one, err := hub.TimeFormat(ctx, o.sql, o.binary)
			if err != nil {
				return fmt.Errorf("%s: %w", o.name, err)
			}
			keepLeast(now.Figures, o.name, one, round)
			if duck == nil || o.postgres || strings.HasPrefix(o.name, "rows") {
				continue
			}
			if one, err = duck.Time(ctx, o.sql); err != nil {
				return fmt.Errorf("%s: %w", o.name, err)
			}
			keepLeast(theirs, o.name, one, round)
		}
	}
	scale := now.Calibration / before.Calibration

	section := report.New("op")
	section.Printf("Nanoseconds of processor time for each of %d rows, one thread, best of %d runs; a figure holds the scan of the columns, "+
		"and \"net\" leaves out a query that only scans. %s. %s.\n", operatorRows, s.runs, about, report.Machine())
	if before.Calibration > 0 {
		section.Printf("The baseline is of %s, %s; a fixed piece of work takes %.2f of its time there, and the baseline is scaled by that.\n", before.Machine, before.Version, scale)
	}
	section.Printf("\n")
	head := []string{"operator", "ns per row", "net", "baseline", "change"}
	if duck != nil {
		head = append(head, "DuckDB", "ratio")
	}
	table := [][]string{head}
	var slower []string
	for _, o := range list {
		figure := now.Figures[o.name]
		row := []string{o.name, report.Digits(figure), "", "", ""}
		if o.base != "" && now.Figures[o.base] > 0 {
			row[2] = report.Digits(figure - now.Figures[o.base])
		}
		if old, ok := before.Figures[o.name]; ok && scale > 0 {
			row[3], row[4] = report.Digits(old*scale), fmt.Sprintf("%+.0f %%", 100*(figure/(old*scale)-1))
			if figure > old*scale*slack {
				slower = append(slower, fmt.Sprintf("%s: %s ns per row, %s in the baseline (%s)", o.name, row[1], row[3], row[4]))
			}
		}
		if t := theirs[o.name]; t > 0 {
			row = append(row, report.Digits(t), fmt.Sprintf("%.2f", figure/t))
		} else if duck != nil {
			row = append(row, "-", "-")
		}
		table = append(table, row)
	}
	section.Table(table)
	if err := s.finish(section); err != nil {
		return err
	}
	for _, line := range slower {
		s.say("SLOWER THAN THE BASELINE: %s", line)
	}
	if !*save {
		return nil
	}
	text, err := json.MarshalIndent(now, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(baselineFile, append(text, '\n'), 0o644)
}

// keepLeast keeps the least processor time for each row of the table.
func keepLeast(figures map[string]float64, name string, one systems.Sample, round int) {
	figure := float64(one.CPU) / operatorRows
	if old, ok := figures[name]; round > 0 && (!ok || figure < old) {
		figures[name] = figure
	}
}

// readBaseline returns the stored figures, none if there is no file.
func readBaseline() (b baseline, err error) {
	text, err := os.ReadFile(baselineFile)
	if os.IsNotExist(err) {
		return b, nil
	}
	if err != nil {
		return b, err
	}
	return b, json.Unmarshal(text, &b)
}

// operatorFiles returns the folder of the tables and their names.
func (s *shared) operatorFiles() (dir string, names []string, err error) {
	if dir, err = makeFolder(filepath.Join(s.home, "op_v1")); err != nil {
		return "", nil, err
	}
	for _, t := range operatorTables() {
		names = append(names, t.Name)
		file := filepath.Join(dir, t.Name+".parquet")
		if _, err := os.Stat(file); err != nil {
			if err := dataset.WriteParquet(&t, file); err != nil {
				return "", nil, err
			}
		}
	}
	return dir, names, nil
}

// calibrate is the least processor time of a fixed piece of work: counting in a
// table that a processor's own cache holds.
func calibrate() float64 {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	counts := make([]uint32, 1<<16)
	least := time.Duration(math.MaxInt64)
	for range 5 {
		r := dataset.NewRandom(0, 0)
		started := systems.ThreadTime()
		for range 1 << 20 {
			counts[r.Uint64()&(1<<16-1)]++
		}
		least = min(least, systems.ThreadTime()-started)
	}
	return float64(least)
}
