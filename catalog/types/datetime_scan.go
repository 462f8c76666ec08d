package types

// tokenKind classifies a piece of a date/time literal.
type tokenKind uint8

const (
	tokNumber  tokenKind = iota // digits, perhaps with a fraction
	tokDate                     // several parts joined by - / or .
	tokTime                     // h:m[:s[.f]]
	tokWord                     // letters
	tokZone                     // sign and digits
	tokSpecial                  // sign and letters
)

// token is a piece of a date/time literal; word and date tokens are in lower
// case, text as written.
type token struct {
	kind tokenKind
	text string
}

// scanDateTime cuts a literal into tokens the way PostgreSQL's ParseDateTime
// does. ok is false when there is a character that belongs to no literal or
// there are too many pieces.
func scanDateTime(s string) (tokens []token, ok bool) {
	const maxTokens = 25
	tokens = make([]token, 0, 8)
	if len(s) > 128 {
		return nil, false
	}
	i := 0
	for i < len(s) {
		c := s[i]
		if isSpace(c) {
			i++
			continue
		}
		if len(tokens) == maxTokens {
			return nil, false
		}
		start := i
		kind := tokNumber
		switch {
		case isDigit(c):
			for i < len(s) && isDigit(s[i]) {
				i++
			}
			switch {
			case i < len(s) && s[i] == ':':
				kind = tokTime
				i++
				for i < len(s) && (isDigit(s[i]) || s[i] == ':' || s[i] == '.') {
					i++
				}
			case i < len(s) && (s[i] == '-' || s[i] == '/' || s[i] == '.'):
				delim := s[i]
				i++
				if i < len(s) && isDigit(s[i]) {
					kind = tokNumber
					if delim != '.' {
						kind = tokDate
					}
					for i < len(s) && isDigit(s[i]) {
						i++
					}
					// A second delimiter makes it a date.
					if i < len(s) && s[i] == delim {
						kind = tokDate
						i++
						for i < len(s) && (isDigit(s[i]) || s[i] == delim) {
							i++
						}
					}
				} else {
					kind = tokDate
					if delim == '.' {
						kind = tokNumber
					}
					for i < len(s) && (isDigit(s[i]) || isAlpha(s[i]) || s[i] == delim) {
						if isAlpha(s[i]) {
							kind = tokDate
						}
						i++
					}
				}
			}
		case c == '.':
			i++
			for i < len(s) && isDigit(s[i]) {
				i++
			}
		case isAlpha(c):
			kind = tokWord
			for i < len(s) && isAlpha(s[i]) {
				i++
			}
			if i < len(s) {
				date := s[i] == '-' || s[i] == '/' || s[i] == '.'
				if !date && (s[i] == '+' || isDigit(s[i])) {
					_, known := dateWords[lower(s[start:i])]
					date = !known
				}
				if date {
					kind = tokDate
					for i < len(s) && (isDigit(s[i]) || isAlpha(s[i]) || s[i] == '+' || s[i] == '-' || s[i] == '/' || s[i] == '_' || s[i] == '.' || s[i] == ':') {
						i++
					}
				}
			}
		case c == '+' || c == '-':
			i++
			for i < len(s) && isSpace(s[i]) {
				i++
			}
			switch {
			case i < len(s) && isDigit(s[i]):
				kind = tokZone
				for i < len(s) && (isDigit(s[i]) || s[i] == ':' || s[i] == '.' || s[i] == '-') {
					i++
				}
				tokens = append(tokens, token{kind, removeSpace(s[start:i])})
				continue
			case i < len(s) && isAlpha(s[i]):
				kind = tokSpecial
				for i < len(s) && isAlpha(s[i]) {
					i++
				}
				tokens = append(tokens, token{kind, removeSpace(s[start:i])})
				continue
			default:
				return nil, false
			}
		case c > ' ' && c < 0x7f: // other punctuation separates
			i++
			continue
		default:
			return nil, false
		}
		tokens = append(tokens, token{kind, s[start:i]})
	}
	return tokens, true
}

func removeSpace(s string) string {
	out := make([]byte, 0, len(s))
	for i := range len(s) {
		if !isSpace(s[i]) {
			out = append(out, s[i])
		}
	}
	return string(out)
}

// lower folds ASCII letters without allocating when there is nothing to fold.
func lower(s string) string {
	for i := range len(s) {
		if s[i] >= 'A' && s[i] <= 'Z' {
			out := []byte(s)
			for ; i < len(out); i++ {
				if out[i] >= 'A' && out[i] <= 'Z' {
					out[i] += 32
				}
			}
			return string(out)
		}
	}
	return s
}

// wordKind is the meaning of a word in a date/time literal.
type wordKind uint8

const (
	wordMonth wordKind = iota + 1
	wordDay            // day of week: ignored
	wordAMPM
	wordEra
	wordReserved // now, today, ...
	wordIgnore   // at, on, t
	wordJulian
	wordISOTime // t
	wordUnit    // y, m, d, h, mm, s before a number
	wordDST
)

type dateWord struct {
	kind  wordKind
	value int
}

// Reserved words of date/time literals.
const (
	reservedNow = iota
	reservedToday
	reservedTomorrow
	reservedYesterday
	reservedEpoch
	reservedInfinity
	reservedNegInfinity
	reservedAllBalls
)

// dateWords holds the words of date/time literals; it never changes.
var dateWords = map[string]dateWord{
	"jan": {wordMonth, 1}, "january": {wordMonth, 1}, "feb": {wordMonth, 2}, "february": {wordMonth, 2},
	"mar": {wordMonth, 3}, "march": {wordMonth, 3}, "apr": {wordMonth, 4}, "april": {wordMonth, 4},
	"may": {wordMonth, 5}, "jun": {wordMonth, 6}, "june": {wordMonth, 6}, "jul": {wordMonth, 7}, "july": {wordMonth, 7},
	"aug": {wordMonth, 8}, "august": {wordMonth, 8}, "sep": {wordMonth, 9}, "sept": {wordMonth, 9}, "september": {wordMonth, 9},
	"oct": {wordMonth, 10}, "october": {wordMonth, 10}, "nov": {wordMonth, 11}, "november": {wordMonth, 11},
	"dec": {wordMonth, 12}, "december": {wordMonth, 12},
	"sun": {wordDay, 0}, "sunday": {wordDay, 0}, "mon": {wordDay, 1}, "monday": {wordDay, 1}, "tue": {wordDay, 2}, "tues": {wordDay, 2}, "tuesday": {wordDay, 2},
	"wed": {wordDay, 3}, "weds": {wordDay, 3}, "wednesday": {wordDay, 3}, "thu": {wordDay, 4}, "thur": {wordDay, 4}, "thurs": {wordDay, 4}, "thursday": {wordDay, 4},
	"fri": {wordDay, 5}, "friday": {wordDay, 5}, "sat": {wordDay, 6}, "saturday": {wordDay, 6},
	"am": {wordAMPM, 0}, "pm": {wordAMPM, 1},
	"ad": {wordEra, 0}, "bc": {wordEra, 1},
	"now": {wordReserved, reservedNow}, "today": {wordReserved, reservedToday}, "tomorrow": {wordReserved, reservedTomorrow},
	"yesterday": {wordReserved, reservedYesterday}, "epoch": {wordReserved, reservedEpoch}, "infinity": {wordReserved, reservedInfinity},
	"-infinity": {wordReserved, reservedNegInfinity}, "allballs": {wordReserved, reservedAllBalls},
	"at": {wordIgnore, 0}, "on": {wordIgnore, 0},
	"j": {wordJulian, 0}, "jd": {wordJulian, 0}, "julian": {wordJulian, 0},
	"y": {wordUnit, unitOfYear}, "m": {wordUnit, unitOfMonth}, "d": {wordUnit, unitOfDay},
	"h": {wordUnit, unitOfHour}, "mm": {wordUnit, unitOfMinute}, "s": {wordUnit, unitOfSecond},
	"t": {wordISOTime, 0}, "dst": {wordDST, 0},
}
