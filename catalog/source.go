package catalog

import (
	"path"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// SourceObject identifies what a foreign table reads: a table of a server, or
// files. Two relations over the same object share its policies.
type SourceObject struct {
	Server string
	Schema string
	// Table is the remote table, or the patterns of files, one a line.
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
	switch {
	case server.Wrapper == "file_fdw" || server.Wrapper == "parquet_fdw":
		return SourceObject{Server: server.Name, Table: files(server, rel, obj.Schema, obj.Table), Files: true}, true
	case server.Wrapper == "sqlite_fdw":
		obj.Schema, obj.Table = "", strings.ToLower(obj.Table)
	case server.Wrapper == "postgres_fdw" && obj.Schema == "":
		obj.Schema = "public"
	case !exactCase(server.Wrapper):
		obj.Schema, obj.Table = strings.ToLower(obj.Schema), strings.ToLower(obj.Table)
	}
	return obj, true
}

// fileOptions are the options that name files, at the table or as a default at
// the server.
var fileOptions = [...]string{"filename", "files", "directory", "glob"}

// files returns the patterns of the files a table reads, one a line: those its
// options name, or every file that its name could stand for.
func files(server *Server, rel *Relation, schema, name string) string {
	root, _ := server.Options.Get("root")
	var out []string
	add := func(p string) {
		if !path.IsAbs(p) {
			p = path.Join(root, p)
		}
		out = append(out, strings.ToLower(path.Clean(p)))
	}
	from := func(o Options) {
		for _, option := range fileOptions {
			v, ok := o.Get(option)
			if !ok {
				continue
			}
			add(v)
			if server.Wrapper == "parquet_fdw" {
				for p := range strings.FieldsSeq(v) {
					add(p)
				}
			}
		}
	}
	if from(rel.Options); len(out) == 0 {
		from(server.Options)
		quoted := quoteMeta.Replace(name)
		for _, dir := range []string{"", quoteMeta.Replace(schema)} {
			if dir == "" && schema != "" && schema != "public" && schema != "main" && rel.Remote != nil {
				continue
			}
			out = append(out, strings.ToLower(path.Join(root, dir, name)), strings.ToLower(path.Join(root, dir, quoted+".*")))
		}
	}
	return strings.Join(out, "\n")
}

// quoteMeta makes a name a pattern that matches just that name.
var quoteMeta = strings.NewReplacer(`*`, `\*`, `?`, `\?`, `[`, `\[`, `{`, `\{`, `\`, `\\`)

// Same reports whether two identities may share rows. For files it errs on the
// side of yes: a pattern overlaps every file it may match, a directory
// everything below it. Symbolic links are not followed.
func (a SourceObject) Same(b SourceObject) bool {
	if a.Server != b.Server || a.Files != b.Files {
		return false
	}
	if !a.Files || a.Table == b.Table {
		return a == b
	}
	for p := range strings.SplitSeq(a.Table, "\n") {
		for q := range strings.SplitSeq(b.Table, "\n") {
			if overlap(p, q) {
				return true
			}
		}
	}
	return false
}

// overlap reports whether two patterns may match the same file.
func overlap(p, q string) bool {
	if p == q || below(p, q) || below(q, p) {
		return true
	}
	gp, gq := hasMeta(p), hasMeta(q)
	switch {
	case gp && gq:
		a, b := prefix(p), prefix(q)
		return strings.HasPrefix(a, b) || strings.HasPrefix(b, a)
	case gp:
		return globMatches(p, q)
	case gq:
		return globMatches(q, p)
	}
	return false
}

// below reports whether file lies below the directory dir.
func below(dir, file string) bool { return strings.HasPrefix(file, strings.TrimSuffix(dir, "/")+"/") }

func hasMeta(p string) bool { return strings.ContainsAny(p, `*?[{\`) }

// prefix is the part of a pattern before its first special character.
func prefix(p string) string { return p[:strings.IndexAny(p, `*?[{\`)] }

// globMatches reports whether a pattern may match a file, or files in it when it
// is a directory.
func globMatches(pattern, file string) bool {
	ok, err := doublestar.Match(pattern, file)
	return ok || err != nil || strings.HasPrefix(prefix(pattern), strings.TrimSuffix(file, "/")+"/")
}

// SameSource returns every foreign table over the object that rel reads,
// rel itself among them. The list must not be changed.
func (s *Snapshot) SameSource(rel *Relation) []*Relation {
	obj, ok := s.Source(rel)
	if !ok {
		return nil
	}
	if !obj.Files {
		return s.index().bySource[obj]
	}
	kept := rel.OID != 0 && s.objects[rel.OID] == Object(rel)
	if kept {
		if list, ok := s.index().byFiles.Load(rel); ok {
			return list.([]*Relation)
		}
	}
	var out []*Relation
	for _, t := range s.TablesOf(rel.ServerID) {
		if o, ok := s.Source(t); ok && (t.OID == rel.OID && rel.OID != 0 || o.Same(obj)) {
			out = append(out, t)
		}
	}
	if kept {
		s.index().byFiles.Store(rel, out)
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
	if a.Remote != nil && len(a.Options) == 0 {
		return columns, true // the connector decides how to read it, not its owner
	}
	return columns, sameFormat(a.Options, b.Options)
}

// sameFormat compares everything but the file itself.
func sameFormat(a, b Options) bool {
	covers := func(x, y Options) bool {
		for name, v := range x.All() {
			if slices.Contains(fileOptions[:], name) {
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
