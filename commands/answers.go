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

// carryOut has c decide on x, and answers with what became of x: view, as show
// shows it.
func carryOut[S domain.State[S, E], E, V any](
	d *eventstore.Decision, x *eventstore.Stream[S, E], c domain.Command[S, E], view *V, show func(S) V,
) error {
	return carryOutAndRead(d, x, c, view, func(now S) (V, error) { return show(now), nil })
}

// carryOutAndRead is carryOut for a view that shows more than the state, which
// has to be read.
func carryOutAndRead[S domain.State[S, E], E, V any](
	d *eventstore.Decision, x *eventstore.Stream[S, E], c domain.Command[S, E], view *V, show func(S) (V, error),
) error {
	if err := x.Decide(c); err != nil {
		return err
	}
	now, err := x.State()
	if err != nil {
		return err
	}
	*view, err = show(now)
	d.Answer(*view)
	return err
}

// notMade reports whether a command is sure to have appended nothing now: it
// was refused, or it is the repeat of one that was carried out before.
func notMade(err error) bool {
	_, repeated := errors.AsType[*eventstore.Replay](err)
	return repeated || domain.ReasonOf(err) != ""
}
