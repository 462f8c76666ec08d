// Package postgres is the connector of PostgreSQL servers, under the wrapper
// name and with the options of postgres_fdw.
package postgres

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// Connector is the wrapper postgres_fdw.
type Connector struct{}

// Wrapper implements connector.Connector.
func (Connector) Wrapper() string { return "postgres_fdw" }

// Options implements connector.Connector. Options that only steer PostgreSQL's
// own planner are accepted, so that existing definitions work unchanged.
func (Connector) Options() []connector.Option {
	server := func(name, doc string, check func(string) error) connector.Option {
		return connector.Option{Name: name, Level: connector.OnServer, Doc: doc, Check: check}
	}
	mapping := func(name, doc string, secret bool) connector.Option {
		return connector.Option{Name: name, Level: connector.OnUserMapping, Doc: doc, Secret: secret}
	}
	table := func(name, doc string, check func(string) error) connector.Option {
		return connector.Option{Name: name, Level: connector.OnTable, Doc: doc, Check: check}
	}
	column := func(name, doc string, check func(string) error) connector.Option {
		return connector.Option{Name: name, Level: connector.OnColumn, Doc: doc, Check: check}
	}
	list := []connector.Option{
		server("host", "Name or address of the server, or the folder of its Unix socket. Default: localhost.", nil),
		server("hostaddr", "Address to connect to; host is then only used to verify the certificate.", nil),
		server("port", "TCP port. Default: 5432.", number("port", 1, 65535)),
		server("dbname", "Database. Default: the name of the user.", nil),
		server("sslmode", "disable, allow, prefer (default), require, verify-ca or verify-full.", oneOf("sslmode", "disable", "allow", "prefer", "require", "verify-ca", "verify-full")),
		server("channel_binding", "disable, prefer (default) or require.", oneOf("channel_binding", "disable", "prefer", "require")),
		server("connect_timeout", "Seconds to wait for a connection. Default: 10.", number("connect_timeout", 0, 86400)),
		server("application_name", "Name shown in the server's activity view. Default: hubsql.", nil),
		server("options", "Command-line options of the session, as in libpq.", nil),
		server("target_session_attrs", "any (default), read-write, read-only, primary, standby or prefer-standby.", oneOf("target_session_attrs", "any", "read-write", "read-only", "primary", "standby", "prefer-standby")),
		server("max_connections", "Largest number of connections kept at once. Default: 8.", number("max_connections", 1, 1000)),
		server("pool_idle_timeout", "Seconds after which an unused connection is closed. Default: 300.", number("pool_idle_timeout", 1, 86400)),
		server("fetch_size", "Accepted for compatibility; rows are streamed.", number("fetch_size", 1, 1<<31-1)),
		server("batch_size", "Accepted for compatibility.", number("batch_size", 1, 1<<31-1)),
		server("use_remote_estimate", "Accepted for compatibility.", boolean("use_remote_estimate")),
		server("fdw_startup_cost", "Accepted for compatibility.", decimal("fdw_startup_cost")),
		server("fdw_tuple_cost", "Accepted for compatibility.", decimal("fdw_tuple_cost")),
		server("extensions", "Accepted for compatibility.", nil),
		server("updatable", "Accepted for compatibility; sources are read only.", boolean("updatable")),
		server("truncatable", "Accepted for compatibility; sources are read only.", boolean("truncatable")),
		server("async_capable", "Accepted for compatibility; scans always run concurrently.", boolean("async_capable")),
		server("parallel_commit", "Accepted for compatibility.", boolean("parallel_commit")),
		server("keep_connections", "Whether connections are reused. Default: true.", boolean("keep_connections")),
		mapping("user", "User name on the server.", false),
		mapping("password", "Password on the server.", true),
		mapping("sslpassword", "Password of the client certificate's key.", true),
		{Name: "password_required", Level: connector.OnUserMapping, Doc: "Accepted for compatibility.", Check: boolean("password_required")},
		table("schema_name", "Schema of the table on the server.", nil),
		table("table_name", "Name of the table on the server. Default: the local name.", nil),
		table("use_remote_estimate", "Accepted for compatibility.", boolean("use_remote_estimate")),
		table("fetch_size", "Accepted for compatibility.", number("fetch_size", 1, 1<<31-1)),
		table("batch_size", "Accepted for compatibility.", number("batch_size", 1, 1<<31-1)),
		table("updatable", "Accepted for compatibility.", boolean("updatable")),
		table("truncatable", "Accepted for compatibility.", boolean("truncatable")),
		table("async_capable", "Accepted for compatibility.", boolean("async_capable")),
		table("analyze_sampling", "Accepted for compatibility.", nil),
		column("column_name", "Name of the column on the server. Default: the local name.", nil),
		column("n_distinct", "Accepted for compatibility.", decimal("n_distinct")),
	}
	for _, level := range []connector.Level{connector.OnServer, connector.OnUserMapping} {
		for _, f := range []struct{ name, doc string }{
			{"sslcert", "File of the client certificate."}, {"sslkey", "File of the client certificate's key."},
		} {
			list = append(list, connector.Option{Name: f.name, Level: level, Doc: f.doc, Path: true})
		}
	}
	return append(list, connector.Option{Name: "sslrootcert", Level: connector.OnServer, Doc: "File of the certificates to trust, or system.", Path: true})
}

// invalid is the error for an option's value.
func invalid(name, value, hint string) error {
	return pgerror.Newf(pgerror.InvalidParameterValue, "invalid value for option %q: %q", name, value).WithHint("%s", hint)
}

// number accepts integers from low to high.
func number(name string, low, high int) func(string) error {
	return func(v string) error {
		if n, err := strconv.Atoi(v); err != nil || n < low || n > high {
			return invalid(name, v, "Valid values are integers from "+strconv.Itoa(low)+" to "+strconv.Itoa(high)+".")
		}
		return nil
	}
}

// decimal accepts numbers.
func decimal(name string) func(string) error {
	return func(v string) error {
		if _, err := strconv.ParseFloat(v, 64); err != nil {
			return invalid(name, v, "Valid values are numbers.")
		}
		return nil
	}
}

// boolean accepts PostgreSQL's spellings of booleans.
func boolean(name string) func(string) error {
	return func(v string) error {
		if _, ok := truth(v); !ok {
			return invalid(name, v, "Valid values are true and false.")
		}
		return nil
	}
}

// truth reads a boolean option.
func truth(v string) (value, ok bool) {
	switch strings.ToLower(v) {
	case "true", "on", "yes", "1", "t":
		return true, true
	case "false", "off", "no", "0", "f":
		return false, true
	}
	return false, false
}

// oneOf accepts listed values.
func oneOf(name string, values ...string) func(string) error {
	return func(v string) error {
		if !slices.Contains(values, v) {
			return invalid(name, v, "Valid values are "+strings.Join(values, ", ")+".")
		}
		return nil
	}
}

// Open implements connector.Connector.
func (Connector) Open(_ context.Context, c connector.Config) (connector.Source, error) {
	return newSource(c)
}
