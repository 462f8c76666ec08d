package builtin

import (
	"math"
	"strings"

	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/vector"
)

// moments are count, sum and sum of squared deviations of a float aggregate,
// kept by Youngs and Cramer's method.
type moments struct{ n, sx, sxx float64 }

// add adds one value.
func (m *moments) add(x float64) {
	m.n++
	m.sx += x
	if m.n > 1 {
		t := x*m.n - m.sx
		m.sxx += t * t / (m.n * (m.n - 1))
		return
	}
	if math.IsInf(x, 0) || x != x {
		m.sxx = math.NaN()
	}
}

// merge joins two sets of values.
func (m *moments) merge(o *moments) {
	switch {
	case o.n == 0:
	case m.n == 0:
		*m = *o
	default:
		t := m.sx/m.n - o.sx/o.n
		m.sxx += o.sxx + m.n*o.n*t*t/(m.n+o.n)
		m.n += o.n
		m.sx += o.sx
	}
}

// exactMoments are count, sum and sum of squares of exact values.
type exactMoments struct {
	n       int64
	x, xx   types.Num
	special bool
}

// spread says which of the four statistics an aggregate is.
type spread struct{ sample, root bool }

// floatSpread is variance and standard deviation of floats.
func floatSpread(s spread) *function.Aggregate {
	return aggregate(func() function.Accumulator {
		return &datums[moments]{
			strict: true,
			add: func(m *moments, args []*vector.Vec, i int) error {
				m.add(args[0].Float(i))
				return nil
			},
			merge: func(m, o *moments) error { m.merge(o); return nil },
			result: func(m *moments) (types.Datum, error) {
				div := m.n
				if s.sample {
					div--
				}
				if div <= 0 {
					return types.Null, nil
				}
				v := m.sxx / div
				if s.root {
					v = math.Sqrt(v)
				}
				return types.FloatDatum(v), nil
			},
		}
	})
}

// exactSpread is variance and standard deviation of integers and numerics.
func exactSpread(s spread) *function.Aggregate {
	return aggregate(func() function.Accumulator {
		return &datums[exactMoments]{
			strict: true,
			add: func(m *exactMoments, args []*vector.Vec, i int) error {
				var x types.Num
				if v := args[0]; v.Type.Layout() == types.LayoutNumeric {
					x = numAt(v, i)
				} else {
					x = types.NumFromInt(v.Int(i))
				}
				if m.n++; x.IsNaN() || x.IsInf() {
					m.special = true
					return nil
				}
				sq, err := x.Mul(x)
				if err != nil {
					return err
				}
				if m.x, err = m.x.Add(x); err != nil {
					return err
				}
				m.xx, err = m.xx.Add(sq)
				return err
			},
			merge: func(m, o *exactMoments) (err error) {
				m.n += o.n
				m.special = m.special || o.special
				if m.x, err = m.x.Add(o.x); err != nil {
					return err
				}
				m.xx, err = m.xx.Add(o.xx)
				return err
			},
			result: func(m *exactMoments) (types.Datum, error) { return m.result(s) },
			save: func(m *exactMoments, w *stateWriter) {
				w.int(m.n)
				w.bool(m.special)
				w.num(m.x)
				w.num(m.xx)
			},
			load: func(m *exactMoments, r *stateReader) {
				m.n, m.special, m.x, m.xx = r.int(), r.bool(), r.num(), r.num()
			},
		}
	})
}

// result computes (n*sum(x^2) - sum(x)^2) / (n * (n or n-1)).
func (m *exactMoments) result(s spread) (types.Datum, error) {
	div := m.n
	if s.sample {
		div--
	}
	if m.n == 0 || div <= 0 {
		return types.Null, nil
	}
	if m.special {
		return types.NaNNum().Datum(), nil
	}
	nn := types.NumFromInt(m.n)
	a, err := nn.Mul(m.xx)
	if err != nil {
		return types.Null, err
	}
	b, err := m.x.Mul(m.x)
	if err != nil {
		return types.Null, err
	}
	if a, err = a.Sub(b); err != nil {
		return types.Null, err
	}
	if a.Sign() <= 0 {
		return types.NumFromInt(0).Datum(), nil
	}
	if b, err = nn.Mul(types.NumFromInt(div)); err != nil {
		return types.Null, err
	}
	v, err := a.Div(b)
	if err != nil {
		return types.Null, err
	}
	if s.root && !v.IsNaN() && !v.IsInf() {
		v = v.SqrtTo(v.Scale())
	}
	return v.Datum(), nil
}

// pairs are the moments of two variables.
type pairs struct{ n, sx, sxx, sy, syy, sxy float64 }

// add adds one pair (y, x).
func (p *pairs) add(y, x float64) {
	p.n++
	p.sx += x
	p.sy += y
	if p.n > 1 {
		tx, ty := x*p.n-p.sx, y*p.n-p.sy
		scale := 1 / (p.n * (p.n - 1))
		p.sxx += tx * tx * scale
		p.syy += ty * ty * scale
		p.sxy += tx * ty * scale
		return
	}
	if math.IsInf(x, 0) || x != x {
		p.sxx, p.sxy = math.NaN(), math.NaN()
	}
	if math.IsInf(y, 0) || y != y {
		p.syy, p.sxy = math.NaN(), math.NaN()
	}
}

// merge joins two sets of pairs.
func (p *pairs) merge(o *pairs) {
	switch {
	case o.n == 0:
	case p.n == 0:
		*p = *o
	default:
		n := p.n + o.n
		tx, ty := p.sx/p.n-o.sx/o.n, p.sy/p.n-o.sy/o.n
		p.sxx += o.sxx + p.n*o.n*tx*tx/n
		p.syy += o.syy + p.n*o.n*ty*ty/n
		p.sxy += o.sxy + p.n*o.n*tx*ty/n
		p.n, p.sx, p.sy = n, p.sx+o.sx, p.sy+o.sy
	}
}

// regression makes an aggregate over pairs; f reports false for NULL.
func regression(f func(p *pairs) (float64, bool)) *function.Aggregate {
	return aggregate(func() function.Accumulator {
		return &datums[pairs]{
			strict: true,
			add: func(p *pairs, args []*vector.Vec, i int) error {
				p.add(args[0].Float(i), args[1].Float(i))
				return nil
			},
			merge: func(p, o *pairs) error { p.merge(o); return nil },
			result: func(p *pairs) (types.Datum, error) {
				if v, ok := f(p); ok {
					return types.FloatDatum(v), nil
				}
				return types.Null, nil
			},
		}
	})
}

// statAggregates are variance, standard deviation, correlation and regression.
func statAggregates() []entry {
	var list []entry
	over := func(name string, types ...string) string {
		var sigs []string
		for _, t := range types {
			sigs = append(sigs, name+"("+t+")")
		}
		return strings.Join(sigs, " ")
	}
	for _, x := range []struct {
		name, doc string
		s         spread
	}{
		{"variance", "The variance of a sample.", spread{sample: true}},
		{"var_samp", "The variance of a sample.", spread{sample: true}},
		{"var_pop", "The variance of a population.", spread{}},
		{"stddev", "The standard deviation of a sample.", spread{sample: true, root: true}},
		{"stddev_samp", "The standard deviation of a sample.", spread{sample: true, root: true}},
		{"stddev_pop", "The standard deviation of a population.", spread{root: true}},
	} {
		list = append(list,
			entry{sigs: over(x.name, "float4", "float8"), aggregate: floatSpread(x.s), doc: x.doc},
			entry{sigs: over(x.name, "int2", "int4", "int8", "numeric"), aggregate: exactSpread(x.s), doc: x.doc})
	}
	pair := func(name, doc string, f func(p *pairs) (float64, bool)) {
		list = append(list, entry{sigs: name + "(float8,float8)", aggregate: regression(f), doc: doc})
	}
	pair("corr", "The correlation of y and x.", func(p *pairs) (float64, bool) {
		return p.sxy / math.Sqrt(p.sxx*p.syy), p.n >= 1 && p.sxx != 0 && p.syy != 0
	})
	pair("covar_pop", "The covariance of a population.", func(p *pairs) (float64, bool) { return p.sxy / p.n, p.n >= 1 })
	pair("covar_samp", "The covariance of a sample.", func(p *pairs) (float64, bool) { return p.sxy / (p.n - 1), p.n >= 2 })
	pair("regr_avgx", "The mean of x.", func(p *pairs) (float64, bool) { return p.sx / p.n, p.n >= 1 })
	pair("regr_avgy", "The mean of y.", func(p *pairs) (float64, bool) { return p.sy / p.n, p.n >= 1 })
	pair("regr_sxx", "The sum of squared deviations of x.", func(p *pairs) (float64, bool) { return p.sxx, p.n >= 1 })
	pair("regr_syy", "The sum of squared deviations of y.", func(p *pairs) (float64, bool) { return p.syy, p.n >= 1 })
	pair("regr_sxy", "The sum of the products of deviations.", func(p *pairs) (float64, bool) { return p.sxy, p.n >= 1 })
	pair("regr_slope", "The slope of the least squares line.", func(p *pairs) (float64, bool) { return p.sxy / p.sxx, p.n >= 1 && p.sxx != 0 })
	pair("regr_intercept", "The intercept of the least squares line.", func(p *pairs) (float64, bool) {
		return (p.sy - p.sx*p.sxy/p.sxx) / p.n, p.n >= 1 && p.sxx != 0
	})
	pair("regr_r2", "The square of the correlation.", func(p *pairs) (float64, bool) {
		if p.syy == 0 {
			return 1, p.n >= 1 && p.sxx != 0
		}
		return p.sxy * p.sxy / (p.sxx * p.syy), p.n >= 1 && p.sxx != 0
	})
	list = append(list, entry{sigs: "regr_count(float8,float8)", aggregate: aggregate(func() function.Accumulator {
		return &datums[int64]{
			strict: true,
			add:    func(s *int64, _ []*vector.Vec, _ int) error { *s++; return nil },
			merge:  func(s, o *int64) error { *s += *o; return nil },
			result: func(s *int64) (types.Datum, error) { return types.IntDatum(*s), nil },
		}
	}), doc: "The number of pairs without NULL."})
	return list
}
