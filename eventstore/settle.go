package eventstore

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

const (
	committerTimeout = "10s" // statement_timeout of the append
	firstRetry       = 50 * time.Millisecond
	lastRetry        = time.Second
)

// connect opens the committer's connection, retrying until it succeeds or ctx
// ends. Meanwhile commands are refused at once.
func (c *committer) connect(ctx context.Context) error {
	wait := backoff.NewExponentialBackOff()
	wait.InitialInterval, wait.MaxInterval = firstRetry, lastRetry
	for {
		conn, err := c.dial(ctx)
		if err == nil {
			c.conn, c.prepared = conn, map[string]string{}
			c.store.down.Store(false)
			return nil
		}
		if c.store.down.CompareAndSwap(false, true) {
			c.store.log.Warn("eventstore.database.away", "error", err)
		}
		c.refuseWaiting(fmt.Errorf("%w: %w", ErrUnavailable, err))
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait.NextBackOff()):
		}
	}
}

func (c *committer) dial(ctx context.Context) (*pgx.Conn, error) {
	return c.store.connectAs(ctx, "committer")
}

// connectAs opens a connection beside the pool, for one worker.
func (s *Store) connectAs(ctx context.Context, worker string) (*pgx.Conn, error) {
	cfg := s.db.Config().ConnConfig.Copy()
	cfg.RuntimeParams["statement_timeout"] = committerTimeout
	cfg.RuntimeParams["application_name"] = "missioncontrol " + worker
	if cfg.ConnectTimeout == 0 {
		cfg.ConnectTimeout = 5 * time.Second
	}
	return pgx.ConnectConfig(ctx, cfg)
}

func (c *committer) close(ctx context.Context) {
	if c.conn == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	_ = c.conn.Close(ctx)
}

// refuseWaiting answers everything that waits in the queue.
func (c *committer) refuseWaiting(err error) {
	for {
		select {
		case it := <-c.store.queue:
			it.done <- err
		default:
			return
		}
	}
}

// reconnectAfter replaces a broken connection; err nil is no trouble.
func (c *committer) reconnectAfter(ctx context.Context, err error) error {
	if err == nil && !c.conn.IsClosed() {
		return nil
	}
	c.close(ctx)
	return c.connect(ctx)
}

// unsent reports that an implicit transaction cannot have been committed,
// because its end has not left this process.
func unsent(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "write"
}

// resend carries out items that met a connection which had died before,
// unless the database is away.
func (c *committer) resend(ctx context.Context, items []*item) error {
	c.close(ctx)
	conn, err := c.dial(ctx)
	if err != nil {
		c.answer(items, fmt.Errorf("%w: %w", ErrUnavailable, err))
		return c.connect(ctx)
	}
	c.conn, c.prepared = conn, map[string]string{}
	return c.underLock(ctx, items)
}

// settle finds out what became of a batch whose connection died after it was
// sent: nobody is answered and nothing sent again before that is known. The
// old backend may still be at work; locking the head's row either waits for
// its commit or makes its swap fail.
func (c *committer) settle(ctx context.Context, b *batch, cause error) error {
	c.store.log.Warn("eventstore.outcome.unknown", "events", len(b.events), "error", cause)
	for {
		c.close(ctx)
		if err := c.connect(ctx); err != nil {
			c.answer(b.items, ErrUnknownOutcome)
			return err
		}
		done, err := c.trySettle(ctx, b)
		if _, fatal := errors.AsType[*logWentBack](err); fatal {
			c.answer(b.items, ErrUnknownOutcome)
			return err
		}
		if done {
			return c.reconnectAfter(ctx, err)
		}
		c.store.log.Warn("eventstore.outcome.unknown", "events", len(b.events), "error", err)
	}
}

// trySettle reports whether the outcome is known now.
func (c *committer) trySettle(ctx context.Context, b *batch) (bool, error) {
	if _, err := c.conn.Exec(ctx, "begin"); err != nil {
		return false, err
	}
	var head int64
	if err := c.conn.QueryRow(ctx, "select seq from log_head for update").Scan(&head); err != nil {
		return false, err
	}
	committed, err := c.holds(ctx, b)
	if err != nil {
		return false, err
	}
	if committed {
		c.finish(b) // first: what follows in the log may rest on it
		_, err := c.conn.Exec(ctx, "rollback")
		return true, err
	}
	if head != b.head {
		if err := c.readUpTo(ctx, head); err != nil {
			return false, err
		}
		again := c.build(b.items)
		if len(again.items) == 0 {
			_, err := c.conn.Exec(ctx, "rollback")
			return true, err
		}
		*b = *again // if this connection dies too, these are the places to look for
	}
	// At the same head the very same batch goes again: should the first one
	// arrive after all while this connection dies too, it is known by its ids,
	// which a late decision would draw anew.
	err = c.send(ctx, b, true)
	switch {
	case err == nil:
		c.finish(b)
		return true, nil
	case c.conn.IsClosed():
		return false, err
	}
	if _, undo := c.conn.Exec(ctx, "rollback"); undo != nil {
		return false, undo
	}
	return true, c.divide(ctx, b.items, err)
}

// holds reports whether the log holds b where b expected to be.
func (c *committer) holds(ctx context.Context, b *batch) (bool, error) {
	if len(b.events) == 0 {
		return false, nil
	}
	first := b.events[0]
	var entry []byte
	err := c.conn.QueryRow(ctx, "select entry from events where seq = $1", first.Seq).Scan(&entry)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	stored, err := c.store.vocabulary.Decode(entry)
	if err != nil {
		return false, err
	}
	return stored.ID == first.ID && stored.ID != uuid.Nil, nil
}
