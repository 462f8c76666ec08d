package catalog

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/hubsql/hubsql/wire/pgerror"
)

// scramIterations and scramSaltLen are PostgreSQL 15's.
const (
	scramIterations = 4096
	scramSaltLen    = 16
)

// Verifier is a parsed SCRAM-SHA-256 verifier.
type Verifier struct {
	Iterations int
	Salt       []byte
	StoredKey  []byte
	ServerKey  []byte
}

// NewVerifier makes the SCRAM-SHA-256 verifier of a password in clear. A text
// that is a verifier already is returned as it is.
func NewVerifier(password string) (string, error) {
	if _, err := ParseVerifier(password); err == nil {
		return password, nil
	}
	if isMD5(password) {
		return "", pgerror.NotSupported("MD5-encrypted passwords are not supported").
			WithHint("Give the password in clear or as a SCRAM-SHA-256 verifier.")
	}
	salt := make([]byte, scramSaltLen)
	if _, err := rand.Read(salt); err != nil {
		return "", pgerror.Wrap(err, pgerror.InternalError, "could not generate random salt")
	}
	return deriveVerifier(password, salt, scramIterations)
}

func deriveVerifier(password string, salt []byte, iterations int) (string, error) {
	salted, err := pbkdf2.Key(sha256.New, SASLprep(password), salt, iterations, sha256.Size)
	if err != nil {
		return "", pgerror.Wrap(err, pgerror.InternalError, "could not derive the password's key")
	}
	stored := sha256.Sum256(mac(salted, "Client Key"))
	b64 := base64.StdEncoding.EncodeToString
	return fmt.Sprintf("SCRAM-SHA-256$%d:%s$%s:%s", iterations, b64(salt), b64(stored[:]), b64(mac(salted, "Server Key"))), nil
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

// isMD5 recognizes PostgreSQL's md5 verifiers.
func isMD5(s string) bool {
	return len(s) == 35 && strings.HasPrefix(s, "md5") && strings.Trim(s[3:], "0123456789abcdef") == ""
}

// ParseVerifier parses a verifier as PostgreSQL stores it. Its error does not
// show the text.
func ParseVerifier(s string) (*Verifier, error) {
	bad := pgerror.New(pgerror.InvalidPassword, "invalid SCRAM verifier")
	rest, ok := strings.CutPrefix(s, "SCRAM-SHA-256$")
	if !ok {
		return nil, bad
	}
	head, keys, ok1 := strings.Cut(rest, "$")
	iter, salt, ok2 := strings.Cut(head, ":")
	stored, server, ok3 := strings.Cut(keys, ":")
	if !ok1 || !ok2 || !ok3 {
		return nil, bad
	}
	v := &Verifier{}
	var err error
	if v.Iterations, err = strconv.Atoi(iter); err != nil || v.Iterations < 1 {
		return nil, bad
	}
	for _, f := range []struct {
		to   *[]byte
		text string
	}{{&v.Salt, salt}, {&v.StoredKey, stored}, {&v.ServerKey, server}} {
		if *f.to, err = base64.StdEncoding.DecodeString(f.text); err != nil {
			return nil, bad
		}
	}
	if len(v.StoredKey) != sha256.Size || len(v.ServerKey) != sha256.Size || len(v.Salt) == 0 {
		return nil, bad
	}
	return v, nil
}

// Matches reports whether password in clear is the one of the verifier.
func (v *Verifier) Matches(password string) bool {
	salted, err := pbkdf2.Key(sha256.New, SASLprep(password), v.Salt, v.Iterations, sha256.Size)
	if err != nil {
		return false
	}
	stored := sha256.Sum256(mac(salted, "Client Key"))
	return hmac.Equal(stored[:], v.StoredKey)
}

// SASLprep normalizes a password by RFC 4013. As PostgreSQL does, a password
// that must not be used by those rules is taken as it is.
func SASLprep(password string) string {
	ascii := true
	for i := 0; i < len(password); i++ {
		ascii = ascii && password[i] < 0x80
	}
	if ascii {
		return password
	}
	mapped := norm.NFKC.String(strings.Map(func(r rune) rune {
		switch {
		case r == 0xad || r == 0x34f || r == 0x1806 || r == 0x180b || r == 0x180c || r == 0x180d ||
			r == 0x200b || r == 0x200c || r == 0x200d || r == 0x2060 || r >= 0xfe00 && r <= 0xfe0f || r == 0xfeff:
			return -1
		case r > 0x7f && unicode.Is(unicode.Zs, r):
			return ' '
		}
		return r
	}, password))
	for _, r := range mapped {
		if unicode.IsControl(r) || unicode.Is(unicode.Co, r) || unicode.Is(unicode.Cs, r) || r == unicode.ReplacementChar {
			return password
		}
	}
	return mapped
}
