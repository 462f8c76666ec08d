package file

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"

	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// Formats of a file.
const (
	formatCSV  = "csv"
	formatText = "text"
	formatJSON = "json"
	// formatFixed has values at fixed places of a line.
	formatFixed = "fixed"
	formatAvro  = "avro"
)

// layout is how the bytes of a file are read: the options of COPY.
type layout struct {
	format    string
	header    string // "false", "true" or "match"
	delimiter byte
	quote     byte
	escape    byte
	null      string
	charset   encoding.Encoding // nil for UTF-8
	charName  string
	// length is that of a fixed record in characters, 0 when records are lines.
	length int
	// places are those of the cells of a fixed record.
	places []place
}

// encodings maps PostgreSQL's names of character sets, in upper case without
// punctuation.
var encodings = map[string]encoding.Encoding{
	"LATIN1": charmap.ISO8859_1, "ISO88591": charmap.ISO8859_1,
	"LATIN2": charmap.ISO8859_2, "LATIN3": charmap.ISO8859_3, "LATIN4": charmap.ISO8859_4,
	"LATIN5": charmap.ISO8859_9, "LATIN6": charmap.ISO8859_10, "LATIN7": charmap.ISO8859_13,
	"LATIN8": charmap.ISO8859_14, "LATIN9": charmap.ISO8859_15, "LATIN10": charmap.ISO8859_16,
	"ISO88595": charmap.ISO8859_5, "ISO88596": charmap.ISO8859_6, "ISO88597": charmap.ISO8859_7, "ISO88598": charmap.ISO8859_8,
	"WIN1250": charmap.Windows1250, "WIN1251": charmap.Windows1251, "WIN1252": charmap.Windows1252,
	"WIN1253": charmap.Windows1253, "WIN1254": charmap.Windows1254, "WIN1255": charmap.Windows1255,
	"WIN1256": charmap.Windows1256, "WIN1257": charmap.Windows1257, "WIN1258": charmap.Windows1258,
	"IBM037": charmap.CodePage037, "CP037": charmap.CodePage037, "IBM1047": charmap.CodePage1047, "CP1047": charmap.CodePage1047,
	"IBM1140": charmap.CodePage1140, "CP1140": charmap.CodePage1140,
	"WIN866": charmap.CodePage866, "WIN874": charmap.Windows874, "KOI8R": charmap.KOI8R, "KOI8U": charmap.KOI8U,
	"EUCJP": japanese.EUCJP, "SJIS": japanese.ShiftJIS, "EUCKR": korean.EUCKR, "UHC": korean.EUCKR,
	"GBK": simplifiedchinese.GBK, "GB18030": simplifiedchinese.GB18030, "BIG5": traditionalchinese.Big5,
}

// charsetOf resolves a name; nil means UTF-8.
func charsetOf(name string) (encoding.Encoding, error) {
	key := strings.NewReplacer("-", "", "_", "", " ", "").Replace(strings.ToUpper(name))
	if key == "" || key == "UTF8" || key == "UNICODE" || key == "SQLASCII" {
		return nil, nil
	}
	if e, ok := encodings[key]; ok {
		return e, nil
	}
	return nil, pgerror.Newf(pgerror.InvalidParameterValue, "argument to option \"%s\" must be a valid encoding name", "encoding")
}

// layoutOf builds the layout from options; lookup returns the value of one.
func layoutOf(lookup func(name string) (string, bool)) (layout, error) {
	get := func(name, otherwise string) string {
		if v, ok := lookup(name); ok {
			return v
		}
		return otherwise
	}
	l := layout{format: strings.ToLower(get("format", formatText)), charName: get("encoding", "")}
	l.header = strings.ToLower(get("header", "false"))
	switch l.header {
	case "true", "on", "1", "yes", "t", "y":
		l.header = "true"
	case "false", "off", "0", "no", "f", "n":
		l.header = "false"
	case "match":
	default:
		return l, pgerror.New(pgerror.SyntaxError, "header requires a Boolean value or \"match\"")
	}
	var err error
	if l.charset, err = charsetOf(l.charName); err != nil {
		return l, err
	}
	one := func(name, otherwise string) (byte, error) {
		v := get(name, otherwise)
		if len(v) != 1 {
			return 0, pgerror.Newf(pgerror.FeatureNotSupported, "COPY %s must be a single one-byte character", name)
		}
		return v[0], nil
	}
	switch l.format {
	case formatJSON, formatAvro:
		return l, nil
	case formatFixed:
		l.null = get("null", "")
		if v, ok := lookup("record_length"); ok {
			if l.length, err = strconv.Atoi(v); err != nil || l.length < 1 {
				return l, pgerror.New(pgerror.InvalidParameterValue, "record_length must be a positive number of characters")
			}
		}
		return l, nil
	case formatCSV:
		if l.delimiter, err = one("delimiter", ","); err != nil {
			return l, err
		}
		if l.quote, err = one("quote", `"`); err != nil {
			return l, err
		}
		if l.escape, err = one("escape", string(rune(l.quote))); err != nil {
			return l, err
		}
		l.null = get("null", "")
		if l.delimiter == l.quote {
			return l, pgerror.New(pgerror.InvalidParameterValue, "COPY delimiter and quote must be different")
		}
	case formatText:
		if l.delimiter, err = one("delimiter", "\t"); err != nil {
			return l, err
		}
		l.null = get("null", `\N`)
		for _, name := range []string{"quote", "escape"} {
			if _, ok := lookup(name); ok {
				return l, pgerror.Newf(pgerror.FeatureNotSupported, "COPY %s available only in CSV mode", name)
			}
		}
		if strings.IndexByte("\\.abcdefghijklmnopqrstuvwxyz0123456789", l.delimiter) >= 0 {
			return l, pgerror.Newf(pgerror.InvalidParameterValue, "COPY delimiter cannot be \"%c\"", l.delimiter)
		}
	case "binary":
		return l, pgerror.NotSupported("COPY format \"binary\" is not supported by file_fdw")
	default:
		return l, pgerror.Newf(pgerror.InvalidParameterValue, "COPY format \"%s\" not recognized", l.format).
			WithHint("Valid formats are csv, text, json, fixed and avro.")
	}
	switch {
	case l.delimiter == '\n' || l.delimiter == '\r' || l.delimiter >= utf8.RuneSelf:
		return l, pgerror.New(pgerror.InvalidParameterValue, "COPY delimiter cannot be newline or carriage return")
	case strings.ContainsAny(l.null, "\r\n"):
		return l, pgerror.New(pgerror.InvalidParameterValue, "COPY null representation cannot use newline or carriage return")
	case strings.IndexByte(l.null, l.delimiter) >= 0:
		return l, pgerror.New(pgerror.InvalidParameterValue, "COPY delimiter must not appear in the NULL specification")
	case l.format == formatCSV && strings.IndexByte(l.null, l.quote) >= 0:
		return l, pgerror.New(pgerror.InvalidParameterValue, "CSV quote character must not appear in the NULL specification")
	}
	return l, nil
}

// Options implements connector.Connector.
func (*Connector) Options() []connector.Option {
	boolean := func(value string) error {
		if slices.Contains([]string{"true", "false", "on", "off", "1", "0", "yes", "no", "t", "f", "y", "n"}, strings.ToLower(value)) {
			return nil
		}
		return pgerror.Newf(pgerror.InvalidParameterValue, "invalid value for boolean option: %s", value)
	}
	positive := func(value string) error {
		if n, err := strconv.Atoi(value); err != nil || n < 1 || n > maxRecord {
			return pgerror.Newf(pgerror.InvalidParameterValue, "invalid value for a number of characters: %s", value)
		}
		return nil
	}
	single := func(name, rest string) func(string) error {
		return func(value string) error {
			_, err := layoutOf(func(n string) (string, bool) {
				switch n {
				case name:
					return value, true
				case "format":
					return rest, rest != ""
				}
				return "", false
			})
			return err
		}
	}
	out := []connector.Option{
		{Name: "root", Level: connector.OnServer, Path: true, Doc: "Directory that relative file names lie below; its files are tables of the server."},
	}
	for _, level := range []connector.Level{connector.OnServer, connector.OnTable} {
		of := ""
		if level == connector.OnServer {
			of = "Default for tables: "
		}
		out = append(out,
			connector.Option{Name: "filename", Level: level, Path: true, Doc: of + "the file, a glob pattern (** for any depth), or a directory; .gz, .zst and .lz4 are decompressed."},
			connector.Option{Name: "format", Level: level, Check: single("format", ""), Doc: of + "csv, text, json (one object per line, or an array of objects), fixed (values at fixed places) or avro (object container files)."},
			connector.Option{Name: "header", Level: level, Check: single("header", ""), Doc: of + "true when the first line holds column names, match when they must be those of the table."},
			connector.Option{Name: "delimiter", Level: level, Check: single("delimiter", formatCSV), Doc: of + "one character between columns."},
			connector.Option{Name: "quote", Level: level, Check: single("quote", formatCSV), Doc: of + "one character around values (csv)."},
			connector.Option{Name: "escape", Level: level, Check: single("escape", formatCSV), Doc: of + "one character before a quote inside quotes (csv)."},
			connector.Option{Name: "null", Level: level, Doc: of + "the text that means NULL."},
			connector.Option{Name: "encoding", Level: level, Check: single("encoding", formatCSV), Doc: of + "character set of the file, by PostgreSQL's name; also IBM037, IBM1047 and IBM1140 (EBCDIC)."},
			connector.Option{Name: "record_length", Level: level, Check: single("record_length", formatFixed), Doc: of + "characters of each record (fixed); without it records are lines."},
		)
	}
	return append(out,
		connector.Option{Name: "program", Level: connector.OnTable, Doc: "Refused: HubSQL runs no programs.", Check: func(string) error {
			return pgerror.NotSupported("option \"program\" of file_fdw is not supported")
		}},
		connector.Option{Name: "force_not_null", Level: connector.OnColumn, Check: boolean, Doc: "The null text is a value of this column (csv)."},
		connector.Option{Name: "force_null", Level: connector.OnColumn, Check: boolean, Doc: "The null text means NULL in this column even when quoted (csv)."},
		connector.Option{Name: "column_name", Level: connector.OnColumn, Doc: "Name of the column in a JSON or Avro file, or in a header that must match."},
		connector.Option{Name: "start", Level: connector.OnColumn, Check: positive, Doc: "Place of the first character in a record, counted from 1 (fixed). Default: behind the column before."},
		connector.Option{Name: "length", Level: connector.OnColumn, Check: positive, Doc: "Number of characters (fixed)."},
	)
}

// truth reads a boolean option.
func truth(v string) bool {
	return slices.Contains([]string{"true", "on", "1", "yes", "t", "y"}, strings.ToLower(v))
}

// contextOf is PostgreSQL's CONTEXT of an error, without the value.
func contextOf(table string, line int64, column string) string {
	if column == "" {
		return fmt.Sprintf("COPY %s, line %d", table, line)
	}
	return fmt.Sprintf("COPY %s, line %d, column %s", table, line, column)
}
