package operator

import (
	"errors"
	"io"

	"github.com/hubsql/hubsql/exec/vector"
)

// stream is one task's instance of the streaming part of a plan. It is used by
// one worker at a time.
type stream interface {
	// next returns the next batch, which stays valid until the following call.
	// It does a bounded amount of work, about one batch, and never blocks:
	//
	//	batch, nil       rows (maybe none are selected)
	//	nil, nil         nothing this time, call again
	//	nil, errBlocked  nothing now; the task is woken when that changes
	//	nil, io.EOF      the end, for this and every later call
	next() (*vector.Batch, error)
	// close gives up what the stream holds. It is called once, after the last
	// next, whether or not the end was reached.
	close()
}

// errBlocked says that a stream waits for I/O or for another task. The task
// passes it up and parks.
var errBlocked = errors.New("operator: blocked")

// empty is a stream without rows.
type empty struct{}

// next implements stream.
func (empty) next() (*vector.Batch, error) { return nil, io.EOF }

// close implements stream.
func (empty) close() {}

// part is the plan of a stream: what the tasks of one pipeline open.
type part struct {
	// open makes the stream of one task. It is called when the pipelines in
	// after have ended, once per task, maybe concurrently.
	open func(t *task) (stream, error)
	// after are the pipelines whose results the stream reads.
	after []*pipeline
	// abandon tells the sources of the stream that nobody will read on; it may
	// be called many times, from any task.
	abandon []func()
}

// sink takes the batches of a pipeline: a breaker, or the result.
type sink interface {
	// open makes one task's end of the sink.
	open(t *task) (inlet, error)
	// finish is called once, when all tasks have ended without error.
	finish() error
}

// inlet is one task's end of a sink.
type inlet interface {
	// ready reports whether push may be called. If not, the task is woken when
	// that changes.
	ready() bool
	// push takes the rows of b, of which there is at least one, before it
	// returns.
	push(b *vector.Batch) error
	// end is called after the last push when the input ended without error.
	end() error
}
