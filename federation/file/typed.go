package file

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/federation/localfile"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// typed is an open file that says itself which columns it has, of which types.
type typed interface {
	// columns are those of the file, with their own names.
	columns() []connector.Column
	// bind chooses what read reads: for each column of the reader the index of one
	// of the file, -1 for none.
	bind(from []int)
	// read fills rows n..size-1 of cols and returns how many there were, maybe not
	// all that the file has, 0 at its end. With the error of a value come the rows
	// before it and the name of its column.
	read(ctx context.Context, cols []column, n, size int) (rows int, name string, err error)
	// held is the memory in use, in bytes.
	held() int64
	close()
}

// isTyped reports whether files of a format say which columns they have.
func isTyped(format string) bool { return format == formatAvro }

// openTyped starts to read a file of a typed format.
func openTyped(in *input) (typed, error) { return openAvro(in) }

// guard makes an error of a panic of a library: files are not to be trusted.
func guard(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("the file does not follow its format: %v", p)
	}
}

// namesOf gives each column a name of its own.
func namesOf(list []connector.Column) []connector.Column {
	taken := map[string]bool{}
	for i := range list {
		name := list[i].Name
		for k := 2; name == "" || taken[name]; k++ {
			name = fmt.Sprintf("%s_%d", list[i].Name, k)
		}
		taken[name] = true
		list[i].Name = name
	}
	return list
}

// bindTyped finds the columns of the reader in a file. A file that lacks one has
// NULL there.
func (r *reader) bindTyped() {
	names := namesOf(r.typed.columns())
	from := make([]int, len(r.cols))
	for i := range r.cols {
		from[i] = slices.IndexFunc(names, func(c connector.Column) bool { return c.Name == r.cols[i].key })
	}
	r.typed.bind(from)
}

// typedRows reads rows n..size-1.
func (r *reader) typedRows(ctx context.Context, n, size int) (int, error) {
	rows, name, err := r.typed.read(ctx, r.cols, n, size)
	r.row += int64(rows)
	switch {
	case err == nil:
		return rows, nil
	case ctx.Err() != nil:
		return 0, ctx.Err()
	case name != "":
		r.row++
		return 0, r.at(err, name)
	}
	return 0, r.table.invalid(r.name, err)
}

// typedColumns returns the columns of a file of a typed format, and checks that
// it has those that were declared.
func (t *table) typedColumns(f localfile.File) ([]connector.Column, error) {
	in, err := openInput(f, nil, 0, -1)
	if err != nil {
		return nil, t.access.OpenError(f, err)
	}
	defer in.Close()
	x, err := openTyped(in)
	if err != nil {
		return nil, t.invalid(f.Name, err)
	}
	defer x.close()
	names := namesOf(x.columns())
	for _, c := range t.ref.Columns {
		if !slices.ContainsFunc(names, func(x connector.Column) bool { return x.Name == memberName(c) }) {
			return nil, pgerror.Source(t.access.Source, pgerror.UndefinedColumn,
				fmt.Sprintf("column %q of table %q does not exist in file %q", memberName(c), t.ref.Name, f.Name), nil)
		}
	}
	return names, nil
}

// invalid is the error of a typed file that cannot be read.
func (t *table) invalid(name string, err error) error {
	if own, ok := errors.AsType[*pgerror.Error](err); ok {
		return own
	}
	return pgerror.Source(t.access.Source, pgerror.DataCorrupted, "invalid "+t.layout.format+" file \""+name+"\"", err)
}
