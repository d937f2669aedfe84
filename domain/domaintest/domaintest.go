// Package domaintest tests aggregates by example: given events, when a
// command, then events or a refusal. Every event that a command decides must
// survive being stored: it has a name, and it reads back as it was written.
package domaintest

import (
	"reflect"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"missioncontrol/domain"
)

// The stream that every example is about, and when its first event happened.
// Each further event happens a second later.
var (
	Stream = uuid.MustParse("00000000-0000-4000-8000-00000000000a")
	Org    = uuid.MustParse("00000000-0000-4000-8000-00000000000b")
	Began  = time.Date(2026, 11, 21, 17, 41, 2, 123456000, time.UTC)
)

// Aggregate is a kind of aggregate with the stored names of its events.
type Aggregate[S domain.State[S, E], E any] struct{ Events map[string]E }

// Given replays events onto a new aggregate.
func (a Aggregate[S, E]) Given(t rapid.TB, events ...E) History[S, E] {
	t.Helper()
	h := History[S, E]{t: t, of: a}
	for _, e := range events {
		h.take(e)
	}
	return h
}

// History is the past that a command decides on.
type History[S domain.State[S, E], E any] struct {
	t     rapid.TB
	of    Aggregate[S, E]
	state S
	n     int // events so far
}

// take evolves the state by e as it was stored. The state is the same whether
// e was just decided or is read back years later, or a rebuilt read model
// would differ from the one that was written at once.
func (h *History[S, E]) take(e E) {
	h.t.Helper()
	m := meta(h.n)
	h.n++
	h.of.named(h.t, e)
	stored := sealed(e, m.ID)
	back := roundTrip(h.t, stored, m.ID)
	now, later := h.state.Evolve(m, stored), h.state.Evolve(m, back)
	if diff := cmp.Diff(now, later); diff != "" {
		h.t.Errorf("%T leads to another state once it was stored (-decided +read back)\n%s", e, diff)
	}
	h.state = later
}

// State is the aggregate now.
func (h History[S, E]) State() S { return h.state }

// When lets cmd decide.
func (h History[S, E]) When(cmd domain.Command[S, E]) Outcome[S, E] {
	h.t.Helper()
	before := h.state
	events, err := cmd.Decide(h.state)
	again, errAgain := cmd.Decide(h.state)
	if diff := cmp.Diff(events, again); diff != "" || (err == nil) != (errAgain == nil) {
		h.t.Errorf("%T decides otherwise when asked again:\n%s", cmd, diff)
	}
	if diff := cmp.Diff(before, h.state); diff != "" {
		h.t.Errorf("%T changed the state that it decided on:\n%s", cmd, diff)
	}
	if err != nil && len(events) > 0 {
		h.t.Errorf("%T is refused and decides events all the same", cmd)
	}
	if err != nil && domain.ReasonOf(err) == "" {
		h.t.Errorf("%T fails with what is no refusal: %v", cmd, err)
	}
	after := h
	for _, e := range events {
		after.take(e)
	}
	return Outcome[S, E]{t: h.t, events: events, err: err, after: after}
}

// Outcome is what a command decided.
type Outcome[S domain.State[S, E], E any] struct {
	t      rapid.TB
	events []E
	err    error
	after  History[S, E]
}

// Then expects exactly these events; none if none are given.
func (o Outcome[S, E]) Then(want ...E) History[S, E] {
	o.t.Helper()
	if o.err != nil {
		o.t.Fatalf("refused: %v", o.err)
	}
	if len(o.events) != len(want) || len(want) > 0 && !cmp.Equal(want, o.events) {
		o.t.Errorf("decided other events (-want +got)\n%s", cmp.Diff(want, o.events))
	}
	return o.after
}

// ThenRefused expects the command to be turned down for reason; a detail, if
// given, is what the caller is told.
func (o Outcome[S, E]) ThenRefused(reason domain.Reason, detail ...any) {
	o.t.Helper()
	if got := domain.ReasonOf(o.err); got != reason {
		o.t.Errorf("refused for %q (%v), want %q; decided %+v", got, o.err, reason, o.events)
		return
	}
	r := o.err.(*domain.Refusal) //nolint:errorlint // ReasonOf has seen that it is one
	if len(detail) > 0 && !cmp.Equal(r.Detail, detail[0]) {
		o.t.Errorf("refused with %q, want %q", r.Detail, detail[0])
	}
}

// After is where the command left the aggregate, whatever it decided.
func (o Outcome[S, E]) After() History[S, E] { return o.after }

// Refused reports whether the command was turned down.
func (o Outcome[S, E]) Refused() bool { return o.err != nil }

func (a Aggregate[S, E]) named(t rapid.TB, e E) {
	t.Helper()
	for _, prototype := range a.Events {
		if reflect.TypeOf(prototype) == reflect.TypeOf(e) {
			return
		}
	}
	t.Errorf("%T has no stored name", e)
}

// Meta is that of the n-th event of an example.
func Meta(n int) domain.Meta { return meta(n) }

func meta(n int) domain.Meta {
	id := Stream
	id[14], id[15] = byte(n>>8), byte(n)
	id[0] = 1
	return domain.Meta{
		ID: id, Org: Org, Stream: Stream, Time: Began.Add(time.Duration(n) * time.Second),
		Actor: domain.Actor{Type: domain.User, ID: Org, Auth: "local"},
	}
}
