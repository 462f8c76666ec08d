package builtin

import (
	"testing"

	"github.com/hubsql/hubsql/catalog/function"
)

func TestRegistryTakesEverything(t *testing.T) {
	r := function.NewRegistry()
	Register(r)
	if err := r.Freeze(); err != nil {
		t.Fatal(err)
	}
}
