package audit

import (
	"context"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"missioncontrol/domain"
	"missioncontrol/eventstore"
	"missioncontrol/projections"
)

// Entry is an entry of the log as reviewers see it.
type Entry struct {
	Seq            int64                 `json:"seq"`
	ID             uuid.UUID             `json:"id"`
	Epoch          uuid.UUID             `json:"epoch"`
	Time           time.Time             `json:"time"`
	Recorded       time.Time             `json:"recorded"`
	OrganizationID *uuid.UUID            `json:"organization_id"` // nil: an entry of the system
	OrgSeq         int64                 `json:"org_seq"`
	Stream         Stream                `json:"stream"`
	Type           string                `json:"type"`
	Outcome        string                `json:"outcome"`
	Actor          Actor                 `json:"actor"`
	IP             *projections.Personal `json:"ip"`
	UserAgent      *projections.Personal `json:"user_agent"`
	RequestID      *string               `json:"request_id"`
	CausationID    *uuid.UUID            `json:"causation_id"`
	CorrelationID  *string               `json:"correlation_id"`
	BoardID        *uuid.UUID            `json:"board_id"`
	Refs           []string              `json:"refs"`
	Sentence       string                `json:"sentence"`
	Changes        []Change              `json:"changes"`
	Body           jsontext.Value        `json:"body"`
}

// Stream is the thing that an entry belongs to.
type Stream struct {
	Kind    string    `json:"kind"`
	ID      uuid.UUID `json:"id"`
	Version int       `json:"version"`
}

// Actor is who caused an entry, called as it is called now.
type Actor struct {
	Type       domain.ActorType `json:"type"`
	ID         *uuid.UUID       `json:"id"`
	Name       *string          `json:"name"`
	OnBehalfOf *uuid.UUID       `json:"on_behalf_of"`
	Auth       *string          `json:"auth"`
}

// Change is one field of a thing, before and after an entry.
type Change struct {
	Field  string         `json:"field"`
	Before jsontext.Value `json:"before"`
	After  jsontext.Value `json:"after"`
}

// Show renders entries: with the names of today, the states of then, and
// personal values marked for the vault to open.
func (t Trail) Show(ctx context.Context, events []*eventstore.Recorded) ([]Entry, error) {
	entries := make([]Entry, len(events))
	if len(events) == 0 {
		return entries, nil
	}
	pasts, err := t.pasts(ctx, events)
	if err != nil {
		return nil, err
	}
	names, err := t.names(ctx, events, pasts)
	if err != nil {
		return nil, err
	}
	for i, r := range events {
		if entries[i], err = t.show(ctx, r, pasts[r.Seq], names); err != nil {
			return nil, err
		}
	}
	return entries, nil
}

func (t Trail) show(ctx context.Context, r *eventstore.Recorded, p past, names names) (Entry, error) {
	e := Entry{
		Seq: r.Seq, ID: r.ID, Epoch: t.Store.Epoch(), Time: r.Time, Recorded: r.Recorded, OrganizationID: known(r.Org), OrgSeq: r.OrgSeq,
		Stream: Stream{r.Kind, r.Stream, r.Version}, Type: r.Type, Outcome: r.Outcome,
		Actor: Actor{Type: r.Actor.Type, ID: known(r.Actor.ID), Name: names.of(r.Actor.ID), OnBehalfOf: known(r.Actor.OnBehalfOf), Auth: known(r.Actor.Auth)},
		IP:    sealed(r, r.IP, "ip"), UserAgent: sealed(r, r.UserAgent, "user_agent"),
		RequestID: known(r.RequestID), CausationID: known(r.CausationID), CorrelationID: known(r.CorrelationID),
		BoardID: known(boardOf(r)), Refs: make([]string, len(r.Refs)),
	}
	for i, ref := range r.Refs {
		e.Refs[i] = ref.Kind + "/" + ref.ID.String()
	}
	var err error
	if e.Body, err = t.Store.Vocabulary().Readable(r); err != nil {
		return e, err
	}
	if e.Changes, err = p.changes(e.Body); err != nil {
		return e, err
	}
	told := teller{r: r, self: names[r.Stream], names: names, changes: e.Changes}
	if p.folded {
		if told.self, err = t.nameOf(ctx, p.after); err != nil {
			return e, err
		}
	}
	err = json.Unmarshal(r.Body, &told.body)
	e.Sentence = told.sentence()
	return e, err
}

// known is nil for what is not known.
func known[T comparable](v T) *T {
	var none T
	if v == none {
		return nil
	}
	return &v
}

// sealed is a personal value of the envelope, for the vault to open.
func sealed(r *eventstore.Recorded, text, field string) *projections.Personal {
	located := domain.Personal{Sealed: text, Event: r.ID, Field: field}.Located()
	return (*projections.Personal)(known(located))
}
