package parquet

import (
	"encoding/binary"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/parquet-go/parquet-go"

	"github.com/hubsql/hubsql/exec/memory"
	"github.com/hubsql/hubsql/federation/localfile"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// footer is a file's metadata. It is immutable and shared by scans; each scan
// reads pages through a file of its own.
type footer struct {
	meta   *parquet.File
	fields []field
	groups []*parquet.FileRowGroup
	rows   int64
	size   int64 // bytes charged for it
}

// footerKey identifies a version of a file.
type footerKey struct {
	name  string
	size  int64
	mtime time.Time
}

// footerCache keeps footers that were read. The account pays for them; when it
// cannot, the cache is emptied and goes on without.
type footerCache struct {
	account *memory.Account

	mu      sync.Mutex
	footers map[footerKey]*footer
	held    int64
	closed  bool
}

// maxFooters is the most bytes of footers that one source keeps.
const maxFooters = 64 << 20

// get returns the footer of f.
func (c *footerCache) get(access localfile.Access, f localfile.File) (*footer, error) {
	key := footerKey{f.Name, f.Size, f.ModTime}
	c.mu.Lock()
	ft := c.footers[key]
	c.mu.Unlock()
	if ft != nil {
		return ft, nil
	}
	file, err := f.Open()
	if err != nil {
		return nil, access.OpenError(f, err)
	}
	defer func() { _ = file.Close() }()
	ft, err = readFooter(file, f.Size)
	if err != nil {
		return nil, corrupt(access.Source, f.Name, err)
	}
	c.put(key, ft)
	return ft, nil
}

// put adds a footer when the account can pay for it.
func (c *footerCache) put(key footerKey, ft *footer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || ft.size > maxFooters {
		return
	}
	if c.footers[key] != nil {
		return
	}
	if c.held+ft.size > maxFooters {
		c.clear()
	}
	if c.account != nil && c.account.Reserve(ft.size) != nil {
		c.clear()
		return
	}
	c.held += ft.size
	c.footers[key] = ft
}

// clear forgets all footers; the lock is held.
func (c *footerCache) clear() {
	if c.account != nil {
		c.account.Release(c.held)
	}
	c.held = 0
	c.footers = map[footerKey]*footer{}
}

// close empties the cache for good.
func (c *footerCache) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	c.clear()
}

// readFooter reads the metadata of an open file.
func readFooter(file *os.File, size int64) (ft *footer, err error) {
	defer func() {
		if r := recover(); r != nil {
			ft, err = nil, fmt.Errorf("%w: %v", errCorrupt, r)
		}
	}()
	if size < 12 {
		return nil, fmt.Errorf("%w: it is too short", errCorrupt)
	}
	var tail [8]byte
	if _, err := file.ReadAt(tail[:], size-8); err != nil {
		return nil, err
	}
	length := int64(binary.LittleEndian.Uint32(tail[:]))
	switch {
	case string(tail[4:]) == "PARE":
		return nil, pgerror.NotSupported("encrypted Parquet files are not supported")
	case string(tail[4:]) != "PAR1":
		return nil, fmt.Errorf("%w: it does not end in PAR1", errCorrupt)
	case length > size-12:
		return nil, fmt.Errorf("%w: its footer is longer than the file", errCorrupt)
	}
	meta, err := parquet.OpenFile(file, size, parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true), parquet.ReadBufferSize(256<<10))
	if err != nil {
		return nil, err
	}
	fields, err := fieldsOf(meta.Root(), meta.Metadata().Schema)
	if err != nil {
		return nil, err
	}
	ft = &footer{meta: meta, fields: fields, size: 4096 + 4*length}
	leaves := 0
	for _, f := range ft.fields {
		leaves += countLeaves(f.column)
	}
	for _, g := range meta.RowGroups() {
		rg, ok := g.(*parquet.FileRowGroup)
		if !ok || len(rg.ColumnChunks()) != leaves || rg.NumRows() < 0 {
			return nil, fmt.Errorf("%w: a row group does not match the schema", errCorrupt)
		}
		ft.groups = append(ft.groups, rg)
		ft.rows += rg.NumRows()
	}
	return ft, nil
}

// corrupt is the client's error for a file that cannot be decoded. An error
// that has an SQLSTATE of its own keeps it.
func corrupt(source, file string, err error) error {
	if code := pgerror.CodeOf(err); code != pgerror.InternalError {
		return err
	}
	return pgerror.Source(source, pgerror.DataCorrupted, "invalid Parquet file \""+file+"\"", err)
}
