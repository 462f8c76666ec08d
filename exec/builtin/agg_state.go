package builtin

import (
	"encoding/binary"
	"math"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// stateWriter writes one state of an aggregate as bytes.
type stateWriter struct{ buf []byte }

func (w *stateWriter) int(x int64)     { w.buf = binary.LittleEndian.AppendUint64(w.buf, uint64(x)) }
func (w *stateWriter) float(x float64) { w.int(int64(math.Float64bits(x))) }

func (w *stateWriter) bool(b bool) {
	x := byte(0)
	if b {
		x = 1
	}
	w.buf = append(w.buf, x)
}

// bytes writes b with its length.
func (w *stateWriter) bytes(b []byte) {
	w.buf = binary.AppendUvarint(w.buf, uint64(len(b)))
	w.buf = append(w.buf, b...)
}

func (w *stateWriter) datum(d types.Datum) {
	w.bool(d.Null)
	if d.Null {
		return
	}
	w.int(d.I)
	w.int(d.J)
	w.bytes([]byte(d.S))
}

func (w *stateWriter) datums(ds []types.Datum) {
	w.int(int64(len(ds)))
	for _, d := range ds {
		w.datum(d)
	}
}

// num writes a numeric exactly, with its display scale.
func (w *stateWriter) num(x types.Num) { w.bytes(x.Append(nil)) }

// stateReader reads what a stateWriter wrote, in the same order. short is set
// when the bytes end too early.
type stateReader struct {
	buf   []byte
	short bool
}

// take returns the next n bytes, nil when there are not as many.
func (r *stateReader) take(n int) []byte {
	if n < 0 || n > len(r.buf) {
		r.short, r.buf = true, nil
		return nil
	}
	b := r.buf[:n]
	r.buf = r.buf[n:]
	return b
}

func (r *stateReader) int() int64 {
	if b := r.take(8); b != nil {
		return int64(binary.LittleEndian.Uint64(b))
	}
	return 0
}

func (r *stateReader) float() float64 { return math.Float64frombits(uint64(r.int())) }

func (r *stateReader) bool() bool {
	b := r.take(1)
	return b != nil && b[0] != 0
}

// bytes returns bytes that live as long as what is read.
func (r *stateReader) bytes() []byte {
	n, k := binary.Uvarint(r.buf)
	if k <= 0 || n > math.MaxInt32 {
		r.short, r.buf = true, nil
		return nil
	}
	r.buf = r.buf[k:]
	return r.take(int(n))
}

func (r *stateReader) datum() types.Datum {
	if r.bool() {
		return types.Null
	}
	d := types.Datum{I: r.int()}
	d.J = r.int()
	d.S = string(r.bytes())
	return d
}

func (r *stateReader) datums() []types.Datum {
	n := r.int()
	if n < 0 || n > int64(len(r.buf)) {
		r.short = true
		return nil
	}
	out := make([]types.Datum, n)
	for i := range out {
		out[i] = r.datum()
	}
	return out
}

func (r *stateReader) num() types.Num {
	b := r.bytes()
	if len(b) < 8 {
		r.short = true
		return types.Num{}
	}
	return types.DecodeNumeric(b)
}

// save writes the states of groups into out, one after the other.
func save(groups []int32, out *vector.Vec, write func(w *stateWriter, g int32) error) error {
	var w stateWriter
	for i, g := range groups {
		w.buf = w.buf[:0]
		if err := write(&w, g); err != nil {
			return err
		}
		out.SetBytes(i, w.buf)
	}
	return nil
}

// load reads the states that save wrote.
func load(states *vector.Vec, into []int32, read func(r *stateReader, g int32) error) error {
	var r stateReader
	for i, g := range into {
		r.buf = states.Bytes(i)
		if err := read(&r, g); err != nil {
			return err
		}
		if r.short || len(r.buf) > 0 {
			return pgerror.New(pgerror.DataCorrupted, "state of an aggregate on disk is damaged")
		}
	}
	return nil
}
