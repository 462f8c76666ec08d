package parquet

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hubsql/hubsql/federation/connector"
)

func TestFilesOfPyarrowGiveTheirRows(t *testing.T) {
	raw, err := os.ReadFile("testdata/expected.txt")
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Split(strings.TrimSuffix(string(raw), "\n"), "\n")
	files, err := filepath.Glob("testdata/*.parquet")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	s := open(t, "testdata")
	for _, f := range files {
		name := strings.TrimSuffix(filepath.Base(f), ".parquet")
		_, got, err := tableRows(t, s, connector.TableRef{Name: name})
		if err != nil || len(got) != len(want) {
			t.Errorf("%s: %d rows, %v", name, len(got), err)
			continue
		}
		for i := range want {
			if got[i] != want[i] {
				t.Errorf("%s row %d:\n%s\nwant\n%s", name, i, got[i], want[i])
				break
			}
		}
	}
}
