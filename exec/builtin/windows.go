package builtin

// windowFunctions are the functions that exist only with OVER. They have no
// kernel: the window operator computes them by name.
func windowFunctions() []entry {
	return []entry{
		{sigs: "row_number()", doc: "Number of the row within its partition, from 1.", example: "row_number() OVER (ORDER BY x)"},
		{sigs: "rank()", doc: "Number of the first peer of the row within its partition.", example: "rank() OVER (ORDER BY x)"},
		{sigs: "dense_rank()", doc: "Number of the row's peer group within its partition.", example: "dense_rank() OVER (ORDER BY x)"},
		{sigs: "percent_rank()", doc: "(rank - 1) / (rows of the partition - 1).", example: "percent_rank() OVER (ORDER BY x)"},
		{sigs: "cume_dist()", doc: "Fraction of the partition's rows up to the last peer of the row.", example: "cume_dist() OVER (ORDER BY x)"},
		{sigs: "ntile(int4)", doc: "Number of the row's bucket when the partition is divided as equally as possible.", example: "ntile(4) OVER (ORDER BY x)"},
		{sigs: "lag(anyelement) lag(anyelement,int4) lag(anycompatible,int4,anycompatible)", doc: "Value of an earlier row of the partition, or a default.", example: "lag(x, 1, 0) OVER (ORDER BY d)"},
		{sigs: "lead(anyelement) lead(anyelement,int4) lead(anycompatible,int4,anycompatible)", doc: "Value of a later row of the partition, or a default.", example: "lead(x) OVER (ORDER BY d)"},
		{sigs: "first_value(anyelement)", doc: "Value of the first row of the frame.", example: "first_value(x) OVER (ORDER BY d)"},
		{sigs: "last_value(anyelement)", doc: "Value of the last row of the frame.", example: "last_value(x) OVER (ORDER BY d)"},
		{sigs: "nth_value(anyelement,int4)", doc: "Value of the n-th row of the frame.", example: "nth_value(x, 2) OVER (ORDER BY d)"},
	}
}
