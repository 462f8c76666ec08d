// Package spill keeps rows on disk that do not fit into the memory of a query:
// compact, compressed, encrypted, and gone with the query or the process.
//
// Files live in one directory of the data directory. A file has no name from the
// moment it is open where the system allows that; what a crash leaves is removed
// at the next start, and could not be read anyway: the key is made at start and
// never leaves the process.
//
// Blocks are written and read by the goroutine that calls, in pieces of
// typically 64 kB and at most 1 MB unless one row is larger: that goes through
// the page cache and costs a worker less than handing it to another goroutine.
package spill

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/hubsql/hubsql/exec/memory"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// Names of the files while they have one.
const prefix, suffix = "rows-", ".spill"

// Store makes files in one directory. One process has one. Its methods are safe
// for concurrent use.
type Store struct {
	dir  string
	aead cipher.AEAD
	// nonce numbers the blocks of all files: with one key per process, no nonce
	// is ever used twice.
	nonce atomic.Uint64
	used  atomic.Int64
	// scratch holds buffers for compressed blocks.
	scratch sync.Pool
}

// Open makes the directory, removes what a crash left in it and draws the key of
// this process. No other process may use the directory.
func Open(dir string) (*Store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("directory for temporary files: %w", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("directory for temporary files: %w", err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), prefix) && strings.HasSuffix(e.Name(), suffix) {
			if err := os.Remove(filepath.Join(dir, e.Name())); err != nil {
				return nil, fmt.Errorf("temporary file of an earlier run: %w", err)
			}
		}
	}
	key := make([]byte, 32)
	// Read never fails: without randomness the process ends.
	_, _ = rand.Read(key)
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	return &Store{dir: dir, aead: aead}, nil
}

// Used returns the bytes on disk now.
func (s *Store) Used() int64 { return s.used.Load() }

// Quota limits what one query has on disk.
type Quota struct {
	limit int64
	used  atomic.Int64
}

// NewQuota returns a quota of limit bytes; 0 means none.
func NewQuota(limit int64) *Quota { return &Quota{limit: limit} }

// Used returns the bytes on disk now.
func (q *Quota) Used() int64 { return q.used.Load() }

// take adds n bytes.
func (q *Quota) take(n int64) error {
	if used := q.used.Add(n); q.limit > 0 && used > q.limit {
		q.used.Add(-n)
		return pgerror.Newf(pgerror.ConfigurationLimitExceeded, "temporary file size exceeds temp_file_limit (%dkB)", q.limit>>10)
	}
	return nil
}

// File holds any number of runs of one operator. Its space is given back when it
// is closed. Methods are safe for concurrent use.
type File struct {
	store    *Store
	operator string
	account  *memory.Account
	quota    *Quota
	file     *os.File
	named    bool
	end      atomic.Int64
	charged  atomic.Int64 // bytes taken from account for the lists of blocks
	closed   atomic.Bool
}

// Create makes a file. operator names its owner in errors; account is charged
// with the buffers of its runs and readers, by Overdraw; quota may be nil. An
// error of the disk is 53100 or 58030.
func (s *Store) Create(operator string, account *memory.Account, quota *Quota) (*File, error) {
	f, err := os.CreateTemp(s.dir, prefix+"*"+suffix)
	if err != nil {
		return nil, diskError(err, "create", operator)
	}
	if quota == nil {
		quota = NewQuota(0)
	}
	out := &File{store: s, operator: operator, account: account, quota: quota, file: f}
	// Without a name nothing can be left behind. Where an open file cannot be
	// removed, Close removes it.
	out.named = os.Remove(f.Name()) != nil
	return out, nil
}

// Size returns the bytes on disk.
func (f *File) Size() int64 { return f.end.Load() }

// Close gives up the file and all runs in it. Readers must not be used any more.
// It may be called more than once.
func (f *File) Close() {
	if f.closed.Swap(true) {
		return
	}
	// Nothing of the file is wanted any more, so no error matters.
	_ = f.file.Close()
	if f.named {
		_ = os.Remove(f.file.Name())
	}
	size := f.end.Load()
	f.store.used.Add(-size)
	f.quota.used.Add(-size)
	f.account.Release(f.charged.Swap(0))
}

// block is where a block of a run is.
type block struct {
	at    int64
	nonce uint64
	size  int32 // on disk
	raw   int32 // uncompressed
}

// blockCost is what the entry of a block is charged with.
const blockCost = 48

// write stores raw as a block.
func (f *File) write(raw []byte) (block, error) {
	buf := f.store.buffer(maxCompressed(len(raw)) + f.store.aead.Overhead())
	defer f.store.scratch.Put(buf)
	f.account.Overdraw(int64(cap(*buf)))
	defer f.account.Release(int64(cap(*buf)))
	packed := compress((*buf)[:maxCompressed(len(raw))], raw)
	b := block{nonce: f.store.nonce.Add(1), raw: int32(len(raw))}
	sealed := f.store.aead.Seal(packed[:0], nonceOf(b.nonce), packed, nil)
	b.size = int32(len(sealed))
	if err := f.quota.take(int64(b.size)); err != nil {
		return b, err
	}
	f.store.used.Add(int64(b.size))
	b.at = f.end.Add(int64(b.size)) - int64(b.size)
	for at := 0; at < len(sealed); {
		n, err := f.file.WriteAt(sealed[at:min(at+1<<20, len(sealed))], b.at+int64(at))
		if err != nil {
			return b, diskError(err, "write", f.operator)
		}
		at += n
	}
	f.account.Overdraw(blockCost)
	f.charged.Add(blockCost)
	return b, nil
}

// read returns the contents of a block in dst's storage.
func (f *File) read(dst []byte, b block) ([]byte, error) {
	buf := f.store.buffer(int(b.size))
	defer f.store.scratch.Put(buf)
	f.account.Overdraw(int64(cap(*buf)))
	defer f.account.Release(int64(cap(*buf)))
	sealed := (*buf)[:b.size]
	for at := 0; at < len(sealed); {
		n, err := f.file.ReadAt(sealed[at:min(at+1<<20, len(sealed))], b.at+int64(at))
		if err != nil {
			return nil, diskError(err, "read", f.operator)
		}
		at += n
	}
	packed, err := f.store.aead.Open(sealed[:0], nonceOf(b.nonce), sealed, nil)
	if err != nil {
		return nil, corrupted(f.operator)
	}
	if cap(dst) < int(b.raw)+padding {
		dst = make([]byte, int(b.raw)+padding)
	}
	dst, err = decompress(dst[:b.raw], packed)
	if err != nil || len(dst) != int(b.raw) {
		return nil, corrupted(f.operator)
	}
	return dst, nil
}

// buffer returns scratch of at least n bytes.
func (s *Store) buffer(n int) *[]byte {
	if b, ok := s.scratch.Get().(*[]byte); ok && cap(*b) >= n {
		*b = (*b)[:cap(*b)]
		return b
	}
	b := make([]byte, n)
	return &b
}

// nonceOf is the nonce of a block: its number, so that a block is accepted in its
// own place only.
func nonceOf(n uint64) []byte {
	return []byte{0, 0, 0, 0, byte(n >> 56), byte(n >> 48), byte(n >> 40), byte(n >> 32), byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}
}

// diskError turns an error of the file system into 53100 (no room) or 58030.
func diskError(err error, verb, operator string) error {
	code := pgerror.IOError
	reason := err
	if path, ok := errors.AsType[*os.PathError](err); ok {
		reason = path.Err // the path says nothing to a client
	}
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		code = pgerror.DiskFull
	}
	return pgerror.Wrap(err, code, fmt.Sprintf("could not %s temporary file of %s: %v", verb, operator, reason))
}

// corrupted is the error for a block that is not what was written.
func corrupted(operator string) error {
	return pgerror.Newf(pgerror.DataCorrupted, "temporary file of %s was changed while it was in use", operator)
}
