package projections

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// Tokens keeps by what agents' tokens are recognised. Whether a token is in
// force is for the agent's events to say; the rest is not from the log.
type Tokens struct{ Reader }

// TokenRef is whose token it is.
type TokenRef struct{ ID, Agent uuid.UUID }

// Add keeps a token's keyed lookup. It commits at once: before the event that
// puts the token in force.
func (t Tokens) Add(ctx context.Context, ref TokenRef, lookup []byte) error {
	_, err := t.DB.Exec(ctx, `insert into agent_tokens (id, agent_id, lookup) values ($1, $2, $3)`, ref.ID, ref.Agent, lookup)
	if err != nil {
		return fmt.Errorf("projections: keep a token: %w", err)
	}
	return nil
}

// Find returns whose token has a lookup value, and whether there are hashes of
// imported tokens that no lookup value is known for yet.
func (t Tokens) Find(ctx context.Context, lookup []byte) (ref TokenRef, imported bool, err error) {
	err = t.DB.QueryRow(ctx, `select coalesce(t.id, u.nil), coalesce(t.agent_id, u.nil),
			exists (select 1 from agent_tokens where lookup is null)
		from (select '00000000-0000-0000-0000-000000000000'::uuid as nil) u left join agent_tokens t on t.lookup = $1`, lookup).
		Scan(&ref.ID, &ref.Agent, &imported)
	if err != nil {
		return ref, false, fmt.Errorf("projections: find a token: %w", err)
	}
	return ref, imported, nil
}

// Each calls handle with at most limit tokens, those used last first.
func (t Tokens) Each(ctx context.Context, limit int, handle func(TokenRef, []byte)) error {
	rows, err := t.DB.Query(ctx, `select id, agent_id, lookup from agent_tokens where lookup is not null
		order by last_used_at desc nulls last limit $1`, limit)
	if err != nil {
		return fmt.Errorf("projections: list tokens: %w", err)
	}
	var ref TokenRef
	var lookup []byte
	if _, err = pgx.ForEachRow(rows, []any{&ref.ID, &ref.Agent, &lookup}, func() error { handle(ref, lookup); return nil }); err != nil {
		return fmt.Errorf("projections: list tokens: %w", err)
	}
	return nil
}

// Imported is a token known only by the hash that the original stored.
type Imported struct {
	TokenRef
	Hash string
}

// Imported lists the tokens that have no lookup value yet.
func (t Tokens) Imported(ctx context.Context) ([]Imported, error) {
	rows, err := t.DB.Query(ctx, `select id, agent_id, imported_hash from agent_tokens where lookup is null`)
	if err != nil {
		return nil, fmt.Errorf("projections: list imported tokens: %w", err)
	}
	found, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (i Imported, err error) {
		err = row.Scan(&i.ID, &i.Agent, &i.Hash)
		return i, err
	})
	if err != nil {
		return nil, fmt.Errorf("projections: list imported tokens: %w", err)
	}
	return found, nil
}

// Upgrade gives an imported token its lookup value.
func (t Tokens) Upgrade(ctx context.Context, id uuid.UUID, lookup []byte) error {
	_, err := t.DB.Exec(ctx, `update agent_tokens set lookup = $2, imported_hash = null where id = $1`, id, lookup)
	if err != nil {
		return fmt.Errorf("projections: upgrade a token: %w", err)
	}
	return nil
}

// Used notes that a token was used; now and then is enough.
func (t Tokens) Used(ctx context.Context, id uuid.UUID, now time.Time) error {
	if _, err := t.DB.Exec(ctx, `update agent_tokens set last_used_at = $2 where id = $1`, id, now); err != nil {
		return fmt.Errorf("projections: note the use of a token: %w", err)
	}
	return nil
}

// LastUsed returns when tokens were used last; those that never were are
// missing.
func (t Tokens) LastUsed(ctx context.Context, agent uuid.UUID) (map[uuid.UUID]time.Time, error) {
	rows, err := t.DB.Query(ctx, `select id, last_used_at from agent_tokens where agent_id = $1 and last_used_at is not null`, agent)
	if err != nil {
		return nil, fmt.Errorf("projections: read the use of tokens: %w", err)
	}
	used := map[uuid.UUID]time.Time{}
	var id uuid.UUID
	var at time.Time
	_, err = pgx.ForEachRow(rows, []any{&id, &at}, func() error { used[id] = at; return nil })
	if err != nil {
		return nil, fmt.Errorf("projections: read the use of tokens: %w", err)
	}
	return used, nil
}

// Drop forgets tokens for good.
func (t Tokens) Drop(ctx context.Context, ids ...uuid.UUID) error {
	if _, err := t.DB.Exec(ctx, `delete from agent_tokens where id = any($1)`, ids); err != nil {
		return fmt.Errorf("projections: drop tokens: %w", err)
	}
	return nil
}

// DropOf forgets all tokens of agents.
func (t Tokens) DropOf(ctx context.Context, agents ...uuid.UUID) error {
	if _, err := t.DB.Exec(ctx, `delete from agent_tokens where agent_id = any($1)`, agents); err != nil {
		return fmt.Errorf("projections: drop the tokens of agents: %w", err)
	}
	return nil
}
