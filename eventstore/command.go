package eventstore

import (
	"context"

	"github.com/google/uuid"

	"missioncontrol/domain"
)

// Command is what is known of the request behind a decision: who calls, from
// where, and how a repeat of it is recognised. Transport puts it in the
// context; the store writes it into every event's envelope.
type Command struct {
	Actor         domain.Actor
	Person        uuid.UUID // whose key seals IP and UserAgent; Nil: the key of the day
	IP, UserAgent string
	RequestID     string
	CausationID   uuid.UUID
	CorrelationID string

	// Authorize asks again, at every attempt, whether the caller may do this,
	// noting the facts that its rights rest on. Nil asks nothing.
	Authorize func(ctx context.Context, d *Decision) error

	Idempotency *Idempotency

	// Committed is set by the store: the position of the last event that the
	// command appended, or that its first try appended.
	Committed int64
}

type commandKey struct{}

// WithCommand returns a context for deciding on behalf of c.
func WithCommand(ctx context.Context, c *Command) context.Context {
	return context.WithValue(ctx, commandKey{}, c)
}

// CommandFrom returns the command of ctx; without one the program itself acts.
func CommandFrom(ctx context.Context) *Command {
	if c, ok := ctx.Value(commandKey{}).(*Command); ok {
		return c
	}
	return &Command{Actor: domain.Actor{Type: domain.System}}
}
