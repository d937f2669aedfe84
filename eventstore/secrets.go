package eventstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// PutSecret keeps a secret that can be shown again and be recognised by
// FindSecret. purpose keeps secrets of different kinds apart. It commits at
// once: before the event that names id.
func (v *Vault) PutSecret(ctx context.Context, purpose string, id uuid.UUID, text string) error {
	_, err := v.db.Exec(ctx, `insert into secrets (id, lookup, sealed) values ($1, $2, $3)`,
		id, v.Find(purpose, text), v.installation.Seal(nil, nil, []byte(text), id[:]))
	if err != nil {
		return fmt.Errorf("eventstore: keep a secret: %w", err)
	}
	return nil
}

// FindSecret returns the id of a secret, Nil if nobody has it.
func (v *Vault) FindSecret(ctx context.Context, purpose, text string) (uuid.UUID, error) {
	var id uuid.UUID
	err := v.db.QueryRow(ctx, `select id from secrets where lookup = $1`, v.Find(purpose, text)).Scan(&id)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return uuid.Nil, fmt.Errorf("eventstore: find a secret: %w", err)
	}
	return id, nil
}

// Secrets returns the secrets with these ids, those that are left.
func (v *Vault) Secrets(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]string, error) {
	rows, err := v.db.Query(ctx, `select id, sealed from secrets where id = any($1)`, ids)
	if err != nil {
		return nil, fmt.Errorf("eventstore: read secrets: %w", err)
	}
	found := map[uuid.UUID]string{}
	var id uuid.UUID
	var sealed []byte
	_, err = pgx.ForEachRow(rows, []any{&id, &sealed}, func() error {
		text, err := v.installation.Open(nil, nil, sealed, id[:])
		if err != nil {
			return errors.New("a secret does not open with this INSTALLATION_KEY: was it changed?")
		}
		found[id] = string(text)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("eventstore: read secrets: %w", err)
	}
	return found, nil
}

// DropSecrets deletes secrets for good.
func (v *Vault) DropSecrets(ctx context.Context, ids ...uuid.UUID) error {
	if _, err := v.db.Exec(ctx, `delete from secrets where id = any($1)`, ids); err != nil {
		return fmt.Errorf("eventstore: delete secrets: %w", err)
	}
	return nil
}
