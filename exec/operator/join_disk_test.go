package operator

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/hubsql/hubsql/catalog/session"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/memory"
	"github.com/hubsql/hubsql/exec/scheduler"
	"github.com/hubsql/hubsql/exec/spill"
	"github.com/hubsql/hubsql/planner/expr"
	"github.com/hubsql/hubsql/planner/physical"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// runOnDisk executes plan with a limit and states that go to disk beyond spillAt
// bytes, and returns its rows sorted.
func runOnDisk(t *testing.T, plan physical.Node, s setup, limit, spillAt int64) ([]string, error) {
	t.Helper()
	files, err := spill.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	pool := scheduler.New(max(s.workers, 2))
	defer pool.Close()
	account := memory.NewRoot("test", limit)
	q, err := Start(t.Context(), plan, Env{
		Pool: pool, Account: account, Session: &session.Session{}, Format: types.DefaultFormat(),
		BatchSize: s.batch, Workers: s.workers, Spill: files, SpillAt: spillAt,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		q.Close()
		if used := account.Used(); used != 0 {
			t.Errorf("account holds %d bytes", used)
		}
		if used := files.Used(); used != 0 {
			t.Errorf("%d bytes are left on disk", used)
		}
	}()
	var out []string
	for {
		b, err := q.Next(t.Context())
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		for i := range b.N {
			var row []string
			for _, v := range b.Cols {
				row = append(row, show(v.Type, v.Datum(i)))
			}
			out = append(out, strings.Join(row, "|"))
		}
	}
	slices.Sort(out)
	return out, nil
}

func TestJoinsOnDiskEqualTestingEveryPair(t *testing.T) {
	always := func(_, _ []types.Datum) truth { return yes }
	smaller := func(a, b []types.Datum) truth {
		switch {
		case a[0].Null || b[0].Null:
			return unknown
		case a[0].I < b[0].I:
			return yes
		}
		return no
	}
	for _, distinct := range []int{1, 12} {
		for kind := physical.Inner; kind <= physical.RightAnti; kind++ {
			for _, keys := range [][]int{{}, {0}, {1}, {2, 0}} {
				for safe := range 2 {
					for residual := range 2 {
						distinct := distinct
						if kind == physical.Single {
							distinct *= 500
						}
						l, r := random(21, 70, distinct), random(5, 60, distinct)
						n := physical.HashJoin{Kind: kind, Cols: joinColumns(kind, l, r)}
						for i, c := range keys {
							typ := l.cols[c].Type
							n.LeftKeys = append(n.LeftKeys, &expr.Coalesce{Args: []expr.Expr{col(c, typ), lit(typ, types.Null)}, T: typ})
							n.RightKeys = append(n.RightKeys, col(c, typ))
							n.NullSafe = append(n.NullSafe, safe == 1 && i == 0)
						}
						rest := always
						if residual == 1 {
							n.Residual = less(col(0, int8T), col(3, int8T))
							rest = smaller
						}
						equal := func(a, b []types.Datum) truth {
							out := yes
							for i, c := range keys {
								out = min(out, equalTruth(l.cols[c].Type, a[c], b[c], n.NullSafe[i]))
							}
							return out
						}
						want, fails := naiveJoin(kind, l, r, equal, rest)
						if len(keys) == 0 && residual == 1 {
							// The condition of a nested loop is the whole comparison.
							want, fails = naiveJoin(kind, l, r, smaller, always)
						}
						slices.Sort(want)
						t.Run(fmt.Sprintf("%s %v safe=%d residual=%d distinct=%d", kind, keys, safe, residual, distinct), func(t *testing.T) {
							for _, s := range []setup{{1, 7}, {2, 7}, {4, 64}} {
								for _, spillAt := range []int64{1, 100_000} {
									m := n
									m.Left, m.Right = l.scan(), r.scan()
									got, err := runOnDisk(t, &m, s, 0, spillAt)
									switch {
									case fails && pgerror.CodeOf(err) != pgerror.CardinalityViolation:
										t.Errorf("%+v %d: %v, want an error", s, spillAt, err)
									case !fails && err != nil:
										t.Errorf("%+v %d: %v", s, spillAt, err)
									case !fails && !slices.Equal(got, want):
										t.Errorf("%+v %d: got %s\nwant %s", s, spillAt, brief(got), brief(want))
									}
								}
							}
						})
					}
				}
			}
		}
	}
}
