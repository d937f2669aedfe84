package eventstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

const (
	refsCheckpoint = "event_refs"
	// refsPause lets events gather: a run costs the database nearly the same
	// however few it indexes, and readers find the others in the log.
	refsPause = 250 * time.Millisecond
)

// IndexRefs fills event_refs behind the log until ctx ends. Any number of
// processes may run it: a run is written only from the checkpoint that it was
// read after.
func (s *Store) IndexRefs(ctx context.Context) error {
	for ctx.Err() == nil {
		after, err := s.Checkpoint(ctx, refsCheckpoint)
		if err != nil {
			return err
		}
		err = s.follow(ctx, after, s.vocabulary.envelope, func(events []*Recorded) error { return s.indexRun(ctx, events, &after) })
		if !errors.Is(err, errOvertaken) {
			return err
		}
	}
	return nil
}

// errOvertaken means that another process moved a checkpoint.
var errOvertaken = errors.New("eventstore: another process moved the checkpoint")

func (s *Store) indexRun(ctx context.Context, events []*Recorded, at *int64) error {
	var refs []pgtype.UUID // pgx writes a uuid.UUID as text, which is slow
	var seqs []int64
	for _, r := range events {
		for _, ref := range r.Refs {
			refs, seqs = append(refs, pgtype.UUID{Bytes: ref.ID, Valid: true}), append(seqs, r.Seq)
		}
	}
	last := events[len(events)-1].Seq
	err := pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		if err := MoveCheckpoint(ctx, tx, refsCheckpoint, *at, last); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `insert into event_refs select * from unnest($1::uuid[], $2::bigint[]) on conflict do nothing`, refs, seqs)
		return err
	})
	if err != nil {
		return err
	}
	*at = last
	if len(events) < followRun {
		select {
		case <-time.After(refsPause):
		case <-ctx.Done():
		}
	}
	return nil
}

// MoveCheckpoint moves a checkpoint within the transaction that writes what
// was derived up to there. It fails if the checkpoint is no longer at from.
func MoveCheckpoint(ctx context.Context, tx pgx.Tx, name string, from, to int64) error {
	tag, err := tx.Exec(ctx, `insert into checkpoints (name, seq) values ($1, $3)
		on conflict (name) do update set seq = excluded.seq where checkpoints.seq = $2`, name, from, to)
	if err != nil {
		return fmt.Errorf("eventstore: move checkpoint %s to %d: %w", name, to, err)
	}
	if tag.RowsAffected() == 0 {
		return errOvertaken
	}
	return nil
}
