package parquet

import (
	"context"
	"errors"
	"io"
	"math"
	"os"
	"strconv"
	"strings"
	"sync"

	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/memory"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/federation/sample"
)

// statisticsCache keeps what was found out about columns, by the version of the
// files that they were read from.
type statisticsCache struct {
	mu      sync.Mutex
	columns map[string]*connector.ColumnStatistics
}

// maxStatistics is the largest number of columns that one source remembers.
const maxStatistics = 4096

func (c *statisticsCache) get(key string) *connector.ColumnStatistics {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.columns[key]
}

func (c *statisticsCache) put(key string, s *connector.ColumnStatistics) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.columns == nil || len(c.columns) >= maxStatistics {
		c.columns = map[string]*connector.ColumnStatistics{}
	}
	c.columns[key] = s
}

// Statistics implements connector.Statistician: rows, NULLs and bounds from the
// footers, the number of values from the sizes of dictionaries where all of a
// column is encoded by them, and the rest from a sample.
func (s *source) Statistics(ctx context.Context, h connector.TableHandle, columns []int) (connector.Statistics, error) {
	x := h.(*handle)
	out := connector.Statistics{Columns: make([]*connector.ColumnStatistics, len(x.project))}
	for _, f := range x.table.files {
		out.Rows += float64(f.footer.rows)
		out.Bytes += float64(f.file.Size)
	}
	version := x.table.version()
	var missing []int
	for _, i := range columns {
		if out.Columns[i] = s.statistics.get(version + x.table.columns[x.project[i]].Name); out.Columns[i] == nil {
			missing = append(missing, i)
		}
	}
	if len(missing) == 0 {
		return out, nil
	}
	samples, err := s.sample(ctx, x, missing)
	if err != nil {
		return out, err
	}
	for k, i := range missing {
		c := x.project[i]
		out.Columns[i] = x.table.describe(c, samples[k], out.Rows)
		s.statistics.put(version+x.table.columns[c].Name, out.Columns[i])
	}
	return out, nil
}

// version identifies the files of a table as they are.
func (t *table) version() string {
	var b strings.Builder
	for _, f := range t.files {
		b.WriteString(f.file.Name)
		b.WriteByte(0)
		b.WriteString(strconv.FormatInt(f.file.Size, 36))
		b.WriteByte(0)
		b.WriteString(strconv.FormatInt(f.file.ModTime.UnixNano(), 36))
		b.WriteByte(0)
	}
	return b.String()
}

// Sample sizes: sampleParts row groups, statisticsRows rows of each.
const (
	sampleParts    = 4
	statisticsRows = 2048
)

// maxDictionaries is the largest number of row groups whose dictionaries are
// looked at.
const maxDictionaries = 256

// sample reads some rows of the given columns of h.
func (s *source) sample(ctx context.Context, h *handle, columns []int) ([]*sample.Column, error) {
	all := h.table.prune(nil)
	out := make([]*sample.Column, len(columns))
	project := make([]int, len(columns))
	for k, i := range columns {
		project[k] = h.project[i]
		out[k] = sample.New(h.table.columns[project[k]].Type)
	}
	n := min(sampleParts, len(all))
	account := memory.NewRoot("statistics", 0)
	for k := range n {
		p := all[k*len(all)/n]
		p.rows = min(p.rows, statisticsRows)
		one := &handle{table: h.table, project: project, queue: &partQueue{parts: []part{p}}, fixed: true}
		if err := s.sampleInto(ctx, one, account, out); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// sampleInto reads a handle to its end.
func (s *source) sampleInto(ctx context.Context, h *handle, account *memory.Account, out []*sample.Column) error {
	r, err := s.Scan(ctx, h, connector.ScanOptions{Account: account, BatchSize: vector.BatchSize})
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	var b vector.Batch
	for {
		err := r.Next(ctx, &b)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		for i, v := range b.Cols {
			out[i].Add(v, b.N)
		}
	}
}

// describe puts together what footers and sample say of column c.
func (t *table) describe(c int, smp *sample.Column, total float64) *connector.ColumnStatistics {
	f := t.footerFacts(c)
	out := smp.Statistics(total, f.disjoint && f.groups > 1)
	if f.nulls > 0 {
		out.NullFraction = min(1, f.nulls/max(total, 1))
	}
	if f.distinct > 0 {
		out.Distinct = f.distinct
	}
	if f.bounded {
		out.Min, out.Max = f.lo, f.hi
		if f.span > 0 {
			out.Distinct = min(out.Distinct, f.span)
		}
	}
	out.Distinct = max(0, min(out.Distinct, total))
	return out
}

// facts is what the footers say of one column.
type facts struct {
	groups int
	nulls  float64
	// bounded is set when all row groups have bounds; span is the number of
	// integers within them, 0 for other types.
	bounded bool
	lo, hi  types.Datum
	span    float64
	// disjoint is set when the ranges of the row groups do not overlap but at
	// their ends: equal values lie together.
	disjoint bool
	// distinct is the number of values by the dictionaries, 0 when not all of
	// the column is encoded by them.
	distinct float64
}

// footerFacts reads the footers of all files.
func (t *table) footerFacts(c int) facts {
	out := facts{bounded: true, disjoint: true}
	typ := t.columns[c].Type
	var last types.Datum
	sum, largest, rows := 0.0, 0.0, 0.0
	total := 0
	for _, f := range t.files {
		total += len(f.footer.groups)
	}
	dictionaries := total <= maxDictionaries
	for _, f := range t.files {
		m := f.fields[c]
		groups := f.footer.meta.Metadata().RowGroups
		var file *os.File
		for g := range groups {
			n := groups[g].NumRows
			if n == 0 {
				continue
			}
			if m == nil {
				out.nulls += float64(n)
				continue
			}
			b := chunkBounds(m, &groups[g], n)
			if m.form != formNested {
				out.nulls += float64(max(0, groups[g].Columns[m.leaf].MetaData.Statistics.NullCount))
			}
			if b.allNull {
				continue
			}
			out.groups++
			rows += float64(n)
			lo, hi, ok := b.datums(typ)
			switch {
			case !ok:
				out.bounded, out.disjoint = false, false
			case out.groups == 1:
				out.lo, out.hi, last = lo, hi, hi
			default:
				out.disjoint = out.disjoint && types.Compare(typ, lo, last) >= 0
				last = hi
				if out.bounded {
					if types.Compare(typ, lo, out.lo) < 0 {
						out.lo = lo
					}
					if types.Compare(typ, hi, out.hi) > 0 {
						out.hi = hi
					}
				}
			}
			if !dictionaries || m.form == formNested {
				dictionaries = false
				continue
			}
			if file == nil {
				var err error
				if file, err = f.file.Open(); err != nil {
					dictionaries = false
					continue
				}
			}
			d, ok := dictionarySize(file, &groups[g].Columns[m.leaf].MetaData)
			dictionaries = ok
			sum, largest = sum+d, max(largest, d)
		}
		if file != nil {
			_ = file.Close()
		}
	}
	if out.groups == 0 {
		out.bounded, dictionaries = false, false
	}
	if out.bounded {
		out.span = span(typ, out.lo, out.hi)
	}
	if dictionaries {
		out.distinct = largest
		switch {
		case out.disjoint:
			out.distinct = sum
		case out.groups > 1:
			out.distinct = population(sum/float64(out.groups), rows/float64(out.groups), rows)
		}
	}
	return out
}

// population estimates how many values a column has in total rows when part of
// them have d: every value equally likely.
func population(d, part, total float64) float64 {
	if d < part/8 {
		return d // each value occurs so often that none is missing
	}
	lo, hi := d, total
	for range 40 {
		mid := (lo + hi) / 2
		if mid*-math.Expm1(-part/mid) < d {
			lo = mid
		} else {
			hi = mid
		}
	}
	return hi
}

// datums returns the bounds as values of the column's type.
func (b bounds) datums(t types.Type) (lo, hi types.Datum, ok bool) {
	switch b.kind {
	case boundInt:
		switch t.OID {
		case types.Int2, types.Int4, types.Int8, types.Date, types.Time, types.Timestamp, types.TimestampTZ:
			return types.IntDatum(b.minI), types.IntDatum(b.maxI), b.scale == 0
		case types.Numeric:
			scaled := func(i int64) types.Datum {
				return types.TextDatum(string(types.AppendScaled(nil, i, int32(b.scale))))
			}
			return scaled(b.minI), scaled(b.maxI), true
		}
	case boundFloat:
		return types.FloatDatum(b.minF), types.FloatDatum(b.maxF), t.OID == types.Float4 || t.OID == types.Float8
	case boundText:
		return types.TextDatum(b.minS), types.TextDatum(b.maxS), t.OID == types.Text || t.OID == types.VarChar
	}
	return lo, hi, false
}

// span counts the values between two bounds of an integer type, 0 for others.
func span(t types.Type, lo, hi types.Datum) float64 {
	switch t.OID {
	case types.Int2, types.Int4, types.Int8, types.Date:
		return float64(hi.I) - float64(lo.I) + 1
	}
	return 0
}

// dictionarySize reads the number of entries of a column chunk's dictionary; ok
// is false when some of its pages are not encoded by one.
func dictionarySize(file *os.File, meta *format.ColumnMetaData) (float64, bool) {
	at := meta.DictionaryPageOffset
	if at <= 0 || len(meta.EncodingStats) == 0 {
		return 0, false
	}
	for _, s := range meta.EncodingStats {
		const old = format.PlainDictionary //nolint:staticcheck // files of older writers have it
		if s.PageType != format.DictionaryPage && s.Encoding != format.RLEDictionary && s.Encoding != old {
			return 0, false
		}
	}
	var header format.PageHeader
	protocol := &thrift.CompactProtocol{}
	if err := thrift.NewDecoder(protocol.NewReader(io.NewSectionReader(file, at, 4096))).Decode(&header); err != nil {
		return 0, false
	}
	if header.Type != format.DictionaryPage || !header.DictionaryPageHeader.Valid || header.DictionaryPageHeader.V.NumValues <= 0 {
		return 0, false
	}
	return float64(header.DictionaryPageHeader.V.NumValues), true
}
