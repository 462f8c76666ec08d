package exec

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/memory"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/federation/decode"
	"github.com/hubsql/hubsql/planner/binder"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// CopyIn is the format of a COPY FROM STDIN.
type CopyIn struct {
	// Format is text, csv or binary.
	Format string
	// Columns are those that the data has.
	Columns []Column
	// Header skips the first line; with Match it must name the columns.
	Header, Match bool
	Delimiter     byte
	Null          string
	Quote, Escape byte
	// ForceNull and ForceNotNull have one flag for each column; nil means none.
	ForceNull, ForceNotNull []bool

	table string
}

func (o *CopyIn) forceNull(k int) bool    { return k < len(o.ForceNull) && o.ForceNull[k] }
func (o *CopyIn) forceNotNull(k int) bool { return k < len(o.ForceNotNull) && o.ForceNotNull[k] }

// copySource is the client's data as a source with one table: COPY is an INSERT
// that reads it. Each execution finds its data in the context.
type copySource struct{ columns []connector.Column }

// copyName is the table's name for the binder; no statement can contain it.
const copyName = "\x00copy"

// copyStreamKey is the key of the copyStream in a context.
type copyStreamKey struct{}

// Columns implements connector.TableHandle.
func (c *copySource) Columns() []connector.Column { return c.columns }

// String implements connector.TableHandle.
func (c *copySource) String() string { return "copy" }

// Schemas implements connector.Source.
func (c *copySource) Schemas(context.Context) ([]string, error) { return nil, nil }

// Tables implements connector.Source.
func (c *copySource) Tables(context.Context, string) ([]string, error) { return nil, nil }

// Table implements connector.Source.
func (c *copySource) Table(context.Context, connector.TableRef) (connector.TableHandle, error) {
	return c, nil
}

// Close implements connector.Source.
func (c *copySource) Close() error { return nil }

// Scan implements connector.Source.
func (c *copySource) Scan(ctx context.Context, _ connector.TableHandle, o connector.ScanOptions) (connector.Reader, error) {
	s, ok := ctx.Value(copyStreamKey{}).(*copyStream)
	if !ok {
		return nil, pgerror.New(pgerror.InternalError, "a COPY is executed without data")
	}
	r := &copyReader{s: s, rows: records{o: s.o}, size: o.BatchSize, account: o.Account, format: o.Format}
	if r.size <= 0 {
		r.size = vector.BatchSize
	}
	for _, c := range c.columns {
		r.decoders = append(r.decoders, decode.NewColumn(c.Type, o.Format))
	}
	return r, nil
}

// copyCatalog adds the client's data to the relations that a COPY may name.
type copyCatalog struct {
	*relations
	source *copySource
}

// Relation implements binder.Catalog.
func (c copyCatalog) Relation(ctx context.Context, name binder.Name, path []string) (*binder.Relation, error) {
	if name.Name != copyName {
		return c.relations.Relation(ctx, name, path)
	}
	out := &binder.Relation{Name: "copy", Source: c.source, Handle: c.source, Rows: -1}
	for i, k := range c.source.columns {
		out.Columns = append(out.Columns, binder.RelationColumn{Name: k.Name, Type: k.Type, AttNum: int16(i + 1)})
	}
	return out, nil
}

// copyTarget finds the table of a COPY FROM and the columns that the data has.
func (s *Session) copyTarget(ctx context.Context, n *pg.CopyStmt) (*binder.Relation, []Column, error) {
	name := binder.Name{Catalog: n.Relation.Catalogname, Schema: n.Relation.Schemaname, Name: n.Relation.Relname}
	rel, err := s.relations().Relation(ctx, name, nil)
	switch {
	case err != nil:
		return nil, nil, err
	case rel.View != nil:
		return nil, nil, pgerror.Newf(pgerror.WrongObjectType, "cannot copy to view %q", rel.Name).
			WithHint("To enable copying to a view, provide an INSTEAD OF INSERT trigger.")
	case rel.Writable == nil:
		return nil, nil, pgerror.Newf(pgerror.FeatureNotSupported, "cannot copy to relation %q", rel.Name).
			WithHint("HubSQL changes local tables only.")
	}
	var cols []Column
	if len(n.Attlist) == 0 {
		for _, c := range rel.Columns {
			if !c.Hidden {
				cols = append(cols, Column{Name: c.Name, Type: c.Type})
			}
		}
	}
	for _, a := range n.Attlist {
		want := a.GetString_().GetSval()
		i := slices.IndexFunc(rel.Columns, func(c binder.RelationColumn) bool { return c.Name == want && !c.Hidden })
		if i < 0 {
			return nil, nil, pgerror.Newf(pgerror.UndefinedColumn, "column %q of relation %q does not exist", want, rel.Name)
		}
		if slices.ContainsFunc(cols, func(c Column) bool { return c.Name == want }) {
			return nil, nil, pgerror.Newf(pgerror.DuplicateColumn, "column %q specified more than once", want)
		}
		cols = append(cols, Column{Name: want, Type: rel.Columns[i].Type})
	}
	return rel, cols, nil
}

// prepareCopyFrom prepares COPY ... FROM STDIN: an INSERT whose rows the client
// sends while it runs.
func (s *Session) prepareCopyFrom(ctx context.Context, p *Prepared, n *pg.CopyStmt) error {
	switch {
	case n.IsProgram:
		return pgerror.NotSupported("COPY FROM PROGRAM is not supported")
	case n.Filename != "":
		return pgerror.NotSupported("COPY FROM a file of the server is not supported").WithHint("Use COPY ... FROM STDIN or psql's \\copy.")
	case n.WhereClause != nil:
		return pgerror.NotSupported("COPY FROM ... WHERE is not supported")
	}
	rel, cols, err := s.copyTarget(ctx, n)
	if err != nil {
		return err
	}
	p.copyFrom = n
	insert := &pg.InsertStmt{
		Relation: n.Relation, Override: pg.OverridingKind_OVERRIDING_NOT_SET,
		SelectStmt: &pg.Node{Node: &pg.Node_SelectStmt{SelectStmt: &pg.SelectStmt{
			FromClause:  []*pg.Node{{Node: &pg.Node_RangeVar{RangeVar: &pg.RangeVar{Relname: copyName, Inh: true, Relpersistence: "p", Location: -1}}}},
			TargetList:  []*pg.Node{starTarget()},
			LimitOption: pg.LimitOption_LIMIT_OPTION_DEFAULT, Op: pg.SetOperation_SETOP_NONE,
		}}},
	}
	for _, c := range cols {
		insert.Cols = append(insert.Cols, &pg.Node{Node: &pg.Node_ResTarget{ResTarget: &pg.ResTarget{Name: c.Name, Location: -1}}})
	}
	p.modify = &pg.Node{Node: &pg.Node_InsertStmt{InsertStmt: insert}}
	o, err := copyInOptions(n.Options, rel, cols, p.query)
	if err != nil {
		return err
	}
	if err := p.analyse(ctx); err != nil {
		return err
	}
	o.table = rel.Name
	p.copyIn = o
	p.run = func(context.Context, []types.Datum) (Portal, error) {
		return &CopyInPortal{p: p, spec: o}, nil
	}
	return nil
}

// copyInOptions reads the options of COPY FROM with PostgreSQL's defaults.
func copyInOptions(options []*pg.Node, rel *binder.Relation, cols []Column, q Query) (*CopyIn, error) {
	in := &CopyIn{}
	var rest []*pg.Node
	flags := func(d *pg.DefElem) ([]bool, error) {
		out := make([]bool, len(cols))
		for _, i := range d.Arg.GetList().GetItems() {
			name := i.GetString_().GetSval()
			k := slices.IndexFunc(cols, func(c Column) bool { return c.Name == name })
			if k < 0 && !slices.ContainsFunc(rel.Columns, func(c binder.RelationColumn) bool { return c.Name == name }) {
				return nil, pgerror.Newf(pgerror.UndefinedColumn, "column %q of relation %q does not exist", name, rel.Name)
			}
			if k < 0 {
				return nil, pgerror.Newf(pgerror.InvalidColumnReference, "%s column %q not referenced by COPY", strings.ToUpper(d.Defname), name)
			}
			out[k] = true
		}
		return out, nil
	}
	var err error
	for _, o := range options {
		d := o.GetDefElem()
		switch d.Defname {
		case "force_null":
			if in.ForceNull, err = flags(d); err != nil {
				return nil, err
			}
		case "force_not_null":
			if in.ForceNotNull, err = flags(d); err != nil {
				return nil, err
			}
		case "force_quote":
			return nil, pgerror.New(pgerror.FeatureNotSupported, "COPY force quote only available using COPY TO")
		case "freeze":
		case "header":
			if strings.EqualFold(d.Arg.GetString_().GetSval(), "match") {
				in.Header, in.Match = true, true
				continue
			}
			rest = append(rest, o)
		default:
			rest = append(rest, o)
		}
	}
	out, err := copyOptions(rest, cols, q)
	if err != nil {
		return nil, err
	}
	in.Format, in.Columns, in.Header = out.Format, cols, in.Header || out.Header
	in.Delimiter, in.Null, in.Quote, in.Escape = out.Delimiter, out.Null, out.Quote, out.Escape
	switch {
	case in.Format != "csv" && in.ForceNull != nil:
		return nil, pgerror.New(pgerror.FeatureNotSupported, "COPY force null available only in CSV mode")
	case in.Format != "csv" && in.ForceNotNull != nil:
		return nil, pgerror.New(pgerror.FeatureNotSupported, "COPY force not null available only in CSV mode")
	}
	return in, nil
}

// copyStream hands the client's bytes to the reader of one execution.
type copyStream struct {
	o      *CopyIn
	pieces chan []byte
	// stop ends the reader before the end of the data.
	stop chan struct{}
}

// pieceBytes bounds the pieces, of which few wait at a time.
const pieceBytes = 64 << 10

// copyReader parses the rows of a COPY.
type copyReader struct {
	s        *copyStream
	rows     records
	decoders []*decode.Column
	format   *types.Format
	size     int
	last     bool // no more pieces come
	headed   bool // the header has been read
	account  *memory.Account
	held     int64
}

// errCopyStopped ends a reader whose statement has ended; no client sees it.
var errCopyStopped error = pgerror.QueryCanceled()

// more waits for the next piece.
func (r *copyReader) more(ctx context.Context) error {
	select {
	case b, ok := <-r.s.pieces:
		r.last = !ok
		// What waits for the end of its row, twice for the room to grow.
		if want := 2 * int64(len(r.rows.buf)-r.rows.at+len(b)); want > r.held {
			if err := r.account.Reserve(want - r.held); err != nil {
				return err
			}
			r.held = want
		}
		r.rows.add(b)
		return nil
	case <-r.s.stop:
		return errCopyStopped
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Next implements connector.Reader.
func (r *copyReader) Next(ctx context.Context, dst *vector.Batch) error {
	if len(dst.Cols) != len(r.decoders) {
		dst.Cols = make([]*vector.Vec, len(r.decoders))
		for k := range dst.Cols {
			dst.Cols[k] = &vector.Vec{}
		}
	}
	for k, d := range r.decoders {
		if r.s.o.Format == "binary" {
			dst.Cols[k].Reset(d.Type, r.size)
		} else {
			d.Begin(dst.Cols[k], r.size)
		}
	}
	dst.N, dst.Sel = 0, nil
	for dst.N < r.size {
		ok, err := r.rows.next(r.last)
		if err != nil {
			return r.at(err, -1, r.rows.shown(err))
		}
		if !ok {
			if r.last || r.rows.ended {
				break
			}
			if err := r.more(ctx); err != nil {
				return err
			}
			continue
		}
		if r.s.o.Header && !r.headed && r.s.o.Format != "binary" {
			r.headed = true
			if err := r.header(); err != nil {
				return err
			}
			continue
		}
		if err := r.store(dst, dst.N); err != nil {
			return err
		}
		dst.N++
	}
	if dst.N == 0 {
		// Whatever follows the end marker is read and dropped.
		for !r.last {
			if err := r.more(ctx); err != nil {
				return err
			}
			r.rows.at = len(r.rows.buf)
		}
		return io.EOF
	}
	return nil
}

// header compares the first line with the columns.
func (r *copyReader) header() error {
	o := r.s.o
	if !o.Match {
		return nil
	}
	if len(r.rows.fields) != len(o.Columns) {
		return r.at(badFormat("wrong number of fields in header line: got %d, expected %d", len(r.rows.fields), len(o.Columns)), -1, r.rows.row)
	}
	for k, f := range r.rows.fields {
		got := string(r.rows.text[f.from:f.to])
		switch {
		case f.null:
			return r.at(badFormat("column name mismatch in header line field %d: got null value (%q), expected %q", k+1, o.Null, o.Columns[k].Name), -1, r.rows.row)
		case got != o.Columns[k].Name:
			return r.at(badFormat("column name mismatch in header line field %d: got %q, expected %q", k+1, got, o.Columns[k].Name), -1, r.rows.row)
		}
	}
	return nil
}

// store puts the row into the vectors at position i.
func (r *copyReader) store(dst *vector.Batch, i int) error {
	o, rows := r.s.o, &r.rows
	if len(rows.fields) > len(o.Columns) && !(len(o.Columns) == 0 && len(rows.row) == 0) {
		return r.at(badFormat("extra data after last expected column"), -1, rows.row)
	}
	for k, d := range r.decoders {
		if k >= len(rows.fields) {
			return r.at(badFormat("missing data for column %q", o.Columns[k].Name), -1, rows.row)
		}
		f := rows.fields[k]
		if f.null {
			if o.Format == "binary" {
				dst.Cols[k].Set(i, r.size, types.Null)
			} else {
				d.Null(i)
			}
			continue
		}
		b := rows.text[f.from:f.to]
		t := o.Columns[k].Type
		if o.Format == "binary" {
			v, err := types.ParseBinary(t, b)
			if err != nil {
				return r.at(err, k, nil)
			}
			dst.Cols[k].Set(i, r.size, v)
			continue
		}
		if err := d.Text(i, b); err != nil {
			// The type's own input function has the words for it.
			v, slow := types.ParseText(t, string(b), r.format)
			if slow != nil {
				return r.at(slow, k, b)
			}
			if dst.Cols[k].Scaled {
				if err := d.Text(i, types.AppendText(nil, t, v, r.format)); err != nil {
					return r.at(err, k, nil)
				}
				continue
			}
			dst.Cols[k].Set(i, r.size, v)
		}
	}
	return nil
}

// at says where in the data an error is: in a column, or with -1 in the row, with
// what was there.
func (r *copyReader) at(err error, column int, shown []byte) error {
	e := *pgerror.From(err)
	where := "COPY " + r.s.o.table + ", line " + strconv.Itoa(max(r.rows.line, 1))
	if column >= 0 {
		where += ", column " + r.s.o.Columns[column].Name
	}
	if shown != nil {
		text := string(shown)
		if len(text) > 100 {
			text = strings.ToValidUTF8(text[:100], "") + "..."
		}
		where += fmt.Sprintf(`: "%s"`, text)
	}
	e.Where = where
	return &e
}

// Close implements connector.Reader.
func (r *copyReader) Close() error {
	r.account.Release(r.held)
	r.held = 0
	return nil
}

// CopyInPortal is one execution of COPY FROM STDIN. The protocol calls Begin,
// Feed for the data as it arrives, and Finish.
type CopyInPortal struct {
	p      *Prepared
	spec   *CopyIn
	x      *execution
	stream *copyStream
	ended  chan struct{} // closed when the statement has ended
	rows   int64         // valid then
	err    error
	closed bool
}

// Spec returns the format of the data.
func (c *CopyInPortal) Spec() *CopyIn { return c.spec }

// Begin starts the statement. Its errors come before any data is asked for.
func (c *CopyInPortal) Begin(ctx context.Context) error {
	if err := c.p.takeTables(ctx); err != nil {
		return err
	}
	c.stream = &copyStream{o: c.spec, pieces: make(chan []byte, 4), stop: make(chan struct{})}
	x, err := c.p.execute(context.WithValue(ctx, copyStreamKey{}, c.stream), nil, true)
	if err != nil {
		return err
	}
	c.x, c.ended = x, make(chan struct{})
	go c.pump(ctx)
	return nil
}

// pump runs the statement to its end, while the caller of Feed waits for the
// client.
func (c *CopyInPortal) pump(ctx context.Context) {
	defer close(c.ended)
	for {
		b, err := c.x.next(ctx)
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			c.err = err
			return
		}
		c.rows += int64(b.Rows())
	}
}

// Feed takes data; it waits while the statement is behind, and returns the error
// of a statement that has failed. data is not kept.
func (c *CopyInPortal) Feed(ctx context.Context, data []byte) error {
	for len(data) > 0 {
		n := min(len(data), pieceBytes)
		select {
		case c.stream.pieces <- slices.Clone(data[:n]):
			data = data[n:]
		case <-c.ended:
			return c.err // nil after the end marker: the rest does not matter
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// Finish says that there is no more data, and returns the number of rows.
func (c *CopyInPortal) Finish(context.Context) (int64, error) {
	close(c.stream.pieces)
	<-c.ended
	return c.rows, c.err
}

// Columns implements Portal.
func (c *CopyInPortal) Columns() []Column { return nil }

// Next implements Portal: COPY has no rows.
func (c *CopyInPortal) Next(context.Context) (*vector.Batch, error) { return nil, io.EOF }

// Tag implements Portal.
func (c *CopyInPortal) Tag(rows int64) string { return "COPY " + strconv.FormatInt(rows, 10) }

// Close implements Portal.
func (c *CopyInPortal) Close() {
	if c.closed {
		return
	}
	c.closed = true
	if c.x != nil {
		close(c.stream.stop)
		<-c.ended
		c.x.close()
	}
}
