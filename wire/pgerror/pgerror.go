// Package pgerror is the one error vocabulary of HubSQL: an error with a
// SQLSTATE and the fields a PostgreSQL client shows. Errors are made where the
// knowledge is, wrapped upward with %w, and turned into protocol messages only
// by package wire.
package pgerror

import (
	"context"
	"errors"
	"fmt"
)

// Severity of a message as the protocol spells it.
type Severity string

// Severities of the PostgreSQL protocol, section 55.8.
const (
	SeverityError   Severity = "ERROR"
	SeverityFatal   Severity = "FATAL"
	SeverityPanic   Severity = "PANIC"
	SeverityWarning Severity = "WARNING"
	SeverityNotice  Severity = "NOTICE"
	SeverityInfo    Severity = "INFO"
	SeverityDebug   Severity = "DEBUG"
)

// Error carries one PostgreSQL error or notice.
//
// Position is a 1-based character (not byte) position in the text of the
// statement that the client sent, 0 when unknown. Cause is kept for errors.Is
// and for the server log; it is never sent to a client.
type Error struct {
	Severity   Severity
	Code       Code
	Message    string
	Detail     string
	Hint       string
	Position   int
	Where      string
	Schema     string
	Table      string
	Column     string
	Constraint string
	Cause      error
}

// Error implements error with the message and its SQLSTATE.
func (e *Error) Error() string {
	if e.Cause != nil {
		return fmt.Sprintf("%s (SQLSTATE %s): %v", e.Message, e.Code, e.Cause)
	}
	return fmt.Sprintf("%s (SQLSTATE %s)", e.Message, e.Code)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// New returns an ERROR with the given SQLSTATE and message.
func New(code Code, message string) *Error {
	return &Error{Severity: SeverityError, Code: code, Message: message}
}

// Newf returns an ERROR with a formatted message. A %w verb is not supported:
// use Wrap, so that a cause never reaches the client by accident.
func Newf(code Code, format string, args ...any) *Error {
	return New(code, fmt.Sprintf(format, args...))
}

// Wrap returns an ERROR whose cause is kept for the log but not for the client.
func Wrap(cause error, code Code, message string) *Error {
	e := New(code, message)
	e.Cause = cause
	return e
}

// Noticef returns a NOTICE.
func Noticef(code Code, format string, args ...any) *Error {
	return &Error{Severity: SeverityNotice, Code: code, Message: fmt.Sprintf(format, args...)}
}

// Warningf returns a WARNING.
func Warningf(code Code, format string, args ...any) *Error {
	return &Error{Severity: SeverityWarning, Code: code, Message: fmt.Sprintf(format, args...)}
}

// Fatalf returns a FATAL error: the connection ends after it.
func Fatalf(code Code, format string, args ...any) *Error {
	return &Error{Severity: SeverityFatal, Code: code, Message: fmt.Sprintf(format, args...)}
}

// WithDetail sets the detail and returns e.
func (e *Error) WithDetail(format string, args ...any) *Error {
	e.Detail = fmt.Sprintf(format, args...)
	return e
}

// WithHint sets the hint and returns e.
func (e *Error) WithHint(format string, args ...any) *Error {
	e.Hint = fmt.Sprintf(format, args...)
	return e
}

// At sets the 1-based character position unless one is set already.
func (e *Error) At(position int) *Error {
	if e.Position == 0 {
		e.Position = position
	}
	return e
}

// From returns err as an *Error: the innermost-wrapped *Error when there is
// one, 57014 for a cancelled context, XX000 otherwise.
func From(err error) *Error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	if errors.Is(err, context.Canceled) {
		return QueryCanceled()
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return StatementTimeout()
	}
	return Wrap(err, InternalError, "internal error")
}

// CodeOf returns the SQLSTATE of err, XX000 when it carries none.
func CodeOf(err error) Code {
	if err == nil {
		return SuccessfulCompletion
	}
	return From(err).Code
}

// QueryCanceled is the answer to a client's cancel request.
func QueryCanceled() *Error {
	return New(QueryCanceledCode, "canceling statement due to user request")
}

// StatementTimeout is the answer when statement_timeout has passed.
func StatementTimeout() *Error {
	return New(QueryCanceledCode, "canceling statement due to statement timeout")
}

// NotSupported names a feature that PostgreSQL has and HubSQL does not.
func NotSupported(format string, args ...any) *Error {
	return Newf(FeatureNotSupported, format, args...)
}

// PermissionDenied is PostgreSQL's aclcheck error, e.g. ("table", "orders").
func PermissionDenied(kind, name string) *Error {
	return Newf(InsufficientPrivilege, "permission denied for %s %s", kind, name)
}

// Source is an error of a remote source: its message starts with the source's
// name, and the code is an 08xxx, 28xxx, HV000 or the source's own SQLSTATE.
// The caller has removed secrets and values of protected columns from message.
func Source(source string, code Code, message string, cause error) *Error {
	e := Newf(code, "source %q: %s", source, message)
	e.Cause = cause
	return e
}
