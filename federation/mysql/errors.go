package mysql

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"

	driverpkg "github.com/go-sql-driver/mysql"

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

// failure makes the error that a user sees of an error of the driver.
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
	if remote, ok := errors.AsType[*driverpkg.MySQLError](err); ok {
		return s.remoteError(remote, connecting)
	}
	switch {
	case errors.Is(err, connpool.ErrClosed):
		return pgerror.Source(s.name, pgerror.ConnectionDoesNotExist, "the source is closed", err)
	case errors.Is(err, connpool.ErrExhausted):
		return pgerror.Source(s.name, pgerror.TooManyConnections, fmt.Sprintf("all %d connections of max_connections are busy", s.size), err)
	case connecting:
		return pgerror.Source(s.name, pgerror.UnableToConnect, "could not connect to server: "+reason(err), err)
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
		return strings.TrimPrefix(op.Err.Error(), "connect: ")
	case errors.Is(err, driverpkg.ErrNoTLS):
		return "the server does not support TLS, but TLS was required"
	case errors.Is(err, io.EOF), errors.Is(err, driverpkg.ErrInvalidConn):
		return "server closed the connection unexpectedly"
	}
	return "the connection could not be set up"
}

// remoteError passes on what the server reported, without the message: it may
// quote data.
func (s *source) remoteError(e *driverpkg.MySQLError, connecting bool) error {
	code, message := pgerror.FDWError, fmt.Sprintf("the remote query failed (error %d)", e.Number)
	switch e.Number {
	case 1045, 1698, 1524, 1251:
		code, message = pgerror.InvalidPassword, "authentication failed"
	case 1044, 1142, 1143, 1227, 1370:
		code, message = pgerror.InsufficientPrivilege, "permission denied"
	case 1049:
		code, message = pgerror.InvalidCatalogName, "the database does not exist"
	case 1146, 1051:
		code, message = pgerror.UndefinedTable, "the table does not exist"
	case 1054:
		code, message = pgerror.UndefinedColumn, "a column does not exist"
	case 1040, 1203, 1226:
		code, message = pgerror.TooManyConnections, "too many connections"
	case 1129, 1130:
		code, message = pgerror.UnableToConnect, "could not connect to server: this host is not allowed to connect"
	case 1053, 1079, 1927:
		code, message = pgerror.ConnectionFailure, "server closed the connection unexpectedly"
		if connecting {
			code = pgerror.UnableToConnect
		}
	case 1317, 1969, 3024:
		code, message = pgerror.QueryCanceledCode, "the remote query was interrupted"
	case 1205:
		code, message = pgerror.LockNotAvailable, "lock wait timeout exceeded"
	default:
		if e.SQLState[0] == '2' && e.SQLState[1] == '2' {
			code, message = pgerror.Code(e.SQLState[:]), "the remote query failed on a value"
		}
	}
	return pgerror.Source(s.name, code, message, nil)
}
