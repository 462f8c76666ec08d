package arch

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/federation/file"
	"github.com/hubsql/hubsql/federation/mysql"
	"github.com/hubsql/hubsql/federation/parquet"
	"github.com/hubsql/hubsql/federation/postgres"
	"github.com/hubsql/hubsql/federation/sqlite"
)

var rewrite = flag.Bool("rewrite", false, "write the tables of options into docs/sources")

// The marks around a table of options in a page.
const optionsBegin, optionsEnd = "<!-- options -->\n", "<!-- /options -->\n"

// optionTable is the documentation of a connector's options.
func optionTable(c connector.Connector) string {
	var b strings.Builder
	b.WriteString("| option | of | meaning |\n|---|---|---|\n")
	for _, o := range c.Options() {
		doc := strings.ReplaceAll(o.Doc, "|", `\|`)
		if o.Required {
			doc += " Required."
		}
		if o.Secret {
			doc += " Stored encrypted, shown nowhere."
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", o.Name, o.Level, doc)
	}
	return b.String()
}

func TestOptionsOfPagesAreThoseOfTheConnectors(t *testing.T) {
	for page, c := range map[string]connector.Connector{
		"postgres": postgres.Connector{}, "mysql": mysql.Connector{}, "sqlite": sqlite.New(), "file": file.New(), "parquet": parquet.New(),
	} {
		name := filepath.Join(root(t), "docs", "sources", page+".md")
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Error(err)
			continue
		}
		before, rest, ok := strings.Cut(string(raw), optionsBegin)
		have, after, ok2 := strings.Cut(rest, optionsEnd)
		if !ok || !ok2 {
			t.Errorf("%s: no table of options between %q and %q", name, optionsBegin, optionsEnd)
			continue
		}
		want := optionTable(c)
		if *rewrite {
			if err := os.WriteFile(name, []byte(before+optionsBegin+want+optionsEnd+after), 0o644); err != nil {
				t.Error(err)
			}
		} else if have != want {
			t.Errorf("%s: the table of options is not that of the connector: run go test ./tests/arch -run Options -rewrite", name)
		}
	}
}

func TestReadmeNamesFunctionsThatExist(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root(t), "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	rows := regexp.MustCompile("(?m)^\\| \\d \\| `([^`]+)` \\| `([^`]+)` \\|").FindAllStringSubmatch(string(text), -1)
	if len(rows) != 8 {
		t.Fatalf("%d functions in the way through the source, not 8", len(rows))
	}
	for _, r := range rows {
		source, err := os.ReadFile(filepath.Join(root(t), r[1]))
		if err != nil {
			t.Error(err)
			continue
		}
		if !regexp.MustCompile(`(?m)^func (\([^)]*\) )?` + r[2] + `\(`).Match(source) {
			t.Errorf("README.md: %s has no function %s", r[1], r[2])
		}
	}
}

// TestLinksLeadToFiles checks the relative links of all documents.
func TestLinksLeadToFiles(t *testing.T) {
	top := root(t)
	pages, err := filepath.Glob(filepath.Join(top, "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, pattern := range []string{"docs/*.md", "docs/*/*.md"} {
		more, err := filepath.Glob(filepath.Join(top, pattern))
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, more...)
	}
	link := regexp.MustCompile(`\]\(([^)#]+)(#[^)]*)?\)`)
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(page), m[1])); err != nil {
				t.Errorf("%s: the link %s leads nowhere", page, m[1])
			}
		}
	}
}
