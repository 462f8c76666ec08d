package builtin

import (
	"testing"

	"github.com/hubsql/hubsql/catalog/function"
)

// collected is a registrar for tests.
type collected struct {
	functions map[string]*function.Overload
	operators []function.Operator
	casts     []function.Cast
}

func (c *collected) AddFunction(o *function.Overload) { c.functions[o.Name] = o }
func (c *collected) AddOperator(o function.Operator)  { c.operators = append(c.operators, o) }
func (c *collected) AddCast(o function.Cast)          { c.casts = append(c.casts, o) }

func register() *collected {
	c := &collected{functions: map[string]*function.Overload{}}
	Register(c)
	return c
}

func TestEveryFunctionHasABodyAndDocumentation(t *testing.T) {
	c := register()
	for name, o := range c.functions {
		if o.Kind != function.WindowFn && o.Kernel == nil && o.Aggregate == nil && o.Rows == nil {
			t.Errorf("%s has no body", name)
		}
		if o.Doc == "" {
			t.Errorf("%s has no documentation", name)
		}
	}
	t.Logf("%d names, %d operators, %d casts", len(c.functions), len(c.operators), len(c.casts))
}
