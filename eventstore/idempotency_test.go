package eventstore_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"missioncontrol/eventstore"
	"missioncontrol/postgres/pgtest"
)

// The same key, many times at once and through two processes: one event, one
// answer.
func TestIdempotencyKey(t *testing.T) {
	t.Parallel()
	db := freshLog(t)
	ps := []*process{start(t, db), start(t, db)}
	org, stream := newID(t), newID(t)
	command := func(body string) context.Context {
		return eventstore.WithCommand(t.Context(), &eventstore.Command{Idempotency: &eventstore.Idempotency{
			Scope: sha256.Sum256([]byte("k")), Fingerprint: sha256.Sum256([]byte(body)),
			Encode: func(_ context.Context, v any) ([]byte, error) { return json.Marshal(v) },
		}})
	}
	var answers sync.Map
	var fresh, replayed atomic.Int64
	var g sync.WaitGroup
	for i := range 1000 {
		p := ps[i%2]
		g.Go(func() {
			token := newID(t).String() // every try would answer another one
			err := p.Do(command("body"), func(d *eventstore.Decision) error {
				d.Answer(token)
				return p.counters.In(d, org, stream).Decide(count{1})
			})
			replay, again := errors.AsType[*eventstore.Replay](err)
			switch {
			case err == nil:
				fresh.Add(1)
				b, _ := json.Marshal(token)
				answers.Store(string(b), true)
			case again:
				replayed.Add(1)
				answers.Store(string(replay.Answer), true)
			default:
				t.Error(err)
			}
		})
	}
	g.Wait()
	var different int
	answers.Range(func(_, _ any) bool { different++; return true })
	if fresh.Load() != 1 || replayed.Load() != 999 || different != 1 {
		t.Errorf("%d carried out, %d repeated, %d different answers", fresh.Load(), replayed.Load(), different)
	}
	if n := len(ps[0].everything(t)); n != 1 {
		t.Errorf("%d events", n)
	}
	err := ps[0].Do(command("another body"), func(d *eventstore.Decision) error { t.Error("decided"); return nil })
	if !errors.Is(err, eventstore.ErrReused) {
		t.Errorf("another body: %v", err)
	}
}

// The first try committed elsewhere and is itself the reason why the repeat
// would be refused: the repeat gets the answer, not the refusal.
func TestRepeatThatWouldBeRefused(t *testing.T) {
	t.Parallel()
	db := pgtest.Pool(t)
	ps := []*process{start(t, db), start(t, db)}
	for range rounds(t, 20) {
		org, id := newID(t), newID(t)
		if err := ps[0].open(t.Context(), org, id, "a"); err != nil {
			t.Fatal(err)
		}
		var g sync.WaitGroup
		for i := range 8 {
			p := ps[i%2]
			g.Go(func() {
				ctx := eventstore.WithCommand(t.Context(), &eventstore.Command{Idempotency: &eventstore.Idempotency{
					Scope: sha256.Sum256(id[:]), Encode: func(context.Context, any) ([]byte, error) { return []byte(`{"ok":true}`), nil },
				}})
				err := p.Do(ctx, func(d *eventstore.Decision) error { return p.counters.In(d, org, id).Decide(closeIt{}) })
				if _, again := errors.AsType[*eventstore.Replay](err); err != nil && !again {
					t.Errorf("a repeat was refused: %v", err)
				}
			})
		}
		g.Wait()
	}
}
