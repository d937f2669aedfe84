package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"missioncontrol/eventstore"
	"missioncontrol/postgres"
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
	return parseKey(where, text)
}

// parseKey reads a key of 32 bytes; where says where it comes from.
func parseKey(where, text string) ([]byte, error) {
	key, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(key) != eventstore.InstallationKeySize {
		key, err = hex.DecodeString(text)
	}
	if err != nil || len(key) != eventstore.InstallationKeySize {
		return nil, fmt.Errorf("%s must hold %d bytes in base64 or hex", where, eventstore.InstallationKeySize)
	}
	return key, nil
}

// tokenKey is TOKEN_KEY, else one derived from the installation key.
func (i identity) tokenKey(installationKey []byte) ([]byte, error) {
	if text := strings.TrimSpace(i.TokenKey); text != "" {
		return parseKey("TOKEN_KEY", text)
	}
	return eventstore.DeriveKey(installationKey, "agent-tokens")
}

// probeKey is the id of a key that belongs to nobody. It shows at the start
// whether the installation key is the one that the database was sealed under.
var probeKey = uuid.MustParse("5c1d0f4e-6f0b-4b5e-9c55-0d7d5f3b7a11")

// openVault returns the vault of a database, unless the key is another
// installation's: then people would be registered a second time and nothing
// sealed could be read.
func openVault(ctx context.Context, db *pgxpool.Pool, key []byte) (*eventstore.Vault, error) {
	vault, err := eventstore.NewVault(db, key)
	if err != nil {
		return nil, err
	}
	switch err := vault.Ensure(ctx, probeKey); {
	case err == nil:
		return vault, nil
	case postgres.Unavailable(err), ctx.Err() != nil:
		return nil, err
	}
	return nil, fmt.Errorf("INSTALLATION_KEY, or %s of DATA_DIR, is not the key of this database: set the one that it was first used with", installationKeyFile)
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
