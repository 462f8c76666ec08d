package file

import (
	"bufio"
	"errors"
	"io"
	"os"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"golang.org/x/text/encoding"
	"golang.org/x/text/transform"

	"github.com/hubsql/hubsql/federation/localfile"
)

// compressions are the extensions that say how a file is compressed.
var compressions = []string{".gz", ".zst", ".lz4"}

// compressed returns the compression extension of a name, "" for none.
func compressed(name string) string {
	lower := strings.ToLower(name)
	for _, c := range compressions {
		if strings.HasSuffix(lower, c) {
			return c
		}
	}
	return ""
}

// maxZstdWindow limits what a zstd file may make the decoder allocate.
const maxZstdWindow = 128 << 20

// input is an open file as a stream of UTF-8.
type input struct {
	io.Reader
	file  *os.File
	close func()
}

// Close releases the file and the decoder.
func (in *input) Close() {
	if in.close != nil {
		in.close()
		in.close = nil
	}
	if in.file != nil {
		_ = in.file.Close()
		in.file = nil
	}
}

// openInput opens f, decompressed and converted to UTF-8, from byte from to
// byte to (to < 0: the end; ranges only of files that need no decoding).
func openInput(f localfile.File, charset encoding.Encoding, from, to int64) (*input, error) {
	file, err := f.Open()
	if err != nil {
		return nil, err
	}
	in := &input{Reader: file, file: file}
	switch compressed(f.Name) {
	case ".gz":
		z, err := gzip.NewReader(bufio.NewReaderSize(file, 64<<10))
		if err != nil {
			in.Close()
			return nil, err
		}
		in.Reader, in.close = z, func() { _ = z.Close() }
	case ".zst":
		z, err := zstd.NewReader(file, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxZstdWindow), zstd.WithDecoderLowmem(true))
		if err != nil {
			in.Close()
			return nil, err
		}
		in.Reader, in.close = z, z.Close
	case ".lz4":
		in.Reader = lz4.NewReader(file)
	default:
		if to >= 0 {
			in.Reader = io.NewSectionReader(file, from, to-from)
		}
	}
	if charset != nil {
		in.Reader = transform.NewReader(in.Reader, charset.NewDecoder())
	}
	return in, nil
}

// errTooLong is the cause of the error for a record that does not fit memory.
var errTooLong = errors.New("record too long")

// maxRecord is the longest record in bytes, as in PostgreSQL.
const maxRecord = 1<<30 - 1

// window is a sliding view on a stream: buf[start:end] is what was read and not
// consumed.
type window struct {
	r          io.Reader
	buf        []byte
	start, end int
	eof        bool
}

// more reads further bytes behind end, moving or growing the buffer: offsets
// into buf that the caller kept are void, except relative to start.
func (w *window) more() error {
	if w.start > 0 {
		w.end = copy(w.buf, w.buf[w.start:w.end])
		w.start = 0
	}
	if w.end == len(w.buf) {
		if len(w.buf) >= maxRecord {
			return errTooLong
		}
		w.buf = append(w.buf, make([]byte, max(len(w.buf), 256<<10))...)
	}
	for range 100 {
		n, err := w.r.Read(w.buf[w.end:])
		w.end += n
		if err == io.EOF {
			w.eof = true
			return nil
		}
		if err != nil {
			return err
		}
		if n > 0 {
			return nil
		}
	}
	return io.ErrNoProgress
}
