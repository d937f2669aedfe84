package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/errgroup"

	"missioncontrol/audit"
	"missioncontrol/auth"
	"missioncontrol/commands"
	"missioncontrol/domain/evidence"
	"missioncontrol/domain/user"
	"missioncontrol/eventstore"
	"missioncontrol/httpapi"
	"missioncontrol/postgres"
	"missioncontrol/processes"
	"missioncontrol/projections"
	"missioncontrol/streams"
)

// process is the assembled program.
type process struct {
	ctx   context.Context // of the start; its values outlive it
	log   *slog.Logger
	db    *pgxpool.Pool
	store *eventstore.Store
	hub   *streams.Hub
	bus   *streams.Bus
	api   *httpapi.API

	evidence prover

	closers []func() error // of what else assemble took
}

// assemble connects the parts. Data flows one way: commands and processes
// append to the store; what was committed goes to the hub and over the bus.
func (s *serveCmd) assemble(ctx context.Context, dir, url, token string, log *slog.Logger) (*process, error) {
	p := &process{ctx: ctx, log: log}
	key, err := s.installationKey(dir)
	if err != nil {
		return nil, err
	}
	if p.db, err = postgres.Connect(ctx, url, s.DatabaseConns); err != nil {
		return nil, err
	}
	vault, err := openVault(ctx, p.db, key)
	if err != nil {
		p.db.Close()
		return nil, err
	}
	if err := s.recognise(ctx, p, dir); err != nil {
		p.db.Close()
		return nil, err
	}
	if p.bus, err = streams.StartBus(ctx, s.busConfig(log)); err != nil {
		p.db.Close()
		return nil, err
	}
	if p.store, err = eventstore.Open(ctx, eventstore.Config{
		DB: p.db, Vocabulary: commands.Vocabulary(), Vault: vault, Projector: projections.Projector{},
		Published: p.published, Log: log,
	}); err != nil {
		p.close()
		return nil, err
	}
	if err := p.enrol(ctx); err != nil {
		p.close()
		return nil, err
	}
	read := projections.Reader{DB: p.db, Store: p.store, Indexed: eventstore.NewIndexer(p.store, append(projections.Indexes(), audit.Index())...)}
	p.hub = streams.NewHub(context.WithoutCancel(ctx), streams.Config{
		Epoch: p.store.Epoch(), Head: p.store.Head(), History: projections.Feed{Reader: read}, Open: p.open, Log: log,
	})
	if err := s.assembleAPI(ctx, p, read, dir, key, token); err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

// assembleAPI connects what answers requests.
func (s *serveCmd) assembleAPI(ctx context.Context, p *process, read projections.Reader, dir string, key []byte, token string) error {
	tokenKey, err := s.tokenKey(key)
	if err != nil {
		return err
	}
	signIn, err := s.signIn(token, p.log)
	if err != nil {
		return err
	}
	operators, err := auth.ParseOperators(s.Operators)
	if err != nil {
		return err
	}
	gate, closeGate, err := s.gate(ctx, p.log)
	if err != nil {
		return err
	}
	p.closers = append(p.closers, closeGate)
	agents := auth.NewAgents(p.store, read, tokenKey)
	if err := agents.Warm(ctx); err != nil {
		return err
	}
	use := commands.New(p.store, read, agents)
	use.Agents.Announce = p.announce
	p.api = &httpapi.API{
		Transport: s.transport(p.log), Store: p.store, Commands: use, Read: read, Rules: auth.NewRules(p.store, read),
		SignIn: signIn, Agents: agents, AgentGate: gate, Proxies: auth.ParseTrustedProxies(s.Proxies, p.log), Hub: p.hub, Operators: operators, Ready: p.ready,
		RefusalPause: httpapi.DefaultRefusalPause, ExportDir: filepath.Join(dir, "exports"),
	}
	return nil
}

// announce shows the streams of this process how an agent is seen now.
func (p *process) announce(a projections.Agent, org uuid.UUID) {
	payload, attrs, err := projections.AgentFrame(a)
	if err == nil {
		err = p.hub.Send(projections.AgentsTopic(org), "agent", payload, attrs)
	}
	if err != nil {
		p.log.Error("presence cannot be shown", "error", err)
	}
}

func (s *serveCmd) transport(log *slog.Logger) httpapi.Transport {
	return httpapi.Transport{
		Log: log, MaxBodyBytes: s.MaxBody, BodyTimeout: s.BodyTimeout, CORSOrigins: s.CORSOrigins, SlowRequest: s.slowRequest(), LogHealth: s.LogHealth,
		SecurityHeaders: httpapi.SecurityHeaders{
			ContentTypeOptions: s.ContentTypeOptions, FrameOptions: s.FrameOptions,
			ReferrerPolicy: s.ReferrerPolicy, PermissionsPolicy: s.PermissionsPolicy,
		},
	}
}

// published hands a batch to the streams of this process and, if it is ours,
// to the other processes. It runs in the committer and must not block.
func (p *process) published(b eventstore.Batch) {
	for _, e := range b.Events {
		if _, gone := e.Event.(user.Erased); gone {
			p.store.Vault().Forget(e.Stream)
		}
	}
	if b.Whole {
		p.hub.Publish(b.First, b.Last, b.Frames)
	} else {
		p.hub.Advance(b.Last)
	}
	if keys := httpapi.RightKeys(b.Touched); len(keys) > 0 {
		p.hub.Recheck(keys...)
	}
	if !b.Local {
		return
	}
	entries := make([][]byte, len(b.Events))
	for i, e := range b.Events {
		entries[i] = e.Entry
	}
	p.bus.Publish(streams.Batch{Epoch: p.store.Epoch(), First: b.First, Last: b.Last, Entries: entries, Frames: b.Frames})
}

// open opens sealed strings in a frame. Without the keys at hand the frame
// goes out with what it holds replaced, never in the clear by mistake.
func (p *process) open(payload []byte) []byte {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(p.ctx), 5*time.Second)
	defer cancel()
	opened, err := p.store.Vault().OpenJSON(ctx, payload)
	if err != nil {
		p.log.Error("a frame cannot be opened", "error", err)
		return payload
	}
	return opened
}

// run starts everything that works in the background, beside the store.
func (p *process) run(ctx context.Context, g *errgroup.Group) {
	g.Go(func() error { return p.retry(ctx, "indexer", p.api.Read.Indexed.Run) })
	for _, process := range []processes.Process{
		processes.Erasure(p.store, p.api.Read, p.log), processes.Removal(p.store, p.api.Read, p.log),
		processes.Departures(p.store, p.api.SignIn.Forget, p.log), processes.Notifications(p.store, p.api.Commands.Notifications, p.log),
	} {
		g.Go(func() error { return process.Run(ctx) })
	}
	g.Go(func() error { return processes.Watch(ctx, p.api.Commands.Agents, p.api.Read, p.log) })
	g.Go(func() error { return p.every(ctx, time.Second, "counts of refusals", p.api.Commands.Audit.Flush) })
	g.Go(func() error { return p.every(ctx, time.Hour, "stored answers", p.store.ForgetAnswers) })
	g.Go(func() error {
		return p.every(ctx, time.Hour, "old day keys", func(ctx context.Context) error {
			return p.store.Vault().EraseOldDays(ctx, time.Now())
		})
	})
	g.Go(func() error {
		return p.bus.Subscribe(func(b streams.Batch) {
			p.store.Receive(b.Epoch, b.First, b.Last, b.Entries, b.Frames)
		})
	})
}

// recordStart writes into the log how the program is configured.
func (p *process) recordStart(ctx context.Context, s *serveCmd) error {
	err := p.api.Commands.Audit.Started(ctx, evidence.Started{Version: version, Configuration: settings(s)})
	if err != nil {
		return fmt.Errorf("record the start: %w", err)
	}
	return nil
}

// recordLimit bounds what a shutdown waits for the log.
const recordLimit = time.Second

// recordEnd writes into the log what was counted and not told yet.
func (p *process) recordEnd() {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(p.ctx), recordLimit)
	defer cancel()
	if err := p.api.Commands.Audit.Close(ctx); err != nil {
		p.log.Error("refusals of the last minute are not in the log", "error", err)
	}
}

// retry runs a worker again when the database was away.
func (p *process) retry(ctx context.Context, what string, work func(context.Context) error) error {
	for {
		err := work(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err == nil || !postgres.Unavailable(err) {
			return err
		}
		p.log.Warn(what+" waits for the database", "error", err)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Second):
		}
	}
}

// every does something now and then.
func (p *process) every(ctx context.Context, pause time.Duration, what string, do func(context.Context) error) error {
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			if err := do(ctx); err != nil && ctx.Err() == nil {
				p.log.Warn(what + ": " + err.Error())
			}
		}
	}
}

// Limits of being ready.
const (
	readyTimeout = 2 * time.Second
	mostLag      = 5 * time.Second
)

// ready says what keeps this process from serving.
func (p *process) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	if err := p.db.Ping(ctx); err != nil {
		return errors.New("Postgres cannot be reached.")
	}
	if err := p.bus.Healthy(); err != nil {
		return errors.New("NATS cannot be reached.")
	}
	if lag := p.hub.Lag(); lag > mostLag {
		return fmt.Errorf("The streams of this process are %.0f s behind the log.", lag.Seconds())
	}
	return cmp.Or(p.evidence.watch.Fault(), p.evidence.signer.Fault())
}

// close gives back what assemble took.
func (p *process) close() {
	for _, closer := range p.closers {
		if err := closer(); err != nil {
			p.log.Warn("closing", "error", err)
		}
	}
	p.bus.Close()
	p.db.Close()
}
