package scram

import (
	"strings"
	"testing"
)

// TestSecretOfPostgreSQL checks a secret that PostgreSQL itself has made.
func TestSecretOfPostgreSQL(t *testing.T) {
	const stored = "SCRAM-SHA-256$4096:eJH2AXoUL/l0P5V41EXWww==$4K8E4bMtWASOOSx+Gl1w3CLad5sYUPNR/tlUL00mJs8=:EBpREdhSiFmc73xL/wnqnQLEwAefd3i6cUwt/ehGJX0="
	s, err := ParseSecret(stored)
	if err != nil {
		t.Fatal(err)
	}
	if !s.Verify("pencil") || s.Verify("Pencil") {
		t.Error("the password is not recognized")
	}
	if s.String() != stored {
		t.Errorf("printed as %s", s)
	}
}

func TestNewSecretsDiffer(t *testing.T) {
	a, err := NewSecret("x")
	if err != nil {
		t.Fatal(err)
	}
	b, err := NewSecret("x")
	if err != nil {
		t.Fatal(err)
	}
	if a.String() == b.String() || !a.Verify("x") || !b.Verify("x") {
		t.Error("salts are not random")
	}
}

func TestMalformedSecretsAreRefused(t *testing.T) {
	good, err := NewSecret("x")
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{
		"", "x", "md5abc", "SCRAM-SHA-256$", "SCRAM-SHA-256$0:YQ==$YQ==:YQ==", "SCRAM-SHA-256$4096:$:",
		strings.Replace(good.String(), "4096", "many", 1), strings.Replace(good.String(), ":", ";", 1), good.String()[:60],
	} {
		if _, err := ParseSecret(text); err == nil {
			t.Errorf("%q is accepted", text)
		} else if text != "" && strings.Contains(err.Error(), text) && len(text) > 8 {
			t.Errorf("the error repeats the secret: %v", err)
		}
	}
}

func TestMockNeverMatchesAndIsStable(t *testing.T) {
	a, b := Mock("ann", []byte("key")), Mock("ann", []byte("key"))
	if a.String() != b.String() {
		t.Error("not stable")
	}
	if string(Mock("bob", []byte("key")).Salt) == string(a.Salt) || string(Mock("ann", []byte("other")).Salt) == string(a.Salt) {
		t.Error("salts are shared")
	}
	if a.Verify("") || a.Verify("ann") {
		t.Error("a password matches")
	}
}

func FuzzExchange(f *testing.F) {
	f.Add([]byte("n,,n=,r=abc"), []byte("c=biws,r=abc,p=AAAA"))
	f.Add([]byte("p=tls-server-end-point,,n=,r=abc"), []byte("c=,r=,p="))
	secret := Mock("u", []byte("k"))
	f.Fuzz(func(t *testing.T, first, final []byte) {
		x := Exchange{Secret: secret}
		if _, err := x.First(first); err != nil {
			return
		}
		if _, ok, _ := x.Final(final); ok {
			t.Fatal("accepted")
		}
	})
}
