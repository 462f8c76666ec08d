package parquet

import (
	"fmt"
	"sort"

	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

// maxIndex is the largest page index of a column chunk that is read.
const maxIndex = 16 << 20

// pageIndex reads the structure of a page index at an offset of the file into
// out.
func (p *pageReader) pageIndex(offset int64, length int32, out any) error {
	if offset < 4 || length <= 0 || length > maxIndex {
		return fmt.Errorf("%w: a page index is not valid", errCorrupt)
	}
	b, err := p.pool.get(int(length))
	if err != nil {
		return err
	}
	defer p.pool.put(b)
	if _, err := p.file.ReadAt(b.bytes, offset); err != nil {
		return p.readError(err)
	}
	if err := thrift.Unmarshal(&thrift.CompactProtocol{}, b.bytes, out); err != nil {
		return fmt.Errorf("%w: a page index is not valid", errCorrupt)
	}
	return nil
}

// offsets reads the places of the pages, nil when the file does not have them.
func (p *pageReader) offsets(chunk *format.ColumnChunk) ([]format.PageLocation, error) {
	if chunk.OffsetIndexOffset == 0 {
		return nil, nil
	}
	var index format.OffsetIndex
	if err := p.pageIndex(chunk.OffsetIndexOffset, chunk.OffsetIndexLength, &index); err != nil {
		return nil, err
	}
	pages := []format.PageLocation(index.PageLocations)
	for i := range pages {
		if i == 0 && pages[0].FirstRowIndex != 0 || i > 0 && (pages[i].FirstRowIndex < pages[i-1].FirstRowIndex || pages[i].Offset <= pages[i-1].Offset) ||
			pages[i].FirstRowIndex > p.meta.NumValues {
			return nil, fmt.Errorf("%w: an offset index is not valid", errCorrupt)
		}
	}
	return pages, nil
}

// seek goes from the start of the chunk to row from: by the offset index to the
// page that holds it, if there is one.
func (c *chunkReader) seek(from int64, chunk *format.ColumnChunk) error {
	pages, err := c.pages.offsets(chunk)
	if err != nil {
		return err
	}
	first := int64(0)
	if k := sort.Search(len(pages), func(i int) bool { return pages[i].FirstRowIndex > from }) - 1; k > 0 {
		first = pages[k].FirstRowIndex
		if err := c.pages.seek(pages[k].Offset, c.pages.meta.NumValues-first); err != nil {
			return err
		}
	}
	return c.skip(int(from - first))
}
