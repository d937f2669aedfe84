// Package eventstore is the log: one dense, append-only sequence of events in
// Postgres from which everything else is derived.
//
// Do decides a command: it gathers facts, decides, and appends the events
// together with the rows of the read models and the frames of the streams, in
// one transaction. One committer per process commits what waits as a batch
// (group commit). Positions are 1, 2, 3 … without holes, because a batch swaps
// the head of the log from the position it was built on, and fails whole if
// another process was faster. docs/architecture.md walks one command through.
package eventstore

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	// queueLength bounds the commands that wait for the committer.
	queueLength = 16_384
	// maxRounds is how often a decision is made again before it is made alone.
	maxRounds = 5
	// contentionLimit ends a command that keeps being overtaken.
	contentionLimit = 5 * time.Second
	// outcomeLimit is how long a caller waits for the outcome of its append.
	outcomeLimit = 10 * time.Second
	// lookEvery is how often a process looks at the head by itself, in case
	// nobody told it of another's commit: what a revoked right still allows
	// ends within a second even so.
	lookEvery = 500 * time.Millisecond
)

// Projector maps the events of a decision to rows of the read models and
// frames of the streams. It runs in the goroutine of the command.
type Projector interface {
	Project(d *Decision) ([]Write, []PendingFrame, error)
}

// Config is what a Store is made of.
type Config struct {
	DB         *pgxpool.Pool
	Vocabulary *Vocabulary
	Vault      *Vault
	Projector  Projector        // nil: the log alone
	Published  func(Batch)      // told of every batch in order, own or others'; must not block
	Now        func() time.Time // nil: the system's clock
	Log        *slog.Logger
}

// Store is one process' access to the log. Run must be running for commands
// to be carried out.
type Store struct {
	db         *pgxpool.Pool
	vocabulary *Vocabulary
	vault      *Vault
	projector  Projector
	published  func(Batch)
	clock      func() time.Time
	log        *slog.Logger

	epoch        uuid.UUID
	memory       *memory
	lastRecorded time.Time // of the head at the start; the clock may have been set back since
	progress     progress
	inFlight     inFlight
	queue        chan *item
	remote       chan Batch
	look         chan struct{}
	down         atomic.Bool // the committer has no connection
	stats        counters
}

// Open prepares a store at the head of the log, creating the log's head at
// first use.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	s := &Store{
		db: cfg.DB, vocabulary: cfg.Vocabulary, vault: cfg.Vault, projector: cfg.Projector,
		published: cfg.Published, clock: cfg.Now, log: cfg.Log,
		inFlight: inFlight{running: map[Hash]chan struct{}{}},
		queue:    make(chan *item, queueLength),
		remote:   make(chan Batch, 1024),
		look:     make(chan struct{}, 1),
	}
	if s.clock == nil {
		s.clock = time.Now
	}
	if s.published == nil {
		s.published = func(Batch) {}
	}
	epoch, err := uuid.NewRandom()
	if err != nil {
		return nil, fmt.Errorf("eventstore: draw an epoch: %w", err)
	}
	if _, err := s.db.Exec(ctx, `insert into log_head (seq, epoch) values (0, $1) on conflict do nothing`, epoch); err != nil {
		return nil, fmt.Errorf("eventstore: create the head of the log: %w", err)
	}
	var head int64
	var recorded *time.Time // nil: the log is empty
	if err := s.db.QueryRow(ctx, `select h.seq, h.epoch, e.recorded from log_head h left join events e using (seq)`).
		Scan(&head, &s.epoch, &recorded); err != nil {
		return nil, fmt.Errorf("eventstore: read the head of the log: %w", err)
	}
	if recorded != nil {
		s.lastRecorded = recorded.UTC()
	}
	s.memory = newMemory(head)
	s.progress.init()
	return s, nil
}

// Epoch names this log; positions of another epoch mean nothing here.
func (s *Store) Epoch() uuid.UUID { return s.epoch }

// Head is the position up to which this process has taken in the log.
func (s *Store) Head() int64 { return s.memory.head() }

// DB is the database of the log, for packages that own tables of it.
func (s *Store) DB() *pgxpool.Pool { return s.db }

// Vault opens what events have sealed.
func (s *Store) Vault() *Vault { return s.vault }

// Vocabulary is what the log may hold.
func (s *Store) Vocabulary() *Vocabulary { return s.vocabulary }

// Now is the store's clock: UTC, whole microseconds.
func (s *Store) Now() time.Time { return s.now() }

// now is the clock of decisions: UTC, whole microseconds.
func (s *Store) now() time.Time { return s.clock().UTC().Truncate(time.Microsecond) }

// Do decides a command and appends its events. decide gathers facts, noting
// each in the Decision, and stages events; it runs again from the top whenever
// a fact that it looked at changed before the commit. An error of decide is
// returned as it is; other errors are those of this package, and *Replay when
// the command was carried out before.
func (s *Store) Do(ctx context.Context, decide func(*Decision) error) error {
	return s.do(ctx, func(d *Decision, _ *item) error { return decide(d) })
}

// attempt decides, or arranges for the committer to decide, within d.
type attempt func(d *Decision, it *item) error

func (s *Store) do(ctx context.Context, decide attempt) error {
	c := CommandFrom(ctx)
	if c.Idempotency != nil {
		leave, err := s.inFlight.enter(ctx, c.Idempotency.Scope)
		if err != nil {
			return err
		}
		defer leave()
		if err := s.replay(ctx, c); err != nil {
			return err
		}
	}
	if err := s.ensureAddressKey(ctx, c); err != nil {
		return err
	}
	deadline := time.Now().Add(contentionLimit)
	for round := 0; ; round++ {
		err := s.try(ctx, c, decide, round >= maxRounds)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, errConflict):
			s.stats.conflicts.Add(1)
			if time.Now().After(deadline) {
				return ErrContended
			}
			if err := s.replay(ctx, c); err != nil {
				return err
			}
		default:
			return err
		}
	}
}

func (s *Store) ensureAddressKey(ctx context.Context, c *Command) error {
	if c.IP == "" && c.UserAgent == "" {
		return nil
	}
	return s.vault.Ensure(ctx, c.addressOwner(s.now()))
}

// try makes one attempt at a command.
func (s *Store) try(ctx context.Context, c *Command, decide attempt, alone bool) error {
	d := s.newDecision(ctx, c)
	it := &item{decision: d, done: make(chan error, 1)}
	run := func() error {
		if c.Authorize != nil {
			if err := c.Authorize(ctx, d); err != nil {
				return err
			}
		}
		return decide(d, it)
	}
	if alone {
		it.alone = run
		return s.submit(ctx, it)
	}
	if err := run(); err != nil {
		return s.confirm(ctx, c, d, err)
	}
	if it.late == nil {
		if len(d.staged) == 0 && c.Idempotency == nil {
			return nil
		}
		if err := s.prepare(it); err != nil {
			return err
		}
		if err := s.ensureChains(ctx, d); err != nil {
			return err
		}
	}
	err := s.submit(ctx, it)
	if it.late != nil && isRefusal(err) {
		return s.confirm(ctx, c, d, err)
	}
	return err
}

// confirm answers a failed decision. A refusal counts only if it was judged on
// the log as it is now; otherwise the decision is made again.
func (s *Store) confirm(ctx context.Context, c *Command, d *Decision, refusal error) error {
	if !isRefusal(refusal) {
		return refusal
	}
	var head int64
	if err := s.db.QueryRow(ctx, `select seq from log_head`).Scan(&head); err != nil {
		return fmt.Errorf("eventstore: read the head of the log: %w", err)
	}
	if head > d.asOf {
		if err := s.Reach(ctx, head); err != nil {
			return err
		}
		if !s.memory.unchanged(d.looked, d.asOf) {
			return errConflict
		}
	}
	if err := s.replay(ctx, c); err != nil {
		return err
	}
	return refusal
}

// prepare projects and encodes what an item decided.
func (s *Store) prepare(it *item) error {
	d := it.decision
	if err := d.encode(); err != nil {
		return err
	}
	var err error
	if it.repeat, err = s.repeatRow(d); err != nil {
		return err
	}
	if s.projector != nil && len(d.staged) > 0 {
		if it.writes, it.frames, err = s.projector.Project(d); err != nil {
			return err
		}
	}
	it.bytes = it.size()
	return nil
}

func (it *item) size() int {
	n := 0
	for _, e := range it.decision.staged {
		n += len(e.Body) + 512 // the envelope
	}
	for _, f := range it.frames {
		n += len(f.Payload)
	}
	for _, w := range it.writes {
		for _, cell := range w.cells {
			n += len(cell)
		}
	}
	return n
}

// ensureChains reads the ends of the chains that memory does not hold.
func (s *Store) ensureChains(ctx context.Context, d *Decision) error {
	for _, e := range d.staged {
		if err := s.ensureChain(ctx, e.Org); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) ensureChain(ctx context.Context, org uuid.UUID) error {
	if _, ok := s.memory.chainOf(org); ok {
		return nil
	}
	var end chain
	var head int64
	var leaf []byte
	err := s.db.QueryRow(ctx, `select h.seq, coalesce(o.org_seq, 0), o.leaf
		from log_head h left join org_head o on o.org = $1`, org).Scan(&head, &end.seq, &leaf)
	if err != nil {
		return fmt.Errorf("eventstore: read the end of an organization's chain: %w", err)
	}
	copy(end.leaf[:], leaf)
	if err := s.Reach(ctx, head); err != nil {
		return err
	}
	if !s.memory.adoptChain(org, end, head) {
		return errConflict
	}
	return nil
}

// submit hands an item to the committer and waits for its outcome.
func (s *Store) submit(ctx context.Context, it *item) error {
	if s.down.Load() {
		return ErrUnavailable
	}
	select {
	case s.queue <- it:
	default:
		return ErrBusy
	}
	limit := time.NewTimer(outcomeLimit)
	defer limit.Stop()
	select {
	case err := <-it.done:
		if err == nil && len(it.decision.staged) > 0 {
			it.decision.command.Committed = it.decision.staged[len(it.decision.staged)-1].Seq
		}
		return err
	case <-limit.C:
		it.leave()
		return ErrUnknownOutcome
	case <-ctx.Done():
		it.leave()
		return ctx.Err()
	}
}

// Execute decides a command that reads nothing but its own stream. It is
// decided by the committer, on the state that the command before it leaves, so
// that commands on one hot stream do not overtake each other.
func (a Aggregate[S, E]) Execute(ctx context.Context, org, id uuid.UUID, decide func(d *Decision, x *Stream[S, E]) error) error {
	return a.store.do(ctx, func(d *Decision, it *item) error {
		if _, err := a.In(d, org, id).State(); err != nil {
			return err
		}
		if err := a.store.ensureChain(ctx, org); err != nil {
			return err
		}
		run := func() error { return decide(d, a.In(d, org, id)) }
		if it.alone != nil {
			return run()
		}
		it.own, it.late = id, run
		return nil
	})
}

func isNoRows(err error) bool { return errors.Is(err, pgx.ErrNoRows) }
