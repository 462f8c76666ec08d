package parquet

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/memory"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/federation/connectortest"
	"github.com/hubsql/hubsql/planner/expr"
)

// mixed is a row with columns of many encodings.
type mixed struct {
	ID    int64    `parquet:"id"`
	Run   int32    `parquet:"run,dict"`
	Rand  int64    `parquet:"rand"`
	Small int64    `parquet:"small,dict"`
	Opt   *int64   `parquet:"opt,optional"`
	OptD  *int32   `parquet:"optd,optional,dict"`
	Delta int32    `parquet:"delta,delta"`
	Name  string   `parquet:"name,dict"`
	Text  *string  `parquet:"text,optional"`
	Pre   string   `parquet:"pre,delta"`
	F     float64  `parquet:"f,split"`
	Flag  bool     `parquet:"flag"`
	OptF  *float32 `parquet:"optf,optional"`
	Tags  []int32  `parquet:"tags,list"`
}

// mixedRows makes rows whose values come in stretches, so that filters are
// selective in some places and not in others.
func mixedRows(n int) []mixed {
	r := rand.New(rand.NewPCG(7, 7))
	rows := make([]mixed, n)
	for i := range rows {
		m := &rows[i]
		stretch := i / 5000 % 4
		m.ID, m.Run, m.Rand = int64(i), int32(i/1000), r.Int64()
		m.Small = r.Int64N(int64(10 + 100*stretch))
		if r.IntN(4) >= stretch {
			x := r.Int64N(1000)
			m.Opt = &x
		}
		if i/3000%3 != 0 && r.IntN(10) > 0 {
			x := int32(r.IntN(50))
			m.OptD = &x
		}
		m.Delta = int32(i*3) - int32(r.IntN(100))
		m.Name = fmt.Sprintf("name %d of a longer kind", r.IntN(5+50*stretch))
		if r.IntN(3) > 0 {
			x := strings.Repeat("é", r.IntN(4)) + fmt.Sprint(r.IntN(1e6))
			m.Text = &x
		}
		m.Pre = fmt.Sprintf("prefix/%08d/%d", i, r.IntN(10))
		m.F = float64(r.IntN(1000)) / 8
		m.Flag = i/700%2 == 0
		if r.IntN(2) == 0 {
			x := float32(r.IntN(100))
			m.OptF = &x
		}
		for range r.IntN(3) {
			m.Tags = append(m.Tags, int32(r.IntN(9)))
		}
	}
	return rows
}

// writeMixed stores rows in row groups and small pages.
func writeMixed(t testing.TB, path string, rows []mixed, options ...parquet.WriterOption) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := parquet.NewGenericWriter[mixed](f, options...)
	if _, err := w.Write(rows); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// constant parses a literal.
func constant(oid types.OID, text string) expr.Expr {
	d, err := types.ParseText(types.Of(oid), text, nil)
	if err != nil {
		panic(err)
	}
	return &expr.Const{T: types.Of(oid), Value: d}
}

// predicate is an expression and what it means for a row.
type predicate struct {
	text string
	e    expr.Expr
	pass func(m *mixed) bool
}

// randomPredicate makes a predicate about the columns of mixed.
func randomPredicate(r *rand.Rand, cols []connector.Column, depth int) predicate {
	col := func(name string) expr.Expr {
		i := slices.IndexFunc(cols, func(c connector.Column) bool { return c.Name == name })
		return &expr.Column{ID: expr.ColumnID(i), T: cols[i].Type}
	}
	ops := []string{"=", "<>", "<", "<=", ">", ">="}
	op := ops[r.IntN(len(ops))]
	compare := func(c int) bool {
		return map[string]bool{"=": c == 0, "<>": c != 0, "<": c < 0, "<=": c <= 0, ">": c > 0, ">=": c >= 0}[op]
	}
	order := func(a, b float64) bool {
		switch {
		case a < b:
			return compare(-1)
		case a > b:
			return compare(1)
		}
		return compare(0)
	}
	switch k := r.IntN(13); {
	case k == 0 && depth < 2, k == 1 && depth < 2:
		a, b := randomPredicate(r, cols, depth+1), randomPredicate(r, cols, depth+1)
		if k == 0 {
			return predicate{"(" + a.text + " OR " + b.text + ")", &expr.Logic{Op: expr.Or, Args: []expr.Expr{a.e, b.e}}, func(m *mixed) bool { return a.pass(m) || b.pass(m) }}
		}
		return predicate{"(" + a.text + " AND " + b.text + ")", &expr.Logic{Op: expr.And, Args: []expr.Expr{a.e, b.e}}, func(m *mixed) bool { return a.pass(m) && b.pass(m) }}
	case k <= 2:
		c := r.IntN(60)
		return predicate{fmt.Sprint("run", op, c), connectortest.Compare(op, col("run"), constant(types.Int4, fmt.Sprint(c))), func(m *mixed) bool { return order(float64(m.Run), float64(c)) }}
	case k == 3:
		c := r.IntN(300)
		return predicate{fmt.Sprint("small", op, c), connectortest.Compare(op, col("small"), constant(types.Int8, fmt.Sprint(c))), func(m *mixed) bool { return order(float64(m.Small), float64(c)) }}
	case k == 4:
		c := r.IntN(1000)
		return predicate{fmt.Sprint("opt", op, c), connectortest.Compare(op, col("opt"), constant(types.Int8, fmt.Sprint(c))), func(m *mixed) bool { return m.Opt != nil && order(float64(*m.Opt), float64(c)) }}
	case k == 5:
		c := r.IntN(50)
		return predicate{fmt.Sprint("optd", op, c), connectortest.Compare(op, col("optd"), constant(types.Int4, fmt.Sprint(c))), func(m *mixed) bool { return m.OptD != nil && order(float64(*m.OptD), float64(c)) }}
	case k == 6:
		c := r.IntN(200000)
		return predicate{fmt.Sprint("delta", op, c), connectortest.Compare(op, col("delta"), constant(types.Int4, fmt.Sprint(c))), func(m *mixed) bool { return order(float64(m.Delta), float64(c)) }}
	case k == 7:
		var items []expr.Expr
		in := map[string]bool{}
		for range 1 + r.IntN(4) {
			s := fmt.Sprintf("name %d of a longer kind", r.IntN(60))
			in[s] = true
			items = append(items, constant(types.Text, s))
		}
		not := r.IntN(2) == 0
		return predicate{fmt.Sprint("name in ", not, in), &expr.InList{Arg: col("name"), Items: items, Not: not}, func(m *mixed) bool { return in[m.Name] != not }}
	case k == 8:
		not := r.IntN(2) == 0
		name, get := "opt", func(m *mixed) bool { return m.Opt == nil }
		if r.IntN(2) == 0 {
			name, get = "text", func(m *mixed) bool { return m.Text == nil }
		}
		return predicate{fmt.Sprint(name, " null ", not), &expr.NullTest{Arg: col(name), Not: not}, func(m *mixed) bool { return get(m) != not }}
	case k == 9:
		c := float64(r.IntN(130))
		return predicate{fmt.Sprint("f", op, c), connectortest.Compare(op, col("f"), constant(types.Float8, fmt.Sprint(c))), func(m *mixed) bool { return order(m.F, c) }}
	case k == 10:
		return predicate{"opt" + op + "small", connectortest.Compare(op, col("opt"), col("small")), func(m *mixed) bool { return m.Opt != nil && order(float64(*m.Opt), float64(m.Small)) }}
	case k == 11:
		c := r.IntN(100)
		return predicate{fmt.Sprint("optf", op, c), connectortest.Compare(op, col("optf"), constant(types.Float4, fmt.Sprint(c))), func(m *mixed) bool { return m.OptF != nil && order(float64(*m.OptF), float64(c)) }}
	}
	if r.IntN(2) == 0 {
		id := r.IntN(60000)
		s := fmt.Sprintf("prefix/%08d/%d", id, r.IntN(10))
		if r.IntN(2) == 0 {
			return predicate{"pre=" + s, connectortest.Compare("=", col("pre"), constant(types.Text, s)), func(m *mixed) bool { return m.Pre == s }}
		}
		return predicate{fmt.Sprint("id=", id), connectortest.Compare("=", col("id"), constant(types.Int8, fmt.Sprint(id))), func(m *mixed) bool { return m.ID == int64(id) }}
	}
	lo := r.IntN(60000)
	return predicate{fmt.Sprint("id>", lo), connectortest.Compare(">", col("id"), constant(types.Int8, fmt.Sprint(lo))), func(m *mixed) bool { return m.ID > int64(lo) }}
}

// scanAll returns the rows of a handle as text by their first column, in order.
func scanAll(t testing.TB, s connector.Source, h connector.TableHandle, o connector.ScanOptions) (ids []int64, rows []string) {
	t.Helper()
	rd, err := s.Scan(t.Context(), h, o)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rd.Close() }()
	// Two batches are rotated: the one before stays valid.
	var batches [2]vector.Batch
	show := func(b *vector.Batch) {
		for i := range b.N {
			var row []string
			for _, v := range b.Cols {
				if d := v.Datum(i); d.Null {
					row = append(row, "NULL")
				} else {
					row = append(row, types.FormatText(v.Type, d, nil))
				}
			}
			ids = append(ids, b.Cols[0].Datum(i).I)
			rows = append(rows, strings.Join(row, "|"))
		}
	}
	var last *vector.Batch
	for k := 0; ; k++ {
		b := &batches[k%2]
		err := rd.Next(t.Context(), b)
		if last != nil {
			show(last)
		}
		if err != nil {
			if err.Error() != "EOF" {
				t.Fatal(err)
			}
			return ids, rows
		}
		last = b
	}
}

func TestRowsThatPassAreReadWhateverIsSkipped(t *testing.T) {
	const n = 60_000
	rows := mixedRows(n)
	dir := t.TempDir()
	for name, options := range map[string][]parquet.WriterOption{
		"v1snappy": {parquet.DataPageVersion(1), parquet.PageBufferSize(16_000), parquet.MaxRowsPerRowGroup(25_000), parquet.Compression(&parquet.Snappy)},
		"v2zstd":   {parquet.PageBufferSize(50_000), parquet.MaxRowsPerRowGroup(n), parquet.Compression(&parquet.Zstd)},
		"bloom": {parquet.PageBufferSize(9_000), parquet.MaxRowsPerRowGroup(12_000), parquet.BloomFilters(
			parquet.SplitBlockFilter(10, "id"), parquet.SplitBlockFilter(10, "delta"), parquet.SplitBlockFilter(10, "opt"), parquet.SplitBlockFilter(10, "pre"))},
		"plain": {parquet.DataPageVersion(1), parquet.PageBufferSize(4_000), parquet.MaxRowsPerRowGroup(9_999)},
	} {
		t.Run(name, func(t *testing.T) {
			writeMixed(t, join(dir, name+".parquet"), rows, options...)
			root := memory.NewRoot("test", 0)
			s := open(t, dir)
			h, err := s.Table(t.Context(), connector.TableRef{Name: name})
			if err != nil {
				t.Fatal(err)
			}
			cols := h.Columns()
			ids, want := scanAll(t, s, h, connector.ScanOptions{Account: root})
			if len(ids) != n || root.Used() != 0 {
				t.Fatalf("%d rows, %d bytes left", len(ids), root.Used())
			}
			for i, m := range rows {
				text := "NULL"
				if m.Text != nil {
					text = *m.Text
				}
				if ids[i] != m.ID || !strings.Contains(want[i], "|"+m.Name+"|"+text+"|"+m.Pre+"|") {
					t.Fatalf("row %d: %q", i, want[i])
				}
			}
			r := rand.New(rand.NewPCG(uint64(len(name)), 1))
			for round := range 24 {
				var list []expr.Expr
				var preds []predicate
				for range 1 + r.IntN(3) {
					p := randomPredicate(r, cols, 0)
					preds = append(preds, p)
					list = append(list, p.e)
				}
				ph, _ := s.(connector.FilterPusher).PushFilter(h, connector.Seal(list))
				// A projection with the number and some others, in any order.
				order := []int{0}
				for _, c := range r.Perm(len(cols)) {
					if c != 0 && (r.IntN(2) == 0 && cols[c].Name != "tags" || r.IntN(8) == 0) {
						order = append(order, c)
					}
				}
				ph, _ = s.(connector.ProjectPusher).PushProject(ph, order)
				handles := []connector.TableHandle{ph}
				if round%3 == 0 {
					if handles, err = s.(connector.Splitter).Split(t.Context(), ph, 3); err != nil {
						t.Fatal(err)
					}
				}
				o := connector.ScanOptions{Account: root}
				if round%4 == 1 {
					o.BatchSize = 64
				}
				got := map[int64]bool{}
				for _, h := range handles {
					ids, texts := scanAll(t, s, h, o)
					for i, id := range ids {
						fields := strings.Split(want[id], "|")
						parts := make([]string, len(order))
						for k, c := range order {
							parts[k] = fields[c]
						}
						if got[id] || texts[i] != strings.Join(parts, "|") {
							t.Fatalf("%v: row %d again or wrong: %q, want %q", preds, id, texts[i], parts)
						}
						got[id] = true
					}
				}
				passed := 0
				for i := range rows {
					pass := true
					text := ""
					for _, p := range preds {
						text += p.text + "; "
						pass = pass && p.pass(&rows[i])
					}
					if pass {
						passed++
						if !got[int64(i)] {
							t.Fatalf("%s lost row %d: %s", text, i, want[i])
						}
					}
				}
				if root.Used() != 0 {
					t.Fatalf("%d bytes left", root.Used())
				}
			}
		})
	}
}

func TestPagesAndBloomFiltersSaveReading(t *testing.T) {
	const n = 40_000
	dir := t.TempDir()
	writeMixed(t, join(dir, "m.parquet"), mixedRows(n), parquet.PageBufferSize(20_000), parquet.MaxRowsPerRowGroup(n/2),
		parquet.BloomFilters(parquet.SplitBlockFilter(10, "id"), parquet.SplitBlockFilter(10, "pre")))
	s := open(t, dir)
	h, err := s.Table(t.Context(), connector.TableRef{Name: "m"})
	if err != nil {
		t.Fatal(err)
	}
	col := func(name string) expr.Expr {
		i := slices.IndexFunc(h.Columns(), func(c connector.Column) bool { return c.Name == name })
		return &expr.Column{ID: expr.ColumnID(i), T: h.Columns()[i].Type}
	}
	for name, c := range map[string]struct {
		e      expr.Expr
		groups int // row groups with rows left
		most   int64
	}{
		"page bounds":          {connectortest.Compare("=", col("id"), constant(types.Int8, "12345")), 1, 5_000},
		"page bounds, ranges":  {connectortest.Compare("<", col("delta"), constant(types.Int4, "3000")), 1, 8_000},
		"absent in the filter": {connectortest.Compare("=", col("pre"), constant(types.Text, "prefix/00001234/x")), 0, 0},
	} {
		ph, _ := s.(connector.FilterPusher).PushFilter(h, connector.Seal([]expr.Expr{c.e}))
		rd, err := s.Scan(t.Context(), ph, connector.ScanOptions{})
		if err != nil {
			t.Fatal(err)
		}
		r := rd.(*reader)
		groups, left := 0, int64(0)
		for {
			p, ok := r.queue.next()
			if !ok {
				break
			}
			if err := r.start(p); err != nil {
				t.Fatal(err)
			}
			for _, x := range r.ranges {
				left += x.rows
			}
			if len(r.ranges) > 0 {
				groups++
			}
		}
		_ = rd.Close()
		if groups != c.groups || left > c.most {
			t.Errorf("%s: %d row groups, %d rows", name, groups, left)
		}
	}
}
