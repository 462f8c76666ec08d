package builtin

import (
	"math/rand/v2"

	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/exec/vector"
)

// randomKernel is random(). Every call site of every worker draws from the
// runtime's own generator, which is safe for concurrent use.
func randomKernel(_ *function.Call, _ []*vector.Vec, n int, out *vector.Vec) error {
	dst := out.Float64s()[:n]
	for i := range dst {
		dst[i] = rand.Float64()
	}
	return nil
}
