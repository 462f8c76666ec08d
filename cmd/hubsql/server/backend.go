package server

import (
	"context"
	"io"
	"time"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/wire"
	"github.com/hubsql/hubsql/wire/pgerror"
	"github.com/hubsql/hubsql/wire/scram"
)

// backend joins the protocol to the engine. The types below translate between
// their interfaces and do nothing else.
type backend struct{ engine *exec.Engine }

// Secret implements wire.Backend.
func (b backend) Secret(_ context.Context, user string) (scram.Secret, bool, error) {
	snap := b.engine.Catalog.Current()
	role, ok := snap.Role(user)
	if !ok || !role.ValidUntil.IsZero() && time.Now().After(role.ValidUntil) {
		return scram.Secret{}, false, nil
	}
	text, err := snap.Verifier(role)
	if err != nil || text == "" {
		return scram.Secret{}, false, err
	}
	secret, err := scram.ParseSecret(text)
	return secret, err == nil, err
}

// Open implements wire.Backend.
func (b backend) Open(ctx context.Context, start wire.Startup) (wire.Session, error) {
	req := exec.OpenRequest{
		User: start.User, Database: start.Database, PID: start.PID, ClientAddr: start.ClientAddr,
		Notice: start.Notice, Names: names{start.Names},
	}
	for _, s := range start.Settings {
		req.Settings = append(req.Settings, exec.Setting(s))
	}
	s, err := b.engine.Open(ctx, req)
	if err != nil {
		return nil, err
	}
	return &wireSession{s: s, settings: wire.SettingsOf(s.State().Vars)}, nil
}

// wireSession is exec.Session as wire.Session and wire.RegNames.
type wireSession struct {
	s        *exec.Session
	settings wire.Settings
}

func (w *wireSession) Settings() wire.Settings { return w.settings }
func (w *wireSession) TxStatus() byte          { return w.s.TxStatus() }
func (w *wireSession) Close()                  { w.s.Close() }
func (w *wireSession) End(ctx context.Context, failed bool) error {
	return w.s.End(ctx, failed)
}

// AppendReg implements wire.RegNames.
func (w *wireSession) AppendReg(dst []byte, t types.OID, oid uint32) []byte {
	return w.s.AppendReg(dst, t, oid)
}

// ParseReg implements wire.RegNames.
func (w *wireSession) ParseReg(t types.OID, name string) (types.Datum, error) {
	return w.s.ParseReg(t, name)
}

func (w *wireSession) Parse(ctx context.Context, sql string) ([]wire.Query, error) {
	list, err := w.s.Parse(ctx, sql)
	if err != nil {
		return nil, err
	}
	out := make([]wire.Query, len(list))
	for i, q := range list {
		out[i] = q
	}
	return out, nil
}

func (w *wireSession) Prepare(ctx context.Context, q wire.Query, paramTypes []types.OID) (wire.Prepared, error) {
	p, err := w.s.Prepare(ctx, q.(exec.Query), paramTypes)
	if err != nil {
		return nil, err
	}
	return newPrepared(p), nil
}

// prepared is exec.Prepared as wire.Prepared.
type prepared struct {
	p       *exec.Prepared
	columns []wire.Column
}

func newPrepared(p *exec.Prepared) *prepared {
	return &prepared{p: p, columns: columns(p.Columns())}
}

func (p *prepared) Params() []types.OID    { return p.p.Params() }
func (p *prepared) Columns() []wire.Column { return p.columns }
func (p *prepared) Close()                 { p.p.Close() }

func (p *prepared) Bind(ctx context.Context, params []types.Datum) (wire.Portal, error) {
	q, err := p.p.Bind(ctx, params)
	if err != nil {
		return nil, err
	}
	if in, ok := q.(*exec.CopyInPortal); ok {
		return copyIn{in}, nil
	}
	out := &portal{Portal: q, columns: p.columns, copy: p.p.CopyOut()}
	if have := q.Columns(); len(have) != len(p.columns) || have == nil || len(have) > 0 && &have[0] != &p.p.Columns()[0] {
		out.columns = columns(have)
	}
	return out, nil
}

// columns translates column descriptions; nil stays nil.
func columns(list []exec.Column) []wire.Column {
	if list == nil {
		return nil
	}
	out := make([]wire.Column, len(list))
	for i, c := range list {
		out[i] = wire.Column{Name: c.Name, Type: c.Type, TableOID: c.TableOID, Attnum: c.AttNum}
	}
	return out
}

// portal is exec.Portal as wire.Portal and wire.CopyOuter.
type portal struct {
	exec.Portal
	columns []wire.Column
	copy    *exec.CopyOut
}

func (p *portal) Columns() []wire.Column { return p.columns }

// copyFormat is a format of COPY by its name.
func copyFormat(name string) wire.CopyFormat {
	return map[string]wire.CopyFormat{"text": wire.CopyText, "csv": wire.CopyCSV, "binary": wire.CopyBinary}[name]
}

// copyIn is exec.CopyInPortal as wire.CopyIner.
type copyIn struct{ *exec.CopyInPortal }

func (c copyIn) Columns() []wire.Column { return nil }

func (c copyIn) CopyIn() (int, wire.CopyFormat, bool) {
	s := c.Spec()
	return len(s.Columns), copyFormat(s.Format), true
}

func (p *portal) CopyOut() *wire.CopyOut {
	if p.copy == nil {
		return nil
	}
	return &wire.CopyOut{
		Format:  copyFormat(p.copy.Format),
		Columns: columns(p.copy.Columns), Header: p.copy.Header, Delimiter: p.copy.Delimiter, Null: p.copy.Null,
		Quote: p.copy.Quote, Escape: p.copy.Escape, ForceQuote: p.copy.ForceQuote,
	}
}

// names is wire.Names as exec.Names.
type names struct{ *wire.Names }

func (n names) AddStatement(name, text string, p *exec.Prepared) error {
	return n.Names.AddStatement(&wire.Statement{Name: name, Text: text, Prepared: newPrepared(p), FromSQL: true})
}

func (n names) Statement(name string) (*exec.Prepared, error) {
	s, err := n.Names.Statement(name)
	if err != nil {
		return nil, err
	}
	p, ok := s.Prepared.(*prepared)
	if !ok { // the empty statement
		return nil, pgerror.Newf(pgerror.InvalidSQLStatementName, "prepared statement %q is empty", name)
	}
	return p.p, nil
}

func (n names) AddCursor(name string, p exec.Portal, hold bool) error {
	return n.Names.AddCursor(&wire.Cursor{Name: name, Portal: &portal{Portal: p, columns: columns(p.Columns())}, Hold: hold})
}

func (n names) Cursor(name string) ([]exec.Column, error) {
	c, err := n.Names.Cursor(name)
	if err != nil {
		return nil, err
	}
	if p, ok := c.Portal.(*portal); ok {
		return p.Portal.Columns(), nil
	}
	return nil, nil
}

func (n names) Fetch(ctx context.Context, name string, limit int) (*vector.Batch, error) {
	c, err := n.Names.Cursor(name)
	if err != nil {
		return nil, err
	}
	if limit == 0 {
		return nil, io.EOF
	}
	return c.Next(ctx, max(limit, 0))
}
