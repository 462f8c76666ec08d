package ddl

import (
	"path/filepath"
	"slices"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/hubsql/hubsql/catalog"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// wrapper returns the catalog entry and the connector of a wrapper.
func (r *run) wrapper(name string) (*catalog.Wrapper, connector.Connector, error) {
	w, ok := r.snap().Wrapper(name)
	c, ok2 := r.env.Sources.Wrapper(name)
	if !ok || !ok2 {
		valid := slices.Clone(r.env.Sources.Wrappers())
		slices.Sort(valid)
		return nil, nil, missing("foreign-data wrapper", name).WithHint("Valid wrappers are: %s", strings.Join(valid, ", "))
	}
	return w, c, nil
}

// optionScope is where a list of options stands.
type optionScope struct {
	con   connector.Connector
	level connector.Level
	// object is the OID that secrets are bound to.
	object types.OID
	// rooted says that relative file names have a directory to be relative to.
	rooted bool
}

// defText is the value of an option as text.
func defText(d *pg.DefElem) string {
	switch v := d.GetArg().GetNode().(type) {
	case *pg.Node_String_:
		return v.String_.Sval
	case *pg.Node_Boolean:
		return word(v.Boolean.Boolval, "true", "false")
	case *pg.Node_Float:
		return v.Float.Fval
	}
	return ""
}

// apply changes a list of options by ADD, SET and DROP, and validates the
// outcome against what the wrapper knows.
func (r *run) apply(have catalog.Options, changes []*pg.Node, sc optionScope) (catalog.Options, error) {
	var known []connector.Option
	for _, o := range sc.con.Options() {
		if o.Level == sc.level {
			known = append(known, o)
		}
	}
	seen := map[string]bool{}
	for _, n := range changes {
		d := n.GetDefElem()
		name := d.GetDefname()
		if seen[name] {
			return nil, pgerror.Newf(pgerror.DuplicateObject, `option "%s" provided more than once`, name)
		}
		seen[name] = true
		_, present := have.Get(name)
		switch d.GetDefaction() {
		case pg.DefElemAction_DEFELEM_DROP:
			if !present {
				return nil, pgerror.Newf(pgerror.UndefinedObject, `option "%s" not found`, name)
			}
			have = have.Without(name)
			continue
		case pg.DefElemAction_DEFELEM_SET:
			if !present {
				return nil, pgerror.Newf(pgerror.UndefinedObject, `option "%s" not found`, name)
			}
		default:
			if present {
				return nil, pgerror.Newf(pgerror.DuplicateObject, `option "%s" provided more than once`, name)
			}
		}
		opt, err := r.option(known, name, defText(d), sc)
		if err != nil {
			return nil, err
		}
		have = have.With(opt)
	}
	for _, k := range known {
		if _, ok := have.Get(k.Name); k.Required && !ok {
			return nil, pgerror.Newf(pgerror.FDWOptionNameNotFound, `option "%s" is required for this %s`, k.Name, sc.level)
		}
	}
	return have, nil
}

// option validates and seals one option.
func (r *run) option(known []connector.Option, name, value string, sc optionScope) (catalog.Option, error) {
	i := slices.IndexFunc(known, func(o connector.Option) bool { return o.Name == name })
	if i < 0 {
		e := pgerror.Newf(pgerror.FDWInvalidOptionName, `invalid option "%s"`, name)
		if len(known) == 0 {
			return catalog.Option{}, e.WithHint("There are no valid options in this context.")
		}
		valid := make([]string, len(known))
		for k, o := range known {
			valid[k] = o.Name
		}
		return catalog.Option{}, e.WithHint("Valid options in this context are: %s", strings.Join(valid, ", "))
	}
	o := known[i]
	if o.Check != nil {
		if err := o.Check(value); err != nil {
			return catalog.Option{}, err
		}
	}
	if o.Path {
		if err := r.checkPath(name, value, sc); err != nil {
			return catalog.Option{}, err
		}
	}
	if o.Secret {
		return r.tx.Seal(sc.object, name, value)
	}
	return catalog.Option{Name: name, Value: value}, nil
}

// checkPath decides who may name which file. What a relative name means, and
// that symbolic links do not lead out of the root, is the connector's to check
// when it opens the file.
func (r *run) checkPath(name, value string, sc optionScope) error {
	if r.snap().ReadsServerFiles(r.role.OID) {
		return nil
	}
	denied := func(hint string) error {
		return pgerror.Newf(pgerror.InsufficientPrivilege, `permission denied to set option "%s"`, name).
			WithDetail("Only roles with privileges of pg_read_server_files may name files outside the root of a server.").WithHint("%s", hint)
	}
	switch {
	case sc.level == connector.OnServer:
		return denied("Ask an administrator to create the server.")
	case filepath.IsAbs(value):
		return denied(`Use a name relative to the server's option "root".`)
	case !sc.rooted:
		return denied(`The server has no option "root".`)
	case !filepath.IsLocal(value):
		return denied(`The name must not lead out of the server's option "root".`)
	}
	return nil
}

// hasOption reports whether a wrapper knows an option at a level.
func hasOption(c connector.Connector, level connector.Level, name string) bool {
	return slices.ContainsFunc(c.Options(), func(o connector.Option) bool { return o.Level == level && o.Name == name })
}
