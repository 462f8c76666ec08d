package parquet

import (
	"encoding/binary"

	"github.com/parquet-go/parquet-go/bloom/xxhash"
)

// maxBloomValues is the longest list of values that is looked up in a Bloom
// filter.
const maxBloomValues = 64

// bloomed reports whether a Bloom filter says that no row of the row group
// passes one of the tests.
func (f *rowFilter) bloomed() (bool, error) {
	for _, s := range f.steps {
		if len(s.columns) != 1 {
			continue
		}
		c := f.work[s.columns[0]].chunk
		at := c.pages.meta.BloomFilterOffset
		// A dictionary has said it already.
		if at <= 0 || c.pages.allCodes() {
			continue
		}
		hashes, ok := bloomHashes(s.test, c.f)
		if !ok {
			continue
		}
		may, err := c.pages.mayHold(at, hashes)
		if err != nil || !may {
			return !may, err
		}
	}
	return false, nil
}

// bloomHashes returns the hashes of all values that pass a test; ok is false
// when they are not few.
func bloomHashes(t rowTest, f *field) (hashes []uint64, ok bool) {
	switch t := t.(type) {
	case rangeTest:
		if t.lo != t.hi || t.not {
			return nil, false
		}
		return bloomInts([]int64{t.lo}, f)
	case setTest:
		return bloomInts(t.list, f)
	case textTest:
		if t.not || len(t.set) > maxBloomValues || f.form != formText {
			return nil, false
		}
		for s := range t.set {
			hashes = append(hashes, xxhash.Sum64([]byte(s)))
		}
		return hashes, true
	}
	return nil, false
}

// bloomInts hashes integers as the file stores them.
func bloomInts(list []int64, f *field) (hashes []uint64, ok bool) {
	if len(list) > maxBloomValues {
		return nil, false
	}
	for _, x := range list {
		var b []byte
		switch {
		case f.form == formInt32 || f.form == formInt16 || f.form == formUint32 || f.form == formInt32Wide && f.mul == 1:
			b = binary.LittleEndian.AppendUint32(nil, uint32(x))
		case f.form == formInt64:
			b = binary.LittleEndian.AppendUint64(nil, uint64(x))
		default:
			return nil, false
		}
		hashes = append(hashes, xxhash.Sum64(b))
	}
	return hashes, true
}

// bloomSalts are the multipliers of the split block Bloom filter, one for each
// word of a block.
var bloomSalts = [8]uint32{0x47b6137b, 0x44974d91, 0x8824ad5b, 0xa2b7289d, 0x705495c7, 0x2df1424b, 0x9efc4947, 0x5c6bfb31}

// mayHold reports whether the Bloom filter at an offset of the file may hold one
// of the values that were hashed. A filter that is not understood may hold all.
func (p *pageReader) mayHold(at int64, hashes []uint64) (bool, error) {
	var head [128]byte
	n, err := p.file.ReadAt(head[:], at)
	if n == 0 {
		return true, p.readError(err)
	}
	r := &thriftReader{b: head[:n]}
	size := 0
	for id, typ := range r.fields {
		switch {
		case id == 1 && typ == thriftI32:
			size = r.size()
		case typ == thriftStruct:
			// Algorithm, hash and compression are unions: their first members
			// are the ones that are understood.
			if member, _ := r.field(0); member != 1 {
				return true, nil
			}
			r.skip(thriftStruct, 0)
			r.skip(thriftStruct, 0)
		default:
			r.skip(typ, 0)
		}
	}
	if !r.ok() || size < 32 || size%32 != 0 {
		return true, nil
	}
	at += int64(n - len(r.b))
	for _, h := range hashes {
		block := (h >> 32) * uint64(size/32) >> 32
		var words [32]byte
		if _, err := p.file.ReadAt(words[:], at+32*int64(block)); err != nil {
			return true, p.readError(err)
		}
		all := true
		for i, salt := range bloomSalts {
			bit := uint32(h) * salt >> 27
			all = all && binary.LittleEndian.Uint32(words[4*i:])>>bit&1 != 0
		}
		if all {
			return true, nil
		}
	}
	return len(hashes) == 0, nil
}
