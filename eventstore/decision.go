package eventstore

import (
	"context"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"

	"missioncontrol/domain"
)

// Limits of one command.
const (
	maxCommandEvents = 1024
	maxEventBytes    = 2 << 20
)

// Decision is one attempt at deciding a command. It notes the facts that were
// looked at and the events that follow from them; when one of the facts
// changes before the commit, the attempt is dropped and made again.
//
// A Decision belongs to one goroutine.
type Decision struct {
	ctx     context.Context
	store   *Store
	command *Command
	now     time.Time
	asOf    int64 // applied head before the first fact was read
	looked  []domain.Key
	streams map[uuid.UUID]*streamState
	staged  []*Staged
	answer  any
}

// Staged is an event that was decided but not appended yet.
type Staged struct {
	*Recorded
	State any // of its aggregate after it
	keys  []domain.Key
	parts entryParts
}

// streamState is an aggregate's state and the version of its last event.
type streamState struct {
	state   any
	version int
}

// streamFact names the state of a stream among the facts that rest on its key.
const streamFact = "stream"

func (s *Store) newDecision(ctx context.Context, c *Command) *Decision {
	return &Decision{
		ctx: ctx, store: s, command: c, now: s.now(), asOf: s.memory.head(),
		streams: map[uuid.UUID]*streamState{},
	}
}

// Now is the time of the decision: UTC, whole microseconds.
func (d *Decision) Now() time.Time { return d.now }

// Actor is who asks for it.
func (d *Decision) Actor() domain.Actor { return d.command.Actor }

// Context is the caller's.
func (d *Decision) Context() context.Context { return d.ctx }

// Store is where the decision will be appended.
func (d *Decision) Store() *Store { return d.store }

// State returns an aggregate that the decision has loaded or changed, as it
// left it so far.
func (d *Decision) State(stream uuid.UUID) (any, bool) {
	st := d.streams[stream]
	if st == nil {
		return nil, false
	}
	return st.state, true
}

// Look notes that the decision rests on the fact that key names. It is called
// before the fact is read.
func (d *Decision) Look(key domain.Key) { d.looked = append(d.looked, key) }

// Staged lists the events decided so far.
func (d *Decision) Staged() []*Staged { return d.staged }

// Answer keeps v as the answer to the command, so that a repeat of it with the
// same idempotency key gets the same one.
func (d *Decision) Answer(v any) { d.answer = v }

// stage adds an event of a stream whose state is known.
func (d *Decision) stage(k *Kind, org, stream uuid.UUID, event any) error {
	st := d.streams[stream]
	id, err := uuid.NewV7()
	if err != nil {
		return fmt.Errorf("eventstore: draw an event id: %w", err)
	}
	t := k.byGo[typeOf(event)]
	if t == nil {
		return fmt.Errorf("eventstore: %T has no stored name in kind %s", event, k.Name)
	}
	if event, err = t.seal(event, id, d.store.vault); err != nil {
		return err
	}
	r := &Recorded{
		ID: id, Org: org, Stream: stream, Kind: k.Name, Version: st.version + 1, Type: t.name, SV: t.sv,
		Time: d.now, Actor: d.command.Actor, RequestID: d.command.RequestID,
		CausationID: d.command.CausationID, CorrelationID: d.command.CorrelationID, Outcome: k.outcome(event), Event: event,
	}
	st.state, st.version = k.evolve(st.state, r.Meta(), event), r.Version
	r.Refs = k.refs(st.state, r.Meta(), event)
	d.staged = append(d.staged, &Staged{Recorded: r, State: st.state, keys: k.touches(r.Meta(), r.Refs, event)})
	if len(d.staged) > maxCommandEvents {
		return fmt.Errorf("eventstore: a command may cause at most %d events", maxCommandEvents)
	}
	return nil
}

// encode seals the caller's address and writes the entries of what was staged.
func (d *Decision) encode() error {
	owner := d.command.addressOwner(d.now)
	for _, e := range d.staged {
		var err error
		if d.command.IP != "" {
			if e.IP, err = d.store.vault.seal(owner, e.ID, "ip", d.command.IP); err != nil {
				return err
			}
		}
		if d.command.UserAgent != "" {
			if e.UserAgent, err = d.store.vault.seal(owner, e.ID, "user_agent", d.command.UserAgent); err != nil {
				return err
			}
		}
		if e.Body, err = json.Marshal(e.Event, json.FormatNilSliceAsNull(true)); err != nil {
			return fmt.Errorf("eventstore: encode %s: %w", e.Type, err)
		}
		if len(e.Body) > maxEventBytes {
			return fmt.Errorf("eventstore: a %s of %d bytes is larger than an event may be (%d)", e.Type, len(e.Body), maxEventBytes)
		}
		if e.parts, err = encodeEntry(e.Recorded); err != nil {
			return fmt.Errorf("eventstore: encode %s: %w", e.Type, err)
		}
	}
	return nil
}

// addressOwner is whose key seals where the command came from.
func (c *Command) addressOwner(now time.Time) uuid.UUID {
	if c.Person != uuid.Nil {
		return c.Person
	}
	return DayKey(now)
}
