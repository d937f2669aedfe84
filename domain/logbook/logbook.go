// Package logbook holds what happens to the log itself.
package logbook

import (
	"github.com/google/uuid"

	"missioncontrol/domain"
)

// Event is something that happened to the log.
//
//sumtype:decl
type Event interface{ isLogEvent() }

// Head is the end of a log.
type Head struct {
	Epoch uuid.UUID `json:"epoch"`
	Seq   int64     `json:"seq"`
}

// Restored: an older backup was restored and accepted as it is. What came after
// it in the log of before is gone, and its positions mean nothing in this one.
type Restored struct {
	Was Head `json:"was"` // the furthest that was seen of the log before
	Now Head `json:"now"` // where this one begins to be its own
}

func (Restored) isLogEvent() {}

// Events names every event as it is stored.
var Events = map[string]Event{"log.restored": Restored{}}

// Log is one epoch of the log. The zero Log was not restored.
type Log struct{ Restored bool }

// Evolve returns the log after e.
func (l Log) Evolve(_ domain.Meta, e Event) Log {
	switch e.(type) {
	case Restored:
		l.Restored = true
	}
	return l
}

// Restore records that a restore was accepted.
type Restore struct{ Was, Now Head }

// Decide records it once.
func (r Restore) Decide(l Log) ([]Event, error) {
	if l.Restored {
		return nil, nil
	}
	return []Event{Restored(r)}, nil
}
