package localfile

import (
	"os"
	"path/filepath"
	"sort"
	"strings"

	"github.com/hubsql/hubsql/wire/pgerror"
)

// Table is a file, or a directory of files, that is addressed as a table.
type Table struct {
	// Schema is the sub-directory below the root, "" for the root itself.
	Schema string
	// Name is the file's base name without its extension, or the whole base name
	// when an earlier file has taken the short one.
	Name string
	// Path is relative to the root.
	Path string
}

// IsRootSchema reports whether a schema name means the root directory itself.
func IsRootSchema(schema string) bool {
	return schema == "" || schema == "public" || schema == "main"
}

// Schemas lists the schemas below the root: "" for the root, and every
// sub-directory that holds files with one of the extensions. With directories
// set, a sub-directory that holds files is a table instead, and one that holds
// such directories is a schema.
func (a Access) Schemas(directories bool, extensions ...string) ([]string, error) {
	entries, err := a.list("")
	if err != nil {
		return nil, err
	}
	out := []string{""}
	for _, e := range entries {
		if !a.isDir(e) || hidden(e.Name()) {
			continue
		}
		if directories && a.holdsFiles(e.Name(), extensions) {
			continue
		}
		tables, err := a.Tables(e.Name(), directories, extensions...)
		if err == nil && len(tables) > 0 {
			out = append(out, e.Name())
		}
	}
	return out, nil
}

// Tables lists the tables of one schema, ordered by name. With directories set,
// a directory that holds files is a table as well.
func (a Access) Tables(schema string, directories bool, extensions ...string) ([]Table, error) {
	dir := schema
	if IsRootSchema(schema) {
		dir = ""
		if st, err := os.Stat(filepath.Join(a.Root, schema)); a.Root != "" && schema != "" && err == nil && st.IsDir() {
			dir = schema
		}
	}
	if dir != "" && !filepath.IsLocal(dir) {
		return nil, pgerror.Source(a.Source, pgerror.FDWSchemaNotFound, "schema \""+schema+"\" does not exist", nil)
	}
	entries, err := a.list(dir)
	if err != nil {
		return nil, err
	}
	if dir == "" {
		schema = ""
	}
	var out []Table
	taken := map[string]bool{}
	for _, e := range entries {
		name, path := e.Name(), filepath.Join(dir, e.Name())
		if hidden(name) {
			continue
		}
		short := name
		if a.isDir(e) {
			if !directories || !a.holdsFiles(path, extensions) {
				continue
			}
		} else {
			if !hasExtension(name, extensions) {
				continue
			}
			short = stem(name, extensions)
		}
		if taken[short] {
			short = name
		}
		taken[short] = true
		out = append(out, Table{Schema: schema, Name: short, Path: path})
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	return out, nil
}

// Lookup finds one table by schema and name; ok is false when there is none.
func (a Access) Lookup(schema, name string, directories bool, extensions ...string) (t Table, ok bool, err error) {
	tables, err := a.Tables(schema, directories, extensions...)
	if err != nil {
		return Table{}, false, err
	}
	for _, t := range tables {
		if t.Name == name {
			return t, true, nil
		}
	}
	for _, t := range tables {
		if filepath.Base(t.Path) == name {
			return t, true, nil
		}
	}
	return Table{}, false, nil
}

// list reads one directory below the root.
func (a Access) list(dir string) ([]os.DirEntry, error) {
	if a.Root == "" {
		return nil, pgerror.Source(a.Source, pgerror.FDWOptionNameNotFound, "tables can only be found by name below a root", nil).
			WithHint("Set the server option root, or name the file in CREATE FOREIGN TABLE.")
	}
	root, err := os.OpenRoot(a.Root)
	if err != nil {
		return nil, a.openError(a.Root, err)
	}
	defer func() { _ = root.Close() }()
	if dir == "" {
		dir = "."
	}
	d, err := root.Open(dir)
	if err != nil {
		if os.IsNotExist(err) {
			return nil, pgerror.Source(a.Source, pgerror.FDWSchemaNotFound, "schema \""+dir+"\" does not exist", err)
		}
		return nil, a.openError(dir, err)
	}
	defer func() { _ = d.Close() }()
	entries, err := d.ReadDir(-1)
	if err != nil {
		return nil, a.openError(dir, err)
	}
	sort.Slice(entries, func(i, j int) bool { return entries[i].Name() < entries[j].Name() })
	return entries, nil
}

// isDir reports whether an entry is a directory of its own (not a link to one).
func (a Access) isDir(e os.DirEntry) bool { return e.IsDir() }

// holdsFiles reports whether the directory or one below it has a file with one
// of the extensions, looking at directories whose names are partition values
// (key=value) only below the first level.
func (a Access) holdsFiles(dir string, extensions []string) bool {
	entries, err := a.list(dir)
	if err != nil {
		return false
	}
	for _, e := range entries {
		switch {
		case hidden(e.Name()):
		case e.IsDir():
			if strings.Contains(e.Name(), "=") && a.holdsFiles(filepath.Join(dir, e.Name()), extensions) {
				return true
			}
		case hasExtension(e.Name(), extensions):
			return true
		}
	}
	return false
}

// stem removes the longest matching extension.
func stem(name string, extensions []string) string {
	longest := 0
	lower := strings.ToLower(name)
	for _, e := range extensions {
		if strings.HasSuffix(lower, e) && len(e) > longest && len(e) < len(name) {
			longest = len(e)
		}
	}
	return name[:len(name)-longest]
}
