package dataset

import (
	"fmt"
	"strings"
)

// Server says how to reach a database of PostgreSQL or MariaDB.
type Server struct {
	Host     string
	Port     int
	User     string
	Password string
	Database string
}

// Postgres returns the statements by which a hub gets to know the server, as one
// of PostgreSQL.
func (s Server) Postgres(name string) []string {
	return []string{
		fmt.Sprintf("CREATE SERVER %s FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host %s, port '%d', dbname %s, sslmode 'disable')", name, Quote(s.Host), s.Port, Quote(s.Database)),
		fmt.Sprintf("CREATE USER MAPPING FOR PUBLIC SERVER %s OPTIONS (user %s, password %s)", name, Quote(s.User), Quote(s.Password)),
	}
}

// MariaDB returns the statements by which a hub gets to know the server, as one
// of MariaDB.
func (s Server) MariaDB(name string) []string {
	return []string{
		fmt.Sprintf("CREATE SERVER %s FOREIGN DATA WRAPPER mysql_fdw OPTIONS (host %s, port '%d')", name, Quote(s.Host), s.Port),
		fmt.Sprintf("CREATE USER MAPPING FOR PUBLIC SERVER %s OPTIONS (username %s, password %s)", name, Quote(s.User), Quote(s.Password)),
	}
}

// Quote makes a literal.
func Quote(s string) string {
	q := "'" + strings.ReplaceAll(s, "'", "''") + "'"
	if strings.Contains(s, `\`) {
		return "E" + strings.ReplaceAll(q, `\`, `\\`)
	}
	return q
}
