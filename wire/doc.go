// Package wire is the PostgreSQL protocol server: it turns bytes on a socket
// into calls of an engine (Backend, Session, Prepared, Portal) and the engine's
// batches into DataRow messages. It knows no SQL: statements are opaque to it.
//
// # Start
//
//	socket ── SSLRequest, GSSENCRequest, TLS at once (0x16 + ALPN) ──┐
//	   │                                                             │
//	   ├─ CancelRequest: cancel another connection's statement, end  │
//	   ▼                                                             ▼
//	StartupMessage ─ NegotiateProtocolVersion if it asks for more than 3.2
//	   │             or for an unknown _pq_ option
//	   ▼
//	SCRAM-SHA-256[-PLUS] or trust ─ Backend.Open ─ ParameterStatus...
//	   ─ BackendKeyData ─ ReadyForQuery
//
// Everything up to here has to happen within Config.AuthTimeout. A role without
// a secret goes through the same exchange as one with a wrong password.
//
// # States
//
// A connection is between messages or inside one. Two flags of conn carry what
// is left of the protocol's state:
//
//	skip    a message of the extended protocol has failed: every message up to
//	        Sync is read and dropped (also Query, but not Terminate)
//	failed  something has failed since the last ReadyForQuery: Session.End is
//	        told, so that it rolls the implicit transaction back
//
// Query executes all its statements in one implicit transaction and stops at
// the first error; ReadyForQuery is sent once. The implicit transaction ends
// before the last CommandComplete goes out. Parse, Bind, Describe, Execute and
// Close answer without ReadyForQuery; the implicit transaction of the batch ends
// at Sync. Errors and Flush empty the output buffer at once.
//
// # Portals
//
// A portal is in one of four states:
//
//	bound      nothing has been executed
//	suspended  Execute with a row limit has sent that many rows: it answers
//	           PortalSuspended instead of CommandComplete, also when no row is
//	           left; the next Execute (or FETCH) goes on behind the last row
//	done       Execute again: `SELECT 0` for a portal with rows, 55000 for one
//	           without
//	failed     it is closed at once
//
// A row limit counts for portals that return rows only. CommandComplete counts
// the rows of the last Execute. Portals end with their transaction: at Sync or
// the end of a Query when the session is idle, in the middle of a batch when a
// COMMIT or ROLLBACK has ended the block, and at an error that fails the block.
// Cursors WITH HOLD stay once their transaction has committed. Prepared
// statements stay until they are closed. Names is the one namespace of both,
// shared with SQL's PREPARE, EXECUTE, DECLARE and FETCH.
//
// # Cancel
//
// The messages up to ReadyForQuery execute under one context, which is replaced
// once it has been cancelled. Its cause says why it was, and becomes the client's
// error: CancelRequest and pg_cancel_backend (57014), pg_terminate_backend and
// Shutdown (57P01, FATAL), or a client that has gone, which a watcher notices that
// reads ahead on the socket while a statement executes for longer than a moment.
// What it has read is the reader's next input.
//
// # Rows
//
// An encoder per portal chooses for every column, once, how its values become
// bytes; numerics in scaled form, dictionaries and constants are known to it.
// Rows gather in one buffer that is written with a single call when it is full.
// A client that does not read blocks that call, and so the producer.
//
// # Logging
//
// Connections, refused logins, internal errors and panics are logged; SQL text,
// parameters and passwords never are.
package wire
