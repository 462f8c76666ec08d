// Package mysql is the connector of MariaDB and MySQL servers, under the wrapper
// name and with the options of mysql_fdw.
package mysql

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// Connector is the wrapper mysql_fdw.
type Connector struct{}

// Wrapper implements connector.Connector.
func (Connector) Wrapper() string { return "mysql_fdw" }

// Options implements connector.Connector.
func (Connector) Options() []connector.Option {
	option := func(level connector.Level, name, doc string, check func(string) error) connector.Option {
		return connector.Option{Name: name, Level: level, Doc: doc, Check: check}
	}
	file := func(name, doc string) connector.Option {
		return connector.Option{Name: name, Level: connector.OnServer, Doc: doc, Path: true}
	}
	const server, table = connector.OnServer, connector.OnTable
	return []connector.Option{
		option(server, "host", "Name or address of the server. Default: 127.0.0.1.", nil),
		option(server, "port", "TCP port. Default: 3306.", number("port", 1, 65535)),
		option(server, "connect_timeout", "Seconds to wait for a connection. Default: 10.", number("connect_timeout", 1, 86400)),
		option(server, "max_connections", "Largest number of connections kept at once. Default: 8.", number("max_connections", 1, 1000)),
		option(server, "pool_idle_timeout", "Seconds after which an unused connection is closed. Default: 300.", number("pool_idle_timeout", 1, 86400)),
		option(server, "init_command", "Statement that each connection runs first.", nil),
		option(server, "secure_auth", "Refuse the insecure authentication of old servers. Default: true.", boolean("secure_auth")),
		option(server, "use_remote_estimate", "Accepted for compatibility.", boolean("use_remote_estimate")),
		option(server, "fetch_size", "Accepted for compatibility; rows are streamed.", number("fetch_size", 1, 1<<31-1)),
		option(server, "reconnect", "Accepted for compatibility; broken connections are always replaced.", boolean("reconnect")),
		option(server, "sql_mode", "Accepted for compatibility; the mode is pinned by the connector.", nil),
		option(server, "character_set", "Accepted for compatibility; the character set is utf8mb4.", nil),
		option(server, "truncatable", "Accepted for compatibility; sources are read only.", boolean("truncatable")),
		option(server, "tls", "disable, prefer (default), require or verify-full (default with ssl_ca).", oneOf("tls", "disable", "prefer", "require", "verify-full")),
		file("ssl_key", "File of the client certificate's key."),
		file("ssl_cert", "File of the client certificate."),
		file("ssl_ca", "File of the certificates to trust."),
		option(server, "ssl_cipher", "Accepted for compatibility.", nil),
		option(connector.OnUserMapping, "username", "User name on the server.", nil),
		{Name: "password", Level: connector.OnUserMapping, Doc: "Password on the server.", Secret: true},
		option(table, "dbname", "Database of the table on the server.", nil),
		option(table, "table_name", "Name of the table on the server. Default: the local name.", nil),
		option(table, "max_blob_size", "Accepted for compatibility.", number("max_blob_size", 0, 1<<31-1)),
		option(table, "fetch_size", "Accepted for compatibility.", number("fetch_size", 1, 1<<31-1)),
		option(table, "truncatable", "Accepted for compatibility.", boolean("truncatable")),
		option(connector.OnColumn, "column_name", "Name of the column on the server. Default: the local name.", nil),
	}
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
