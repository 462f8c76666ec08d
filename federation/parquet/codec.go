package parquet

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"sync"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go/format"
	"github.com/pierrec/lz4/v4"

	"github.com/hubsql/hubsql/exec/memory"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// inflater decompresses the pages of one reader and reuses what the codecs need.
type inflater struct {
	memory *budget
	spare  *spareDecoders
	zstd   *zstd.Decoder
	gzip   *gzip.Reader
	brotli *brotli.Reader
	src    bytes.Reader
	held   int64
}

// What the state of a decoder takes, rounded up.
const (
	zstdState   = 256 << 10
	gzipState   = 64 << 10
	brotliState = 256 << 10
)

// state pays once for a decoder that is about to be made.
func (d *inflater) state(n int64) error {
	if err := d.memory.reserve(n); err != nil {
		return err
	}
	d.held += n
	return nil
}

// close ends the decoders.
func (d *inflater) close() {
	d.memory.release(d.held)
	d.held = 0
	if d.zstd != nil {
		d.spare.put(d.zstd)
	}
	*d = inflater{memory: d.memory, spare: d.spare}
}

// maxSpare is how many decoders a source keeps that no reader uses.
const maxSpare = 4

// spareDecoders are the zstd decoders that a source keeps for its next readers,
// because making one costs more than a small page. The account of the source
// pays for those that lie here.
type spareDecoders struct {
	account *memory.Account

	mu     sync.Mutex
	free   []*zstd.Decoder
	closed bool
}

// get returns a decoder that the caller pays for, or nil.
func (s *spareDecoders) get() *zstd.Decoder {
	s.mu.Lock()
	defer s.mu.Unlock()
	last := len(s.free) - 1
	if last < 0 {
		return nil
	}
	z := s.free[last]
	s.free[last] = nil
	s.free = s.free[:last]
	if s.account != nil {
		s.account.Release(zstdState)
	}
	return z
}

// put takes a decoder that nobody uses.
func (s *spareDecoders) put(z *zstd.Decoder) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || len(s.free) >= maxSpare || s.account != nil && s.account.Reserve(zstdState) != nil {
		z.Close()
		return
	}
	s.free = append(s.free, z)
}

// close ends the decoders; those that come later are ended at once.
func (s *spareDecoders) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for _, z := range s.free {
		z.Close()
		if s.account != nil {
			s.account.Release(zstdState)
		}
	}
	s.free = nil
}

// inflate decompresses src, which must give exactly len(dst) bytes. Behind dst
// there are padding bytes that may be overwritten.
func (d *inflater) inflate(codec format.CompressionCodec, dst, src []byte) error {
	var err error
	n := 0
	switch codec {
	case format.Uncompressed:
		n = copy(dst, src)
		if len(src) != len(dst) {
			n = -1
		}
	case format.Snappy:
		if n, err = s2.DecodedLen(src); err == nil && n == len(dst) && n > 0 {
			_, err = s2.Decode(dst, src)
		}
	case format.Zstd:
		n, err = d.zstandard(dst, src)
	case format.Gzip:
		n, err = d.gunzip(dst, src)
	case format.Brotli:
		n, err = d.unbrotli(dst, src)
	case format.Lz4Raw:
		n, err = lz4.UncompressBlock(src, dst)
	case format.Lz4:
		n, err = unlz4(dst, src)
	default:
		return pgerror.NotSupported("compression %s of Parquet files is not supported", codec)
	}
	if pgerror.CodeOf(err) == pgerror.OutOfMemory {
		return err
	}
	if err != nil || n != len(dst) {
		return fmt.Errorf("%w: a page cannot be decompressed", errCorrupt)
	}
	return nil
}

// zstandard decompresses frames. The decoder never writes more than dst has
// room for.
func (d *inflater) zstandard(dst, src []byte) (int, error) {
	if d.zstd == nil {
		if err := d.state(zstdState); err != nil {
			return 0, err
		}
		if d.zstd = d.spare.get(); d.zstd == nil {
			z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecodeAllCapLimit(true), zstd.WithDecoderMaxMemory(maxPage+padding))
			if err != nil {
				return 0, err
			}
			d.zstd = z
		}
	}
	// With some room behind the result it takes its faster path.
	out, err := d.zstd.DecodeAll(src, dst[:0:len(dst)+padding])
	return len(out), err
}

// gunzip decompresses gzip members.
func (d *inflater) gunzip(dst, src []byte) (int, error) {
	d.src.Reset(src)
	if d.gzip == nil {
		if err := d.state(gzipState); err != nil {
			return 0, err
		}
		d.gzip = &gzip.Reader{}
	}
	if err := d.gzip.Reset(&d.src); err != nil {
		return 0, err
	}
	return exactly(d.gzip, dst)
}

// unbrotli decompresses a brotli stream.
func (d *inflater) unbrotli(dst, src []byte) (int, error) {
	d.src.Reset(src)
	if d.brotli == nil {
		if err := d.state(brotliState); err != nil {
			return 0, err
		}
		d.brotli = brotli.NewReader(nil)
	}
	if err := d.brotli.Reset(&d.src); err != nil {
		return 0, err
	}
	return exactly(d.brotli, dst)
}

// exactly fills dst from r, which must end then.
func exactly(r io.Reader, dst []byte) (int, error) {
	n, err := io.ReadFull(r, dst)
	if err != nil {
		return n, err
	}
	var more [1]byte
	if k, err := io.ReadFull(r, more[:]); k != 0 || err != io.EOF {
		return n, fmt.Errorf("%w: a page is longer than its header says", errCorrupt)
	}
	return n, nil
}

// unlz4 decompresses the codec that is only called LZ4: blocks behind Hadoop's
// lengths, or a frame, or one bare block, depending on the writer.
func unlz4(dst, src []byte) (int, error) {
	if n, ok := hadoop(dst, src); ok {
		return n, nil
	}
	if len(src) >= 4 && binary.LittleEndian.Uint32(src) == 0x184D2204 {
		return exactly(lz4.NewReader(bytes.NewReader(src)), dst)
	}
	return lz4.UncompressBlock(src, dst)
}

// hadoop decompresses blocks that are preceded by their lengths, before and
// after, in big-endian order.
func hadoop(dst, src []byte) (int, bool) {
	n := 0
	for len(src) > 0 {
		if len(src) < 8 {
			return 0, false
		}
		size, packed := int(binary.BigEndian.Uint32(src)), int(binary.BigEndian.Uint32(src[4:]))
		src = src[8:]
		if size > len(dst)-n || packed > len(src) {
			return 0, false
		}
		k, err := lz4.UncompressBlock(src[:packed], dst[n:n+size])
		if err != nil || k != size {
			return 0, false
		}
		n += k
		src = src[packed:]
	}
	return n, true
}
