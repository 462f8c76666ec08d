// Command bench measures HubSQL beside other systems over the same generated
// rows. Nothing here fails because it is slow, only because answers differ or
// something does not run. `make bench-tpch` and its siblings call it; docs/performance.md
// holds what it wrote.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// command is one of the measurements.
type command struct {
	name, what string
	run        func(ctx context.Context, args []string, out io.Writer) error
}

func commands() []command {
	return []command{
		{"generate", "write the tables of TPC-H as Parquet files", generate},
		{"tpch", "the 22 queries of TPC-H over Parquet: HubSQL, DuckDB, PostgreSQL", tpchCommand},
		{"clickbench", "20 queries over a wide table of web analytics: HubSQL, DuckDB", clickbenchCommand},
		{"federation", "the same queries over PostgreSQL, MariaDB and Parquet: HubSQL, PostgreSQL with wrappers", federationCommand},
		{"wire", "large answers, SELECT 1, planning: HubSQL, PostgreSQL", wireCommand},
		{"fair", "a small query beside 64 large ones", fairCommand},
		{"op", "single operators on one processor, beside a stored baseline", opCommand},
	}
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	for _, c := range commands() {
		if len(args) > 0 && args[0] == c.name {
			return c.run(ctx, args[1:], out)
		}
	}
	fmt.Fprintln(out, "usage: bench COMMAND [flags]; bench COMMAND -h lists the flags")
	for _, c := range commands() {
		fmt.Fprintf(out, "  %-12s %s\n", c.name, c.what)
	}
	if len(args) == 0 {
		return flag.ErrHelp
	}
	return fmt.Errorf("no command %q", args[0])
}
