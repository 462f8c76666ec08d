package types

import "strconv"

// FormatType prints a type as PostgreSQL's format_type does, with its modifier:
// numeric(10,2), character varying(20)[], timestamp(3) without time zone.
func FormatType(t Type) string {
	if t.OID&userTypes != 0 {
		return TypeMark(t.OID)
	}
	info := Lookup(t.OID)
	if info == nil {
		if t.OID == 0 {
			return "-"
		}
		return "???"
	}
	suffix := ""
	if info.Category == CategoryArray && Lookup(info.Elem) != nil && t.OID != Int2Vector && t.OID != OidVector {
		info = Lookup(info.Elem)
		suffix = "[]"
	}
	name := info.Formal
	switch info.OID {
	case Bit:
		name = `"bit"`
		if t.Mod >= 0 {
			name = "bit(" + strconv.Itoa(int(t.Mod)) + ")"
		}
	case VarBit:
		if t.Mod > 0 {
			name += "(" + strconv.Itoa(int(t.Mod)) + ")"
		}
	case BPChar, VarChar:
		if t.Mod >= 4 {
			name += "(" + strconv.Itoa(int(t.Mod-4)) + ")"
		} else if info.OID == BPChar {
			// character without a length would read as character(1).
			name = "bpchar"
			if t.Mod >= 0 {
				name = "character"
			}
		}
	case Numeric:
		if p, s, ok := (Type{OID: Numeric, Mod: t.Mod}).NumericMod(); ok {
			name += "(" + strconv.Itoa(p) + "," + strconv.Itoa(s) + ")"
		}
	case Time, TimeTZ, Timestamp, TimestampTZ:
		if t.Mod >= 0 {
			first, rest := "time", name[len("time"):]
			if info.OID == Timestamp || info.OID == TimestampTZ {
				first, rest = "timestamp", name[len("timestamp"):]
			}
			name = first + "(" + strconv.Itoa(int(t.Mod)) + ")" + rest
		}
	case Interval:
		name += intervalModText(t.Mod)
	}
	return name + suffix
}

// FormatOID prints a type as format_type(oid, NULL) does.
func FormatOID(oid OID) string {
	info := Lookup(oid)
	switch {
	case info == nil:
		return FormatType(Of(oid))
	case oid == BPChar:
		return "character"
	case oid == BPCharArray:
		return "character[]"
	}
	return info.Formal
}

func intervalModText(mod int32) string {
	if mod < 0 {
		return ""
	}
	fields, prec := int(mod>>16)&fieldAll, mod&precAll
	s := ""
	switch fields {
	case fieldYear:
		s = " year"
	case fieldMonth:
		s = " month"
	case fieldDay:
		s = " day"
	case fieldHour:
		s = " hour"
	case fieldMinute:
		s = " minute"
	case fieldSecond:
		s = " second"
	case fieldYear | fieldMonth:
		s = " year to month"
	case fieldDay | fieldHour:
		s = " day to hour"
	case fieldDay | fieldHour | fieldMinute:
		s = " day to minute"
	case fieldDay | fieldHour | fieldMinute | fieldSecond:
		s = " day to second"
	case fieldHour | fieldMinute:
		s = " hour to minute"
	case fieldHour | fieldMinute | fieldSecond:
		s = " hour to second"
	case fieldMinute | fieldSecond:
		s = " minute to second"
	}
	if prec != precAll {
		s += "(" + strconv.Itoa(int(prec)) + ")"
	}
	return s
}
