package catalog

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// keyring encrypts the secrets of one data directory. The master key stands in
// a file of its own, readable by the owner alone; keys for use are derived from
// it.
type keyring struct {
	aead cipher.AEAD
	hash []byte // key of hub.hash_mask
}

const masterKeyLen = 32

// openKeys reads the master key, and makes one for a new catalog. For an
// existing catalog the file must be there: a new key could open none of its
// secrets.
func openKeys(path string, existing bool) (*keyring, error) {
	key, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && existing:
		return nil, fmt.Errorf("key file %q is missing: the secrets in the catalog cannot be opened without it", path)
	case errors.Is(err, fs.ErrNotExist):
		if key, err = newKeyFile(path); err != nil {
			return nil, fmt.Errorf("key file: %w", err)
		}
	case err != nil:
		return nil, fmt.Errorf("key file: %w", err)
	}
	if len(key) != masterKeyLen {
		return nil, fmt.Errorf("key file %q does not hold %d bytes", path, masterKeyLen)
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("key file: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("key file %q is accessible to others: its permissions must be 0600", path)
	}
	sealing, err := hkdf.Key(sha256.New, key, nil, "hubsql catalog secrets v1", 32)
	if err != nil {
		return nil, err
	}
	hash, err := hkdf.Key(sha256.New, key, nil, "hubsql hash_mask v1", 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(sealing)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	return &keyring{aead: aead, hash: hash}, err
}

// newKeyFile writes a random key so that a crash leaves either no file or a
// whole one.
func newKeyFile(path string) ([]byte, error) {
	key := make([]byte, masterKeyLen)
	if _, err := rand.Read(key); err != nil {
		return nil, err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".master-*")
	if err != nil {
		return nil, err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(key)
	if err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return nil, err
	}
	return key, syncDir(filepath.Dir(path))
}

// syncDir makes a rename durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = d.Sync()
	if e := d.Close(); err == nil {
		err = e
	}
	return err
}

// bound names what a secret belongs to; a ciphertext moved elsewhere does not
// open.
func bound(id types.OID, name string) []byte {
	return []byte(strconv.FormatUint(uint64(id), 10) + "/" + name)
}

func (k *keyring) seal(id types.OID, name, value string) (Secret, error) {
	nonce := make([]byte, k.aead.NonceSize(), k.aead.NonceSize()+len(value)+k.aead.Overhead())
	if _, err := rand.Read(nonce); err != nil {
		return Secret{}, pgerror.Wrap(err, pgerror.InternalError, "no random numbers")
	}
	return Secret{k.aead.Seal(nonce, nonce, []byte(value), bound(id, name))}, nil
}

func (k *keyring) open(id types.OID, name string, s Secret) (string, error) {
	n := k.aead.NonceSize()
	if len(s.box) < n {
		return "", pgerror.New(pgerror.DataCorrupted, "a secret in the catalog is damaged")
	}
	clear, err := k.aead.Open(nil, s.box[:n], s.box[n:], bound(id, name))
	if err != nil {
		return "", pgerror.New(pgerror.DataCorrupted, "a secret in the catalog cannot be opened with this key file")
	}
	return string(clear), nil
}
