package expr

import (
	"strconv"
	"strings"

	"github.com/hubsql/hubsql/catalog/types"
)

// String prints an expression for EXPLAIN, in PostgreSQL's style.
func String(e Expr) string {
	var b strings.Builder
	write(&b, e)
	return b.String()
}

// Redacted prints an expression with every constant replaced by a placeholder.
func Redacted(e Expr) string {
	var b strings.Builder
	write(&b, Rewrite(e, func(x Expr) Expr {
		if c, ok := x.(*Const); ok {
			return &placeholder{t: c.T}
		}
		return x
	}))
	return b.String()
}

// placeholder stands for a constant that is not shown.
type placeholder struct{ t types.Type }

// Type implements Expr.
func (p *placeholder) Type() types.Type { return p.t }

func write(b *strings.Builder, e Expr) {
	list := func(items []Expr, sep string) {
		for i, x := range items {
			if i > 0 {
				b.WriteString(sep)
			}
			write(b, x)
		}
	}
	switch e := e.(type) {
	case nil:
		b.WriteString("<none>")
	case *placeholder:
		b.WriteString("?")
	case *Column:
		b.WriteString(quoteIdent(e.Name))
	case *Const:
		writeConst(b, e)
	case *Param:
		b.WriteString("$" + strconv.Itoa(e.N))
	case *Call:
		switch {
		case e.Cast && len(e.Args) > 0:
			b.WriteString("(")
			write(b, e.Args[0])
			b.WriteString(")::" + types.FormatType(e.T))
		case e.Op != "" && len(e.Args) == 2:
			b.WriteString("(")
			write(b, e.Args[0])
			b.WriteString(" " + e.Op + " ")
			write(b, e.Args[1])
			b.WriteString(")")
		case e.Op != "" && len(e.Args) == 1:
			b.WriteString("(" + e.Op + " ")
			write(b, e.Args[0])
			b.WriteString(")")
		default:
			if e.Fn.Schema != "" && e.Fn.Schema != "pg_catalog" {
				b.WriteString(e.Fn.Schema + ".")
			}
			b.WriteString(e.Fn.Name + "(")
			list(e.Args, ", ")
			b.WriteString(")")
		}
	case *Relabel:
		if e.Explicit {
			b.WriteString("(")
			write(b, e.Arg)
			b.WriteString(")::" + types.FormatType(e.T))
			return
		}
		write(b, e.Arg)
	case *Logic:
		if e.Op == Not {
			b.WriteString("(NOT ")
			write(b, e.Args[0])
			b.WriteString(")")
			return
		}
		b.WriteString("(")
		list(e.Args, map[LogicOp]string{And: " AND ", Or: " OR "}[e.Op])
		b.WriteString(")")
	case *NullTest:
		b.WriteString("(")
		write(b, e.Arg)
		b.WriteString(" IS " + not(e.Not) + "NULL)")
	case *BoolTest:
		word := "UNKNOWN"
		if !e.Value.Null {
			word = strings.ToUpper(strconv.FormatBool(e.Value.Bool()))
		}
		b.WriteString("(")
		write(b, e.Arg)
		b.WriteString(" IS " + not(e.Not) + word + ")")
	case *Distinct:
		b.WriteString("(")
		write(b, e.Left)
		b.WriteString(" IS " + not(e.Not) + "DISTINCT FROM ")
		write(b, e.Right)
		b.WriteString(")")
	case *Case:
		b.WriteString("CASE")
		for _, w := range e.Whens {
			b.WriteString(" WHEN ")
			write(b, w.Cond)
			b.WriteString(" THEN ")
			write(b, w.Result)
		}
		if e.Else != nil {
			b.WriteString(" ELSE ")
			write(b, e.Else)
		}
		b.WriteString(" END")
	case *Coalesce:
		b.WriteString("COALESCE(")
		list(e.Args, ", ")
		b.WriteString(")")
	case *MinMax:
		b.WriteString(map[bool]string{true: "GREATEST(", false: "LEAST("}[e.Greatest])
		list(e.Args, ", ")
		b.WriteString(")")
	case *InList:
		b.WriteString("(")
		write(b, e.Arg)
		b.WriteString(" " + not(e.Not) + "IN (")
		list(e.Items, ", ")
		b.WriteString("))")
	case *ArrayCompare:
		b.WriteString("(")
		write(b, e.Left)
		b.WriteString(" " + e.Op + map[bool]string{true: " ALL (", false: " ANY ("}[e.All])
		write(b, e.Array)
		b.WriteString("))")
	case *Array:
		b.WriteString("ARRAY[")
		list(e.Items, ", ")
		b.WriteString("]")
	case *Subscript:
		b.WriteString("(")
		write(b, e.Arg)
		b.WriteString(")")
		for _, i := range e.Index {
			b.WriteString("[")
			write(b, i)
			b.WriteString("]")
		}
	case *Row:
		b.WriteString("ROW(")
		list(e.Items, ", ")
		b.WriteString(")")
	}
}

func not(n bool) string {
	if n {
		return "NOT "
	}
	return ""
}

// writeConst prints a constant as a literal.
func writeConst(b *strings.Builder, c *Const) {
	if c.Value.Null {
		b.WriteString("NULL::" + types.FormatType(c.T))
		return
	}
	text := string(types.AppendText(nil, c.T, c.Value, types.DefaultFormat()))
	switch c.T.OID {
	case types.Int4, types.Numeric:
		b.WriteString(text)
		return
	case types.Bool:
		b.WriteString(map[string]string{"t": "true", "f": "false"}[text])
		return
	}
	b.WriteString("'" + strings.ReplaceAll(text, "'", "''") + "'::" + types.FormatType(c.T))
}

// quoteIdent quotes a name that is not plain lower case.
func quoteIdent(s string) string {
	plain := s != ""
	for i, r := range s {
		if r == '_' || r >= 'a' && r <= 'z' || i > 0 && r >= '0' && r <= '9' {
			continue
		}
		plain = false
	}
	if plain {
		return s
	}
	return `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
}
