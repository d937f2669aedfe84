package evidence

import (
	"time"

	"github.com/google/uuid"

	"missioncontrol/domain"
)

// Event is something that is worth evidence although it changed nothing.
//
//sumtype:decl
type Event interface{ isEvidenceEvent() }

type (
	// Refused: a caller who had proved itself was refused, by right or by rule.
	Refused struct {
		Method  string       `json:"method"`
		Route   string       `json:"route"` // as the table of routes writes it
		Status  int          `json:"status"`
		Reason  string       `json:"reason"`  // what the caller was told; never what it sent
		Targets []domain.Ref `json:"targets"` // what the path names
	}
	// RefusedMany: the same caller was refused that often in the rest of a minute.
	RefusedMany struct{ Many }
	// AuthenticationFailed: somebody did not prove who it is.
	AuthenticationFailed struct {
		Method string `json:"method"`
		Route  string `json:"route"`
	}
	// AuthenticationsFailed: nor did others, from the same address in the rest of
	// a minute, or from so many addresses that they are counted together.
	AuthenticationsFailed struct {
		Addresses int `json:"addresses"` // at least
		Many
	}
	// Started: the program runs, and how it is configured. Values that are
	// secret, or may hold a secret, say no more than that they are set.
	Started struct {
		Version       string            `json:"version"`
		Configuration map[string]string `json:"configuration"`
	}
	// Exported: somebody has asked for a part of the log to take away.
	Exported struct {
		ExportID uuid.UUID         `json:"export_id"`
		Format   string            `json:"format"`
		Filters  map[string]string `json:"filters"`
		Names    bool              `json:"names"` // of people, who stand in the log by id
	}
	// Read: a caller has read the audit log; once a route and minute.
	Read struct {
		Method  string       `json:"method"`
		Route   string       `json:"route"`
		Targets []domain.Ref `json:"targets"`
	}
)

// Many is what is kept of things that are only counted.
type Many struct {
	Count      int       `json:"count"`
	First      time.Time `json:"first"`
	Last       time.Time `json:"last"`
	RequestIDs []string  `json:"request_ids"` // of the first MostNamed
}

// MostNamed is how many requests are named of those that are counted.
const MostNamed = 20

// Add counts one more.
func (m *Many) Add(at time.Time, request string) {
	if m.Count == 0 {
		m.First = at
	}
	m.Count, m.Last = m.Count+1, at
	if request != "" && len(m.RequestIDs) < MostNamed {
		m.RequestIDs = append(m.RequestIDs, request)
	}
}

// Merge counts what o counted.
func (m *Many) Merge(o Many) {
	if m.Count == 0 || o.First.Before(m.First) {
		m.First = o.First
	}
	if o.Last.After(m.Last) {
		m.Last = o.Last
	}
	m.Count += o.Count
	m.RequestIDs = append(m.RequestIDs, o.RequestIDs[:min(len(o.RequestIDs), MostNamed-len(m.RequestIDs))]...)
}

func (Refused) isEvidenceEvent()               {}
func (RefusedMany) isEvidenceEvent()           {}
func (AuthenticationFailed) isEvidenceEvent()  {}
func (AuthenticationsFailed) isEvidenceEvent() {}
func (Started) isEvidenceEvent()               {}
func (Exported) isEvidenceEvent()              {}
func (Read) isEvidenceEvent()                  {}

// Events names every event as it is stored.
var Events = map[string]Event{
	"command.refused":            Refused{},
	"command.refused_many":       RefusedMany{},
	"authentication.failed":      AuthenticationFailed{},
	"authentication.failed_many": AuthenticationsFailed{},
	"system.started":             Started{},
	"audit.exported":             Exported{},
	"audit.read":                 Read{},
}

// Outcome is what the envelope of an event says.
func Outcome(e Event) string {
	switch e.(type) {
	case Refused, RefusedMany:
		return "denied"
	case AuthenticationFailed, AuthenticationsFailed:
		return "failed"
	case Started, Exported, Read:
	}
	return "ok"
}

// About lists what an event is about, beside who caused it.
func About(e Event) []domain.Ref {
	switch e := e.(type) {
	case Refused:
		return e.Targets
	case Read:
		return e.Targets
	case RefusedMany, AuthenticationFailed, AuthenticationsFailed, Started, Exported:
	}
	return nil
}
