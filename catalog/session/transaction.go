package session

import "maps"

// Begin opens a transaction: settings changed from now on are undone by Rollback,
// and SET LOCAL works. The characteristics of the transaction start at their
// defaults.
func (v *Vars) Begin() {
	v.undo = append(v.undo[:0], nil)
	if v.settled == v.version+1 {
		return
	}
	settled := true
	for _, name := range [...]string{"isolation", "read_only", "deferrable"} {
		if d := v.stored("default_transaction_" + name); d != v.stored("transaction_"+name) {
			v.store(find("transaction_"+name), d, true, true)
			settled = false
		}
	}
	if settled {
		v.settled = v.version + 1
	}
}

// InTransaction reports whether Begin was called and neither end yet.
func (v *Vars) InTransaction() bool { return len(v.undo) > 0 }

// Commit ends the transaction: SET stays, SET LOCAL ends.
func (v *Vars) Commit() {
	var touched map[string]bool
	for _, frame := range v.undo {
		for name := range frame {
			if touched == nil {
				touched = map[string]bool{}
			}
			touched[name] = true
		}
	}
	v.undo = v.undo[:0]
	for name := range touched {
		st := v.states[name]
		if st.hasLocal {
			st.local, st.hasLocal = "", false
			v.replace(name, st)
		}
	}
}

// Rollback ends the transaction and undoes all its settings.
func (v *Vars) Rollback() { v.undoTo(0) }

// Savepoint opens a level inside a transaction and returns its number, for
// RollbackTo and Release.
func (v *Vars) Savepoint() int {
	v.undo = append(v.undo, nil)
	return len(v.undo) - 1
}

// RollbackTo undoes what was set since Savepoint returned level; the level stays
// open.
func (v *Vars) RollbackTo(level int) {
	if level < 1 || level >= len(v.undo) {
		return
	}
	v.undoTo(level)
	v.undo = append(v.undo, nil)
}

// Release closes a level and those above it, keeping what was set.
func (v *Vars) Release(level int) {
	if level < 1 || level >= len(v.undo) {
		return
	}
	below := v.undo[level-1]
	for _, frame := range v.undo[level:] {
		for name, old := range frame {
			if _, saved := below[name]; saved {
				continue
			}
			if below == nil {
				below = map[string]state{}
			}
			below[name] = old
		}
	}
	v.undo[level-1] = below
	v.undo = v.undo[:level]
}

// undoTo restores the states from before level was opened and closes it.
func (v *Vars) undoTo(level int) {
	var restore map[string]state
	for i := len(v.undo) - 1; i >= level; i-- {
		if restore == nil && len(v.undo[i]) > 0 {
			restore = map[string]state{}
		}
		maps.Copy(restore, v.undo[i])
	}
	v.undo = v.undo[:min(level, len(v.undo))]
	for name, st := range restore {
		v.replace(name, st)
	}
}

// replace puts a state in place, noting the change.
func (v *Vars) replace(name string, st state) {
	s, err := v.describe(name)
	if err != nil {
		return // states exist for known names only
	}
	before := v.value(s)
	v.states[name] = st
	v.noteChange(s, before)
}
