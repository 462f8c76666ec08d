package process

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// certificate writes a self-signed certificate for 127.0.0.1 and localhost.
func certificate(t *testing.T, dir string) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for path, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

func TestTLS(t *testing.T) {
	dir := t.TempDir()
	cert, key := certificate(t, dir)
	p := serve(t, t.TempDir(), "--tls-cert", cert, "--tls-key", key)
	try := func(parameters string) error {
		c, err := pgconn.Connect(t.Context(), p.url("hubsql", password, parameters))
		if err != nil {
			return err
		}
		defer c.Close(context.Background())
		_, encrypted := c.Conn().(*tls.Conn)
		if want := !strings.Contains(parameters, "disable"); encrypted != want {
			t.Errorf("%s: encrypted is %v", parameters, encrypted)
		}
		_, err = c.Exec(context.Background(), "SELECT 1").ReadAll()
		return err
	}
	for _, parameters := range []string{"sslmode=require", "sslmode=verify-full&sslrootcert=" + cert, "sslmode=prefer", "sslmode=disable"} {
		if err := try(parameters); err != nil {
			t.Errorf("%s: %v", parameters, err)
		}
	}
	other := t.TempDir()
	wrong, _ := certificate(t, other)
	if err := try("sslmode=verify-full&sslrootcert=" + wrong); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("another authority: %v", err)
	}
	if psql, err := exec.LookPath("psql"); err == nil {
		host, port, _ := net.SplitHostPort(p.addr)
		c := exec.Command(psql, "-XAt", "host="+host+" port="+port+" user=hubsql dbname=hubsql sslmode=verify-full sslrootcert="+cert, "-c", "SELECT 40 + 2")
		c.Env = append(environment(), "PGPASSWORD="+password)
		if out, err := c.CombinedOutput(); err != nil || strings.TrimSpace(string(out)) != "42" {
			t.Errorf("psql: %v %s", err, out)
		}
	}
	plain := serve(t, t.TempDir())
	if _, err := pgconn.Connect(t.Context(), plain.url("hubsql", password, "sslmode=require")); err == nil {
		t.Error("TLS without a certificate")
	}
}

func TestPasswords(t *testing.T) {
	p := serve(t, t.TempDir())
	c := p.connect(t)
	query(t, c, "CREATE ROLE ann LOGIN PASSWORD 'ann''s'")
	query(t, c, "CREATE ROLE group_only PASSWORD 'x'")
	query(t, c, "CREATE ROLE expired LOGIN PASSWORD 'x' VALID UNTIL '2001-01-01'")
	query(t, c, "CREATE ROLE nopassword LOGIN")
	query(t, c, "CREATE ROLE limited LOGIN PASSWORD 'x' CONNECTION LIMIT 1")
	for _, x := range []struct{ user, password, code string }{
		{"ann", "ann's", ""},
		{"ann", "Ann's", "28P01"},
		{"ann", "", "28P01"},
		{"ann", "ann's ", "28P01"},
		{"nobody", "x", "28P01"},
		{"group_only", "x", "28000"},
		{"expired", "x", "28P01"},
		{"nopassword", "", "28P01"},
		{"nopassword", "x", "28P01"},
	} {
		c, err := pgconn.Connect(t.Context(), p.url(x.user, x.password, "sslmode=disable"))
		if err == nil {
			c.Close(context.Background())
		}
		if x.code == "" && err != nil || x.code != "" && code(err) != x.code && !(x.password == "" && err != nil) {
			t.Errorf("%s with %q: %v", x.user, x.password, err)
		}
	}
	one, err := pgconn.Connect(t.Context(), p.url("limited", "x", "sslmode=disable"))
	if err != nil {
		t.Fatal(err)
	}
	defer one.Close(context.Background())
	if _, err := pgconn.Connect(t.Context(), p.url("limited", "x", "sslmode=disable")); code(err) != "53300" {
		t.Error("the second connection of a role that may have one:", err)
	}
	query(t, c, "ALTER ROLE ann PASSWORD 'new'")
	if _, err := pgconn.Connect(t.Context(), p.url("ann", "ann's", "sslmode=disable")); code(err) != "28P01" {
		t.Error("the old password:", err)
	}
	if strings.Contains(p.stderr.text(), "Ann's") {
		t.Error("the log holds a password")
	}
}

func TestMaxConnections(t *testing.T) {
	p := serve(t, t.TempDir(), "--max-connections", "3")
	var open []*pgconn.PgConn
	for range 3 {
		open = append(open, p.connect(t))
	}
	if _, err := pgconn.Connect(t.Context(), p.url("hubsql", password, "sslmode=disable")); code(err) != "53300" {
		t.Error("the fourth:", err)
	}
	// Cancelling needs no connection of its own.
	r := open[0].Exec(context.Background(), "SELECT pg_sleep(600)")
	time.Sleep(100 * time.Millisecond)
	if err := open[0].CancelRequest(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := r.ReadAll(); code(err) != "57014" {
		t.Error(err)
	}
	open[1].Close(context.Background())
	deadline := time.Now().Add(patience)
	for {
		c, err := pgconn.Connect(t.Context(), p.url("hubsql", password, "sslmode=disable"))
		if err == nil {
			c.Close(context.Background())
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}
