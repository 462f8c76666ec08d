package connpool

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"os"
	"strings"
	"time"

	"github.com/hubsql/hubsql/wire/pgerror"
)

// ErrConnectTimeout is the cause of a context that ends with the time allowed for
// connecting.
var ErrConnectTimeout = errors.New("timeout")

// Canceled turns the end of ctx into the client's error (57014), nil while it has
// not ended.
func Canceled(ctx context.Context) error {
	switch {
	case ctx.Err() == nil:
		return nil
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return pgerror.StatementTimeout()
	}
	return pgerror.QueryCanceled()
}

// Failures words the failures of a source's connections for its users: with the
// source's name and an SQLSTATE, without the connection's settings.
type Failures struct {
	// Name is the server's, Size the number of connections its pool allows.
	Name string
	Size int
	// Remote makes the error for what the server itself reported, nil when err is
	// nothing of that kind. connecting is as for Of.
	Remote func(err error, connecting bool) error
	// Reason words a failed attempt to connect that only the driver understands,
	// "" for all others; nil is allowed.
	Reason func(err error) string
}

// Of returns the error that a user sees of err, nil for nil. The end of ctx wins
// over what it broke. connecting tells an attempt to connect from the loss of a
// connection.
func (f *Failures) Of(ctx context.Context, err error, connecting bool) error {
	if err == nil {
		return nil
	}
	if stopped := Canceled(ctx); stopped != nil {
		return stopped
	}
	if own, ok := errors.AsType[*pgerror.Error](err); ok {
		return own
	}
	if remote := f.Remote(err, connecting); remote != nil {
		return remote
	}
	var suspended *ErrSuspended
	switch {
	case errors.Is(err, ErrClosed):
		return pgerror.Source(f.Name, pgerror.ConnectionDoesNotExist, "the source is closed", err)
	case errors.Is(err, ErrExhausted):
		return pgerror.Source(f.Name, pgerror.TooManyConnections, fmt.Sprintf("all %d connections of max_connections are busy", f.Size), err)
	case errors.As(err, &suspended):
		return pgerror.Source(f.Name, pgerror.UnableToConnect, "could not connect to server: "+f.reason(suspended.Last), err).
			WithHint("The server has not answered for a while. The next attempt is made in %d s.", int(math.Ceil(max(0, time.Until(suspended.Until)).Seconds())))
	case connecting:
		return pgerror.Source(f.Name, pgerror.UnableToConnect, "could not connect to server: "+f.reason(err), err)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return pgerror.Source(f.Name, pgerror.ConnectionFailure, "the server does not answer", err)
	}
	return pgerror.Source(f.Name, pgerror.ConnectionFailure, "server closed the connection unexpectedly", err)
}

// reason words a failed attempt to connect.
func (f *Failures) reason(err error) string {
	var dns *net.DNSError
	var op *net.OpError
	switch {
	case errors.As(err, &dns):
		return "could not translate host name to address"
	case errors.Is(err, ErrConnectTimeout), errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return "timeout expired"
	case errors.As(err, &op) && op.Op == "dial":
		return strings.TrimPrefix(op.Err.Error(), "connect: ")
	}
	if f.Reason != nil {
		if text := f.Reason(err); text != "" {
			return text
		}
	}
	if op != nil || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return "server closed the connection unexpectedly"
	}
	return "the connection could not be set up"
}

// Unresolved is the error of a COMMIT whose answer did not come (08007): the
// server may have done either.
func Unresolved(name string, err error) error {
	return pgerror.Source(name, pgerror.TransactionResolutionUnknown, "the connection was lost during COMMIT; it is not known whether the transaction was committed", err).
		WithHint("Look at the data before the statements are repeated.")
}
