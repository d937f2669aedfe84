package eventstore

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"missioncontrol/domain"
)

// committer appends for one process, over a connection of its own. It is one
// goroutine; nothing else writes memory or announces batches, so everybody in
// the process sees the log in one order.
type committer struct {
	store        *Store
	conn         *pgx.Conn         // nil: to be connected
	prepared     map[string]string // statement names on conn
	buf          []byte
	head         int64     // the expected head of the log
	lastRecorded time.Time // of the event at head
}

// Run appends what is submitted and takes in what other processes append,
// until ctx ends. It returns an error only if this process must not go on.
func (s *Store) Run(ctx context.Context) error {
	c := &committer{store: s, head: s.memory.head(), lastRecorded: s.lastRecorded}
	defer c.close(ctx)
	defer c.refuseWaiting(ErrUnavailable)
	defer s.down.Store(true) // first: nobody queues any more
	if err := c.connect(ctx); err != nil {
		return ignoreCancel(ctx, err)
	}
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			return nil
		case it := <-s.queue:
			err = c.commit(ctx, c.gather(it))
		case b := <-s.remote:
			err = c.takeIn(ctx, b)
		case <-s.look:
			err = c.catchUp(ctx)
		case <-tick.C:
			err = c.catchUp(ctx)
		}
		if err != nil {
			return ignoreCancel(ctx, err)
		}
	}
}

func ignoreCancel(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// gather drains the queue behind it, up to the size of a batch. Callers that
// the last commit has just answered get their turn first, so that their next
// commands share this batch instead of waiting for the one after it.
func (c *committer) gather(it *item) []*item {
	items := []*item{it}
	events, bytes := len(it.decision.staged), it.bytes
	for yielded := false; events < maxBatchEvents && bytes < maxBatchBytes; {
		select {
		case next := <-c.store.queue:
			items = append(items, next)
			events, bytes = events+max(1, len(next.decision.staged)), bytes+next.bytes
			yielded = false
		default:
			if yielded {
				return items
			}
			runtime.Gosched()
			yielded = true
		}
	}
	return items
}

// commit carries out items in one transaction. Only an error that must stop
// the process is returned; every item gets its own outcome.
func (c *committer) commit(ctx context.Context, items []*item) error {
	var together []*item
	for _, it := range items {
		if it.alone == nil {
			together = append(together, it)
		}
	}
	if len(together) > 0 {
		if err := c.commitTogether(ctx, together); err != nil {
			return err
		}
	}
	for _, it := range items {
		if it.alone != nil {
			if err := c.underLock(ctx, []*item{it}); err != nil {
				return err
			}
		}
	}
	return nil
}

// commitTogether tries the swap on the expected head first, which is free of
// locks and takes one round trip.
func (c *committer) commitTogether(ctx context.Context, items []*item) error {
	b := c.build(items)
	if len(b.items) == 0 {
		return nil
	}
	err := c.send(ctx, b, false)
	switch {
	case err == nil:
		c.finish(b)
		return nil
	case lostSwap(err):
		c.store.stats.lostSwaps.Add(1)
		return c.underLock(ctx, b.items)
	case c.conn.IsClosed() && unsent(err):
		return c.resend(ctx, b.items)
	case c.conn.IsClosed():
		return c.settle(ctx, b, err)
	default:
		return c.divide(ctx, b.items, err)
	}
}

// build admits what still may be committed and answers the rest.
func (c *committer) build(items []*item) *batch {
	b := c.newBatch()
	for i, it := range items {
		if b.full() { // answered as overtaken: it queues again
			for _, rest := range items[i:] {
				rest.done <- errConflict
			}
			break
		}
		if err := c.admit(b, it); err != nil {
			it.done <- err
		}
	}
	return b
}

// finish takes a committed batch in and answers its commands.
func (c *committer) finish(b *batch) {
	c.store.stats.batches.Add(1)
	c.store.stats.events.Add(int64(len(b.events)))
	if len(b.events) > 0 {
		out, changes := b.committed()
		c.advance(out, changes)
	}
	for _, it := range b.items {
		it.done <- nil
	}
}

// advance makes the process know of a batch: memory first, then the streams,
// then everybody who waits for the position.
func (c *committer) advance(b Batch, changes []change) {
	c.store.memory.apply(changes)
	for _, change := range changes {
		b.Touched = append(b.Touched, change.keys...)
	}
	c.head = b.Last
	c.lastRecorded = b.Events[len(b.Events)-1].Recorded
	c.store.published(b)
	c.store.progress.broadcast()
}

// divide finds the command that the database refuses: halves of the batch are
// committed by themselves until the bad one stands alone.
func (c *committer) divide(ctx context.Context, items []*item, cause error) error {
	if passing(cause) { // the database refuses everybody for now
		c.answer(items, fmt.Errorf("%w: %w", ErrUnavailable, cause))
		return nil
	}
	if len(items) > 1 {
		half := len(items) / 2
		if err := c.commitTogether(ctx, items[:half]); err != nil {
			return err
		}
		return c.commitTogether(ctx, items[half:])
	}
	if duplicateKey(cause) { // another process stored this answer meanwhile
		cause = errConflict
	}
	c.answer(items, cause)
	return nil
}

func (c *committer) answer(items []*item, err error) {
	for _, it := range items {
		it.done <- err
	}
}

// underLock carries out items while holding the head's row, so that no other
// process can be faster: it takes in what was missed, judges again, appends.
func (c *committer) underLock(ctx context.Context, items []*item) error {
	if err := c.lock(ctx); err != nil {
		return c.afterLockFailed(ctx, items, err)
	}
	for _, it := range items {
		if it.alone != nil && !c.decideAlone(it) {
			_, err := c.conn.Exec(ctx, "rollback")
			return c.reconnectAfter(ctx, err)
		}
	}
	b := c.build(items)
	if len(b.items) == 0 {
		_, err := c.conn.Exec(ctx, "rollback")
		return c.reconnectAfter(ctx, err)
	}
	err := c.send(ctx, b, true)
	switch {
	case err == nil:
		c.finish(b)
		return nil
	case c.conn.IsClosed():
		return c.settle(ctx, b, err)
	}
	if _, undo := c.conn.Exec(ctx, "rollback"); undo != nil {
		return c.settle(ctx, b, undo)
	}
	return c.divide(ctx, b.items, err)
}

// lock begins a transaction that holds the head's row, and catches up.
func (c *committer) lock(ctx context.Context) error {
	if _, err := c.conn.Exec(ctx, "begin"); err != nil {
		return err
	}
	var head int64
	if err := c.conn.QueryRow(ctx, "select seq from log_head for update").Scan(&head); err != nil {
		return err
	}
	return c.readUpTo(ctx, head)
}

// afterLockFailed: nothing was sent, so nothing was committed.
func (c *committer) afterLockFailed(ctx context.Context, items []*item, err error) error {
	c.answer(items, fmt.Errorf("%w: %w", ErrUnavailable, err))
	if _, fatal := errors.AsType[*logWentBack](err); fatal {
		return err
	}
	if !c.conn.IsClosed() {
		_, err = c.conn.Exec(ctx, "rollback")
	}
	return c.reconnectAfter(ctx, err)
}

// decideAlone makes a decision that was overtaken too often, while nobody can
// overtake it. It reports whether there is something to append.
func (c *committer) decideAlone(it *item) bool {
	d := it.decision
	d.asOf, d.looked, d.staged, d.streams = c.head, nil, nil, map[uuid.UUID]*streamState{}
	err := it.run(it.alone)
	if err == nil {
		err = c.store.prepare(it)
	}
	if err == nil {
		err = c.store.ensureChains(d.ctx, d)
	}
	if err != nil {
		it.done <- err
		return false
	}
	if len(d.staged) == 0 && it.repeat == nil {
		it.done <- nil
		return false
	}
	return true
}

// passing reports errors that say nothing about the command: time-outs, lock
// and resource trouble.
func passing(err error) bool {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return true
	}
	switch pg.Code[:2] {
	case "40", "53", "55", "57", "58":
		return true
	}
	return false
}

// refusedForNow reports an error of the database itself that says nothing
// about the log.
func refusedForNow(err error) bool {
	_, answered := errors.AsType[*pgconn.PgError](err)
	return answered && passing(err)
}

func duplicateKey(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == "23505" && pg.TableName == "idempotency"
}

func isRefusal(err error) bool { return domain.ReasonOf(err) != "" }
