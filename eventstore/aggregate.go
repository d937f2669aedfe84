package eventstore

import (
	"context"
	"fmt"
	"reflect"

	"github.com/google/uuid"

	"missioncontrol/domain"
)

// Aggregate decides commands on streams of one kind.
type Aggregate[S domain.State[S, E], E any] struct {
	store *Store
	kind  *Kind
}

// For returns the aggregate of a kind of store's vocabulary; its type
// parameters must be those of the kind.
func For[S domain.State[S, E], E any](store *Store, kind string) Aggregate[S, E] {
	k := store.vocabulary.kinds[kind]
	if k == nil {
		panic("eventstore: the vocabulary has no kind " + kind)
	}
	if _, ok := k.zero.(S); !ok {
		panic(fmt.Sprintf("eventstore: kind %s holds %T", kind, k.zero))
	}
	return Aggregate[S, E]{store, k}
}

// Stream is one aggregate within a decision.
type Stream[S domain.State[S, E], E any] struct {
	d     *Decision
	kind  *Kind
	org   uuid.UUID
	id    uuid.UUID
	err   error
	alien bool // the id is one of another kind's: nothing of this kind has it
}

// In notes the stream's key in d and loads its state. An error is kept for
// Decide and State.
func (a Aggregate[S, E]) In(d *Decision, org, id uuid.UUID) *Stream[S, E] {
	x := &Stream[S, E]{d: d, kind: a.kind, org: org, id: id}
	if st := d.streams[id]; st != nil {
		_, own := st.state.(S)
		x.alien = !own
		return x
	}
	d.Look(Key(id, a.kind.Name))
	st, err := a.store.load(d.ctx, a.kind, id)
	if err != nil {
		x.err = err
		return x
	}
	d.streams[id] = &st
	return x
}

// New is In for a fresh id, which has no past to load.
func (a Aggregate[S, E]) New(d *Decision, org, id uuid.UUID) *Stream[S, E] {
	if d.streams[id] == nil {
		d.Look(Key(id, a.kind.Name))
		d.streams[id] = &streamState{state: a.kind.zero}
	}
	return &Stream[S, E]{d: d, kind: a.kind, org: org, id: id}
}

// State returns the aggregate as the decision left it so far.
func (x *Stream[S, E]) State() (S, error) {
	if x.err != nil {
		var zero S
		return zero, x.err
	}
	if x.alien {
		return x.kind.zero.(S), nil
	}
	return x.d.streams[x.id].state.(S), nil
}

// Decide lets cmd decide on the state and stages the events.
func (x *Stream[S, E]) Decide(cmd domain.Command[S, E]) error {
	s, err := x.State()
	if err != nil {
		return err
	}
	events, err := cmd.Decide(s)
	if err != nil {
		return err
	}
	if x.alien && len(events) > 0 {
		return fmt.Errorf("eventstore: %v is no %s", x.id, x.kind.Name)
	}
	for _, e := range events {
		if err := x.d.stage(x.kind, x.org, x.id, e); err != nil {
			return err
		}
	}
	return nil
}

// Find returns the state of a stream outside a decision.
func (a Aggregate[S, E]) Find(ctx context.Context, id uuid.UUID) (S, error) {
	st, err := a.store.load(ctx, a.kind, id)
	if err != nil {
		var zero S
		return zero, err
	}
	return st.state.(S), nil
}

// load folds a stream, or recalls it. Callers name ids as they like: one of
// another kind's is nothing of this kind.
func (s *Store) load(ctx context.Context, k *Kind, id uuid.UUID) (streamState, error) {
	return Remember(ctx, s, Key(id, k.Name), streamFact, func(ctx context.Context) (streamState, error) {
		st := streamState{state: k.zero}
		err := s.ReadStream(ctx, id, func(r *Recorded) error {
			if r.Kind == k.Name {
				st.state, st.version = k.evolve(st.state, r.Meta(), r.Event), r.Version
			}
			return nil
		})
		return st, err
	})
}

func typeOf(event any) reflect.Type { return reflect.TypeOf(event) }
