// Package postgres is the connector of PostgreSQL servers, under the wrapper
// name and with the options of postgres_fdw.
package postgres

import (
	"context"

	"github.com/hubsql/hubsql/federation/connector"
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
		server("port", "TCP port. Default: 5432.", connector.WholeNumber("port", 1, 65535)),
		server("dbname", "Database. Default: the name of the user.", nil),
		server("sslmode", "disable, allow, prefer (default), require, verify-ca or verify-full.", connector.OneOf("sslmode", "disable", "allow", "prefer", "require", "verify-ca", "verify-full")),
		server("channel_binding", "disable, prefer (default) or require.", connector.OneOf("channel_binding", "disable", "prefer", "require")),
		server("connect_timeout", "Seconds to wait for a connection. Default: 10.", connector.WholeNumber("connect_timeout", 0, 86400)),
		server("application_name", "Name shown in the server's activity view. Default: hubsql.", nil),
		server("options", "Command-line options of the session, as in libpq.", nil),
		server("target_session_attrs", "any (default), read-write, read-only, primary, standby or prefer-standby.", connector.OneOf("target_session_attrs", "any", "read-write", "read-only", "primary", "standby", "prefer-standby")),
		server("max_connections", "Largest number of connections kept at once. Default: 8.", connector.WholeNumber("max_connections", 1, 1000)),
		server("parallelism", "Largest number of connections that read parts of one large table at once. Default: 4.", connector.WholeNumber("parallelism", 1, 64)),
		server("use_ctid_split", "Whether large tables are read in parts, by ranges of ctid, over several connections. Default: true.", connector.Boolean("use_ctid_split")),
		server("pool_idle_timeout", "Seconds after which an unused connection is closed. Default: 300.", connector.WholeNumber("pool_idle_timeout", 1, 86400)),
		server("fetch_size", "Accepted for compatibility; rows are streamed.", connector.WholeNumber("fetch_size", 1, 1<<31-1)),
		server("batch_size", "Accepted for compatibility.", connector.WholeNumber("batch_size", 1, 1<<31-1)),
		server("use_remote_estimate", "Accepted for compatibility.", connector.Boolean("use_remote_estimate")),
		server("fdw_startup_cost", "Accepted for compatibility.", connector.Number("fdw_startup_cost")),
		server("fdw_tuple_cost", "Accepted for compatibility.", connector.Number("fdw_tuple_cost")),
		server("extensions", "Accepted for compatibility.", nil),
		server("updatable", "Whether tables may be changed. Default: true.", connector.Boolean("updatable")),
		server("truncatable", "Whether tables may be emptied by TRUNCATE. Default: true.", connector.Boolean("truncatable")),
		server("async_capable", "Accepted for compatibility; scans always run concurrently.", connector.Boolean("async_capable")),
		server("parallel_commit", "Accepted for compatibility.", connector.Boolean("parallel_commit")),
		server("keep_connections", "Whether connections are reused. Default: true.", connector.Boolean("keep_connections")),
		mapping("user", "User name on the server.", false),
		mapping("password", "Password on the server.", true),
		mapping("sslpassword", "Password of the client certificate's key.", true),
		{Name: "password_required", Level: connector.OnUserMapping, Doc: "Accepted for compatibility.", Check: connector.Boolean("password_required")},
		table("schema_name", "Schema of the table on the server.", nil),
		table("table_name", "Name of the table on the server. Default: the local name.", nil),
		table("use_remote_estimate", "Accepted for compatibility.", connector.Boolean("use_remote_estimate")),
		table("fetch_size", "Accepted for compatibility.", connector.WholeNumber("fetch_size", 1, 1<<31-1)),
		table("batch_size", "Accepted for compatibility.", connector.WholeNumber("batch_size", 1, 1<<31-1)),
		table("updatable", "As for the server, for this table.", connector.Boolean("updatable")),
		table("truncatable", "As for the server, for this table.", connector.Boolean("truncatable")),
		table("async_capable", "Accepted for compatibility.", connector.Boolean("async_capable")),
		table("use_ctid_split", "As for the server, for this table.", connector.Boolean("use_ctid_split")),
		table("analyze_sampling", "Accepted for compatibility.", nil),
		column("column_name", "Name of the column on the server. Default: the local name.", nil),
		column("n_distinct", "Accepted for compatibility.", connector.Number("n_distinct")),
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

// Open implements connector.Connector.
func (Connector) Open(_ context.Context, c connector.Config) (connector.Source, error) {
	return newSource(c)
}
