package file

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/federation/decode"
	"github.com/hubsql/hubsql/federation/localfile"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// sampleRows is how many records types are inferred from.
const sampleRows = 10_000

// guess collects what the values of a column can be read as.
type guess struct {
	name string
	seen bool
	no   [len(candidates)]bool
	json bool // nested JSON was seen
}

// candidates are the inferred types, the first that fits wins.
var candidates = [...]types.OID{types.Bool, types.Int8, types.Float8, types.Date, types.Timestamp}

// add looks at one value that is not NULL.
func (g *guess) add(b []byte) {
	g.seen = true
	for i, oid := range candidates {
		if !g.no[i] && !fits(oid, b) {
			g.no[i] = true
		}
	}
}

// fits reports whether b is written as a value of the type would be.
func fits(oid types.OID, b []byte) bool {
	switch oid {
	case types.Bool:
		s := string(bytes.ToLower(b))
		return s == "true" || s == "false"
	case types.Int8:
		if !number(b) {
			return false
		}
		_, err := strconv.ParseInt(string(b), 10, 64)
		return err == nil
	case types.Float8:
		if !number(b) {
			return false
		}
		_, err := strconv.ParseFloat(string(b), 64)
		return err == nil
	case types.Date:
		return decode.IsDate(b)
	}
	return decode.IsTimestamp(b)
}

// number reports whether b looks like a decimal number without leading zeros.
func number(b []byte) bool {
	if len(b) > 0 && b[0] == '-' {
		b = b[1:]
	}
	if len(b) == 0 || b[0] < '0' || b[0] > '9' || len(b) > 1 && b[0] == '0' && b[1] >= '0' && b[1] <= '9' {
		return false
	}
	for _, x := range b {
		if (x < '0' || x > '9') && x != '.' && x != 'e' && x != 'E' && x != '+' && x != '-' {
			return false
		}
	}
	return true
}

// typ returns the inferred type.
func (g *guess) typ() types.Type {
	if g.json {
		return types.Of(types.JSONB)
	}
	if g.seen {
		for i, oid := range candidates {
			if !g.no[i] {
				return types.Of(oid)
			}
		}
	}
	return types.Of(types.Text)
}

// infer reads a sample of a file and returns its columns.
func (t *table) infer(f localfile.File) ([]connector.Column, error) {
	r := &reader{source: t.access.Source, table: t, slots: decode.NewSlots[struct{}](nil)}
	defer func() { _ = r.Close() }()
	plain := *t
	plain.layout.header = "false"
	r.table = &plain
	if err := r.open(span{file: f, to: -1}); err != nil {
		return nil, err
	}
	var guesses []*guess
	var err error
	if r.objects != nil {
		guesses, err = r.inferJSON()
	} else {
		guesses, err = r.inferDelimited(t.layout.header != "false")
	}
	if err != nil {
		return nil, err
	}
	if len(guesses) == 0 {
		return nil, pgerror.Source(t.access.Source, pgerror.BadCopyFileFormat, fmt.Sprintf("file %q is empty: its columns are unknown", f.Name), nil)
	}
	taken := map[string]bool{}
	out := make([]connector.Column, len(guesses))
	for i, g := range guesses {
		name := g.name
		for k := 2; name == "" || taken[name]; k++ {
			if g.name == "" {
				name = fmt.Sprintf("column%d", i+1)
				g.name = name
				continue
			}
			name = fmt.Sprintf("%s_%d", g.name, k)
		}
		taken[name] = true
		out[i] = connector.Column{Name: name, Type: g.typ()}
		if !g.seen {
			out[i].Note = "no value was seen, so the type is text"
		}
	}
	return out, nil
}

// inferDelimited samples the records of a CSV or text file.
func (r *reader) inferDelimited(header bool) ([]*guess, error) {
	var guesses []*guess
	for n := range sampleRows {
		ok, err := r.records.next()
		if err != nil {
			return nil, r.fail(err)
		}
		if !ok {
			break
		}
		cells := r.records.cells
		if n == 0 {
			for _, c := range cells {
				g := &guess{}
				if header {
					g.name = string(bytes.ToValidUTF8(bytes.TrimSpace(c.b), []byte("?")))
				}
				guesses = append(guesses, g)
			}
			if header {
				continue
			}
		}
		for i, c := range cells {
			if i >= len(guesses) || c.null || !c.quoted && string(c.b) == r.table.layout.null {
				continue
			}
			guesses[i].add(c.b)
		}
	}
	return guesses, nil
}

// inferJSON samples the objects of a JSON file; columns are in the order of
// their first appearance.
func (r *reader) inferJSON() ([]*guess, error) {
	var guesses []*guess
	byName := map[string]*guess{}
	for range sampleRows {
		ok, err := r.objects.next()
		if err != nil {
			return nil, r.fail(err)
		}
		if !ok {
			break
		}
		for i := range r.objects.members {
			m := &r.objects.members[i]
			name, v := m.text(), m.value
			g := byName[name]
			if g == nil {
				g = &guess{name: name}
				byName[name] = g
				guesses = append(guesses, g)
			}
			switch v[0] {
			case 'n':
			case '{', '[':
				g.seen, g.json = true, true
			case '"':
				var s string
				if json.Unmarshal(v, &s) == nil {
					// A string stays text unless it is a moment.
					g.add([]byte(s))
					g.no[0], g.no[1], g.no[2] = true, true, true
				}
			default:
				g.add(v)
			}
		}
	}
	return guesses, nil
}
