package builtin

import (
	"strings"
	"unicode/utf8"

	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// optionsAt returns the text argument k, "" when the call has none.
func (r *row) optionsAt(k int) string {
	if k < r.n() {
		return r.text(k)
	}
	return ""
}

// intAt returns the integer argument k, or a default.
func (r *row) intAt(k int, missing int64) int64 {
	if k < r.n() {
		return r.int(k)
	}
	return missing
}

// positive checks a parameter that starts at 1.
func positive(name string, x, least int64) error {
	if x < least {
		return pgerror.Newf(pgerror.InvalidParameterValue, "invalid value for parameter \"%s\": %d", name, x)
	}
	return nil
}

// noGlobal refuses the option g for a function that finds one match.
func noGlobal(name, options string) error {
	if strings.Contains(options, "g") {
		return pgerror.Newf(pgerror.InvalidParameterValue, "%s() does not support the \"global\" option", name)
	}
	return nil
}

// expand appends a replacement with \1..\9, \& and \\ filled in.
func expand(dst []byte, with, s string, m []int) []byte {
	for i := 0; i < len(with); i++ {
		if with[i] != '\\' || i+1 == len(with) {
			dst = append(dst, with[i])
			continue
		}
		i++
		switch c := with[i]; {
		case c == '&':
			dst = append(dst, s[m[0]:m[1]]...)
		case c >= '1' && c <= '9':
			if k := int(c - '0'); 2*k+1 < len(m) && m[2*k] >= 0 {
				dst = append(dst, s[m[2*k]:m[2*k+1]]...)
			}
		case c == '\\':
			dst = append(dst, '\\')
		default:
			dst = append(dst, '\\', c)
		}
	}
	return dst
}

// replaceRegex replaces match number which (0: all) from byte from on.
func replaceRegex(r *compiledRegex, s, with string, from int, which int64) string {
	var out []byte
	at, n := 0, int64(0)
	for _, m := range r.re.FindAllStringSubmatchIndex(s[from:], -1) {
		for k := range m {
			if m[k] >= 0 {
				m[k] += from
			}
		}
		if n++; which != 0 && n != which {
			continue
		}
		out = append(out, s[at:m[0]]...)
		out = expand(out, with, s, m)
		at = m[1]
		if which != 0 {
			break
		}
	}
	return string(append(out, s[at:]...))
}

// regexpReplace is regexp_replace(text, pattern, replacement [, flags]).
func regexpReplace(r *row) (types.Datum, error) {
	re, err := regex(r.c, r.text(1), r.optionsAt(3), plainFlags, true)
	if err != nil {
		return types.Null, err
	}
	which := int64(1)
	if re.flags.global {
		which = 0
	}
	return text(replaceRegex(re, r.text(0), r.text(2), 0, which))
}

// regexpReplaceFrom is regexp_replace with a start, and optionally the number of
// the match and flags.
func regexpReplaceFrom(r *row) (types.Datum, error) {
	re, err := regex(r.c, r.text(1), r.optionsAt(5), plainFlags, true)
	if err != nil {
		return types.Null, err
	}
	start, which := r.int(3), r.intAt(4, 1)
	if r.n() <= 4 && re.flags.global {
		which = 0
	}
	if err := positive("start", start, 1); err != nil {
		return types.Null, err
	}
	if err := positive("n", which, 0); err != nil {
		return types.Null, err
	}
	return text(replaceRegex(re, r.text(0), r.text(2), offset(r.text(0), int(start-1)), which))
}

// captures are the groups of a match, or the match when there are none.
func captures(s string, m []int) types.Datum {
	var elems []types.Datum
	from := 2
	if len(m) == 2 {
		from = 0
	}
	for k := from; k < len(m); k += 2 {
		d := types.Null
		if m[k] >= 0 {
			d = types.TextDatum(strings.Clone(s[m[k]:m[k+1]]))
		}
		elems = append(elems, d)
	}
	return types.NewArray(types.Text, elems).Datum()
}

// regexpMatchFirst is regexp_match.
func regexpMatchFirst(r *row) (types.Datum, error) {
	if strings.Contains(r.optionsAt(2), "g") {
		return types.Null, pgerror.New(pgerror.InvalidParameterValue, "regexp_match() does not support the \"global\" option").WithHint("Use the regexp_matches function instead.")
	}
	re, err := regex(r.c, r.text(1), r.optionsAt(2), plainFlags, false)
	if err != nil {
		return types.Null, err
	}
	m := re.re.FindStringSubmatchIndex(r.text(0))
	if m == nil {
		return types.Null, nil
	}
	return captures(r.text(0), m), nil
}

// regexpMatches is regexp_matches, a row per match.
func regexpMatches(c *function.Call, args []types.Datum, emit func([]types.Datum) error) error {
	opts := ""
	for _, a := range args {
		if a.Null {
			return nil
		}
	}
	if len(args) > 2 {
		opts = args[2].S
	}
	re, err := regex(c, args[1].S, opts, plainFlags, true)
	if err != nil {
		return err
	}
	n := 1
	if re.flags.global {
		n = -1
	}
	for _, m := range re.re.FindAllStringSubmatchIndex(args[0].S, n) {
		if err := emit([]types.Datum{captures(args[0].S, m)}); err != nil {
			return err
		}
	}
	return nil
}

// splitRegex splits at matches. An empty match splits between characters, but
// not at the ends nor behind another match.
func splitRegex(re *compiledRegex, s string) []string {
	var out []string
	at := 0
	for _, m := range re.re.FindAllStringSubmatchIndex(s, -1) {
		if m[0] >= len(s) || m[1] <= at {
			continue
		}
		out = append(out, s[at:m[0]])
		at = m[1]
	}
	return append(out, s[at:])
}

// regexpSplitArray is regexp_split_to_array.
func regexpSplitArray(r *row) (types.Datum, error) {
	if err := noGlobal("regexp_split_to_array", r.optionsAt(2)); err != nil {
		return types.Null, err
	}
	re, err := regex(r.c, r.text(1), r.optionsAt(2), plainFlags, false)
	if err != nil {
		return types.Null, err
	}
	var elems []types.Datum
	for _, s := range splitRegex(re, r.text(0)) {
		elems = append(elems, types.TextDatum(strings.Clone(s)))
	}
	return types.NewArray(types.Text, elems).Datum(), nil
}

// regexpSplitTable is regexp_split_to_table.
func regexpSplitTable(c *function.Call, args []types.Datum, emit func([]types.Datum) error) error {
	opts := ""
	for _, a := range args {
		if a.Null {
			return nil
		}
	}
	if len(args) > 2 {
		opts = args[2].S
	}
	if err := noGlobal("regexp_split_to_table", opts); err != nil {
		return err
	}
	re, err := regex(c, args[1].S, opts, plainFlags, false)
	if err != nil {
		return err
	}
	for _, s := range splitRegex(re, args[0].S) {
		if err := emit([]types.Datum{types.TextDatum(s)}); err != nil {
			return err
		}
	}
	return nil
}

// regexpCount is regexp_count(text, pattern [, start [, flags]]).
func regexpCount(r *row) (types.Datum, error) {
	if err := noGlobal("regexp_count", r.optionsAt(3)); err != nil {
		return types.Null, err
	}
	re, err := regex(r.c, r.text(1), r.optionsAt(3), plainFlags, false)
	if err != nil {
		return types.Null, err
	}
	start := r.intAt(2, 1)
	if err := positive("start", start, 1); err != nil {
		return types.Null, err
	}
	s := r.text(0)
	return types.IntDatum(int64(len(re.re.FindAllStringSubmatchIndex(s[offset(s, int(start-1)):], -1)))), nil
}

// nthMatch finds match n from a start; nil when there is none.
func nthMatch(r *row, options, group int) (s string, m []int, sub int64, err error) {
	re, err := regex(r.c, r.text(1), r.optionsAt(options), plainFlags, false)
	if err != nil {
		return "", nil, 0, err
	}
	start, n := r.intAt(2, 1), r.intAt(3, 1)
	sub = r.intAt(group, 0)
	if err = positive("start", start, 1); err == nil {
		if err = positive("n", n, 1); err == nil {
			err = positive("subexpr", sub, 0)
		}
	}
	if err != nil {
		return "", nil, 0, err
	}
	s = r.text(0)
	from := offset(s, int(start-1))
	all := re.re.FindAllStringSubmatchIndex(s[from:], int(min(n, 1<<30)))
	if int64(len(all)) < n {
		return s, nil, sub, nil
	}
	m = all[n-1]
	for k := range m {
		if m[k] >= 0 {
			m[k] += from
		}
	}
	if 2*sub+1 >= int64(len(m)) || m[2*sub] < 0 {
		return s, nil, sub, nil
	}
	return s, m, sub, nil
}

// regexpSubstr is regexp_substr.
func regexpSubstr(r *row) (types.Datum, error) {
	if err := noGlobal("regexp_substr", r.optionsAt(4)); err != nil {
		return types.Null, err
	}
	s, m, sub, err := nthMatch(r, 4, 5)
	if err != nil || m == nil {
		return types.Null, err
	}
	return text(s[m[2*sub]:m[2*sub+1]])
}

// regexpInstr is regexp_instr.
func regexpInstr(r *row) (types.Datum, error) {
	if err := noGlobal("regexp_instr", r.optionsAt(5)); err != nil {
		return types.Null, err
	}
	end := r.intAt(4, 0)
	if end != 0 && end != 1 {
		return types.Null, positive("endoption", int64(end), 1<<62)
	}
	s, m, sub, err := nthMatch(r, 5, 6)
	if err != nil || m == nil {
		return types.IntDatum(0), err
	}
	return types.IntDatum(int64(utf8.RuneCountInString(s[:m[2*sub+end]])) + 1), nil
}

// substringRegex is substring(text from pattern): the first group, or the match.
func substringRegex(r *row) (types.Datum, error) {
	re, err := regex(r.c, r.text(1), "", plainFlags, false)
	if err != nil {
		return types.Null, err
	}
	s := r.text(0)
	m := re.re.FindStringSubmatchIndex(s)
	if m == nil {
		return types.Null, nil
	}
	k := 0
	if len(m) > 2 {
		k = 2
	}
	if m[k] < 0 {
		return types.Null, nil
	}
	return text(s[m[k]:m[k+1]])
}

// similarPattern translates a SIMILAR TO pattern to an advanced regular
// expression.
func similarPattern(p, esc string) (string, error) {
	if runes(esc) > 1 {
		return "", pgerror.New(pgerror.InvalidEscapeSequence, "invalid escape string").WithHint("Escape string must be empty or one character.")
	}
	var b strings.Builder
	b.WriteString("^(?:")
	bracket, quotes := 0, 0
	for len(p) > 0 {
		_, w := utf8.DecodeRuneInString(p)
		c := p[:w]
		p = p[w:]
		switch {
		case esc != "" && c == esc:
			if p == "" {
				return "", pgerror.New(pgerror.InvalidEscapeSequence, "invalid escape sequence")
			}
			_, w = utf8.DecodeRuneInString(p)
			if p[:w] == "\"" && bracket == 0 {
				switch quotes++; quotes {
				case 1:
					b.WriteString(")(")
				case 2:
					b.WriteString(")(?:")
				default:
					return "", pgerror.New("2200C", "SQL regular expression may not contain more than two escape-double-quote separators")
				}
			} else {
				b.WriteString("\\" + p[:w])
			}
			p = p[w:]
		case bracket > 0:
			if c == "\\" {
				b.WriteByte('\\')
			}
			b.WriteString(c)
			switch {
			case c == "]" && bracket > 1:
				bracket = 0
			case c == "^" && bracket == 1:
			default:
				bracket = 2
			}
		case c == "[":
			b.WriteString(c)
			bracket = 1
		case c == "%":
			b.WriteString(".*")
		case c == "_":
			b.WriteString(".")
		case c == "(":
			b.WriteString("(?:")
		case c == "\\" || c == "." || c == "^" || c == "$":
			b.WriteString("\\" + c)
		default:
			b.WriteString(c)
		}
	}
	b.WriteString(")$")
	return b.String(), nil
}

// similarEscape is similar_to_escape and similar_escape.
func similarEscape(r *row) (types.Datum, error) {
	esc := `\`
	if r.n() > 1 && !r.null(1) {
		esc = r.text(1)
	}
	if r.null(0) {
		return types.Null, nil
	}
	p, err := similarPattern(r.text(0), esc)
	return types.TextDatum(p), err
}

// substringSimilar is substring(text similar pattern escape esc).
func substringSimilar(r *row) (types.Datum, error) {
	p, err := similarPattern(r.text(1), r.text(2))
	if err != nil {
		return types.Null, err
	}
	re, err := regex(r.c, p, "", plainFlags, false)
	if err != nil {
		return types.Null, err
	}
	s := r.text(0)
	m := re.re.FindStringSubmatchIndex(s)
	if m == nil {
		return types.Null, nil
	}
	if len(m) > 2 && m[2] >= 0 {
		return text(s[m[2]:m[3]])
	}
	return text(s)
}

// regexes are the functions of regular expressions.
func regexes() []entry {
	return []entry{
		{sigs: "textregexeq(text,text) nameregexeq(name,text) bpcharregexeq(bpchar,text)", kernel: regexMatch(false, false), doc: "Matches a regular expression."},
		{sigs: "textregexne(text,text) nameregexne(name,text) bpcharregexne(bpchar,text)", kernel: regexMatch(false, true), doc: "Does not match a regular expression."},
		{sigs: "texticregexeq(text,text) nameicregexeq(name,text) bpcharicregexeq(bpchar,text)", kernel: regexMatch(true, false), doc: "Matches a regular expression whatever the case."},
		{sigs: "texticregexne(text,text) nameicregexne(name,text) bpcharicregexne(bpchar,text)", kernel: regexMatch(true, true), doc: "Does not match a regular expression whatever the case."},
		{sigs: "regexp_like(text,text) regexp_like(text,text,text)", kernel: each(func(r *row) (types.Datum, error) {
			if err := noGlobal("regexp_like", r.optionsAt(2)); err != nil {
				return types.Null, err
			}
			re, err := regex(r.c, r.text(1), r.optionsAt(2), plainFlags, false)
			if err != nil {
				return types.Null, err
			}
			return types.BoolDatum(re.re.MatchString(r.text(0))), nil
		}), doc: "Matches a regular expression."},
		{sigs: "regexp_replace(text,text,text) regexp_replace(text,text,text,text)", kernel: each(regexpReplace), doc: "Replaces the first match, or every one with the flag g.", example: "regexp_replace('foobarbaz', 'b..', 'X', 'g') = fooXX"},
		{sigs: "regexp_replace(text,text,text,int4) regexp_replace(text,text,text,int4,int4) regexp_replace(text,text,text,int4,int4,text)", kernel: each(regexpReplaceFrom), doc: "Replaces one match, or every one for 0, from a position on."},
		{sigs: "regexp_match(text,text) regexp_match(text,text,text)", kernel: each(regexpMatchFirst), doc: "The groups of the first match."},
		{sigs: "regexp_matches(text,text) regexp_matches(text,text,text)", rows: regexpMatches, doc: "The groups of the first match, or a row for every match with the flag g."},
		{sigs: "regexp_split_to_array(text,text) regexp_split_to_array(text,text,text)", kernel: each(regexpSplitArray), doc: "Splits at matches."},
		{sigs: "regexp_split_to_table(text,text) regexp_split_to_table(text,text,text)", rows: regexpSplitTable, doc: "Splits at matches, a row for each piece."},
		{sigs: "regexp_count(text,text) regexp_count(text,text,int4) regexp_count(text,text,int4,text)", kernel: each(regexpCount), doc: "The number of matches."},
		{sigs: "regexp_substr(text,text) regexp_substr(text,text,int4) regexp_substr(text,text,int4,int4) regexp_substr(text,text,int4,int4,text) regexp_substr(text,text,int4,int4,text,int4)", kernel: each(regexpSubstr), doc: "The text of a match or of one of its groups."},
		{sigs: "regexp_instr(text,text) regexp_instr(text,text,int4) regexp_instr(text,text,int4,int4) regexp_instr(text,text,int4,int4,int4) regexp_instr(text,text,int4,int4,int4,text) regexp_instr(text,text,int4,int4,int4,text,int4)", kernel: each(regexpInstr), doc: "The position of a match or of one of its groups, 0 for none."},
		{sigs: "substring(text,text)", kernel: each(substringRegex), doc: "The first group of a match, or the match."},
		{sigs: "substring(text,text,text)", kernel: each(substringSimilar), doc: "The part of a text that a SQL regular expression marks."},
		{sigs: "similar_to_escape(text) similar_to_escape(text,text) similar_escape(text,text)", kernel: each(similarEscape), doc: "Translates a SIMILAR TO pattern to a regular expression."},
	}
}
