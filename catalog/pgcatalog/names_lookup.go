package pgcatalog

import (
	"strconv"
	"strings"

	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// ParseReg is Lookup with a datum as its result.
func (n Names) ParseReg(t types.OID, text string) (types.Datum, error) {
	id, err := n.Lookup(t, text)
	return oid(id), err
}

// Lookup reads the text of a value of type t; see the function of that name.
func (n Names) Lookup(t types.OID, text string) (types.OID, error) {
	if text == "-" {
		return 0, nil
	}
	if text != "" && strings.Trim(text, "0123456789") == "" {
		v, err := strconv.ParseUint(text, 10, 32)
		if err != nil {
			return 0, pgerror.Newf(pgerror.NumericValueOutOfRange, "value %q is out of range for type oid", text)
		}
		return types.OID(v), nil
	}
	switch t {
	case types.RegType:
		return n.lookupType(text)
	case types.RegProcedure:
		return n.lookupProcedure(text)
	case types.RegOperator:
		return n.lookupOperator(text)
	case types.RegOper:
		parts := strings.Split(text, ".")
		list := n.operatorsNamed(parts[len(parts)-1])
		switch {
		case len(list) == 0:
			return 0, pgerror.Newf(pgerror.UndefinedFunction, "operator does not exist: %s", text)
		case len(list) > 1:
			return 0, pgerror.Newf(pgerror.AmbiguousFunction, "more than one operator named %s", text)
		}
		return list[0].OID, nil
	}
	parts, ok := splitName(text)
	if !ok {
		return 0, pgerror.New(pgerror.InvalidName, "invalid name syntax")
	}
	switch t {
	case types.RegClass:
		return n.lookupRelation(parts)
	case types.RegProc:
		return n.lookupFunction(parts)
	case types.RegNamespace:
		if len(parts) == 1 {
			return n.schema(parts[0])
		}
	case types.RegRole:
		if len(parts) == 1 {
			if r, ok := n.Snapshot.Role(parts[0]); ok {
				return r.OID, nil
			}
			return 0, noRole(parts[0])
		}
	case types.RegCollation:
		for _, r := range collationRows() {
			if r[1].S == parts[len(parts)-1] && (len(parts) == 1 || parts[0] == function.PgCatalog) {
				return oidOf(r[0]), nil
			}
		}
		return 0, pgerror.Newf(pgerror.UndefinedObject, "collation %q for encoding \"UTF8\" does not exist", strings.Join(parts, "."))
	}
	return 0, pgerror.New(pgerror.InvalidName, "invalid name syntax")
}

func noRole(name string) error {
	return pgerror.Newf(pgerror.UndefinedObject, "role %q does not exist", name)
}

// schema returns the OID of a schema, 3F000 when there is none.
func (n Names) schema(name string) (types.OID, error) {
	if s, ok := n.Snapshot.Schema(name); ok {
		return s.OID, nil
	}
	return 0, pgerror.Newf(pgerror.InvalidSchemaName, "schema %q does not exist", name)
}

// lookupRelation finds a relation by one to three names.
func (n Names) lookupRelation(parts []string) (types.OID, error) {
	switch len(parts) {
	case 1:
		for _, s := range n.path() {
			if id, ok := n.relation(s, parts[0]); ok {
				return id, nil
			}
		}
		return 0, pgerror.Newf(pgerror.UndefinedTable, "relation %q does not exist", parts[0])
	case 3:
		// A catalog has one database; a source addressed live is no relation of
		// it and has no OID.
		parts = parts[1:]
	case 2:
	default:
		return 0, pgerror.Newf(pgerror.SyntaxError, "improper relation name (too many dotted names): %s", strings.Join(parts, "."))
	}
	if _, err := n.schema(parts[0]); err != nil {
		return 0, err
	}
	if id, ok := n.relation(parts[0], parts[1]); ok {
		return id, nil
	}
	return 0, pgerror.Newf(pgerror.UndefinedTable, "relation %q does not exist", strings.Join(parts, "."))
}

// overloads lists the functions that a name means, along the search path.
func (n Names) overloads(parts []string) ([]*function.Overload, error) {
	name := parts[len(parts)-1]
	if len(parts) > 1 {
		schema := parts[len(parts)-2]
		if _, err := n.schema(schema); err != nil {
			return nil, err
		}
		return n.functionsNamed(schema, name), nil
	}
	var out []*function.Overload
	for _, s := range n.path() {
		out = append(out, n.functionsNamed(s, name)...)
	}
	return out, nil
}

// lookupFunction finds the only function of a name.
func (n Names) lookupFunction(parts []string) (types.OID, error) {
	list, err := n.overloads(parts)
	if err != nil {
		return 0, err
	}
	switch len(list) {
	case 1:
		return list[0].OID, nil
	case 0:
		if len(parts) == 1 || parts[0] == function.PgCatalog {
			if id, ok := supportOID(parts[len(parts)-1]); ok {
				return id, nil
			}
		}
		return 0, pgerror.Newf(pgerror.UndefinedFunction, "function %q does not exist", strings.Join(parts, "."))
	}
	return 0, pgerror.Newf(pgerror.AmbiguousFunction, "more than one function named %q", strings.Join(parts, "."))
}

// splitArgs splits name(type, type).
func splitArgs(text string) (name string, args []string, err error) {
	before, after, ok0 := strings.Cut(text, "(")
	if !ok0 {
		return "", nil, pgerror.New(pgerror.InvalidTextRepresentation, "expected a left parenthesis")
	}
	body, ok := strings.CutSuffix(strings.TrimSpace(after), ")")
	if !ok {
		return "", nil, pgerror.New(pgerror.InvalidTextRepresentation, "expected a right parenthesis")
	}
	if strings.TrimSpace(body) != "" {
		depth, from := 0, 0
		for i := range len(body) {
			switch body[i] {
			case '(':
				depth++
			case ')':
				depth--
			case ',':
				if depth == 0 {
					args = append(args, strings.TrimSpace(body[from:i]))
					from = i + 1
				}
			}
		}
		args = append(args, strings.TrimSpace(body[from:]))
	}
	return strings.TrimSpace(before), args, nil
}

func (n Names) lookupProcedure(text string) (types.OID, error) {
	name, args, err := splitArgs(text)
	if err != nil {
		return 0, err
	}
	parts, ok := splitName(name)
	if !ok {
		return 0, pgerror.New(pgerror.InvalidName, "invalid name syntax")
	}
	ids := make([]types.OID, len(args))
	for i, a := range args {
		if ids[i], err = n.lookupType(a); err != nil {
			return 0, err
		}
	}
	list, err := n.overloads(parts)
	if err != nil {
		return 0, err
	}
	for _, f := range list {
		if equalTypes(f.Args, ids) {
			return f.OID, nil
		}
	}
	if id, ok := supportOID(parts[len(parts)-1]); ok && equalTypes(supportArgs(id), ids) {
		return id, nil
	}
	return 0, pgerror.Newf(pgerror.UndefinedFunction, "function %q does not exist", text)
}

func (n Names) lookupOperator(text string) (types.OID, error) {
	name, args, err := splitArgs(text)
	if err != nil {
		return 0, err
	}
	switch {
	case len(args) == 1:
		return 0, pgerror.New(pgerror.UndefinedParameter, "missing argument").WithHint("Use NONE to denote the missing argument of a unary operator.")
	case len(args) != 2:
		return 0, pgerror.New(pgerror.InvalidTextRepresentation, "too many arguments").WithHint("Provide two argument types for operator.")
	}
	var ids [2]types.OID
	for i, a := range args {
		if strings.EqualFold(a, "none") {
			continue
		}
		if ids[i], err = n.lookupType(a); err != nil {
			return 0, err
		}
	}
	symbol := name[strings.LastIndexByte(name, '.')+1:]
	if n.Registry != nil {
		if o, ok := n.Registry.OperatorExact(symbol, ids[0], ids[1]); ok {
			return o.OID, nil
		}
	}
	return 0, pgerror.Newf(pgerror.UndefinedFunction, "operator does not exist: %s", text)
}

func equalTypes(a, b []types.OID) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// splitName reads a name of identifiers joined by dots: unquoted ones are
// folded to lower case, all are cut to PostgreSQL's 63 bytes.
func splitName(s string) ([]string, bool) {
	var out []string
	for {
		s = strings.TrimLeft(s, " \t\n\r\f\v")
		var part string
		if strings.HasPrefix(s, `"`) {
			end := 1
			for {
				i := strings.IndexByte(s[end:], '"')
				if i < 0 {
					return nil, false
				}
				end += i + 1
				if !strings.HasPrefix(s[end:], `"`) {
					break
				}
				end++
			}
			part = strings.ReplaceAll(s[1:end-1], `""`, `"`)
			s = s[end:]
		} else {
			end := strings.IndexAny(s, ". \t\n\r\f\v\"")
			if end < 0 {
				end = len(s)
			}
			part = strings.ToLower(s[:end])
			s = s[end:]
		}
		if part == "" {
			return nil, false
		}
		out = append(out, types.TruncateName(part))
		s = strings.TrimLeft(s, " \t\n\r\f\v")
		if s == "" {
			return out, true
		}
		if s[0] != '.' {
			return nil, false
		}
		s = s[1:]
	}
}

// typeAliases are the names of the SQL grammar that are neither in pg_type nor
// what format_type prints.
var typeAliases = map[string]types.OID{
	"int": types.Int4, "decimal": types.Numeric, "dec": types.Numeric, "float": types.Float8,
	"char": types.BPChar, "nchar": types.BPChar, "national character": types.BPChar, "national char": types.BPChar,
	"char varying": types.VarChar, "national character varying": types.VarChar,
	"time": types.Time, "timestamp": types.Timestamp, "bit varying": types.VarBit,
}

// formalNames maps what format_type prints to types.
func formalName(s string) types.OID {
	for _, t := range types.All() {
		if t.Formal == s {
			return t.OID
		}
	}
	return 0
}

// namedType finds a type by its name, qualified or not, 0 when there is none.
func (n Names) namedType(parts []string) types.OID {
	name, path := parts[len(parts)-1], n.path()
	if len(parts) > 1 {
		path = parts[len(parts)-2 : len(parts)-1]
	}
	for _, schema := range path {
		if schema == function.PgCatalog {
			if info := types.ByName(name); info != nil {
				return info.OID
			}
			continue
		}
		if t, ok := n.Snapshot.FindType([]string{schema}, name); ok {
			if t.Domain != 0 {
				return t.Domain
			}
			return t.OID
		}
	}
	return 0
}

// lookupType reads the name of a type as the SQL grammar spells it; a modifier
// is left out.
func (n Names) lookupType(text string) (types.OID, error) {
	none := pgerror.Newf(pgerror.UndefinedObject, "type %q does not exist", text)
	s := strings.TrimSpace(text)
	array := false
	for strings.HasSuffix(s, "]") {
		i := strings.LastIndexByte(s, '[')
		if i < 0 {
			return 0, pgerror.Newf(pgerror.SyntaxError, "invalid type name %q", text)
		}
		array, s = true, strings.TrimSpace(s[:i])
	}
	if !strings.Contains(s, `"`) {
		if base, ok := strings.CutSuffix(strings.ToLower(s), " array"); ok {
			array, s = true, base
		}
	}
	if i := strings.IndexByte(s, '('); i >= 0 {
		if j := strings.IndexByte(s[i:], ')'); j >= 0 {
			s = strings.TrimSpace(s[:i] + s[i+j+1:])
		}
	}
	var id types.OID
	folded := strings.ToLower(strings.Join(strings.Fields(s), " "))
	if id = typeAliases[folded]; id == 0 && !strings.Contains(s, `"`) {
		if id = formalName(folded); strings.HasSuffix(folded, "]") {
			id = 0
		}
	}
	if id == 0 {
		parts, ok := splitName(s)
		if !ok {
			return 0, pgerror.Newf(pgerror.SyntaxError, "invalid type name %q", text)
		}
		if len(parts) > 1 {
			if _, err := n.schema(parts[len(parts)-2]); err != nil {
				return 0, err
			}
		}
		if id = n.namedType(parts); id == 0 {
			return 0, none
		}
	}
	if array {
		if info := types.Lookup(id); info.Category != types.CategoryArray || info.Elem == 0 {
			id = info.Array
		}
		if id == 0 {
			return 0, none
		}
	}
	return id, nil
}
