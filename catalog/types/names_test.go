package types

import "testing"

func TestFormatTypeMatchesPostgreSQL(t *testing.T) {
	for _, c := range []struct {
		t    Type
		want string
	}{
		{Of(BPChar), "bpchar"},
		{Of(BPCharArray), "bpchar[]"},
		{Type{OID: BPChar, Mod: 7}, "character(3)"},
		{VarCharType(20), "character varying(20)"},
		{Type{OID: VarCharArray, Mod: 24}, "character varying(20)[]"},
		{NumericType(10, 2), "numeric(10,2)"},
		{NumericType(3, -2), "numeric(3,-2)"},
		{Of(NumericArray), "numeric[]"},
		{Type{OID: Timestamp, Mod: 3}, "timestamp(3) without time zone"},
		{Type{OID: TimestampTZ, Mod: 0}, "timestamp(0) with time zone"},
		{Type{OID: Time, Mod: 2}, "time(2) without time zone"},
		{IntervalType(fieldDay|fieldHour, -1), "interval day to hour"},
		{IntervalType(fieldSecond, 3), "interval second(3)"},
		{IntervalType(0, 3), "interval(3)"},
		{Of(Int2Vector), "int2vector"},
		{Of(Char), `"char"`},
		{Of(TextArray), "text[]"},
		{Of(Bit), `"bit"`},
		{Type{}, "-"},
		{Of(999999), "???"},
		{Of(RecordArray), "record[]"},
	} {
		if got := FormatType(c.t); got != c.want {
			t.Errorf("%+v: %q, want %q", c.t, got, c.want)
		}
	}
	if got := FormatOID(BPChar); got != "character" {
		t.Errorf("format_type(bpchar, NULL) is %q", got)
	}
}

func TestResolveTypeName(t *testing.T) {
	for _, c := range []struct {
		name string
		mods []int32
		want string
	}{
		{"int4", nil, "integer"},
		{"bpchar", []int32{5}, "character(5)"},
		{"varchar[]", []int32{5}, "character varying(5)[]"},
		{"numeric", []int32{10}, "numeric(10,0)"},
		{"numeric", []int32{10, -3}, "numeric(10,-3)"},
		{"_text", nil, "text[]"},
		{"timestamptz", []int32{9}, "timestamp(6) with time zone"},
		{"interval", []int32{fieldYear | fieldMonth}, "interval year to month"},
		{"interval", []int32{fieldAll, 3}, "interval(3)"},
	} {
		ty, err := ResolveTypeName(c.name, c.mods)
		if err != nil || FormatType(ty) != c.want {
			t.Errorf("%s%v: %s, %v; want %s", c.name, c.mods, FormatType(ty), err, c.want)
		}
	}
	for _, c := range []struct {
		name string
		mods []int32
		want string
	}{
		{"nope", nil, `ERR 42704 type "nope" does not exist`},
		{"varchar", []int32{0}, "ERR 22023 length for type varchar must be at least 1"},
		{"bpchar", []int32{10485761}, "ERR 22023 length for type char cannot exceed 10485760"},
		{"numeric", []int32{1001}, "ERR 22023 NUMERIC precision 1001 must be between 1 and 1000"},
		{"int4", []int32{3}, `ERR 42601 type modifier is not allowed for type "int4"`},
	} {
		if _, err := ResolveTypeName(c.name, c.mods); err == nil || show(err) != c.want {
			t.Errorf("%s%v: %v; want %s", c.name, c.mods, err, c.want)
		}
	}
}

func TestCharactersFitTheirType(t *testing.T) {
	three := Type{OID: BPChar, Mod: 7}
	for _, c := range []struct {
		t        Type
		in       string
		explicit bool
		want     string
	}{
		{three, "a", false, "a  "},
		{three, "äöü", false, "äöü"},
		{three, "abc  ", false, "abc"},
		{three, "abcd", true, "abc"},
		{VarCharType(3), "äöü  ", false, "äöü"},
		{VarCharType(3), "äöüx", true, "äöü"},
		{Of(VarChar), "abcd", false, "abcd"},
	} {
		if got, err := FitChar(c.t, c.in, c.explicit); got != c.want || err != nil {
			t.Errorf("%s %q: %q, %v; want %q", FormatType(c.t), c.in, got, err, c.want)
		}
	}
	if _, err := FitChar(VarCharType(3), "abcd", false); show(err) != "ERR 22001 value too long for type character varying(3)" {
		t.Error(err)
	}
}

func TestRecordsPrintLikePostgreSQL(t *testing.T) {
	rec := AppendRecord(nil, []Field{
		{Text, TextDatum("a")}, {Text, TextDatum("b c")}, {Int4, Null}, {Text, TextDatum(`q"\`)}, {Text, TextDatum("")}, {Int4, IntDatum(-5)},
	})
	if got := FormatText(Of(Record), Datum{S: string(rec)}, nil); got != `(a,"b c",,"q""\\","",-5)` {
		t.Error(got)
	}
}

func TestHotAppendersDoNotAllocate(t *testing.T) {
	n := NumFromScaled(-1234567, 3).Append(nil)
	buf := make([]byte, 0, 256)
	if got := testing.AllocsPerRun(100, func() {
		b := AppendTimestamp(buf, 1704449472345678)
		b = AppendDate(b, 19727)
		b = AppendScaledText(b, -1234567, 3)
		b = AppendNumericText(b, n)
		_ = AppendInt(b, 42)
		_ = CompareNumeric(n, n)
	}); got != 0 {
		t.Errorf("%v allocations", got)
	}
}

func BenchmarkAppendTimestamp(b *testing.B) {
	buf := make([]byte, 0, 64)
	for i := range b.N {
		buf = AppendTimestamp(buf[:0], 1704449472345678+int64(i)*12345678)
	}
}

func BenchmarkAppendScaledText(b *testing.B) {
	buf := make([]byte, 0, 64)
	for i := range b.N {
		buf = AppendScaledText(buf[:0], 123456789+int64(i), 2)
	}
}

func BenchmarkNumericSum(b *testing.B) {
	x := NumFromScaled(123456789, 4).Append(nil)
	var sum Num
	for range b.N {
		sum, _ = sum.Add(DecodeNumeric(x))
	}
}
