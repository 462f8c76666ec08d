package logical

import (
	"context"
	"reflect"
	"testing"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/federation/connector"
)

// told are statistics that remember what they were asked for.
type told struct {
	columns []*connector.ColumnStatistics
	asked   []int
}

func (s *told) Load(_ context.Context, columns []int)    { s.asked = append(s.asked, columns...) }
func (s *told) Rows() float64                            { return 7 }
func (s *told) Column(i int) *connector.ColumnStatistics { return s.columns[i] }

func TestRestrictedStatisticsTellNothingHidden(t *testing.T) {
	known := func() *connector.ColumnStatistics {
		return &connector.ColumnStatistics{
			NullFraction: 0.25, Distinct: 3, Width: 4, Min: types.IntDatum(1), Max: types.IntDatum(9),
			Common: []connector.CommonValue{{Value: types.IntDatum(5), Fraction: 0.5}}, Histogram: []types.Datum{types.IntDatum(1), types.IntDatum(9)},
		}
	}
	of := &told{columns: []*connector.ColumnStatistics{known(), known(), nil}}
	masked := &Restricted{Of: of, Hidden: map[int]bool{1: true}}
	masked.Load(t.Context(), []int{0, 1})
	if !reflect.DeepEqual(of.asked, []int{0}) {
		t.Errorf("the source was asked for %v, want the visible column alone", of.asked)
	}
	if masked.Column(1) != nil {
		t.Error("a masked column is described")
	}
	if got := masked.Column(0); !reflect.DeepEqual(got, known()) {
		t.Errorf("a visible column: %+v", got)
	}
	filtered := &Restricted{Of: of, NoValues: true}
	want := &connector.ColumnStatistics{Distinct: 3, Width: 4, Min: types.Datum{Null: true}, Max: types.Datum{Null: true}}
	if got := filtered.Column(0); !reflect.DeepEqual(got, want) {
		t.Errorf("with hidden rows: %+v, want only numbers of values", got)
	}
	if filtered.Column(2) != nil {
		t.Error("an unknown column is described")
	}
	if filtered.Rows() != 7 {
		t.Errorf("rows: %v", filtered.Rows())
	}
}
