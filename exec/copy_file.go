package exec

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/hubsql/hubsql/catalog"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// prepareCopyFile prepares COPY ... TO 'file': the query's rows in a file below
// the server's export directory.
func (s *Session) prepareCopyFile(ctx context.Context, p *Prepared, n *pg.CopyStmt, sel *pg.SelectStmt) error {
	p.sel = sel
	if err := p.analyse(ctx); err != nil {
		return err
	}
	cols := columnsOf(p.bind.result)
	var rest []*pg.Node
	json := false
	for _, o := range n.Options {
		if d := o.GetDefElem(); d.Defname == "format" {
			// The grammar reads FORMAT json only with quotes.
			if v := d.Arg.GetString_().GetSval(); v == "json" || v == "ndjson" {
				json = true
				continue
			}
		}
		rest = append(rest, o)
	}
	format, err := copyOptions(rest, cols, p.query)
	if err != nil {
		return err
	}
	switch {
	case json && len(rest) > 0:
		return pgerror.New(pgerror.FeatureNotSupported, "COPY in format json has no other options")
	case json:
		format.Format = "json"
	case format.Format == "binary":
		return pgerror.NotSupported("COPY TO a file in format binary is not supported")
	}
	p.run = func(_ context.Context, params []types.Datum) (Portal, error) {
		return &rowsPortal{compute: func(ctx context.Context) ([][]types.Datum, string, error) {
			rows, err := s.copyFile(ctx, p, params, n.Filename, format)
			return nil, "COPY " + strconv.FormatInt(rows, 10), err
		}}, nil
	}
	return nil
}

// exports numbers the temporary files of the process.
type exports struct{ next atomic.Int64 }

// copyFile writes a query's rows to a file and returns their number. The file
// appears, or is replaced, when it is complete.
func (s *Session) copyFile(ctx context.Context, p *Prepared, params []types.Datum, name string, format *CopyOut) (n int64, err error) {
	if snap := s.snapshot(); !snap.HasPrivsOf(s.role(), catalog.RoleWriteServerFiles) {
		return 0, pgerror.New(pgerror.InsufficientPrivilege, "must be superuser or have privileges of the pg_write_server_files role to COPY to a file").
			WithHint("Anyone can COPY to stdout or from stdin. psql's \\copy command also works for anyone.")
	}
	dir := s.engine.ExportDir
	if dir == "" {
		return 0, pgerror.New(pgerror.FeatureNotSupported, "the server has no directory for COPY TO a file").
			WithHint("Start it with --export-dir, or use COPY ... TO STDOUT.")
	}
	refused := func(err error) error {
		code := pgerror.InsufficientPrivilege
		if errors.Is(err, os.ErrNotExist) {
			code = pgerror.UndefinedFile
		}
		return pgerror.Wrap(err, code, fmt.Sprintf("could not open file \"%s\" for writing", name)).
			WithDetail("Files are written below the server's export directory.")
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return 0, refused(err)
	}
	local := name
	if filepath.IsAbs(name) {
		if local, err = filepath.Rel(dir, name); err != nil {
			return 0, refused(err)
		}
	}
	if !filepath.IsLocal(local) || local == "." {
		return 0, refused(os.ErrPermission)
	}
	// Nothing below the root leads out of it, symbolic links included.
	root, err := os.OpenRoot(dir)
	if err != nil {
		return 0, refused(err)
	}
	defer func() { _ = root.Close() }() // nothing is written by it
	if i, err := root.Lstat(local); err == nil && !i.Mode().IsRegular() {
		return 0, refused(os.ErrPermission)
	}
	temporary := filepath.Join(filepath.Dir(local), ".hubsql-"+strconv.FormatInt(s.engine.exports.next.Add(1), 10)+"-"+strconv.Itoa(os.Getpid()))
	f, err := root.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o640)
	if err != nil {
		return 0, refused(err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close(), root.Remove(temporary))
			if e, ok := errors.AsType[*pgerror.Error](err); ok {
				err = e
			}
		}
	}()
	out := bufio.NewWriterSize(f, 256<<10)
	if n, err = s.writeRows(ctx, p, params, out, format); err != nil {
		return n, err
	}
	failed := func(err error) error {
		return pgerror.Wrap(err, pgerror.IOError, fmt.Sprintf("could not write to file \"%s\"", name))
	}
	if err := errors.Join(out.Flush(), f.Sync()); err != nil {
		return n, failed(err)
	}
	if err := root.Rename(temporary, local); err != nil {
		return n, failed(err)
	}
	if err := f.Close(); err != nil {
		s.engine.Log.Warn("closing an exported file failed", "file", local, "error", err)
	}
	return n, nil
}

// writeRows executes the query of p and prints its rows.
func (s *Session) writeRows(ctx context.Context, p *Prepared, params []types.Datum, out *bufio.Writer, format *CopyOut) (int64, error) {
	q := &queryPortal{p: p, params: params}
	defer q.Close()
	w := rowWriter{o: format, format: s.sess.Format()}
	if format.Header {
		w.header()
	}
	var n int64
	for {
		b, err := q.Next(ctx)
		if err == io.EOF {
			_, err = out.Write(w.line)
			return n, err
		}
		if err != nil {
			return n, err
		}
		for r := range b.N {
			w.row(b.Cols, r)
		}
		n += int64(b.N)
		if _, err := out.Write(w.line); err != nil {
			return n, pgerror.Wrap(err, pgerror.IOError, "could not write to the file")
		}
		w.line = w.line[:0]
	}
}

// rowWriter prints rows in one of the formats of COPY TO a file.
type rowWriter struct {
	o          *CopyOut
	format     *types.Format
	line, text []byte
}

// header prints the names of the columns.
func (w *rowWriter) header() {
	for i, c := range w.o.Columns {
		w.separate(i)
		w.field(i, []byte(c.Name), false)
	}
	w.line = append(w.line, '\n')
}

// separate begins a field.
func (w *rowWriter) separate(i int) {
	if i > 0 {
		w.line = append(w.line, w.o.Delimiter)
	}
}

// row prints one row.
func (w *rowWriter) row(cols []*vector.Vec, r int) {
	if w.o.Format == "json" {
		w.object(cols, r)
		return
	}
	for i, v := range cols {
		w.separate(i)
		if v.IsNull(r) {
			w.line = append(w.line, w.o.Null...)
			continue
		}
		w.text = types.AppendText(w.text[:0], w.o.Columns[i].Type, v.Datum(r), w.format)
		w.field(i, w.text, true)
	}
	w.line = append(w.line, '\n')
}

// field prints a value of column i.
func (w *rowWriter) field(i int, text []byte, value bool) {
	if w.o.Format == "csv" {
		force := value && w.o.ForceQuote != nil && w.o.ForceQuote[i]
		s := string(text)
		if !force && s != w.o.Null && !strings.ContainsAny(s, string([]byte{w.o.Delimiter, w.o.Quote, '\n', '\r'})) && (s != `\.` || len(w.o.Columns) > 1) {
			w.line = append(w.line, text...)
			return
		}
		w.line = append(w.line, w.o.Quote)
		for _, c := range text {
			if c == w.o.Quote || c == w.o.Escape {
				w.line = append(w.line, w.o.Escape)
			}
			w.line = append(w.line, c)
		}
		w.line = append(w.line, w.o.Quote)
		return
	}
	for _, c := range text {
		switch c {
		case '\b':
			w.line = append(w.line, `\b`...)
		case '\f':
			w.line = append(w.line, `\f`...)
		case '\n':
			w.line = append(w.line, `\n`...)
		case '\r':
			w.line = append(w.line, `\r`...)
		case '\t':
			w.line = append(w.line, `\t`...)
		case '\v':
			w.line = append(w.line, `\v`...)
		case '\\', w.o.Delimiter:
			w.line = append(w.line, '\\', c)
		default:
			w.line = append(w.line, c)
		}
	}
}

// object prints a row as a JSON object on a line of its own.
func (w *rowWriter) object(cols []*vector.Vec, r int) {
	w.line = append(w.line, '{')
	for i, v := range cols {
		if i > 0 {
			w.line = append(w.line, ',')
		}
		c := w.o.Columns[i]
		w.string([]byte(c.Name))
		w.line = append(w.line, ':')
		if v.IsNull(r) {
			w.line = append(w.line, "null"...)
			continue
		}
		d := v.Datum(r)
		w.text = types.AppendText(w.text[:0], c.Type, d, w.format)
		switch c.Type.OID {
		case types.Bool:
			w.line = strconv.AppendBool(w.line, d.I != 0)
		case types.JSON, types.JSONB:
			// A line break stands between tokens only.
			for _, b := range w.text {
				if b == '\n' || b == '\r' {
					b = ' '
				}
				w.line = append(w.line, b)
			}
		case types.Int2, types.Int4, types.Int8, types.Float4, types.Float8, types.Numeric:
			if strings.ContainsAny(string(w.text), "Nny") { // NaN, Infinity
				w.string(w.text)
				continue
			}
			w.line = append(w.line, w.text...)
		default:
			w.string(w.text)
		}
	}
	w.line = append(w.line, '}', '\n')
}

// string prints a JSON string.
func (w *rowWriter) string(s []byte) {
	const hex = "0123456789abcdef"
	w.line = append(w.line, '"')
	for _, c := range s {
		switch {
		case c == '"' || c == '\\':
			w.line = append(w.line, '\\', c)
		case c == '\n':
			w.line = append(w.line, `\n`...)
		case c < 0x20:
			w.line = append(w.line, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			w.line = append(w.line, c)
		}
	}
	w.line = append(w.line, '"')
}
