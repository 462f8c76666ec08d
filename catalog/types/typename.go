package types

import (
	"strings"

	"github.com/hubsql/hubsql/wire/pgerror"
)

// ResolveTypeName finds a built-in type by the name the SQL grammar yields
// (pg_type.typname: int4, bpchar, timestamptz, _text) with the modifiers that
// were written: precision and scale, length, fields and precision of an
// interval. A trailing [] makes it an array. Errors: 42704 for an unknown name,
// 22023 for a modifier out of range, 42601 for one that the type does not take.
func ResolveTypeName(name string, mods []int32) (Type, error) {
	base, array := strings.CutSuffix(name, "[]")
	info := ByName(base)
	if info == nil {
		return Type{}, pgerror.New(pgerror.UndefinedObject, "type \""+name+"\" does not exist")
	}
	elem := info.OID
	if info.Category == CategoryArray && info.Name[0] == '_' {
		elem = info.Elem
	}
	mod, err := TypeMod(elem, mods)
	if err != nil {
		return Type{}, err
	}
	t := Type{OID: info.OID, Mod: mod}
	if array && !(info.Category == CategoryArray && info.Name[0] == '_') {
		if t = t.ArrayOf(); t.OID == 0 {
			return Type{}, pgerror.New(pgerror.UndefinedObject, "type \""+name+"\" does not exist")
		}
	}
	return t, nil
}

// TypeMod packs written modifiers of a type into its typmod, -1 for none.
func TypeMod(oid OID, mods []int32) (int32, error) {
	if len(mods) == 0 {
		return -1, nil
	}
	invalid := func(format string, args ...any) (int32, error) {
		return -1, pgerror.Newf(pgerror.InvalidParameterValue, format, args...)
	}
	one := func() error {
		if len(mods) != 1 {
			return pgerror.New(pgerror.InvalidParameterValue, "invalid type modifier")
		}
		return nil
	}
	switch oid {
	case VarChar, BPChar:
		if err := one(); err != nil {
			return -1, err
		}
		name := "varchar"
		if oid == BPChar {
			name = "char"
		}
		if mods[0] < 1 {
			return invalid("length for type %s must be at least 1", name)
		}
		if mods[0] > 10485760 {
			return invalid("length for type %s cannot exceed 10485760", name)
		}
		return mods[0] + 4, nil
	case Bit, VarBit:
		if err := one(); err != nil {
			return -1, err
		}
		name := "bit"
		if oid == VarBit {
			name = "varbit"
		}
		if mods[0] < 1 {
			return invalid("length for type %s must be at least 1", name)
		}
		return mods[0], nil
	case Numeric:
		if len(mods) > 2 {
			return invalid("invalid NUMERIC type modifier")
		}
		if mods[0] < 1 || mods[0] > 1000 {
			return invalid("NUMERIC precision %d must be between 1 and 1000", mods[0])
		}
		scale := int32(0)
		if len(mods) == 2 {
			if scale = mods[1]; scale < -1000 || scale > 1000 {
				return invalid("NUMERIC scale %d must be between -1000 and 1000", scale)
			}
		}
		return NumericType(int(mods[0]), int(scale)).Mod, nil
	case Time, TimeTZ, Timestamp, TimestampTZ:
		if err := one(); err != nil {
			return -1, err
		}
		name := map[OID]string{Time: "TIME", TimeTZ: "TIME", Timestamp: "TIMESTAMP", TimestampTZ: "TIMESTAMP"}[oid]
		zone := ""
		if oid == TimeTZ || oid == TimestampTZ {
			zone = " WITH TIME ZONE"
		}
		if mods[0] < 0 {
			return invalid("%s(%d)%s precision must not be negative", name, mods[0], zone)
		}
		return min(mods[0], 6), nil
	case Interval:
		fields := int(mods[0])
		switch fields {
		case fieldAll, fieldYear, fieldMonth, fieldDay, fieldHour, fieldMinute, fieldSecond,
			fieldYear | fieldMonth, fieldDay | fieldHour, fieldDay | fieldHour | fieldMinute,
			fieldDay | fieldHour | fieldMinute | fieldSecond, fieldHour | fieldMinute,
			fieldHour | fieldMinute | fieldSecond, fieldMinute | fieldSecond:
		default:
			return invalid("invalid INTERVAL type modifier")
		}
		if len(mods) > 2 {
			return invalid("invalid INTERVAL type modifier")
		}
		if len(mods) == 1 {
			if fields == fieldAll {
				return -1, nil
			}
			return IntervalType(fields, -1).Mod, nil
		}
		if mods[1] < 0 {
			return invalid("INTERVAL(%d) precision must not be negative", mods[1])
		}
		return IntervalType(fields, int(min(mods[1], 6))).Mod, nil
	}
	return -1, pgerror.Newf(pgerror.SyntaxError, "type modifier is not allowed for type %q", Lookup(oid).Name)
}
