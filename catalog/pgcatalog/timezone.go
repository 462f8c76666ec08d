package pgcatalog

import (
	"strconv"
	"time"

	"github.com/hubsql/hubsql/catalog/types"
)

func pgTimezoneNames(x *scan) {
	now := x.sess.TxStart
	if now.IsZero() {
		now = time.Now()
	}
	for _, f := range lines("facts/rows/timezone_names.tsv") {
		loc, err := time.LoadLocation(f[0])
		if err != nil {
			continue // this machine's zone data lacks it
		}
		at := now.In(loc)
		abbrev, offset := at.Zone()
		x.add(str(f[0]), str(abbrev), types.IntervalDatum(0, 0, int64(offset)*1e6), yes(at.IsDST()))
	}
}

func pgTimezoneAbbrevs(x *scan) {
	for _, f := range lines("facts/rows/timezone_abbrevs.tsv") {
		offset, err := strconv.ParseInt(f[1], 10, 32)
		must(err)
		x.add(str(f[0]), types.IntervalDatum(0, 0, offset*1e6), yes(f[2] == "t"))
	}
}
