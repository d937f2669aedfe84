package audit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/mod/sumdb/tlog"

	"missioncontrol/eventstore"
)

const (
	// signPause is how long new events are collected for a checkpoint.
	signPause = 600 * time.Millisecond
	// retryPause is how long a signer waits after trouble.
	retryPause = time.Second
)

// Signer signs a checkpoint within a second of new events. Any number of
// processes may run one; a row lock lets one at a time sign.
type Signer struct {
	Store *eventstore.Store
	Key   Key
	File  File
	Log   *slog.Logger

	tree    edge
	known   bool  // the tree was read
	rebuilt bool  // from the leaves, because it seemed wrong
	size    int64 // up to which all is signed
	fault   atomic.Pointer[error]
}

// ErrInconsistent means that the log is not one that grew out of what was
// signed before.
var ErrInconsistent = errors.New("The log no longer agrees with its signed checkpoints, so no further ones are signed: run missioncontrol audit check.")

// Fault says why this process does not sign although it should, nil if it does.
func (s *Signer) Fault() error {
	if err := s.fault.Load(); err != nil {
		return *err
	}
	return nil
}

// Run signs until ctx ends.
func (s *Signer) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		moved, pause := s.Store.Moved(), signPause
		switch err := s.step(ctx); {
		case err == nil:
			s.fault.Store(nil)
		case ctx.Err() != nil:
			return nil
		default:
			pause = retryPause
			s.trouble(err)
		}
		if s.size >= s.Store.Head() {
			select {
			case <-moved:
			case <-ctx.Done():
				return nil
			}
		}
		select { // others may have signed meanwhile
		case <-time.After(pause):
		case <-ctx.Done():
		}
	}
	return nil
}

// trouble keeps what must be seen from outside. Trouble with the database is
// seen as such.
func (s *Signer) trouble(err error) {
	if _, file := errors.AsType[*fileError](err); file || errors.Is(err, ErrNotCurrent) || errors.Is(err, ErrInconsistent) {
		if before := s.Fault(); before == nil || before.Error() != err.Error() {
			s.Log.Error("audit.checkpoint.refused", "error", err)
		}
		s.fault.Store(&err)
		return
	}
	s.Log.Warn("audit.checkpoint.failed", "error", err)
}

// fileError says that checkpoints cannot be kept outside of the database.
type fileError struct{ cause error }

func (e *fileError) Error() string {
	return fmt.Sprintf("Checkpoints cannot be kept in DATA_DIR, so none are signed: %v", e.cause)
}

func (e *fileError) Unwrap() error { return e.cause }

// step signs what the log has become, unless that is done.
func (s *Signer) step(ctx context.Context) error {
	head := s.Store.Head()
	if head == s.size {
		return nil
	}
	if err := s.catchUp(ctx, head); err != nil {
		return err
	}
	err := s.sign(ctx)
	if errors.Is(err, ErrInconsistent) && !s.rebuilt { // what is stored of the tree may be what is wrong
		s.tree, s.rebuilt = edge{}, true
		if err := s.tree.grow(ctx, s.Store.DB(), head); err != nil {
			return err
		}
		err = s.sign(ctx)
	}
	return err
}

// catchUp brings the tree to the head of the log.
func (s *Signer) catchUp(ctx context.Context, head int64) error {
	if !s.known {
		var damaged *damagedTree
		tree, err := stored(ctx, s.Store.DB())
		if err != nil && !errors.As(err, &damaged) {
			return err
		}
		if err != nil || tree.size > head { // from the leaves, then
			tree = edge{}
		}
		s.tree, s.known = tree, true
	}
	return s.tree.grow(ctx, s.Store.DB(), head)
}

// sign signs the tree as it is, unless somebody has signed as much. The
// transaction holds the row of the current key, so that one process at a time
// signs and each sees what the one before has signed.
func (s *Signer) sign(ctx context.Context) error {
	err := pgx.BeginFunc(ctx, s.Store.DB(), func(tx pgx.Tx) error {
		var current string
		if err := tx.QueryRow(ctx, `select verifier from audit_keys where current for update`).Scan(&current); err != nil && !isNoRows(err) {
			return fmt.Errorf("audit: read the current key: %w", err)
		}
		if current != s.Key.Verifier(s.Store.Epoch()) {
			return ErrNotCurrent
		}
		last, err := newest(ctx, tx, s.Store.Epoch())
		if err != nil {
			return err
		}
		if last != nil && last.Size >= s.tree.size {
			return nil
		}
		c := &Checkpoint{Epoch: s.Store.Epoch(), Size: s.tree.size, Root: s.tree.root()}
		if err := follows(ctx, tx, c, last); err != nil {
			return err
		}
		if err := c.sign(s.Key); err != nil {
			return err
		}
		if err := s.File.append(c.Note); err != nil {
			return &fileError{err}
		}
		return c.insert(ctx, tx)
	})
	if err == nil {
		s.size = s.tree.size
	}
	return err
}

// follows proves that the tree of c grew out of that of last.
func follows(ctx context.Context, db querier, c, last *Checkpoint) error {
	if last == nil {
		return nil
	}
	proof, err := tlog.ProveTree(c.Size, last.Size, hashes(ctx, db))
	if err != nil {
		if _, damaged := errors.AsType[*damagedTree](err); damaged {
			return ErrInconsistent
		}
		return err
	}
	if tlog.CheckTree(proof, c.Size, c.Root, last.Size, last.Root) != nil {
		return ErrInconsistent
	}
	return nil
}
