package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/hubsql/hubsql/tests/tpch"
)

// generate writes the tables of TPC-H into a folder.
func generate(_ context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("generate", flag.ContinueOnError)
	factor := flags.Float64("sf", 1, "scale factor")
	dir := flags.String("out", "", "folder to write to (default: the folder of the measurements)")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *dir == "" {
		path, err := tpchFiles(*factor)
		if err == nil {
			fmt.Fprintln(out, path)
		}
		return err
	}
	return writeTPCH(*factor, *dir)
}

// home is the folder of what is kept between runs: files, databases, programs.
func home() (string, error) {
	dir := os.Getenv("BENCH_DIR")
	if dir == "" {
		dir = "bin/bench"
	}
	return makeFolder(dir)
}

// tpchName says which rows something holds.
func tpchName(factor float64) string {
	return fmt.Sprintf("tpch_v%d_sf%g", tpch.Version, factor)
}

// tpchFiles returns the folder of the files of a scale factor, written if they
// are not there.
func tpchFiles(factor float64) (string, error) {
	base, err := home()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(base, tpchName(factor))
	return dir, writeTPCH(factor, dir)
}

// writeTPCH writes files into a folder that appears when it is complete.
func writeTPCH(factor float64, dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	scale, err := tpch.NewScale(factor)
	if err != nil {
		return err
	}
	part := dir + ".part"
	if err := os.RemoveAll(part); err != nil {
		return err
	}
	if err := os.MkdirAll(part, 0o755); err != nil {
		return err
	}
	if err := scale.WriteParquet(part); err != nil {
		return err
	}
	return os.Rename(part, dir)
}

// makeFolder makes a folder and returns its full path.
func makeFolder(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	return dir, os.MkdirAll(dir, 0o755)
}
