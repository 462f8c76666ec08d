package wire

import "context"

// execute runs fn as the execution of one message, with panics recovered, under
// the context of the messages up to the next ReadyForQuery. CancelRequest, a
// lost client and Shutdown cancel that context, but only while fn runs; a
// message after a cancelled one gets a new context.
func (c *conn) execute(fn func(ctx context.Context) error) error {
	if c.work == nil {
		// Nothing hangs on c.ctx that would have to be cancelled with it: fn has
		// returned before it ends.
		c.work, c.stopWork = context.WithCancelCause(context.Background())
	}
	ctx := c.work
	c.mu.Lock()
	c.cancel = c.stopWork
	if c.killed {
		c.cancel(c.dying)
	}
	c.mu.Unlock()
	c.in.watch.start(c.gone)
	err := c.guarded(ctx, fn)
	c.in.watch.stop()
	c.mu.Lock()
	c.cancel = nil
	c.mu.Unlock()
	if ctx.Err() != nil {
		err = outcome(ctx, err)
		c.endWork()
	}
	return err
}

// endWork ends the context of the messages so far.
func (c *conn) endWork() {
	if c.work != nil {
		c.stopWork(nil)
		c.work, c.stopWork = nil, nil
	}
}

// guarded runs fn and turns a panic into an error.
func (c *conn) guarded(ctx context.Context, fn func(ctx context.Context) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = recovered(c.log, p)
		}
	}()
	return fn(ctx)
}
