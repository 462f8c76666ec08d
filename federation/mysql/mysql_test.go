package mysql

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/federation/connectortest"
	"github.com/hubsql/hubsql/tests/harness"
)

func TestMain(m *testing.M) { os.Exit(harness.Main(m)) }

// config returns the configuration for the test server.
func config(m *harness.Maria) connector.Config {
	return connector.Config{
		Server:  "mytest",
		Options: map[string]string{"host": m.Host, "port": strconv.Itoa(m.Port)},
		Mapping: map[string]string{"username": m.User, "password": m.Password},
	}
}

// typeText is the type in DDL.
func typeText(t types.Type) string {
	switch t.OID {
	case types.Bool:
		return "tinyint(1)"
	case types.Float8:
		return "double"
	case types.Text:
		return "longtext"
	case types.Timestamp:
		return "datetime(6)"
	case types.Bytea:
		return "longblob"
	case types.Numeric:
		p, s, _ := t.NumericMod()
		return "decimal(" + strconv.Itoa(p) + "," + strconv.Itoa(s) + ")"
	case types.VarChar:
		n, _ := t.CharMod()
		return "varchar(" + strconv.Itoa(n) + ")"
	}
	return types.Lookup(t.OID).Formal
}

// literal renders a value in MariaDB's SQL.
func literal(c connectortest.Column, text string) string {
	switch c.Type.OID {
	case types.Bool:
		return map[string]string{"t": "1", "f": "0"}[text]
	case types.Bytea:
		return "X'" + strings.TrimPrefix(text, `\x`) + "'"
	case types.Float8, types.Int2, types.Int4, types.Int8, types.Numeric:
		return text
	}
	return connectortest.QuoteSQL(text)
}

// conformance runs the suite against tables of one character set.
func conformance(t *testing.T, database, charset string, push ...string) {
	m := harness.MariaDB(t)
	m.Exec(t, "", "CREATE DATABASE "+database+" CHARACTER SET "+charset)
	for _, table := range []*connectortest.Table{connectortest.TypesTable(), connectortest.BigTable(), connectortest.EmptyTable()} {
		create := "CREATE TABLE " + table.Name + " ("
		for i, c := range table.Columns {
			if i > 0 {
				create += ", "
			}
			create += c.Name + " " + typeText(c.Type)
			if c.NotNull {
				create += " NOT NULL"
			}
		}
		m.Exec(t, database, append([]string{create + ")"}, table.Inserts(table.Name, literal)...)...)
	}
	m.Exec(t, database, "CREATE VIEW slow AS SELECT SLEEP(20) AS id")
	connectortest.Run(t, connectortest.Fixture{
		Connector: Connector{},
		Config:    config(m),
		Types:     connector.TableRef{Schema: database, Name: "hub_types"},
		Big:       connector.TableRef{Schema: database, Name: "hub_big"},
		Empty:     connector.TableRef{Schema: database, Name: "hub_empty"},
		Missing:   connector.TableRef{Schema: database, Name: "nowhere"},
		Slow:      connector.TableRef{Schema: database, Name: "slow"},
		MustPush:  push,
	})
}

func TestConformsInACaseInsensitiveCollation(t *testing.T) {
	conformance(t, "hub_ci", "utf8mb4 COLLATE utf8mb4_general_ci", "id", "b", "i2", "i4", "i8", "f8", "n", "big", "t", "v", "d", "ts", "y")
}

func TestConformsInABinaryCollationThatPads(t *testing.T) {
	conformance(t, "hub_bin", "utf8mb4 COLLATE utf8mb4_bin", "t", "v")
}
