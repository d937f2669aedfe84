// Package processes reacts to events: each process follows the log from its
// own checkpoint, handles every event at least once, and moves on when the
// handling has succeeded. Handlers are therefore idempotent. What cannot be
// done now is tried again with growing pauses.
package processes

import (
	"context"
	"log/slog"
	"time"

	"github.com/cenkalti/backoff/v5"

	"missioncontrol/eventstore"
)

// Process is one reaction to the log. Any number of program instances may run
// it; an event may then be handled by several of them.
type Process struct {
	Name   string // of its checkpoint; never changes
	Store  *eventstore.Store
	Handle func(ctx context.Context, e *eventstore.Recorded) error
	Log    *slog.Logger
	From   int64 // position that it starts behind if it never ran
}

const (
	firstPause   = 100 * time.Millisecond
	longestPause = 30 * time.Second
	// gathering lets events gather while they come fast: a run costs the
	// database nearly the same however few it handles. One that comes alone is
	// handled at once.
	gathering = 50 * time.Millisecond
	// backlog is how many events behind the log there is no time for that.
	backlog = 1000
)

// Run follows the log until ctx ends.
func (p Process) Run(ctx context.Context) error {
	pauses := backoff.NewExponentialBackOff()
	pauses.InitialInterval, pauses.MaxInterval = firstPause, longestPause
	for {
		err := p.follow(ctx, pauses)
		if ctx.Err() != nil {
			return nil
		}
		p.Log.Warn("process.waits", "process", p.Name, "error", err)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pauses.NextBackOff()):
		}
	}
}

func (p Process) follow(ctx context.Context, pauses *backoff.ExponentialBackOff) error {
	at, err := p.Store.BeginCheckpoint(ctx, p.Name, p.From)
	if err != nil {
		return err
	}
	return p.Store.Follow(ctx, at, func(events []*eventstore.Recorded) error {
		for _, e := range events {
			if err := p.Handle(ctx, e); err != nil {
				return err
			}
		}
		last := events[len(events)-1].Seq
		if err := p.Store.SaveCheckpoint(ctx, p.Name, last); err != nil {
			return err
		}
		pauses.Reset()
		if p.Store.Head()-last >= backlog {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(gathering):
			return nil
		}
	})
}
