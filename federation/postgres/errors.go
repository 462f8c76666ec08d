package postgres

import (
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/hubsql/hubsql/wire/pgerror"
)

// reported makes the error for what the server itself reported, nil for other
// errors of the driver.
func (s *source) reported(err error, connecting bool) error {
	if remote, ok := errors.AsType[*pgconn.PgError](err); ok {
		if err := s.constraint(remote.Code, remote.TableName, remote.ColumnName, remote.ConstraintName); err != nil {
			return err
		}
		return s.remoteError(remote.Code, remote.Message, connecting)
	}
	return nil
}

// reason words a connection failure that only the driver understands.
func reason(err error) string {
	text := err.Error()
	switch {
	case strings.Contains(text, "server refused TLS connection"):
		return "the server does not support SSL, but SSL was required"
	case strings.Contains(text, "tls:"), strings.Contains(text, "x509:"):
		return "the certificate or the TLS handshake was refused"
	}
	return ""
}

// fixedMessage reports whether a message about a value says nothing of it.
func fixedMessage(message string) bool {
	switch message {
	case "division by zero", "smallint out of range", "integer out of range", "bigint out of range", "value out of range: overflow",
		"value out of range: underflow", "numeric field overflow", "timestamp out of range", "interval out of range", "date out of range":
		return true
	}
	return false
}

// constraint words the violation of a constraint by the names in it, nil for
// other errors: messages that users write may hold values.
func (s *source) constraint(code, table, column, name string) error {
	message := ""
	switch pgerror.Code(code) {
	case pgerror.NotNullViolation:
		message = fmt.Sprintf("null value in column %q of relation %q violates not-null constraint", column, table)
	case pgerror.ForeignKeyViolation:
		message = fmt.Sprintf("change of table %q violates foreign key constraint %q", table, name)
	case pgerror.UniqueViolation:
		message = fmt.Sprintf("duplicate key value violates unique constraint %q", name)
	case pgerror.CheckViolation:
		message = fmt.Sprintf("new row for relation %q violates check constraint %q", table, name)
	default:
		return nil
	}
	return pgerror.Source(s.name, pgerror.Code(code), message, nil)
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
	case code == "40001":
		return pgerror.Source(s.name, state, "could not serialize access due to concurrent update", nil).WithHint("Repeat the transaction.")
	case code == "40P01":
		return pgerror.Source(s.name, state, "deadlock detected", nil)
	case code == "25006", code == "42P07", code == "0A000", code == "428C9", code == "2BP01", code == "42P10":
		return pgerror.Source(s.name, state, message, nil)
	case class == "22" && fixedMessage(message):
		return pgerror.New(state, message).WithDetail("Reported by source %q.", s.name)
	case class == "22":
		return pgerror.Source(s.name, state, "the remote query failed on a value", nil)
	case class == "":
		state = pgerror.FDWError
	}
	return pgerror.Source(s.name, state, "the remote query failed", nil)
}
