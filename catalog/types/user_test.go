package types

import (
	"slices"
	"strings"
	"testing"

	"github.com/hubsql/hubsql/wire/pgerror"
)

// moodTypes knows an enum and a composite type over it.
type moodTypes struct{ RegNames }

const (
	mood = OID(1<<30 | 100<<3)
	pair = OID(1<<30 | 101<<3 | 1)
)

func (moodTypes) Enum(t OID) *Enum {
	if t != mood {
		return nil
	}
	return &Enum{Labels: []EnumLabel{{Order: -1, Name: "zero"}, {Order: 1, Name: "sad"}, {Order: 1.5, Name: "a very long label"}, {Order: 2, Name: "ok"}}}
}

func (moodTypes) Composite(t OID) ([]Attribute, bool) {
	return []Attribute{{"a", Of(Int4)}, {"m", Of(mood)}, {"t", Of(Text)}}, t == pair
}

func (moodTypes) TypeName(OID) string { return "mood" }

func moodFormat() *Format {
	f := DefaultFormat()
	f.Names = moodTypes{}
	return f
}

func TestOIDsOfUsersTypesSayWhatTheyAre(t *testing.T) {
	enum, row, domain := UserOID(EnumKind, 16384), UserOID(CompositeKind, 16384), UserOID(DomainKind, 16385)
	if !enum.IsEnum() || enum.IsComposite() || !row.IsComposite() || row.IsEnum() || Text.IsEnum() || Record.IsComposite() {
		t.Error("kinds are mistaken")
	}
	if kind, array, object, ok := domain.User(); kind != DomainKind || array || object != 16385 || !ok {
		t.Errorf("domain: %v %v %v %v", kind, array, object, ok)
	}
	if _, _, _, ok := Int4.User(); ok {
		t.Error("a built-in type passes for a user's")
	}
	a := Of(enum).ArrayOf()
	if !a.IsArray() || a.Elem() != Of(enum) || a.OID.IsEnum() || Of(enum).IsArray() {
		t.Errorf("array of an enum: %v, elements %v", a, a.Elem())
	}
	if Of(enum).Category() != CategoryEnum || Of(row).Category() != CategoryComposite || a.Category() != CategoryArray {
		t.Error("categories")
	}
	if largest := UserOID(DomainKind, MaxUserObject); int32(largest|userArray) < 0 {
		t.Error("an OID does not fit what clients read it as")
	}
}

func TestEnumValuesAreOrderedAsBytes(t *testing.T) {
	var values []string
	for _, l := range (moodTypes{}).Enum(mood).Labels {
		d, err := ParseText(Of(mood), l.Name, moodFormat())
		if err != nil {
			t.Fatal(err)
		}
		values = append(values, d.S)
		if got := FormatText(Of(mood), d, nil); got != l.Name {
			t.Errorf("%q prints as %q", l.Name, got)
		}
		if got := string(AppendSend(nil, Of(mood), d)); got != l.Name {
			t.Errorf("%q is sent as %q", l.Name, got)
		}
	}
	if !slices.IsSorted(values) {
		t.Errorf("%q", values)
	}
	_, err := ParseText(Of(mood), "angry", moodFormat())
	if e := pgerror.From(err); e.Code != pgerror.InvalidTextRepresentation || e.Message != `invalid input value for enum mood: "angry"` {
		t.Error(err)
	}
}

func TestCompositeText(t *testing.T) {
	for in, want := range map[string]string{
		`(1,ok,x)`: `(1,ok,x)`, ` ( 1,sad,)`: `(1,sad,)`, `(,,)`: `(,,)`, `(,,"")`: `(,,"")`,
		`(5,"ok","a ""b"" \\c")`: `(5,ok,"a ""b"" \\c")`, `(5,o\k,(x\))`: `(5,ok,"(x)")`,
	} {
		d, err := ParseText(Of(pair), in, moodFormat())
		if err != nil {
			t.Errorf("%s: %v", in, err)
			continue
		}
		if got := FormatText(Of(pair), d, nil); got != want {
			t.Errorf("%s prints as %s, want %s", in, got, want)
		}
	}
	for in, detail := range map[string]string{
		`1,2,3)`: "Missing left parenthesis.", `(1,ok)`: "Too few columns.", `(1,ok,x,y)`: "Too many columns.",
		`(1,ok,x`: "Unexpected end of input.", `(1,ok,"x`: "Unexpected end of input.", `(1,ok,x) y`: "Junk after right parenthesis.",
	} {
		_, err := ParseText(Of(pair), in, moodFormat())
		e := pgerror.From(err)
		if err == nil || e.Detail != detail || e.Message != `malformed record literal: "`+in+`"` {
			t.Errorf("%s: %v (%s)", in, err, e.Detail)
		}
	}
}

func TestRecordsAreSentWithLabels(t *testing.T) {
	d, err := ParseText(Of(pair), "(1,ok,x)", moodFormat())
	if err != nil {
		t.Fatal(err)
	}
	a := NewArray(mood, []Datum{(moodTypes{}).Enum(mood).Labels[3].Value(), Null})
	for _, sent := range []string{string(AppendSend(nil, Of(pair), d)), string(AppendSend(nil, Of(mood).ArrayOf(), a.Datum()))} {
		if !strings.Contains(sent, "\x00\x00\x00\x02ok") {
			t.Errorf("%q", sent)
		}
	}
}

func TestMarksBecomeNames(t *testing.T) {
	text := "operator does not exist: " + FormatOID(mood) + " = " + FormatType(Of(Int4))
	got := NameTypes(text, func(o OID) string {
		if o != mood {
			t.Errorf("asked for %d", o)
		}
		return "mood"
	})
	if got != "operator does not exist: mood = integer" {
		t.Error(got)
	}
	for _, s := range []string{"", "plain", markStart, markStart + "x", markStart + "x" + markEnd} {
		if got := NameTypes(s, func(OID) string { return "?" }); s != markStart+"x"+markEnd && got != s {
			t.Errorf("%q became %q", s, got)
		}
	}
}
