package builtin

import (
	"github.com/hubsql/hubsql/catalog/function"
	"testing"
)

func TestRegistryTakesEverything(t *testing.T) {
	r := function.NewRegistry()
	Register(r)
	if err := r.Freeze(); err != nil {
		t.Fatal(err)
	}
}
