package eventstore

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"missioncontrol/domain"
)

// Erased is what a sealed value reads as once its key is gone.
const Erased = "erased"

// InstallationKeySize is the length of the key that seals all other keys.
const InstallationKeySize = 32

// Vault seals and opens personal values (AES-256-GCM, a random nonce, the
// event id and field name as associated data) under one key for each person,
// kept in person_keys under the installation key.
type Vault struct {
	db           *pgxpool.Pool
	installation cipher.AEAD
	lookup       []byte // key of the HMACs that find sealed values

	mu   sync.RWMutex
	keys map[uuid.UUID]cipher.AEAD // nil value: erased
}

// ErrErased is the answer to sealing under a key that was erased: the person
// is gone.
var ErrErased = errors.New("eventstore: the person's key was erased")

// NewVault returns the vault of an installation key of InstallationKeySize bytes.
func NewVault(db *pgxpool.Pool, installationKey []byte) (*Vault, error) {
	if len(installationKey) != InstallationKeySize {
		return nil, fmt.Errorf("eventstore: the installation key must have %d bytes, not %d", InstallationKeySize, len(installationKey))
	}
	wrap, err := DeriveKey(installationKey, "wrap")
	if err != nil {
		return nil, err
	}
	lookup, err := DeriveKey(installationKey, "lookup")
	if err != nil {
		return nil, err
	}
	aead, err := newAEAD(wrap)
	if err != nil {
		return nil, err
	}
	return &Vault{db: db, installation: aead, lookup: lookup, keys: map[uuid.UUID]cipher.AEAD{}}, nil
}

func newAEAD(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// DeriveKey derives a key for another purpose from the installation key.
func DeriveKey(installationKey []byte, purpose string) ([]byte, error) {
	return hkdf.Key(sha256.New, installationKey, nil, "missioncontrol/"+purpose, InstallationKeySize)
}

// dayKeys is the namespace of the keys that seal the addresses of callers who
// are no known person; one a day, so that they can be deleted by age.
var dayKeys = uuid.MustParse("6f0b8a53-6f5c-4a7e-8a68-0a4f5c1d9e11")

// DayKey is the id of the key of a UTC day.
func DayKey(t time.Time) uuid.UUID {
	return uuid.NewSHA1(dayKeys, []byte(t.UTC().Format(time.DateOnly)))
}

// Addresses of unknown callers can be read for addressDays days. A process
// that was off for up to addressYears years finds the keys that became old.
const (
	addressDays  = 90
	addressYears = 5
)

// EraseOldDays deletes the day keys that are older than addressDays.
func (v *Vault) EraseOldDays(ctx context.Context, now time.Time) error {
	var days []uuid.UUID
	for age := addressDays + 1; age <= addressYears*365; age++ {
		days = append(days, DayKey(now.AddDate(0, 0, -age)))
	}
	rows, err := v.db.Query(ctx, `select id from person_keys where id = any($1) and sealed is not null`, days)
	if err != nil {
		return fmt.Errorf("eventstore: find old day keys: %w", err)
	}
	old, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil {
		return fmt.Errorf("eventstore: find old day keys: %w", err)
	}
	return v.Erase(ctx, old...)
}

// Find returns a keyed hash of text for finding sealed values by equality.
func (v *Vault) Find(purpose, text string) []byte {
	mac := hmac.New(sha256.New, v.lookup)
	mac.Write([]byte(purpose + "\x00" + text))
	return mac.Sum(nil)
}

// Ensure makes sure that owner has a key, committed, before anything is sealed
// under it.
func (v *Vault) Ensure(ctx context.Context, owner uuid.UUID) error {
	v.mu.RLock()
	key, known := v.keys[owner]
	v.mu.RUnlock()
	if known && key != nil {
		return nil
	}
	if known {
		return ErrErased
	}
	fresh := make([]byte, InstallationKeySize)
	_, _ = rand.Read(fresh) // never fails
	if _, err := v.db.Exec(ctx, `insert into person_keys (id, sealed) values ($1, $2) on conflict do nothing`,
		owner, v.installation.Seal(nil, nil, fresh, owner[:])); err != nil {
		return fmt.Errorf("eventstore: store a person's key: %w", err)
	}
	key, err := v.key(ctx, owner)
	if err == nil && key == nil {
		err = ErrErased
	}
	return err
}

// key returns owner's key, nil if it was erased or never made.
func (v *Vault) key(ctx context.Context, owner uuid.UUID) (cipher.AEAD, error) {
	v.mu.RLock()
	key, known := v.keys[owner]
	v.mu.RUnlock()
	if known {
		return key, nil
	}
	var wrapped []byte
	err := v.db.QueryRow(ctx, `select sealed from person_keys where id = $1`, owner).Scan(&wrapped)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("eventstore: read a person's key: %w", err)
	}
	if wrapped != nil {
		plain, err := v.installation.Open(nil, nil, wrapped, owner[:])
		if err != nil {
			return nil, errors.New("eventstore: a person's key does not open with this INSTALLATION_KEY: was it changed?")
		}
		if key, err = newAEAD(plain); err != nil {
			return nil, err
		}
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if newer, known := v.keys[owner]; known { // it may have been erased while it was read
		return newer, nil
	}
	v.keys[owner] = key
	return key, nil
}

// Forget drops the cached key of an erased person.
func (v *Vault) Forget(owner uuid.UUID) {
	v.mu.Lock()
	v.keys[owner] = nil
	v.mu.Unlock()
}

// Erase deletes keys for good: what was sealed under them opens never again.
// Their ids stay as tombstones, so that none is made anew, and the table is
// rewritten, so that no file of it holds them.
func (v *Vault) Erase(ctx context.Context, owners ...uuid.UUID) error {
	if len(owners) == 0 {
		return nil
	}
	for _, owner := range owners {
		v.Forget(owner)
	}
	_, err := v.db.Exec(ctx, `insert into person_keys (id, sealed) select id, null from unnest($1::uuid[]) as u(id)
		on conflict (id) do update set sealed = null`, owners)
	if err == nil {
		err = v.rewrite(ctx)
	}
	if err != nil {
		return fmt.Errorf("eventstore: erase keys: %w", err)
	}
	return nil
}

// rewrite moves the keys that are left to a new file. Postgres does not refuse
// it to a role that does not own the table, it warns and does nothing.
func (v *Vault) rewrite(ctx context.Context) error {
	const where = `select pg_relation_filepath('person_keys')`
	var before, after string
	if err := v.db.QueryRow(ctx, where).Scan(&before); err != nil {
		return err
	}
	if _, err := v.db.Exec(ctx, `vacuum full person_keys`); err != nil {
		return err
	}
	if err := v.db.QueryRow(ctx, where).Scan(&after); err != nil {
		return err
	}
	if before == after {
		return errors.New("the database role may not rewrite person_keys, so its files still hold them: it must own that table")
	}
	return nil
}

// seal seals text for a field of an event; Ensure was called for owner before.
func (v *Vault) seal(owner, event uuid.UUID, field, text string) (string, error) {
	v.mu.RLock()
	key := v.keys[owner]
	v.mu.RUnlock()
	if key == nil {
		return "", fmt.Errorf("eventstore: no key at hand to seal %q for %v", field, owner)
	}
	sealed := key.Seal(nil, nil, []byte(text), sealedFor(event, field))
	return "sealed:1:" + owner.String() + ":" + base64.StdEncoding.EncodeToString(sealed), nil
}

func sealedFor(event uuid.UUID, field string) []byte {
	return []byte(event.String() + "/" + field)
}

// Open returns the plain text of a located sealed string (see
// domain.Personal.Located), Erased if its key is gone. Any other text is
// returned as it is.
func (v *Vault) Open(ctx context.Context, located string) (string, error) {
	p, ok := domain.Locate(located)
	if !ok {
		return located, nil
	}
	return v.OpenValue(ctx, p)
}

// OpenValue returns the plain text of a sealed value, Erased if it cannot be
// opened; an error only means that the keys could not be read.
func (v *Vault) OpenValue(ctx context.Context, p domain.Personal) (string, error) {
	if p.Sealed == "" {
		return p.Text, nil
	}
	rest, _ := strings.CutPrefix(p.Sealed, "sealed:1:")
	keyID, blob, _ := strings.Cut(rest, ":")
	owner, err := uuid.Parse(keyID)
	if err != nil {
		return Erased, nil
	}
	key, err := v.key(ctx, owner)
	if err != nil {
		return "", err
	}
	sealed, err := base64.StdEncoding.DecodeString(blob)
	if err != nil || key == nil {
		return Erased, nil
	}
	plain, err := key.Open(nil, nil, sealed, sealedFor(p.Event, p.Field))
	if err != nil {
		return Erased, nil
	}
	return string(plain), nil
}

// sealAnswer and openAnswer keep stored answers unreadable without the
// installation key.
func (v *Vault) sealAnswer(scope Hash, answer []byte) []byte {
	return v.installation.Seal(nil, nil, answer, scope[:])
}

func (v *Vault) openAnswer(scope Hash, sealed []byte) ([]byte, error) {
	answer, err := v.installation.Open(nil, nil, sealed, scope[:])
	if err != nil {
		return nil, errors.New("eventstore: a stored answer does not open with this INSTALLATION_KEY: was it changed?")
	}
	return answer, nil
}

// SealMark stands before a located sealed string within JSON that will be
// opened. Callers cannot send it: text with a NUL is refused.
const SealMark = "\x00"

// sealedInJSON is how an encoded value that OpenJSON opens begins.
var sealedInJSON = []byte(`"\u0000sealed:1:`)

// OpenJSON replaces every marked sealed string within a JSON text by its plain
// text. A text without one is returned as it is.
func (v *Vault) OpenJSON(ctx context.Context, text []byte) ([]byte, error) {
	var out []byte
	for {
		i := bytes.Index(text, sealedInJSON)
		if i < 0 {
			break
		}
		n := bytes.IndexByte(text[i+1:], '"') // a located string needs no escapes
		if n < 0 {
			break
		}
		plain, err := v.Open(ctx, string(text[i+len(`"\u0000`):i+1+n]))
		if err != nil {
			return nil, err
		}
		out = append(out, text[:i]...)
		if out, err = jsontext.AppendQuote(out, plain); err != nil {
			return nil, fmt.Errorf("eventstore: quote an opened value: %w", err)
		}
		text = text[i+n+2:]
	}
	if out == nil {
		return text, nil
	}
	return append(out, text...), nil
}
