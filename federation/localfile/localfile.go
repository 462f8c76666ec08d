// Package localfile finds and opens the files of the machine that sources read,
// confined to a server's root directory. It is the one place where a name that
// a user wrote becomes an open file.
package localfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/hubsql/hubsql/wire/pgerror"
)

// Access says which files may be named.
type Access struct {
	// Source is the server's name, for errors.
	Source string
	// Root is the directory below which relative names lie, "" for none. What a
	// relative name means after symbolic links are resolved lies below it too.
	Root string
	// AllowAbsolute lets any file of the machine be named absolutely (members
	// of pg_read_server_files).
	AllowAbsolute bool
}

// File is one regular file that Access allows.
type File struct {
	// Name is the file's name as errors and EXPLAIN show it.
	Name    string
	Size    int64
	ModTime time.Time

	root, path string // path is relative to root unless root is ""
	// full and info are set for a file that was named itself: the name before
	// links were followed, and what it led to.
	full string
	info fs.FileInfo
}

// Unchanged reports whether f was named itself, rather than found by a pattern
// or in a directory, and the name still leads to the same version of the same
// file. It looks at the file only.
func (f File) Unchanged() bool {
	if f.info == nil {
		return false
	}
	st, err := os.Stat(f.full)
	return err == nil && st.Mode().IsRegular() && os.SameFile(st, f.info) &&
		st.Size() == f.Size && st.ModTime().Equal(f.ModTime)
}

// Open opens f for reading. A file that was replaced by a link out of the root
// since it was found is refused.
func (f File) Open() (*os.File, error) {
	if f.root == "" {
		return os.Open(f.path)
	}
	return os.OpenInRoot(f.root, f.path)
}

// Expand returns the regular files that name means, ordered by name: one file,
// the matches of a glob pattern (with ** for any depth), or the files below a
// directory whose lower-case extension is in extensions (names starting with
// "." or "_" are left out). It returns 58P01 when there is none and 42501 when
// the name is not allowed.
func (a Access) Expand(name string, extensions ...string) ([]File, error) {
	root, rel, err := a.locate(name)
	if err != nil {
		return nil, err
	}
	full := filepath.Join(root, rel)
	st, err := os.Stat(full)
	switch {
	case err == nil && st.IsDir():
		return a.directory(root, full, name, extensions)
	case err == nil:
		f, err := a.file(root, full)
		if err != nil {
			return nil, err
		}
		// What file has looked at may be newer than st; a difference only means
		// that the file counts as changed.
		f.full, f.info = full, st
		return []File{f}, nil
	case !strings.ContainsAny(name, "*?[{"):
		return nil, a.openError(name, err)
	}
	matches, err := doublestar.FilepathGlob(full, doublestar.WithFilesOnly(), doublestar.WithNoFollow())
	if err != nil {
		return nil, pgerror.Source(a.Source, pgerror.FDWInvalidAttributeValue, "invalid file name pattern \""+name+"\"", err)
	}
	if len(matches) == 0 {
		return nil, pgerror.Source(a.Source, pgerror.UndefinedFile, "no file matches \""+name+"\"", nil)
	}
	sort.Strings(matches)
	out := make([]File, 0, len(matches))
	for _, m := range matches {
		f, err := a.file(root, m)
		if err != nil {
			return nil, err
		}
		out = append(out, f)
	}
	return out, nil
}

// locate splits a name into the root that confines it ("" for none) and the
// path below it.
func (a Access) locate(name string) (root, rel string, err error) {
	if name == "" || strings.ContainsRune(name, 0) {
		return "", "", pgerror.Source(a.Source, pgerror.FDWInvalidAttributeValue, "the file name is not valid", nil)
	}
	if filepath.IsAbs(name) {
		if a.Root != "" {
			if r, err := filepath.Rel(a.Root, filepath.Clean(name)); err == nil && filepath.IsLocal(r) {
				return a.Root, r, nil
			}
		}
		if a.AllowAbsolute {
			return "", filepath.Clean(name), nil
		}
		e := pgerror.Source(a.Source, pgerror.InsufficientPrivilege, "permission denied for file \""+name+"\"", nil)
		if a.Root == "" {
			return "", "", e.WithDetail("Only members of pg_read_server_files may name absolute paths.").
				WithHint("Set the server option root and name files relative to it.")
		}
		return "", "", e.WithDetail("File names are relative to the server's root.")
	}
	if a.Root == "" {
		if a.AllowAbsolute {
			return "", filepath.Clean(name), nil
		}
		return "", "", pgerror.Source(a.Source, pgerror.InsufficientPrivilege, "permission denied for file \""+name+"\"", nil).
			WithHint("Set the server option root and name files relative to it.")
	}
	if !filepath.IsLocal(name) {
		return "", "", a.escape(name)
	}
	return a.Root, filepath.Clean(name), nil
}

// escape is the error for a name that leaves the root.
func (a Access) escape(name string) error {
	return pgerror.Source(a.Source, pgerror.InsufficientPrivilege, "permission denied for file \""+name+"\"", nil).
		WithDetail("The file is not below the server's root.")
}

// openError is PostgreSQL's error for a file that cannot be opened.
func (a Access) openError(name string, err error) error {
	code, why := pgerror.IOError, "Input/output error"
	switch {
	case errors.Is(err, fs.ErrNotExist):
		code, why = pgerror.UndefinedFile, "No such file or directory"
	case errors.Is(err, fs.ErrPermission):
		code, why = pgerror.InsufficientPrivilege, "Permission denied"
	}
	return pgerror.Source(a.Source, code, "could not open file \""+name+"\" for reading: "+why, err)
}

// OpenError turns an error of File.Open into the client's.
func (a Access) OpenError(f File, err error) error { return a.openError(f.Name, err) }

// file resolves one path that exists and checks where it leads.
func (a Access) file(root, full string) (File, error) {
	shown := full
	if root != "" {
		if r, err := filepath.Rel(root, full); err == nil {
			shown = r
		}
	}
	st, err := os.Stat(full)
	if err != nil {
		return File{}, a.openError(shown, err)
	}
	if !st.Mode().IsRegular() {
		return File{}, pgerror.Source(a.Source, pgerror.WrongObjectType, "\""+shown+"\" is not a regular file", nil)
	}
	f := File{Name: shown, Size: st.Size(), ModTime: st.ModTime(), path: full}
	if root == "" {
		return f, nil
	}
	realRoot, err := filepath.EvalSymlinks(root)
	if err != nil {
		return File{}, a.openError(root, err)
	}
	real, err := filepath.EvalSymlinks(full)
	if err != nil {
		return File{}, a.openError(shown, err)
	}
	rel, err := filepath.Rel(realRoot, real)
	if err != nil || !filepath.IsLocal(rel) {
		return File{}, a.escape(shown)
	}
	f.root, f.path = realRoot, rel
	return f, nil
}

// directory lists the files below a directory, at any depth.
func (a Access) directory(root, full, name string, extensions []string) ([]File, error) {
	if root != "" {
		// The directory itself may be a link: where it leads is checked before
		// anything of it is listed.
		realRoot, err1 := filepath.EvalSymlinks(root)
		real, err2 := filepath.EvalSymlinks(full)
		if err := errors.Join(err1, err2); err != nil {
			return nil, a.openError(name, err)
		}
		if rel, err := filepath.Rel(realRoot, real); err != nil || !filepath.IsLocal(rel) {
			return nil, a.escape(name)
		}
	}
	var out []File
	err := filepath.WalkDir(full, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return a.openError(name, err)
		}
		if path != full && hidden(d.Name()) {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if d.IsDir() || !hasExtension(d.Name(), extensions) {
			return nil
		}
		f, err := a.file(root, path)
		if err != nil {
			return err
		}
		out = append(out, f)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(out) == 0 {
		return nil, pgerror.Source(a.Source, pgerror.UndefinedFile, "directory \""+name+"\" holds no file with extension "+strings.Join(extensions, ", "), nil)
	}
	return out, nil
}

// hidden reports whether files of that name are never data.
func hidden(name string) bool { return strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") }

// hasExtension reports whether name ends in one of the extensions.
func hasExtension(name string, extensions []string) bool {
	lower := strings.ToLower(name)
	for _, e := range extensions {
		if strings.HasSuffix(lower, e) && len(name) > len(e) {
			return true
		}
	}
	return false
}
