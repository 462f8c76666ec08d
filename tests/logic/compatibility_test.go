package logic

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/hubsql/hubsql/tests/fixture"
	"github.com/hubsql/hubsql/tests/hubtest"
)

// compatibilityPage is written by go test ./tests/logic -run Compatibility -rewrite.
const compatibilityPage = "../../docs/compatibility.md"

var diffPage = flag.Bool("page", false, "compare docs/compatibility.md with what holds now")

// userFunctions lists PostgreSQL's functions that statements name: those that are
// not what operators, casts, types, indexes and aggregates are made of.
const userFunctions = `select p.proname, count(*) from pg_proc p where pronamespace = 11 and prokind <> 'p'
and not exists (select from pg_operator o where o.oprcode = p.oid or p.oid in (o.oprrest, o.oprjoin))
and not exists (select from pg_cast c where c.castfunc = p.oid)
and not exists (select from pg_type t where p.oid in (t.typinput, t.typoutput, t.typreceive, t.typsend, t.typmodin, t.typmodout, t.typanalyze, t.typsubscript))
and not exists (select from pg_amproc a where a.amproc = p.oid)
and not exists (select from pg_aggregate a where p.oid in (a.aggtransfn, a.aggfinalfn, a.aggcombinefn, a.aggserialfn, a.aggdeserialfn, a.aggmtransfn, a.aggminvtransfn, a.aggmfinalfn))
and prosupport = 0 and not 2281 = any(proargtypes) and prorettype not in (2281, 2279, 3838, 269, 325, 3310)
and proname !~ '^(RI_|pg_stat|pg_ddl|binary_upgrade|pg_restore|lo_|lo[a-z]*$|dsnowball|dsimple|dsynonym|dispell|thesaurus|gist_|gin|btree|hash|brin|pg_logical|pg_replication|_)'
group by 1 order by 1`

// TestCompatibilityPageIsWhatHolds compares the page with what PostgreSQL's
// catalog, the catalog of a hub and the statements of this folder say.
func TestCompatibilityPageIsWhatHolds(t *testing.T) {
	if !*diffPage && !*rewrite {
		t.Skip("the page is compared with -page")
	}
	w := fixture.New(t)
	ctx := context.Background()
	ref, err := pgconn.Connect(ctx, w.PG.URL(w.Reference))
	if err != nil {
		t.Fatal(err)
	}
	defer ref.Close(ctx)
	hub := w.Hub.Admin(t).PgConn()
	pairs := func(c *pgconn.PgConn, sql string) map[string]string {
		t.Helper()
		_, rows, err := hubtest.Text(ctx, c, sql)
		if err != nil {
			t.Fatal(err)
		}
		out := map[string]string{}
		for _, r := range rows {
			out[r[0]] = r[1]
		}
		return out
	}
	shown := statements(t)
	var page bytes.Buffer
	fmt.Fprintf(&page, "# What of PostgreSQL is here\n\nWritten by `go test ./tests/logic -run Compatibility -rewrite` from the catalogs of PostgreSQL 15\nand of HubSQL and from the %d statements of `tests/logic`, whose answers are PostgreSQL's:\ncolumn names, types, every value, and for errors SQLSTATE, position and message.\n", len(shown))
	theirs, ours := pairs(ref, userFunctions), pairs(hub, "select proname, count(*) from pg_proc group by 1")
	var same, unshown, missing []string
	for _, name := range slices.Sorted(maps.Keys(theirs)) {
		switch n := count(shown, `\b`+regexp.QuoteMeta(name)+`\s*\(`); {
		case ours[name] == "":
			missing = append(missing, name)
		case n > 0:
			same = append(same, fmt.Sprintf("| %s | %s | %d |", name, theirs[name], n))
		default:
			unshown = append(unshown, name)
		}
	}
	fmt.Fprintf(&page, "\n## Functions\n\nOf %d names: %d the same in statements that call them, %d here without one, %d missing.\n\n| function | variants in PostgreSQL | statements |\n|---|---|---|\n%s\n",
		len(theirs), len(same), len(unshown), len(missing), strings.Join(same, "\n"))
	fmt.Fprintf(&page, "\nHere, without a statement: %s.\n\nMissing: %s.\n", strings.Join(unshown, ", "), strings.Join(missing, ", "))
	theirs, ours = pairs(ref, "select oprname, count(*) from pg_operator group by 1"), pairs(hub, "select oprname, count(*) from pg_operator group by 1")
	var here, none []string
	for _, name := range slices.Sorted(maps.Keys(theirs)) {
		if ours[name] == "" {
			none = append(none, "`"+name+"`")
			continue
		}
		here = append(here, fmt.Sprintf("| `%s` | %s | %s |", strings.ReplaceAll(name, "|", `\|`), theirs[name], ours[name]))
	}
	fmt.Fprintf(&page, "\n## Operators\n\n| operator | pairs of types in PostgreSQL | here |\n|---|---|---|\n%s\n\nMissing: %s.\n", strings.Join(here, "\n"), strings.Join(none, " "))
	types := pairs(ref, "select format_type(oid, null), typcategory from pg_type where typnamespace = 11 and typtype in ('b', 'r', 'm') and typcategory <> 'A' and typname !~ '^(pg_|gtsvector)' order by 1")
	here, none = nil, nil
	for _, name := range slices.Sorted(maps.Keys(types)) {
		_, _, err := hubtest.Text(ctx, hub, "select 'x'::"+name)
		if err != nil && strings.HasPrefix(failure(err), "error 0A000") {
			none = append(none, name)
			continue
		}
		here = append(here, name)
	}
	fmt.Fprintf(&page, "\n## Types\n\nWith input, output and casts: %s, and arrays of them.\n\nOnly passed on from sources: %s.\n", strings.Join(here, ", "), strings.Join(none, ", "))
	page.WriteString(differences)
	if *rewrite {
		if err := os.WriteFile(compatibilityPage, page.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	have, err := os.ReadFile(compatibilityPage)
	if err != nil || !bytes.Equal(have, page.Bytes()) {
		t.Errorf("%s is not what holds now; run go test ./tests/logic -run Compatibility -rewrite (%v)", compatibilityPage, err)
	}
}

// differences are the known answers that differ.
const differences = `
## Known differences

- A full join on a condition that is no equality is answered; PostgreSQL refuses it.
- An error in a constant part of an expression is raised where a row needs it, not when the
  statement is planned.
- A column that depends on a grouped primary key has to be grouped itself.
- TABLESAMPLE takes rows by chance with either method: sources have no pages.
- SELECT ... FOR UPDATE and FOR SHARE are accepted where PostgreSQL accepts them, and lock nothing.
- standard_conforming_strings is on, whatever is set.
- Timestamps end in the year 294247.
`

// statements lists the statements of this folder.
func statements(t *testing.T) []string {
	files, err := filepath.Glob("*.slt")
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, f := range files {
		for _, r := range parse(t, f) {
			out = append(out, strings.ToLower(r.sql))
		}
	}
	return out
}

// count returns how many texts match a pattern.
func count(texts []string, pattern string) int {
	re := regexp.MustCompile(pattern)
	n := 0
	for _, s := range texts {
		if re.MatchString(s) {
			n++
		}
	}
	return n
}
