package operator

import (
	"context"
	"io"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/federation/connector"
)

// spool reads a handle to its end in the session's transaction at the source. The
// transaction has one connection, which all scans of the query and its changes
// take turns on: if one waited in the middle for another there would be no end.
func (s *scan) spool(handle connector.TableHandle, tx connector.Transaction) (_ connector.Reader, err error) {
	s.q.txMu.Lock()
	defer s.q.txMu.Unlock()
	o := s.options()
	o.Snapshot, o.Transaction = nil, tx
	in, err := s.n.Source.Scan(s.ctx, handle, o)
	if err != nil {
		return nil, err
	}
	defer func() {
		if e := in.Close(); err == nil {
			err = e
		}
	}()
	columns := handle.Columns()
	ts := make([]types.Type, len(columns))
	for i, c := range columns {
		ts[i] = c.Type
	}
	out := &spooled{list: newPageList(s.q, s.st.account, ts, pageRows)}
	var b vector.Batch
	for {
		switch err := in.Next(s.ctx, &b); err {
		case nil:
			if err := out.list.append(b.Cols, b.Sel, b.Rows()); err != nil {
				return nil, err
			}
		case io.EOF:
			return out, nil
		default:
			return nil, err
		}
	}
}

// spooled delivers what spool has read.
type spooled struct {
	list *pageList
	at   int
	in   pageReader
}

// Local implements connector.LocalReader.
func (*spooled) Local() {}

// Next implements connector.Reader.
func (r *spooled) Next(_ context.Context, dst *vector.Batch) error {
	dst.N, dst.Sel = 0, nil
	for {
		b, err := r.in.next()
		if err == nil {
			*dst = *b
			return nil
		}
		if err != io.EOF {
			return err
		}
		p := r.list.page(r.at)
		if p == nil {
			return io.EOF
		}
		r.at++
		r.in.begin(r.list, p)
	}
}

// Close implements connector.Reader.
func (r *spooled) Close() error {
	r.in.close()
	return nil
}
