package decode

import (
	"strings"
	"testing"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// one stores b alone and returns it as text.
func one(t types.Type, b string) (string, error) {
	c := NewColumn(t, nil)
	var v vector.Vec
	c.Begin(&v, 1)
	if err := c.Text(0, []byte(b)); err != nil {
		return "", err
	}
	return types.FormatText(t, v.Datum(0), nil), nil
}

func TestTextIsReadAsTheInputFunctionReadsIt(t *testing.T) {
	inputs := []string{
		"0", "-0", "1", "-1", "+7", " 42 ", "12.5", "12.345", "12.355", "-12.355", ".5", "5.", "1e3", "1.5E-3", "99999999.99", "99999999.995", "9223372036854775807",
		"9223372036854775808", "-9223372036854775808", "12345678901234567.123456789", "0.00001", "10000", "100000000", "1e20", "NaN", "Infinity", "-inf",
		"", " ", "-", "abc", "1x", "1..2", "t", "TRUE", "of", "o", "yes", "2024-02-29", "2023-02-29", "2024-1-5", "0001-01-01", "0000-01-01", "9999-12-31", "infinity",
		"2024-02-29 01:02:03", "2024-02-29T01:02:03.123456", "2024-02-29 01:02:03.1234567", "2024-02-29 24:00:00", "2024-02-29 01:02", "2024-02-29 01:02:03+02", "2024-02-29 01:02:03 -0530",
		"01:02:03", "01:02:03.5", "25:00:00", "550e8400-e29b-41d4-a716-446655440000", "550e8400e29b41d4a716446655440000", `{"a": 1}`, `{"b":1,"a":2,"b":3}`, `[1,`, `\x00ff`, `\xzz`,
		"1 day 02:03:04", "abc ", "abcd", "äöü ",
	}
	for _, typ := range []types.Type{
		types.Of(types.Int2), types.Of(types.Int4), types.Of(types.Int8), types.Of(types.Float8), types.Of(types.Numeric), types.NumericType(10, 2), types.NumericType(30, 10),
		types.NumericType(4, 0), types.Of(types.Bool), types.Of(types.Date), types.Of(types.Timestamp), types.Of(types.TimestampTZ), types.Of(types.Time), types.Of(types.UUID),
		types.Of(types.JSON), types.Of(types.JSONB), types.Of(types.Bytea), types.Of(types.Interval), types.Of(types.Text), types.VarCharType(3),
		{OID: types.BPChar, Mod: 4 + 4},
	} {
		for _, s := range inputs {
			got, err := one(typ, s)
			d, wantErr := types.ParseText(typ, s, nil)
			if (err == nil) != (wantErr == nil) || err != nil && pgerror.CodeOf(err) != pgerror.CodeOf(wantErr) {
				t.Errorf("%q as %s: error %v, want %v", s, types.FormatType(typ), err, wantErr)
				continue
			}
			if err != nil {
				e := pgerror.From(err)
				if len(s) > 3 && strings.Contains(e.Message+e.Detail, strings.TrimSpace(s)) && strings.TrimSpace(s) != "" && !strings.Contains(TypeName(typ), s) {
					t.Errorf("%q as %s: the error shows the value: %v", s, types.FormatType(typ), e)
				}
				continue
			}
			if want := types.FormatText(typ, d, nil); got != want {
				t.Errorf("%q as %s: %s, want %s", s, types.FormatType(typ), got, want)
			}
		}
	}
}

func TestNaNTurnsAScaledColumnIntoViews(t *testing.T) {
	c := NewColumn(types.NumericType(10, 2), nil)
	var v vector.Vec
	c.Begin(&v, 3)
	for i, s := range []string{"1.5", "NaN", "2"} {
		if err := c.Text(i, []byte(s)); err != nil {
			t.Fatal(err)
		}
	}
	for i, want := range []string{"1.50", "NaN", "2.00"} {
		if got := types.FormatText(v.Type, v.Datum(i), nil); got != want {
			t.Errorf("row %d: %s, want %s", i, got, want)
		}
	}
}

func TestInvalidTextIsRefused(t *testing.T) {
	for _, s := range []string{"\xff", "a\x00b"} {
		if _, err := one(types.Of(types.Text), s); pgerror.CodeOf(err) != pgerror.CharacterNotInRepertoire {
			t.Errorf("%q: %v", s, err)
		}
	}
}
