package audit

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Head is the end of a log.
type Head struct {
	Epoch uuid.UUID
	Seq   int64
}

// RestoredError says that the log is not the one, or not as far as, that the
// checkpoints outside of the database have seen.
type RestoredError struct {
	File File
	Seen Head
	What string
}

func (e *RestoredError) Error() string {
	return fmt.Sprintf("%s, but %s has seen position %d of log %v: if an older backup was restored on purpose, start once with serve --accept-restore",
		e.What, e.File.Path, e.Seen.Seq, e.Seen.Epoch)
}

// Recognise compares the log with the newest checkpoint of the file, before
// anything is done with it. Its error is a RestoredError if they differ.
func (f File) Recognise(ctx context.Context, db *pgxpool.Pool, k Key) error {
	seen, err := f.newest()
	if err != nil || seen == nil {
		return err
	}
	differs := func(format string, args ...any) error {
		return &RestoredError{File: f, Seen: Head{seen.Epoch, seen.Size}, What: fmt.Sprintf(format, args...)}
	}
	var head Head
	err = db.QueryRow(ctx, `select epoch, seq from log_head`).Scan(&head.Epoch, &head.Seq)
	switch {
	case isNoRows(err):
		return differs("The database holds no log")
	case err != nil:
		return fmt.Errorf("audit: read the head of the log: %w", err)
	case head.Epoch != seen.Epoch:
		accepted, err := f.accepted(ctx, db, k, head.Epoch)
		if err == nil && !accepted {
			err = differs("The database holds log %v", head.Epoch)
		}
		return err
	case head.Seq < seen.Size:
		return differs("The log ends at position %d", head.Seq)
	}
	same, err := agrees(ctx, db, seen)
	if err == nil && !same {
		err = differs("The log differs at or before position %d", seen.Size)
	}
	return err
}

// accepted reports whether the log of epoch is one that this installation has
// signed after it accepted a restore: then the file of a process that was not
// there has not heard of it. One that the file has left behind is not.
func (f File) accepted(ctx context.Context, db *pgxpool.Pool, k Key, epoch uuid.UUID) (bool, error) {
	c, err := newest(ctx, db, epoch)
	if err != nil || c == nil {
		return false, err
	}
	own, err := note.NewVerifier(k.Verifier(epoch))
	if err != nil {
		return false, err
	}
	if _, err := note.Open(c.Note, note.VerifierList(own)); err != nil {
		return false, nil
	}
	known := false
	err = f.notes(func(_ int, signed []byte) error {
		c, err := parseCheckpoint(signed)
		known = known || err == nil && c.Epoch == epoch
		return nil
	})
	return !known, err
}

// agrees reports whether the tree of the log is the one of c, from its leaves
// if need be.
func agrees(ctx context.Context, db *pgxpool.Pool, c *Checkpoint) (bool, error) {
	tree, err := stored(ctx, db)
	if err == nil && tree.size < c.Size {
		err = tree.grow(ctx, db, c.Size)
	}
	if err == nil {
		var root tlog.Hash
		if root, err = tlog.TreeHash(c.Size, hashes(ctx, db)); err == nil && root == c.Root {
			return true, nil
		}
	}
	if damaged := (*damagedTree)(nil); err != nil && !errors.As(err, &damaged) {
		return false, err
	}
	tree = edge{}
	if err := tree.grow(ctx, db, c.Size); err != nil {
		return false, err
	}
	return tree.root() == c.Root, nil
}

// Accept makes the log as it is a new one, with an epoch of its own, so that
// positions and checkpoints of the old one mean nothing in it. It returns both
// heads: the furthest that was seen of the old log, and that of the new one.
func (f File) Accept(ctx context.Context, db *pgxpool.Pool) (was, now Head, err error) {
	seen, err := f.newest()
	if err != nil {
		return was, now, err
	}
	epoch, err := uuid.NewRandom()
	if err != nil {
		return was, now, err
	}
	err = pgx.BeginFunc(ctx, db, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `insert into log_head (seq, epoch) values (0, $1) on conflict do nothing`, epoch); err != nil {
			return err
		}
		if err := tx.QueryRow(ctx, `select epoch, seq from log_head for update`).Scan(&was.Epoch, &was.Seq); err != nil {
			return err
		}
		now = Head{epoch, was.Seq}
		_, err := tx.Exec(ctx, `update log_head set epoch = $1`, epoch)
		return err
	})
	if err != nil {
		return was, now, fmt.Errorf("audit: begin a new epoch of the log: %w", err)
	}
	if seen != nil {
		was = Head{seen.Epoch, seen.Size}
	}
	return was, now, nil
}

// Epoch reads which log the database holds.
func Epoch(ctx context.Context, db querier) (epoch uuid.UUID, err error) {
	err = db.QueryRow(ctx, `select epoch from log_head`).Scan(&epoch)
	if isNoRows(err) {
		return epoch, errors.New("the database holds no log yet: start the server once")
	}
	if err != nil {
		return epoch, fmt.Errorf("audit: read the epoch of the log: %w", err)
	}
	return epoch, nil
}
