package postgres

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// clear waits for processes of an earlier postgres of this cluster to end, and
// ends what does not. It runs under the lock of the directory, so what still
// runs has lost the program that started it: the kernel has asked such a server
// to shut down, and the children of a server that died end by themselves,
// unless they are busy.
func (c cluster) clear(ctx context.Context, log *slog.Logger) error {
	claim := filepath.Join(c.dir, "postmaster.pid")
	steps := []struct {
		patience time.Duration
		server   syscall.Signal // to a server, which ends its children
		child    syscall.Signal // to each child of a server that is gone
	}{
		{300 * time.Millisecond, syscall.SIGINT, syscall.SIGTERM},
		{2 * time.Second, syscall.SIGQUIT, syscall.SIGQUIT},
		{500 * time.Millisecond, syscall.SIGKILL, syscall.SIGKILL},
		{time.Second, 0, 0},
	}
	for _, step := range steps {
		left, err := c.awaitEnd(ctx, claim, step.patience)
		if err != nil {
			return err
		}
		if len(left) == 0 {
			return errors.Join(dropStale(claim), dropStale(c.socket+socketName+".lock"))
		}
		log.Warn("ending an earlier PostgreSQL", "dir", c.dir, "pids", left)
		if server := claimant(claim); step.server != syscall.SIGKILL && slices.Contains(left, server) {
			_ = syscall.Kill(server, step.server) // it may have ended
			continue
		}
		for _, pid := range left {
			_ = syscall.Kill(pid, step.child)
		}
	}
	return &Error{Kind: ErrInUse, Text: fmt.Sprintf(
		"an earlier PostgreSQL still runs in DATA_DIR %s and does not end: stop it or choose another DATA_DIR", c.dataDir)}
}

// dropStale removes a claim whose process id is in use by something else, as it
// often is after a restart of a container: PostgreSQL would take that for the
// server. It clears away all other stale claims itself.
func dropStale(claim string) error {
	pid := claimant(claim)
	if pid == 0 || errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		return nil
	}
	if err := os.Remove(claim); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove the claim of an earlier postgres: %w", err)
	}
	return nil
}

// awaitEnd returns the processes of the cluster that are left after at most
// patience.
func (c cluster) awaitEnd(ctx context.Context, claim string, patience time.Duration) ([]int, error) {
	deadline := time.After(patience)
	ticks := time.NewTicker(tick)
	defer ticks.Stop()
	for {
		left, err := processesIn(c.dir, claimant(claim))
		if err != nil || len(left) == 0 {
			return left, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-deadline:
			return left, nil
		case <-ticks.C:
		}
	}
}

// claimant returns the process id in a claim, 0 if there is none. The claim of
// a stand-alone backend is negative.
func claimant(path string) int {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	first, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(first))
	if err != nil {
		return 0
	}
	return max(pid, -pid)
}
