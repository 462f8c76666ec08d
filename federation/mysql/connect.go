package mysql

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"os"
	"strconv"
	"time"

	driverpkg "github.com/go-sql-driver/mysql"

	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/federation/connpool"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// session is what every connection sets: literals, names and times must not
// depend on the server's settings, nothing may be written unless a transaction
// says so, and a value that does not fit is an error.
var session = [...]string{
	"SET NAMES utf8mb4",
	"SET SESSION sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES,NO_ENGINE_SUBSTITUTION,STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO', time_zone = '+00:00'",
	"SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY",
}

// conn is one connection at the level of the driver.
type conn struct {
	driver.Conn
	id string // of the connection at the server
}

// Close implements connpool.Conn.
func (c *conn) Close() { _ = c.Conn.Close() }

// run executes a statement without a result.
func (c *conn) run(ctx context.Context, statement string) error {
	_, err := c.Conn.(driver.ExecerContext).ExecContext(ctx, statement, nil)
	return err
}

// rows runs a query and returns its cells as text, NULL as "".
func (c *conn) rows(ctx context.Context, query string, args ...string) ([][]string, error) {
	values := make([]driver.NamedValue, len(args))
	for i, a := range args {
		values[i] = driver.NamedValue{Ordinal: i + 1, Value: a}
	}
	stmt, err := c.Conn.(driver.ConnPrepareContext).PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer stmt.Close()
	rows, err := stmt.(driver.StmtQueryContext).QueryContext(ctx, values)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out [][]string
	cells := make([]driver.Value, len(rows.Columns()))
	for {
		switch err := rows.Next(cells); {
		case errors.Is(err, io.EOF):
			return out, nil
		case err != nil:
			return nil, err
		}
		row := make([]string, len(cells))
		for i, v := range cells {
			row[i] = valueText(v)
		}
		out = append(out, row)
	}
}

// valueText prints a value of the driver.
func valueText(v driver.Value) string {
	switch v := v.(type) {
	case []byte:
		return string(v)
	case string:
		return v
	case int64:
		return strconv.FormatInt(v, 10)
	case uint64:
		return strconv.FormatUint(v, 10)
	case float32:
		return strconv.FormatFloat(float64(v), 'g', -1, 32)
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	}
	return ""
}

// connectConfig builds the driver's configuration from the options alone.
func connectConfig(c connector.Config) (*driverpkg.Config, error) {
	o := c.Options
	pick := func(name, fallback string) string {
		if v := o[name]; v != "" {
			return v
		}
		return fallback
	}
	host := pick("host", "127.0.0.1")
	config := driverpkg.NewConfig()
	config.Net, config.Addr = "tcp", net.JoinHostPort(host, pick("port", "3306"))
	config.User, config.Passwd = c.Mapping["username"], c.Mapping["password"]
	config.Logger = &driverpkg.NopLogger{}
	config.Collation = "utf8mb4_general_ci"
	config.MaxAllowedPacket = 1 << 30
	config.CheckConnLiveness = false
	config.ConnectionAttributes = "program_name:hubsql"
	seconds, _ := strconv.Atoi(pick("connect_timeout", "10"))
	config.Timeout = time.Duration(seconds) * time.Second
	if v, ok := connector.ParseBoolean(o["secure_auth"]); ok && !v {
		config.AllowOldPasswords = true
	}
	mode := "prefer"
	if o["ssl_ca"] != "" {
		mode = "verify-full"
	}
	mode = pick("tls", mode)
	if mode == "disable" {
		return config, nil
	}
	config.AllowFallbackToPlaintext = mode == "prefer"
	config.TLS = &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12, InsecureSkipVerify: mode != "verify-full"}
	if path := o["ssl_ca"]; path != "" {
		pem, err := os.ReadFile(path)
		if err != nil {
			return nil, pgerror.Source(c.Server, pgerror.UndefinedFile, "cannot read the file of option \"ssl_ca\"", err)
		}
		config.TLS.RootCAs = x509.NewCertPool()
		config.TLS.RootCAs.AppendCertsFromPEM(pem)
	}
	if o["ssl_cert"] != "" {
		pair, err := tls.LoadX509KeyPair(o["ssl_cert"], o["ssl_key"])
		if err != nil {
			return nil, pgerror.Source(c.Server, pgerror.UndefinedFile, "cannot use the files of options \"ssl_cert\" and \"ssl_key\"", err)
		}
		config.TLS.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}

// connect opens a connection and prepares its session.
func (s *source) connect(ctx context.Context) (*conn, error) {
	ctx, stop := context.WithTimeoutCause(ctx, s.config.Timeout, connpool.ErrConnectTimeout)
	defer stop()
	raw, err := s.driver.Connect(ctx)
	if err != nil {
		return nil, err
	}
	c := &conn{Conn: raw}
	statements := session[:]
	if s.initCommand != "" {
		statements = append([]string{s.initCommand}, statements...)
	}
	for _, statement := range statements {
		if err := c.run(ctx, statement); err != nil {
			c.Close()
			return nil, err
		}
	}
	id, err := c.rows(ctx, "SELECT CONNECTION_ID()")
	if err != nil {
		c.Close()
		return nil, err
	}
	c.id = id[0][0]
	return c, nil
}

// kill ends a connection's statement at the server. It is only a wish: it takes
// half a second at most and its failure changes nothing.
func (s *source) kill(id string) {
	ctx, stop := context.WithTimeout(context.Background(), 500*time.Millisecond)
	defer stop()
	raw, err := s.driver.Connect(ctx)
	if err != nil {
		return
	}
	defer raw.Close()
	_ = (&conn{Conn: raw}).run(ctx, "KILL "+id)
}
