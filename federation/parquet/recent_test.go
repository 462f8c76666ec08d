package parquet

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/federation/connector"
)

func TestTablesAreRememberedWhileTheirFilesAreTheSame(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "many"), 0o755); err != nil {
		t.Fatal(err)
	}
	small(t, filepath.Join(dir, "a.parquet"), 10)
	small(t, filepath.Join(dir, "many", "a.parquet"), 10)
	s := open(t, dir)
	of := func(ref connector.TableRef) *table {
		t.Helper()
		h, err := s.Table(t.Context(), ref)
		if err != nil {
			t.Fatal(err)
		}
		return h.(*handle).table
	}
	plain := connector.TableRef{Name: "a"}
	first := of(plain)
	if of(plain) != first {
		t.Error("a table is looked up again at once")
	}
	declared := connector.TableRef{Name: "a", Columns: []connector.Column{{Name: first.columns[0].Name, Type: types.Of(types.Text)}}}
	if other := of(declared); other == first || len(other.columns) != 1 {
		t.Error("other columns were declared")
	}
	if of(plain) == first {
		t.Error("the table was remembered under the columns of another")
	}
	first = of(plain)
	small(t, filepath.Join(dir, "a.parquet"), 20)
	if of(plain) == first {
		t.Error("the file has changed")
	}
	many := connector.TableRef{Name: "many"}
	if before := of(many); of(many) == before {
		t.Error("a directory may have other files each time")
	}
}
