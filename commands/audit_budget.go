package commands

import (
	"cmp"
	"slices"
	"time"

	"github.com/google/uuid"

	"missioncontrol/domain"
	"missioncontrol/domain/evidence"
)

// Bounds of what is recorded of refusals, in each process. They hold whatever
// anybody sends: a minute of failed proofs of identity is at most 300 entries,
// one of a caller's refusals 30 and one for each organization that they are of.
const (
	singleRefusals       = 30 // of an actor and minute that are recorded each
	organizationsOfActor = 8  // whose refusals of an actor are counted apart
	mostActors           = 10_000
	mostAddresses        = 1_000
	singleFailures       = 4 // a second; with one summary it makes five
	failureSummaries     = 59
	mostPending          = 100_000 // summaries that wait for the log
	oftenFailures        = 30      // of an address and minute, before it is slowed down
)

// refusalSummary is what one caller was refused in one organization.
type refusalSummary struct {
	actor domain.Actor
	org   uuid.UUID
	many  evidence.Many
}

// refusals counts the refusals of this minute by caller.
type refusals struct {
	minute  time.Time
	actors  map[uuid.UUID]*refusedActor
	others  evidence.Many    // of callers beyond mostActors
	pending []refusalSummary // of minutes that are over
}

type refusedActor struct {
	single int
	rest   []refusalSummary
}

// single reports whether a refusal is to be recorded by itself. Otherwise it is
// counted: in org, or in home when the caller was refused in too many others.
func (r *refusals) single(now time.Time, actor domain.Actor, org, home uuid.UUID, request string) bool {
	r.turn(now)
	a := r.actors[actor.ID]
	if a == nil {
		if len(r.actors) >= mostActors {
			r.others.Add(now, request)
			return false
		}
		a = &refusedActor{}
		r.actors[actor.ID] = a
	}
	if a.single < singleRefusals {
		a.single++
		return true
	}
	a.in(actor, org, home).Add(now, request)
	return false
}

// in is where refusals in an organization are counted.
func (a *refusedActor) in(actor domain.Actor, org, home uuid.UUID) *evidence.Many {
	if len(a.rest) >= organizationsOfActor && !a.counts(org) {
		org = home
	}
	for i := range a.rest {
		if a.rest[i].org == org {
			return &a.rest[i].many
		}
	}
	a.rest = append(a.rest, refusalSummary{actor: actor, org: org})
	return &a.rest[len(a.rest)-1].many
}

func (a *refusedActor) counts(org uuid.UUID) bool {
	return slices.ContainsFunc(a.rest, func(s refusalSummary) bool { return s.org == org })
}

// turn begins another minute if one is due.
func (r *refusals) turn(now time.Time) {
	if minute := now.Truncate(time.Minute); !minute.Equal(r.minute) {
		r.close()
		r.minute = minute
	}
}

// close ends the minute: what was counted waits to be recorded.
func (r *refusals) close() {
	for _, a := range r.actors {
		r.pending = append(r.pending, a.rest...)
	}
	if r.others.Count > 0 {
		r.pending = append(r.pending, refusalSummary{actor: domain.Actor{Type: domain.Anonymous}, many: r.others})
	}
	if drop := len(r.pending) - mostPending; drop > 0 { // the log has been away for long
		r.pending = r.pending[drop:]
	}
	r.actors, r.others = map[uuid.UUID]*refusedActor{}, evidence.Many{}
}

// failureSummary is how often proofs of identity failed from an address, or
// from so many addresses that none is named.
type failureSummary struct {
	address   string
	addresses int
	many      evidence.Many
}

// failures counts the failed proofs of identity of this minute by address.
type failures struct {
	minute    time.Time
	addresses map[string]*failureSummary
	others    evidence.Many // of addresses beyond mostAddresses
	second    time.Time
	singles   int       // recorded in that second
	told      time.Time // second of the last summary
	pending   []failureSummary
}

// take reports whether a failure is to be recorded by itself: the first of an
// address (site, which address is of) and minute, few in a second. Others count.
// It is often if the address has failed often in this minute.
func (f *failures) take(now time.Time, site, address, request string) (single, often bool) {
	f.turn(now)
	s, known := f.addresses[site]
	if !known {
		if len(f.addresses) >= mostAddresses {
			f.others.Add(now, request)
			return false, true
		}
		s = &failureSummary{address: address, addresses: 1}
		f.addresses[site] = s
		if f.singles < singleFailures {
			f.singles++
			return true, false
		}
	}
	s.many.Add(now, request)
	return false, s.many.Count > oftenFailures
}

// turn begins another minute, and another second, if one is due.
func (f *failures) turn(now time.Time) {
	if second := now.Truncate(time.Second); !second.Equal(f.second) {
		f.second, f.singles = second, 0
	}
	if minute := now.Truncate(time.Minute); !minute.Equal(f.minute) {
		f.close()
		f.minute = minute
	}
}

// close ends the minute: the addresses with the most failures are told apart,
// the others together.
func (f *failures) close() {
	for _, s := range f.addresses {
		if s.many.Count > 0 {
			f.pending = append(f.pending, *s)
		}
	}
	if f.others.Count > 0 {
		f.pending = append(f.pending, failureSummary{addresses: 1, many: f.others})
	}
	f.fold(failureSummaries)
	f.addresses, f.others = map[string]*failureSummary{}, evidence.Many{}
}

// fold leaves at most n summaries to be recorded.
func (f *failures) fold(n int) {
	slices.SortStableFunc(f.pending, func(a, b failureSummary) int { return cmp.Compare(b.many.Count, a.many.Count) })
	if len(f.pending) <= n {
		return
	}
	together := failureSummary{}
	for _, s := range f.pending[n-1:] {
		together.addresses += s.addresses
		together.many.Merge(s.many)
	}
	f.pending = append(f.pending[:n-1:n-1], together)
}

// next is a summary that is due: one a second.
func (f *failures) next(now time.Time) (s failureSummary, due bool) {
	f.turn(now)
	if second := now.Truncate(time.Second); len(f.pending) == 0 || second.Equal(f.told) {
		return s, false
	} else {
		f.told = second
	}
	s, f.pending = f.pending[0], f.pending[1:]
	return s, true
}
