package projections

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// Presence is how an agent was seen last. It is telemetry: not from the log,
// and untouched by a rebuild. The zero Presence was never seen.
type Presence struct {
	Status     string
	LastSeenAt *time.Time
}

// Presences keeps how agents are seen.
type Presences struct{ Reader }

// Note keeps that an agent was seen. A status of "" leaves the one before.
func (p Presences) Note(ctx context.Context, agent uuid.UUID, status string, now time.Time) (Presence, error) {
	var kept Presence
	err := p.DB.QueryRow(ctx, `insert into agent_presence (agent_id, status, last_seen_at) values ($1, coalesce(nullif($2, ''), 'online'), $3)
		on conflict (agent_id) do update set last_seen_at = greatest(agent_presence.last_seen_at, excluded.last_seen_at),
			status = case when $2 = '' then agent_presence.status else $2 end
		returning status, last_seen_at`, agent, status, now).Scan(&kept.Status, &kept.LastSeenAt)
	if err != nil {
		return kept, fmt.Errorf("projections: note that agent %v was seen: %w", agent, err)
	}
	return kept, nil
}

// Of returns how agents were seen; those that never were are missing.
func (p Presences) Of(ctx context.Context, agents []uuid.UUID) (map[uuid.UUID]Presence, error) {
	rows, err := p.DB.Query(ctx, `select agent_id, status, last_seen_at from agent_presence where agent_id = any($1)`, agents)
	if err != nil {
		return nil, fmt.Errorf("projections: read presence: %w", err)
	}
	seen := map[uuid.UUID]Presence{}
	var id uuid.UUID
	var status string
	var at time.Time
	_, err = pgx.ForEachRow(rows, []any{&id, &status, &at}, func() error {
		last := at
		seen[id] = Presence{status, &last}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("projections: read presence: %w", err)
	}
	return seen, nil
}

// Silent is an agent that counts as present but was not seen since a time.
type Silent struct {
	Agent, Organization uuid.UUID
	LastSeenAt          time.Time
}

// SilentSince lists agents that events call present but that were not seen
// since a time.
func (p Presences) SilentSince(ctx context.Context, t time.Time, limit int) ([]Silent, error) {
	rows, err := p.DB.Query(ctx, `select a.id, a.organization_id, p.last_seen_at from agent_presence p join agents a on a.id = p.agent_id
		where p.last_seen_at < $1 and a.last_seen_at is not null and a.status <> 'offline'
			and (a.board_id is null or exists (select 1 from boards b where b.id = a.board_id)) order by p.last_seen_at limit $2`, t, limit)
	if err != nil {
		return nil, fmt.Errorf("projections: find silent agents: %w", err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Silent])
	if err != nil {
		return nil, fmt.Errorf("projections: find silent agents: %w", err)
	}
	return found, nil
}

// Forget drops the presence of agents that are gone.
func (p Presences) Forget(ctx context.Context, agents ...uuid.UUID) error {
	if _, err := p.DB.Exec(ctx, `delete from agent_presence where agent_id = any($1)`, agents); err != nil {
		return fmt.Errorf("projections: forget the presence of %v: %w", agents, err)
	}
	return nil
}
