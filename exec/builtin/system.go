package builtin

import (
	"math/big"
	"runtime"
	"strings"
	"time"

	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// Version is what version() answers before the name of the product.
const Version = "PostgreSQL 15.18"

// sleep waits, or until the statement is cancelled.
func sleep(c *function.Call, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-c.Ctx.Done():
		return c.Ctx.Err()
	}
}

// seconds makes a duration of seconds, limited to a year.
func seconds(s float64) time.Duration {
	return time.Duration(min(max(s, 0), 365*24*3600) * float64(time.Second))
}

// setting is current_setting(name [, missing ok]).
func setting(r *row) (types.Datum, error) {
	s, err := r.c.Session.Vars.Get(r.text(0))
	if err != nil {
		if r.n() > 1 && r.bool(1) {
			return types.Null, nil
		}
		return types.Null, err
	}
	return text(s)
}

// sizes are the units of pg_size_pretty.
var sizes = [...]string{"bytes", "kB", "MB", "GB", "TB", "PB"}

// prettySize prints a number of bytes with the largest unit that shows at least
// two digits.
func prettySize(x *big.Int) string {
	limit := big.NewInt(10 * 1024)
	neg := x.Sign() < 0
	v := new(big.Int).Abs(x)
	half := false
	for i, unit := range sizes {
		if v.Cmp(limit) < 0 || i == len(sizes)-1 {
			if half {
				v.Add(v, big.NewInt(1)).Rsh(v, 1)
			}
			s := v.String() + " " + unit
			if neg && v.Sign() != 0 {
				s = "-" + s
			}
			return s
		}
		// One bit more than the unit is kept, for rounding.
		if half {
			v.Rsh(v, 10)
		} else {
			v.Rsh(v, 9)
		}
		half = true
		limit = big.NewInt(20*1024 - 1)
	}
	return ""
}

// schemas is current_schemas(include implicit).
func schemas(r *row) (types.Datum, error) {
	var elems []types.Datum
	path := searchPath(r.c)
	if r.bool(0) {
		path = append([]string{"pg_catalog"}, path...)
	}
	for _, s := range path {
		elems = append(elems, types.TextDatum(s))
	}
	return types.NewArray(types.Name, elems).Datum(), nil
}

// searchPath returns the schemas of the search path, the user's own left out.
func searchPath(c *function.Call) []string {
	s, err := c.Session.Vars.Get("search_path")
	if err != nil {
		return []string{"public"}
	}
	var out []string
	for p := range strings.SplitSeq(s, ",") {
		if p = strings.Trim(strings.TrimSpace(p), `"`); p != "" && p != "$user" {
			out = append(out, p)
		}
	}
	return out
}

// formatTypeOf is format_type(oid, modifier).
func formatTypeOf(r *row) (types.Datum, error) {
	if r.null(0) {
		return types.Null, nil
	}
	oid := types.OID(uint32(r.int(0)))
	if _, _, _, user := oid.User(); user {
		return text(r.c.Session.Format().TypeName(oid))
	}
	if r.null(1) {
		return text(types.FormatOID(oid))
	}
	return text(types.FormatType(types.Type{OID: oid, Mod: int32(r.int(1))}))
}

// system are the functions of the session and the server.
func system() []entry {
	name := func(f func(c *function.Call) string) function.Kernel {
		return each(func(r *row) (types.Datum, error) { return text(f(r.c)) })
	}
	return []entry{
		{sigs: "version()", kernel: name(func(*function.Call) string {
			return Version + " (HubSQL) on " + runtime.GOARCH + "-" + runtime.GOOS + ", compiled by " + runtime.Version() + ", 64-bit"
		}), doc: "The version of the server."},
		{sigs: "current_database()", kernel: name(func(c *function.Call) string { return c.Session.Database }), doc: "The name of the database."},
		{sigs: "current_user()", kernel: name(func(c *function.Call) string { return c.Session.CurrentUser }), doc: "The role in force."},
		{sigs: "session_user()", kernel: name(func(c *function.Call) string { return c.Session.SessionUser }), doc: "The role that logged in."},
		{sigs: "current_schema()", kernel: each(func(r *row) (types.Datum, error) {
			for _, p := range searchPath(r.c) {
				// Nothing is created among the temporary tables without saying so.
				if !strings.HasPrefix(p, "pg_temp_") {
					return text(p)
				}
			}
			return types.Null, nil
		}), doc: "The first schema of the search path."},
		{sigs: "current_schemas(bool)", kernel: each(schemas), doc: "The schemas of the search path."},
		{sigs: "pg_backend_pid()", kernel: each(func(r *row) (types.Datum, error) { return types.IntDatum(int64(r.c.Session.PID)), nil }), doc: "The number of the session."},
		{sigs: "current_setting(text) current_setting(text,bool)", kernel: each(setting), doc: "The value of a setting."},
		{sigs: "set_config(text,text,bool)", kernel: each(func(r *row) (types.Datum, error) {
			if r.null(0) {
				return types.Null, pgerror.New(pgerror.NullValueNotAllowed, "SET requires parameter name")
			}
			local := !r.null(2) && r.bool(2)
			n := strings.Clone(r.text(0))
			if r.null(1) {
				if err := r.c.Session.Vars.ResetTo(n, local); err != nil {
					return types.Null, err
				}
			} else if err := r.c.Session.Vars.Set(n, strings.Clone(r.text(1)), local); err != nil {
				return types.Null, err
			}
			v, err := r.c.Session.Vars.Get(n)
			return types.TextDatum(v), err
		}), doc: "Changes a setting and returns its value."},
		{sigs: "pg_sleep(float8)", kernel: each(func(r *row) (types.Datum, error) {
			return types.TextDatum(""), sleep(r.c, seconds(r.float(0)))
		}), doc: "Waits a number of seconds."},
		{sigs: "pg_sleep_for(interval)", kernel: each(func(r *row) (types.Datum, error) {
			m, d, us := r.datum(0).IntervalParts()
			return types.TextDatum(""), sleep(r.c, seconds(float64(m)*30*86400+float64(d)*86400+float64(us)/1e6))
		}), doc: "Waits an interval."},
		{sigs: "pg_client_encoding() getdatabaseencoding()", kernel: name(func(*function.Call) string { return "UTF8" }), doc: "The encoding, always UTF8."},
		{sigs: "pg_encoding_to_char(int4)", kernel: each(func(r *row) (types.Datum, error) {
			switch r.int(0) {
			case 0:
				return text("SQL_ASCII")
			case 6:
				return text("UTF8")
			}
			return text("")
		}), doc: "The name of an encoding."},
		{sigs: "pg_postmaster_start_time() pg_conf_load_time()", kernel: func(c *function.Call, _ []*vector.Vec, n int, out *vector.Vec) error {
			for i := range n {
				out.Int64s()[i] = c.Session.Started.UnixMicro()
			}
			return nil
		}, doc: "When the session's server started, as far as the session knows."},
		{sigs: "format_type(oid,int4)", kernel: each(formatTypeOf), doc: "The SQL name of a type."},
		{sigs: "pg_size_pretty(int8)", kernel: each(func(r *row) (types.Datum, error) { return text(prettySize(big.NewInt(r.int(0)))) }), doc: "A number of bytes with a unit.", example: "pg_size_pretty(1048576::bigint) = 1024 kB"},
		{sigs: "pg_size_pretty(numeric)", kernel: each(func(r *row) (types.Datum, error) {
			x := r.num(0)
			if !x.IsNaN() && x.Abs().Cmp(types.NumFromInt(10*1024)) < 0 {
				return text(x.String() + " bytes")
			}
			x = x.Trunc(0)
			if x.IsNaN() || x.IsInf() {
				return text(x.String() + " bytes")
			}
			return text(prettySize(x.Unscaled()))
		}), doc: "A number of bytes with a unit."},
	}
}

// numericMath are the functions of numeric beyond arithmetic.
func numericMath() []entry {
	one := func(f func(types.Num) (types.Num, error)) function.Kernel { return numericMap(f) }
	return []entry{
		{sigs: "sqrt(numeric) numeric_sqrt(numeric)", kernel: one(types.Num.Sqrt), doc: "Square root."},
		{sigs: "exp(numeric) numeric_exp(numeric)", kernel: one(types.Num.Exp), doc: "e raised to a power."},
		{sigs: "ln(numeric) numeric_ln(numeric)", kernel: one(types.Num.Ln), doc: "Natural logarithm."},
		{sigs: "log(numeric) log10(numeric)", kernel: one(types.Num.Log10), doc: "Base 10 logarithm."},
		{sigs: "log(numeric,numeric) numeric_log(numeric,numeric)", kernel: numericSlow(func(b, x types.Num) (types.Num, error) { return x.Log(b) }), doc: "Logarithm of the second argument to the base of the first.", example: "log(2.0, 64.0) = 6.0000000000000000"},
		{sigs: "power(numeric,numeric) pow(numeric,numeric) numeric_power(numeric,numeric)", kernel: numericSlow(func(a, b types.Num) (types.Num, error) { return a.Power(b) }), doc: "a raised to the power of b."},
		{sigs: "factorial(int8)", kernel: each(func(r *row) (types.Datum, error) {
			n := r.int(0)
			if n < 0 {
				return types.Null, pgerror.New(pgerror.NumericValueOutOfRange, "factorial of a negative number is undefined")
			}
			if n > 32177 {
				return types.Null, pgerror.New(pgerror.NumericValueOutOfRange, "value overflows numeric format")
			}
			return types.NumFromBig(new(big.Int).MulRange(1, max(n, 1)), 0).Datum(), nil
		}), doc: "The factorial."},
	}
}
