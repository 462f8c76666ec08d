package ddl

import (
	"slices"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"
	"google.golang.org/protobuf/proto"

	"github.com/hubsql/hubsql/catalog"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/parser"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// createFunction is CREATE FUNCTION ... LANGUAGE SQL.
func (r *run) createFunction(s *pg.CreateFunctionStmt) error {
	if s.IsProcedure {
		return pgerror.NotSupported("CREATE PROCEDURE is not supported")
	}
	parts := parser.Strings(s.Funcname)
	schemaName := ""
	if len(parts) > 1 {
		schemaName = parts[len(parts)-2]
	}
	schema, err := r.createIn(schemaName)
	if err != nil {
		return err
	}
	f := &catalog.UserFunction{
		OID: r.tx.NewOID(), SchemaID: schema.OID, Name: parts[len(parts)-1], Owner: r.role.OID,
		Path: slices.Clone(r.env.SearchPath), Volatility: 'v',
	}
	if err := r.functionParameters(f, s); err != nil {
		return err
	}
	if err := r.functionOptions(f, s); err != nil {
		return err
	}
	for _, old := range r.snap().FunctionsNamed(schema.Name, f.Name) {
		if !slices.Equal(old.Args, f.Args) {
			continue
		}
		switch {
		case !s.Replace:
			return pgerror.Newf(pgerror.DuplicateFunction, `function "%s" already exists with same argument types`, f.Name)
		case !r.owns(old.Owner):
			return mustBeOwner("function", f.Name)
		case old.Ret != f.Ret || old.Set != f.Set || !slices.EqualFunc(old.Columns, f.Columns, func(a, b catalog.Column) bool { return a.Name == b.Name && a.Type == b.Type }):
			return pgerror.New(pgerror.InvalidFunctionDefinition, "cannot change return type of existing function").
				WithHint("Use DROP FUNCTION %s first.", f.Name+argumentList(f))
		}
		f.OID, f.Owner = old.OID, old.Owner
	}
	if err := r.env.CheckFunction(r.ctx, f); err != nil {
		e := *pgerror.From(err)
		e.Position = 0
		return &e
	}
	return r.tx.Put(f)
}

// argumentList prints the types of a function's arguments.
func argumentList(f *catalog.UserFunction) string {
	out := make([]string, len(f.Args))
	for i, a := range f.Args {
		out[i] = types.FormatType(a)
	}
	return "(" + strings.Join(out, ",") + ")"
}

// functionParameters reads the parameters and what the function returns.
func (r *run) functionParameters(f *catalog.UserFunction, s *pg.CreateFunctionStmt) error {
	for _, n := range s.Parameters {
		p := n.GetFunctionParameter()
		t, err := r.typeOf(p.ArgType)
		if err != nil {
			return r.at(pgerror.From(err), p.ArgType.GetLocation())
		}
		if err := storable(p.Name, t); err != nil {
			return pgerror.NotSupported("parameters of type %s are not supported", types.FormatType(t))
		}
		switch p.Mode {
		case pg.FunctionParameterMode_FUNC_PARAM_TABLE:
			f.Columns = append(f.Columns, catalog.Column{Name: p.Name, AttNum: int16(len(f.Columns) + 1), Type: t})
			continue
		case pg.FunctionParameterMode_FUNC_PARAM_IN, pg.FunctionParameterMode_FUNC_PARAM_DEFAULT:
		default:
			return pgerror.NotSupported("OUT, INOUT and VARIADIC parameters are not supported")
		}
		if p.Defexpr != nil {
			return pgerror.NotSupported("defaults of parameters are not supported")
		}
		if p.Name != "" && slices.Contains(f.ArgNames, p.Name) {
			return pgerror.Newf(pgerror.InvalidFunctionDefinition, `parameter name "%s" used more than once`, p.Name)
		}
		f.Args, f.ArgNames = append(f.Args, t), append(f.ArgNames, p.Name)
	}
	if len(f.Columns) > 0 {
		f.Set = true
		f.Ret = types.Of(types.Record)
		if len(f.Columns) == 1 {
			f.Ret = f.Columns[0].Type
		}
		return nil
	}
	if s.ReturnType == nil {
		return pgerror.New(pgerror.InvalidFunctionDefinition, "function result type must be specified")
	}
	one := proto.Clone(s.ReturnType).(*pg.TypeName)
	one.Setof = false
	t, err := r.typeOf(one)
	if err != nil {
		return r.at(pgerror.From(err), s.ReturnType.GetLocation())
	}
	if err := storable(f.Name, t); err != nil || types.Lookup(t.OID).Category == types.CategoryComposite {
		return pgerror.NotSupported("functions that return %s are not supported", types.FormatType(t))
	}
	f.Ret, f.Set = t, s.ReturnType.Setof
	return nil
}

// functionOptions reads the language, the body and what is promised about it.
func (r *run) functionOptions(f *catalog.UserFunction, s *pg.CreateFunctionStmt) error {
	language, body := "sql", ""
	for _, n := range s.Options {
		d := n.GetDefElem()
		switch d.Defname {
		case "language":
			language = strings.ToLower(d.Arg.GetString_().GetSval())
		case "as":
			body = strings.Join(parser.Strings(d.Arg.GetList().GetItems()), "")
		case "volatility":
			f.Volatility = rune(d.Arg.GetString_().GetSval()[0])
		case "strict":
			f.Strict = d.Arg.GetBoolean().GetBoolval() || d.Arg.GetInteger().GetIval() != 0
		case "security":
			if d.Arg.GetBoolean().GetBoolval() || d.Arg.GetInteger().GetIval() != 0 {
				return pgerror.NotSupported("SECURITY DEFINER is not supported")
			}
		case "leakproof", "parallel", "cost", "rows":
		case "set":
			return pgerror.NotSupported("SET in CREATE FUNCTION is not supported")
		case "window":
			return pgerror.NotSupported("window functions of users are not supported")
		default:
			return pgerror.NotSupported("the option %s of CREATE FUNCTION is not supported", strings.ToUpper(d.Defname))
		}
	}
	if language != "sql" {
		return pgerror.NotSupported("functions in language %s are not supported", language)
	}
	if s.SqlBody != nil {
		text, err := sqlBody(s.SqlBody)
		if err != nil {
			return err
		}
		body = text
	}
	list, err := parser.Parse(body)
	if err != nil {
		e := *pgerror.From(err)
		e.Position = 0
		return &e
	}
	if len(list) != 1 || list[0].Stmt.GetSelectStmt() == nil {
		return pgerror.NotSupported("only functions that consist of one SELECT are supported")
	}
	f.SQL = strings.TrimRight(body, " \t\r\n;")
	return nil
}

// sqlBody is the text of a body in the form of the standard: RETURN or BEGIN
// ATOMIC.
func sqlBody(n *pg.Node) (string, error) {
	for n.GetList() != nil {
		if len(n.GetList().Items) != 1 {
			return "", pgerror.NotSupported("only functions that consist of one SELECT are supported")
		}
		n = n.GetList().Items[0]
	}
	if ret := n.GetReturnStmt(); ret != nil {
		text, err := parser.ExprText(ret.Returnval)
		return "SELECT " + text, err
	}
	return parser.QueryText(n)
}

// findFunction finds the function that a statement names, with its types when
// there are several.
func (r *run) findFunction(n *pg.Node, _ catalog.RelKind) (catalog.Object, string, error) {
	o := n.GetObjectWithArgs()
	parts := parser.Strings(o.GetObjname())
	name := parts[len(parts)-1]
	schemas := r.env.SearchPath
	if len(parts) > 1 {
		schemas = parts[len(parts)-2 : len(parts)-1]
	}
	var args []types.Type
	for _, a := range o.Objargs {
		t, err := r.typeOf(a.GetTypeName())
		if err != nil {
			return nil, "", err
		}
		args = append(args, t)
	}
	var found []*catalog.UserFunction
	for _, schema := range schemas {
		for _, f := range r.snap().FunctionsNamed(schema, name) {
			if o.ArgsUnspecified || slices.EqualFunc(f.Args, args, func(a, b types.Type) bool { return a.OID == b.OID }) {
				found = append(found, f)
			}
		}
		if len(found) > 0 {
			break
		}
	}
	shown := strings.Join(parts, ".")
	switch {
	case len(found) == 0 && o.ArgsUnspecified:
		return nil, "", pgerror.Newf(pgerror.UndefinedFunction, `could not find a function named "%s"`, shown)
	case len(found) == 0:
		return nil, "", pgerror.Newf(pgerror.UndefinedFunction, `function %s does not exist`, shown+argumentList(&catalog.UserFunction{Args: args}))
	case len(found) > 1:
		return nil, "", pgerror.Newf(pgerror.AmbiguousFunction, `function name "%s" is not unique`, shown).
			WithHint("Specify the argument list to select the function unambiguously.")
	case !r.owns(found[0].Owner):
		return nil, "", mustBeOwner("function", name)
	}
	return found[0], "", nil
}
