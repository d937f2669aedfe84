package eventstore_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"missioncontrol/eventstore"
	"missioncontrol/postgres/pgtest"
)

// TestCallerLeaves: once a caller has gone, its decision is not run any more:
// what it leaves behind for the caller would be written while that reads it.
// The race detector is what looks here.
func TestCallerLeaves(t *testing.T) {
	t.Parallel()
	db := pgtest.Pool(t)
	vault, err := eventstore.NewVault(db, make([]byte, eventstore.InstallationKeySize))
	if err != nil {
		t.Fatal(err)
	}
	s, err := eventstore.Open(t.Context(), eventstore.Config{DB: db, Vocabulary: vocabulary(), Vault: vault, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	counters := eventstore.For[counter, counterEvent](s, "counter")
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	start := time.NewTimer(300 * time.Millisecond) // nothing but time orders the callers and the committer
	go func() {
		<-start.C
		ended <- s.Run(ctx)
	}()
	leave := func() (total int, err error) {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		err = counters.Execute(ctx, newID(t), newID(t), func(_ *eventstore.Decision, x *eventstore.Stream[counter, counterEvent]) error {
			if err := x.Decide(count{1}); err != nil {
				return err
			}
			c, err := x.State()
			total = c.Total
			return err
		})
		return total, err
	}
	var g sync.WaitGroup
	for range 8 {
		g.Go(func() {
			if total, err := leave(); !errors.Is(err, context.DeadlineExceeded) || total != 0 {
				t.Errorf("%d, %v", total, err)
			}
		})
	}
	g.Wait()
	for deadline := time.Now().Add(10 * time.Second); s.Stats().Waiting > 0; {
		if time.Now().After(deadline) {
			t.Fatal("the committer does not come to what waits")
		}
		time.Sleep(time.Millisecond) // a channel would order what must not be ordered
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
