package sqltext

import (
	"fmt"
	"slices"

	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/planner/expr"
)

// scalar is a rendered value expression; reason is set when it cannot be
// rendered.
type scalar struct {
	sql      SQL
	t        types.Type
	reason   string
	constant bool
	value    types.Datum // of a constant
	text     TextRule
	nullIf   string
	name     string // of a column
	min, max int64
}

// localScalar is an expression that stays local.
func localScalar(format string, args ...any) scalar {
	return scalar{reason: fmt.Sprintf(format, args...)}
}

// scalar renders e.
func (r *renderer) scalar(e expr.Expr) scalar {
	switch e := e.(type) {
	case *expr.Column:
		return r.column(e)
	case *expr.Const:
		return r.constant(e)
	case *expr.Param:
		return localScalar("the value of parameter $%d is not known when the query is planned", e.N)
	case *expr.Relabel:
		return r.relabel(e)
	case *expr.Coalesce:
		return r.coalesce(e)
	case *expr.Case:
		return r.choice(e)
	case *expr.Call:
		return r.call(e)
	}
	return localScalar("the expression has no equivalent in the source's SQL")
}

// column renders a reference.
func (r *renderer) column(e *expr.Column) scalar {
	if int(e.ID) < 0 || int(e.ID) >= len(r.cols) {
		return localScalar("column %s does not belong to the table", e.Name)
	}
	c := &r.cols[e.ID]
	if c.Local != "" {
		return localScalar("%s", c.Local)
	}
	if c.Guard != "" {
		r.used = append(r.used, int(e.ID))
	}
	return scalar{sql: SQL{c.SQL, orElse(c.Redacted, c.SQL)}, t: e.T, text: c.Text, nullIf: c.NullIf, name: c.Name, min: c.Min, max: c.Max}
}

// constant renders a literal.
func (r *renderer) constant(e *expr.Const) scalar {
	s := scalar{t: e.T, constant: true, value: e.Value, text: ExactText()}
	if nullDatum(e) {
		s.sql = Raw("NULL")
		if i := types.Lookup(e.T.OID); i != nil && r.d == Postgres && !i.Pseudo {
			s.sql = Raw("NULL::" + i.Name)
		}
		return s
	}
	s.sql, s.reason = r.d.literalOf(e.T, e.Value)
	return s
}

// relabel renders a cast that changes nothing in the stored form.
func (r *renderer) relabel(e *expr.Relabel) scalar {
	s := r.scalar(e.Arg)
	if s.reason != "" {
		return s
	}
	if familyOf(s.t) != textFamily || familyOf(e.T) != textFamily {
		return localScalar("a cast from %s to %s is not sent to the source", typeName(s.t), typeName(e.T))
	}
	s.t = e.T
	return s
}

// coalesce renders COALESCE.
func (r *renderer) coalesce(e *expr.Coalesce) scalar {
	if r.d != Postgres {
		return localScalar("COALESCE is not sent to the source")
	}
	args, out := r.arguments(e.Args)
	if out.reason != "" {
		return out
	}
	out.t = e.T
	out.sql = concat(Raw("COALESCE("), list(", ", args), Raw(")"))
	return out
}

// choice renders CASE. Elsewhere than in PostgreSQL the number of decimal places
// of a result is that of all branches together, so there only integers are
// chosen.
func (r *renderer) choice(e *expr.Case) scalar {
	if r.d != Postgres && familyOf(e.T) != intFamily {
		return localScalar("CASE with a result of type %s is not sent to the source", typeName(e.T))
	}
	results := make([]expr.Expr, 0, len(e.Whens)+1)
	for _, w := range e.Whens {
		results = append(results, w.Result)
	}
	if e.Else != nil {
		results = append(results, e.Else)
	}
	values, out := r.arguments(results)
	if out.reason != "" {
		return out
	}
	parts := []SQL{Raw("CASE")}
	for i, w := range e.Whens {
		p := r.predicate(w.Cond, false)
		if p.pushed != connector.Exact {
			return localScalar("%s", p.reason)
		}
		parts = append(parts, Raw(" WHEN "), p.sql, Raw(" THEN "), values[i])
	}
	if e.Else != nil {
		parts = append(parts, Raw(" ELSE "), values[len(values)-1])
	}
	out.t = e.T
	out.sql = concat(append(parts, Raw(" END"))...)
	return out
}

// arguments renders the arguments of a call; the scalar returned carries the
// reason, or the text rule of the result.
func (r *renderer) arguments(list []expr.Expr) ([]SQL, scalar) {
	out := scalar{text: ExactText()}
	if r.d == Postgres {
		// A call may mix columns of different collations; naming one is always
		// allowed.
		out.text.EqualCollate, out.text.OrderCollate = ` COLLATE "C"`, ` COLLATE "C"`
	}
	args := make([]SQL, len(list))
	for i, a := range list {
		s := r.scalar(a)
		if s.reason != "" {
			return nil, s
		}
		if s.nullIf != "" || s.min != s.max {
			return nil, localScalar("an expression over column %s is not sent to the source", s.name)
		}
		if f := familyOf(s.t); !s.constant && f == textFamily {
			if s.text.Equal != connector.Exact || !s.text.Order || s.text.ASCII {
				return nil, localScalar("%s", orElse(s.text.Why, "the source's character set is not UTF-8"))
			}
		} else if f == noFamily || f == bpcharFamily {
			return nil, localScalar("an expression over %s is not sent to the source", typeName(s.t))
		}
		args[i] = s.sql
	}
	return args, out
}

// orElse returns s, or other when s is empty.
func orElse(s, other string) string {
	if s != "" {
		return s
	}
	return other
}

// call renders functions, operators and casts that are known to mean the same in
// the source.
func (r *renderer) call(e *expr.Call) scalar {
	if e.Cast {
		return r.cast(e)
	}
	if e.Op != "" {
		return r.operator(e)
	}
	if r.d == Postgres && e.Fn.Name == "extract" {
		return r.extract(e)
	}
	name, ok := r.function(e.Fn, e.Args)
	if !ok {
		return localScalar("function %s is not on the list of functions that the source computes alike", e.Fn.Name)
	}
	args, out := r.arguments(e.Args)
	if out.reason != "" {
		return out
	}
	out.t = e.T
	out.sql = concat(Raw(name+"("), list(", ", args), Raw(")"))
	return out
}

// wholeFields are the fields of a timestamp that are whole numbers; a date has
// those before firstOfDay.
var wholeFields = []string{"millennium", "century", "decade", "year", "isoyear", "quarter", "month", "week", "day", "dow", "isodow", "doy", "hour", "minute"}

const firstOfDay = 12

// extract renders the fields that are whole numbers by date_part, whose result
// has the same type in every version of PostgreSQL.
func (r *renderer) extract(e *expr.Call) scalar {
	refuse := localScalar("this form of extract is not sent to the source")
	if len(e.Args) != 2 {
		return refuse
	}
	field, ok := e.Args[0].(*expr.Const)
	if f := familyOf(e.Args[1].Type()); !ok || field.Value.Null || f != dateFamily && f != timestampFamily {
		return refuse
	}
	at := slices.Index(wholeFields, field.Value.S)
	if at < 0 || e.Args[1].Type().OID == types.Date && at >= firstOfDay {
		return refuse
	}
	args, out := r.arguments(e.Args)
	if out.reason != "" {
		return out
	}
	out.t = e.T
	out.sql = concat(Raw("date_part("), list(", ", args), Raw(")::numeric"))
	return out
}

// operator renders arithmetic, of PostgreSQL only: other sources widen, wrap or
// round where PostgreSQL raises an error.
func (r *renderer) operator(e *expr.Call) scalar {
	ok := r.d == Postgres && len(e.Args) > 0
	for _, a := range e.Args {
		switch familyOf(a.Type()) {
		case intFamily, numericFamily, floatFamily:
			switch e.Op {
			case "+", "-", "*", "/", "%":
			default:
				ok = false
			}
		case dateFamily, timestampFamily, intervalFamily, timeFamily:
			ok = ok && (e.Op == "+" || e.Op == "-")
		case textFamily:
			ok = ok && e.Op == "||"
		default:
			ok = false
		}
	}
	if !ok {
		return localScalar("operator %s is not on the list of operators that the source computes alike", e.Op)
	}
	args, out := r.arguments(e.Args)
	if out.reason != "" {
		return out
	}
	out.t = e.T
	if len(args) == 1 {
		out.sql = parens(concat(Raw(e.Op+" "), args[0]))
	} else {
		out.sql = parens(concat(args[0], Raw(" "+e.Op+" "), args[1]))
	}
	return out
}

// cast renders a conversion.
func (r *renderer) cast(e *expr.Call) scalar {
	s := r.scalar(e.Args[0])
	if s.reason != "" {
		return s
	}
	from, to := familyOf(s.t), familyOf(e.T)
	refuse := localScalar("a cast from %s to %s is not sent to the source", typeName(s.t), typeName(e.T))
	number := func(f family) bool { return f == intFamily || f == numericFamily || f == floatFamily }
	if r.d == Postgres {
		precision, scale, modified := e.T.NumericMod()
		allowed := number(from) && number(to) || from == dateFamily && to == timestampFamily ||
			from == timestampFamily && to == dateFamily || (from == intFamily || from == bpcharFamily) && e.T.OID == types.Text
		if !allowed || s.nullIf != "" || e.T.Mod != -1 && !modified {
			return refuse
		}
		name := types.Lookup(e.T.OID).Name
		if modified {
			name += fmt.Sprintf("(%d,%d)", precision, scale)
		}
		return scalar{sql: concat(s.sql, Raw("::"+name)), t: e.T, text: TextRule{Equal: connector.Exact, Order: true, Like: connector.Exact, EqualCollate: ` COLLATE "C"`, OrderCollate: ` COLLATE "C"`}}
	}
	// Elsewhere only conversions that cannot change a value, so that comparing
	// the unconverted value is the same.
	if e.T.Mod != -1 || s.constant {
		return refuse
	}
	widening := from == intFamily && to == intFamily && types.Lookup(s.t.OID).Len <= types.Lookup(e.T.OID).Len ||
		from == intFamily && e.T.OID == types.Float8 && s.t.OID != types.Int8 ||
		r.d == MySQL && (from == intFamily && to == numericFamily || from == dateFamily && to == timestampFamily)
	if !widening {
		return refuse
	}
	s.t = e.T
	return s
}

// function returns the source's name of a verified function.
func (r *renderer) function(fn *function.Overload, args []expr.Expr) (string, bool) {
	if fn == nil || fn.Volatility != function.Immutable || fn.Schema != "" && fn.Schema != "pg_catalog" {
		return "", false
	}
	switch r.d {
	case Postgres:
		signatures, ok := postgresFunctions[fn.Name]
		if !ok {
			return "", false
		}
		for _, s := range signatures {
			if matches(s, args) {
				return fn.Name, true
			}
		}
	case MySQL, SQLite:
		// Both count characters; the number of bytes depends on the character
		// set and is not sent.
		if name := lengthFunctions[fn.Name]; name != "" && matches("t", args) {
			return map[Dialect]string{MySQL: "CHAR_LENGTH", SQLite: "length"}[r.d], true
		}
	}
	return "", false
}

// lengthFunctions are the names of the number of characters.
var lengthFunctions = map[string]string{"length": "length", "char_length": "length", "character_length": "length"}

// postgresFunctions lists the functions that every supported PostgreSQL server
// computes as HubSQL does, with the argument families of each signature: i
// integer, n numeric, f double precision, t text, d date, s timestamp. Functions
// that depend on the locale (lower, upper, initcap), on the time zone or on the
// version are not here.
var postgresFunctions = map[string][]string{
	"abs": {"i", "n", "f"}, "sign": {"n", "f"}, "mod": {"ii", "nn"},
	"ceil": {"n", "f"}, "ceiling": {"n", "f"}, "floor": {"n", "f"}, "trunc": {"n", "f", "ni"}, "round": {"n", "f", "ni"}, "sqrt": {"f"},
	"length": {"t"}, "char_length": {"t"}, "character_length": {"t"}, "octet_length": {"t"},
	"left": {"ti"}, "right": {"ti"}, "substr": {"ti", "tii"}, "substring": {"ti", "tii"}, "strpos": {"tt"}, "starts_with": {"tt"},
	"replace": {"ttt"}, "btrim": {"t", "tt"}, "ltrim": {"t", "tt"}, "rtrim": {"t", "tt"}, "reverse": {"t"}, "repeat": {"ti"}, "md5": {"t"},
	"date_part": {"ts"}, "date_trunc": {"ts"},
}

// matches reports whether the arguments have the families of a signature.
func matches(signature string, args []expr.Expr) bool {
	if len(signature) != len(args) {
		return false
	}
	for i, a := range args {
		want := map[byte]family{'i': intFamily, 'n': numericFamily, 'f': floatFamily, 't': textFamily, 'd': dateFamily, 's': timestampFamily}[signature[i]]
		if familyOf(a.Type()) != want {
			return false
		}
	}
	return true
}
