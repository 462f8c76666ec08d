// Package scram is SCRAM-SHA-256 (RFC 5802, RFC 7677) as PostgreSQL uses it:
// the secret stored for a role's password, and the server's side of an
// exchange, with and without channel binding.
package scram

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/text/secure/precis"
)

const (
	// DefaultIterations is the PBKDF2 round count of new secrets.
	DefaultIterations = 4096
	saltLen           = 16
	prefix            = "SCRAM-SHA-256"
)

// Secret is what the server keeps of a password: enough to check it, not enough
// to log in with it.
type Secret struct {
	Iterations int
	Salt       []byte
	StoredKey  []byte
	ServerKey  []byte
}

// NewSecret derives the secret of a password with a random salt.
func NewSecret(password string) (Secret, error) {
	salt := make([]byte, saltLen)
	if _, err := rand.Read(salt); err != nil {
		return Secret{}, err
	}
	return derive(password, salt, DefaultIterations)
}

func derive(password string, salt []byte, iterations int) (Secret, error) {
	salted, err := pbkdf2.Key(sha256.New, prepare(password), salt, iterations, sha256.Size)
	if err != nil {
		return Secret{}, err
	}
	clientKey := mac(salted, "Client Key")
	stored := sha256.Sum256(clientKey)
	return Secret{Iterations: iterations, Salt: salt, StoredKey: stored[:], ServerKey: mac(salted, "Server Key")}, nil
}

// prepare normalizes a password; one that cannot be is used as it is, like
// PostgreSQL does.
func prepare(password string) string {
	if p, err := precis.OpaqueString.String(password); err == nil {
		return p
	}
	return password
}

func mac(key []byte, message string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(message))
	return h.Sum(nil)
}

// String returns the form PostgreSQL stores in pg_authid.rolpassword:
// SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey.
func (s Secret) String() string {
	b64 := base64.StdEncoding.EncodeToString
	return fmt.Sprintf("%s$%d:%s$%s:%s", prefix, s.Iterations, b64(s.Salt), b64(s.StoredKey), b64(s.ServerKey))
}

// errSecret says what is wrong without repeating the text.
var errSecret = errors.New("not a SCRAM-SHA-256 secret")

// ParseSecret reads the form that String writes. CREATE ROLE takes such text as
// a password that has been hashed already.
func ParseSecret(text string) (Secret, error) {
	parts := strings.Split(text, "$")
	if len(parts) != 3 || parts[0] != prefix {
		return Secret{}, errSecret
	}
	rounds, salt, ok1 := strings.Cut(parts[1], ":")
	stored, server, ok2 := strings.Cut(parts[2], ":")
	if !ok1 || !ok2 {
		return Secret{}, errSecret
	}
	n, err := strconv.Atoi(rounds)
	if err != nil || n < 1 {
		return Secret{}, errSecret
	}
	s := Secret{Iterations: n}
	for _, field := range []struct {
		text string
		to   *[]byte
		size int
	}{{salt, &s.Salt, 0}, {stored, &s.StoredKey, sha256.Size}, {server, &s.ServerKey, sha256.Size}} {
		b, err := base64.StdEncoding.DecodeString(field.text)
		if err != nil || len(b) == 0 || field.size != 0 && len(b) != field.size {
			return Secret{}, errSecret
		}
		*field.to = b
	}
	return s, nil
}

// Verify reports whether s is the secret of password.
func (s Secret) Verify(password string) bool {
	d, err := derive(password, s.Salt, s.Iterations)
	return err == nil && subtle.ConstantTimeCompare(d.StoredKey, s.StoredKey) == 1
}

// Mock returns a secret for a user that has none: always the same salt for the
// same user and key, and keys that no password matches. key is secret to the
// server.
func Mock(user string, key []byte) Secret {
	return Secret{
		Iterations: DefaultIterations,
		Salt:       mac(key, "salt:"+user)[:saltLen],
		StoredKey:  mac(key, "stored:"+user),
		ServerKey:  mac(key, "server:"+user),
	}
}
