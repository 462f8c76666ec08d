package catalog

import (
	"strconv"
	"strings"

	"github.com/hubsql/hubsql/catalog/types"
)

// ClassFunction is the class of functions that users have made.
const ClassFunction Class = 1255

// UserFunction is a function in LANGUAGE SQL. It is replaced by its query wherever
// it is called, and has the privileges of the caller.
type UserFunction struct {
	OID      types.OID
	SchemaID types.OID
	Name     string
	Owner    types.OID
	Args     []types.Type
	// ArgNames has "" for an argument without name.
	ArgNames []string
	Ret      types.Type
	// Set is SETOF and TABLE; Columns are those of RETURNS TABLE.
	Set     bool     `json:",omitempty"`
	Columns []Column `json:",omitempty"`
	// SQL is the query, Path what its names are looked up with.
	SQL        string
	Path       []string
	Volatility rune
	Strict     bool `json:",omitempty"`
}

// ID implements Object.
func (o *UserFunction) ID() types.OID { return o.OID }

// Class implements Object.
func (o *UserFunction) Class() Class { return ClassFunction }

func (o *UserFunction) key() nameKey {
	return nameKey{ClassFunction, o.SchemaID, o.Name + signature(o.Args)}
}

// signature tells functions of one name apart.
func signature(args []types.Type) string {
	list := make([]string, len(args))
	for i, a := range args {
		list[i] = strconv.FormatUint(uint64(a.OID), 10) + ":" + strconv.FormatUint(uint64(a.Domain), 10)
	}
	return "(" + strings.Join(list, ",") + ")"
}

func (o *UserFunction) refs() []types.OID { return []types.OID{o.Owner, o.SchemaID} }

func (o *UserFunction) secrets() []secretField { return nil }

// UserFunctions lists the functions that users have made.
func (s *Snapshot) UserFunctions() []*UserFunction { return list[*UserFunction](s) }

// FunctionsNamed lists those of a schema that have a name.
func (s *Snapshot) FunctionsNamed(schema, name string) []*UserFunction {
	var out []*UserFunction
	sc, ok := s.Schema(schema)
	if !ok {
		return nil
	}
	for _, f := range s.UserFunctions() {
		if f.SchemaID == sc.OID && f.Name == name {
			out = append(out, f)
		}
	}
	return out
}
