package mysql

import (
	"errors"
	"fmt"

	driverpkg "github.com/go-sql-driver/mysql"

	"github.com/hubsql/hubsql/wire/pgerror"
)

// reported makes the error for what the server itself reported, nil for other
// errors of the driver.
func (s *source) reported(err error, connecting bool) error {
	if remote, ok := errors.AsType[*driverpkg.MySQLError](err); ok {
		return s.remoteError(remote, connecting)
	}
	return nil
}

// reason words a connection failure that only the driver understands.
func reason(err error) string {
	switch {
	case errors.Is(err, driverpkg.ErrNoTLS):
		return "the server does not support TLS, but TLS was required"
	case errors.Is(err, driverpkg.ErrInvalidConn):
		return "server closed the connection unexpectedly"
	}
	return ""
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
	case 1062, 1586:
		code, message = pgerror.UniqueViolation, "duplicate key value violates a unique constraint"
	case 1048, 1364:
		code, message = pgerror.NotNullViolation, "null value in a column violates not-null constraint"
	case 1216, 1217, 1451, 1452:
		code, message = pgerror.ForeignKeyViolation, "the change violates a foreign key constraint"
	case 3819, 4025:
		code, message = pgerror.CheckViolation, "new row violates a check constraint"
	case 1213:
		code, message = pgerror.DeadlockDetected, "deadlock detected"
	case 1020:
		code, message = pgerror.SerializationFailure, "could not serialize access due to concurrent update"
	case 1290, 1792, 1836:
		code, message = pgerror.ReadOnlySQLTransaction, "the server is read only"
	case 1205:
		code, message = pgerror.LockNotAvailable, "lock wait timeout exceeded"
	default:
		if e.SQLState[0] == '2' && e.SQLState[1] == '2' {
			code, message = pgerror.Code(e.SQLState[:]), "the remote query failed on a value"
		}
	}
	return pgerror.Source(s.name, code, message, nil)
}
