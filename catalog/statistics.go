package catalog

import (
	"bytes"
	"encoding/gob"
	"strings"

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

// SetStatistics stores the statistics of a relation durably, and encrypted: they
// are values of the table.
func (c *Catalog) SetStatistics(rel types.OID, s *connector.Statistics) error {
	var body bytes.Buffer
	if err := gob.NewEncoder(&body).Encode(s); err != nil {
		return pgerror.Wrap(err, pgerror.InternalError, "could not encode statistics")
	}
	sealed, err := c.Current().keys.seal(rel, "statistics", body.String())
	if err != nil {
		return err
	}
	if _, err := c.store.db.Exec("INSERT INTO statistics (relation, body) VALUES (?, ?) ON CONFLICT (relation) DO UPDATE SET body = excluded.body",
		rel, sealed.box); err != nil {
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
		if c.statistics[rel] = c.openStatistics(rel, body); c.statistics[rel] == nil {
			delete(c.statistics, rel)
			gone = append(gone, rel)
		}
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

// openStatistics reads what is stored for a relation, nil when the relation is
// not there or the body cannot be read.
func (c *Catalog) openStatistics(rel types.OID, body []byte) *connector.Statistics {
	if _, exists := c.Current().Object(rel); !exists {
		return nil
	}
	clear, err := c.Current().keys.open(rel, "statistics", Secret{body})
	if err != nil {
		return nil
	}
	s := &connector.Statistics{}
	if gob.NewDecoder(strings.NewReader(clear)).Decode(s) != nil {
		return nil
	}
	return s
}
