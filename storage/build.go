package storage

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/hubsql/hubsql/exec/memory"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// builder makes bodies out of batches of rows. It belongs to one goroutine.
type builder struct {
	s       *Store
	layout  layout
	account *memory.Account // pays for rows in memory
	held    int64

	pieces []chunk // not yet a full chunk
	loose  int     // rows of pieces
	now    *body   // being built, nil before the first full chunk
	out    *os.File
	at     int64
	done   []*body
}

// add copies the rows of cols: sel lists them, nil means the first n.
func (b *builder) add(cols []*vector.Vec, sel []int32, n int) error {
	for from := 0; from < n; {
		take := min(n-from, blockRows-b.loose)
		var rows []int32
		if sel != nil {
			rows = sel[from : from+take]
		} else if from > 0 || take < n {
			rows = make([]int32, take)
			for i := range rows {
				rows[i] = int32(from + i)
			}
		}
		p := chunk{n: take}
		for i, v := range cols {
			c := &vector.Vec{}
			vector.Gather(c, v, rows, take)
			c.Flatten(take)
			c.Own(take)
			c.Type = b.layout.types[i]
			p.cols = append(p.cols, c)
		}
		size := p.size()
		if err := b.account.Reserve(size); err != nil {
			return err
		}
		b.held += size
		b.pieces = append(b.pieces, p)
		b.loose += take
		from += take
		if b.loose == blockRows {
			if err := b.seal(); err != nil {
				return err
			}
		}
	}
	return nil
}

// seal turns the pieces into a chunk of the body.
func (b *builder) seal() error {
	if b.loose == 0 {
		return nil
	}
	c := b.pieces[0]
	if len(b.pieces) > 1 {
		c = chunk{n: b.loose}
		rows := make([]int, len(b.pieces))
		for i, p := range b.pieces {
			rows[i] = p.n
		}
		for k := range b.layout.types {
			vecs := make([]*vector.Vec, len(b.pieces))
			for i, p := range b.pieces {
				vecs[i] = p.cols[k]
			}
			c.cols = append(c.cols, concat(vecs, rows))
		}
	}
	b.pieces, b.loose = nil, 0
	if b.now == nil {
		b.now = &body{id: b.s.nextID.Add(1), layout: b.layout}
	}
	if b.out == nil && b.now.rows+c.n < fileRows {
		b.now.chunks = append(b.now.chunks, c)
		b.now.rows += c.n
		b.now.bytes += c.size()
		return nil
	}
	if b.out == nil {
		if err := b.create(); err != nil {
			return err
		}
		for _, old := range b.now.chunks {
			if err := b.write(old); err != nil {
				return err
			}
		}
		b.now.chunks, b.now.bytes = nil, 0
	}
	if err := b.write(c); err != nil {
		return err
	}
	b.now.rows += c.n
	b.give(b.held)
	if b.now.rows >= bodyRows {
		return b.close()
	}
	return nil
}

// create starts the file of the body.
func (b *builder) create() error {
	f, err := os.OpenFile(b.s.path(b.now.id), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return ioError(err)
	}
	b.out, b.at = f, 0
	return nil
}

// write appends a chunk to the file.
func (b *builder) write(c chunk) error {
	s := stripe{Rows: c.n}
	var buf []byte
	for _, v := range c.cols {
		from := len(buf)
		buf = appendBlock(buf, flat(v, c.n), c.n)
		s.Blocks = append(s.Blocks, span{b.at + int64(from), int64(len(buf) - from)})
	}
	if _, err := b.out.Write(buf); err != nil {
		return ioError(err)
	}
	b.at += int64(len(buf))
	b.now.stripes = append(b.now.stripes, s)
	return nil
}

// close ends the body that is being built.
func (b *builder) close() error {
	if b.now == nil {
		return nil
	}
	if b.out != nil {
		if err := b.out.Sync(); err != nil {
			return ioError(err)
		}
		b.now.file, b.out = b.out, nil
	}
	b.done = append(b.done, b.now)
	b.now = nil
	return nil
}

// finish returns the bodies, durable as far as they are files. What the rows in
// memory hold stays reserved: it is b.held.
func (b *builder) finish() ([]*body, error) {
	if err := b.seal(); err != nil {
		return nil, err
	}
	if err := b.close(); err != nil {
		return nil, err
	}
	kept := int64(0)
	files := false
	for _, d := range b.done {
		kept += d.bytes
		files = files || d.file != nil
	}
	if files {
		if err := syncDir(b.s.dir); err != nil {
			return nil, ioError(err)
		}
	}
	if kept > b.held {
		if err := b.account.Reserve(kept - b.held); err != nil {
			return nil, err
		}
		b.held = kept
	}
	b.give(b.held - kept)
	return b.done, nil
}

// give releases n reserved bytes.
func (b *builder) give(n int64) {
	b.account.Release(n)
	b.held -= n
}

// abandon removes what was built.
func (b *builder) abandon() {
	if b.out != nil {
		b.s.remove(b.now.id, b.out)
	}
	for _, d := range b.done {
		if d.file != nil {
			b.s.remove(d.id, d.file)
		}
	}
	b.give(b.held)
	b.pieces, b.now, b.out, b.done = nil, nil, nil, nil
}

// path is the file of a body.
func (s *Store) path(id int64) string {
	return filepath.Join(s.dir, strconv.FormatInt(id, 10)+".rows")
}

// remove unlinks the file of a body. Readers that have it open go on.
func (s *Store) remove(id int64, _ *os.File) {
	if err := os.Remove(s.path(id)); err != nil && !os.IsNotExist(err) {
		s.log.Warn("a file of a local table could not be removed; the next start removes it", "error", err)
	}
}

// syncDir makes the names in a directory durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	if err := d.Sync(); err != nil {
		return errors.Join(err, d.Close())
	}
	return d.Close()
}

// ioError is the error of writing.
func ioError(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return pgerror.Wrap(err, pgerror.DiskFull, "could not write the rows of a local table: No space left on device").
			WithHint("Check free disk space.")
	}
	return pgerror.Wrap(err, pgerror.IOError, "could not write the rows of a local table")
}
