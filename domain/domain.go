// Package domain is the vocabulary that every aggregate shares: what is known
// of an event beside its body, who acts, which ids an event is about, which
// facts a decision rests on, and how a command is refused. Each aggregate
// lives in a package of its own below it.
//
// Nothing under domain does I/O, reads the clock or draws an id: whatever a
// decision depends on arrives in its command.
package domain

import (
	"time"

	"github.com/google/uuid"
)

// Meta is what Evolve may know of an event beside its body.
type Meta struct {
	ID     uuid.UUID // of the event, a UUIDv7
	Org    uuid.UUID // Nil for entries of the system itself
	Stream uuid.UUID // id of the aggregate
	Time   time.Time // when it was decided, UTC, whole microseconds
	Actor  Actor
}

// ActorType says what kind of caller caused an event.
type ActorType string

// The kinds of actors.
const (
	User      ActorType = "user"
	Agent     ActorType = "agent"
	System    ActorType = "system"    // this program, by itself
	Anonymous ActorType = "anonymous" // a caller that proved nothing
)

// Actor is who caused an event.
type Actor struct {
	Type       ActorType `json:"type"`
	ID         uuid.UUID `json:"id,omitzero"`
	OnBehalfOf uuid.UUID `json:"on_behalf_of,omitzero"`
	Auth       string    `json:"auth,omitzero"` // how the caller proved who it is: local, clerk, agent_token
}

// Ref names something that an event is about, for asking, streams and audit.
// Its text form is "board/0190…".
type Ref struct {
	Kind string
	ID   uuid.UUID
}

// MarshalText writes kind/id.
func (r Ref) MarshalText() ([]byte, error) {
	return []byte(r.Kind + "/" + r.ID.String()), nil
}

// UnmarshalText reads what MarshalText wrote.
func (r *Ref) UnmarshalText(text []byte) error {
	const idLength = 36
	if len(text) < idLength+1 || text[len(text)-idLength-1] != '/' {
		return &Refusal{Reason: Invalid, Detail: "a reference is written kind/id, not " + string(text)}
	}
	id, err := uuid.ParseBytes(text[len(text)-idLength:])
	if err != nil {
		return err
	}
	r.Kind, r.ID = string(text[:len(text)-idLength-1]), id
	return nil
}

// Key names one fact that a decision can rest on, such as the policies of a
// board or a slug of an organization. An event touches the keys of the facts
// that it changes; a decision looks at the keys of the facts that it read.
type Key struct {
	ID    uuid.UUID
	Facet string
}
