// Package server is the composition root: the only place that names every
// concrete type. It reads the configuration, puts the parts together and runs
// the commands.
package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"

	"github.com/spf13/pflag"
)

const usage = `HubSQL makes every system of an enterprise one PostgreSQL database.

Usage: hubsql COMMAND [options]

Commands:
  serve     run the server on a data directory
  demo      run a demonstration hub with embedded sources, roles and policies
  version   print the version

hubsql COMMAND --help lists the options of a command.
`

// Version is the version of this build.
const Version = "0.1.0"

// Main runs the command line. It returns when the command has ended; ctx ends it
// early.
func Main(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	if len(args) == 0 {
		fmt.Fprint(stderr, usage)
		return errors.New("a command is required")
	}
	switch args[0] {
	case "serve":
		c, err := parseConfig("serve", args[1:], stdout, os.Getenv, nil)
		if err != nil {
			return helpIsNoError(err)
		}
		return Serve(ctx, c, stdout, stderr)
	case "demo":
		var once bool
		c, err := parseConfig("demo", args[1:], stdout, os.Getenv, func(fs *pflag.FlagSet) {
			fs.BoolVar(&once, "once", false, "run the sample query as both roles, print both answers side by side and exit")
		})
		if err != nil {
			return helpIsNoError(err)
		}
		return Demo(ctx, c, once, stdout, stderr)
	case "version", "--version":
		fmt.Fprintln(stdout, "hubsql "+Version+revision())
		return nil
	case "help", "--help", "-h":
		fmt.Fprint(stdout, usage)
		return nil
	}
	fmt.Fprint(stderr, usage)
	return fmt.Errorf("unknown command %q", args[0])
}

// helpIsNoError makes --help a success.
func helpIsNoError(err error) error {
	if errors.Is(err, pflag.ErrHelp) {
		return nil
	}
	return err
}

// revision is the commit that the binary was built from, when the build knows.
func revision() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	var out strings.Builder
	out.WriteString(" (" + info.GoVersion)
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			out.WriteString(", " + s.Value)
		}
	}
	return out.String() + ")"
}
