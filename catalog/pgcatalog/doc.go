// Package pgcatalog answers PostgreSQL's system relations (pg_catalog and
// information_schema) and HubSQL's own (hub) from a snapshot of the catalog, and
// the system functions that need the catalog.
//
// Which relations, columns, types and functions PostgreSQL 15 has is data: the
// files under facts, printed by facts/facts.sql. A relation whose content HubSQL
// has is an entry of contents; every other relation is empty.
package pgcatalog
