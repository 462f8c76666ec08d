package exec

import (
	"context"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// CopyOut is the format of a COPY TO STDOUT.
type CopyOut struct {
	// Format is text, csv or binary.
	Format        string
	Columns       []Column
	Header        bool
	Delimiter     byte
	Null          string
	Quote, Escape byte
	ForceQuote    []bool
}

// prepareCopy prepares COPY. COPY ... TO STDOUT is a query whose rows leave in
// another form.
func (s *Session) prepareCopy(ctx context.Context, p *Prepared, n *pg.CopyStmt) error {
	switch {
	case n.IsFrom:
		return s.prepareCopyFrom(ctx, p, n)
	case n.IsProgram:
		return pgerror.NotSupported("COPY TO PROGRAM is not supported")
	}
	sel := n.Query.GetSelectStmt()
	if sel == nil {
		if n.Relation == nil {
			return pgerror.NotSupported("COPY of this statement is not supported")
		}
		sel = &pg.SelectStmt{FromClause: []*pg.Node{{Node: &pg.Node_RangeVar{RangeVar: n.Relation}}}}
		if len(n.Attlist) == 0 {
			sel.TargetList = []*pg.Node{starTarget()}
		}
		for _, a := range n.Attlist {
			sel.TargetList = append(sel.TargetList, columnTarget(a.GetString_().GetSval()))
		}
	}
	if n.Filename != "" {
		return s.prepareCopyFile(ctx, p, n, sel)
	}
	p.sel = sel
	if err := p.analyse(ctx); err != nil {
		return err
	}
	cols := columnsOf(p.bind.result)
	out, err := copyOptions(n.Options, cols, p.query)
	if err != nil {
		return err
	}
	p.copy = out
	p.run = func(_ context.Context, params []types.Datum) (Portal, error) {
		return &copyPortal{queryPortal{p: p, params: params}}, nil
	}
	return nil
}

// copyPortal is a query whose tag is COPY. It describes no columns: for a copy
// the protocol has CopyOutResponse and no RowDescription.
type copyPortal struct{ queryPortal }

// Tag implements Portal.
func (c *copyPortal) Tag(rows int64) string {
	return "COPY" + strings.TrimPrefix(c.queryPortal.Tag(rows), "SELECT")
}

func starTarget() *pg.Node {
	star := &pg.Node{Node: &pg.Node_AStar{AStar: &pg.A_Star{}}}
	ref := &pg.Node{Node: &pg.Node_ColumnRef{ColumnRef: &pg.ColumnRef{Fields: []*pg.Node{star}, Location: -1}}}
	return &pg.Node{Node: &pg.Node_ResTarget{ResTarget: &pg.ResTarget{Val: ref, Location: -1}}}
}

func columnTarget(name string) *pg.Node {
	s := &pg.Node{Node: &pg.Node_String_{String_: &pg.String{Sval: name}}}
	ref := &pg.Node{Node: &pg.Node_ColumnRef{ColumnRef: &pg.ColumnRef{Fields: []*pg.Node{s}, Location: -1}}}
	return &pg.Node{Node: &pg.Node_ResTarget{ResTarget: &pg.ResTarget{Val: ref, Location: -1}}}
}

// copyOptions reads the options of COPY with PostgreSQL's defaults.
func copyOptions(options []*pg.Node, cols []Column, q Query) (*CopyOut, error) {
	out := &CopyOut{Format: "text", Columns: cols}
	null, delimiter, quote, escape := "", "", "", ""
	nullSet := false
	var force []string
	forceAll := false
	for _, o := range options {
		d := o.GetDefElem()
		value := d.Arg.GetString_().GetSval()
		switch d.Defname {
		case "format":
			switch value {
			case "text", "csv", "binary":
				out.Format = value
			default:
				return nil, pgerror.Newf(pgerror.InvalidParameterValue, "COPY format %q not recognized", value).At(q.Position(int(d.Location)))
			}
		case "header":
			out.Header = boolOption(d)
		case "null":
			null, nullSet = value, true
		case "delimiter":
			delimiter = value
		case "quote":
			quote = value
		case "escape":
			escape = value
		case "force_quote":
			forceAll = d.Arg.GetAStar() != nil
			for _, i := range d.Arg.GetList().GetItems() {
				force = append(force, i.GetString_().GetSval())
			}
		case "encoding":
			if e := strings.ToUpper(strings.ReplaceAll(value, "-", "")); e != "UTF8" {
				return nil, pgerror.NotSupported("COPY in encoding %q is not supported", value)
			}
		default:
			return nil, pgerror.Newf(pgerror.SyntaxError, "option %q not recognized", d.Defname).At(q.Position(int(d.Location)))
		}
	}
	one := func(name, v string, otherwise byte) (byte, error) {
		switch len(v) {
		case 0:
			return otherwise, nil
		case 1:
			return v[0], nil
		}
		return 0, pgerror.Newf(pgerror.FeatureNotSupported, "COPY %s must be a single one-byte character", name)
	}
	var err error
	csv := out.Format == "csv"
	if csv {
		out.Null = ""
	} else {
		out.Null = `\N`
	}
	if nullSet {
		out.Null = null
	}
	def := byte('\t')
	if csv {
		def = ','
	}
	if out.Delimiter, err = one("delimiter", delimiter, def); err != nil {
		return nil, err
	}
	if out.Quote, err = one("quote", quote, '"'); err != nil {
		return nil, err
	}
	if out.Escape, err = one("escape", escape, out.Quote); err != nil {
		return nil, err
	}
	if !csv && (quote != "" || escape != "" || force != nil || forceAll) {
		return nil, pgerror.New(pgerror.FeatureNotSupported, "COPY quote, escape and force quote available only in CSV mode")
	}
	if err := out.sensible(nullSet); err != nil {
		return nil, err
	}
	if csv && (forceAll || len(force) > 0) {
		out.ForceQuote = make([]bool, len(cols))
		for i, c := range cols {
			out.ForceQuote[i] = forceAll
			for _, f := range force {
				out.ForceQuote[i] = out.ForceQuote[i] || f == c.Name
			}
		}
	}
	return out, nil
}

// sensible refuses options that could not be told apart in the data.
func (o *CopyOut) sensible(nullSet bool) error {
	csv := o.Format == "csv"
	bad := func(format string, args ...any) error {
		return pgerror.Newf(pgerror.InvalidParameterValue, format, args...)
	}
	switch {
	case o.Delimiter == '\n' || o.Delimiter == '\r':
		return bad("COPY delimiter cannot be newline or carriage return")
	case strings.ContainsAny(o.Null, "\r\n"):
		return bad("COPY null representation cannot use newline or carriage return")
	case !csv && strings.IndexByte(`\.abcdefghijklmnopqrstuvwxyz0123456789`, o.Delimiter) >= 0:
		return bad(`COPY delimiter cannot be "%c"`, o.Delimiter)
	case csv && o.Delimiter == o.Quote:
		return bad("COPY delimiter and quote must be different")
	case nullSet && strings.IndexByte(o.Null, o.Delimiter) >= 0:
		return bad("COPY delimiter must not appear in the NULL specification")
	case csv && strings.IndexByte(o.Null, o.Quote) >= 0:
		return bad("CSV quote character must not appear in the NULL specification")
	}
	return nil
}
