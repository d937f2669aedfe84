package commands

import (
	"context"
	"errors"
	"slices"

	"github.com/google/uuid"

	"missioncontrol/domain"
	"missioncontrol/eventstore"
)

// about notes whom, or what that will be erased one day, the answer to the
// command of ctx is about: a stored answer goes when they go.
func about(ctx context.Context, ids ...uuid.UUID) {
	c := eventstore.CommandFrom(ctx)
	if c.Idempotency == nil {
		return
	}
	for _, id := range ids {
		if !slices.Contains(c.Idempotency.People, id) {
			c.Idempotency.People = append(c.Idempotency.People, id)
		}
	}
}

// notMade reports whether a command is sure to have appended nothing now: it
// was refused, or it is the repeat of one that was carried out before.
func notMade(err error) bool {
	_, repeated := errors.AsType[*eventstore.Replay](err)
	return repeated || domain.ReasonOf(err) != ""
}
