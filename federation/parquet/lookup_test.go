package parquet

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"

	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/federation/connector"
)

// small writes a table of 25 rows of n, n+1, ...
func small(t testing.TB, path string, n int) {
	t.Helper()
	schema := arrow.NewSchema([]arrow.Field{{Name: "a", Type: arrow.PrimitiveTypes.Int64}, {Name: "b", Type: arrow.BinaryTypes.String}}, nil)
	json := "["
	for i := range 25 {
		if i > 0 {
			json += ","
		}
		json += fmt.Sprintf(`{"a":%d,"b":"text %d"}`, n+i, n+i)
	}
	writeRecords(t, path, schema, json+"]", parquet.WithCompression(compress.Codecs.Zstd))
}

func TestHandleNoticesFilesThatChange(t *testing.T) {
	replace := func(n int) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			small(t, filepath.Join(dir, "new"), n)
			if err := os.Rename(filepath.Join(dir, "new"), filepath.Join(dir, "t.parquet")); err != nil {
				t.Fatal(err)
			}
		}
	}
	cases := []struct {
		name   string
		change func(*testing.T, string)
		first  string // "" when reading fails
	}{
		{"nothing", func(*testing.T, string) {}, "100|text 100"},
		{"replaced by one of the same size", replace(200), "200|text 200"},
		{"removed", func(t *testing.T, dir string) {
			if err := os.Remove(filepath.Join(dir, "t.parquet")); err != nil {
				t.Fatal(err)
			}
		}, ""},
		{"replaced by a link out of the root", func(t *testing.T, dir string) {
			outside := filepath.Join(t.TempDir(), "x.parquet")
			small(t, outside, 300)
			if err := os.Remove(filepath.Join(dir, "t.parquet")); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(outside, filepath.Join(dir, "t.parquet")); err != nil {
				t.Fatal(err)
			}
		}, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			small(t, filepath.Join(dir, "t.parquet"), 100)
			s := open(t, dir)
			h, err := s.Table(t.Context(), connector.TableRef{Name: "t"})
			if err != nil {
				t.Fatal(err)
			}
			if rows, err := read(t, s, h); err != nil || rows[0] != "100|text 100" {
				t.Fatalf("before: %v, %v", rows, err)
			}
			c.change(t, dir)
			rows, err := read(t, s, h)
			if c.first == "" {
				if err == nil {
					t.Fatalf("read %v", rows)
				}
				return
			}
			if err != nil || rows[0] != c.first || len(rows) != 25 {
				t.Fatalf("after: %v, %v", rows, err)
			}
		})
	}
}

func TestHandleNoticesFilesThatAreAddedToADirectory(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "t"), 0o755); err != nil {
		t.Fatal(err)
	}
	small(t, filepath.Join(dir, "t", "a.parquet"), 100)
	s := open(t, dir)
	h, err := s.Table(t.Context(), connector.TableRef{Name: "t"})
	if err != nil {
		t.Fatal(err)
	}
	small(t, filepath.Join(dir, "t", "b.parquet"), 200)
	rows, err := read(t, s, h)
	if err != nil || !slices.Contains(rows, "200|text 200") {
		t.Fatalf("%v, %v", rows, err)
	}
}

func BenchmarkScanOfAFewRows(b *testing.B) {
	dir := b.TempDir()
	small(b, filepath.Join(dir, "t.parquet"), 100)
	for i := range 8 { // as other tables of the server
		small(b, filepath.Join(dir, fmt.Sprintf("other%d.parquet", i)), 100)
	}
	s := open(b, dir)
	h, err := s.Table(b.Context(), connector.TableRef{Name: "t"})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		r, err := s.Scan(b.Context(), h, connector.ScanOptions{})
		if err != nil {
			b.Fatal(err)
		}
		var batch vector.Batch
		for {
			if err := r.Next(b.Context(), &batch); err == io.EOF {
				break
			} else if err != nil {
				b.Fatal(err)
			}
		}
		_ = r.Close()
	}
}
