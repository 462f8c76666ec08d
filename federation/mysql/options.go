// Package mysql is the connector of MariaDB and MySQL servers, under the wrapper
// name and with the options of mysql_fdw.
package mysql

import (
	"context"

	"github.com/hubsql/hubsql/federation/connector"
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
		option(server, "port", "TCP port. Default: 3306.", connector.WholeNumber("port", 1, 65535)),
		option(server, "connect_timeout", "Seconds to wait for a connection. Default: 10.", connector.WholeNumber("connect_timeout", 1, 86400)),
		option(server, "max_connections", "Largest number of connections kept at once. Default: 8.", connector.WholeNumber("max_connections", 1, 1000)),
		option(server, "pool_idle_timeout", "Seconds after which an unused connection is closed. Default: 300.", connector.WholeNumber("pool_idle_timeout", 1, 86400)),
		option(server, "init_command", "Statement that each connection runs first.", nil),
		option(server, "secure_auth", "Refuse the insecure authentication of old servers. Default: true.", connector.Boolean("secure_auth")),
		option(server, "use_remote_estimate", "Accepted for compatibility.", connector.Boolean("use_remote_estimate")),
		option(server, "fetch_size", "Accepted for compatibility; rows are streamed.", connector.WholeNumber("fetch_size", 1, 1<<31-1)),
		option(server, "reconnect", "Accepted for compatibility; broken connections are always replaced.", connector.Boolean("reconnect")),
		option(server, "sql_mode", "Accepted for compatibility; the mode is pinned by the connector.", nil),
		option(server, "character_set", "Accepted for compatibility; the character set is utf8mb4.", nil),
		option(server, "updatable", "Whether tables may be changed. Default: true.", connector.Boolean("updatable")),
		option(server, "truncatable", "Whether tables may be emptied by TRUNCATE. Default: true.", connector.Boolean("truncatable")),
		option(server, "tls", "disable, prefer (default), require or verify-full (default with ssl_ca).", connector.OneOf("tls", "disable", "prefer", "require", "verify-full")),
		file("ssl_key", "File of the client certificate's key."),
		file("ssl_cert", "File of the client certificate."),
		file("ssl_ca", "File of the certificates to trust."),
		option(server, "ssl_cipher", "Accepted for compatibility.", nil),
		option(connector.OnUserMapping, "username", "User name on the server.", nil),
		{Name: "password", Level: connector.OnUserMapping, Doc: "Password on the server.", Secret: true},
		option(table, "dbname", "Database of the table on the server.", nil),
		option(table, "table_name", "Name of the table on the server. Default: the local name.", nil),
		option(table, "max_blob_size", "Accepted for compatibility.", connector.WholeNumber("max_blob_size", 0, 1<<31-1)),
		option(table, "fetch_size", "Accepted for compatibility.", connector.WholeNumber("fetch_size", 1, 1<<31-1)),
		option(table, "updatable", "As for the server, for this table.", connector.Boolean("updatable")),
		option(table, "truncatable", "As for the server, for this table.", connector.Boolean("truncatable")),
		option(connector.OnColumn, "column_name", "Name of the column on the server. Default: the local name.", nil),
	}
}

// Open implements connector.Connector.
func (Connector) Open(_ context.Context, c connector.Config) (connector.Source, error) {
	return newSource(c)
}
