package wire

import (
	"log/slog"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/hubsql/hubsql/wire/pgerror"
	"github.com/hubsql/hubsql/wire/scram"
)

// scram runs the SCRAM-SHA-256 exchange. A role without a secret goes through
// the same messages as one with a wrong password.
func (c *conn) scram(user string) error {
	secret, known, err := c.srv.cfg.Backend.Secret(c.ctx, user)
	if err != nil {
		return fatal(err)
	}
	if !known {
		secret = scram.Mock(user, c.srv.cfg.MockKey)
	}
	mechanisms := []string{scram.Mechanism}
	if c.binding != nil {
		mechanisms = []string{scram.MechanismPlus, scram.Mechanism}
	}
	c.send(&pgproto3.AuthenticationSASL{AuthMechanisms: mechanisms})
	body, err := c.password()
	if err != nil {
		return err
	}
	var initial pgproto3.SASLInitialResponse
	if err := initial.Decode(body); err != nil {
		return violation("malformed SASL initial response")
	}
	x := scram.Exchange{Secret: secret, Binding: c.binding}
	switch {
	case initial.AuthMechanism == scram.Mechanism:
	case initial.AuthMechanism == scram.MechanismPlus && c.binding != nil:
		x.Plus = true
	default:
		return violation("client selected an invalid SASL authentication mechanism")
	}
	first := initial.Data
	if len(first) == 0 {
		// The client did not send its first message along: ask for it.
		c.send(&pgproto3.AuthenticationSASLContinue{})
		if first, err = c.password(); err != nil {
			return err
		}
	}
	reply, err := x.First(first)
	if err != nil {
		return err
	}
	c.send(&pgproto3.AuthenticationSASLContinue{Data: reply})
	if body, err = c.password(); err != nil {
		return err
	}
	reply, ok, err := x.Final(body)
	if err != nil {
		return err
	}
	if !ok || !known {
		c.log.Warn("password authentication failed", slog.String("user", user))
		return pgerror.Fatalf(pgerror.InvalidPassword, "password authentication failed for user \"%s\"", user)
	}
	c.send(&pgproto3.AuthenticationSASLFinal{Data: reply})
	c.send(&pgproto3.AuthenticationOk{})
	return nil
}

// password reads one message of the client's side of an authentication.
func (c *conn) password() ([]byte, error) {
	c.flush()
	if c.writeErr != nil {
		return nil, c.writeErr
	}
	typ, body, err := c.in.next(func(typ byte) int {
		if typ == 'p' {
			return maxAuthLen
		}
		return maxSmallLen
	})
	if err != nil {
		return nil, err
	}
	if typ != 'p' {
		return nil, violation("expected SASL response, got message type %d", typ)
	}
	return body, nil
}
