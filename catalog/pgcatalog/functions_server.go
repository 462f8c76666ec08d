package pgcatalog

import (
	"strings"

	"github.com/hubsql/hubsql/catalog/types"
)

// encodings are PostgreSQL's names of encodings, by number.
var encodings = [...]string{
	"SQL_ASCII", "EUC_JP", "EUC_CN", "EUC_KR", "EUC_TW", "EUC_JIS_2004", "UTF8", "MULE_INTERNAL", "LATIN1", "LATIN2", "LATIN3",
	"LATIN4", "LATIN5", "LATIN6", "LATIN7", "LATIN8", "LATIN9", "LATIN10", "WIN1256", "WIN1258", "WIN866", "WIN874", "KOI8R",
	"WIN1251", "WIN1252", "ISO_8859_5", "ISO_8859_6", "ISO_8859_7", "ISO_8859_8", "WIN1250", "WIN1253", "WIN1254", "WIN1255",
	"WIN1257", "KOI8U", "SJIS", "BIG5", "GBK", "UHC", "GB18030", "JOHAB", "SHIFT_JIS_2004",
}

// encodingKey folds the spellings of an encoding: utf-8, UTF8.
func encodingKey(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		}
		return -1
	}, s)
}

// serverFunctions tell about the server and the session.
var serverFunctions = map[string]scalar{
	"pg_encoding_to_char": func(c *callee) (types.Datum, error) {
		if n := c.int(0); n >= 0 && int(n) < len(encodings) {
			return str(encodings[n]), nil
		}
		return str(""), nil
	},
	"pg_char_to_encoding": func(c *callee) (types.Datum, error) {
		want := encodingKey(c.text(0))
		if want == "unicode" {
			return num(utf8Encoding), nil
		}
		for i, name := range encodings {
			if encodingKey(name) == want {
				return num(i), nil
			}
		}
		return num(-1), nil
	},
	"pg_encoding_max_length": func(c *callee) (types.Datum, error) {
		if c.int(0) == utf8Encoding {
			return num(4), nil
		}
		return null, nil
	},
	"pg_client_encoding":  constant(str("UTF8")),
	"getdatabaseencoding": constant(str("UTF8")),
	"pg_postmaster_start_time": func(c *callee) (types.Datum, error) {
		if c.act == nil {
			return null, nil
		}
		return instant(c.act.Started()), nil
	},
	"pg_conf_load_time": func(c *callee) (types.Datum, error) {
		if c.act == nil {
			return null, nil
		}
		return instant(c.act.Started()), nil
	},
	"pg_backend_pid":   func(c *callee) (types.Datum, error) { return num(int(c.sess.PID)), nil },
	"pg_blocking_pids": constant(types.NewArray(types.Int4, nil).Datum()),
	"inet_client_addr": func(c *callee) (types.Datum, error) { return address(c.sess.ClientAddr), nil },
	"pg_tablespace_location": func(c *callee) (types.Datum, error) {
		return str(""), nil
	},
	"pg_settings_get_flags":                constant(null),
	"pg_stat_clear_snapshot":               constant(types.Datum{}),
	"pg_jit_available":                     constant(yes(false)),
	"pg_trigger_depth":                     constant(num(0)),
	"pg_notification_queue_usage":          constant(types.FloatDatum(0)),
	"pg_advisory_unlock_all":               constant(types.Datum{}), // nobody holds any
	"pg_database_collation_actual_version": constant(null),
	"pg_sequence_last_value":               constant(null),
}
