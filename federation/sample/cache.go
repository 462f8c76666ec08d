package sample

import (
	"sync"
	"time"

	"github.com/hubsql/hubsql/federation/connector"
)

// Cache remembers statistics for a while. The zero value is ready; it may be
// used by several goroutines.
type Cache struct {
	mu   sync.Mutex
	held map[string]cached
}

type cached struct {
	stats connector.Statistics
	err   error
	until time.Time
}

// Ages of what a cache holds. What could not be got is asked for again soon, but
// not by every query.
const (
	maxAge    = 5 * time.Minute
	maxAgeErr = 30 * time.Second
	maxCached = 2048
)

// Get returns what is remembered under key, or loads it. Two that miss at the
// same time both load.
func (c *Cache) Get(key string, load func() (connector.Statistics, error)) (connector.Statistics, error) {
	c.mu.Lock()
	e, ok := c.held[key]
	c.mu.Unlock()
	if ok && time.Now().Before(e.until) {
		return e.stats, e.err
	}
	e.stats, e.err = load()
	e.until = time.Now().Add(maxAge)
	if e.err != nil {
		e.until = time.Now().Add(maxAgeErr)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.held == nil || len(c.held) >= maxCached {
		c.held = map[string]cached{}
	}
	c.held[key] = e
	return e.stats, e.err
}
