package catalog

import (
	"bytes"
	"encoding/gob"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// Statistics returns what ANALYZE has stored for a relation, nil when it has
// not. The columns are those of the relation, in order. They hold values of the
// table: see connector.ColumnStatistics. The result must not be changed.
//
// Statistics are no part of a snapshot: they change no answer, and what a
// transaction sees of them does not matter.
func (c *Catalog) Statistics(rel types.OID) *connector.Statistics {
	c.statisticsMu.Lock()
	defer c.statisticsMu.Unlock()
	return c.statistics[rel]
}

// SetStatistics stores the statistics of a relation durably.
func (c *Catalog) SetStatistics(rel types.OID, s *connector.Statistics) error {
	var body bytes.Buffer
	if err := gob.NewEncoder(&body).Encode(s); err != nil {
		return pgerror.Wrap(err, pgerror.InternalError, "could not encode statistics")
	}
	if _, err := c.store.db.Exec("INSERT INTO statistics (relation, body) VALUES (?, ?) ON CONFLICT (relation) DO UPDATE SET body = excluded.body",
		rel, body.Bytes()); err != nil {
		return pgerror.Wrap(err, pgerror.IOError, "could not write the catalog")
	}
	c.statisticsMu.Lock()
	defer c.statisticsMu.Unlock()
	c.statistics[rel] = s
	return nil
}

// loadStatistics reads all that is stored. What belongs to a relation that was
// dropped, or cannot be read, is removed.
func (c *Catalog) loadStatistics() error {
	c.statistics = map[types.OID]*connector.Statistics{}
	rows, err := c.store.db.Query("SELECT relation, body FROM statistics")
	if err != nil {
		return err
	}
	defer rows.Close()
	var gone []types.OID
	for rows.Next() {
		var rel types.OID
		var body []byte
		if err := rows.Scan(&rel, &body); err != nil {
			return err
		}
		s := &connector.Statistics{}
		_, exists := c.Current().Object(rel)
		if !exists || gob.NewDecoder(bytes.NewReader(body)).Decode(s) != nil {
			gone = append(gone, rel)
			continue
		}
		c.statistics[rel] = s
	}
	if err := rows.Err(); err != nil {
		return err
	}
	for _, rel := range gone {
		if _, err := c.store.db.Exec("DELETE FROM statistics WHERE relation = ?", rel); err != nil {
			return err
		}
	}
	return nil
}
