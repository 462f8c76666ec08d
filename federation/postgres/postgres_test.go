package postgres

import (
	"os"
	"strconv"
	"testing"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/federation/connectortest"
	"github.com/hubsql/hubsql/tests/harness"
)

func TestMain(m *testing.M) { os.Exit(harness.Main(m)) }

// config returns the configuration for a database of the test server.
func config(pg *harness.PG, database string) connector.Config {
	return connector.Config{
		Server:  "pgtest",
		Options: map[string]string{"host": pg.Host, "port": strconv.Itoa(pg.Port), "dbname": database, "sslmode": "disable"},
		Mapping: map[string]string{"user": pg.User, "password": pg.Password},
	}
}

// load stores the suite's tables.
func load(t testing.TB, pg *harness.PG, database string) {
	literal := func(c connectortest.Column, text string) string {
		return connectortest.QuoteSQL(text)
	}
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
		pg.Exec(t, database, append([]string{create + ")"}, table.Inserts(table.Name, literal)...)...)
	}
	pg.Exec(t, database, "CREATE VIEW slow AS SELECT 1 AS id FROM pg_sleep(20)", "ANALYZE")
}

// typeText is the type in DDL.
func typeText(t types.Type) string {
	s := types.Lookup(t.OID).Formal
	if p, scale, ok := t.NumericMod(); ok {
		s += "(" + strconv.Itoa(p) + "," + strconv.Itoa(scale) + ")"
	}
	if n, ok := t.CharMod(); ok {
		s += "(" + strconv.Itoa(n) + ")"
	}
	return s
}

// conformance runs the suite against a database.
func conformance(t *testing.T, pg *harness.PG, database string) {
	load(t, pg, database)
	connectortest.Run(t, connectortest.Fixture{
		Connector: Connector{},
		Config:    config(pg, database),
		Types:     connector.TableRef{Schema: "public", Name: "hub_types"},
		Big:       connector.TableRef{Schema: "public", Name: "hub_big"},
		Empty:     connector.TableRef{Schema: "public", Name: "hub_empty"},
		Missing:   connector.TableRef{Schema: "public", Name: "nowhere"},
		Slow:      connector.TableRef{Schema: "public", Name: "slow"},
		MustPush:  []string{"id", "b", "i2", "i4", "i8", "f8", "n", "big", "t", "v", "d", "ts", "y"},
	})
}

func TestConformsInABinaryCollation(t *testing.T) {
	pg := harness.Postgres(t)
	pg.Database(t, "hub_c", "")
	conformance(t, pg, "hub_c")
}

func TestConformsInALinguisticCollation(t *testing.T) {
	pg := harness.Postgres(t)
	pg.Database(t, "hub_icu", "TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en-US' LOCALE 'C.UTF-8'")
	conformance(t, pg, "hub_icu")
}
