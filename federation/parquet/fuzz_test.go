package parquet

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"

	"github.com/klauspost/compress/s2"
	"github.com/parquet-go/parquet-go/format"
	"github.com/pierrec/lz4/v4"

	"github.com/hubsql/hubsql/exec/memory"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// padded returns b with the bytes behind it that blocks have.
func padded(b []byte) []byte { return append(make([]byte, 0, len(b)+padding), b...) }

func FuzzPageHeader(f *testing.F) {
	f.Add([]byte{0x15, 0x04, 0x15, 0x10, 0x15, 0x14, 0x4c, 0x15, 0x08, 0x15, 0x04, 0x00, 0x00})
	f.Add([]byte{0x15, 0x00, 0x15, 0xa0, 0x1f, 0x15, 0x10, 0x2c, 0x15, 0x10, 0x15, 0x00, 0x15, 0x06, 0x15, 0x06, 0x00, 0x00})
	f.Fuzz(func(t *testing.T, b []byte) {
		h, n, err := parsePageHeader(b)
		if n < 0 || n > len(b) || err == nil && n > 0 && (h.compressed < 0 || h.uncompressed < 0 || h.values < 0) {
			t.Errorf("%+v, %d bytes of %d, %v", h, n, len(b), err)
		}
	})
}

func FuzzHybrid(f *testing.F) {
	f.Add([]byte{0x03, 0x88, 0xC6, 0xFA}, uint8(3), uint16(8))
	f.Add([]byte{0x10, 0x01, 0x05, 0xFF, 0x01}, uint8(1), uint16(20))
	f.Fuzz(func(t *testing.T, b []byte, width uint8, count uint16) {
		n := int(count)
		var a, c, d hybrid
		if a.reset(padded(b), uint(width)) != nil {
			return
		}
		all := make([]int32, n)
		err := a.read(all)
		// Reading in two pieces, picking and passing over must agree.
		_ = c.reset(padded(b), uint(width))
		parts := make([]int32, n)
		err2 := c.read(parts[:n/3])
		if err2 == nil {
			err2 = c.read(parts[n/3:])
		}
		if (err == nil) != (err2 == nil) {
			t.Fatalf("%v and %v", err, err2)
		}
		if err != nil {
			return
		}
		var idx []int32
		for i := n / 3; i < n; i += 2 {
			idx = append(idx, int32(i-n/3))
		}
		picked := make([]int32, len(idx))
		_ = d.reset(padded(b), uint(width))
		if err := d.skip(n / 3); err != nil {
			t.Fatal(err)
		}
		if err := d.pick(picked, idx, n-n/3); err != nil {
			t.Fatal(err)
		}
		for i := range all {
			if all[i] != parts[i] {
				t.Fatalf("value %d: %d and %d", i, all[i], parts[i])
			}
		}
		for k, i := range idx {
			if picked[k] != all[int(i)+n/3] {
				t.Fatalf("picked %d: %d, want %d", i, picked[k], all[int(i)+n/3])
			}
		}
	})
}

func FuzzValues(f *testing.F) {
	f.Add([]byte{0x80, 0x01, 0x04, 0x02, 0x00, 0x02, 0x00, 0x00, 0x00, 0x00}, uint8(format.DeltaBinaryPacked), uint8(format.Int64), uint16(2))
	f.Add([]byte{3, 0, 0, 0, 'a', 'b', 'c', 0, 0, 0, 0}, uint8(format.Plain), uint8(format.ByteArray), uint16(2))
	f.Add([]byte{0x80, 0x01, 0x04, 0x02, 0x04, 0x00, 0x00, 0x00, 0x00, 0x00, 'a', 'b'}, uint8(format.DeltaLengthByteArray), uint8(format.ByteArray), uint16(2))
	f.Add([]byte{0x80, 0x01, 0x04, 0x01, 0x00, 0x80, 0x01, 0x04, 0x01, 0x02, 'x'}, uint8(format.DeltaByteArray), uint8(format.ByteArray), uint16(1))
	f.Fuzz(func(t *testing.T, b []byte, enc, typ uint8, count uint16) {
		root := memory.NewRoot("fuzz", 64<<20)
		pool := &blockPool{memory: &budget{account: root}}
		d := valueDecoder{pool: pool, typ: format.Type(typ % 8), length: 5, text: count%2 == 0}
		page, err := pool.get(len(b))
		if err != nil {
			t.Fatal(err)
		}
		copy(page.bytes, b)
		var x values
		err = d.decode(&x, format.Encoding(enc%10), page, page.bytes, int(count))
		if err == nil {
			for i := range int(count) {
				switch {
				case x.offs != nil:
					_ = x.bytes(i)
				case x.bits:
					_ = x.data[i>>3]
				default:
					_ = x.data[i*x.width : (i+1)*x.width]
				}
			}
		}
		pool.put(x.block)
		d.close()
		pool.close()
		if root.Used() != 0 {
			t.Errorf("%d bytes left", root.Used())
		}
	})
}

func FuzzFile(f *testing.F) {
	files, err := filepath.Glob("testdata/*.parquet")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		dir := t.TempDir()
		if err := os.WriteFile(join(dir, "f.parquet"), b, 0o600); err != nil {
			t.Fatal(err)
		}
		_, _, err := tableRows(t, open(t, dir), connector.TableRef{Name: "f"})
		switch pgerror.CodeOf(err) {
		case pgerror.InternalError:
			t.Errorf("%v", err)
		}
	})
}

func TestInflateTakesWhatItsCodecWrites(t *testing.T) {
	plain := bytes.Repeat([]byte("a page of a column, "), 300)
	block := make([]byte, lz4.CompressBlockBound(len(plain)))
	n, err := lz4.CompressBlock(plain, block, nil)
	if err != nil {
		t.Fatal(err)
	}
	block = block[:n]
	var frame bytes.Buffer
	w := lz4.NewWriter(&frame)
	_, _ = w.Write(plain)
	_ = w.Close()
	// Hadoop writes blocks, each behind its lengths.
	half := make([]byte, lz4.CompressBlockBound(len(plain)))
	var hadoop []byte
	for _, piece := range [][]byte{plain[:2000], plain[2000:]} {
		n, _ := lz4.CompressBlock(piece, half, nil)
		hadoop = binary.BigEndian.AppendUint32(hadoop, uint32(len(piece)))
		hadoop = binary.BigEndian.AppendUint32(hadoop, uint32(n))
		hadoop = append(hadoop, half[:n]...)
	}
	root := memory.NewRoot("test", 0)
	d := inflater{memory: &budget{account: root}, spare: &spareDecoders{}}
	for name, c := range map[string]struct {
		codec format.CompressionCodec
		src   []byte
	}{
		"uncompressed":   {format.Uncompressed, plain},
		"snappy":         {format.Snappy, s2.EncodeSnappy(nil, plain)},
		"raw LZ4":        {format.Lz4Raw, block},
		"LZ4 of Hadoop":  {format.Lz4, hadoop},
		"LZ4 as a frame": {format.Lz4, frame.Bytes()},
		"LZ4, one block": {format.Lz4, block},
	} {
		dst := padded(make([]byte, len(plain)))
		if err := d.inflate(c.codec, dst, c.src); err != nil || !bytes.Equal(dst, plain) {
			t.Errorf("%s: %v", name, err)
		}
		for _, size := range []int{len(plain) - 1, len(plain) + 1} {
			if d.inflate(c.codec, padded(make([]byte, size)), c.src) == nil {
				t.Errorf("%s: %d bytes were not refused", name, size)
			}
		}
		if d.inflate(c.codec, dst, c.src[:len(c.src)/2]) == nil {
			t.Errorf("%s: half of it was not refused", name)
		}
	}
	d.close()
	if root.Used() != 0 {
		t.Errorf("%d bytes left", root.Used())
	}
}
