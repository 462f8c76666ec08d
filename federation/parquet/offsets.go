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

// readIndex reads the offset index unless that is done.
func (c *chunkReader) readIndex() (err error) {
	if !c.indexDone {
		c.indexDone = true
		c.index, err = c.pages.offsets(c.column)
	}
	return err
}

// worthIndex is from how many rows on passing over them by the offset index is
// worth reading it.
const worthIndex = 4096

// advance passes over n rows: by the offset index to the page that holds the
// next row, if there is one.
func (c *chunkReader) advance(n int64) error {
	rest := int64(c.rows - c.pos)
	if n >= rest+worthIndex {
		if err := c.readIndex(); err != nil {
			return err
		}
		// The row at which the next page starts, and the one to go to.
		start := c.pages.meta.NumValues - c.pages.left
		row := start - rest + n
		k := sort.Search(len(c.index), func(i int) bool { return c.index[i].FirstRowIndex > row }) - 1
		if k > 0 && c.index[k].FirstRowIndex > start {
			if err := c.pages.seek(c.index[k].Offset, c.pages.meta.NumValues-c.index[k].FirstRowIndex); err != nil {
				return err
			}
			n = row - c.index[k].FirstRowIndex
			if err := c.nextPage(); err != nil {
				return err
			}
			end := c.pages.meta.NumValues
			if k+1 < len(c.index) {
				end = c.index[k+1].FirstRowIndex
			}
			if int64(c.rows) != end-c.index[k].FirstRowIndex {
				return fmt.Errorf("%w: an offset index is not valid", errCorrupt)
			}
		}
	}
	return c.skip(int(n))
}
