package optimizer

import (
	"math"
	"math/bits"
	"slices"

	"github.com/hubsql/hubsql/planner/estimate"
	"github.com/hubsql/hubsql/planner/expr"
	"github.com/hubsql/hubsql/planner/logical"
	"github.com/hubsql/hubsql/planner/physical"
)

// orderJoins arranges each cluster of joins by cost. A cluster is a tree of inner
// joins together with the left, semi and anti joins between them: those keep
// their right side whole and may be made at any time after the tables that their
// condition reads. Other joins stay where they are, as members of the clusters
// around them. The right side of a join is the one that is kept in memory.
func orderJoins(env *Env, plan logical.Node) (logical.Node, error) {
	env.Estimator.Load(plan)
	if err := eachShared(plan, func(n logical.Node) (logical.Node, error) { return orderNode(env, n), nil }); err != nil {
		return nil, err
	}
	return orderNode(env, plan), nil
}

func orderNode(env *Env, n logical.Node) logical.Node {
	if inner, _ := transparent(n); clustered(inner) {
		c := &cluster{env: env, want: n.Outputs()}
		c.flatten(n)
		for i := range c.members {
			c.members[i].node = orderNode(env, c.members[i].node)
		}
		if out := c.arrange(); out != nil {
			return out
		}
	}
	in := n.Inputs()
	if len(in) == 0 {
		return n
	}
	out := make([]logical.Node, len(in))
	changed := false
	for i := range in {
		out[i] = orderNode(env, in[i])
		changed = changed || out[i] != in[i]
	}
	if changed {
		n = n.WithInputs(out)
	}
	if j, ok := n.(*logical.Join); ok && j.Kind == physical.Right {
		// An outer join keeps its smaller side in memory.
		if env.bytes(j.Left)*2 < env.bytes(j.Right) {
			return flip(j)
		}
	}
	return n
}

// clustered reports whether a node is a join of a cluster.
func clustered(n logical.Node) bool {
	j, ok := n.(*logical.Join)
	return ok && movable(j.Kind) && !j.Lateral
}

// movable reports whether a join belongs to a cluster.
func movable(k physical.JoinKind) bool {
	switch k {
	case physical.Inner, physical.Left, physical.Semi, physical.Anti:
		return true
	}
	return false
}

// flip exchanges the sides of a LEFT or RIGHT join.
func flip(j *logical.Join) logical.Node {
	c := *j
	c.Left, c.Right = j.Right, j.Left
	if j.Kind == physical.Left {
		c.Kind = physical.Right
	} else {
		c.Kind = physical.Left
	}
	return arrange(&c, j.Outputs())
}

// set is a set of members of a cluster.
type set = uint64

// maxMembers is how many members a cluster may have; what is beyond stays in the
// tree as it is.
const maxMembers = 64

// member is one input of a cluster.
type member struct {
	node logical.Node
	// kind is Inner, or that of the join whose right side this is.
	kind physical.JoinKind
	// after are the members that must be joined before, needs those that the
	// condition of a join other than inner reads.
	after set
	// conds are the conditions of that join.
	conds []expr.Expr
}

// condition is a conjunct between members.
type condition struct {
	e expr.Expr
	// over are the members that it reads.
	over set
	// stays is set for what is evaluated above all joins.
	stays bool
}

// class is a set of columns of different members that conditions equate: any
// two of them may serve as the keys of a join, and one pair is enough.
type class struct {
	over set
	cols []*expr.Column // cols[i] is of member of[i]
	of   []int
	eq   *expr.Call // one of the conditions
}

// column is the class's column in a set, the first one; nil when it has none.
func (c *class) column(in set) *expr.Column {
	if c.over&in == 0 {
		return nil
	}
	for i, m := range c.of {
		if in&(1<<m) != 0 {
			return c.cols[i]
		}
	}
	return nil
}

// cluster is a set of joins that may be made in any order that respects what
// the members ask for.
type cluster struct {
	env     *Env
	want    []logical.Column
	members []member
	conds   []condition
	classes []*class
	owner   map[expr.ColumnID]int
	loose   []expr.Expr
}

// flatten collects the members below n and returns them as a set.
func (c *cluster) flatten(n logical.Node) set {
	inner, conds := transparent(n)
	j, ok := inner.(*logical.Join)
	if !ok || !movable(j.Kind) || j.Lateral || len(c.members) >= maxMembers-1 {
		c.members = append(c.members, member{node: n, kind: physical.Inner})
		return 1 << (len(c.members) - 1)
	}
	c.loose = append(c.loose, conds...)
	left := c.flatten(j.Left)
	if j.Kind == physical.Inner {
		right := c.flatten(j.Right)
		if j.Cond != nil {
			c.loose = expr.SplitAnd(c.loose, j.Cond)
		}
		return left | right
	}
	m := member{node: j.Right, kind: j.Kind}
	if j.Cond != nil {
		m.conds = expr.SplitAnd(nil, j.Cond)
	}
	// Until its condition has been read, all that stood on the left.
	m.after = left
	c.members = append(c.members, m)
	return left | 1<<(len(c.members)-1)
}

// transparent looks through filters and through projections that only leave
// columns out, and returns what is below with the conditions.
func transparent(n logical.Node) (logical.Node, []expr.Expr) {
	var conds []expr.Expr
	for {
		switch x := n.(type) {
		case *logical.Filter:
			if x.Policy || slices.ContainsFunc(x.Conds, volatile) {
				return n, conds
			}
			conds = append(slices.Clone(x.Conds), conds...)
			n = x.Input
			continue
		case *logical.Project:
			if x.Policy {
				return n, conds
			}
			for i, e := range x.Exprs {
				if c, ok := e.(*expr.Column); !ok || c.ID != x.Cols[i].ID {
					return n, conds
				}
			}
			n = x.Input
			continue
		}
		return n, conds
	}
}

// bind finds out which members the conditions read.
func (c *cluster) bind() {
	c.owner = map[expr.ColumnID]int{}
	for i, m := range c.members {
		if m.kind == physical.Semi || m.kind == physical.Anti {
			continue // their columns are seen by their own condition only
		}
		for _, col := range m.node.Outputs() {
			c.owner[col.ID] = i
		}
	}
	for i := range c.members {
		m := &c.members[i]
		if m.kind == physical.Inner {
			continue
		}
		reads := set(0)
		for _, e := range m.conds {
			reads |= c.over(e)
		}
		if reads &^= 1 << i; reads != 0 && reads&^m.after == 0 {
			m.after = reads
		}
	}
	// A row of a left join's right side is only there once that join is made,
	// whoever reads it; so is what must come before it.
	for changed := true; changed; {
		changed = false
		for i := range c.members {
			m := &c.members[i]
			all := m.after
			for s := m.after; s != 0; s &= s - 1 {
				all |= c.members[bits.TrailingZeros64(s)].after
			}
			if all != m.after {
				m.after, changed = all, true
			}
		}
	}
	for _, e := range c.loose {
		if !c.equate(e) {
			c.conds = append(c.conds, condition{e, c.over(e), volatile(e)})
		}
	}
}

// equate takes an equality of two columns into the classes; false when it is no
// such condition, or would put two columns of one member into a class: a join
// with that member then has to compare both.
func (c *cluster) equate(e expr.Expr) bool {
	call, ok := e.(*expr.Call)
	if !ok || call.Op != "=" || len(call.Args) != 2 {
		return false
	}
	l, lok := call.Args[0].(*expr.Column)
	r, rok := call.Args[1].(*expr.Column)
	if !lok || !rok || l.T.OID != r.T.OID {
		return false
	}
	lm, lok := c.owner[l.ID]
	rm, rok := c.owner[r.ID]
	if !lok || !rok || lm == rm || c.members[lm].kind != physical.Inner || c.members[rm].kind != physical.Inner {
		return false
	}
	lc, rc := c.classOf(l), c.classOf(r)
	switch {
	case lc == nil && rc == nil:
		c.classes = append(c.classes, &class{over: 1<<lm | 1<<rm, cols: []*expr.Column{l, r}, of: []int{lm, rm}, eq: call})
	case lc == rc:
		// It follows from the others.
	case lc != nil && rc != nil:
		if lc.over&rc.over != 0 || lc.eq.Fn != rc.eq.Fn {
			return false
		}
		lc.over |= rc.over
		lc.cols, lc.of = append(lc.cols, rc.cols...), append(lc.of, rc.of...)
		c.classes = slices.DeleteFunc(c.classes, func(x *class) bool { return x == rc })
	default:
		col, m := r, rm
		if lc == nil {
			lc, col, m = rc, l, lm
		}
		if lc.over&(1<<m) != 0 || lc.eq.Fn != call.Fn {
			return false
		}
		lc.over |= 1 << m
		lc.cols, lc.of = append(lc.cols, col), append(lc.of, m)
	}
	return true
}

// classOf is the class that holds a column, nil when there is none.
func (c *cluster) classOf(col *expr.Column) *class {
	for _, k := range c.classes {
		for _, x := range k.cols {
			if x.ID == col.ID {
				return k
			}
		}
	}
	return nil
}

// keys appends the equalities that the classes give between two sets.
func (c *cluster) keys(dst []estimate.Key, left, right set) []estimate.Key {
	for _, k := range c.classes {
		if l, r := k.column(left), k.column(right); l != nil && r != nil {
			dst = append(dst, estimate.Key{Left: l, Right: r})
		}
	}
	return dst
}

// over is the set of members whose columns e reads.
func (c *cluster) over(e expr.Expr) set {
	out := set(0)
	expr.Walk(e, func(x expr.Expr) bool {
		if col, ok := x.(*expr.Column); ok {
			if i, ok := c.owner[col.ID]; ok {
				out |= 1 << i
			}
		}
		return true
	})
	return out
}

// arrange returns the cluster as the cheapest tree that was found, nil when
// there is nothing to arrange.
func (c *cluster) arrange() logical.Node {
	if len(c.members) < 2 {
		return nil
	}
	c.bind()
	s := newSearch(c)
	best := s.run()
	if best == nil {
		return nil
	}
	used := make([]bool, len(c.conds))
	out := c.build(best, used)
	var left []expr.Expr
	for i, d := range c.conds {
		if !used[i] {
			left = append(left, d.e)
		}
	}
	return arrange(filter(out, left), c.want)
}

// build makes the tree of a plan.
func (c *cluster) build(p *joinPlan, used []bool) logical.Node {
	if p.left == nil {
		m := c.members[bits.TrailingZeros64(p.set)]
		if m.kind != physical.Inner {
			return m.node // a condition on its columns means those after the join
		}
		return c.withConds(m.node, p.set, used)
	}
	left, right := c.build(p.left, used), c.build(p.right, used)
	j := &logical.Join{Kind: p.kind, Left: left, Right: right, KeepLeft: p.keepLeft}
	if p.kind == physical.Inner {
		var on []expr.Expr
		for _, k := range c.classes {
			if l, r := k.column(p.left.set), k.column(p.right.set); l != nil && r != nil {
				eq := *k.eq
				eq.Args = []expr.Expr{l, r}
				on = append(on, &eq)
			}
		}
		for i, d := range c.conds {
			if !used[i] && !d.stays && d.over&^p.set == 0 {
				used[i] = true
				on = append(on, d.e)
			}
		}
		j.Cond = expr.JoinAnd(on)
		return j
	}
	j.Cond = expr.JoinAnd(c.members[p.member].conds)
	return c.withConds(j, p.set, used)
}

// withConds filters by the conditions that can be evaluated over a set and were
// not evaluated before.
func (c *cluster) withConds(n logical.Node, s set, used []bool) logical.Node {
	var here []expr.Expr
	for i, d := range c.conds {
		if !used[i] && !d.stays && d.over != 0 && d.over&^s == 0 {
			used[i] = true
			here = append(here, d.e)
		}
	}
	return filter(n, here)
}

// joinPlan is the best known way to join a set of members.
type joinPlan struct {
	set         set
	left, right *joinPlan
	kind        physical.JoinKind
	// member is the right side of a join other than inner.
	member int
	rows   float64
	width  float64
	cost   float64
	// base is the member that is read last, which the others filter while it is
	// read; reading is what that costs still.
	base    int
	reading float64
	// keepLeft says of a Semi or Anti join that the left side is in memory.
	keepLeft bool
}

// search looks for the cheapest tree.
type search struct {
	c      *cluster
	plans  map[set]*joinPlan
	single []*joinPlan
	// edges[i] are the members that a condition connects with member i.
	edges []set
	pairs int
}

// Limits of the search.
const (
	// maxExact is how many members are arranged by dynamic programming.
	maxExact = 12
	// maxPairs is how many pairs it may look at before it gives up; that is
	// about a millisecond.
	maxPairs = 6000
)

func newSearch(c *cluster) *search {
	s := &search{c: c, plans: map[set]*joinPlan{}, edges: make([]set, len(c.members))}
	for i, m := range c.members {
		s.single = append(s.single, s.leaf(i, m))
		if m.kind != physical.Inner {
			s.connect(m.after | 1<<i)
		}
	}
	for _, d := range c.conds {
		s.connect(d.over)
	}
	for _, k := range c.classes {
		s.connect(k.over)
	}
	return s
}

// connect notes that a condition reads a set of members.
func (s *search) connect(over set) {
	for m := over; m != 0; m &= m - 1 {
		i := bits.TrailingZeros64(m)
		s.edges[i] |= over &^ (1 << i)
	}
}

// leaf is the plan of one member.
func (s *search) leaf(i int, m member) *joinPlan {
	env := s.c.env
	p := &joinPlan{set: 1 << i, base: i, rows: env.rows(m.node), width: env.Estimator.Width(m.node.Outputs())}
	if m.kind == physical.Inner {
		for _, d := range s.c.conds {
			if d.over == p.set && !d.stays {
				p.rows = math.Max(1, p.rows*env.Estimator.Selectivity(d.e))
			}
		}
	}
	p.reading = readCost(env, m.node)
	p.cost = p.reading
	return p
}

// readCost is what reading a member costs that a filter on its rows, made by a
// join, can save: decoding, and the transfer from a remote source.
func readCost(env *Env, n logical.Node) float64 {
	for {
		switch x := n.(type) {
		case *logical.Filter:
			n = x.Input
			continue
		case *logical.Project:
			n = x.Input
			continue
		case *logical.Barrier:
			n = x.Input
			continue
		case *logical.Scan:
			rows := env.rows(n)
			width := env.Estimator.Width(x.Cols)
			if remote(x) {
				return rows * (remoteRow + remoteByte*width)
			}
			return rows * localByte * width
		}
		return 0
	}
}

// run returns the cheapest plan of all members, nil when there is none.
func (s *search) run() *joinPlan {
	n := len(s.c.members)
	all := set(1)<<n - 1
	if n <= maxExact {
		for _, p := range s.single {
			s.plans[p.set] = p
		}
		if s.exact(); s.pairs <= maxPairs {
			if p := s.plans[all]; p != nil {
				return p
			}
			return s.greedy(s.components(all))
		}
	}
	return s.greedy(slices.Clone(s.single))
}

// components are the plans of the largest sets that conditions connect.
func (s *search) components(all set) []*joinPlan {
	var out []*joinPlan
	for rest := all; rest != 0; {
		part := rest & -rest
		for next := s.neighbours(part); next != 0; next = s.neighbours(part) {
			part |= next
		}
		rest &^= part
		if p := s.plans[part]; p != nil {
			out = append(out, p)
			continue
		}
		for m := part; m != 0; m &= m - 1 {
			out = append(out, s.single[bits.TrailingZeros64(m)])
		}
	}
	return out
}

// exact is dynamic programming over connected subgraphs (Moerkotte and Neumann,
// "Analysis of Two Existing and One New Dynamic Programming Algorithm", VLDB
// 2006). Members that nothing connects are left to greedy.
func (s *search) exact() {
	n := len(s.c.members)
	for i := n - 1; i >= 0 && s.pairs <= maxPairs; i-- {
		start := set(1) << i
		s.complement(start)
		s.expand(start, start|(start-1))
	}
}

// neighbours are the members next to a set.
func (s *search) neighbours(of set) set {
	out := set(0)
	for m := of; m != 0; m &= m - 1 {
		out |= s.edges[bits.TrailingZeros64(m)]
	}
	return out &^ of
}

// expand visits the connected sets that contain a set.
func (s *search) expand(of, except set) {
	next := s.neighbours(of) &^ except
	if next == 0 || s.pairs > maxPairs {
		return
	}
	for sub := next & -next; ; sub = (sub - next) & next {
		s.complement(of | sub)
		if sub == next || s.pairs > maxPairs {
			break
		}
	}
	for sub := next & -next; ; sub = (sub - next) & next {
		s.expand(of|sub, except|next)
		if sub == next || s.pairs > maxPairs {
			break
		}
	}
}

// complement joins a set with the connected sets beside it.
func (s *search) complement(of set) {
	except := of | (of&-of - 1)
	next := s.neighbours(of) &^ except
	for m := next; m != 0; {
		i := bits.Len64(m) - 1
		m &^= 1 << i
		one := set(1) << i
		s.pair(of, one)
		s.complementFrom(of, one, except|(next&(one|(one-1))))
		if s.pairs > maxPairs {
			return
		}
	}
}

func (s *search) complementFrom(of, other, except set) {
	next := s.neighbours(other) &^ except &^ of
	if next == 0 || s.pairs > maxPairs {
		return
	}
	for sub := next & -next; ; sub = (sub - next) & next {
		s.pair(of, other|sub)
		if sub == next {
			break
		}
	}
	for sub := next & -next; ; sub = (sub - next) & next {
		s.complementFrom(of, other|sub, except|next)
		if sub == next {
			break
		}
	}
}

// pair keeps the best way to join two sets.
func (s *search) pair(a, b set) {
	s.pairs++
	p, q := s.plans[a], s.plans[b]
	if p == nil || q == nil {
		return
	}
	best := s.plans[a|b]
	if out := s.join(p, q, best); out != nil {
		s.plans[a|b] = out
	}
}

// join is the cheaper direction of joining two plans if it beats best, nil
// otherwise or when the two may not be joined.
func (s *search) join(p, q, best *joinPlan) *joinPlan {
	kind, at, ok := s.kindOf(p, q)
	if !ok {
		p, q = q, p
		if kind, at, ok = s.kindOf(p, q); !ok {
			return nil
		}
	}
	all := p.set | q.set
	var conds, above []expr.Expr
	var keys []estimate.Key
	for _, d := range s.c.conds {
		if d.over&^all == 0 && d.over&q.set != 0 && (d.over&p.set != 0 || kind != physical.Inner) {
			conds = append(conds, d.e)
		}
	}
	if kind == physical.Inner {
		keys = s.c.keys(nil, p.set, q.set)
	} else {
		conds, above = s.c.members[at].conds, conds
	}
	est := s.c.env.Estimator
	inLeft := func(id expr.ColumnID) bool { i, ok := s.c.owner[id]; return ok && p.set&(1<<i) != 0 }
	inRight := func(id expr.ColumnID) bool { i, ok := s.c.owner[id]; return ok && q.set&(1<<i) != 0 }
	if kind == physical.Semi || kind == physical.Anti {
		inRight = func(id expr.ColumnID) bool { _, ok := s.c.owner[id]; return !ok }
	}
	more, rest := estimate.SplitKeys(conds, inLeft, inRight)
	keys = append(keys, more...)
	rows := est.JoinRows(kind, keys, rest, p.rows, q.rows) * est.Conjunction(above)
	if best != nil {
		rows = best.rows // one set, one estimate
	}
	var out *joinPlan
	choose := func(plan *joinPlan) {
		if (best == nil || plan.cost < best.cost) && (out == nil || plan.cost < out.cost) {
			out = plan
		}
	}
	choose(s.price(p, q, kind, at, keys, rows))
	switch kind {
	case physical.Inner:
		choose(s.price(q, p, kind, at, keys, rows))
	case physical.Left:
		choose(s.price(q, p, physical.Right, at, keys, rows))
	case physical.Semi, physical.Anti:
		if len(keys) > 0 {
			choose(s.priceKept(p, q, kind, at, keys, rows))
		}
	}
	return out
}

// kindOf says how p and q are joined with p on the left; ok is false when they
// may not be.
func (s *search) kindOf(p, q *joinPlan) (kind physical.JoinKind, member int, ok bool) {
	kind, member = physical.Inner, -1
	for m := q.set; m != 0; m &= m - 1 {
		i := bits.TrailingZeros64(m)
		d := s.c.members[i]
		switch {
		case d.kind == physical.Inner:
		case q.set == 1<<i:
			// The member itself, joined with all that its condition reads.
			if d.after&^p.set != 0 {
				return 0, 0, false
			}
			kind, member = d.kind, i
		case d.after&^q.set != 0:
			return 0, 0, false
		}
	}
	for m := p.set; m != 0; m &= m - 1 {
		i := bits.TrailingZeros64(m)
		if d := s.c.members[i]; d.kind != physical.Inner && (p.set == 1<<i || d.after&^p.set != 0) {
			return 0, 0, false
		}
	}
	return kind, member, true
}

// price computes what a join costs with r kept in memory.
func (s *search) price(l, r *joinPlan, kind physical.JoinKind, member int, keys []estimate.Key, rows float64) *joinPlan {
	p := &joinPlan{set: l.set | r.set, left: l, right: r, kind: kind, member: member, rows: rows, base: l.base, reading: l.reading}
	p.width = l.width + r.width
	if kind == physical.Semi || kind == physical.Anti {
		p.width = l.width
	}
	own := joinCost(l.rows, r.rows, r.width, rows, p.width, len(keys) > 0)
	p.cost = l.cost + r.cost + own
	// While the left side is read the keys of the right side are known: rows
	// without a match need not be read as a whole.
	if len(keys) > 0 && l.reading > 0 && (kind == physical.Inner || kind == physical.Semi || kind == physical.Right) {
		if f := rows / math.Max(l.rows, 1); f < 0.8 && r.rows < maxDynamic && s.onBase(keys, l.base) {
			f = math.Max(f, 0.05)
			p.cost -= l.reading * (1 - f)
			p.reading = l.reading * f
		}
	}
	return p
}

// priceKept is price for a Semi or Anti join with l kept in memory and marked by
// the rows of r, of which those without a match need not be read.
func (s *search) priceKept(l, r *joinPlan, kind physical.JoinKind, member int, keys []estimate.Key, rows float64) *joinPlan {
	p := &joinPlan{set: l.set | r.set, left: l, right: r, kind: kind, member: member, rows: rows, width: l.width, base: l.base, reading: l.reading, keepLeft: true}
	p.cost = l.cost + r.cost + joinCost(r.rows, l.rows, l.width, rows, l.width, true)
	if r.reading > 0 && l.rows < maxDynamic {
		turned := make([]estimate.Key, len(keys))
		for i, k := range keys {
			turned[i] = estimate.Key{Left: k.Right, Right: k.Left}
		}
		if f := math.Max(s.c.env.Estimator.Found(turned, r.rows, l.rows), 0.05); f < 0.8 {
			p.cost -= r.reading * (1 - f)
		}
	}
	return p
}

// onBase reports whether a key reads the member that is read last.
func (s *search) onBase(keys []estimate.Key, base int) bool {
	return slices.ContainsFunc(keys, func(k estimate.Key) bool {
		return s.c.over(k.Left) == 1<<base || s.c.over(k.Right) == 1<<base
	})
}

// greedy joins, again and again, the two plans whose result is smallest; those
// that a condition connects come first.
func (s *search) greedy(list []*joinPlan) *joinPlan {
	for len(list) > 1 {
		var best *joinPlan
		bi, bj, linked := -1, -1, false
		for i := range list {
			for j := i + 1; j < len(list); j++ {
				is := s.neighbours(list[i].set)&list[j].set != 0
				if linked && !is {
					continue
				}
				p := s.join(list[i], list[j], nil)
				if p == nil {
					continue
				}
				if best == nil || is && !linked || p.rows < best.rows || p.rows == best.rows && p.cost < best.cost {
					best, bi, bj, linked = p, i, j, is
				}
			}
		}
		if best == nil {
			return nil
		}
		list[bi] = best
		list = slices.Delete(list, bj, bj+1)
	}
	return list[0]
}
