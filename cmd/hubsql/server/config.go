package server

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v4"
)

// Config is everything that a server is told from outside. Every field has one
// name, spelt data-dir on the command line, HUBSQL_DATA_DIR in the environment
// and data-dir in the configuration file; the command line wins over the
// environment, the environment over the file.
type Config struct {
	DataDir        string
	Listen         string
	Auth           string
	TLSCert        string
	TLSKey         string
	MemoryLimit    int64 // bytes
	QueryMemory    int64 // bytes, 0: no limit of its own
	MaxConnections int
	Workers        int
	Database       string
	LogLevel       string
	DebugListen    string
	ExportDir      string
	DrainTimeout   time.Duration
	// Settings are defaults of session settings, from the file only.
	Settings map[string]string

	// Superuser and password are used at the first start only, and come from
	// the environment only.
	Superuser, SuperuserPassword string
}

// option is one line of the table of options.
type option struct {
	name, def, doc, value string
}

// options lists the options of serve and demo.
var options = [...]option{
	{"data-dir", "", "directory of the catalog and its keys; created at the first start", "DIR"},
	{"listen", "127.0.0.1:5433", "address to listen on", "HOST:PORT"},
	{"auth", "scram-sha-256", "authentication: scram-sha-256, or trust (loopback addresses only)", "METHOD"},
	{"tls-cert", "", "certificate chain in PEM; switches TLS on together with --tls-key", "FILE"},
	{"tls-key", "", "private key of the certificate in PEM", "FILE"},
	{"memory-limit", "4GB", "memory for all queries together (kB, MB, GB)", "SIZE"},
	{"query-memory-limit", "0", "memory for one query; 0 means only the limit of the server", "SIZE"},
	{"max-connections", "100", "largest number of client connections", "N"},
	{"workers", "0", "threads that run queries; 0 means one per CPU", "N"},
	{"database", "hubsql", "name of the database", "NAME"},
	{"log-level", "info", "least severity that is logged: debug, info, warn, error", "LEVEL"},
	{"debug-listen", "", "loopback address for Go's profiler (net/http/pprof); empty means none", "HOST:PORT"},
	{"export-dir", "", "directory that COPY TO a file writes below; empty means that there is none", "DIR"},
	{"drain-timeout", "30s", "how long running statements may take to finish at shutdown", "DURATION"},
}

// parseConfig reads the command line of a command, the environment and the
// configuration file.
func parseConfig(command string, args []string, out io.Writer, getenv func(string) string, extra func(*pflag.FlagSet)) (*Config, error) {
	fs := pflag.NewFlagSet(command, pflag.ContinueOnError)
	fs.SetOutput(out)
	fs.SortFlags = false
	values := map[string]*string{}
	for _, o := range options {
		values[o.name] = fs.String(o.name, o.def, o.doc+" ["+envName(o.name)+"]")
		fs.Lookup(o.name).Value = namedValue{Value: fs.Lookup(o.name).Value, name: o.value}
	}
	file := fs.String("config", "", "configuration file in YAML with the same names [HUBSQL_CONFIG]")
	fs.Lookup("config").Value = namedValue{Value: fs.Lookup("config").Value, name: "FILE"}
	if extra != nil {
		extra(fs)
	}
	fs.Usage = func() {
		fmt.Fprintf(out, "Usage: hubsql %s [options]\n\nOptions:\n%s\n", command, fs.FlagUsages())
		fmt.Fprint(out, "Every option can be given as the environment variable in brackets or under its\nname in the configuration file; the command line wins over the environment, the\nenvironment over the file. The file may also hold a map `settings` with defaults\nof session settings (statement_timeout, TimeZone, ...).\n\nThe first start on an empty data directory makes the superuser named by\nHUBSQL_SUPERUSER (default hubsql) with HUBSQL_SUPERUSER_PASSWORD.\n")
	}
	if err := fs.Parse(args); err != nil {
		return nil, err
	}
	if fs.NArg() > 0 {
		return nil, fmt.Errorf("unexpected argument %q (see hubsql %s --help)", fs.Arg(0), command)
	}
	if *file == "" {
		*file = getenv("HUBSQL_CONFIG")
	}
	fromFile, settings, err := readFile(*file)
	if err != nil {
		return nil, err
	}
	for _, o := range options {
		if fs.Changed(o.name) {
			continue
		}
		if v := getenv(envName(o.name)); v != "" {
			*values[o.name] = v
		} else if v, ok := fromFile[o.name]; ok {
			*values[o.name] = v
		}
	}
	c := &Config{
		DataDir: *values["data-dir"], Listen: *values["listen"], Auth: *values["auth"],
		TLSCert: *values["tls-cert"], TLSKey: *values["tls-key"], Database: *values["database"],
		LogLevel: *values["log-level"], DebugListen: *values["debug-listen"], ExportDir: *values["export-dir"], Settings: settings,
		Superuser: getenv("HUBSQL_SUPERUSER"), SuperuserPassword: getenv("HUBSQL_SUPERUSER_PASSWORD"),
	}
	if c.Superuser == "" {
		c.Superuser = "hubsql"
	}
	return c, errors.Join(
		parseInto("memory-limit", values, parseSize, &c.MemoryLimit),
		parseInto("query-memory-limit", values, parseSize, &c.QueryMemory),
		parseInto("max-connections", values, strconv.Atoi, &c.MaxConnections),
		parseInto("workers", values, strconv.Atoi, &c.Workers),
		parseInto("drain-timeout", values, time.ParseDuration, &c.DrainTimeout),
	)
}

// namedValue shows what kind of value an option takes in the help text.
type namedValue struct {
	pflag.Value
	name string
}

// Type implements pflag.Value.
func (v namedValue) Type() string { return v.name }

// envName is the environment variable of an option.
func envName(option string) string {
	return "HUBSQL_" + strings.ToUpper(strings.ReplaceAll(option, "-", "_"))
}

// parseInto parses one option and names it in the error.
func parseInto[T any](name string, values map[string]*string, parse func(string) (T, error), into *T) error {
	v, err := parse(*values[name])
	if err != nil {
		return fmt.Errorf("invalid value for %s: %q", name, *values[name])
	}
	*into = v
	return nil
}

// readFile reads the configuration file, "" for none. An unknown name is an
// error that lists the valid ones.
func readFile(path string) (map[string]string, map[string]string, error) {
	if path == "" {
		return nil, nil, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, fmt.Errorf("configuration file: %w", err)
	}
	var raw map[string]any
	if err := yaml.Unmarshal(text, &raw); err != nil {
		return nil, nil, fmt.Errorf("configuration file %s: %w", path, err)
	}
	out, settings := map[string]string{}, map[string]string{}
	for name, v := range raw {
		if name == "settings" {
			m, ok := v.(map[string]any)
			if !ok {
				return nil, nil, fmt.Errorf("configuration file %s: settings must be a map", path)
			}
			for k, x := range m {
				settings[k] = fmt.Sprint(x)
			}
			continue
		}
		if !slices.ContainsFunc(options[:], func(o option) bool { return o.name == name }) {
			var names []string
			for _, o := range options {
				names = append(names, o.name)
			}
			return nil, nil, fmt.Errorf("configuration file %s: unknown name %q; valid names are %s, settings", path, name, strings.Join(names, ", "))
		}
		out[name] = fmt.Sprint(v)
	}
	return out, settings, nil
}

// parseSize reads a number of bytes with an optional unit, as PostgreSQL writes
// memory settings.
func parseSize(s string) (int64, error) {
	units := []struct {
		suffix string
		factor int64
	}{{"TB", 1 << 40}, {"GB", 1 << 30}, {"MB", 1 << 20}, {"kB", 1 << 10}, {"KB", 1 << 10}, {"B", 1}, {"", 1}}
	for _, u := range units {
		if num, ok := strings.CutSuffix(s, u.suffix); ok {
			f, err := strconv.ParseFloat(strings.TrimSpace(num), 64)
			if err != nil || f < 0 || f > 1<<53 {
				return 0, errors.New("not a size")
			}
			return int64(f * float64(u.factor)), nil
		}
	}
	return 0, errors.New("not a size")
}

// check refuses what cannot work before anything is opened.
func (c *Config) check() error {
	if c.DataDir == "" {
		return errors.New("--data-dir is required")
	}
	host, _, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return fmt.Errorf("invalid value for listen: %q", c.Listen)
	}
	switch c.Auth {
	case "scram-sha-256":
	case "trust":
		if !loopback(host) {
			return fmt.Errorf("--auth trust is refused on %s: it lets everybody in, so only loopback addresses may use it", c.Listen)
		}
	default:
		return fmt.Errorf("invalid value for auth: %q (scram-sha-256 or trust)", c.Auth)
	}
	if (c.TLSCert == "") != (c.TLSKey == "") {
		return errors.New("--tls-cert and --tls-key go together")
	}
	if c.DebugListen != "" {
		host, _, err := net.SplitHostPort(c.DebugListen)
		if err != nil || !loopback(host) {
			return fmt.Errorf("invalid value for debug-listen: %q is not a loopback address", c.DebugListen)
		}
	}
	if c.MaxConnections <= 0 {
		return errors.New("max-connections must be positive")
	}
	if c.MemoryLimit < 16<<20 {
		return errors.New("memory-limit must be at least 16MB")
	}
	return nil
}

// loopback reports whether a host only reaches this machine.
func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
