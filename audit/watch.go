package audit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	// watchPause lies between two checks of what came new; every watchWhole-th
	// begins at the beginning again.
	watchPause = time.Hour
	watchWhole = 24
	// watchShare is the part of the time that a check works beside a server.
	watchShare = 0.2
)

// Watch checks the log from time to time while a server runs.
type Watch struct {
	DB   *pgxpool.Pool
	File File
	Log  *slog.Logger

	fault atomic.Pointer[error]
}

// Fault is what was found wrong, nil if nothing was.
func (w *Watch) Fault() error {
	if err := w.fault.Load(); err != nil {
		return *err
	}
	return nil
}

// Run checks until ctx ends.
func (w *Watch) Run(ctx context.Context) error {
	var check *Check
	for round := 0; ctx.Err() == nil; round++ {
		if check == nil || round%watchWhole == 0 {
			check = &Check{DB: w.DB, File: w.File, Share: watchShare}
		}
		if !w.look(ctx, check) {
			check = nil
		}
		select {
		case <-time.After(watchPause):
		case <-ctx.Done():
		}
	}
	return nil
}

// look reports whether the check may go on from where it is.
func (w *Watch) look(ctx context.Context, check *Check) bool {
	from := check.Size()
	err := check.Run(ctx)
	found, differs := errors.AsType[*Difference](err)
	switch {
	case err == nil && from == 0:
		w.fault.Store(nil) // all of it is right
		return true
	case err == nil, ctx.Err() != nil:
		return true
	case differs:
		w.Log.Error("audit.check.differs", "first", found.First, "last", found.Last, "what", found.What)
		err = fmt.Errorf("The log is not what was written: %w.", found)
		w.fault.Store(&err)
		return false
	}
	w.Log.Warn("audit.check.failed", "error", err)
	return true
}
