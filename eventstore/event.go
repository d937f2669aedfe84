package eventstore

import (
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"missioncontrol/domain"
)

// Hash is a SHA-256 digest.
type Hash [32]byte

// Recorded is an event as it stands in the log. Its fields are those of the
// stored entry, which never changes; docs/events.md lists the types.
type Recorded struct {
	Seq           int64          // position in the log: 1, 2, 3 … without holes
	ID            uuid.UUID      // UUIDv7
	Org           uuid.UUID      // Nil: an entry of the system itself
	OrgSeq        int64          // counts the events of Org, without holes
	OrgPrev       Hash           // leaf of the previous event of Org, zeros for the first
	Stream        uuid.UUID      // id of the aggregate
	Kind          string         // kind of the aggregate
	Version       int            // counts the events of Stream, from 1
	Type          string         // stored name, such as task.created
	SV            int            // version of the stored shape of Type
	Time          time.Time      // when it was decided
	Recorded      time.Time      // when it was appended; never falls along Seq
	Actor         domain.Actor   //
	IP            string         // sealed, "" if unknown
	UserAgent     string         // sealed, "" if unknown
	RequestID     string         // "" outside a request
	CausationID   uuid.UUID      // the event that a process reacted to, else Nil
	CorrelationID string         // trace that the request belonged to, "" for none
	Outcome       string         // ok, denied or failed
	Refs          []domain.Ref   // what it is about
	Body          jsontext.Value // as stored, of shape SV

	Event any    // Body decoded and brought to the current shape
	Leaf  Hash   // SHA-256(0x00 ‖ Entry), the leaf of RFC 6962
	Entry []byte // the exact stored bytes
}

// Meta returns what Evolve may know of the event.
func (r *Recorded) Meta() domain.Meta {
	return domain.Meta{ID: r.ID, Org: r.Org, Stream: r.Stream, Time: r.Time, Actor: r.Actor}
}

// Batch is a run of positions that were taken in together. One with Last
// before First says that the log still ends at Last.
type Batch struct {
	First, Last int64
	Events      []*Recorded
	Frames      []Frame
	Whole       bool // Frames holds all of them; false: read the feed
	Local       bool // committed by this process

	Touched []domain.Key // facts that the events changed
}

// Key names one fact that a decision can rest on.
func Key(id uuid.UUID, facet string) domain.Key { return domain.Key{ID: id, Facet: facet} }
