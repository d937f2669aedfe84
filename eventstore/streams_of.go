package eventstore

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

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
