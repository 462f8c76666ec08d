package dataset

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"os"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/schema"
)

// WriteParquet writes a table to a file that appears under its name when it is
// complete: zstd, a dictionary for every column that is not Plain until it gets
// too large, one row group for each part.
func WriteParquet(t *Table, path string) error {
	f, err := os.Create(path + ".part")
	if err != nil {
		return err
	}
	defer f.Close()
	defer os.Remove(path + ".part")
	out := bufio.NewWriterSize(f, 1<<20)
	if err := writeParquet(t, out); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if err := out.Flush(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(path+".part", path)
}

// fixedBytes is what 15 decimal digits and a sign need.
const fixedBytes = 7

// node returns the column of the file.
func node(c Column) (schema.Node, error) {
	physical, logical := parquet.Types.Int64, schema.LogicalType(schema.NoLogicalType{})
	switch c.Type {
	case Int16:
		physical, logical = parquet.Types.Int32, schema.NewIntLogicalType(16, true)
	case Int32:
		physical = parquet.Types.Int32
	case Decimal:
		logical = schema.NewDecimalLogicalType(15, 2)
	case Float64:
		physical = parquet.Types.Double
	case Date:
		physical, logical = parquet.Types.Int32, schema.DateLogicalType{}
	case Timestamp:
		logical = schema.NewTimestampLogicalType(false, schema.TimeUnitMicros)
	case Text:
		physical, logical = parquet.Types.ByteArray, schema.StringLogicalType{}
	case FixedDecimal:
		physical, logical = parquet.Types.FixedLenByteArray, schema.NewDecimalLogicalType(15, 2)
	case Int64:
	}
	repetition := parquet.Repetitions.Required
	if c.Nullable {
		repetition = parquet.Repetitions.Optional
	}
	return schema.NewPrimitiveNodeLogical(c.Name, repetition, logical, physical, fixedBytes, -1)
}

func writeParquet(t *Table, out *bufio.Writer) error {
	properties := []parquet.WriterProperty{
		parquet.WithVersion(parquet.V2_LATEST), parquet.WithDataPageVersion(parquet.DataPageV1),
		parquet.WithCreatedBy("hubsql tests/dataset"), parquet.WithMaxRowGroupLength(1 << 40), parquet.WithBatchSize(4096),
	}
	codec := compress.Codecs.Zstd
	if t.Snappy {
		codec = compress.Codecs.Snappy
	}
	properties = append(properties, parquet.WithCompression(codec))
	nodes := make(schema.FieldList, len(t.Columns))
	for i, c := range t.Columns {
		var err error
		if nodes[i], err = node(c); err != nil {
			return err
		}
		if c.Plain {
			properties = append(properties, parquet.WithDictionaryFor(c.Name, false))
		}
	}
	root, err := schema.NewGroupNode("schema", parquet.Repetitions.Required, nodes, -1)
	if err != nil {
		return err
	}
	w, err := file.NewParquetWriterWithError(out, root, file.WithWriterProps(parquet.NewWriterProperties(properties...)))
	if err != nil {
		return err
	}
	c := converter{}
	err = ahead(t, func(b *Batch) error {
		if b.Len() == 0 {
			return nil
		}
		group, err := w.AppendRowGroupChecked()
		if err != nil {
			return err
		}
		for i := range t.Columns {
			column, err := group.NextColumn()
			if err != nil {
				return err
			}
			values, levels := &b.Columns[i], []int16(nil)
			if t.Columns[i].Nullable {
				values, levels = c.dense(values, b.Len())
			}
			if err := c.write(column, values, levels); err != nil {
				return err
			}
			if err := column.Close(); err != nil {
				return err
			}
		}
		return group.Close()
	})
	if err != nil {
		return err
	}
	return w.Close()
}

// converter holds what is reused from column to column.
type converter struct {
	narrow []int32
	texts  []parquet.ByteArray
	fixed  []parquet.FixedLenByteArray
	digits []byte
	levels []int16
	there  Values
}

// dense returns the values of a column without those of NULLs, and for every row
// whether it has one.
func (c *converter) dense(v *Values, rows int) (*Values, []int16) {
	c.levels = c.levels[:0]
	d := &c.there
	d.Ints, d.Floats, d.Bytes, d.Ends = d.Ints[:0], d.Floats[:0], d.Bytes[:0], d.Ends[:0]
	for row, nulls := 0, v.Nulls; row < rows; row++ {
		if len(nulls) > 0 && nulls[0] == row {
			c.levels, nulls = append(c.levels, 0), nulls[1:]
			continue
		}
		c.levels = append(c.levels, 1)
		switch v.kind {
		case Text:
			d.Bytes = append(d.Bytes, v.At(row)...)
			d.End()
		case Float64:
			d.Float(v.Floats[row])
		default:
			d.Int(v.Ints[row])
		}
	}
	return d, c.levels
}

// write appends values to a column; levels are those of definition, nil for a
// column that has no NULLs.
func (c *converter) write(column file.ColumnChunkWriter, v *Values, levels []int16) error {
	var err error
	switch w := column.(type) {
	case *file.Int64ColumnChunkWriter:
		_, err = w.WriteBatch(v.Ints, levels, nil)
	case *file.Int32ColumnChunkWriter:
		c.narrow = c.narrow[:0]
		for _, x := range v.Ints {
			c.narrow = append(c.narrow, int32(x))
		}
		_, err = w.WriteBatch(c.narrow, levels, nil)
	case *file.Float64ColumnChunkWriter:
		_, err = w.WriteBatch(v.Floats, levels, nil)
	case *file.ByteArrayColumnChunkWriter:
		c.texts = c.texts[:0]
		start := 0
		for _, end := range v.Ends {
			c.texts = append(c.texts, v.Bytes[start:end:end])
			start = end
		}
		_, err = w.WriteBatch(c.texts, levels, nil)
	case *file.FixedLenByteArrayColumnChunkWriter:
		c.fixed, c.digits = c.fixed[:0], c.digits[:0]
		for _, x := range v.Ints {
			c.digits = binary.BigEndian.AppendUint32(append(c.digits, byte(x>>48), byte(x>>40), byte(x>>32)), uint32(x))
		}
		for i := range v.Ints {
			c.fixed = append(c.fixed, c.digits[i*fixedBytes:(i+1)*fixedBytes])
		}
		_, err = w.WriteBatch(c.fixed, levels, nil)
	default:
		err = fmt.Errorf("no writer for %T", column)
	}
	return err
}

// ahead calls use for every part of a table in turn and fills the next part
// meanwhile.
func ahead(t *Table, use func(*Batch) error) error {
	empty, full := make(chan *Batch, 2), make(chan *Batch)
	stop := make(chan struct{})
	empty <- NewBatch(t)
	empty <- NewBatch(t)
	go func() {
		defer close(full)
		for part := range t.Parts {
			b := <-empty
			b.Reset()
			t.Fill(part, b)
			select {
			case full <- b:
			case <-stop:
				return
			}
		}
	}()
	defer func() {
		close(stop)
		for range full { // until the goroutine has ended
		}
	}()
	for b := range full {
		if err := use(b); err != nil {
			return err
		}
		empty <- b
	}
	return nil
}
