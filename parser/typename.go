package parser

import (
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// TypeOf resolves a type as written in SQL. Errors carry no position: n.Location
// is a byte offset in the text that was parsed.
func TypeOf(n *pg.TypeName) (types.Type, error) {
	parts := Strings(n.Names)
	if len(parts) == 0 || n.PctType {
		return types.Type{}, pgerror.NotSupported("%%TYPE is not supported")
	}
	if n.Setof {
		return types.Type{}, pgerror.New(pgerror.InvalidTableDefinition, "a set is not allowed here")
	}
	name := parts[len(parts)-1]
	info := types.ByName(name)
	if len(parts) > 2 || len(parts) == 2 && parts[0] != "pg_catalog" {
		info = nil
	}
	if info == nil {
		return types.Type{}, pgerror.Newf(pgerror.UndefinedObject, `type "%s" does not exist`, strings.Join(parts, "."))
	}
	t := types.Of(info.OID)
	mods, err := modifiers(n.Typmods)
	if err != nil {
		return types.Type{}, err
	}
	if t.Mod, err = typeModifier(info, mods); err != nil {
		return types.Type{}, err
	}
	if len(n.ArrayBounds) > 0 {
		if t = t.ArrayOf(); t.OID == 0 {
			return types.Type{}, pgerror.Newf(pgerror.UndefinedObject, "could not find array type for data type %s", info.Formal)
		}
	}
	return t, nil
}

// Strings returns the texts of a list of String nodes.
func Strings(nodes []*pg.Node) []string {
	out := make([]string, 0, len(nodes))
	for _, n := range nodes {
		if s := n.GetString_(); s != nil {
			out = append(out, s.Sval)
		}
	}
	return out
}

func modifiers(nodes []*pg.Node) ([]int32, error) {
	var out []int32
	for _, n := range nodes {
		c := n.GetAConst()
		if c == nil || c.GetIval() == nil && (c.GetSval() != nil || c.GetFval() != nil || c.GetIsnull()) {
			return nil, pgerror.New(pgerror.SyntaxError, "type modifiers must be simple constants or identifiers")
		}
		out = append(out, c.GetIval().GetIval())
	}
	return out, nil
}

// typeModifier computes pg_attribute.atttypmod.
func typeModifier(i *types.Info, mods []int32) (int32, error) {
	if len(mods) == 0 {
		return -1, nil
	}
	bad := func(format string, args ...any) (int32, error) {
		return 0, pgerror.Newf(pgerror.InvalidParameterValue, format, args...)
	}
	switch i.OID {
	case types.VarChar, types.BPChar:
		label := map[types.OID]string{types.VarChar: "varchar", types.BPChar: "char"}[i.OID]
		if len(mods) != 1 {
			return bad("invalid type modifier")
		}
		if mods[0] < 1 {
			return bad("length for type %s must be at least 1", label)
		}
		if mods[0] > 10485760 {
			return bad("length for type %s cannot exceed 10485760", label)
		}
		return mods[0] + 4, nil
	case types.Bit, types.VarBit:
		if len(mods) != 1 || mods[0] < 1 {
			return bad("length for type %s must be at least 1", i.Name)
		}
		return mods[0], nil
	case types.Numeric:
		if len(mods) > 2 {
			return bad("invalid NUMERIC type modifier")
		}
		scale := int32(0)
		if len(mods) == 2 {
			scale = mods[1]
		}
		if mods[0] < 1 || mods[0] > 1000 {
			return bad("NUMERIC precision %d must be between 1 and 1000", mods[0])
		}
		if scale < -1000 || scale > 1000 {
			return bad("NUMERIC scale %d must be between -1000 and 1000", scale)
		}
		return types.NumericType(int(mods[0]), int(scale)).Mod, nil
	case types.Timestamp, types.TimestampTZ, types.Time, types.TimeTZ:
		if len(mods) != 1 || mods[0] < 0 {
			return bad("%s(%d) precision must not be negative", strings.ToUpper(i.Name), mods[0])
		}
		return min(mods[0], 6), nil
	case types.Interval:
		if len(mods) == 1 {
			return mods[0], nil
		}
		return mods[0]<<16 | mods[1]&0xffff, nil
	}
	return 0, pgerror.Newf(pgerror.SyntaxError, `type modifier is not allowed for type "%s"`, i.Name)
}
