package optimizer

import (
	"math"

	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/planner/expr"
	"github.com/hubsql/hubsql/planner/logical"
)

// Costs are nanoseconds of one core, as measured for the operators on tables of
// a few columns. Only their proportions matter.
const (
	// localByte is decoding a byte of a local file, remoteByte and remoteRow the
	// transfer from another server.
	localByte, remoteByte, remoteRow = 1.0, 10.0, 100.0
	// buildRow and buildByte put a row into a hash table.
	buildRow, buildByte = 20.0, 0.5
	// outRow and outByte make a row of the result.
	outRow, outByte = 2.0, 0.15
	// pair tests one pair of rows of a join without keys.
	pair = 4.0
	// maxDynamic is the largest number of rows whose keys are sent to the other
	// side's scan.
	maxDynamic = 4e6
)

// joinCost is the cost of a join of l rows with r rows kept in memory.
func joinCost(l, r, rwidth, out, width float64, hashed bool) float64 {
	result := out * (outRow + outByte*width)
	if !hashed {
		return r*buildByte*rwidth + l*r*pair + result
	}
	return r*(buildRow+buildByte*rwidth)*missFactor(r*(rwidth+16)) + l*probe(r*(rwidth+16)) + result
}

// probe is looking up one row in a table of some bytes: the caches decide.
func probe(bytes float64) float64 { return 6 * missFactor(bytes) }

// missFactor grows from 1 to 5 with the size of what is accessed at random.
func missFactor(bytes float64) float64 {
	const first, last = 256 << 10, 64 << 20
	if bytes <= first {
		return 1
	}
	return 1 + 4*math.Min(1, math.Log(bytes/first)/math.Log(last/first))
}

// remote reports whether a scan's rows come over the network.
func remote(s *logical.Scan) bool {
	_, is := s.Source.(connector.Networked)
	return is
}

// rows is the expected number of rows of a plan.
func (e *Env) rows(n logical.Node) float64 { return e.Estimator.Rows(n) }

// bytes is the expected size of a plan's result.
func (e *Env) bytes(n logical.Node) float64 {
	return e.Estimator.Rows(n) * (16 + e.Estimator.Width(n.Outputs()))
}

// isEquality reports whether a condition equates two values.
func isEquality(e expr.Expr) bool {
	switch e := e.(type) {
	case *expr.Call:
		return e.Op == "="
	case *expr.Distinct:
		return e.Not
	case *expr.BoolTest:
		test := stripIsTrue(e)
		return test != expr.Expr(e) && isEquality(test)
	}
	return false
}
