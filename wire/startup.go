package wire

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"net"
	"os"
	"sort"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/hubsql/hubsql/wire/pgerror"
)

// Codes in the place of a protocol version.
const (
	codeCancel = 80877102
	codeSSL    = 80877103
	codeGSSEnc = 80877104

	version30 = 3 << 16
	version32 = 3<<16 | 2
)

// startup brings the connection to its first ReadyForQuery. ok is false when
// the connection has served its purpose (a cancel request) or the client left.
func (c *conn) startup() (ok bool, err error) {
	deadline := time.Now().Add(c.srv.cfg.AuthTimeout)
	c.in.setDeadline(deadline)
	_ = c.socket.SetWriteDeadline(deadline)
	params, err := c.negotiate()
	if err == nil && params == nil {
		return false, nil
	}
	if err == nil {
		err = c.authenticate(params)
	}
	if err == nil {
		err = c.open()
	}
	switch {
	case err == nil:
	case errors.Is(err, os.ErrDeadlineExceeded):
		c.mu.Lock()
		dying := c.dying
		c.mu.Unlock()
		if dying != nil {
			return false, dying
		}
		return false, pgerror.Fatalf(pgerror.QueryCanceledCode, "canceling authentication due to timeout")
	case isGone(err):
		return false, nil
	case errors.Is(err, errMessageLength):
		return false, pgerror.Fatalf(pgerror.ProtocolViolation, "invalid length of startup packet")
	default:
		return false, err
	}
	_ = c.socket.SetWriteDeadline(time.Time{})
	c.in.setDeadline(time.Time{})
	return true, nil
}

// negotiate reads startup packets until the one with parameters: TLS, GSS
// encryption and cancel requests may come before or instead. The map is nil
// when nothing more is to be done.
func (c *conn) negotiate() (map[string]string, error) {
	first, err := c.in.peek()
	if err != nil {
		return nil, err
	}
	if first == 0x16 && c.offersTLS() {
		if err := c.startTLS(true); err != nil {
			return nil, err
		}
	}
	askedSSL, askedGSS := false, false
	for {
		body, err := c.in.startup()
		if err != nil {
			return nil, err
		}
		code := binary.BigEndian.Uint32(body)
		switch {
		case code == codeCancel:
			c.cancelRequest(body[4:])
			return nil, nil
		case code == codeSSL && !askedSSL && c.tls == nil:
			askedSSL = true
			if !c.offersTLS() {
				c.out = append(c.out, 'N')
				c.flush()
				break
			}
			c.out = append(c.out, 'S')
			c.flush()
			// Bytes sent before the handshake are an attempt to have them
			// taken for encrypted ones (CVE-2021-23222).
			if c.in.buffered() > 0 {
				return nil, pgerror.Fatalf(pgerror.ProtocolViolation, "received unencrypted data after SSL request").
					WithDetail("This could be either a client-software bug or evidence of an attempted man-in-the-middle attack.")
			}
			if err := c.startTLS(false); err != nil {
				return nil, err
			}
		case code == codeGSSEnc && !askedGSS && c.tls == nil:
			askedGSS = true
			c.out = append(c.out, 'N')
			c.flush()
			if c.in.buffered() > 0 {
				return nil, pgerror.Fatalf(pgerror.ProtocolViolation, "received unencrypted data after GSSAPI encryption request").
					WithDetail("This could be either a client-software bug or evidence of an attempted man-in-the-middle attack.")
			}
		case code>>16 == 3:
			return c.parameters(code, body[4:])
		default:
			return nil, pgerror.Fatalf(pgerror.FeatureNotSupported,
				"unsupported frontend protocol %d.%d: server supports 3.0 to 3.2", code>>16, code&0xffff)
		}
		if c.writeErr != nil {
			return nil, c.writeErr
		}
	}
}

// offersTLS reports whether this connection can be encrypted. A Unix socket
// needs none, and clients expect to be told so.
func (c *conn) offersTLS() bool {
	return c.srv.cfg.Certificates != nil && c.socket.LocalAddr().Network() != "unix"
}

// errHandshake ends a connection whose TLS handshake failed; the client has
// learned why from TLS itself.
var errHandshake = &net.OpError{Op: "tls", Err: errors.New("handshake failed")}

// startTLS puts TLS between the socket and the reader. A client that begins
// with TLS, direct, has to name the protocol by ALPN, so that it cannot be led
// to a server of another protocol.
func (c *conn) startTLS(direct bool) error {
	cert := c.srv.cfg.Certificates.Certificate()
	binding, err := endPoint(cert)
	if err != nil {
		return pgerror.Wrap(err, pgerror.InternalError, "server certificate is not usable")
	}
	early := bytes.Clone(c.in.buf[c.in.start:c.in.end])
	secure := tls.Server(&replayConn{Conn: c.socket, early: early}, tlsConfig(cert))
	ctx, cancel := context.WithTimeout(c.ctx, c.srv.cfg.AuthTimeout)
	defer cancel()
	if err := secure.HandshakeContext(ctx); err != nil {
		c.log.Info("TLS handshake failed", "error", err.Error())
		return errHandshake
	}
	state := secure.ConnectionState()
	if direct && state.NegotiatedProtocol != alpnProtocol {
		c.log.Info("TLS connection without ALPN refused")
		return errHandshake
	}
	c.tls, c.binding = &state, binding
	c.mu.Lock()
	defer c.mu.Unlock()
	interrupted := c.in.interrupted
	c.in, c.writer = newReader(secure), secure
	if interrupted {
		c.in.interrupt()
	}
	return nil
}

// replayConn gives back bytes that were read before TLS was known to start.
type replayConn struct {
	net.Conn
	early []byte
}

// Read implements net.Conn.
func (r *replayConn) Read(p []byte) (int, error) {
	if len(r.early) > 0 {
		n := copy(p, r.early)
		r.early = r.early[n:]
		return n, nil
	}
	return r.Conn.Read(p)
}

// cancelRequest cancels another connection's statement. The client gets no
// answer, whether the key fits or not.
func (c *conn) cancelRequest(body []byte) {
	if len(body) < 8 {
		return
	}
	target := c.srv.session(int32(binary.BigEndian.Uint32(body)))
	if target == nil {
		return
	}
	target.mu.Lock()
	key := target.key
	target.mu.Unlock()
	if len(key) > 0 && subtle.ConstantTimeCompare(key, body[4:]) == 1 {
		target.cancelStatement(pgerror.QueryCanceled())
	}
}

// parameters reads the startup packet proper, and answers it with
// NegotiateProtocolVersion when it asks for more than there is.
func (c *conn) parameters(version uint32, body []byte) (map[string]string, error) {
	params := map[string]string{}
	for {
		name, rest, ok := bytes.Cut(body, []byte{0})
		if !ok {
			return nil, pgerror.Fatalf(pgerror.ProtocolViolation, "invalid startup packet layout: expected terminator as last byte")
		}
		if len(name) == 0 {
			if len(rest) != 0 {
				return nil, pgerror.Fatalf(pgerror.ProtocolViolation, "invalid startup packet layout: expected terminator as last byte")
			}
			break
		}
		value, rest, ok := bytes.Cut(rest, []byte{0})
		if !ok {
			return nil, pgerror.Fatalf(pgerror.ProtocolViolation, "invalid startup packet layout: expected terminator as last byte")
		}
		params[string(name)] = string(value)
		body = rest
	}
	c.version = min(version, version32)
	var unknown []string
	for name := range params {
		if strings.HasPrefix(name, "_pq_.") {
			unknown = append(unknown, name)
			delete(params, name)
		}
	}
	if version > version32 || len(unknown) > 0 {
		sort.Strings(unknown)
		c.send(&pgproto3.NegotiateProtocolVersion{NewestMinorProtocol: c.version, UnrecognizedOptions: unknown})
	}
	return params, nil
}

// authenticate checks the startup packet's user and fills c.start.
func (c *conn) authenticate(params map[string]string) error {
	if err := c.srv.register(c); err != nil {
		return err
	}
	user := params["user"]
	if user == "" {
		return pgerror.Fatalf(pgerror.InvalidAuthorizationSpecification, "no PostgreSQL user name specified in startup packet")
	}
	database := params["database"]
	if database == "" {
		database = user
	}
	switch strings.ToLower(params["replication"]) {
	case "", "0", "f", "fa", "fal", "fals", "false", "n", "no", "of", "off":
	default:
		return pgerror.Fatalf(pgerror.FeatureNotSupported, "replication connections are not supported")
	}
	settings, err := parseOptions(params["options"])
	if err != nil {
		return err
	}
	own := len(settings)
	for name, value := range params {
		switch name {
		case "user", "database", "options", "replication":
		default:
			settings = append(settings, Setting{Name: name, Value: value})
		}
	}
	sort.Slice(settings[own:], func(i, j int) bool { return settings[own+i].Name < settings[own+j].Name })
	c.start = Startup{
		User: user, Database: database, Settings: settings, PID: c.pid,
		ClientAddr: clientAddr(c.socket), TLS: c.tls, Names: c.names, Notice: c.notice,
	}
	if c.srv.cfg.Auth == AuthTrust {
		c.send(&pgproto3.AuthenticationOk{})
		return nil
	}
	return c.scram(user)
}

// open starts the engine's session and tells the client about it.
func (c *conn) open() error {
	err := c.execute(func(ctx context.Context) error {
		s, err := c.srv.cfg.Backend.Open(ctx, c.start)
		c.session = s
		return err
	})
	if err != nil {
		return fatal(err)
	}
	keyLen := 4
	if c.version >= version32 {
		keyLen = 32
	}
	key := make([]byte, keyLen)
	if _, err := rand.Read(key); err != nil {
		return pgerror.Wrap(err, pgerror.InternalError, "could not generate random cancel key")
	}
	c.mu.Lock()
	c.key = key
	c.mu.Unlock()
	c.sendStatus()
	c.send(&pgproto3.BackendKeyData{ProcessID: uint32(c.pid), SecretKey: key})
	return c.ready(nil)
}

func clientAddr(socket net.Conn) string {
	host, _, err := net.SplitHostPort(remoteAddr(socket))
	if err != nil {
		return ""
	}
	return host
}
