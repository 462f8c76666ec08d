package catalog

import (
	"path"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// SourceObject identifies what a foreign table reads: a table of a server, or
// files. Two relations over the same object share its policies.
type SourceObject struct {
	Server string
	Schema string
	// Table is the remote table, or the path or pattern of files.
	Table string
	// Files is set when Table names files.
	Files bool
}

// Naming of the wrappers whose rules differ from the default. Names are compared
// exactly only where the source does so for certain; comparing without case
// elsewhere can only put one object under another's policy, never leave one out.
func exactCase(wrapper string) bool { return wrapper == "postgres_fdw" }

// Source returns the identity of what a foreign table reads; ok is false for
// relations that read no source.
func (s *Snapshot) Source(rel *Relation) (obj SourceObject, ok bool) {
	server, ok := s.ServerByOID(rel.ServerID)
	if !ok || rel.Kind != ForeignTable {
		return SourceObject{}, false
	}
	obj = SourceObject{Server: server.Name, Schema: rel.Schema, Table: rel.Name}
	if rel.Remote != nil {
		obj.Schema, obj.Table = rel.Remote.Schema, rel.Remote.Name
	}
	for _, name := range []string{"schema_name", "dbname"} {
		if v, ok := rel.Options.Get(name); ok {
			obj.Schema = v
		}
	}
	for _, name := range []string{"table_name", "table"} {
		if v, ok := rel.Options.Get(name); ok {
			obj.Table = v
		}
	}
	_, hasFile := rel.Options.Get("filename")
	switch {
	case hasFile || server.Wrapper == "file_fdw" || server.Wrapper == "parquet_fdw":
		obj.Files, obj.Schema = true, ""
		if v, ok := rel.Options.Get("filename"); ok {
			obj.Table = v
		} else if v, ok := rel.Options.Get("dirname"); ok {
			obj.Table = v
		}
		if root, ok := server.Options.Get("root"); ok && !path.IsAbs(obj.Table) {
			obj.Table = path.Join(root, obj.Table)
		}
		obj.Table = strings.ToLower(path.Clean(obj.Table))
	case server.Wrapper == "sqlite_fdw":
		obj.Schema, obj.Table = "", strings.ToLower(obj.Table)
	case !exactCase(server.Wrapper):
		obj.Schema, obj.Table = strings.ToLower(obj.Schema), strings.ToLower(obj.Table)
	}
	return obj, true
}

// Same reports whether two identities may share rows. For files it errs on the
// side of yes: a pattern overlaps every file it may match, a directory
// everything below it, and a name without a path (a live table) every file with
// that stem.
func (a SourceObject) Same(b SourceObject) bool {
	if a.Server != b.Server || a.Files != b.Files {
		return false
	}
	if !a.Files {
		return a == b
	}
	bare := !strings.Contains(a.Table, "/") || !strings.Contains(b.Table, "/")
	if a.Table == b.Table || bare && stem(a.Table) == stem(b.Table) || below(a.Table, b.Table) || below(b.Table, a.Table) {
		return true
	}
	ga, gb := hasMeta(a.Table), hasMeta(b.Table)
	switch {
	case ga && gb:
		pa, pb := prefix(a.Table), prefix(b.Table)
		return strings.HasPrefix(pa, pb) || strings.HasPrefix(pb, pa)
	case ga:
		return globMatches(a.Table, b.Table)
	case gb:
		return globMatches(b.Table, a.Table)
	}
	return false
}

// stem is the file name without directory and extension.
func stem(p string) string {
	p = path.Base(p)
	if i := strings.IndexByte(p, '.'); i > 0 {
		p = p[:i]
	}
	return p
}

// below reports whether file lies below the directory dir.
func below(dir, file string) bool { return strings.HasPrefix(file, strings.TrimSuffix(dir, "/")+"/") }

func hasMeta(p string) bool { return strings.ContainsAny(p, `*?[{\`) }

// prefix is the part of a pattern before its first special character.
func prefix(p string) string { return p[:strings.IndexAny(p, `*?[{\`)] }

// globMatches reports whether a pattern may match a file. A file known by its
// name only is compared with the last part of the pattern.
func globMatches(pattern, file string) bool {
	ok, err := doublestar.Match(pattern, file)
	if ok || err != nil {
		return true
	}
	if !strings.Contains(file, "/") {
		last := path.Base(pattern)
		if i := strings.LastIndexByte(last, '.'); i > 0 && !strings.Contains(file, ".") {
			last = last[:i]
		}
		ok, err = doublestar.Match(last, file)
		return ok || err != nil
	}
	// A directory or a pattern of files in it.
	return strings.HasPrefix(prefix(pattern), strings.TrimSuffix(file, "/")+"/")
}

// SameSource returns every foreign table over the object that rel reads,
// rel itself among them.
func (s *Snapshot) SameSource(rel *Relation) []*Relation {
	obj, ok := s.Source(rel)
	if !ok {
		return nil
	}
	if !obj.Files {
		return s.index().bySource[obj]
	}
	var out []*Relation
	for _, t := range s.TablesOf(rel.ServerID) {
		if o, ok := s.Source(t); ok && (t.OID == rel.OID && rel.OID != 0 || o.Same(obj)) {
			out = append(out, t)
		}
	}
	return out
}

// remoteColumn is what the source calls a column, folded for comparison.
func remoteColumn(c *Column, fold bool) string {
	name := c.Name
	for _, o := range []string{"column_name", "column"} {
		if v, ok := c.Options.Get(o); ok {
			name = v
		}
	}
	if fold {
		name = strings.ToLower(name)
	}
	return name
}

// MatchColumns relates the columns of two relations over the same object: from
// the attribute number in a to the one in b. exact is false when the two read
// the object in ways that cannot be compared, so that a column of one could be
// part of another column of the other.
func (s *Snapshot) MatchColumns(a, b *Relation) (columns map[int16]int16, exact bool) {
	return s.match(a, b)
}

func (s *Snapshot) match(a, b *Relation) (columns map[int16]int16, exact bool) {
	columns = map[int16]int16{}
	if a == b || a.OID == b.OID && a.OID != 0 {
		for _, c := range a.Columns {
			columns[c.AttNum] = c.AttNum
		}
		return columns, true
	}
	server, ok := s.ServerByOID(a.ServerID)
	if !ok {
		return columns, false
	}
	fold := !exactCase(server.Wrapper)
	for i := range a.Columns {
		name := remoteColumn(&a.Columns[i], fold)
		for k := range b.Columns {
			if remoteColumn(&b.Columns[k], fold) == name {
				columns[a.Columns[i].AttNum] = b.Columns[k].AttNum
			}
		}
	}
	if server.Wrapper != "file_fdw" {
		return columns, true
	}
	// The columns of a text file go by their position and by how lines are cut,
	// both of which the table's definition decides.
	if len(a.Columns) != len(b.Columns) {
		return columns, false
	}
	for i := range a.Columns {
		if remoteColumn(&a.Columns[i], fold) != remoteColumn(&b.Columns[i], fold) {
			return columns, false
		}
	}
	if a.Live() || b.Live() || a.Remote != nil && b.Remote != nil {
		return columns, true
	}
	return columns, sameFormat(a.Options, b.Options)
}

// sameFormat compares everything but the file itself.
func sameFormat(a, b Options) bool {
	covers := func(x, y Options) bool {
		for name, v := range x.All() {
			if name == "filename" {
				continue
			}
			if w, ok := y.Get(name); !ok || w != v {
				return false
			}
		}
		return true
	}
	return covers(a, b) && covers(b, a)
}
