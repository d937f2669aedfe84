package commands

import (
	"context"

	"github.com/google/uuid"

	"missioncontrol/domain/logbook"
	"missioncontrol/eventstore"
)

// Logbook records what happens to the log itself.
type Logbook struct {
	store *eventstore.Store
	logs  eventstore.Aggregate[logbook.Log, logbook.Event]
}

// Restored records that a restored backup was accepted as it is.
func (l Logbook) Restored(ctx context.Context, was, now logbook.Head) error {
	return l.store.Do(ctx, func(d *eventstore.Decision) error {
		return l.logs.In(d, uuid.Nil, now.Epoch).Decide(logbook.Restore{Was: was, Now: now})
	})
}
