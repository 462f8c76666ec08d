package planner

import (
	"cmp"
	"slices"

	"github.com/hubsql/hubsql/planner/physical"
)

// planWaits decides which scans wait for their dynamic filters before they are
// opened. A join publishes when all scans of its build side have been read, so
// two joins must never wait for each other. The join with the smaller build side
// goes first; what then would close a circle takes the filter without waiting,
// if it comes in time.
func planWaits(root physical.Node) {
	w := &waits{index: map[*physical.HashJoin]int{}, scans: map[*physical.Scan][]int{}}
	w.collect(root, nil)
	order := slices.Clone(w.joins)
	slices.SortStableFunc(order, func(a, b *physical.HashJoin) int {
		return cmp.Compare(physical.EstimatedRows(a.Right), physical.EstimatedRows(b.Right))
	})
	for _, p := range order {
		at := w.index[p]
		for _, f := range p.Publish {
			for _, s := range w.order {
				for i := range s.Dynamic {
					if s.Dynamic[i].Filter != f.Filter {
						continue
					}
					circle := false
					for _, j := range w.scans[s] {
						circle = circle || w.reaches(at, j, map[int]bool{})
					}
					if circle {
						continue
					}
					s.Dynamic[i].Wait = true
					for _, j := range w.scans[s] {
						w.needs[j] = append(w.needs[j], at)
					}
				}
			}
		}
	}
}

// waits is which joins need which to have published, by index.
type waits struct {
	joins []*physical.HashJoin
	index map[*physical.HashJoin]int
	needs [][]int
	// scans holds, by scan, the joins whose build side it is read for.
	scans map[*physical.Scan][]int
	order []*physical.Scan
}

// collect finds joins and scans below n, which is read for the build sides of
// the joins in builds.
func (w *waits) collect(n physical.Node, builds []int) {
	switch n := n.(type) {
	case *physical.Scan:
		if len(n.Dynamic) == 0 {
			return
		}
		if _, seen := w.scans[n]; !seen {
			w.order = append(w.order, n)
		}
		w.scans[n] = append(w.scans[n], builds...)
		return
	case *physical.HashJoin:
		at, seen := w.index[n]
		if !seen {
			at = len(w.joins)
			w.index[n] = at
			w.joins = append(w.joins, n)
			w.needs = append(w.needs, nil)
		}
		for _, b := range builds {
			w.needs[b] = append(w.needs[b], at)
		}
		w.collect(n.Right, append(slices.Clip(builds), at))
		w.collect(n.Left, builds)
		return
	case *physical.SharedScan:
		w.collect(n.Of.Input, builds)
		return
	}
	for _, c := range n.Children() {
		w.collect(c, builds)
	}
}

// reaches reports whether join from needs join to, or is it.
func (w *waits) reaches(from, to int, seen map[int]bool) bool {
	if from == to {
		return true
	}
	seen[from] = true
	for _, n := range w.needs[from] {
		if !seen[n] && w.reaches(n, to, seen) {
			return true
		}
	}
	return false
}
