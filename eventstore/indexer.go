package eventstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
)

// Index is a read model that is derived behind the log instead of in the
// append: what is slow to derive, or derived over many streams.
type Index struct {
	// Name is that of its checkpoint. Rows of another shape take another
	// name: they are then derived from the beginning.
	Name string
	// Tables are emptied before the first event is written.
	Tables []string
	// Write derives rows of events, in order, each exactly once.
	Write func(ctx context.Context, tx pgx.Tx, events []*Recorded) error
}

const (
	// indexRun bounds the events of one transaction, so that none is long.
	indexRun = 2000
	// indexPause lets events gather: a run costs the database nearly the same
	// however few it indexes. A reader who needs more than there is asks for
	// the next run at once.
	indexPause = 100 * time.Millisecond
	// reachLimit is how long a reader waits for an index.
	reachLimit = 2 * time.Second
	// elsewherePause is how long to let another process write its run.
	elsewherePause = 10 * time.Millisecond
)

// ErrIndexing means that an index has not come as far as the reader needs.
var ErrIndexing = errors.New("eventstore: the index is behind the log")

// Indexer fills indexes behind the log, each event once, whatever number of
// processes do so: the checkpoints move in the transaction of the rows.
type Indexer struct {
	store    *Store
	indexes  []Index
	conn     *pgx.Conn    // while Run works
	at       atomic.Int64 // covered by every index
	progress progress
	urgent   chan struct{}
}

// NewIndexer returns an indexer that works while Run does.
func NewIndexer(s *Store, indexes ...Index) *Indexer {
	x := &Indexer{store: s, indexes: indexes, urgent: make(chan struct{}, 1)}
	x.progress.init()
	return x
}

// At is the position up to which every index is filled, as this process knows.
func (x *Indexer) At() int64 { return x.at.Load() }

// Reach waits until every index is filled up to seq, at most two seconds.
func (x *Indexer) Reach(ctx context.Context, seq int64) error {
	limit := time.NewTimer(reachLimit)
	defer limit.Stop()
	for {
		moved := x.progress.next()
		if x.at.Load() >= seq {
			return nil
		}
		select {
		case x.urgent <- struct{}{}:
		default: // asked for already
		}
		select {
		case <-moved:
		case <-limit.C:
			return fmt.Errorf("%w: it is filled up to %d, not %d", ErrIndexing, x.at.Load(), seq)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Run fills the indexes until ctx ends. It has a connection of its own, like
// the committer, so that it neither waits for requests nor they for it.
func (x *Indexer) Run(ctx context.Context) error {
	if err := x.run(ctx); ctx.Err() == nil {
		return err
	}
	return nil
}

func (x *Indexer) run(ctx context.Context) error {
	if err := x.open(ctx); err != nil {
		return err
	}
	defer x.conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // nothing is lost with it
	for ctx.Err() == nil {
		moved := x.store.progress.next()
		run, err := x.write(ctx)
		switch {
		case err != nil:
			return err
		case run == elsewhere:
			x.pause(ctx, elsewherePause)
		case run == indexRun: // there is more
		default:
			x.rest(ctx, moved)
		}
	}
	return nil
}

// Fill fills the indexes up to the head of the log, telling how far it is after
// each run, and ends. Run must not work meanwhile.
func (x *Indexer) Fill(ctx context.Context, tell func(at, head int64)) error {
	if err := x.open(ctx); err != nil {
		return err
	}
	defer x.conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // nothing is lost with it
	for head := x.store.Head(); x.At() < head; {
		run, err := x.write(ctx)
		if err != nil {
			return err
		}
		if run == elsewhere {
			x.pause(ctx, elsewherePause)
			continue
		}
		tell(x.At(), head)
	}
	return ctx.Err()
}

// open connects, and makes the indexes ready to be written.
func (x *Indexer) open(ctx context.Context) (err error) {
	if x.conn, err = x.store.connectAs(ctx, "indexer"); err != nil {
		return err
	}
	if err = x.begin(ctx); err != nil {
		_ = x.conn.Close(context.WithoutCancel(ctx))
	}
	return err
}

// rest waits for events, and then for some more of them.
func (x *Indexer) rest(ctx context.Context, moved <-chan struct{}) {
	select {
	case <-moved:
		x.pause(ctx, indexPause)
	case <-x.urgent:
		x.pause(ctx, elsewherePause/10) // the store may be about to take it in
	case <-ctx.Done():
	}
}

// pause waits, unless a reader does.
func (x *Indexer) pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-x.urgent:
	case <-ctx.Done():
	}
}

// begin empties the tables of indexes that have no checkpoint.
func (x *Indexer) begin(ctx context.Context) error {
	return x.within(ctx, func(tx pgx.Tx) error {
		for _, i := range x.indexes {
			tag, err := tx.Exec(ctx, `insert into checkpoints (name, seq) values ($1, 0) on conflict do nothing`, i.Name)
			if err == nil && tag.RowsAffected() == 1 && len(i.Tables) > 0 {
				_, err = tx.Exec(ctx, "truncate "+strings.Join(i.Tables, ", "))
			}
			if err != nil {
				return fmt.Errorf("eventstore: begin index %s: %w", i.Name, err)
			}
		}
		return nil
	})
}

// elsewhere says that another process is writing.
const elsewhere = -1

// write indexes one run of events and returns how many they were.
func (x *Indexer) write(ctx context.Context) (n int, err error) {
	var covered int64
	err = x.within(ctx, func(tx pgx.Tx) error {
		at, err := x.checkpoints(ctx, tx)
		if err != nil || at == nil {
			n = elsewhere
			return err
		}
		covered = slices.Min(at)
		events, err := x.next(ctx, tx, covered)
		if err != nil || len(events) == 0 {
			return err
		}
		n, covered = len(events), events[len(events)-1].Seq
		for i, index := range x.indexes {
			if err := x.index(ctx, tx, index, at[i], events); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil && n != elsewhere {
		x.at.Store(covered)
		x.progress.broadcast()
	}
	return n, err
}

// checkpoints reads and locks how far each index is; nil if another process
// holds them.
func (x *Indexer) checkpoints(ctx context.Context, tx pgx.Tx) ([]int64, error) {
	var names []string
	for _, i := range x.indexes {
		names = append(names, i.Name)
	}
	rows, err := tx.Query(ctx, `select name, seq from checkpoints where name = any($1) order by name for update skip locked`, names)
	if err != nil {
		return nil, fmt.Errorf("eventstore: read the checkpoints of indexes: %w", err)
	}
	found := map[string]int64{}
	var name string
	var seq int64
	if _, err := pgx.ForEachRow(rows, []any{&name, &seq}, func() error { found[name] = seq; return nil }); err != nil {
		return nil, fmt.Errorf("eventstore: read the checkpoints of indexes: %w", err)
	}
	if len(found) < len(names) {
		return nil, nil
	}
	var at []int64
	for _, name := range names {
		at = append(at, found[name])
	}
	return at, nil
}

func (x *Indexer) next(ctx context.Context, tx pgx.Tx, after int64) ([]*Recorded, error) {
	head := x.store.Head()
	if after >= head {
		return nil, nil
	}
	rows, err := tx.Query(ctx, selectRange, after, head, indexRun)
	if err != nil {
		return nil, fmt.Errorf("eventstore: read events after %d: %w", after, err)
	}
	return collect(rows, x.store.vocabulary.Decode)
}

// index writes what one index does not have yet of events.
func (x *Indexer) index(ctx context.Context, tx pgx.Tx, i Index, at int64, events []*Recorded) error {
	last := events[len(events)-1].Seq
	if at >= last {
		return nil
	}
	if skip := at - events[0].Seq + 1; skip > 0 { // positions have no holes
		events = events[skip:]
	}
	if err := i.Write(ctx, tx, events); err != nil {
		return fmt.Errorf("eventstore: index %s: %w", i.Name, err)
	}
	if _, err := tx.Exec(ctx, `update checkpoints set seq = $2 where name = $1`, i.Name, last); err != nil {
		return fmt.Errorf("eventstore: move the checkpoint of %s: %w", i.Name, err)
	}
	return nil
}

// within runs do in a transaction that does not wait for the disk: after a
// crash rows and checkpoint are both of an earlier moment, and are derived
// again.
func (x *Indexer) within(ctx context.Context, do func(pgx.Tx) error) error {
	return pgx.BeginFunc(ctx, x.conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `set local synchronous_commit = off`); err != nil {
			return fmt.Errorf("eventstore: begin a run of indexes: %w", err)
		}
		return do(tx)
	})
}

// ForgetIndexes empties every index, to be derived again from the beginning.
// Whoever writes them goes on from there.
func (x *Indexer) ForgetIndexes(ctx context.Context) error {
	return pgx.BeginFunc(ctx, x.store.db, func(tx pgx.Tx) error {
		for _, i := range x.indexes {
			_, err := tx.Exec(ctx, `update checkpoints set seq = 0 where name = $1`, i.Name)
			if err == nil && len(i.Tables) > 0 {
				_, err = tx.Exec(ctx, "truncate "+strings.Join(i.Tables, ", "))
			}
			if err != nil {
				return fmt.Errorf("eventstore: forget index %s: %w", i.Name, err)
			}
		}
		return nil
	})
}

// Moved is closed when this process learns that the indexes are filled further.
// Ask for it before looking at At, so that nothing is missed in between.
func (x *Indexer) Moved() <-chan struct{} { return x.progress.next() }
