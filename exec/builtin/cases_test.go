package builtin

import (
	"bufio"
	"context"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/session"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// overloads collects functions by signature.
type overloads map[string]*function.Overload

func (m overloads) AddFunction(o *function.Overload) {
	var args []string
	for _, a := range o.Args {
		args = append(args, types.Lookup(a).Name)
	}
	m[o.Name+"("+strings.Join(args, ",")+")"] = o
}
func (overloads) AddOperator(function.Operator) {}
func (overloads) AddCast(function.Cast)         {}

// TestCases runs testdata/cases.txt: a line is a signature, the arguments as
// text (\N for NULL) and the answer of PostgreSQL 15, separated by tabs; an
// answer "!code" is an error.
func TestCases(t *testing.T) {
	fns := overloads{}
	Register(fns)
	f, err := os.Open("testdata/cases.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	s := &session.Session{Vars: session.NewVars(session.Defaults{}), TxStart: time.Now(), StatementStart: time.Now()}
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		c := strings.Split(lines.Text(), "\t")
		if len(c) < 2 {
			continue
		}
		sig, args, want := c[0], c[1:len(c)-1], c[len(c)-1]
		fn := fns[sig]
		if fn == nil {
			t.Errorf("%s is not registered", sig)
			continue
		}
		if got := run(s, fn, args); got != want && !near(fn, got, want) {
			t.Errorf("%s %q: got %q, want %q", sig, args, got, want)
		}
	}
}

// near reports whether two floats agree but for the last digits, in which the
// mathematical libraries differ.
func near(fn *function.Overload, a, b string) bool {
	x, errX := strconv.ParseFloat(a, 64)
	y, errY := strconv.ParseFloat(b, 64)
	return fn.Ret == types.Float8 && errX == nil && errY == nil && math.Abs(x-y) <= 1e-14*math.Abs(y)
}

// run applies fn to constants and prints the result.
func run(s *session.Session, fn *function.Overload, args []string) string {
	call := &function.Call{Ctx: context.Background(), Session: s, Ret: types.Of(fn.Ret)}
	var vecs []*vector.Vec
	for i, a := range args {
		typ := types.Of(fn.Args[min(i, len(fn.Args)-1)])
		if typ.OID == types.Any || typ.OID == types.AnyElement || typ.OID == types.AnyNonArray || typ.OID == types.AnyCompatible {
			typ.OID = types.Text
		}
		if typ.OID == types.AnyArray || typ.OID == types.AnyCompatibleArray {
			typ.OID = types.TextArray
		}
		d := types.Null
		if a != `\N` {
			var err error
			if d, err = types.ParseText(typ, a, s.Format()); err != nil {
				return "!" + string(pgerror.CodeOf(err))
			}
		}
		if d.Null && fn.Strict {
			return `\N`
		}
		call.Args = append(call.Args, typ)
		v := vector.FromDatums(typ, []types.Datum{d, d})
		vecs = append(vecs, v)
	}
	if call.Ret.OID == types.AnyArray || call.Ret.OID == types.AnyCompatibleArray {
		call.Ret.OID = types.TextArray
	}
	out := vector.New(call.Ret, 2)
	if err := fn.Kernel(call, vecs, 2, out); err != nil {
		return "!" + string(pgerror.CodeOf(err))
	}
	show := func(i int) string {
		if out.IsNull(i) {
			return `\N`
		}
		return types.FormatText(call.Ret, out.Datum(i), s.Format())
	}
	if a, b := show(0), show(1); a != b {
		return a + " and then " + b
	}
	return show(0)
}
