package function

import (
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/vector"
)

// Spread makes a kernel of a function of any number of arguments, written with
// VARIADIC: its last argument is an array whose elements are the arguments. A
// NULL array gives NULL, or counts as no arguments if nullIsNone is set.
func Spread(k Kernel, nullIsNone bool) Kernel {
	return func(c *Call, args []*vector.Vec, n int, out *vector.Vec) error {
		fixed := len(args) - 1
		elem := types.Of(args[fixed].Type.Elem().OID)
		call := *c
		one := vector.New(c.Ret, 1)
		for i := range n {
			if out.Valid != nil && !out.Valid.Get(i) {
				continue
			}
			var a types.Array
			switch {
			case !args[fixed].IsNull(i):
				var err error
				if a, err = types.DecodeArray(string(args[fixed].Bytes(i))); err != nil {
					return err
				}
			case !nullIsNone:
				out.SetNull(i, n)
				continue
			}
			row := make([]*vector.Vec, 0, fixed+len(a.Elems))
			call.Args = append([]types.Type(nil), c.Args[:fixed]...)
			for k := range fixed {
				row = append(row, vector.NewConst(args[k].Type, args[k].Datum(i)))
			}
			for _, d := range a.Elems {
				row = append(row, vector.NewConst(elem, d))
				call.Args = append(call.Args, elem)
			}
			one.Reset(c.Ret, 1)
			if err := k(&call, row, 1, one); err != nil {
				return err
			}
			out.Set(i, n, one.Datum(0))
		}
		c.Scratch = call.Scratch
		return nil
	}
}
