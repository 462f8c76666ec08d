package vector

import (
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// shown prints the rows of a vector.
func shown(v *Vec, n int) string {
	var out []string
	for i := range n {
		if d := v.Datum(i); d.Null {
			out = append(out, "NULL")
		} else {
			out = append(out, types.FormatText(v.Type, d, nil))
		}
	}
	return strings.Join(out, ",")
}

// build makes an Arrow array from JSON.
func build(t *testing.T, dt arrow.DataType, json string) arrow.Array {
	t.Helper()
	a, _, err := array.FromJSON(memory.DefaultAllocator, dt, strings.NewReader(json))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestArrowValuesSurviveBothWays(t *testing.T) {
	long := strings.Repeat("long string ", 4)
	for _, c := range []struct {
		dt         arrow.DataType
		json, want string
		oneWay     bool // the way back gives another Arrow type
	}{
		{arrow.FixedWidthTypes.Boolean, `[true, null, false, true, true, true, true, true, false, true]`, "t,NULL,f,t,t,t,t,t,f,t", false},
		{arrow.PrimitiveTypes.Int8, `[-1, null, 127]`, "-1,NULL,127", true},
		{arrow.PrimitiveTypes.Uint32, `[4294967295, null, 1]`, "4294967295,NULL,1", true},
		{arrow.PrimitiveTypes.Int16, `[-1, null, 7]`, "-1,NULL,7", false},
		{arrow.PrimitiveTypes.Int32, `[-1, null, 7]`, "-1,NULL,7", false},
		{arrow.PrimitiveTypes.Int64, `[-1, null, 7]`, "-1,NULL,7", false},
		{arrow.PrimitiveTypes.Int64, `[]`, "", false},
		{arrow.PrimitiveTypes.Float64, `[1.5, null]`, "1.5,NULL", false},
		{arrow.FixedWidthTypes.Date32, `["2024-02-29", null]`, "2024-02-29,NULL", false},
		{&arrow.TimestampType{Unit: arrow.Microsecond}, `["2024-02-29 01:02:03.000004", null]`, "2024-02-29 01:02:03.000004,NULL", false},
		{arrow.BinaryTypes.String, `["a", null, "", "` + long + `"]`, "a,NULL,," + long, true},
		{arrow.BinaryTypes.LargeString, `["a", null, "` + long + `"]`, "a,NULL," + long, true},
		{arrow.BinaryTypes.StringView, `["a", null, "` + long + `"]`, "a,NULL," + long, false},
		{&arrow.Decimal128Type{Precision: 10, Scale: 2}, `["1.50", null, "-99999999.99"]`, "1.50,NULL,-99999999.99", false},
		{&arrow.Decimal128Type{Precision: 38, Scale: 4}, `["1234567890123456789012345.6789", null, "-0.0001"]`, "1234567890123456789012345.6789,NULL,-0.0001", false},
		{&arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: arrow.BinaryTypes.String}, `["a", "b", null, "a"]`, "a,b,NULL,a", true},
	} {
		a := build(t, c.dt, c.json)
		v, err := FromArrow(a)
		if err != nil {
			t.Errorf("%s: %v", c.dt, err)
			continue
		}
		if got := shown(v, a.Len()); got != c.want {
			t.Errorf("%s: %s, want %s", c.dt, got, c.want)
		}
		back, err := ToArrow(v, a.Len())
		if err != nil {
			t.Errorf("%s back: %v", c.dt, err)
			continue
		}
		if !c.oneWay && !array.Equal(a, back) {
			t.Errorf("%s back: %v, want %v", c.dt, back, a)
		}
		again, err := FromArrow(back)
		if err != nil || shown(again, a.Len()) != c.want {
			t.Errorf("%s again: %v", c.dt, err)
		}
		back.Release()
	}
}

func TestSlicedArrowArraysKeepTheirRows(t *testing.T) {
	for _, c := range []struct {
		dt   arrow.DataType
		json string
	}{
		{arrow.FixedWidthTypes.Boolean, `[true, null, false, true]`},
		{arrow.PrimitiveTypes.Int32, `[1, null, 0, 1]`},
		{arrow.BinaryTypes.String, `["t", null, "f", "t"]`},
		{arrow.BinaryTypes.StringView, `["t", null, "f", "t"]`},
	} {
		a := array.NewSlice(build(t, c.dt, c.json), 1, 4)
		v, err := FromArrow(a)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.NewReplacer("0", "f", "1", "t").Replace(shown(v, 3)); got != "NULL,f,t" {
			t.Errorf("%s: %s", c.dt, got)
		}
	}
}

func TestEqualLayoutsShareMemory(t *testing.T) {
	b := array.NewInt64Builder(memory.DefaultAllocator)
	b.AppendValues([]int64{1, 2, 3}, nil)
	a := b.NewInt64Array()
	v, err := FromArrow(a)
	if err != nil {
		t.Fatal(err)
	}
	if &v.Int64s()[0] != &a.Int64Values()[0] {
		t.Error("int64 values were copied")
	}
}

func TestConstBecomesAnArray(t *testing.T) {
	a, err := ToArrow(NewConst(types.Of(types.Text), types.TextDatum("a rather long constant")), 3)
	if err != nil || a.Len() != 3 || a.ValueStr(2) != "a rather long constant" {
		t.Errorf("%v, %v", a, err)
	}
}

func TestTypesWithoutEquivalentAreRefused(t *testing.T) {
	if _, err := FromArrow(build(t, arrow.ListOf(arrow.PrimitiveTypes.Int8), `[[1]]`)); pgerror.CodeOf(err) != pgerror.FeatureNotSupported {
		t.Error(err)
	}
	if _, err := ToArrow(New(types.Of(types.Interval), 1), 1); pgerror.CodeOf(err) != pgerror.FeatureNotSupported {
		t.Error(err)
	}
}
