package commands

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"missioncontrol/auth"
	"missioncontrol/domain"
	"missioncontrol/domain/evidence"
	"missioncontrol/eventstore"
)

// Audit records what is evidence although it changes nothing. What comes in
// numbers is recorded within a budget of this process, and counted beyond it:
// Flush, called every second, records the counts of minutes that are over.
type Audit struct {
	store   *eventstore.Store
	entries eventstore.Aggregate[evidence.Entry, evidence.Event]

	flushing sync.Mutex // one Flush at a time

	mu       sync.Mutex
	refusals refusals
	failures failures
	readings readings
}

// recordLimit is how long a caller waits for the record of its refusal.
const recordLimit = 5 * time.Second

func newAudit(store *eventstore.Store) *Audit {
	return &Audit{store: store, entries: eventstore.For[evidence.Entry, evidence.Event](store, "audit")}
}

// Refusal is a refusal of a caller who has proved itself.
type Refusal struct {
	evidence.Refused
	Home uuid.UUID // where it is recorded if no target tells
}

// Refused records a refusal to the caller of ctx's command, or counts it. An
// error means that it could not be recorded, and so must not be answered. It is
// often if this caller was refused often in this minute.
func (a *Audit) Refused(ctx context.Context, r Refusal) (often bool, err error) {
	ctx, cancel := unhurried(ctx)
	defer cancel()
	org, err := a.store.OrgOf(ctx, ids(r.Targets)...)
	if err != nil {
		return false, err
	}
	if org == uuid.Nil {
		org = r.Home
	}
	c := eventstore.CommandFrom(ctx)
	a.mu.Lock()
	single := a.refusals.single(a.store.Now(), c.Actor, org, r.Home, c.RequestID)
	a.mu.Unlock()
	if !single {
		return true, nil
	}
	return false, a.record(ctx, c, org, r.Refused)
}

// unhurried is a context in which a caller that goes away leaves its trace.
func unhurried(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), recordLimit)
}

func ids(refs []domain.Ref) []uuid.UUID {
	ids := make([]uuid.UUID, len(refs))
	for i, r := range refs {
		ids[i] = r.ID
	}
	return ids
}

// Unproven records that the caller of ctx's command did not prove who it is,
// or counts it. An error means that it could only be counted. It is often if
// its address has failed often in this minute.
func (a *Audit) Unproven(ctx context.Context, e evidence.AuthenticationFailed) (often bool, err error) {
	c, now := eventstore.CommandFrom(ctx), a.store.Now()
	site := auth.AddressKey(c.IP)
	a.mu.Lock()
	single, often := a.failures.take(now, site, c.IP, c.RequestID)
	a.mu.Unlock()
	if !single {
		return often, nil
	}
	ctx, cancel := unhurried(ctx)
	defer cancel()
	err = a.record(ctx, c, uuid.Nil, e)
	if err != nil && !errors.Is(err, eventstore.ErrUnknownOutcome) {
		a.mu.Lock()
		defer a.mu.Unlock()
		if s := a.failures.addresses[site]; s != nil {
			s.many.Add(now, c.RequestID)
		}
	}
	return false, err
}

// Read records that the caller of ctx's command reads the log, once a route and
// minute. An error means that it must not be answered.
func (a *Audit) Read(ctx context.Context, home uuid.UUID, e evidence.Read) error {
	c, now := eventstore.CommandFrom(ctx), a.store.Now()
	what := reading{c.Actor.ID, e.Method, e.Route}
	a.mu.Lock()
	first := a.readings.first(now, what)
	a.mu.Unlock()
	if !first {
		return nil
	}
	ctx, cancel := unhurried(ctx)
	defer cancel()
	err := a.record(ctx, c, home, e)
	if err != nil {
		a.mu.Lock()
		delete(a.readings.seen, what)
		a.mu.Unlock()
	}
	return err
}

// Export records that the caller of ctx's command takes a part of the log away,
// and keeps the answer.
func (a *Audit) Export(ctx context.Context, org uuid.UUID, e evidence.Exported, answer any) error {
	return a.store.Do(ctx, func(d *eventstore.Decision) error {
		d.Answer(answer)
		return a.entries.New(d, org, e.ExportID).Decide(evidence.Record{Event: e})
	})
}

// Started records that the program runs, and how it is configured.
func (a *Audit) Started(ctx context.Context, e evidence.Started) error {
	return a.record(ctx, &eventstore.Command{Actor: domain.Actor{Type: domain.System}}, uuid.Nil, e)
}

// record appends an entry on behalf of c's caller.
func (a *Audit) record(ctx context.Context, c *eventstore.Command, org uuid.UUID, e evidence.Event) error {
	by := eventstore.Command{
		Actor: c.Actor, Person: c.Person, IP: c.IP, UserAgent: c.UserAgent,
		RequestID: c.RequestID, CausationID: c.CausationID, CorrelationID: c.CorrelationID,
	}
	err := a.append(ctx, &by, org, e)
	if errors.Is(err, eventstore.ErrErased) { // the caller is gone meanwhile, with its key
		by.Person = uuid.Nil
		err = a.append(ctx, &by, org, e)
	}
	return err
}

func (a *Audit) append(ctx context.Context, by *eventstore.Command, org uuid.UUID, e evidence.Event) error {
	id, err := uuid.NewV7()
	if err != nil {
		return err
	}
	return a.store.Do(eventstore.WithCommand(ctx, by), func(d *eventstore.Decision) error {
		return a.entries.New(d, org, id).Decide(evidence.Record{Event: e})
	})
}

// Flush records what was counted in minutes that are over, as far as the budget
// of this second goes. What the log does not take waits for the next call.
func (a *Audit) Flush(ctx context.Context) error {
	a.flushing.Lock()
	defer a.flushing.Unlock()
	return a.flush(ctx, a.store.Now())
}

// Close records what was counted up to now: the program ends.
func (a *Audit) Close(ctx context.Context) error {
	a.flushing.Lock()
	defer a.flushing.Unlock()
	now := a.store.Now()
	a.mu.Lock()
	a.refusals.close()
	a.failures.close()
	a.failures.fold(1 + singleFailures) // all that is left of a second's budget
	failed := a.failures.pending
	a.failures.pending = nil
	a.mu.Unlock()
	err := a.flush(ctx, now)
	for _, s := range failed {
		err = errors.Join(err, a.recordFailures(ctx, s))
	}
	return err
}

func (a *Audit) flush(ctx context.Context, now time.Time) error {
	a.mu.Lock()
	a.refusals.turn(now)
	refused := a.refusals.pending
	a.refusals.pending = nil
	failed, due := a.failures.next(now)
	a.mu.Unlock()
	for i, s := range refused {
		c := &eventstore.Command{Actor: s.actor}
		if err := a.record(ctx, c, s.org, evidence.RefusedMany{Many: s.many}); err != nil {
			a.mu.Lock()
			a.refusals.pending = append(slices.Clone(refused[i:]), a.refusals.pending...)
			if due {
				a.failures.pending = append(a.failures.pending, failed)
			}
			a.mu.Unlock()
			return err
		}
	}
	if !due {
		return nil
	}
	err := a.recordFailures(ctx, failed)
	if err != nil {
		a.mu.Lock()
		a.failures.pending = append(a.failures.pending, failed)
		a.mu.Unlock()
	}
	return err
}

func (a *Audit) recordFailures(ctx context.Context, s failureSummary) error {
	c := &eventstore.Command{Actor: domain.Actor{Type: domain.Anonymous}, IP: s.address}
	return a.record(ctx, c, uuid.Nil, evidence.AuthenticationsFailed{Addresses: s.addresses, Many: s.many})
}

// reading is who reads the log, and by which route.
type reading struct {
	actor         uuid.UUID
	method, route string
}

// readings are those of this minute.
type readings struct {
	minute time.Time
	seen   map[reading]struct{}
}

// mostReadings bounds what is remembered; to forget costs recording it again.
const mostReadings = 10_000

func (r *readings) first(now time.Time, what reading) bool {
	if minute := now.Truncate(time.Minute); !minute.Equal(r.minute) || len(r.seen) >= mostReadings {
		r.minute, r.seen = minute, map[reading]struct{}{}
	}
	if _, seen := r.seen[what]; seen {
		return false
	}
	r.seen[what] = struct{}{}
	return true
}
