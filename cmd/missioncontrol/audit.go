package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"missioncontrol/audit"
	"missioncontrol/postgres"
)

// auditCmd is about the log as evidence.
type auditCmd struct {
	Keys   auditKeysCmd   `cmd:"" help:"Print the keys that verify checkpoints, the current one first."`
	Check  auditCheckCmd  `cmd:"" help:"Compare the log with its entries, hashes, chains and checkpoints; exit 1 if something differs."`
	Replay auditReplayCmd `cmd:"" help:"Show what was recorded as it happened, then what comes."`
	Verify auditVerifyCmd `cmd:"" help:"Verify a bundle of evidence, offline; exit 3 if that is all right but no key was given."`
	Rotate auditRotateCmd `cmd:"" help:"Sign checkpoints with another key from now on: AUDIT_SIGNING_KEY, else a new one."`
}

const auditKeyFile = "audit.key"

// auditKey is AUDIT_SIGNING_KEY, else the one in the data directory, which is
// made at the first start.
func (s state) auditKey(dir string) (audit.Key, error) {
	where, text := "AUDIT_SIGNING_KEY", strings.TrimSpace(s.AuditKey)
	if text == "" {
		where = filepath.Join(dir, auditKeyFile)
		var err error
		if text, err = secretFile(where, newAuditKey); err != nil {
			return audit.Key{}, err
		}
	}
	key, err := audit.ParseKey(text)
	if err != nil {
		return key, fmt.Errorf("%s: %w", where, err)
	}
	return key, nil
}

func newAuditKey() string {
	const seed = 32
	return base64.StdEncoding.EncodeToString(random(seed))
}

// withLog runs use on the log of a data directory. A private cluster belongs to
// one program at a time, so its server must be stopped.
func (s state) withLog(ctx context.Context, log *slog.Logger, out output, use func(ctx context.Context, dir string, db *pgxpool.Pool) error) error {
	if err := s.check(); err != nil {
		return err
	}
	dir, err := s.dataDir()
	if err != nil {
		return err
	}
	return s.withDatabase(ctx, dir, log, out, func(ctx context.Context, d database) error {
		db, err := postgres.Connect(ctx, d.url, s.DatabaseConns)
		if err != nil {
			return err
		}
		defer db.Close()
		return use(ctx, dir, db)
	})
}

// auditKeysCmd prints the verifier keys.
type auditKeysCmd struct {
	state `embed:"" group:"State"`
}

// Run prints them, one a line.
func (c *auditKeysCmd) Run(ctx context.Context, log *slog.Logger, out output) error {
	return c.withLog(ctx, log, out, func(ctx context.Context, _ string, db *pgxpool.Pool) error {
		keys, err := audit.Keys(ctx, db)
		if err == nil && len(keys) == 0 {
			err = errors.New("the log has no key yet: start the server once")
		}
		for _, key := range keys {
			_, _ = fmt.Fprintln(out, key)
		}
		return err
	})
}

// auditCheckCmd looks for changes behind the back of the program.
type auditCheckCmd struct {
	state `embed:"" group:"State"`
}

// Run checks all of the log, telling how far it is.
func (c *auditCheckCmd) Run(ctx context.Context, log *slog.Logger, out output) error {
	return c.withLog(ctx, log, out, func(ctx context.Context, dir string, db *pgxpool.Pool) error {
		how, err := audit.Exposure(ctx, db)
		if err != nil {
			return err
		}
		if how != "" {
			_, _ = fmt.Fprintln(out, how)
		}
		began, told := time.Now(), time.Now()
		check := audit.Check{DB: db, File: audit.FileIn(dir), Report: func(done, head int64) {
			if time.Since(told) >= time.Second {
				told = time.Now()
				_, _ = fmt.Fprintf(out, "checking: %d of %d entries, %.0f a second\n", done, head, float64(done)/time.Since(began).Seconds())
			}
		}}
		if err := check.Run(ctx); err != nil {
			return err
		}
		_, _ = fmt.Fprintf(out, "%d entries are what was written and signed\n", check.Size())
		return nil
	})
}

// auditRotateCmd changes the key that checkpoints are signed with.
type auditRotateCmd struct {
	state `embed:"" group:"State"`
}

// Run makes the key current and prints its verifier.
func (c *auditRotateCmd) Run(ctx context.Context, log *slog.Logger, out output) error {
	return c.withLog(ctx, log, out, func(ctx context.Context, dir string, db *pgxpool.Pool) error {
		epoch, err := audit.Epoch(ctx, db)
		if err != nil {
			return err
		}
		if c.AuditKey == "" {
			if err := replaceSecret(filepath.Join(dir, auditKeyFile), newAuditKey()); err != nil {
				return err
			}
		}
		key, err := c.auditKey(dir)
		if err != nil {
			return err
		}
		if err := audit.Rotate(ctx, db, key, epoch); err != nil {
			return err
		}
		_, _ = fmt.Fprintln(out, key.Verifier(epoch))
		return nil
	})
}

// replaceSecret writes a secret over the one before, whole or not at all.
func replaceSecret(path, text string) error {
	next := path + ".next"
	if err := os.Remove(next); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := writeSecret(next, text); err != nil {
		return err
	}
	return os.Rename(next, path)
}
