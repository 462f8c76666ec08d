package wire

import (
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// Certificates gives the certificate for the next connection.
type Certificates interface {
	Certificate() *tls.Certificate
}

// CertificateFiles is a certificate and key on disk. It reads them again when
// they have changed, so that a renewed certificate needs no restart.
type CertificateFiles struct {
	certFile, keyFile string
	log               *slog.Logger

	mu      sync.Mutex
	current *tls.Certificate
	stamp   [2]fileStamp
}

type fileStamp struct {
	modified time.Time
	size     int64
}

// LoadCertificate reads a PEM certificate chain and its key; errors name the
// file. log gets the failures of later reloads.
func LoadCertificate(certFile, keyFile string, log *slog.Logger) (*CertificateFiles, error) {
	c := &CertificateFiles{certFile: certFile, keyFile: keyFile, log: log}
	stamp, err := c.stat()
	if err != nil {
		return nil, err
	}
	if err := c.load(stamp); err != nil {
		return nil, err
	}
	return c, nil
}

// Certificate returns the current certificate; the old one stays in use when
// new files cannot be read.
func (c *CertificateFiles) Certificate() *tls.Certificate {
	c.mu.Lock()
	defer c.mu.Unlock()
	stamp, err := c.stat()
	if err == nil && stamp != c.stamp {
		err = c.load(stamp)
		if err == nil {
			c.log.Info("TLS certificate reloaded", slog.String("file", c.certFile))
		}
	}
	if err != nil {
		c.log.Warn("TLS certificate could not be reloaded, the previous one stays in use", slog.Any("error", err))
	}
	return c.current
}

func (c *CertificateFiles) stat() (stamp [2]fileStamp, err error) {
	for i, name := range []string{c.certFile, c.keyFile} {
		st, err := os.Stat(name)
		if err != nil {
			return stamp, err
		}
		stamp[i] = fileStamp{st.ModTime(), st.Size()}
	}
	return stamp, nil
}

func (c *CertificateFiles) load(stamp [2]fileStamp) error {
	// Files that do not fit each other are tried again only when they change.
	c.stamp = stamp
	cert, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		return fmt.Errorf("certificate %s with key %s: %w", c.certFile, c.keyFile, err)
	}
	c.current = &cert
	return nil
}

// alpnProtocol is the protocol name that clients who start with TLS must offer.
const alpnProtocol = "postgresql"

func tlsConfig(cert *tls.Certificate) *tls.Config {
	return &tls.Config{
		Certificates: []tls.Certificate{*cert},
		MinVersion:   tls.VersionTLS12,
		NextProtos:   []string{alpnProtocol},
	}
}

// endPoint returns the tls-server-end-point channel binding of a certificate
// (RFC 5929): its hash, with the hash function of its signature, SHA-256 instead
// of MD5 and SHA-1. It is nil for a signature without one, like Ed25519's.
func endPoint(cert *tls.Certificate) ([]byte, error) {
	if len(cert.Certificate) == 0 {
		return nil, errors.New("certificate is empty")
	}
	leaf := cert.Leaf
	if leaf == nil {
		var err error
		if leaf, err = x509.ParseCertificate(cert.Certificate[0]); err != nil {
			return nil, err
		}
	}
	var hash crypto.Hash
	switch leaf.SignatureAlgorithm {
	case x509.MD5WithRSA, x509.SHA1WithRSA, x509.DSAWithSHA1, x509.ECDSAWithSHA1,
		x509.SHA256WithRSA, x509.DSAWithSHA256, x509.ECDSAWithSHA256, x509.SHA256WithRSAPSS:
		hash = crypto.SHA256
	case x509.SHA384WithRSA, x509.ECDSAWithSHA384, x509.SHA384WithRSAPSS:
		hash = crypto.SHA384
	case x509.SHA512WithRSA, x509.ECDSAWithSHA512, x509.SHA512WithRSAPSS:
		hash = crypto.SHA512
	default:
		return nil, nil
	}
	h := hash.New()
	h.Write(cert.Certificate[0])
	return h.Sum(nil), nil
}
