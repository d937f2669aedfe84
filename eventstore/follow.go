package eventstore

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// logWentBack stops a process whose log lost events under it.
type logWentBack struct{ known, found int64 }

func (e *logWentBack) Error() string {
	return fmt.Sprintf("the log ends at position %d, but this process has seen %d: was an older backup restored under it?", e.found, e.known)
}

// progress lets goroutines wait until the applied head moves.
type progress struct {
	mu    sync.Mutex
	moved chan struct{}
}

func (p *progress) init() { p.moved = make(chan struct{}) }

func (p *progress) broadcast() {
	p.mu.Lock()
	defer p.mu.Unlock()
	close(p.moved)
	p.moved = make(chan struct{})
}

func (p *progress) next() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.moved
}

// Reach waits until this process has taken in the log up to seq, for as long
// as a command may wait.
func (s *Store) Reach(ctx context.Context, seq int64) error {
	limit := time.NewTimer(outcomeLimit)
	defer limit.Stop()
	for {
		moved := s.progress.next()
		if s.memory.head() >= seq {
			return nil
		}
		select {
		case s.look <- struct{}{}:
		default: // a look is due already
		}
		select {
		case <-moved:
		case <-limit.C:
			return fmt.Errorf("%w: this process does not get to position %d of it", ErrUnavailable, seq)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Moved is closed when this process takes in more of the log. Ask for it before
// looking at Head, so that nothing is missed in between.
func (s *Store) Moved() <-chan struct{} { return s.progress.next() }

// Follow calls handle with every event after position after, in order, and
// then with new ones as they come, until ctx ends or handle fails. Events come
// in runs of at most 1 000.
func (s *Store) Follow(ctx context.Context, after int64, handle func([]*Recorded) error) error {
	return s.follow(ctx, after, s.vocabulary.Decode, handle)
}

func (s *Store) follow(ctx context.Context, after int64, decode decoder, handle func([]*Recorded) error) error {
	for {
		moved := s.progress.next()
		for after < s.memory.head() {
			events, err := s.readRange(ctx, after, s.memory.head(), followRun, decode)
			if err != nil {
				return err
			}
			if len(events) == 0 {
				return fmt.Errorf("eventstore: the log has no event after position %d although its head is %d: it is damaged", after, s.memory.head())
			}
			if err := handle(events); err != nil {
				return err
			}
			after = events[len(events)-1].Seq
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return nil
		}
	}
}

const followRun = 1000

// Receive takes in a batch that another process committed, as it told over
// the bus: exact entries and all frames, or none of either for a batch too
// large to tell. It never blocks; what it cannot take is read from the log.
func (s *Store) Receive(epoch uuid.UUID, first, last int64, entries [][]byte, frames []Frame) {
	if epoch != s.epoch {
		return
	}
	b := Batch{First: first, Last: last, Frames: frames}
	for _, entry := range entries {
		r, err := s.vocabulary.Decode(entry)
		if err != nil {
			b.Events = nil
			break
		}
		b.Events = append(b.Events, r)
	}
	b.Whole = int64(len(b.Events)) == last-first+1
	select {
	case s.remote <- b:
	default:
	}
}

// takeIn adds another process' batch, which may overlap what is known or lie
// behind a hole. What lies in the hole, and how far the log really goes, only
// the log itself tells.
func (c *committer) takeIn(ctx context.Context, b Batch) error {
	switch {
	case b.Last <= c.head:
		return nil
	case b.First == c.head+1 && b.Whole && b.Events[0].Seq == b.First:
		c.advance(b, c.changes(b.Events))
		return nil
	}
	return c.catchUp(ctx)
}

// catchUp looks at the head of the log and takes in what is new.
func (c *committer) catchUp(ctx context.Context) error {
	var head int64
	err := c.conn.QueryRow(ctx, "select seq from log_head").Scan(&head)
	if err == nil {
		err = c.readUpTo(ctx, head)
	}
	if err == nil { // tells those who ask how current this process is
		c.store.published(Batch{First: head + 1, Last: head})
	}
	return c.tolerate(ctx, err)
}

// tolerate survives trouble with the connection; the next look repairs.
func (c *committer) tolerate(ctx context.Context, err error) error {
	if _, fatal := errors.AsType[*logWentBack](err); err == nil || fatal {
		return err
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	switch {
	case c.conn.IsClosed():
		return c.reconnectAfter(ctx, err)
	case refusedForNow(err): // such as a time-out behind somebody's lock
		c.store.log.Warn("eventstore.look.refused", "error", err)
		return nil
	default:
		return err // the log holds something that this program does not understand
	}
}

// readUpTo takes in the events between the known head and head.
func (c *committer) readUpTo(ctx context.Context, head int64) error {
	if head < c.head {
		return &logWentBack{known: c.head, found: head}
	}
	for c.head < head {
		rows, err := c.conn.Query(ctx, selectRange, c.head, head, followRun)
		if err != nil {
			return err
		}
		events, err := collect(rows, c.store.vocabulary.Decode)
		if err != nil {
			return err
		}
		if len(events) == 0 {
			return fmt.Errorf("eventstore: the log has no event after position %d although its head is %d: it is damaged", c.head, head)
		}
		c.advance(Batch{First: c.head + 1, Last: events[len(events)-1].Seq, Events: events}, c.changes(events))
	}
	return nil
}

func (c *committer) changes(events []*Recorded) []change {
	changes := make([]change, len(events))
	for i, r := range events {
		changes[i] = change{event: r, keys: c.store.vocabulary.Touches(r)}
	}
	return changes
}

// decoder reads an entry, whole or in part.
type decoder func(entry []byte) (*Recorded, error)

// collect decodes rows of entries.
func collect(rows pgx.Rows, decode decoder) ([]*Recorded, error) {
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (*Recorded, error) {
		var entry []byte
		if err := row.Scan(&entry); err != nil {
			return nil, err
		}
		return decode(entry)
	})
}
