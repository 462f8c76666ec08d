package builtin

import (
	"fmt"
	"testing"
)

// The groups are those that PostgreSQL finds.
func TestRegexCutsMatchesAsPostgreSQL(t *testing.T) {
	for _, c := range []struct{ s, pattern, want string }{
		{"abcd", "(a|ab)(c|bcd)(d*)", "[abcd ab c d]"},
		{"llmmmfff", "^(l*){1,1}?(.*)(f*)$", "[llmmmfff  llmmmfff ]"},
		{"llmmmfff", "^(l*){1,1}?(.*){1,1}?(f*)$", "[llmmmfff  llmmm fff]"},
		{"foo/bar/baz", "^([^/]+?)(?:/([^/]+?))(?:/([^/]+?))?$", "[foo/bar/baz foo bar baz]"},
		{"XY1234Z", "Y*?([0-9]{1,3})", "[Y1 1]"},
		{"XY1234Z", "Y*([0-9]{1,3})", "[Y123 123]"},
		{"abcabc", `^(abc)\1$`, "[abcabc abc]"},
		{"a", "a(?<=a)b*", "[a]"},
		{"foobar", "(?<=oo)b+", "[b]"},
		{"xyz", "x(?:y)(z)", "[xyz z]"},
		{"äöü", "ö(.)", "[öü ü]"},
		{"a", `\x61`, "[a]"},
		{"a", `\141`, "[a]"},
		{"a.b", "***=a.b", "[a.b]"},
		{"b", "a", "[]"},
	} {
		re, err := compileRegex(c.pattern, plainFlags)
		if err != nil {
			t.Errorf("%s: %v", c.pattern, err)
			continue
		}
		var got []string
		if m := re.FindStringSubmatchIndex(c.s); m != nil {
			for i := 0; i < len(m); i += 2 {
				if m[i] < 0 {
					got = append(got, "")
					continue
				}
				got = append(got, c.s[m[i]:m[i+1]])
			}
		}
		if fmt.Sprint(got) != c.want {
			t.Errorf("%q ~ %q: %q, want %s", c.s, c.pattern, got, c.want)
		}
	}
}

func TestRegexErrorsArePostgreSQLs(t *testing.T) {
	for pattern, want := range map[string]string{
		"(":             "parentheses () not balanced",
		"[":             "brackets [] not balanced",
		"a{1":           "braces {} not balanced",
		"a{2,1}":        "invalid repetition count(s)",
		"a**":           "quantifier operand invalid",
		"^*":            "quantifier operand invalid",
		"(?=a)+":        "quantifier operand invalid",
		`\1`:            "invalid backreference number",
		`x(\w)(?=(\1))`: "invalid backreference number",
		"[b-a]":         "invalid character range",
		`\`:             `invalid escape \ sequence`,
		"(?z)a":         "invalid embedded option",
	} {
		if _, err := compileRegex(pattern, plainFlags); err == nil || err.Error() != badRegex(want).Error() {
			t.Errorf("%s: %v, want %s", pattern, err, want)
		}
	}
}

// An expression that could be cut in very many ways ends.
func TestRegexWorkIsBounded(t *testing.T) {
	s := ""
	for range 3000 {
		s += "a"
	}
	re, err := compileRegex(`((a*)*)*(\2)*b`, plainFlags)
	if err != nil {
		t.Fatal(err)
	}
	if re.MatchString(s) {
		t.Error("matches")
	}
}
