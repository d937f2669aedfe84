package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"missioncontrol/commands"
	"missioncontrol/eventstore"
	"missioncontrol/postgres"
	"missioncontrol/projections"
)

// rebuildCmd derives the read models from the log again.
type rebuildCmd struct {
	state  `embed:"" group:"State"`
	Frames bool `help:"Render the frames of the streams again, too." default:"true" negatable:""`
}

// Run rebuilds, telling how far it is. With DATABASE_URL the server may serve
// meanwhile; a private cluster belongs to one program at a time.
func (r *rebuildCmd) Run(ctx context.Context, log *slog.Logger, out output) error {
	if err := r.check(); err != nil {
		return err
	}
	dir, err := r.dataDir()
	if err != nil {
		return err
	}
	return r.withDatabase(ctx, dir, log, out, func(ctx context.Context, d database) error {
		db, err := postgres.Connect(ctx, d.url, r.DatabaseConns)
		if err != nil {
			return err
		}
		defer db.Close()
		key, err := r.installationKey(dir)
		if err != nil {
			return err
		}
		vault, err := openVault(ctx, db, key)
		if err != nil {
			return err
		}
		store, err := eventstore.Open(ctx, eventstore.Config{DB: db, Vocabulary: commands.Vocabulary(), Vault: vault, Log: log})
		if err != nil {
			return err
		}
		if err := rebuild(ctx, projections.Reader{DB: db, Store: store}, d.owner, r.Frames, out); err != nil {
			return err
		}
		return reindex(ctx, eventstore.NewIndexer(store, projections.Indexes()...), out)
	})
}

func rebuild(ctx context.Context, read projections.Reader, owner string, frames bool, out output) error {
	b := projections.Rebuild{Reader: read, Owner: owner, Frames: frames, Report: func(p projections.Progress) {
		rate := float64(p.Done) / max(p.Elapsed.Seconds(), 0.001)
		_, _ = fmt.Fprintf(out, "rebuilding: %d of %d events, %.0f a second\n", p.Done, p.Head, rate)
	}}
	return b.Run(ctx)
}

// reindex derives the indexes again. They are filled in place: who asks them
// meanwhile waits, or is told that they are behind.
func reindex(ctx context.Context, x *eventstore.Indexer, out output) error {
	if err := x.ForgetIndexes(ctx); err != nil {
		return err
	}
	began, said := time.Now(), time.Time{}
	return x.Fill(ctx, func(at, head int64) {
		if at < head && time.Since(said) < time.Second {
			return
		}
		said = time.Now()
		_, _ = fmt.Fprintf(out, "indexing: %d of %d events, %.0f a second\n", at, head, float64(at)/max(time.Since(began).Seconds(), 0.001))
	})
}

// upToDate rebuilds read models that another version of the program filled.
func upToDate(ctx context.Context, read projections.Reader, owner string, out output) error {
	needed, err := projections.Needed(ctx, read)
	if err != nil || !needed {
		return err
	}
	return rebuild(ctx, read, owner, true, out)
}
