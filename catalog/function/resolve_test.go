package function

import (
	"errors"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// lines reads a file of tab-separated facts taken from PostgreSQL's catalogs.
func lines(t testing.TB, name string) [][]string {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	var out [][]string
	for line := range strings.Lines(string(data)) {
		out = append(out, strings.Split(strings.TrimSuffix(line, "\n"), "\t"))
	}
	return out
}

func oid(t testing.TB, s string) types.OID {
	t.Helper()
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	return types.OID(n)
}

// postgres fills a registry with PostgreSQL's casts and some of its operators and
// functions.
func postgres(t testing.TB) *Registry {
	t.Helper()
	r := NewRegistry()
	for _, c := range lines(t, "casts.tsv") {
		cast := Cast{From: oid(t, c[0]), To: oid(t, c[1]), Context: CastContext(c[3][0])}
		if c[2] == "t" {
			cast.Fn = &Overload{Args: []types.OID{cast.From}, Ret: cast.To}
		}
		r.AddCast(cast)
	}
	for _, c := range lines(t, "operators.tsv") {
		o := Operator{Name: c[0], Left: oid(t, c[1]), Right: oid(t, c[2])}
		o.Fn = &Overload{Args: []types.OID{o.Left, o.Right}, Ret: oid(t, c[3])}
		r.AddOperator(o)
	}
	for _, c := range lines(t, "functions.tsv") {
		f := &Overload{Name: c[0], Ret: oid(t, c[2]), Variadic: c[3] == "t"}
		for a := range strings.FieldsSeq(c[1]) {
			f.Args = append(f.Args, oid(t, a))
		}
		n, err := strconv.Atoi(c[4])
		if err != nil {
			t.Fatal(err)
		}
		f.Defaults = make([]string, n)
		r.AddFunction(f)
	}
	if err := r.Freeze(); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestResolutionAgreesWithPostgreSQL(t *testing.T) {
	r := postgres(t)
	for _, c := range lines(t, "resolution.tsv") {
		var args []types.OID
		for name := range strings.FieldsSeq(c[2]) {
			args = append(args, types.ByName(name).OID)
		}
		var ret types.OID
		var err error
		switch c[0] {
		case "op":
			var m Match
			if len(args) == 1 {
				m, _, err = r.Operator(c[1], 0, args[0])
			} else {
				m, _, err = r.Operator(c[1], args[0], args[1])
			}
			ret = m.Ret
		case "fn":
			var m Match
			m, err = r.Function("", c[1], args, false)
			ret = m.Ret
		case "case":
			// The ELSE branch comes first.
			args[0], args[1] = args[1], args[0]
			ret, err = r.CommonType(c[1], args)
			if err == nil {
				for _, a := range args {
					if a != ret && a != types.Unknown && r.Coercion(a, ret, Implicit).Kind == PathNone {
						err = pgerror.New(pgerror.CannotCoerce, "")
					}
				}
			}
		}
		got := "OK " + types.FormatOID(ret)
		if e, ok := errors.AsType[*pgerror.Error](err); ok {
			got = "ERR " + string(e.Code) + " " + e.Message
		}
		if got != c[3] {
			t.Errorf("%s %s(%s): got %s, want %s", c[0], c[1], c[2], got, c[3])
		}
	}
}

func TestFreezeAssignsStableOIDs(t *testing.T) {
	build := func(order ...int) map[string]types.OID {
		list := []*Overload{
			{Name: "b", Args: []types.OID{types.Int4}},
			{Name: "a", Args: []types.OID{types.Int4}},
			{Name: "a", Args: []types.OID{types.Text}, OID: 9000},
		}
		r := NewRegistry()
		for _, i := range order {
			r.AddFunction(list[i])
		}
		if err := r.Freeze(); err != nil {
			t.Fatal(err)
		}
		out := map[string]types.OID{}
		last := types.OID(0)
		for o := range r.Functions() {
			if o.OID <= last {
				t.Errorf("OID %d comes after %d", o.OID, last)
			}
			last = o.OID
			out[o.Name+Signature(o.Args)] = o.OID
		}
		return out
	}
	want := map[string]types.OID{"a(text)": 9000, "a(integer)": 9001, "b(integer)": 9002}
	for _, got := range []map[string]types.OID{build(0, 1, 2), build(2, 1, 0)} {
		for k, v := range want {
			if got[k] != v {
				t.Errorf("%s got OID %d, want %d", k, got[k], v)
			}
		}
	}
}

func TestFreezeReportsDuplicates(t *testing.T) {
	r := NewRegistry()
	for range 2 {
		r.AddFunction(&Overload{Name: "f", Args: []types.OID{types.Int4}})
	}
	if err := r.Freeze(); err == nil {
		t.Error("two functions of one signature were accepted")
	}
}

func TestVariadicAndDefaults(t *testing.T) {
	r := NewRegistry()
	r.AddFunction(&Overload{Name: "v", Args: []types.OID{types.Text, types.Int4Array}, Variadic: true, Ret: types.Int4})
	r.AddFunction(&Overload{Name: "d", Args: []types.OID{types.Int4, types.Bool}, Defaults: []string{"false"}, Ret: types.Int4})
	r.AddFunction(&Overload{Name: "hub_f", Schema: "hub", Ret: types.Int4})
	if err := r.Freeze(); err != nil {
		t.Fatal(err)
	}
	m, err := r.Function("", "v", []types.OID{types.Unknown, types.Int4, types.Unknown}, false)
	if err != nil || !m.Expanded || len(m.Args) != 3 || m.Args[1] != types.Int4 {
		t.Errorf("expanded call: %+v, %v", m, err)
	}
	m, err = r.Function("", "v", []types.OID{types.Text, types.Int4Array}, true)
	if err != nil || m.Expanded || len(m.Args) != 2 {
		t.Errorf("VARIADIC call: %+v, %v", m, err)
	}
	if m, err = r.Function("", "d", []types.OID{types.Int4}, false); err != nil || len(m.Args) != 2 {
		t.Errorf("call with default: %+v, %v", m, err)
	}
	if _, err = r.Function("", "hub_f", nil, false); pgerror.CodeOf(err) != pgerror.UndefinedFunction {
		t.Errorf("a function of another schema was found: %v", err)
	}
	if _, err = r.Function("hub", "hub_f", nil, false); err != nil {
		t.Error(err)
	}
}
