package types

import (
	"testing"

	"github.com/hubsql/hubsql/wire/pgerror"
)

func TestRangeText(t *testing.T) {
	for _, c := range []struct {
		t        OID
		in, want string
	}{
		{Int4Range, "[1,5]", "[1,6)"},
		{Int4Range, "(1,5)", "[2,5)"},
		{Int4Range, " ( 1 , 2 ) ", "empty"},
		{Int4Range, "[3,3]", "[3,4)"},
		{Int4Range, "[3,3)", "empty"},
		{Int4Range, "EMPTY", "empty"},
		{Int4Range, "[,5]", "(,6)"},
		{Int8Range, "(,)", "(,)"},
		{NumRange, "[1.50,2]", "[1.50,2]"},
		{NumRange, `["1.5",2)`, "[1.5,2)"},
		{DateRange, "[2020-01-01,2020-01-31]", "[2020-01-01,2020-02-01)"},
		{DateRange, "[infinity,infinity]", "[infinity,infinity]"},
		{TSRange, "[2020-01-01 10:00,)", `["2020-01-01 10:00:00",)`},
		{Int4Multirange, "{}", "{}"},
		{Int4Multirange, " { [1,3) , [2,6), empty, [8,9] } ", "{[1,6),[8,10)}"},
		{Int4Multirange, "{[1,2),[2,3)}", "{[1,3)}"},
		{NumMultirange, "{(1,2),(2,3)}", "{(1,2),(2,3)}"},
	} {
		d, err := ParseText(Of(c.t), c.in, nil)
		if err != nil {
			t.Errorf("%s: %v", c.in, err)
			continue
		}
		if got := FormatText(Of(c.t), d, nil); got != c.want {
			t.Errorf("%s prints as %s, want %s", c.in, got, c.want)
		}
	}
}

func TestRangeErrors(t *testing.T) {
	for _, c := range []struct {
		t      OID
		in     string
		code   pgerror.Code
		detail string
	}{
		{Int4Range, "[5,1]", pgerror.DataException, ""},
		{Int4Range, "[1,2147483647]", pgerror.NumericValueOutOfRange, ""},
		{Int4Range, "1,2)", pgerror.InvalidTextRepresentation, "Missing left parenthesis or bracket."},
		{Int4Range, "[1)", pgerror.InvalidTextRepresentation, "Missing comma after lower bound."},
		{Int4Range, "[1,2,3)", pgerror.InvalidTextRepresentation, "Too many commas."},
		{Int4Range, "[1,2", pgerror.InvalidTextRepresentation, "Unexpected end of input."},
		{Int4Range, "", pgerror.InvalidTextRepresentation, "Missing left parenthesis or bracket."},
		{Int4Range, "[1,2)x", pgerror.InvalidTextRepresentation, "Junk after right parenthesis or bracket."},
		{Int4Range, "empty x", pgerror.InvalidTextRepresentation, `Junk after "empty" key word.`},
		{Int4Range, `[1\`, pgerror.InvalidTextRepresentation, "Unexpected end of input."},
		{Int4Multirange, "[1,2)", pgerror.InvalidTextRepresentation, "Missing left brace."},
		{Int4Multirange, "{1}", pgerror.InvalidTextRepresentation, "Expected range start."},
		{Int4Multirange, "{[1,2)", pgerror.InvalidTextRepresentation, "Unexpected end of input."},
		{Int4Multirange, "{[1,2) [3,4)}", pgerror.InvalidTextRepresentation, "Expected comma or end of multirange."},
	} {
		_, err := ParseText(Of(c.t), c.in, nil)
		if e := pgerror.From(err); err == nil || e.Code != c.code || e.Detail != c.detail {
			t.Errorf("%s: %v (%s)", c.in, err, pgerror.From(err).Detail)
		}
	}
}

func TestEqualRangesHaveEqualKeys(t *testing.T) {
	read := func(oid OID, s string) Datum {
		d, err := ParseText(Of(oid), s, nil)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	for _, c := range []struct {
		t    OID
		a, b string
		want int
	}{
		{NumRange, "[1.0,2)", "[1.00,2.000)", 0},
		{NumRange, "[1,2)", "[1,2]", -1},
		{NumRange, "(1,2)", "[1,2)", 1},
		{NumRange, "empty", "(,)", -1},
		{Int4Range, "(,5)", "[1,5)", -1},
		{Int4Range, "[1,)", "[1,5)", 1},
		{NumMultirange, "{[1,2)}", "{[1.0,2.0)}", 0},
		{Int4Multirange, "{[1,2)}", "{[1,2),[4,5)}", -1},
	} {
		a, b := read(c.t, c.a), read(c.t, c.b)
		if got := Compare(Of(c.t), a, b); got != c.want {
			t.Errorf("%s against %s: %d, want %d", c.a, c.b, got, c.want)
		}
		if same := RangeKey(c.t, a.S) == RangeKey(c.t, b.S); same != (c.want == 0) {
			t.Errorf("keys of %s and %s: %v", c.a, c.b, same)
		}
	}
}

func TestBrokenRangesAreErrors(t *testing.T) {
	for _, s := range []string{"", "\x00", "\x02\x00\x00\x00\x09", "\x02\x00\x00\x00\x04\x00\x00\x00\x01"} {
		if _, err := DecodeRange(Int4Range, s); err == nil {
			t.Errorf("%q was decoded", s)
		}
	}
	for _, s := range []string{"", "\x00\x00\x00\x05", "\xff\xff\xff\xff"} {
		if _, err := DecodeMultirange(Int4Range, s); err == nil {
			t.Errorf("%q was decoded", s)
		}
	}
}
