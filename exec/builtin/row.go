package builtin

import (
	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/vector"
)

// row gives a function that works row by row access to its arguments.
type row struct {
	c    *function.Call
	args []*vector.Vec
	i    int
	room room
}

// n returns the number of arguments.
func (r *row) n() int { return len(r.args) }

// null reports whether argument k is NULL.
func (r *row) null(k int) bool { return r.args[k].IsNull(r.i) }

// int returns argument k of an integer-like layout.
func (r *row) int(k int) int64 { return r.args[k].Int(r.i) }

// bool returns a boolean argument.
func (r *row) bool(k int) bool { return r.args[k].Int(r.i) != 0 }

// float returns a float argument.
func (r *row) float(k int) float64 { return r.args[k].Float(r.i) }

// text returns argument k, stored as bytes; the string shares memory with the
// vector and must not be kept.
func (r *row) text(k int) string { return r.args[k].String(r.i) }

// num returns a numeric argument.
func (r *row) num(k int) types.Num { return numAt(r.args[k], r.i) }

// wide returns an argument of 16 bytes.
func (r *row) wide(k int) vector.Wide {
	if r.args[k].Kind == vector.Const {
		return r.args[k].Wides()[0]
	}
	return r.args[k].Wides()[r.i]
}

// datum returns argument k.
func (r *row) datum(k int) types.Datum { return r.args[k].Datum(r.i) }

// numAt returns row i of a Flat or Const numeric vector.
func numAt(v *vector.Vec, i int) types.Num {
	if v.Kind == vector.Const {
		i = 0
	}
	if v.Scaled {
		return types.NumFromScaled(v.Int64s()[i], v.Scale)
	}
	return types.DecodeNumeric(v.Bytes(i))
}

// each makes a kernel of a function of one row. Rows that are NULL by
// strictness are left out.
func each(f func(r *row) (types.Datum, error)) function.Kernel {
	return func(c *function.Call, args []*vector.Vec, n int, out *vector.Vec) error {
		r := row{c: c, args: args, room: room{c: c}}
		defer r.room.done()
		for i := range n {
			if out.Valid != nil && !out.Valid.Get(i) {
				continue
			}
			r.i = i
			d, err := f(&r)
			if err != nil {
				return err
			}
			if err := r.room.take(int64(len(d.S))); err != nil {
				return err
			}
			out.Set(i, n, d)
		}
		return nil
	}
}

// textOf makes a kernel of a function of one text argument.
func textOf(f func(s string) (string, error)) function.Kernel {
	return func(_ *function.Call, args []*vector.Vec, n int, out *vector.Vec) error {
		for i := range n {
			if out.Valid != nil && !out.Valid.Get(i) {
				continue
			}
			s, err := f(args[0].String(i))
			if err != nil {
				return err
			}
			out.SetString(i, s)
		}
		return nil
	}
}

// at is the index of row i of a Flat or Const vector.
func at(v *vector.Vec, i int) int {
	if v.Kind == vector.Const {
		return 0
	}
	return i
}

// valid reports whether row i of the output is to be computed.
func valid(out *vector.Vec, i int) bool { return out.Valid == nil || out.Valid.Get(i) }
