package arch

// module is the path of this module.
const module = "github.com/hubsql/hubsql/"

// layers is the table of the import law: a package imports packages of strictly
// lower layers only. A package without an entry is an offence, so that nobody
// adds one without deciding where it stands.
var layers = map[string]int{
	"wire/pgerror": 0,

	"catalog/types":       1,
	"exec/memory":         1,
	"exec/scheduler":      1,
	"federation/connpool": 1,
	"wire/scram":          1,

	"catalog/session": 2,
	"exec/vector":     2,

	"catalog/function": 3,
	"exec/spill":       3,

	"planner/expr": 4,

	"federation/connector": 5,

	"catalog":              6,
	"federation/decode":    6,
	"federation/localfile": 6,
	"federation/sample":    6,
	"federation/sqltext":   6,
	"parser":               6,
	"planner/physical":     6,

	"planner/logical": 7,
	"planner/policy":  7,

	"planner/binder":   8,
	"planner/ddl":      8,
	"planner/estimate": 8,

	"planner/optimizer": 9,

	"exec/kernel": 10,
	"planner":     10,

	"exec/builtin": 11,

	"exec/eval": 12,

	"exec/operator": 13,
	"storage":       13,

	"exec": 14,

	"audit":                    15,
	"catalog/pgcatalog":        15,
	"federation/connectortest": 15,
	"federation/file":          15,
	"federation/mysql":         15,
	"federation/parquet":       15,
	"federation/postgres":      15,
	"federation/sqlite":        15,
	"masking":                  15,
	"wire":                     15,

	"cmd/hubsql/server": 16,

	"cmd/hubsql": 17,
}

// support lists packages that exist for tests; only test files and packages
// below tests may import them.
var support = map[string]bool{
	"federation/connectortest": true,
	"tests/harness":            true,
}

// closed lists packages that may import nothing of this module but what is
// named, although the layers would allow more.
var closed = map[string]struct {
	allowed []string
	reason  string
}{
	"wire": {
		[]string{"catalog/session", "catalog/types", "exec/vector", "wire/pgerror", "wire/scram"},
		"the protocol serves any backend: it declares the interfaces it needs and knows neither parser nor planner nor engine",
	},
	"masking": {
		[]string{"catalog", "catalog/function", "catalog/session", "catalog/types", "exec/vector", "planner/policy", "wire/pgerror"},
		"policies say what is protected; binding and running belongs to planner and exec",
	},
	"parser": {
		[]string{"catalog/types", "wire/pgerror"},
		"parsing depends on the text alone, not on what exists",
	},
	"wire/pgerror": {nil, "everything stands on it"},
}

// rationed lists imports from outside that only some packages may have. A
// pattern ending in /... stands for everything below. An entry of from ending in
// /* stands for the packages directly below.
var rationed = []struct {
	pattern string
	from    []string
	reason  string
}{
	{
		"github.com/pganalyze/pg_query_go/...",
		[]string{"parser", "planner/binder", "planner/ddl", "exec"},
		"the parse tree ends at the binder; exec only asks what kind of statement it holds",
	},
	{
		"github.com/jackc/pgx/...",
		[]string{"wire", "federation/postgres", "cmd/hubsql/server", "tests/..."},
		"wire needs the message codec, the connector the driver, the demonstration is a client of its own hub",
	},
	{
		"github.com/go-sql-driver/mysql/...",
		[]string{"federation/mysql", "tests/..."},
		"a driver belongs to its connector",
	},
	{
		"modernc.org/sqlite/...",
		[]string{"federation/sqlite", "catalog", "cmd/hubsql/server", "tests/..."},
		"SQLite is a source, the store of the catalog, and a file that the demonstration writes",
	},
	{
		"github.com/parquet-go/parquet-go/...",
		[]string{"federation/parquet", "cmd/hubsql/server", "tests/..."},
		"the file format belongs to its connector; the demonstration writes sample files",
	},
	{
		"database/sql/...",
		[]string{"catalog", "storage", "federation/*", "cmd/hubsql/server", "tests/..."},
		"rows as database/sql gives them are boxed one by one; only code at the edge may do that",
	},
	{
		"github.com/apache/arrow-go/...",
		[]string{"exec/vector", "federation/*", "tests/..."},
		"the rest of the engine sees vectors",
	},
}

// door lists identifiers of this module that only some packages may use outside
// tests.
var door = []struct {
	pkg, name string
	literal   bool // composite literals, otherwise any use
	from      []string
	reason    string
}{
	{"planner/logical", "Scan", true, []string{"planner/binder"}, "base relations are bound in one place, which puts the policies around them"},
	{"federation/connector", "Seal", false, []string{"planner/policy", "federation/connectortest"}, "what goes to a source has passed the policies of its table"},
	{"federation/connector", "SealOperation", false, []string{"planner/policy", "federation/connectortest"}, "what goes to a source has passed the policies of its table"},
}

// outside is door for packages of other modules.
var outside = []struct {
	path, name string
	from       []string
	reason     string
}{
	{"github.com/jackc/pgx/v5/pgproto3", "NewBackend", []string{"wire"}, "one implementation of the server side of the protocol"},
	{"github.com/jackc/pgx/v5/pgproto3", "Backend", []string{"wire"}, "one implementation of the server side of the protocol"},
}

// refused are words that name no concept; folders and files are named after what
// they hold.
var refused = []string{"internal", "pkg", "util", "utils", "common", "helper", "helpers", "misc", "manager", "base", "shared"}

// maxLines is the longest that a source file may be.
const maxLines = 900

// named lists files whose name contains one of the refused words rightly.
var named = map[string]bool{
	"planner/optimizer/inline_shared.go": true, // the rule inlines shared plans
	"exec/operator/shared.go":            true, // the operator of a plan with several readers
}
