package main

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"

	"missioncontrol/audit"
	"missioncontrol/audit/export"
	"missioncontrol/docs"
	"missioncontrol/domain/logbook"
)

// prover is what makes the log of a running process provable.
type prover struct {
	key    audit.Key
	file   audit.File
	signer *audit.Signer
	watch  *audit.Watch
	news   string // verifier key that is to be shown, "" if everybody knows it

	was, now audit.Head // of an accepted restore that is to be recorded; zero: none
}

// recognise compares the log with what was signed of it, before anything is
// done with it.
func (s *serveCmd) recognise(ctx context.Context, p *process, dir string) (err error) {
	e := &p.evidence
	if e.key, err = s.auditKey(dir); err != nil {
		return err
	}
	e.file = audit.FileIn(dir)
	err = e.file.Recognise(ctx, p.db, e.key)
	if restored, ok := errors.AsType[*audit.RestoredError](err); ok && s.AcceptRestore {
		p.log.Warn("audit.restore.accepted", "reason", restored.What, "seen", restored.Seen.Seq)
		e.was, e.now, err = e.file.Accept(ctx, p.db)
	}
	return err
}

// enrol makes ready what signs and checks.
func (p *process) enrol(ctx context.Context) error {
	e := &p.evidence
	first, err := audit.Enrol(ctx, p.db, e.key, p.store.Epoch())
	if err != nil && !errors.Is(err, audit.ErrNotCurrent) { // the signer says so
		return err
	}
	if first {
		e.news = e.key.Verifier(p.store.Epoch())
	}
	e.signer = &audit.Signer{Store: p.store, Key: e.key, File: e.file, Log: p.log}
	e.watch = &audit.Watch{DB: p.db, File: e.file, Log: p.log}
	return nil
}

// sayExposure warns if the database itself does not protect the log.
func (p *process) sayExposure(ctx context.Context) error {
	how, err := audit.Exposure(ctx, p.db)
	if how != "" {
		p.log.Warn("audit.log.exposed", "reason", how)
	}
	return err
}

// recordRestore writes into the log that a restore was accepted.
func (p *process) recordRestore(ctx context.Context) error {
	if e := p.evidence; e.now.Seq > 0 || e.was.Seq > 0 {
		if err := p.api.Commands.Logbook.Restored(ctx, logbook.Head(e.was), logbook.Head(e.now)); err != nil {
			return fmt.Errorf("record the restore: %w", err)
		}
	}
	return nil
}

// runEvidence signs, checks and exports.
func (p *process) runEvidence(ctx context.Context, g *errgroup.Group) {
	exports := export.Worker{
		Jobs: export.Jobs{DB: p.db, Dir: p.api.ExportDir}, Trail: audit.Trail{Reader: p.api.Read},
		Proofs: audit.Proofs{DB: p.db, Epoch: p.store.Epoch()}, Key: p.evidence.key, Page: docs.AuditFormat, Log: p.log,
	}
	g.Go(func() error { return exports.Run(ctx) })
	g.Go(func() error { return p.evidence.signer.Run(ctx) })
	g.Go(func() error { return p.evidence.watch.Run(ctx) })
}
