package connpool

import "sync"

// Running is the set of a source's reads in progress, so that closing the source
// can end them. The zero value is empty; methods are safe for concurrent use.
type Running[R comparable] struct {
	mu    sync.Mutex
	reads map[R]struct{}
}

// Add enters a read.
func (r *Running[R]) Add(read R) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.reads == nil {
		r.reads = map[R]struct{}{}
	}
	r.reads[read] = struct{}{}
}

// Remove takes a read out.
func (r *Running[R]) Remove(read R) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.reads, read)
}

// Each calls f for every read that is in progress now, without any lock: some may
// have ended meanwhile.
func (r *Running[R]) Each(f func(R)) {
	r.mu.Lock()
	list := make([]R, 0, len(r.reads))
	for read := range r.reads {
		list = append(list, read)
	}
	r.mu.Unlock()
	for _, read := range list {
		f(read)
	}
}
