package eventstore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"missioncontrol/domain"
)

// How long the answer to a command is kept for repeats of it.
const (
	keepAnswers       = 7 * 24 * time.Hour
	keepSecretAnswers = 10 * time.Minute
)

// Idempotency recognises a repeat of a command.
type Idempotency struct {
	Scope       Hash                                       // SHA-256 of caller, method, path and key
	Fingerprint Hash                                       // SHA-256 of the request body
	Secret      bool                                       // the answer shows a secret: keep it for minutes only
	People      []uuid.UUID                                // whom the answer is given to or about
	Encode      func(context.Context, any) ([]byte, error) // renders an answer as it is sent
}

// ErrReused means that an idempotency key was used before with another body.
var ErrReused = domain.Refuse(domain.Invalid, "Idempotency-Key was used with another request.")

// Replay is the stored answer to a command that was carried out before. Do
// returns it as an error, so that no handler needs to know of repeats.
type Replay struct {
	Status int
	Answer []byte
	Seq    int64 // position of the last event of the first try
}

func (*Replay) Error() string { return "the command was carried out before" }

type idempotencyRow struct {
	scope, fingerprint Hash
	status             int
	answer             []byte
	seq                int64
	people             string // text of a uuid[]
	expires            time.Time
}

// inFlight lets repeats within this process wait for the first.
type inFlight struct {
	mu      sync.Mutex
	running map[Hash]chan struct{}
}

// enter waits until no other command of this scope runs, and returns leave.
func (f *inFlight) enter(ctx context.Context, scope Hash) (leave func(), err error) {
	for {
		f.mu.Lock()
		running, busy := f.running[scope]
		if !busy {
			done := make(chan struct{})
			f.running[scope] = done
			f.mu.Unlock()
			return func() {
				f.mu.Lock()
				delete(f.running, scope)
				f.mu.Unlock()
				close(done)
			}, nil
		}
		f.mu.Unlock()
		select {
		case <-running:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// replay returns the stored answer of c as an error, nil if there is none.
func (s *Store) replay(ctx context.Context, c *Command) error {
	if c.Idempotency == nil {
		return nil
	}
	var row idempotencyRow
	var fingerprint []byte
	err := s.db.QueryRow(ctx, `select fingerprint, status, answer, seq, expires from idempotency where scope = $1`,
		c.Idempotency.Scope[:]).Scan(&fingerprint, &row.status, &row.answer, &row.seq, &row.expires)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("eventstore: look up an idempotency key: %w", err)
	}
	if row.expires.Before(s.now()) { // its primary key would refuse the new answer
		_, err = s.db.Exec(ctx, `delete from idempotency where scope = $1 and expires < $2`, c.Idempotency.Scope[:], s.now())
		return err
	}
	if Hash(fingerprint) != c.Idempotency.Fingerprint {
		return ErrReused
	}
	answer, err := s.vault.openAnswer(c.Idempotency.Scope, row.answer)
	if err != nil {
		return err
	}
	c.Committed = row.seq
	return &Replay{Status: row.status, Answer: answer, Seq: row.seq}
}

// Repeated returns the *Replay of ctx's command if it was carried out before,
// for whoever would refuse it without a decision: what it did may be the reason.
func (s *Store) Repeated(ctx context.Context) error { return s.replay(ctx, CommandFrom(ctx)) }

// repeatRow renders what a repeat of the command will be answered.
func (s *Store) repeatRow(d *Decision) (*idempotencyRow, error) {
	key := d.command.Idempotency
	if key == nil {
		return nil, nil
	}
	answer, err := key.Encode(d.ctx, d.answer)
	if err != nil {
		return nil, fmt.Errorf("eventstore: encode the answer to a command: %w", err)
	}
	keep := keepAnswers
	if key.Secret {
		keep = keepSecretAnswers
	}
	people := make([]string, len(key.People))
	for i, id := range key.People {
		people[i] = id.String()
	}
	return &idempotencyRow{
		scope: key.Scope, fingerprint: key.Fingerprint, status: 200,
		answer:  s.vault.sealAnswer(key.Scope, answer),
		people:  "{" + strings.Join(people, ",") + "}",
		expires: s.now().Add(keep),
	}, nil
}

// ForgetAnswers removes stored answers that have expired. A caller runs it now
// and then.
func (s *Store) ForgetAnswers(ctx context.Context) error {
	_, err := s.db.Exec(ctx, `delete from idempotency where expires < now()`)
	return err
}

// ForgetAnswersOf removes the stored answers given to or about people.
func (s *Store) ForgetAnswersOf(ctx context.Context, people ...uuid.UUID) error {
	if _, err := s.db.Exec(ctx, `delete from idempotency where people && $1`, people); err != nil {
		return fmt.Errorf("eventstore: forget the answers about %v: %w", people, err)
	}
	return nil
}
