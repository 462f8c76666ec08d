// Package arch checks the import law and the house rules on the source files
// themselves, so that no build tag and no cached result hides an offence.
package arch

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// source is one Go file of the module.
type source struct {
	path string // slash-separated, from the root
	dir  string
	test bool
	ast  *ast.File
	fset *token.FileSet
	text string
}

// at is a position as path:line.
func (s *source) at(n ast.Node) string {
	return fmt.Sprintf("%s:%d", s.path, s.fset.Position(n.Pos()).Line)
}

// imports yields the import paths with their nodes.
func (s *source) imports(yield func(string, *ast.ImportSpec)) {
	for _, i := range s.ast.Imports {
		p, _ := strconv.Unquote(i.Path.Value)
		yield(p, i)
	}
}

// local is the name under which a file imports a path, "" when it does not.
func (s *source) local(importPath string) string {
	name := ""
	s.imports(func(p string, i *ast.ImportSpec) {
		if p != importPath {
			return
		}
		name = path.Base(p)
		if i.Name != nil {
			name = i.Name.Name
		}
	})
	return name
}

// root is the folder of go.mod.
func root(t testing.TB) string {
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		up := filepath.Dir(dir)
		if up == dir {
			t.Fatal("no go.mod above the working directory")
		}
		dir = up
	}
}

// load parses every Go file of the module.
func load(t *testing.T) []*source {
	t.Helper()
	top := root(t)
	var list []*source
	err := filepath.WalkDir(top, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if n := d.Name(); name != top && (n == "testdata" || n == "bin" || strings.HasPrefix(n, ".") || strings.HasPrefix(n, "_")) {
				return filepath.SkipDir
			}
			return nil
		}
		if filepath.Ext(name) != ".go" {
			return nil
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(top, name)
		if err != nil {
			return err
		}
		s := &source{path: filepath.ToSlash(rel), test: strings.HasSuffix(name, "_test.go"), fset: token.NewFileSet(), text: string(text)}
		s.dir = path.Dir(s.path)
		s.ast, err = parser.ParseFile(s.fset, s.path, text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		list = append(list, s)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(list) < 100 {
		t.Fatalf("only %d source files found: the walk is wrong", len(list))
	}
	return list
}

// among reports whether a package is meant by a list of rationed.from.
func among(dir string, list []string) bool {
	return slices.ContainsFunc(list, func(p string) bool {
		if below, ok := strings.CutSuffix(p, "/..."); ok {
			return dir == below || strings.HasPrefix(dir, below+"/")
		}
		if above, ok := strings.CutSuffix(p, "/*"); ok {
			return path.Dir(dir) == above
		}
		return dir == p
	})
}

func isTests(dir string) bool { return strings.HasPrefix(dir, "tests/") }

func TestPackagesImportStrictlyLowerLayersOnly(t *testing.T) {
	for _, s := range load(t) {
		if isTests(s.dir) {
			continue
		}
		mine, ok := layers[s.dir]
		if !ok {
			t.Errorf("%s: package %s has no layer: give it one in tests/arch/layers_test.go", s.path, s.dir)
			continue
		}
		s.imports(func(p string, n *ast.ImportSpec) {
			dep, ok := strings.CutPrefix(p, module)
			if !ok {
				return
			}
			if support[dep] || isTests(dep) {
				if !s.test && !support[s.dir] {
					t.Errorf("%s: %s imports %s, which is for tests only", s.at(n), s.dir, dep)
				}
				return
			}
			theirs, ok := layers[dep]
			switch {
			case !ok:
				t.Errorf("%s: %s imports %s, which has no layer", s.at(n), s.dir, dep)
			case s.test && theirs <= mine:
				// A test may look sideways, and at its own package from outside.
			case theirs >= mine:
				t.Errorf("%s: %s (layer %d) imports %s (layer %d): imports point strictly downwards", s.at(n), s.dir, mine, dep, theirs)
			}
		})
	}
}

func TestClosedPackagesImportWhatTheyAreAllowed(t *testing.T) {
	for _, s := range load(t) {
		rule, ok := closed[s.dir]
		if !ok || s.test {
			continue
		}
		s.imports(func(p string, n *ast.ImportSpec) {
			if dep, ok := strings.CutPrefix(p, module); ok && !slices.Contains(rule.allowed, dep) {
				t.Errorf("%s: %s may not import %s: %s", s.at(n), s.dir, dep, rule.reason)
			}
		})
	}
}

func TestDriversAndCodecsStayWithTheirOwners(t *testing.T) {
	for _, s := range load(t) {
		s.imports(func(p string, n *ast.ImportSpec) {
			for _, rule := range rationed {
				prefix := strings.TrimSuffix(rule.pattern, "/...")
				if (p == prefix || strings.HasPrefix(p, prefix+"/")) && !s.test && !among(s.dir, rule.from) {
					t.Errorf("%s: %s imports %s, which belongs to %s: %s", s.at(n), s.dir, p, strings.Join(rule.from, ", "), rule.reason)
				}
			}
		})
	}
}

func TestOneDoor(t *testing.T) {
	for _, s := range load(t) {
		if s.test || isTests(s.dir) {
			continue
		}
		for _, rule := range door {
			name := s.local(module + rule.pkg)
			if s.dir == rule.pkg || name == "" || among(s.dir, rule.from) {
				continue
			}
			ast.Inspect(s.ast, func(n ast.Node) bool {
				var e ast.Expr
				switch n := n.(type) {
				case *ast.CompositeLit:
					if rule.literal {
						e = n.Type
					}
				case *ast.CallExpr:
					// new(logical.Scan) makes one as well.
					if id, ok := n.Fun.(*ast.Ident); ok && rule.literal && id.Name == "new" && len(n.Args) == 1 {
						e = n.Args[0]
					}
				case *ast.SelectorExpr:
					if !rule.literal {
						e = n
					}
				}
				if selects(e, name, rule.name) {
					t.Errorf("%s: %s uses %s.%s, which only %s may: %s", s.at(n), s.dir, rule.pkg, rule.name, strings.Join(rule.from, ", "), rule.reason)
				}
				return true
			})
		}
		for _, rule := range outside {
			name := s.local(rule.path)
			if name == "" || among(s.dir, rule.from) {
				continue
			}
			ast.Inspect(s.ast, func(n ast.Node) bool {
				if e, ok := n.(*ast.SelectorExpr); ok && selects(e, name, rule.name) {
					t.Errorf("%s: %s uses %s.%s, which only %s may: %s", s.at(n), s.dir, rule.path, rule.name, strings.Join(rule.from, ", "), rule.reason)
				}
				return true
			})
		}
	}
}

// selects reports whether e is pkg.name.
func selects(e ast.Expr, pkg, name string) bool {
	sel, ok := e.(*ast.SelectorExpr)
	if !ok || sel.Sel.Name != name {
		return false
	}
	id, ok := sel.X.(*ast.Ident)
	return ok && id.Name == pkg
}

func TestNoInitFunctions(t *testing.T) {
	for _, s := range load(t) {
		for _, d := range s.ast.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
				t.Errorf("%s: func init: register explicitly in cmd/hubsql/server", s.at(f))
			}
		}
	}
}

func TestNamesSayWhatThingsHold(t *testing.T) {
	for _, s := range load(t) {
		words := strings.Split(s.dir, "/")
		words = append(words, strings.Split(strings.TrimSuffix(path.Base(s.path), ".go"), "_")...)
		for _, w := range words {
			if slices.Contains(refused, w) && !named[s.path] {
				t.Errorf("%s: %q names no concept", s.path, w)
			}
		}
	}
}

func TestFilesStayReadable(t *testing.T) {
	for _, s := range load(t) {
		if n := strings.Count(s.text, "\n"); n > maxLines {
			t.Errorf("%s: %d lines, more than %d: one concept, one file", s.path, n, maxLines)
		}
	}
}

func TestExportedIdentifiersAreDocumented(t *testing.T) {
	packages := map[string]bool{} // documented
	for _, s := range load(t) {
		if s.test {
			continue
		}
		packages[s.dir] = packages[s.dir] || s.ast.Doc != nil
		for _, d := range s.ast.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Name.IsExported() && d.Doc == nil && receiverExported(d) {
					t.Errorf("%s: %s has no docstring", s.at(d), d.Name.Name)
				}
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					switch spec := spec.(type) {
					case *ast.TypeSpec:
						if spec.Name.IsExported() && spec.Doc == nil && spec.Comment == nil && d.Doc == nil {
							t.Errorf("%s: %s has no docstring", s.at(spec), spec.Name.Name)
						}
					case *ast.ValueSpec:
						for _, n := range spec.Names {
							if n.IsExported() && spec.Doc == nil && spec.Comment == nil && d.Doc == nil {
								t.Errorf("%s: %s has no docstring", s.at(spec), n.Name)
							}
						}
					}
				}
			}
		}
	}
	for dir, documented := range packages {
		if !documented {
			t.Errorf("%s: no file has a package comment", dir)
		}
	}
}

// receiverExported reports whether a method can be seen from outside; functions
// can.
func receiverExported(f *ast.FuncDecl) bool {
	if f.Recv == nil || len(f.Recv.List) == 0 {
		return true
	}
	e := f.Recv.List[0].Type
	for {
		switch x := e.(type) {
		case *ast.StarExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.IndexListExpr:
			e = x.X
		case *ast.Ident:
			return x.IsExported()
		default:
			return true
		}
	}
}
