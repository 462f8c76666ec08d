package builtin

// windowFunctions declares the window functions. They have no kernel: the window
// operator computes them by name, as they look at rows, not values.
func windowFunctions() []entry {
	return []entry{
		{sigs: "row_number()", doc: "Returns the number of the current row within its partition, counting from 1.", example: "SELECT row_number() OVER (ORDER BY x) FROM (VALUES (3), (1)) t (x)"},
		{sigs: "rank()", doc: "Returns the rank of the current row, with gaps."},
		{sigs: "dense_rank()", doc: "Returns the rank of the current row, without gaps."},
		{sigs: "percent_rank()", doc: "Returns the relative rank, from 0 to 1."},
		{sigs: "cume_dist()", doc: "Returns the fraction of rows that do not follow the current row."},
		{sigs: "ntile(int4)", doc: "Returns the number of the bucket when the partition is cut into equal parts."},
		{sigs: "lag(anyelement) lag(anyelement,int4) lag(anycompatible,int4,anycompatible)", doc: "Returns a value of the row that many rows before the current one."},
		{sigs: "lead(anyelement) lead(anyelement,int4) lead(anycompatible,int4,anycompatible)", doc: "Returns a value of the row that many rows after the current one."},
		{sigs: "first_value(anyelement)", doc: "Returns a value of the first row of the frame."},
		{sigs: "last_value(anyelement)", doc: "Returns a value of the last row of the frame."},
		{sigs: "nth_value(anyelement,int4)", doc: "Returns a value of the n-th row of the frame."},
	}
}
