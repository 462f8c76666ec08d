package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/hubsql/hubsql/federation/connpool"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// errConnectTimeout is the cause of a context that ends with connect_timeout.
var errConnectTimeout = errors.New("timeout")

// canceled turns the end of ctx into its error, nil while it has not ended.
func canceled(ctx context.Context) error {
	switch {
	case ctx.Err() == nil:
		return nil
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return pgerror.StatementTimeout()
	}
	return pgerror.QueryCanceled()
}

// failure makes the error that a user sees of an error of the driver. connecting
// tells an attempt to connect from the loss of a connection.
func (s *source) failure(ctx context.Context, err error, connecting bool) error {
	if err == nil {
		return nil
	}
	if stopped := canceled(ctx); stopped != nil {
		return stopped
	}
	if own, ok := errors.AsType[*pgerror.Error](err); ok {
		return own
	}
	if remote, ok := errors.AsType[*pgconn.PgError](err); ok {
		return s.remoteError(remote.Code, remote.Message, connecting)
	}
	switch {
	case errors.Is(err, connpool.ErrClosed):
		return pgerror.Source(s.name, pgerror.ConnectionDoesNotExist, "the source is closed", err)
	case errors.Is(err, connpool.ErrExhausted):
		return pgerror.Source(s.name, pgerror.TooManyConnections, fmt.Sprintf("all %d connections of max_connections are busy", s.size), err)
	case connecting:
		return pgerror.Source(s.name, pgerror.UnableToConnect, "could not connect to server: "+reason(err), err)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return pgerror.Source(s.name, pgerror.ConnectionFailure, "the server does not answer", err)
	}
	return pgerror.Source(s.name, pgerror.ConnectionFailure, "server closed the connection unexpectedly", err)
}

// reason words a connection failure without the connection's settings.
func reason(err error) string {
	var dns *net.DNSError
	var op *net.OpError
	switch {
	case errors.As(err, &dns):
		return "could not translate host name to address"
	case errors.Is(err, errConnectTimeout), errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return "timeout expired"
	case errors.As(err, &op) && op.Op == "dial":
		var number interface{ Error() string } = op.Err
		text := number.Error()
		return strings.TrimPrefix(text, "connect: ")
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.As(err, &op):
		return "server closed the connection unexpectedly"
	case strings.Contains(err.Error(), "tls:"), strings.Contains(err.Error(), "x509:"):
		return "the certificate or the TLS handshake was refused"
	case strings.Contains(err.Error(), "server refused TLS connection"):
		return "the server does not support SSL, but SSL was required"
	}
	return "the connection could not be set up"
}

// remoteError passes on what the server reported: its SQLSTATE, and its message
// only where that names objects and never data.
func (s *source) remoteError(code, message string, connecting bool) error {
	state := pgerror.Code(code)
	class := ""
	if len(code) == 5 {
		class = code[:2]
	}
	switch {
	case class == "28":
		return pgerror.Source(s.name, state, "authentication failed", nil)
	case code == "57P01" || code == "57P02" || code == "57P03":
		if connecting {
			return pgerror.Source(s.name, pgerror.UnableToConnect, message, nil)
		}
		return pgerror.Source(s.name, pgerror.ConnectionFailure, message, nil)
	case code == "42P01", code == "42703", code == "42501", code == "3D000", code == "3F000", class == "53", class == "55", class == "57", class == "08":
		return pgerror.Source(s.name, state, message, nil)
	case class == "22":
		return pgerror.Source(s.name, state, "the remote query failed on a value", nil)
	case class == "":
		state = pgerror.FDWError
	}
	return pgerror.Source(s.name, state, "the remote query failed", nil)
}
