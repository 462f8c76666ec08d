package operator

import "github.com/hubsql/hubsql/exec/memory"

// budgetStep is the least that is reserved at a time: accounts are shared by
// all workers, so they are asked rarely.
const budgetStep = 64 << 10

// budget is what one data structure may allocate. It belongs to one goroutine.
type budget struct {
	account    *memory.Account
	held, used int64
	step       int64 // 0 for budgetStep
}

// rounding returns the least that is reserved at a time.
func (b *budget) rounding() int64 {
	if b.step > 0 {
		return b.step
	}
	return budgetStep
}

// take asks for n more bytes, before they are allocated.
func (b *budget) take(n int64) error {
	if want := b.used + n - b.held; want > 0 {
		step := b.rounding()
		want = (want + step - 1) / step * step
		if err := b.account.Reserve(want); err != nil {
			return err
		}
		b.held += want
	}
	b.used += n
	return nil
}

// overdraw takes n more bytes whatever the limits say.
func (b *budget) overdraw(n int64) {
	b.account.Overdraw(n)
	b.held += n
	b.used += n
}

// set makes n the number of bytes in use.
func (b *budget) set(n int64) error {
	if n > b.used {
		return b.take(n - b.used)
	}
	b.give(b.used - n)
	return nil
}

// give returns n bytes that are no longer in use.
func (b *budget) give(n int64) {
	b.used -= n
	step := b.rounding()
	if spare := b.held - b.used; spare >= 4*step {
		spare = spare / step * step
		b.account.Release(spare)
		b.held -= spare
	}
}

// release returns everything.
func (b *budget) release() {
	b.account.Release(b.held)
	b.held, b.used = 0, 0
}
