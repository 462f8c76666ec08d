package connector

import "context"

// Locator is a source whose rows have places that it can go back to: a top-N over
// few columns then reads the others for the rows that are left.
type Locator interface {
	// Locates reports whether a scan of h can tell where its rows are.
	Locates(h TableHandle) bool
	// Locate returns a handle that reads what h does, from the state of the table
	// that is found now, with one more column at the end: an int8 that is the place
	// of the row. It may be split.
	Locate(ctx context.Context, h TableHandle) (TableHandle, error)
	// At returns a handle that reads the columns of h from the rows at places, which
	// ascend and are not repeated, in this order. located is the handle that gave
	// the places; conditions that were pushed into h are not looked at.
	At(h, located TableHandle, places []int64) TableHandle
}
