package postgres

import (
	"context"
	"io"
	"maps"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/federation/connpool"
)

// session is what every connection sets before its first use: the remote text
// forms, name resolution and literals must not depend on the server's settings,
// and nothing may be written.
const session = "SET search_path = pg_catalog; SET timezone = 'UTC'; SET datestyle = 'ISO'; SET intervalstyle = 'postgres'; " +
	"SET extra_float_digits = 3; SET bytea_output = 'hex'; SET standard_conforming_strings = on; " +
	"SET default_transaction_isolation = 'repeatable read'; SET default_transaction_read_only = on"

// conn is one connection.
type conn struct {
	pg *pgconn.PgConn
	// in is where the driver itself reads from. It is not the socket: while the
	// driver waits for a slow write it reads ahead in the background, and those
	// bytes are only found here.
	in io.Reader
}

// quiet reports whether nothing is buffered between the server and in, so that
// the next bytes read from in start a message.
func (c *conn) quiet() bool { return c.pg.Frontend().ReadBufferLen() == 0 }

// Close implements connpool.Conn. It is quick: a server that does not answer
// does not hold it up.
func (c *conn) Close() {
	ctx, stop := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer stop()
	c.pg.Close(ctx)
}

// quoteKeyword quotes a value of a keyword/value connection string.
func quoteKeyword(v string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(v) + "'"
}

// connectConfig builds the driver's configuration from the options alone. The
// driver, like libpq, falls back to PG* variables of the process and to files of
// the home folder; those belong to whoever started HubSQL, not to the server's
// definition, so every keyword is given a value here.
func connectConfig(c connector.Config) (*pgconn.Config, error) {
	o := maps.Clone(c.Options)
	if o == nil {
		o = map[string]string{}
	}
	maps.Copy(o, c.Mapping)
	pick := func(name, fallback string) string {
		if v := o[name]; v != "" {
			return v
		}
		return fallback
	}
	host := pick("host", pick("hostaddr", "localhost"))
	user := pick("user", "postgres")
	settings := map[string]string{
		"host": host, "port": pick("port", "5432"), "user": user, "database": pick("dbname", user),
		// Any password keeps the driver from reading a password file.
		"password": "-", "passfile": "",
		"sslmode": pick("sslmode", "prefer"), "sslrootcert": o["sslrootcert"], "sslcert": o["sslcert"], "sslkey": o["sslkey"],
		"sslpassword": o["sslpassword"], "sslcertmode": "allow", "sslsni": "1", "sslnegotiation": "postgres",
		"connect_timeout": pick("connect_timeout", "10"), "target_session_attrs": pick("target_session_attrs", "any"),
		"channel_binding": pick("channel_binding", "prefer"), "require_auth": "", "min_protocol_version": "3.0", "max_protocol_version": "3.0",
	}
	if _, ok := os.LookupEnv("PGSERVICE"); ok {
		// The driver insists on reading the service; it is given an empty one.
		f, err := os.CreateTemp("", "hubsql-service-")
		if err != nil {
			return nil, err
		}
		defer os.Remove(f.Name())
		if _, err := f.WriteString("[hubsql]\n"); err != nil {
			return nil, err
		}
		f.Close()
		settings["service"], settings["servicefile"] = "hubsql", f.Name()
	}
	var text strings.Builder
	for name, value := range settings {
		text.WriteString(name + "=" + quoteKeyword(value) + " ")
	}
	config, err := pgconn.ParseConfig(text.String())
	if err != nil {
		return nil, err
	}
	config.Password = o["password"]
	config.RuntimeParams = map[string]string{"client_encoding": "UTF8", "application_name": pick("application_name", "hubsql")}
	if v := o["options"]; v != "" {
		config.RuntimeParams["options"] = v
	}
	if addr := o["hostaddr"]; addr != "" {
		config.LookupFunc = func(context.Context, string) ([]string, error) { return []string{addr}, nil }
	}
	// The context ends a connection attempt; a running read is ended by its
	// reader, which knows how to cancel it at the server.
	dialer := &net.Dialer{KeepAlive: time.Minute}
	config.DialFunc = dialer.DialContext
	seconds, _ := strconv.Atoi(settings["connect_timeout"])
	config.ConnectTimeout = time.Duration(seconds) * time.Second
	return config, nil
}

// connect opens a connection and prepares its session.
func connect(ctx context.Context, config *pgconn.Config) (*conn, error) {
	if config.ConnectTimeout > 0 {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeoutCause(ctx, config.ConnectTimeout, connpool.ErrConnectTimeout)
		defer stop()
	}
	c := &conn{}
	config = config.Copy()
	config.BuildFrontend = func(r io.Reader, w io.Writer) *pgproto3.Frontend {
		c.in = r // the last one built is that of the connection that succeeds
		return pgproto3.NewFrontend(r, w)
	}
	pg, err := pgconn.ConnectConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	c.pg = pg
	if _, err := pg.Exec(ctx, session).ReadAll(); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}
