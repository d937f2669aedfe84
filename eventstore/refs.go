package eventstore

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

const refsCheckpoint = "event_refs"

// Refs is the index of which events are about an id.
func Refs() Index {
	return Index{Name: refsCheckpoint, Tables: []string{"event_refs"}, Write: writeRefs}
}

func writeRefs(ctx context.Context, tx pgx.Tx, events []*Recorded) error {
	var refs []pgtype.UUID // pgx writes a uuid.UUID as text, which is slow
	var seqs []int64
	for _, r := range events {
		for _, ref := range r.Refs {
			refs, seqs = append(refs, pgtype.UUID{Bytes: ref.ID, Valid: true}), append(seqs, r.Seq)
		}
	}
	if _, err := tx.Exec(ctx, `insert into event_refs select distinct * from unnest($1::uuid[], $2::bigint[])`, refs, seqs); err != nil {
		return fmt.Errorf("write references: %w", err)
	}
	return nil
}
