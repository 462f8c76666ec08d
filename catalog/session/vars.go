package session

import "github.com/hubsql/hubsql/catalog/types"

// Vars holds the settings of one session.
type Vars struct {
	format *types.Format
}

// NewVars returns the defaults.
func NewVars() *Vars { return &Vars{format: types.DefaultFormat()} }

// Format returns how values are printed.
func (v *Vars) Format() *types.Format { return v.format }
