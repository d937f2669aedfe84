package eventstore

import (
	"context"
	"errors"
	"log/slog"
	"testing"

	"github.com/google/uuid"

	"missioncontrol/postgres/pgtest"
)

// A full queue refuses at once; what waits in it is answered when the store
// ends.
func TestQueueFull(t *testing.T) {
	t.Parallel()
	db := pgtest.Pool(t)
	vault, err := NewVault(db, make([]byte, InstallationKeySize))
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.Context(), Config{DB: db, Vocabulary: NewVocabulary(noteKind()), Vault: vault, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	notesOf := For[notes, noted](s, "note")
	write := func() error {
		return s.Do(t.Context(), func(d *Decision) error { return notesOf.New(d, uuid.New(), uuid.New()).Decide(write{}) })
	}
	waiting := &item{decision: s.newDecision(t.Context(), &Command{}), done: make(chan error, queueLength)}
	for range queueLength {
		s.queue <- waiting
	}
	if err := write(); !errors.Is(err, ErrBusy) {
		t.Errorf("a full queue says %v", err)
	}
	if s.Stats().Waiting != queueLength {
		t.Errorf("%d wait", s.Stats().Waiting)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Run(ended); err != nil {
		t.Error(err)
	}
	for range queueLength {
		if err := <-waiting.done; err != nil && !errors.Is(err, ErrUnavailable) {
			t.Fatalf("answered with %v", err)
		}
	}
}

type write struct{}

func (write) Decide(notes) ([]noted, error) { return []noted{{Text: "x"}}, nil }
