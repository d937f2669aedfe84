package audit

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"missioncontrol/eventstore"
)

// Index is what the trail is asked by: a narrow row for each event, written
// behind the log so that the append carries none of its indexes.
func Index() eventstore.Index {
	return eventstore.Index{Name: "audit_events", Tables: []string{"audit_events"}, Write: writeIndex}
}

func writeIndex(ctx context.Context, tx pgx.Tx, events []*eventstore.Recorded) error {
	columns := []string{"org", "seq", "actor", "board", "request", "actor_type", "type", "outcome"}
	_, err := tx.CopyFrom(ctx, pgx.Identifier{"audit_events"}, columns, pgx.CopyFromSlice(len(events), func(i int) ([]any, error) {
		r := events[i]
		return []any{
			pgtype.UUID{Bytes: r.Org, Valid: true},
			r.Seq, nullable(r.Actor.ID), nullable(boardOf(r)), requestKey(r.RequestID),
			string(r.Actor.Type), r.Type, r.Outcome,
		}, nil
	}))
	if err != nil {
		return fmt.Errorf("write the trail: %w", err)
	}
	return nil
}

// nullable is an id as pgx writes it fast.
func nullable(id uuid.UUID) pgtype.UUID { return pgtype.UUID{Bytes: id, Valid: id != uuid.Nil} }

// boardOf is the board that an event is about, Nil if it is about none or
// about several.
func boardOf(r *eventstore.Recorded) (board uuid.UUID) {
	for _, ref := range r.Refs {
		switch {
		case ref.Kind != "board" || ref.ID == board:
		case board == uuid.Nil:
			board = ref.ID
		default:
			return uuid.Nil
		}
	}
	return board
}

// requestKey is what an id of a request is found by, nil for none. Two ids may
// share one: who reads the entries compares the ids themselves.
func requestKey(id string) *int64 {
	if id == "" {
		return nil
	}
	hash := sha256.Sum256([]byte(id))
	key := int64(binary.BigEndian.Uint64(hash[:])) //nolint:gosec // any 64 bits will do
	return &key
}
