package audit

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/mod/sumdb/note"
)

// Key signs checkpoints (Ed25519).
type Key struct{ private ed25519.PrivateKey }

// algEd25519 is how signed notes number the algorithm.
const algEd25519 = 1

// ParseKey reads a key: its 32 bytes in base64 or hex, or a signer key of the
// note format (PRIVATE+KEY+name+hash+data), whose name does not matter.
func ParseKey(text string) (Key, error) {
	if strings.HasPrefix(text, "PRIVATE+KEY+") {
		if _, err := note.NewSigner(text); err != nil {
			return Key{}, errors.New("it is no signer key of the note format")
		}
		const parts = 5 // the last may hold a + itself
		data, err := base64.StdEncoding.DecodeString(strings.SplitN(text, "+", parts)[parts-1])
		if err != nil || len(data) != 1+ed25519.SeedSize || data[0] != algEd25519 {
			return Key{}, errors.New("it is no Ed25519 key")
		}
		return Key{ed25519.NewKeyFromSeed(data[1:])}, nil
	}
	seed, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(seed) != ed25519.SeedSize {
		seed, err = hex.DecodeString(text)
	}
	if err != nil || len(seed) != ed25519.SeedSize {
		return Key{}, fmt.Errorf("it must hold %d bytes in base64 or hex, or a signer key (PRIVATE+KEY+…)", ed25519.SeedSize)
	}
	return Key{ed25519.NewKeyFromSeed(seed)}, nil
}

// public is what everybody may know of the key.
func (k Key) public() ed25519.PublicKey { return k.private.Public().(ed25519.PublicKey) }

// originMark begins the origin of every checkpoint.
const originMark = "missioncontrol/"

// origin names a log in its checkpoints; it is the name of its keys, too.
func origin(epoch uuid.UUID) string { return originMark + epoch.String() }

// Verifier is the verifier key (name+hash+key) of k for the log of epoch.
func (k Key) Verifier(epoch uuid.UUID) string {
	text, err := note.NewEd25519VerifierKey(origin(epoch), k.public())
	if err != nil {
		panic(err) // neither the name nor the key can be wrong
	}
	return text
}

// signer signs notes of the log of epoch.
func (k Key) signer(epoch uuid.UUID) (note.Signer, error) {
	const parts = 3
	named := strings.SplitN(k.Verifier(epoch), "+", parts) // name, hash
	data := append([]byte{algEd25519}, k.private.Seed()...)
	return note.NewSigner("PRIVATE+KEY+" + named[0] + "+" + named[1] + "+" + base64.StdEncoding.EncodeToString(data))
}

// Sign signs a text about the log of epoch as a note.
func (k Key) Sign(epoch uuid.UUID, text string) ([]byte, error) {
	signer, err := k.signer(epoch)
	if err != nil {
		return nil, err
	}
	return note.Sign(&note.Note{Text: text}, signer)
}

// ErrNotCurrent means that a key is not the one that the log is signed with.
var ErrNotCurrent = errors.New("The audit key of this process is not the log's current one, so it signs no checkpoints: " +
	"give all processes the same AUDIT_SIGNING_KEY, or make this one current with missioncontrol audit rotate.")

// Enrol makes k the current key of the log of epoch if that has none yet, or
// had the same in an epoch before. first reports that its verifier key is new.
func Enrol(ctx context.Context, db *pgxpool.Pool, k Key, epoch uuid.UUID) (first bool, err error) {
	return enrol(ctx, db, k, epoch, false)
}

// Rotate makes k the current key of the log of epoch. Those before it stay
// listed.
func Rotate(ctx context.Context, db *pgxpool.Pool, k Key, epoch uuid.UUID) error {
	_, err := enrol(ctx, db, k, epoch, true)
	return err
}

func enrol(ctx context.Context, db *pgxpool.Pool, k Key, epoch uuid.UUID, replace bool) (first bool, err error) {
	verifier := k.Verifier(epoch)
	err = pgx.BeginFunc(ctx, db, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `lock table audit_keys in share row exclusive mode`); err != nil {
			return err
		}
		var current string
		var public []byte
		err := tx.QueryRow(ctx, `select verifier, public from audit_keys where current`).Scan(&current, &public)
		switch {
		case isNoRows(err):
		case err != nil:
			return err
		case current == verifier:
			return nil
		case !replace && !bytes.Equal(public, k.public()):
			return ErrNotCurrent
		}
		if _, err := tx.Exec(ctx, `update audit_keys set current = false where current`); err != nil {
			return err
		}
		first = true
		_, err = tx.Exec(ctx, `insert into audit_keys (verifier, public, current) values ($1, $2, true)
			on conflict (verifier) do update set current = true`, verifier, []byte(k.public()))
		return err
	})
	if err != nil && !errors.Is(err, ErrNotCurrent) {
		err = fmt.Errorf("audit: enrol the key: %w", err)
	}
	return first, err
}

// Keys lists the verifier keys of the log, the current one first.
func Keys(ctx context.Context, db querier) ([]string, error) {
	rows, err := db.Query(ctx, `select verifier from audit_keys order by current desc, since desc, verifier`)
	if err != nil {
		return nil, fmt.Errorf("audit: read the keys: %w", err)
	}
	keys, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("audit: read the keys: %w", err)
	}
	return keys, nil
}

// verifiers know the listed keys.
func verifiers(keys []string) (note.Verifiers, error) {
	list := make([]note.Verifier, len(keys))
	for i, key := range keys {
		var err error
		if list[i], err = note.NewVerifier(key); err != nil {
			return nil, fmt.Errorf("audit: key %q: %w", key, err)
		}
	}
	return note.VerifierList(list...), nil
}
