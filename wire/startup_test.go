package wire_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/hubsql/hubsql/wire"
	"github.com/hubsql/hubsql/wire/scram"
)

// selfSigned makes a certificate for 127.0.0.1 whose key is made by newKey.
func selfSigned(t testing.TB, public, private any) *tls.Certificate {
	t.Helper()
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "hub"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{"localhost"},
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, public, private)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: private}
}

func ecdsaCert(t testing.TB) *tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return selfSigned(t, &key.PublicKey, key)
}

// fixed is a certificate that does not change.
type fixed struct{ cert *tls.Certificate }

func (f fixed) Certificate() *tls.Certificate { return f.cert }

func withTLS(cert *tls.Certificate) func(*wire.Config) {
	return func(c *wire.Config) { c.Certificates = fixed{cert} }
}

func wantCode(t *testing.T, err error, code, text string) {
	t.Helper()
	var pe *pgconn.PgError
	if !errors.As(err, &pe) {
		t.Fatalf("error is %v", err)
	}
	if pe.Code != code || !strings.Contains(pe.Message, text) {
		t.Errorf("got %s %s %q, want %s %q", pe.Severity, pe.Code, pe.Message, code, text)
	}
}

func TestStartupReportsSettingsAndKey(t *testing.T) {
	s := serve(t, nil)
	r := s.dial()
	r.send(&pgproto3.StartupMessage{ProtocolVersion: 196608, Parameters: map[string]string{"user": "ann", "application_name": "app", "options": `-c search_path=a,b\ c --work-mem=1MB`}})
	r.want('Z', "R S:DateStyle=ISO, MDY S:TimeZone=UTC S:application_name=app S:client_encoding=UTF8 S:integer_datetimes=on S:server_version=15.18 S:standard_conforming_strings=on K Z:I")
	start := s.fake.starts[0]
	if start.Database != "ann" || start.PID <= 0 || start.ClientAddr != "127.0.0.1" {
		t.Errorf("startup is %+v", start)
	}
	want := []wire.Setting{{Name: "search_path", Value: "a,b c"}, {Name: "work_mem", Value: "1MB"}, {Name: "application_name", Value: "app"}}
	if !reflect.DeepEqual(start.Settings, want) {
		t.Errorf("settings are %v", start.Settings)
	}
}

func TestBadOptionsAreRefused(t *testing.T) {
	s := serve(t, nil)
	for _, options := range []string{"-z", "-c x", "-c", "--=1", "stray"} {
		r := s.dial()
		r.send(&pgproto3.StartupMessage{ProtocolVersion: 196608, Parameters: map[string]string{"user": "ann", "options": options}})
		r.want('E', "R E:FATAL:42601"[2:])
	}
}

func TestStartupErrors(t *testing.T) {
	s := serve(t, nil)
	_, err := pgconn.Connect(context.Background(), strings.Replace(s.url(""), "/hub", "/nosuch", 1))
	wantCode(t, err, "3D000", `database "nosuch" does not exist`)
	r := s.dial()
	r.send(&pgproto3.StartupMessage{ProtocolVersion: 196608, Parameters: map[string]string{"database": "x"}})
	r.want('E', "E:FATAL:28000")
	r.eof()
	r = s.dial()
	_, _ = r.conn.Write([]byte{0, 0, 0, 8, 0, 2, 0, 0})
	r.want('E', "E:FATAL:0A000")
	r = s.dial()
	_, _ = r.conn.Write([]byte{0x7f, 0, 0, 8, 0, 3, 0, 0})
	r.want('E', "E:FATAL:08P01")
	r = s.dial()
	_, _ = r.conn.Write([]byte{0, 0, 0, 12, 0, 3, 0, 0, 'u', 's', 'e', 'r'})
	r.want('E', "E:FATAL:08P01")
}

func TestNewerProtocolIsNegotiated(t *testing.T) {
	s := serve(t, nil)
	for _, c := range []struct {
		version    uint32
		extra      string
		negotiated bool
		keyLen     int
	}{
		{3 << 16, "", false, 4},
		{3<<16 | 2, "", false, 32},
		{3<<16 | 9999, "_pq_.test_protocol_negotiation", true, 32},
		{3 << 16, "_pq_.x", true, 4},
	} {
		r := s.dial()
		body := binary.BigEndian.AppendUint32(nil, c.version)
		body = append(body, "user\x00ann\x00"...)
		if c.extra != "" {
			body = append(body, c.extra+"\x00\x00"...)
		}
		body = append(body, 0)
		_, _ = r.conn.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(body)+4)), body...))
		m, err := r.fe.Receive()
		if err != nil {
			t.Fatal(err)
		}
		if v, ok := m.(*pgproto3.NegotiateProtocolVersion); ok != c.negotiated {
			t.Errorf("version %x: got %T", c.version, m)
		} else if ok && (v.NewestMinorProtocol != min(c.version, 3<<16|2) || !reflect.DeepEqual(v.UnrecognizedOptions, []string{c.extra})) {
			t.Errorf("version %x: got %+v", c.version, v)
		}
		for {
			m, err := r.fe.Receive()
			if err != nil {
				t.Fatal(err)
			}
			if k, ok := m.(*pgproto3.BackendKeyData); ok {
				if len(k.SecretKey) != c.keyLen || int32(k.ProcessID) <= 0 {
					t.Errorf("version %x: key %+v", c.version, k)
				}
				break
			}
		}
	}
}

func TestSSLAndGSSRequestsWithoutCertificate(t *testing.T) {
	r := serve(t, nil).dial()
	for _, m := range []pgproto3.FrontendMessage{&pgproto3.GSSEncRequest{}, &pgproto3.SSLRequest{}} {
		r.send(m)
		var b [1]byte
		if _, err := r.conn.Read(b[:]); err != nil || b[0] != 'N' {
			t.Fatalf("got %q, %v", b[:], err)
		}
	}
	r.send(&pgproto3.StartupMessage{ProtocolVersion: 196608, Parameters: map[string]string{"user": "ann"}})
	r.until('Z')
}

func TestTLSAfterSSLRequest(t *testing.T) {
	s := serve(t, withTLS(ecdsaCert(t)))
	c, err := pgconn.Connect(context.Background(), strings.Replace(s.url(""), "disable", "require", 1))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(context.Background())
	res, err := c.Exec(context.Background(), "rows 2000").ReadAll()
	if err != nil || len(res[0].Rows) != 2000 {
		t.Fatal(err)
	}
	if s.fake.starts[0].TLS == nil {
		t.Error("the session does not know of TLS")
	}
}

func TestPlainBytesBeforeTLSAreRefused(t *testing.T) {
	r := serve(t, withTLS(ecdsaCert(t))).dial()
	r.send(&pgproto3.SSLRequest{}, &pgproto3.StartupMessage{ProtocolVersion: 196608, Parameters: map[string]string{"user": "ann"}})
	var b [1]byte
	if _, err := r.conn.Read(b[:]); err != nil || b[0] != 'S' {
		t.Fatalf("got %q, %v", b[:], err)
	}
	r.want('E', "E:FATAL:08P01")
	r.eof()
}

func TestDirectTLSNeedsALPN(t *testing.T) {
	s := serve(t, withTLS(ecdsaCert(t)))
	conn, err := tls.Dial("tcp", s.addr, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"postgresql"}})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	r := &raw{t: t, conn: conn, fe: pgproto3.NewFrontend(conn, conn)}
	r.send(&pgproto3.StartupMessage{ProtocolVersion: 196608, Parameters: map[string]string{"user": "ann"}})
	r.until('Z')
	r.send(&pgproto3.Query{String: "rows 1"})
	r.want('Z', "T:n/20/0,t/25/0 rows:1 C:SELECT_1 Z:I")

	plain, err := tls.Dial("tcp", s.addr, &tls.Config{InsecureSkipVerify: true})
	if err == nil {
		defer plain.Close()
		if _, err = plain.Read(make([]byte, 1)); err == nil {
			t.Error("a client without ALPN was served")
		}
	}
	other, err := tls.Dial("tcp", s.addr, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}})
	if err == nil {
		other.Close()
		t.Error("a client of another protocol was served")
	}
}

func TestCertificateFilesAreReadAgain(t *testing.T) {
	dir := t.TempDir()
	write := func() *tls.Certificate {
		cert := ecdsaCert(t)
		key, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
		if err != nil {
			t.Fatal(err)
		}
		for name, b := range map[string]*pem.Block{"c": {Type: "CERTIFICATE", Bytes: cert.Certificate[0]}, "k": {Type: "PRIVATE KEY", Bytes: key}} {
			if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(b), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		return cert
	}
	first := write()
	files, err := wire.LoadCertificate(filepath.Join(dir, "c"), filepath.Join(dir, "k"), discard())
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(files.Certificate().Certificate[0], first.Certificate[0]) {
		t.Error("first certificate differs")
	}
	time.Sleep(10 * time.Millisecond)
	second := write()
	if !bytes.Equal(files.Certificate().Certificate[0], second.Certificate[0]) {
		t.Error("the new certificate is not used")
	}
	if err := os.WriteFile(filepath.Join(dir, "c"), []byte("broken"), 0o600); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(files.Certificate().Certificate[0], second.Certificate[0]) {
		t.Error("a broken file replaced the certificate")
	}
	if _, err := wire.LoadCertificate(filepath.Join(dir, "none"), filepath.Join(dir, "k"), discard()); err == nil {
		t.Error("a missing file is accepted")
	}
}

func withSCRAM(t testing.TB, s *server, user, password string) {
	secret, err := scram.NewSecret(password)
	if err != nil {
		t.Fatal(err)
	}
	s.fake.secrets[user] = secret
}

func scramURL(s *server, user, password, extra string) string {
	return "postgres://" + user + ":" + password + "@" + s.addr + "/hub?" + extra
}

func TestSCRAM(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	edPublic, edPrivate, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		cert  *tls.Certificate
		extra string
		bound bool
	}{
		{"plain", nil, "sslmode=disable", false},
		{"ECDSA", ecdsaCert(t), "sslmode=require&channel_binding=require", true},
		{"RSA", selfSigned(t, &rsaKey.PublicKey, rsaKey), "sslmode=require&channel_binding=require", true},
		{"Ed25519 has no binding", selfSigned(t, edPublic, edPrivate), "sslmode=require&channel_binding=prefer", false},
		{"binding not wanted", ecdsaCert(t), "sslmode=require&channel_binding=disable", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := serve(t, func(cfg *wire.Config) {
				cfg.Auth = wire.AuthSCRAM
				if c.cert != nil {
					cfg.Certificates = fixed{c.cert}
				}
			})
			withSCRAM(t, s, "ann", "paß wort")
			conn, err := pgconn.Connect(context.Background(), scramURL(s, "ann", "pa%C3%9F%20wort", c.extra))
			if err != nil {
				t.Fatal(err)
			}
			conn.Close(context.Background())
			_, err = pgconn.Connect(context.Background(), scramURL(s, "ann", "wrong", c.extra))
			wantCode(t, err, "28P01", `password authentication failed for user "ann"`)
			_, err = pgconn.Connect(context.Background(), scramURL(s, "nobody", "wrong", c.extra))
			wantCode(t, err, "28P01", `password authentication failed for user "nobody"`)
			if n := len(s.fake.starts); n != 1 {
				t.Errorf("%d sessions were opened", n)
			}
		})
	}
}

func TestUnknownUserLooksLikeAKnownOne(t *testing.T) {
	s := serve(t, func(cfg *wire.Config) { cfg.Auth = wire.AuthSCRAM })
	withSCRAM(t, s, "ann", "secret")
	salts := map[string][]string{}
	for range 2 {
		for _, user := range []string{"ann", "nobody"} {
			r := s.dial()
			r.send(&pgproto3.StartupMessage{ProtocolVersion: 196608, Parameters: map[string]string{"user": user}})
			if m, err := r.fe.Receive(); err != nil || !reflect.DeepEqual(m.(*pgproto3.AuthenticationSASL).AuthMechanisms, []string{"SCRAM-SHA-256"}) {
				t.Fatal(m, err)
			}
			r.send(&pgproto3.SASLInitialResponse{AuthMechanism: "SCRAM-SHA-256", Data: []byte("n,,n=,r=abc")})
			m, err := r.fe.Receive()
			if err != nil {
				t.Fatal(err)
			}
			parts := strings.Split(string(m.(*pgproto3.AuthenticationSASLContinue).Data), ",")
			salts[user] = append(salts[user], parts[1]+parts[2])
		}
	}
	for user, seen := range salts {
		if seen[0] != seen[1] || len(seen[0]) != len(salts["ann"][0]) {
			t.Errorf("%s: %v", user, seen)
		}
	}
}

func TestSASLViolations(t *testing.T) {
	s := serve(t, func(cfg *wire.Config) { cfg.Auth = wire.AuthSCRAM; cfg.Certificates = fixed{ecdsaCert(t)} })
	withSCRAM(t, s, "ann", "secret")
	for _, c := range []struct {
		name string
		tls  bool
		m    pgproto3.FrontendMessage
		want string
	}{
		{"unknown mechanism", false, &pgproto3.SASLInitialResponse{AuthMechanism: "PLAIN", Data: []byte("x")}, "E:FATAL:08P01"},
		{"PLUS without TLS", false, &pgproto3.SASLInitialResponse{AuthMechanism: scram.MechanismPlus, Data: []byte("p=tls-server-end-point,,n=,r=a")}, "E:FATAL:08P01"},
		{"downgrade", true, &pgproto3.SASLInitialResponse{AuthMechanism: scram.Mechanism, Data: []byte("y,,n=,r=a")}, "E:FATAL:28000"},
		{"authzid", false, &pgproto3.SASLInitialResponse{AuthMechanism: scram.Mechanism, Data: []byte("n,a=x,n=,r=a")}, "E:FATAL:0A000"},
		{"not a password message", false, &pgproto3.Query{String: "rows 1"}, "E:FATAL:08P01"},
	} {
		r := s.dial()
		if c.tls {
			conn, err := tls.Dial("tcp", s.addr, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"postgresql"}})
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			r = &raw{t: t, conn: conn, fe: pgproto3.NewFrontend(conn, conn)}
		}
		r.send(&pgproto3.StartupMessage{ProtocolVersion: 196608, Parameters: map[string]string{"user": "ann"}})
		if _, err := r.fe.Receive(); err != nil {
			t.Fatal(err)
		}
		r.send(c.m)
		if got := r.until('E'); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}

func TestAuthenticationTimeout(t *testing.T) {
	r := serve(t, func(cfg *wire.Config) { cfg.AuthTimeout = 50 * time.Millisecond }).dial()
	r.want('E', "E:FATAL:57014")
	r.eof()
}

func TestTooManyConnections(t *testing.T) {
	s := serve(t, func(cfg *wire.Config) { cfg.MaxConnections = 2 })
	a, b := s.raw(), s.raw()
	_, err := pgconn.Connect(context.Background(), s.url(""))
	wantCode(t, err, "53300", "sorry, too many clients already")
	a.send(&pgproto3.Terminate{})
	a.eof()
	for range 100 {
		if s.Sessions() < 2 {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	s.raw()
	_ = b
}
