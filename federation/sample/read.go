package sample

import (
	"context"
	"errors"
	"io"

	"github.com/hubsql/hubsql/exec/memory"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/federation/connector"
)

// Read takes up to rows rows of some columns of a table (indexes into
// h.Columns()), from several places of it where the source can be read in parts.
// format is how dates and the like are read from text. account pays for the
// readers' buffers. whole reports that the table has no more rows than were
// read.
func Read(ctx context.Context, src connector.Source, h connector.TableHandle, columns []int, rows int, format connector.ScanOptions) (out []*Column, whole bool, err error) {
	if len(columns) == 0 {
		return nil, false, nil
	}
	all := h.Columns()
	at := make([]int, len(columns))
	for k, i := range columns {
		out, at[k] = append(out, New(all[i].Type)), i
	}
	if p, ok := src.(connector.ProjectPusher); ok {
		if narrow, ok := p.PushProject(h, columns); ok {
			h = narrow
			for k := range at {
				at[k] = k
			}
		}
	}
	parts := []connector.TableHandle{h}
	if s, ok := src.(connector.Splitter); ok {
		if split, err := s.Split(ctx, h, maxParts); err == nil && len(split) > 0 {
			parts = split
		}
	}
	if len(parts) == 1 {
		if p, ok := src.(connector.LimitPusher); ok {
			if limited, ok := p.PushLimit(h, int64(rows)+1); ok {
				parts[0] = limited
			}
		}
	}
	whole = true
	for _, p := range parts {
		done, err := readPart(ctx, src, p, at, max(1, rows/len(parts)), format, out)
		if err != nil {
			return nil, false, err
		}
		whole = whole && done
	}
	return out, whole, nil
}

// maxParts is how many places of a table a sample is read from.
const maxParts = 8

// readPart takes the first rows of a handle and reports whether those were all.
func readPart(ctx context.Context, src connector.Source, h connector.TableHandle, at []int, rows int, o connector.ScanOptions, out []*Column) (bool, error) {
	if o.Account == nil {
		o.Account = memory.NewRoot("sample", 0)
	}
	if o.BatchSize == 0 {
		o.BatchSize = vector.BatchSize
	}
	r, err := src.Scan(ctx, h, o)
	if err != nil {
		return false, err
	}
	defer func() { _ = r.Close() }()
	var b vector.Batch
	for taken := 0; taken < rows; {
		err := r.Next(ctx, &b)
		if errors.Is(err, io.EOF) {
			return true, nil
		}
		if err != nil {
			return false, err
		}
		n := min(b.N, rows-taken)
		for k, c := range out {
			c.Add(b.Cols[at[k]], n)
		}
		taken += n
	}
	return false, nil
}
