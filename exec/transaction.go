package exec

import (
	"context"
	"slices"
	"time"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/hubsql/hubsql/catalog"
	"github.com/hubsql/hubsql/storage"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// transaction is the transaction state of a session. Queries read; what a
// transaction holds is its catalog changes and its settings.
type transaction struct {
	state txState
	// ddl is open once a statement has changed the catalog.
	ddl *catalog.Tx
	// rows is open once a statement has changed a local table.
	rows *storage.Tx
	// remote is open once a statement has changed a table of a source.
	remote     *remoteTx
	savepoints []savepoint
}

type txState uint8

const (
	txIdle     txState = iota
	txImplicit         // a simple query or the messages up to Sync
	txBlock            // BEGIN
	txFailed           // BEGIN, then an error
)

// savepoint remembers how to undo.
type savepoint struct {
	name string
	vars int
	// had tells whether catalog changes were open; mark is where they were.
	had  bool
	mark catalog.Mark
	// rows is where the changes of local tables were; the zero Mark is the
	// beginning.
	rows storage.Mark
	// remote is the name of the savepoint at the source, "" when the transaction
	// had not changed one.
	remote string
}

// TxStatus is the state that ReadyForQuery reports.
func (s *Session) TxStatus() byte {
	switch s.tx.state {
	case txBlock:
		return 'T'
	case txFailed:
		return 'E'
	}
	return 'I'
}

// begin makes sure that a transaction is open before a statement.
func (s *Session) begin() {
	now := time.Now()
	s.sess.StatementStart = now
	if s.tx.state == txIdle {
		s.tx.state = txImplicit
		s.sess.TxStart = now
		s.sess.Vars.Begin()
	}
	s.refresh()
}

// refresh makes names mean what they mean now: by what others have committed as
// long as the transaction has not changed the catalog itself.
func (s *Session) refresh() {
	if s.tx.ddl != nil {
		s.tx.ddl.Refresh()
	}
	c := s.scoped()
	s.sess.Catalog, s.sess.SearchPath = c.snap, c.path
	s.sess.Vars.SetStatement(s.sess.TxStart, c.names)
}

// End ends the implicit transaction at the end of a simple query or at Sync;
// after an error it rolls back, or fails the open block.
func (s *Session) End(ctx context.Context, failed bool) error {
	defer s.idle()
	s.releaseUsed()
	switch {
	case s.tx.state == txImplicit && failed:
		s.rollback()
	case s.tx.state == txImplicit:
		return s.commit(ctx)
	case s.tx.state == txBlock && failed:
		s.tx.state = txFailed
	}
	return nil
}

// commit makes everything durable: at the source first, because that may refuse.
func (s *Session) commit(ctx context.Context) error {
	server := ""
	if s.tx.remote != nil {
		server = s.tx.remote.source.server
	}
	away, err := s.commitRemote(ctx)
	if err != nil {
		s.rollback()
		return err
	}
	if err := s.save(); err != nil {
		s.rollback()
		if away {
			err = half(server, err)
		}
		return err
	}
	s.tx = transaction{}
	s.sess.Vars.Commit()
	s.names.EndTransaction(true)
	s.syncRole()
	return nil
}

// save makes the changes of the catalog and of local tables durable, in one
// step.
func (s *Session) save() error {
	ddl, rows := s.tx.ddl, s.tx.rows
	if rows != nil && !rows.Changed() {
		// Its locks hold until the definitions are durable.
		defer rows.Rollback()
		rows = nil
	}
	switch {
	case ddl != nil && rows != nil:
		if err := ddl.CommitWith(rows); err != nil {
			return err
		}
	case ddl != nil:
		if err := ddl.Commit(); err != nil {
			return err
		}
	case rows != nil:
		return s.engine.Catalog.Save(rows)
	default:
		return nil
	}
	if err := s.engine.Rows.Sweep(); err != nil {
		// The tables are gone; what is left of them goes at the next start.
		s.engine.Log.Warn("the rows of dropped tables could not be removed", "error", err)
	}
	return nil
}

// rollback undoes everything.
func (s *Session) rollback() {
	s.rollbackRemote()
	if s.tx.ddl != nil {
		s.tx.ddl.Rollback()
	}
	if s.tx.rows != nil {
		s.tx.rows.Rollback()
	}
	open := s.tx.state != txIdle
	s.tx = transaction{}
	if open {
		s.sess.Vars.Rollback()
		s.names.EndTransaction(false)
	}
	s.syncRole()
}

// staged returns the catalog transaction, opening it when needed.
func (s *Session) staged() *catalog.Tx {
	if s.tx.ddl == nil {
		s.tx.ddl = s.engine.Catalog.Begin()
	}
	return s.tx.ddl
}

// allowed refuses everything but the end of the transaction in a failed block.
func (s *Session) allowed(q Query) error {
	if s.tx.state != txFailed {
		return nil
	}
	if t := q.Stmt.GetTransactionStmt(); t != nil {
		switch t.Kind {
		case pg.TransactionStmtKind_TRANS_STMT_COMMIT, pg.TransactionStmtKind_TRANS_STMT_ROLLBACK, pg.TransactionStmtKind_TRANS_STMT_ROLLBACK_TO:
			return nil
		}
	}
	return pgerror.New(pgerror.InFailedSQLTransaction, "current transaction is aborted, commands ignored until end of transaction block")
}

// transactionStmt executes BEGIN and its kin and returns the command tag.
func (s *Session) transactionStmt(ctx context.Context, t *pg.TransactionStmt) (string, error) {
	inBlock := s.tx.state == txBlock || s.tx.state == txFailed
	switch t.Kind {
	case pg.TransactionStmtKind_TRANS_STMT_BEGIN, pg.TransactionStmtKind_TRANS_STMT_START:
		tag := "BEGIN"
		if t.Kind == pg.TransactionStmtKind_TRANS_STMT_START {
			tag = "START TRANSACTION"
		}
		if inBlock {
			s.notice(pgerror.Warningf(pgerror.ActiveSQLTransaction, "there is already a transaction in progress"))
			return tag, nil
		}
		s.tx.state = txBlock
		return tag, s.transactionModes(t.Options, "transaction_", true)
	case pg.TransactionStmtKind_TRANS_STMT_COMMIT:
		if !inBlock {
			s.notice(pgerror.Warningf(pgerror.NoActiveSQLTransaction, "there is no transaction in progress"))
			return "COMMIT", nil
		}
		if s.tx.state == txFailed {
			s.rollback()
			s.chain(t)
			return "ROLLBACK", nil
		}
		if err := s.commit(ctx); err != nil {
			return "", err
		}
		s.chain(t)
		return "COMMIT", nil
	case pg.TransactionStmtKind_TRANS_STMT_ROLLBACK:
		if !inBlock {
			s.notice(pgerror.Warningf(pgerror.NoActiveSQLTransaction, "there is no transaction in progress"))
			return "ROLLBACK", nil
		}
		s.rollback()
		s.chain(t)
		return "ROLLBACK", nil
	case pg.TransactionStmtKind_TRANS_STMT_SAVEPOINT:
		if !inBlock {
			return "", pgerror.New(pgerror.NoActiveSQLTransaction, "SAVEPOINT can only be used in transaction blocks")
		}
		sp := savepoint{name: t.SavepointName, vars: s.sess.Vars.Savepoint()}
		if s.tx.ddl != nil {
			sp.had, sp.mark = true, s.tx.ddl.Mark()
		}
		if s.tx.rows != nil {
			sp.rows = s.tx.rows.Mark()
		}
		var err error
		if sp.remote, err = s.markRemote(ctx); err != nil {
			return "", err
		}
		s.tx.savepoints = append(s.tx.savepoints, sp)
		return "SAVEPOINT", nil
	case pg.TransactionStmtKind_TRANS_STMT_RELEASE:
		i, err := s.findSavepoint(t.SavepointName, "RELEASE SAVEPOINT", inBlock)
		if err != nil {
			return "", err
		}
		s.sess.Vars.Release(s.tx.savepoints[i].vars)
		s.tx.savepoints = s.tx.savepoints[:i]
		return "RELEASE", nil
	case pg.TransactionStmtKind_TRANS_STMT_ROLLBACK_TO:
		i, err := s.findSavepoint(t.SavepointName, "ROLLBACK TO SAVEPOINT", inBlock)
		if err != nil {
			return "", err
		}
		sp := s.tx.savepoints[i]
		if err := s.rollbackRemoteTo(ctx, sp.remote); err != nil {
			return "", err
		}
		s.tx.savepoints = s.tx.savepoints[:i+1]
		s.sess.Vars.RollbackTo(sp.vars)
		switch {
		case s.tx.ddl != nil && sp.had:
			s.tx.ddl.RollbackTo(sp.mark)
		case s.tx.ddl != nil:
			s.tx.ddl.Rollback()
			s.tx.ddl = nil
		}
		if s.tx.rows != nil {
			s.tx.rows.RollbackTo(sp.rows)
		}
		s.tx.state = txBlock
		s.syncRole()
		return "ROLLBACK", nil
	}
	return "", pgerror.NotSupported("two-phase commit is not supported")
}

// chain opens the next transaction for AND CHAIN.
func (s *Session) chain(t *pg.TransactionStmt) {
	if t.Chain {
		s.begin()
		s.tx.state = txBlock
	}
}

func (s *Session) findSavepoint(name, command string, inBlock bool) (int, error) {
	if !inBlock {
		return 0, pgerror.Newf(pgerror.NoActiveSQLTransaction, "%s can only be used in transaction blocks", command)
	}
	for i, v := range slices.Backward(s.tx.savepoints) {
		if v.name == name {
			return i, nil
		}
	}
	return 0, pgerror.Newf(pgerror.InvalidSavepointSpecification, "savepoint %q does not exist", name)
}

// transactionModes applies ISOLATION LEVEL, READ ONLY and DEFERRABLE.
func (s *Session) transactionModes(options []*pg.Node, prefix string, local bool) error {
	for _, o := range options {
		d := o.GetDefElem()
		c := d.GetArg().GetAConst()
		value := c.GetSval().GetSval()
		if d.Defname != "transaction_isolation" {
			value = "off"
			if c.GetIval().GetIval() != 0 {
				value = "on"
			}
		}
		name := prefix + d.Defname[len("transaction_"):]
		if err := s.sess.Vars.Set(name, value, local); err != nil {
			return err
		}
	}
	return nil
}
