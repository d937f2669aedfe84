package eventstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// OrgOf returns the organization of the first of streams that has any, Nil if
// none does: whatever became of a stream since, its organization stays.
func (s *Store) OrgOf(ctx context.Context, streams ...uuid.UUID) (uuid.UUID, error) {
	for _, id := range streams {
		org, err := Remember(ctx, s, Key(id, "organization of a stream"), streamFact, func(ctx context.Context) (org uuid.UUID, err error) {
			err = s.db.QueryRow(ctx, `select org from events where stream = $1 and version = 1`, id).Scan(&org)
			return org, err
		})
		switch {
		case errors.Is(err, pgx.ErrNoRows):
		case err != nil:
			return uuid.Nil, fmt.Errorf("eventstore: find the organization of %v: %w", id, err)
		case org != uuid.Nil:
			return org, nil
		}
	}
	return uuid.Nil, nil
}

// StreamsOf lists the streams of an organization that have an event of a type,
// however long ago, whatever became of them since.
func (s *Store) StreamsOf(ctx context.Context, org uuid.UUID, eventType string) ([]uuid.UUID, error) {
	rows, err := s.db.Query(ctx, `select distinct stream from events where org = $1 and type = $2`, org, eventType)
	if err != nil {
		return nil, fmt.Errorf("eventstore: list streams of %v: %w", org, err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil {
		return nil, fmt.Errorf("eventstore: list streams of %v: %w", org, err)
	}
	return ids, nil
}
