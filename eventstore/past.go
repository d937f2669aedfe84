package eventstore

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"
)

// pastRun is how many events of the past are read at once: a statement for
// each run, so that no snapshot is held while the past is folded.
const pastRun = "1000"

// About calls handle with the events about ref up to a position, in order, of
// some kinds of aggregates: from the index as far as it reaches, then from the
// log behind it. Their Entry and Leaf are left out.
func (s *Store) About(ctx context.Context, ref uuid.UUID, upTo int64, kinds []string, handle func(*Recorded)) error {
	indexed, err := s.Checkpoint(ctx, refsCheckpoint)
	if err != nil {
		return err
	}
	types, seam := s.vocabulary.typesOf(kinds), min(indexed, upTo)
	const index = `select e.seq, e.entry from event_refs r join events e using (seq)
		where r.seq > $1 and r.seq <= $2 and e.type = any($3) and r.ref = $4 order by r.seq limit ` + pastRun
	if err := s.runs(ctx, index, 0, seam, []any{types, ref}, handle); err != nil {
		return fmt.Errorf("eventstore: read events about %v: %w", ref, err)
	}
	const tail = `select seq, entry from events where seq > $1 and seq <= $2 and type = any($3) order by seq limit ` + pastRun
	err = s.runs(ctx, tail, seam, upTo, []any{types}, func(r *Recorded) {
		if r.about(ref) {
			handle(r)
		}
	})
	if err != nil {
		return fmt.Errorf("eventstore: read events about %v: %w", ref, err)
	}
	return nil
}

// Pasts calls handle with the events of some streams up to a position, those of
// one stream in order. Their Entry and Leaf are left out.
func (s *Store) Pasts(ctx context.Context, streams []uuid.UUID, upTo int64, handle func(*Recorded)) error {
	if len(streams) == 0 {
		return nil
	}
	rows, err := s.db.Query(ctx, `select entry from events where stream = any($1) and seq <= $2 order by stream, version`, streams, upTo)
	if err != nil {
		return fmt.Errorf("eventstore: read streams: %w", err)
	}
	entries, err := pgx.CollectRows(rows, pgx.RowTo[[]byte])
	if err != nil {
		return fmt.Errorf("eventstore: read streams: %w", err)
	}
	return s.decodeAll(entries, handle)
}

// runs reads events with after < seq ≤ upTo and handles them while the next
// are read.
func (s *Store) runs(ctx context.Context, sql string, after, upTo int64, more []any, handle func(*Recorded)) error {
	runs := make(chan [][]byte, 1)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		defer close(runs)
		for after < upTo {
			rows, err := s.db.Query(ctx, sql, append([]any{after, upTo}, more...)...)
			if err != nil {
				return err
			}
			var entry []byte
			var run [][]byte
			if _, err := pgx.ForEachRow(rows, []any{&after, &entry}, func() error { run = append(run, entry); entry = nil; return nil }); err != nil {
				return err
			}
			if len(run) == 0 {
				return nil
			}
			select {
			case runs <- run:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	})
	g.Go(func() error {
		for run := range runs {
			if err := s.decodeAll(run, handle); err != nil {
				return err
			}
		}
		return nil
	})
	return g.Wait()
}

// decodeAll decodes on all processors and handles in order.
func (s *Store) decodeAll(entries [][]byte, handle func(*Recorded)) error {
	events := make([]*Recorded, len(entries))
	share := max(1, (len(entries)+runtime.GOMAXPROCS(0)-1)/runtime.GOMAXPROCS(0))
	var g errgroup.Group
	at := 0
	for part := range slices.Chunk(entries, share) {
		into := events[at:]
		at += len(part)
		g.Go(func() (err error) {
			for i, entry := range part {
				if into[i], err = s.vocabulary.event(entry); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	for _, r := range events {
		handle(r)
	}
	return nil
}

// At returns the last position that was recorded at or before t.
func (s *Store) At(ctx context.Context, t time.Time) (int64, error) {
	return s.Before(ctx, t.Truncate(time.Microsecond).Add(time.Microsecond))
}

// Written is the head of the log as the database has it now, which this process
// may not have taken in.
func (s *Store) Written(ctx context.Context) (int64, error) {
	var head int64
	if err := s.db.QueryRow(ctx, `select seq from log_head`).Scan(&head); err != nil {
		return 0, fmt.Errorf("eventstore: read the head of the log: %w", err)
	}
	return head, nil
}
