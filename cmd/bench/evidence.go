package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"missioncontrol/audit"
	"missioncontrol/audit/bundle"
	"missioncontrol/audit/export"
	"missioncontrol/docs"
)

const benchKey = "b7" // repeated

func auditKey() (audit.Key, error) { return audit.ParseKey(strings.Repeat(benchKey, 32)) }

// evidence exports the whole log as a bundle, and verifies that with either
// verifier.
func evidence(ctx context.Context, b *bench, h *history) ([]result, error) {
	key, err := auditKey()
	if err != nil {
		return nil, err
	}
	if _, err := audit.Enrol(ctx, h.db, key, h.Epoch()); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(b.cluster.dir, "exports")
	if err != nil {
		return nil, err
	}
	if err := h.signAll(ctx, key, audit.FileIn(dir)); err != nil {
		return nil, err
	}
	exported, path, err := h.export(ctx, key, dir)
	if err != nil {
		return nil, err
	}
	verifier := key.Verifier(h.Epoch())
	began := time.Now()
	if _, err := bundle.Verify(path, verifier); err != nil {
		return nil, err
	}
	verified := time.Since(began)
	script := filepath.Join(dir, "verify.py")
	if err := os.WriteFile(script, bundle.Verifier, 0o600); err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, "python3", script, path, "--key", verifier) //nolint:gosec // our own
	began = time.Now()
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("verify.py: %w: %s", err, out)
	}
	python := time.Since(began)
	return []result{
		{row: h.of("audit export: a bundle"), measured: exported.Seconds(), unit: "s", bar: atMost(60)},
		{row: h.of("audit verify: the bundle"), measured: verified.Seconds(), unit: "s", bar: atMost(60)},
		{row: h.of("verify.py: the bundle"), measured: python.Seconds(), unit: "s", bar: atMost(60)},
	}, nil
}

// export has the log written as a bundle, and returns how long it took.
func (h *history) export(ctx context.Context, key audit.Key, dir string) (took time.Duration, path string, err error) {
	jobs := export.Jobs{DB: h.db, Dir: dir}
	worker := export.Worker{
		Jobs: jobs, Trail: audit.Trail{Reader: h.read}, Proofs: audit.Proofs{DB: h.db, Epoch: h.Epoch()}, Key: key, Page: docs.AuditFormat,
		Log: slog.New(slog.DiscardHandler),
	}
	alive, stop := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- worker.Run(alive) }()
	defer func() { stop(); err = errors.Join(err, <-done) }()
	c, err := dial(ctx, h.addr)
	if err != nil {
		return 0, "", err
	}
	defer c.close()
	began := time.Now()
	answer, err := c.post("/api/v1/audit/exports", fmt.Sprintf(`{"to":"%d"}`, h.Head()), "")
	for err == nil && ctx.Err() == nil {
		var e export.Export
		if err := json.Unmarshal(answer, &e); err != nil {
			return 0, "", err
		}
		switch e.Status {
		case "done":
			return time.Since(began), jobs.Path(e.ID, e.Format), nil
		case "failed":
			return 0, "", errors.New(*e.Problem)
		}
		wait(ctx, 100*time.Millisecond)
		answer, err = c.get("/api/v1/audit/exports/"+e.ID.String(), "")
	}
	return 0, "", errors.Join(err, ctx.Err())
}
