package builtin

import (
	_ "embed" // the tables of facts are files
	"strconv"
	"strings"

	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
)

// procTable has one line per function of PostgreSQL 15: OID, name, kind (s for
// set-returning), argument types, result type, volatility, strict, leakproof,
// variadic, number of defaults, output columns.
//
//go:embed pg_proc.tsv
var procTable string

// operatorTable: name, left type, right type, OID of the function, commutator,
// negator, OID.
//
//go:embed pg_operator.tsv
var operatorTable string

// castTable: source, target, OID of the function, context, method.
//
//go:embed pg_cast.tsv
var castTable string

// defaults holds the default values of arguments by function name.
var defaults = map[string][]string{
	"make_interval":        {"0", "0", "0", "0", "0", "0", "0.0"},
	"jsonb_set":            {"true"},
	"jsonb_set_lax":        {"true", "'use_json_null'"},
	"jsonb_insert":         {"false"},
	"parse_ident":          {"true"},
	"normalize":            {"'NFC'"},
	"is_normalized":        {"'NFC'"},
	"pg_terminate_backend": {"0"},

	"jsonb_path_exists": {"'{}'", "false"}, "jsonb_path_exists_tz": {"'{}'", "false"},
	"jsonb_path_match": {"'{}'", "false"}, "jsonb_path_match_tz": {"'{}'", "false"},
	"jsonb_path_query": {"'{}'", "false"}, "jsonb_path_query_tz": {"'{}'", "false"},
	"jsonb_path_query_array": {"'{}'", "false"}, "jsonb_path_query_array_tz": {"'{}'", "false"},
	"jsonb_path_query_first": {"'{}'", "false"}, "jsonb_path_query_first_tz": {"'{}'", "false"},
	"json_populate_record": {"false"}, "json_populate_recordset": {"false"},
}

// argNames holds the names of arguments where calls use them by name.
var argNames = map[string][]string{
	"make_interval":          {"years", "months", "weeks", "days", "hours", "mins", "secs"},
	"make_date":              {"year", "month", "day"},
	"make_time":              {"hour", "min", "sec"},
	"make_timestamp":         {"year", "month", "mday", "hour", "min", "sec"},
	"make_timestamptz":       {"year", "month", "mday", "hour", "min", "sec", "timezone"},
	"jsonb_set":              {"jsonb_in", "path", "replacement", "create_if_missing"},
	"jsonb_set_lax":          {"jsonb_in", "path", "replacement", "create_if_missing", "null_value_treatment"},
	"jsonb_insert":           {"jsonb_in", "path", "replacement", "insert_after"},
	"json_object_field":      {"from_json", "field_name"},
	"jsonb_object_field":     {"from_json", "field_name"},
	"json_array_element":     {"from_json", "element_index"},
	"jsonb_array_element":    {"from_json", "element_index"},
	"json_populate_record":   {"base", "from_json", "use_json_as_text"},
	"parse_ident":            {"str", "strict"},
	"jsonb_path_exists":      pathArgs,
	"jsonb_path_exists_tz":   pathArgs,
	"jsonb_path_match":       pathArgs,
	"jsonb_path_match_tz":    pathArgs,
	"jsonb_path_query":       pathArgs,
	"jsonb_path_query_tz":    pathArgs,
	"jsonb_path_query_array": pathArgs, "jsonb_path_query_array_tz": pathArgs,
	"jsonb_path_query_first": pathArgs, "jsonb_path_query_first_tz": pathArgs,
}

// pathArgs are the arguments of the functions of jsonpath.
var pathArgs = []string{"target", "path", "vars", "silent"}

// facts are the overloads of PostgreSQL, without kernels.
type facts struct {
	list  []*function.Overload
	bySig map[string]*function.Overload
}

// typeOID returns the OID of a pg_type name, 0 for "".
func typeOID(name string) types.OID {
	if i := types.ByName(name); i != nil {
		return i.OID
	}
	return 0
}

// readFacts parses procTable.
func readFacts() facts {
	f := facts{bySig: map[string]*function.Overload{}}
	for line := range strings.Lines(procTable) {
		c := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		oid, _ := strconv.ParseUint(c[0], 10, 32)
		o := &function.Overload{
			OID: types.OID(oid), Name: c[1], Kind: function.Kind(c[2][0]), Ret: typeOID(c[4]),
			Volatility: function.Volatility(c[5][0]), Strict: c[6] == "s", Leakproof: c[7] == "l", Variadic: c[8] == "v",
			ArgNames: argNames[c[1]],
		}
		if c[3] != "" {
			for a := range strings.SplitSeq(c[3], ",") {
				o.Args = append(o.Args, typeOID(a))
			}
		}
		if n, _ := strconv.Atoi(c[9]); n > 0 && len(defaults[o.Name]) == n {
			o.Defaults = defaults[o.Name]
		}
		switch {
		case len(o.ArgNames) == len(o.Args)+1 && o.Name == "make_timestamptz":
			o.ArgNames = o.ArgNames[:len(o.Args)]
		case len(o.ArgNames) != len(o.Args):
			o.ArgNames = nil
		}
		if c[10] != "" {
			for col := range strings.SplitSeq(c[10], ",") {
				name, typ, _ := strings.Cut(col, ":")
				o.RetColumns = append(o.RetColumns, function.Column{Name: name, Type: typeOID(typ)})
			}
		}
		f.list = append(f.list, o)
		f.bySig[c[1]+"("+c[3]+")"] = o
	}
	return f
}

// operatorFact is an operator and the OID of its function.
type operatorFact struct {
	op function.Operator
	fn types.OID
}

// readOperators parses operatorTable.
func readOperators() []operatorFact {
	var list []operatorFact
	for line := range strings.Lines(operatorTable) {
		c := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		fn, _ := strconv.ParseUint(c[3], 10, 32)
		list = append(list, operatorFact{
			op: function.Operator{Name: c[0], Left: typeOID(c[1]), Right: typeOID(c[2]), Commutator: c[4], Negator: c[5]},
			fn: types.OID(fn),
		})
	}
	return list
}

// castFact is a cast, its method (f function, b binary, i input/output) and the
// OID of its function.
type castFact struct {
	cast   function.Cast
	fn     types.OID
	method byte
}

// readCasts parses castTable.
func readCasts() []castFact {
	var list []castFact
	for line := range strings.Lines(castTable) {
		c := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		fn, _ := strconv.ParseUint(c[2], 10, 32)
		if typeOID(c[0]) == 0 || typeOID(c[1]) == 0 {
			continue // a type that is not built in here
		}
		list = append(list, castFact{
			cast: function.Cast{From: typeOID(c[0]), To: typeOID(c[1]), Context: function.CastContext(c[3][0])},
			fn:   types.OID(fn), method: c[4][0],
		})
	}
	return list
}
