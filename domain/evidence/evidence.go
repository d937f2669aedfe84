// Package evidence is what the log holds as evidence beside changes: refusals,
// failed proofs of identity, starts of the program, readings of the log. Each
// entry is a stream of its own, so that none waits for another and no decision
// rests on one.
package evidence

import "missioncontrol/domain"

// Entry is one piece of evidence. The zero Entry is not made yet.
type Entry struct{ Exists bool }

// Evolve returns the entry after e.
func (Entry) Evolve(domain.Meta, Event) Entry { return Entry{Exists: true} }

// Record makes an entry.
type Record struct{ Event Event }

// Decide makes it once.
func (c Record) Decide(e Entry) ([]Event, error) {
	if e.Exists {
		return nil, domain.Bare(domain.Conflict)
	}
	return []Event{c.Event}, nil
}
