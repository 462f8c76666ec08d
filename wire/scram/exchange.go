package scram

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"strconv"
	"strings"

	"github.com/hubsql/hubsql/wire/pgerror"
)

// Names of the mechanisms.
const (
	Mechanism     = "SCRAM-SHA-256"
	MechanismPlus = "SCRAM-SHA-256-PLUS"
)

// Exchange is the server's side of one authentication. Its errors carry 08P01
// for malformed messages, 28000 for a channel binding that does not fit and
// 0A000 for extensions; a wrong password is the bool of Final.
type Exchange struct {
	// Secret is checked against; it may be a Mock.
	Secret Secret
	// Plus is set when the client chose MechanismPlus.
	Plus bool
	// Binding is the connection's tls-server-end-point data; nil when
	// MechanismPlus was not offered.
	Binding []byte

	gs2         string
	bare        string
	serverFirst string
	nonce       string
}

func malformed(detail string) error {
	return pgerror.New(pgerror.ProtocolViolation, "malformed SCRAM message").WithDetail("%s", detail)
}

// First reads client-first-message and returns server-first-message. The user
// name in the message is ignored: the one of the startup packet counts.
func (e *Exchange) First(message []byte) ([]byte, error) {
	if bytes.IndexByte(message, 0) >= 0 {
		return nil, malformed("Message length does not match input length.")
	}
	text := string(message)
	flag, rest, ok := strings.Cut(text, ",")
	if !ok {
		return nil, malformed("The message is too short.")
	}
	switch {
	case flag == "n":
		if e.Plus {
			return nil, malformed("The client selected SCRAM-SHA-256-PLUS, but the SCRAM message does not include channel binding data.")
		}
	case flag == "y":
		if e.Plus {
			return nil, malformed("The client selected SCRAM-SHA-256-PLUS, but the SCRAM message does not include channel binding data.")
		}
		if e.Binding != nil {
			return nil, pgerror.New(pgerror.InvalidAuthorizationSpecification, "SCRAM channel binding negotiation error").
				WithDetail("The client supports SCRAM channel binding but thinks the server does not.  However, this server does support channel binding.")
		}
	case strings.HasPrefix(flag, "p="):
		if !e.Plus {
			return nil, malformed("The client selected SCRAM-SHA-256 without channel binding, but the SCRAM message includes channel binding data.")
		}
		if flag != "p=tls-server-end-point" {
			return nil, pgerror.Newf(pgerror.ProtocolViolation, "unsupported SCRAM channel-binding type \"%s\"", printable(flag[2:]))
		}
	default:
		return nil, malformed("Unexpected channel-binding flag.")
	}
	authzid, bare, ok := strings.Cut(rest, ",")
	if !ok {
		return nil, malformed("Comma expected.")
	}
	if strings.HasPrefix(authzid, "a=") {
		return nil, pgerror.New(pgerror.FeatureNotSupported, "client uses authorization identity, but it is not supported")
	}
	if authzid != "" {
		return nil, malformed("Unexpected attribute in client-first-message.")
	}
	if strings.HasPrefix(bare, "m=") {
		return nil, pgerror.New(pgerror.FeatureNotSupported, "client requires an unsupported SCRAM extension")
	}
	user, tail, ok := strings.Cut(bare, ",")
	if !ok || !strings.HasPrefix(user, "n=") || !strings.HasPrefix(tail, "r=") {
		return nil, malformed("Attribute expected, but not found.")
	}
	clientNonce, _, _ := strings.Cut(tail[2:], ",")
	if clientNonce == "" || printable(clientNonce) != clientNonce {
		return nil, pgerror.New(pgerror.ProtocolViolation, "non-printable characters in SCRAM nonce")
	}
	raw := make([]byte, 18)
	if _, err := rand.Read(raw); err != nil {
		return nil, pgerror.Wrap(err, pgerror.InternalError, "could not generate random nonce")
	}
	b64 := base64.StdEncoding
	e.gs2, e.bare = flag+","+authzid+",", bare
	e.nonce = clientNonce + b64.EncodeToString(raw)
	e.serverFirst = "r=" + e.nonce + ",s=" + b64.EncodeToString(e.Secret.Salt) + ",i=" + strconv.Itoa(e.Secret.Iterations)
	return []byte(e.serverFirst), nil
}

// Final reads client-final-message and returns server-final-message; ok is
// false when the client does not know the password.
func (e *Exchange) Final(message []byte) (reply []byte, ok bool, err error) {
	if bytes.IndexByte(message, 0) >= 0 {
		return nil, false, malformed("Message length does not match input length.")
	}
	text := string(message)
	at := strings.LastIndex(text, ",p=")
	if at < 0 {
		return nil, false, malformed("Attribute expected, but not found.")
	}
	withoutProof, proofText := text[:at], text[at+3:]
	binding, rest, found := strings.Cut(withoutProof, ",")
	if !found || !strings.HasPrefix(binding, "c=") || !strings.HasPrefix(rest, "r=") {
		return nil, false, malformed("Attribute expected, but not found.")
	}
	want := []byte(e.gs2)
	if e.Plus {
		want = append(want, e.Binding...)
	}
	if subtle.ConstantTimeCompare([]byte(binding[2:]), []byte(base64.StdEncoding.EncodeToString(want))) != 1 {
		if e.Plus {
			return nil, false, pgerror.New(pgerror.InvalidAuthorizationSpecification, "SCRAM channel binding check failed")
		}
		return nil, false, pgerror.New(pgerror.ProtocolViolation, "unexpected SCRAM channel-binding attribute in client-final-message")
	}
	nonce, _, _ := strings.Cut(rest[2:], ",")
	if subtle.ConstantTimeCompare([]byte(nonce), []byte(e.nonce)) != 1 {
		return nil, false, pgerror.New(pgerror.ProtocolViolation, "invalid SCRAM response").WithDetail("Nonce does not match.")
	}
	proof, err := base64.StdEncoding.DecodeString(proofText)
	if err != nil || len(proof) != sha256.Size {
		return nil, false, malformed("Malformed proof in client-final-message.")
	}
	authMessage := e.bare + "," + e.serverFirst + "," + withoutProof
	signature := mac(e.Secret.StoredKey, authMessage)
	clientKey := make([]byte, sha256.Size)
	subtle.XORBytes(clientKey, proof, signature)
	stored := sha256.Sum256(clientKey)
	if !hmac.Equal(stored[:], e.Secret.StoredKey) {
		return nil, false, nil
	}
	final := "v=" + base64.StdEncoding.EncodeToString(mac(e.Secret.ServerKey, authMessage))
	return []byte(final), true, nil
}

// printable returns s with everything but printable ASCII (without comma)
// replaced, for use in a message.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x21 || r > 0x7e || r == ',' {
			return '?'
		}
		return r
	}, s)
}
