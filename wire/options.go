package wire

import (
	"strings"

	"github.com/hubsql/hubsql/wire/pgerror"
)

// parseOptions reads the `options` parameter of a startup message: switches
// separated by white space, where a backslash keeps the next character. Known
// are `-c name=value`, `-cname=value` and `--name=value`.
func parseOptions(options string) ([]Setting, error) {
	var settings []Setting
	args := splitOptions(options)
	for i := 0; i < len(args); i++ {
		arg := args[i]
		var assignment string
		switch {
		case arg == "-c" && i+1 < len(args):
			i++
			assignment = args[i]
		case strings.HasPrefix(arg, "-c") && len(arg) > 2:
			assignment = arg[2:]
		case strings.HasPrefix(arg, "--") && len(arg) > 2:
			assignment = arg[2:]
		default:
			return nil, pgerror.Fatalf(pgerror.SyntaxError, "invalid command-line argument for server process: %s", arg).
				WithHint("Try \"postgres --help\" for more information.")
		}
		name, value, found := strings.Cut(assignment, "=")
		if !found || name == "" {
			return nil, pgerror.Fatalf(pgerror.SyntaxError, "-c %s requires a value", assignment)
		}
		settings = append(settings, Setting{Name: strings.ReplaceAll(name, "-", "_"), Value: value})
	}
	return settings, nil
}

func splitOptions(s string) []string {
	var (
		args   []string
		word   strings.Builder
		inWord bool
	)
	for i := 0; i < len(s); i++ {
		switch ch := s[i]; ch {
		case ' ', '\t', '\n', '\r', '\v', '\f':
			if inWord {
				args = append(args, word.String())
				word.Reset()
				inWord = false
			}
		case '\\':
			inWord = true
			if i+1 < len(s) {
				i++
				word.WriteByte(s[i])
			}
		default:
			inWord = true
			word.WriteByte(ch)
		}
	}
	if inWord {
		args = append(args, word.String())
	}
	return args
}
