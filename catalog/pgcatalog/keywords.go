package pgcatalog

import (
	"sync"

	"github.com/hubsql/hubsql/catalog/types"
)

// keywordRows are the rows of pg_get_keywords: word, category, barelabel and
// their descriptions.
var keywordRows = sync.OnceValue(func() [][]types.Datum {
	var out [][]types.Datum
	for _, f := range lines("facts/rows/keywords.tsv") {
		out = append(out, []types.Datum{str(f[0]), str(f[1]), yes(f[2] == "t"), str(f[3]), str(f[4])})
	}
	return out
})

// reserved holds the key words that do not read as names everywhere.
var reserved = sync.OnceValue(func() map[string]bool {
	out := map[string]bool{}
	for _, r := range keywordRows() {
		if r[1].S != "U" {
			out[r[0].S] = true
		}
	}
	return out
})
