package parquet

import (
	"testing"

	arrowparquet "github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/parquet-go/parquet-go"

	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/federation/connectortest"
)

// suite runs the conformance suite over a directory that write fills.
func suite(t *testing.T, write func(path string, tab *connectortest.Table)) {
	dir := t.TempDir()
	write(join(dir, "hub_types.parquet"), connectortest.TypesTable())
	write(join(dir, "hub_big.parquet"), connectortest.BigTable())
	write(join(dir, "hub_empty.parquet"), connectortest.EmptyTable())
	connectortest.Run(t, connectortest.Fixture{
		Connector: New(),
		Config:    connector.Config{Server: "lake", Options: map[string]string{"root": dir}},
		Types:     connector.TableRef{Name: "hub_types"},
		Big:       connector.TableRef{Name: "hub_big"},
		Empty:     connector.TableRef{Name: "hub_empty"},
		Missing:   connector.TableRef{Name: "nothing"},
		MustPush:  []string{"id", "i8", "n", "d", "ts", "t"},
	})
}

func TestConformanceOfFilesWrittenByArrow(t *testing.T) {
	for name, props := range map[string][]arrowparquet.WriterProperty{
		"snappy dictionary": {arrowparquet.WithCompression(compress.Codecs.Snappy), arrowparquet.WithDataPageSize(4096)},
		"zstd plain v2":     {arrowparquet.WithCompression(compress.Codecs.Zstd), arrowparquet.WithDictionaryDefault(false), arrowparquet.WithDataPageVersion(arrowparquet.DataPageV2)},
		"dictionary falls back": {
			arrowparquet.WithCompression(compress.Codecs.Gzip), arrowparquet.WithDictionaryPageSizeLimit(20000),
			arrowparquet.WithDataPageSize(8192), arrowparquet.WithPageIndexEnabled(true),
		},
	} {
		t.Run(name, func(t *testing.T) {
			suite(t, func(path string, tab *connectortest.Table) {
				group := int64(30_000)
				if len(tab.Rows) < 100 {
					group = 7
				}
				writeArrow(t, path, tab, arrowparquet.NewWriterProperties(props...), group)
			})
		})
	}
}

func TestConformanceOfFilesWrittenByParquetGo(t *testing.T) {
	plain := func(n parquet.Node) parquet.Node { return n }
	for name, c := range map[string]struct {
		enc     func(parquet.Node) parquet.Node
		options []parquet.WriterOption
		group   int64
	}{
		"plain": {plain, []parquet.WriterOption{parquet.DataPageVersion(1), parquet.PageBufferSize(10_000)}, 1 << 20},
		"dictionary snappy": {func(n parquet.Node) parquet.Node {
			if n.Type().Kind() == parquet.Boolean {
				return n
			}
			return parquet.Encoded(n, &parquet.RLEDictionary)
		}, []parquet.WriterOption{parquet.Compression(&parquet.Snappy), parquet.PageBufferSize(10_000)}, 20_000},
		"delta zstd": {func(n parquet.Node) parquet.Node {
			switch n.Type().Kind() {
			case parquet.Int32, parquet.Int64:
				return parquet.Encoded(n, &parquet.DeltaBinaryPacked)
			case parquet.ByteArray:
				return parquet.Encoded(n, &parquet.DeltaByteArray)
			case parquet.Double:
				return parquet.Encoded(n, &parquet.ByteStreamSplit)
			}
			return n
		}, []parquet.WriterOption{parquet.Compression(&parquet.Zstd)}, 20_000},
	} {
		t.Run(name, func(t *testing.T) {
			suite(t, func(path string, tab *connectortest.Table) { writeGo(t, path, tab, c.group, c.enc, c.options...) })
		})
	}
}
