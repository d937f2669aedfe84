package eventstore_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"missioncontrol/eventstore"
)

// A process that sees the head of the log go back stops with one sentence,
// whether it is asked for something or idle.
func TestHeadGoesBack(t *testing.T) {
	t.Parallel()
	for name, asked := range map[string]bool{"while_idle": false, "under_a_command": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := freshLog(t)
			first := start(t, db)
			for i := range 3 {
				if err := first.open(t.Context(), newID(t), newID(t), fmt.Sprint(name, i)); err != nil {
					t.Fatal(err)
				}
			}
			if err := first.stop(); err != nil {
				t.Fatal(err)
			}
			vault, err := eventstore.NewVault(db, make([]byte, eventstore.InstallationKeySize))
			if err != nil {
				t.Fatal(err)
			}
			s, err := eventstore.Open(t.Context(), eventstore.Config{
				DB: db, Vocabulary: vocabulary(), Vault: vault, Log: slog.New(slog.DiscardHandler),
			})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 30*time.Second)
			defer cancel()
			ended := make(chan error, 1)
			go func() { ended <- s.Run(ctx) }()
			p := &process{s, eventstore.For[counter, counterEvent](s, "counter"), db, nil}
			if err := p.open(ctx, newID(t), newID(t), name); err != nil {
				t.Fatal(err)
			}
			if _, err := db.Exec(ctx, "update log_head set seq = seq - 2"); err != nil {
				t.Fatal(err)
			}
			if asked {
				if err := p.open(ctx, newID(t), newID(t), name+"-late"); err == nil {
					t.Error("a command was carried out on a log that went back")
				}
			}
			err = <-ended
			if err == nil || !strings.Contains(err.Error(), "ends at position 2, but this process has seen 4") || strings.Contains(err.Error(), "\n") {
				t.Errorf("Run ended with %v", err)
			}
			var events int
			if err := p.db(ctx, "select count(*) from events", &events); err != nil || events != 4 {
				t.Errorf("%d events, %v", events, err)
			}
		})
	}
}
