package spill

import (
	"io"

	"github.com/klauspost/compress/s2"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/vector"
)

const (
	// blockSize is how much is collected before it is written: large enough to
	// compress well, small enough that a merge of many runs fits.
	blockSize = 64 << 10
	// pieceSize is about the largest part of a batch that is encoded at a time.
	pieceSize = 256 << 10
	// padding is readable behind every block: values are loaded in words.
	padding = 16
)

// maxCompressed is the largest size of n bytes after compress.
func maxCompressed(n int) int { return s2.MaxEncodedLen(n) }

// compress packs raw into dst, which has room for it.
func compress(dst, raw []byte) []byte { return s2.Encode(dst, raw) }

// decompress unpacks into dst, which has the length of the result.
func decompress(dst, packed []byte) ([]byte, error) { return s2.Decode(dst, packed) }

// Run is a list of rows in a file that is read in the order in which it was
// written. It is written by one goroutine at a time; afterwards any number of
// readers may read it. It holds no buffer before the first Append and after
// Flush.
type Run struct {
	f      *File
	blocks []block
	rows   int64
	enc    encoder
	held   int64
	widest int32 // bytes of the largest block
}

// NewRun begins a run.
func (f *File) NewRun() *Run { return &Run{f: f} }

// Rows returns the number of rows.
func (r *Run) Rows() int64 { return r.rows }

// ReadCost returns about what a reader of the run holds, in bytes.
func (r *Run) ReadCost() int64 { return 3 * (int64(r.widest) + padding) }

// Append adds the rows of b. The columns may have any type, kind and physical
// form; those of one run have the same types. Batches of some hundred rows and
// more are stored best. Errors are those of the disk, or 53400 when the quota is
// used up.
func (r *Run) Append(b *vector.Batch) error { return r.AppendRows(b.Cols, b.Sel, b.Rows()) }

// AppendRows adds the rows sel (nil: the first n) of cols; n is their number.
func (r *Run) AppendRows(cols []*vector.Vec, sel []int32, n int) error {
	for from := 0; from < n; {
		to := min(n, from+pieceRows(cols, sel, from, min(n, from+vector.BatchSize)))
		r.enc.piece(cols, sel, from, to)
		if size := int64(cap(r.enc.buf)); size > r.held {
			r.f.account.Overdraw(size - r.held)
			r.held = size
		}
		r.rows += int64(to - from)
		from = to
		if len(r.enc.buf) >= blockSize {
			if err := r.write(); err != nil {
				return err
			}
		}
	}
	return nil
}

// pieceRows returns how many of the rows from..to-1 make a piece: a multiple of
// 64 unless it is all of them.
func pieceRows(cols []*vector.Vec, sel []int32, from, to int) int {
	n := to - from
	size := 0
	for _, v := range cols {
		if v.Kind != vector.Flat || v.Type.Layout() != types.LayoutBytes {
			size += 16 * n
			continue
		}
		views := v.Views()
		if sel == nil {
			for i := range views[from:to] {
				size += max(int(views[from+i].Len), 0)
			}
			continue
		}
		for _, i := range sel[from:to] {
			size += max(int(views[i].Len), 0)
		}
	}
	if size <= pieceSize {
		return n
	}
	return min(n, max(64, n*pieceSize/size&^63))
}

// write makes what was collected a block.
func (r *Run) write() error {
	b, err := r.f.write(r.enc.buf)
	if err != nil {
		return err
	}
	r.blocks = append(r.blocks, b)
	r.widest = max(r.widest, b.raw)
	r.enc.buf = r.enc.buf[:0]
	return nil
}

// Flush writes what was collected and gives the buffer back. It must be called
// before the run is read; more may be appended.
func (r *Run) Flush() error {
	if len(r.enc.buf) > 0 {
		if err := r.write(); err != nil {
			return err
		}
	}
	r.enc = encoder{}
	r.f.account.Release(r.held)
	r.held = 0
	return nil
}

// Reader reads a run.
type Reader struct {
	run  *Run
	next int // block
	buf  []byte
	rest []byte
	held int64
	dec  decoder
	keep bool
}

// Read returns a reader of r, which has been flushed. With keep every batch has
// buffers of its own, which live as long as somebody holds them; else a batch
// is valid until the next call.
func (r *Run) Read(keep bool) *Reader { return &Reader{run: r, keep: keep} }

// Next makes dst the next rows, at most vector.BatchSize of them and dense, or
// returns io.EOF. A block that is not what was written is XX001.
func (r *Reader) Next(dst *vector.Batch) error {
	for len(r.rest) == 0 {
		if r.next == len(r.run.blocks) {
			return io.EOF
		}
		into := r.buf
		if r.keep {
			into, r.dec = nil, decoder{}
		}
		buf, err := r.run.f.read(into, r.run.blocks[r.next])
		if err != nil {
			return err
		}
		r.buf, r.rest = buf, buf
		r.next++
		// The decoded values take about as much as the block.
		if size := 2 * int64(cap(buf)); size > r.held {
			r.run.f.account.Overdraw(size - r.held)
			r.held = size
		}
	}
	if r.keep {
		r.dec = decoder{}
		dst.Cols = nil
	}
	r.dec.in = r.rest
	if err := r.dec.piece(dst); err != nil {
		return corrupted(r.run.f.operator)
	}
	r.rest = r.dec.in
	return nil
}

// Close gives the buffers back. It may be called more than once.
func (r *Reader) Close() {
	r.run.f.account.Release(r.held)
	r.held = 0
	r.buf, r.rest, r.next = nil, nil, len(r.run.blocks)
}
