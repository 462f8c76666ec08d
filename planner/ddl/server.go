package ddl

import (
	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/hubsql/hubsql/catalog"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/wire/pgerror"
)

func (r *run) createServer(s *pg.CreateForeignServerStmt) error {
	if _, ok := r.snap().Server(s.Servername); ok {
		if s.IfNotExists {
			r.notice(pgerror.DuplicateObject, `server "%s" already exists, skipping`, s.Servername)
			return nil
		}
		return exists("server", s.Servername)
	}
	w, con, err := r.wrapper(s.Fdwname)
	if err != nil {
		return err
	}
	if !r.snap().HasWrapper(r.role.OID, w, catalog.Usage) {
		return pgerror.PermissionDenied("foreign-data wrapper", w.Name)
	}
	o := &catalog.Server{
		OID: r.tx.NewOID(), Name: s.Servername, Wrapper: w.Name, WrapperID: w.OID,
		Type: s.Servertype, Version: s.Version, Owner: r.role.OID,
	}
	if o.Options, err = r.apply(nil, s.Options, optionScope{con: con, level: connector.OnServer, object: o.OID}); err != nil {
		return err
	}
	return r.tx.Put(o)
}

func (r *run) alterServer(s *pg.AlterForeignServerStmt) error {
	o, err := r.ownServer(s.Servername)
	if err != nil {
		return err
	}
	_, con, err := r.wrapper(o.Wrapper)
	if err != nil {
		return err
	}
	o = o.Clone()
	if s.HasVersion {
		o.Version = s.Version
	}
	if o.Options, err = r.apply(o.Options, s.Options, optionScope{con: con, level: connector.OnServer, object: o.OID}); err != nil {
		return err
	}
	return r.tx.Put(o)
}

func (r *run) ownServer(name string) (*catalog.Server, error) {
	o, err := r.server(name)
	if err != nil {
		return nil, err
	}
	if !r.owns(o.Owner) {
		return nil, mustBeOwner("foreign server", name)
	}
	return o, nil
}

// mappingFor resolves the role and server of a user mapping and checks the
// privilege: the server's owner manages all mappings, everybody else with USAGE
// on the server his own.
func (r *run) mappingFor(user *pg.RoleSpec, server string) (types.OID, *catalog.Server, error) {
	role, err := r.roleOrPublic(user)
	if err != nil {
		return 0, nil, err
	}
	s, err := r.server(server)
	if err != nil {
		return 0, nil, err
	}
	switch {
	case r.owns(s.Owner):
	case role != r.role.OID:
		return 0, nil, mustBeOwner("foreign server", server)
	case !r.snap().HasServer(role, s, catalog.Usage):
		return 0, nil, pgerror.PermissionDenied("foreign server", server)
	}
	return role, s, nil
}

func (r *run) mappingScope(s *catalog.Server, object types.OID) (optionScope, error) {
	_, con, err := r.wrapper(s.Wrapper)
	_, rooted := s.Options.Get("root")
	return optionScope{con: con, level: connector.OnUserMapping, object: object, rooted: rooted}, err
}

func (r *run) createMapping(s *pg.CreateUserMappingStmt) error {
	role, server, err := r.mappingFor(s.User, s.Servername)
	if err != nil {
		return err
	}
	if _, ok := r.snap().OwnMapping(server.OID, role); ok {
		if s.IfNotExists {
			r.notice(pgerror.DuplicateObject, `user mapping for "%s" already exists for server "%s", skipping`, r.snap().RoleName(role), server.Name)
			return nil
		}
		return pgerror.Newf(pgerror.DuplicateObject, `user mapping for "%s" already exists for server "%s"`, r.snap().RoleName(role), server.Name)
	}
	m := &catalog.UserMapping{OID: r.tx.NewOID(), Server: server.OID, Role: role}
	sc, err := r.mappingScope(server, m.OID)
	if err != nil {
		return err
	}
	if m.Options, err = r.apply(nil, s.Options, sc); err != nil {
		return err
	}
	return r.tx.Put(m)
}

// noMapping is 42704 for a user mapping.
func (r *run) noMapping(role types.OID, server string) *pgerror.Error {
	return pgerror.Newf(pgerror.UndefinedObject, `user mapping for "%s" does not exist for server "%s"`, r.snap().RoleName(role), server)
}

func (r *run) alterMapping(s *pg.AlterUserMappingStmt) error {
	role, server, err := r.mappingFor(s.User, s.Servername)
	if err != nil {
		return err
	}
	m, ok := r.snap().OwnMapping(server.OID, role)
	if !ok {
		return r.noMapping(role, server.Name)
	}
	sc, err := r.mappingScope(server, m.OID)
	if err != nil {
		return err
	}
	m = m.Clone()
	if m.Options, err = r.apply(m.Options, s.Options, sc); err != nil {
		return err
	}
	return r.tx.Put(m)
}

func (r *run) dropMapping(s *pg.DropUserMappingStmt) error {
	if s.MissingOk {
		if _, ok := r.snap().Server(s.Servername); !ok {
			r.notice(pgerror.SuccessfulCompletion, `server "%s" does not exist, skipping`, s.Servername)
			return nil
		}
		if u := s.User; u.GetRoletype() == pg.RoleSpecType_ROLESPEC_CSTRING {
			if _, ok := r.snap().Role(u.GetRolename()); !ok {
				r.notice(pgerror.SuccessfulCompletion, `role "%s" does not exist, skipping`, u.GetRolename())
				return nil
			}
		}
	}
	role, server, err := r.mappingFor(s.User, s.Servername)
	if err != nil {
		return err
	}
	m, ok := r.snap().OwnMapping(server.OID, role)
	if !ok {
		e := r.noMapping(role, server.Name)
		if s.MissingOk {
			r.notice(pgerror.SuccessfulCompletion, "%s, skipping", e.Message)
			return nil
		}
		return e
	}
	r.remove(m.OID)
	return nil
}
