package wire

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"log/slog"
	"runtime/debug"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// SQLSTATEs that only the protocol raises.
const (
	idleSessionTimeout       pgerror.Code = "57P05"
	idleInTransactionTimeout pgerror.Code = "25P03"
)

// errClientGone cancels a statement whose client has closed the connection.
var errClientGone = pgerror.Fatalf(pgerror.ConnectionFailure, "connection to client lost")

// errShutdown ends a session when the server stops.
func errShutdown() *pgerror.Error {
	return pgerror.Fatalf(pgerror.AdminShutdown, "terminating connection due to administrator command")
}

// violation is an error in the contents of a message.
func violation(format string, args ...any) *pgerror.Error {
	return pgerror.Newf(pgerror.ProtocolViolation, format, args...)
}

// fatal returns err with severity FATAL.
func fatal(err error) *pgerror.Error {
	e := *pgerror.From(err)
	e.Severity = pgerror.SeverityFatal
	return &e
}

// errorFields returns the fields that ErrorResponse and NoticeResponse share.
func errorFields(e *pgerror.Error, names RegNames) pgproto3.ErrorResponse {
	severity := string(e.Severity)
	if severity == "" {
		severity = string(pgerror.SeverityError)
	}
	if names != nil {
		e = namedTypes(e, names)
	}
	return pgproto3.ErrorResponse{
		Severity:            severity,
		SeverityUnlocalized: severity,
		Code:                string(e.Code),
		Message:             e.Message,
		Detail:              e.Detail,
		Hint:                e.Hint,
		Position:            int32(e.Position),
		Where:               e.Where,
		SchemaName:          e.Schema,
		TableName:           e.Table,
		ColumnName:          e.Column,
		ConstraintName:      e.Constraint,
	}
}

// namedTypes puts the names of users' types into the texts of an error.
func namedTypes(e *pgerror.Error, names RegNames) *pgerror.Error {
	n := *e
	for _, s := range []*string{&n.Message, &n.Detail, &n.Hint} {
		*s = types.NameTypes(*s, func(t types.OID) string {
			return string(names.AppendReg(nil, types.RegType, uint32(t)))
		})
	}
	return &n
}

// minMessageLevels orders client_min_messages and the severities of notices.
var minMessageLevels = map[string]int{
	"debug5": 1, "debug4": 2, "debug3": 3, "debug2": 4, "debug": 4, "debug1": 5,
	"log": 6, "notice": 7, "warning": 8, "error": 9,
}

// noticeWanted reports whether a notice reaches a client whose
// client_min_messages is minMessages. INFO always does.
func noticeWanted(severity pgerror.Severity, minMessages string) bool {
	least, ok := minMessageLevels[minMessages]
	if !ok {
		least = minMessageLevels["notice"]
	}
	switch severity {
	case pgerror.SeverityDebug:
		return minMessageLevels["debug1"] >= least
	case pgerror.SeverityNotice:
		return minMessageLevels["notice"] >= least
	case pgerror.SeverityWarning:
		return minMessageLevels["warning"] >= least
	}
	return true
}

// outcome turns what a call of the engine returned into the error the client
// sees: the reason of a cancellation wins over what the cancellation broke.
func outcome(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		if cause, ok := errors.AsType[*pgerror.Error](context.Cause(ctx)); ok {
			return cause
		}
	}
	return err
}

// recovered turns a panic into XX000 with an id that finds the stack in the
// server's log.
func recovered(log *slog.Logger, p any) error {
	var id [4]byte
	_, _ = rand.Read(id[:]) // an id of zeros still finds the entry by time
	name := hex.EncodeToString(id[:])
	// The value of the panic may quote data, so only its type is logged when it
	// is not an error of the runtime.
	attrs := []any{slog.String("log_id", name), slog.String("stack", string(debug.Stack()))}
	if e, ok := p.(interface{ RuntimeError() }); ok {
		attrs = append(attrs, slog.Any("panic", e))
	}
	log.Error("statement panicked", attrs...)
	return pgerror.Newf(pgerror.InternalError, "internal error (log id %s)", name)
}
