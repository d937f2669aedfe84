package main

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"missioncontrol/eventstore"
)

const (
	installationKeyFile = "installation.key"
	localTokenFile      = "local-auth-token"
)

// installationKey is INSTALLATION_KEY, else the one in the data directory,
// which is made at the first start.
func (s state) installationKey(dir string) ([]byte, error) {
	text := strings.TrimSpace(s.InstallationKey)
	where := "INSTALLATION_KEY"
	if text == "" {
		where = filepath.Join(dir, installationKeyFile)
		var err error
		if text, err = secretFile(where, func() string { return base64.StdEncoding.EncodeToString(random(eventstore.InstallationKeySize)) }); err != nil {
			return nil, err
		}
	}
	key, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(key) != eventstore.InstallationKeySize {
		key, err = hex.DecodeString(text)
	}
	if err != nil || len(key) != eventstore.InstallationKeySize {
		return nil, fmt.Errorf("%s must hold %d bytes in base64 or hex", where, eventstore.InstallationKeySize)
	}
	return key, nil
}

// localToken is LOCAL_AUTH_TOKEN, else the one in the data directory, which is
// made at the first start.
func (i identity) localToken(dir string) (string, error) {
	if token := strings.TrimSpace(i.LocalAuthToken); token != "" {
		return token, nil
	}
	return secretFile(filepath.Join(dir, localTokenFile), func() string {
		return base64.RawURLEncoding.EncodeToString(random(48))
	})
}

// secretFile reads a secret that only its owner may read, making it first if
// there is none.
func secretFile(path string, make func() string) (string, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err := writeSecret(path, make()); err != nil {
			return "", fmt.Errorf("%s cannot be written: %w; set DATA_DIR to a directory that can", path, err)
		}
		text, err = os.ReadFile(path)
	}
	if err != nil {
		return "", fmt.Errorf("%s cannot be read: %w", path, err)
	}
	return strings.TrimSpace(string(text)), nil
}

// writeSecret makes the file whole or not at all, and never replaces one.
func writeSecret(path, text string) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) //nolint:errcheck // the link below is what stays
	_, err = f.WriteString(text + "\n")
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return b
}
