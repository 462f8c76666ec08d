package operator

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/planner/physical"
)

// placed is a table that knows the places of its rows: their numbers.
type placed struct {
	*table
	early, late *table
	lost        int // rows that are not found again
}

type atPlaces struct {
	tableHandle
	places []int64
}

func (p *placed) Locates(connector.TableHandle) bool { return true }

func (p *placed) Locate(context.Context, connector.TableHandle) (connector.TableHandle, error) {
	return tableHandle{p.early, 0, len(p.early.rows)}, nil
}

func (p *placed) At(_, _ connector.TableHandle, places []int64) connector.TableHandle {
	return atPlaces{tableHandle{p.late, 0, len(p.late.rows)}, places}
}

func (p *placed) Scan(ctx context.Context, h connector.TableHandle, o connector.ScanOptions) (connector.Reader, error) {
	a, ok := h.(atPlaces)
	if !ok {
		return p.early.Scan(ctx, h, o)
	}
	found := &table{cols: p.late.cols, local: true}
	for _, at := range a.places[p.lost:] {
		found.rows = append(found.rows, p.late.rows[at])
	}
	return found.Scan(ctx, tableHandle{found, 0, len(found.rows)}, o)
}

func (p *placed) Split(ctx context.Context, h connector.TableHandle, n int) ([]connector.TableHandle, error) {
	return p.early.Split(ctx, h, n)
}

// placedPlan is the k-th and following rows of a table of n by their value, with
// a column that is fetched.
func placedPlan(n, count, offset, lost int) (physical.Node, []string) {
	p := &placed{lost: lost}
	p.early = &table{cols: []connector.Column{{Name: "v", Type: int8T}, {Name: "place", Type: int8T}}, parts: 3, local: true}
	p.late = &table{cols: []connector.Column{{Name: "t", Type: textT}}}
	p.table = p.early
	var order []int
	for i := range n {
		v := int64(i*7919) % int64(n)
		p.early.rows = append(p.early.rows, []types.Datum{types.IntDatum(v), types.IntDatum(int64(i))})
		p.late.rows = append(p.late.rows, []types.Datum{{S: fmt.Sprintf("text of row %d", i)}})
		order = append(order, i)
	}
	slices.SortFunc(order, func(a, b int) int { return a*7919%n - b*7919%n })
	var want []string
	for _, i := range order[min(offset, n):min(offset+count, n)] {
		want = append(want, fmt.Sprintf("text of row %d|%d", i, i*7919%n))
	}
	scan := &physical.Scan{Server: "s", Source: p, Handle: tableHandle{p.early, 0, n}, Located: true, Rows: 1e6}
	for _, c := range p.early.cols {
		scan.Cols = append(scan.Cols, physical.Column{Name: c.Name, Type: c.Type})
	}
	top := &physical.Limit{Input: scan, Keys: []physical.SortKey{{Expr: col(0, int8T)}}, Count: lit(int8T, types.IntDatum(int64(count))), Offset: lit(int8T, types.IntDatum(int64(offset)))}
	return &physical.Fetch{
		Input: top, Scan: scan, Place: 1, Handle: tableHandle{p.late, 0, n}, From: []int{-1, 0},
		Cols: []physical.Column{{Name: "t", Type: textT}, {Name: "v", Type: int8T}},
	}, want
}

func TestFetchedColumnsBelongToTheirRows(t *testing.T) {
	for _, c := range []struct{ n, count, offset int }{{0, 5, 0}, {3, 5, 0}, {1009, 10, 0}, {1009, 100, 37}, {5003, 1000, 0}, {1009, 3, 1008}} {
		for _, s := range setups {
			plan, want := placedPlan(c.n, c.count, c.offset, 0)
			got, err := collect(t, plan, s)
			if err != nil || !slices.Equal(got, want) {
				t.Errorf("%v %+v: %v, %s\nwant %s", c, s, err, brief(got), brief(want))
			}
		}
	}
}

func TestARowThatIsNotFoundAgainIsAnError(t *testing.T) {
	plan, _ := placedPlan(100, 10, 0, 1)
	if _, err := collect(t, plan, setup{1, 64}); err == nil {
		t.Error("a row is missing and nothing says so")
	}
}
