package eventstore

import (
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"missioncontrol/domain"
)

// Kind is one kind of aggregate as the store knows it: how its events are
// named, what they are about, and which facts they change.
type Kind struct {
	Name    string
	types   map[string]*eventType
	byGo    map[reflect.Type]*eventType
	zero    any
	evolve  func(state any, m domain.Meta, e any) any
	refs    func(state any, m domain.Meta, e any) []domain.Ref
	touches func(m domain.Meta, refs []domain.Ref, e any) []domain.Key
	outcome func(e any) string
}

// eventType is one stored event name with the Go type of its current shape.
type eventType struct {
	name     string
	sv       int
	goType   reflect.Type
	personal []personalField
	upcast   map[int]func(jsontext.Value) (jsontext.Value, error) // from shape n to n+1
}

// Rules are what a kind of aggregate tells the store about its events, from
// the state after the event, its meta and its body.
type Rules[S, E any] struct {
	// Refs lists what the event is about beside its own stream.
	Refs func(s S, m domain.Meta, e E) []domain.Ref
	// Touches lists the facts that the event changes, beside the stream
	// itself. It is asked anew of stored events, so it may use only what they
	// carry.
	Touches func(m domain.Meta, refs []domain.Ref, e E) []domain.Key
	// Outcome is what the envelope says of an event. Nil: ok.
	Outcome func(e E) string
	// Factless says that no decision can rest on the events, not even on their
	// own streams: they touch nothing.
	Factless bool
}

// KindOf describes an aggregate. events names each event as it is stored; a
// Go type may be renamed, a stored name never.
func KindOf[S domain.State[S, E], E any](name string, events map[string]E, rules Rules[S, E]) *Kind {
	var zero S
	k := &Kind{
		Name: name, zero: zero,
		types: map[string]*eventType{}, byGo: map[reflect.Type]*eventType{},
		evolve: func(state any, m domain.Meta, e any) any { return state.(S).Evolve(m, e.(E)) },
		refs: func(state any, m domain.Meta, e any) []domain.Ref {
			own := domain.Ref{Kind: name, ID: m.Stream}
			if rules.Refs == nil {
				return []domain.Ref{own}
			}
			return append([]domain.Ref{own}, rules.Refs(state.(S), m, e.(E))...)
		},
		outcome: func(e any) string {
			if rules.Outcome == nil {
				return "ok"
			}
			return rules.Outcome(e.(E))
		},
		touches: func(m domain.Meta, refs []domain.Ref, e any) []domain.Key {
			if rules.Factless {
				return nil
			}
			own := Key(m.Stream, name)
			if rules.Touches == nil {
				return []domain.Key{own}
			}
			return append([]domain.Key{own}, rules.Touches(m, refs, e.(E))...)
		},
	}
	for stored, prototype := range events {
		goType := reflect.TypeOf(prototype)
		t := &eventType{name: stored, sv: 1, goType: goType, personal: personalFields(goType)}
		k.types[stored], k.byGo[goType] = t, t
	}
	return k
}

// Upcast declares that the named event has a newer shape: up turns a body of
// shape from into one of shape from+1.
func (k *Kind) Upcast(name string, from int, up func(jsontext.Value) (jsontext.Value, error)) *Kind {
	t := k.types[name]
	if t.upcast == nil {
		t.upcast = map[int]func(jsontext.Value) (jsontext.Value, error){}
	}
	t.upcast[from] = up
	t.sv = max(t.sv, from+1)
	return k
}

// Vocabulary is every kind of aggregate that the log may hold.
type Vocabulary struct{ kinds map[string]*Kind }

// NewVocabulary collects kinds; two of one name are a programming error.
func NewVocabulary(kinds ...*Kind) *Vocabulary {
	v := &Vocabulary{kinds: map[string]*Kind{}}
	for _, k := range kinds {
		if v.kinds[k.Name] != nil {
			panic("eventstore: two kinds are named " + k.Name)
		}
		v.kinds[k.Name] = k
	}
	return v
}

// EventShape describes a stored event for documentation.
type EventShape struct {
	Kind, Type string
	SV         int
	GoType     reflect.Type
}

// Shapes lists every stored event, sorted by name.
func (v *Vocabulary) Shapes() []EventShape {
	var shapes []EventShape
	for _, k := range v.kinds {
		for _, t := range k.types {
			shapes = append(shapes, EventShape{k.Name, t.name, t.sv, t.goType})
		}
	}
	slices.SortFunc(shapes, func(a, b EventShape) int {
		return slices.Compare([]string{a.Kind, a.Type}, []string{b.Kind, b.Type})
	})
	return shapes
}

// typesOf lists the stored names of the events of some kinds.
func (v *Vocabulary) typesOf(kinds []string) []string {
	var types []string
	for _, name := range kinds {
		types = slices.AppendSeq(types, maps.Keys(v.kinds[name].types))
	}
	return types
}

// Evolve returns the state of r's aggregate after r; state is nil before its
// first event.
func (v *Vocabulary) Evolve(state any, r *Recorded) any {
	k := v.kinds[r.Kind]
	if state == nil {
		state = k.zero
	}
	return k.evolve(state, r.Meta(), r.Event)
}

// Touches lists the facts that r changed.
func (v *Vocabulary) Touches(r *Recorded) []domain.Key {
	return v.kinds[r.Kind].touches(r.Meta(), r.Refs, r.Event)
}

func (v *Vocabulary) decodeBody(r *Recorded) (any, error) {
	k := v.kinds[r.Kind]
	if k == nil || k.types[r.Type] == nil {
		return nil, fmt.Errorf("eventstore: event %d is a %s of a %s, which this program does not know (it knows %v): run a newer one",
			r.Seq, r.Type, r.Kind, slices.Sorted(maps.Keys(v.kinds)))
	}
	t := k.types[r.Type]
	body := r.Body
	for sv := r.SV; sv != t.sv; sv++ {
		up := t.upcast[sv]
		if up == nil {
			return nil, fmt.Errorf("eventstore: event %d is a %s of shape %d, which this program does not know: run a newer one", r.Seq, r.Type, r.SV)
		}
		var err error
		if body, err = up(body); err != nil {
			return nil, fmt.Errorf("eventstore: event %d: bring %s from shape %d to %d: %w", r.Seq, r.Type, sv, sv+1, err)
		}
	}
	e := reflect.New(t.goType)
	if err := json.Unmarshal(body, e.Interface()); err != nil {
		return nil, fmt.Errorf("eventstore: event %d: decode %s: %w", r.Seq, r.Type, err)
	}
	for _, f := range t.personal {
		f.locate(e.Elem(), r.ID)
	}
	return e.Elem().Interface(), nil
}
