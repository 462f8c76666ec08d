package operator

import "github.com/hubsql/hubsql/catalog/function"

// maxRunGroups is how many groups a set may have for its rows to be listed group
// by group.
const maxRunGroups = 16

// runLists lists the rows of a batch group by group.
type runLists struct {
	rows []int32
	runs []function.Run
}

// of returns the runs of a batch whose rows belong to groups, all below total;
// nil when that does not pay.
func (r *runLists) of(groups []int32, total int) []function.Run {
	n := len(groups)
	if total > maxRunGroups || total*8 > n {
		return nil
	}
	if cap(r.rows) < total*n {
		r.rows = make([]int32, maxRunGroups*n)
	}
	rows := r.rows[:total*n]
	var at [maxRunGroups]int32
	for g := range total {
		at[g] = int32(g * n)
	}
	for i, g := range groups {
		g &= maxRunGroups - 1
		rows[at[g]] = int32(i)
		at[g]++
	}
	r.runs = r.runs[:0]
	for g := range total {
		if list := rows[g*n : at[g]]; len(list) > 0 {
			r.runs = append(r.runs, function.Run{Group: int32(g), Rows: list, N: len(list)})
		}
	}
	return r.runs
}

// whole returns n rows of one group as a run.
func (r *runLists) whole(n int) []function.Run {
	r.runs = append(r.runs[:0], function.Run{N: n})
	return r.runs
}
