package eventstore

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
)

const selectRange = `select entry from events where seq > $1 and seq <= $2 order by seq limit $3`

// Range reads at most limit events with after < seq ≤ upTo, in order.
func (s *Store) Range(ctx context.Context, after, upTo int64, limit int) ([]*Recorded, error) {
	return s.readRange(ctx, after, upTo, limit, s.vocabulary.Decode)
}

func (s *Store) readRange(ctx context.Context, after, upTo int64, limit int, decode decoder) ([]*Recorded, error) {
	rows, err := s.db.Query(ctx, selectRange, after, upTo, limit)
	if err != nil {
		return nil, fmt.Errorf("eventstore: read events after %d: %w", after, err)
	}
	events, err := collect(rows, decode)
	if err != nil {
		return nil, fmt.Errorf("eventstore: read events after %d: %w", after, err)
	}
	return events, nil
}

// ReadStream calls handle with the events of one aggregate, in order.
func (s *Store) ReadStream(ctx context.Context, stream uuid.UUID, handle func(*Recorded) error) error {
	rows, err := s.db.Query(ctx, `select entry from events where stream = $1 order by version`, stream)
	if err != nil {
		return fmt.Errorf("eventstore: read stream %v: %w", stream, err)
	}
	defer rows.Close()
	for rows.Next() {
		var entry []byte
		if err := rows.Scan(&entry); err != nil {
			return fmt.Errorf("eventstore: read stream %v: %w", stream, err)
		}
		r, err := s.vocabulary.Decode(entry)
		if err != nil {
			return err
		}
		if err := handle(r); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("eventstore: read stream %v: %w", stream, err)
	}
	return nil
}

// ByRef reads at most limit events about ref after position after, in order:
// from the index as far as it reaches, then from the log behind it.
func (s *Store) ByRef(ctx context.Context, ref uuid.UUID, after int64, limit int) ([]*Recorded, error) {
	indexed, err := s.Checkpoint(ctx, refsCheckpoint)
	if err != nil {
		return nil, err
	}
	rows, err := s.db.Query(ctx, `select e.entry from event_refs r join events e using (seq)
		where r.ref = $1 and r.seq > $2 and r.seq <= $3 order by r.seq limit $4`, ref, after, indexed, limit)
	if err != nil {
		return nil, fmt.Errorf("eventstore: read events about %v: %w", ref, err)
	}
	events, err := collect(rows, s.vocabulary.Decode)
	if err != nil {
		return nil, fmt.Errorf("eventstore: read events about %v: %w", ref, err)
	}
	for at, head := max(after, indexed), s.Head(); at < head && len(events) < limit; {
		run, err := s.Range(ctx, at, head, followRun)
		if err != nil {
			return nil, err
		}
		for _, r := range run {
			at = r.Seq
			if len(events) < limit && r.about(ref) {
				events = append(events, r)
			}
		}
	}
	return events, nil
}

func (r *Recorded) about(id uuid.UUID) bool {
	for _, ref := range r.Refs {
		if ref.ID == id {
			return true
		}
	}
	return false
}

// Before returns the position before the first event recorded at or after t.
// The time never falls along the log and positions have no holes, so a search
// by halves over the primary key finds it without an index on the time.
func (s *Store) Before(ctx context.Context, t time.Time) (int64, error) {
	var seq int64
	err := s.db.QueryRow(ctx, `
		with recursive halving(low, high) as (
			select 0::bigint, seq from log_head
			union all
			select case when e.recorded < $1 then h.low + (h.high - h.low + 1) / 2 else h.low end,
			       case when e.recorded < $1 then h.high else h.low + (h.high - h.low + 1) / 2 - 1 end
			from halving h join events e on e.seq = h.low + (h.high - h.low + 1) / 2
			where h.low < h.high
		) select low from halving where low = high`, t).Scan(&seq)
	if err != nil {
		return 0, fmt.Errorf("eventstore: find the position at %v: %w", t, err)
	}
	return seq, nil
}

// Checkpoint returns how far a reader that works behind the log has come.
func (s *Store) Checkpoint(ctx context.Context, name string) (int64, error) {
	var seq int64
	err := s.db.QueryRow(ctx, `select seq from checkpoints where name = $1`, name).Scan(&seq)
	if err != nil && !isNoRows(err) {
		return 0, fmt.Errorf("eventstore: read checkpoint %s: %w", name, err)
	}
	return seq, nil
}

// BeginCheckpoint is Checkpoint of a reader that has handled everything up to
// from by beginning there, if it begins only now.
func (s *Store) BeginCheckpoint(ctx context.Context, name string, from int64) (int64, error) {
	if from > 0 {
		_, err := s.db.Exec(ctx, `insert into checkpoints (name, seq) values ($1, $2) on conflict do nothing`, name, from)
		if err != nil {
			return 0, fmt.Errorf("eventstore: begin checkpoint %s: %w", name, err)
		}
	}
	return s.Checkpoint(ctx, name)
}

// SaveCheckpoint notes that a reader has handled everything up to seq. It never
// moves back: of several readers of one name the furthest counts.
func (s *Store) SaveCheckpoint(ctx context.Context, name string, seq int64) error {
	_, err := s.db.Exec(ctx, `insert into checkpoints (name, seq) values ($1, $2)
		on conflict (name) do update set seq = greatest(checkpoints.seq, excluded.seq)`, name, seq)
	if err != nil {
		return fmt.Errorf("eventstore: save checkpoint %s: %w", name, err)
	}
	return nil
}

// Stats counts what the committer of this process did.
type Stats struct {
	Batches, Events int64
	Conflicts       int64 // decisions made again
	LostSwaps       int64 // batches overtaken by another process
	Waiting         int   // commands in the queue
}

type counters struct{ batches, events, conflicts, lostSwaps atomic.Int64 }

// Stats returns the counts since the start.
func (s *Store) Stats() Stats {
	return Stats{
		Batches: s.stats.batches.Load(), Events: s.stats.events.Load(),
		Conflicts: s.stats.conflicts.Load(), LostSwaps: s.stats.lostSwaps.Load(), Waiting: len(s.queue),
	}
}
