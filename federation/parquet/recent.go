package parquet

import (
	"reflect"
	"sync"

	"github.com/hubsql/hubsql/federation/connector"
)

// maxRecent is how many tables a source remembers.
const maxRecent = 64

// recentTables are the tables that statements have named last. To plan a
// statement over eight of them it would look up as many names and match as many
// schemas, which takes longer than all other planning.
type recentTables struct {
	mu   sync.Mutex
	list map[string]*table // by schema and name
}

func nameOf(ref connector.TableRef) string { return ref.Schema + "\x00" + ref.Name }

// find returns the table of ref, nil unless resolving it would give the same.
func (r *recentTables) find(ref connector.TableRef) *table {
	r.mu.Lock()
	t := r.list[nameOf(ref)]
	r.mu.Unlock()
	if t == nil || !t.fresh() || !reflect.DeepEqual(t.ref, ref) {
		return nil
	}
	return t
}

// keep remembers a table that was just resolved.
func (r *recentTables) keep(t *table) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.list == nil || len(r.list) >= maxRecent {
		r.list = map[string]*table{}
	}
	r.list[nameOf(t.ref)] = t
}
