package export

import (
	"fmt"
	"io"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"missioncontrol/domain"
	"missioncontrol/eventstore"
)

// ocsfVersion is the version of the schema that entries are written in
// (https://schema.ocsf.io).
const ocsfVersion = "1.3.0"

// ocsfWriter writes one event of the Open Cybersecurity Schema Framework a
// line, for log systems.
type ocsfWriter struct{ out io.Writer }

// Classes of OCSF. Everything that is not about identity is the activity of an
// API.
const (
	classAccountChange  = 3001
	classAuthentication = 3002
	classAccess         = 3005
	classAPI            = 6003
	perCategory         = 1000
	perClass            = 100 // activities
)

type ocsfEvent struct {
	Activity   int            `json:"activity_id"`
	Category   int            `json:"category_uid"`
	Class      int            `json:"class_uid"`
	Type       int            `json:"type_uid"`
	Time       int64          `json:"time"` // milliseconds since 1970
	Severity   int            `json:"severity_id"`
	Status     int            `json:"status_id"`
	StatusCode string         `json:"status_code"`
	Metadata   ocsfMetadata   `json:"metadata"`
	Actor      ocsfActor      `json:"actor"`
	User       *ocsfThing     `json:"user,omitzero"` // whose account or access it is
	API        *ocsfAPI       `json:"api,omitzero"`
	Resources  []ocsfThing    `json:"resources,omitempty"`
	Unmapped   map[string]any `json:"unmapped"`
}

type ocsfMetadata struct {
	Version  string      `json:"version"`
	Product  ocsfProduct `json:"product"`
	UID      string      `json:"uid"`
	Sequence int64       `json:"sequence"`
	Code     string      `json:"event_code"`
	Logged   int64       `json:"logged_time"`
	Log      string      `json:"log_name"`
	Tenant   string      `json:"tenant_uid,omitzero"`
	Trace    string      `json:"correlation_uid,omitzero"`
}

type ocsfProduct struct {
	Name   string `json:"name"`
	Vendor string `json:"vendor_name"`
}

type ocsfActor struct {
	User ocsfThing `json:"user"`
}

type ocsfThing struct {
	UID  string `json:"uid,omitzero"`
	Type string `json:"type"`
}

type ocsfAPI struct {
	Operation string      `json:"operation"`
	Request   ocsfRequest `json:"request"`
}

type ocsfRequest struct {
	UID string `json:"uid"`
}

func (w ocsfWriter) entry(r *eventstore.Recorded) error {
	class, activity := ocsfKind(r.Type)
	e := ocsfEvent{
		Activity: activity, Category: class / perCategory, Class: class, Type: class*perClass + activity,
		Time: r.Time.UnixMilli(), Severity: 1, Status: 1, StatusCode: r.Outcome,
		Metadata: ocsfMetadata{
			Version: ocsfVersion, Product: ocsfProduct{"Mission Control", "Mission Control"}, UID: r.ID.String(), Sequence: r.Seq,
			Code: r.Type, Logged: r.Recorded.UnixMilli(), Log: "events", Tenant: text(r.Org), Trace: r.CorrelationID,
		},
		Actor: ocsfActor{ocsfThing{text(r.Actor.ID), string(r.Actor.Type)}},
		Unmapped: map[string]any{
			"org_seq": r.OrgSeq, "auth": r.Actor.Auth, "ip": r.IP, "user_agent": r.UserAgent,
			"stream": map[string]any{"kind": r.Kind, "id": r.Stream.String(), "version": r.Version}, "body": jsontext.Value(r.Body),
		},
	}
	if r.Outcome != "ok" {
		e.Severity, e.Status = 3, 2 // medium, failure
	}
	for _, ref := range r.Refs {
		thing := ocsfThing{ref.ID.String(), ref.Kind}
		e.Resources = append(e.Resources, thing)
		if class != classAPI && ref.Kind == "user" {
			e.User = &thing
		}
	}
	if class != classAPI && e.User == nil {
		e.User = &e.Actor.User
	}
	if class == classAPI {
		e.API = &ocsfAPI{r.Type, ocsfRequest{r.RequestID}}
	}
	return w.line(e)
}

func (w ocsfWriter) line(e ocsfEvent) error {
	line, err := json.Marshal(e, json.Deterministic(true), jsontext.AllowInvalidUTF8(true))
	if err == nil {
		_, err = w.out.Write(append(line, '\n'))
	}
	if err != nil {
		return fmt.Errorf("export: write OCSF: %w", err)
	}
	return nil
}

func (ocsfWriter) close() error { return nil }

const otherActivity = 99

// ocsfKind maps the name of a stored event to a class and its activity.
func ocsfKind(name string) (class, activity int) {
	noun, verb, _ := strings.Cut(name, ".")
	switch {
	case noun == "authentication":
		return classAuthentication, 1 // logon
	case noun == "member" && (verb == "left"):
		return classAccess, 2 // revoke privileges
	case noun == "member":
		return classAccess, 1 // assign privileges
	case noun == string(domain.User) && verb == "registered":
		return classAccountChange, 1 // create
	case noun == "person" || noun == string(domain.User) && verb == "erased":
		return classAccountChange, 6 // delete
	case noun == string(domain.User):
		return classAccountChange, otherActivity
	}
	switch verb {
	case "created", "registered", "shared":
		return classAPI, 1
	case "read":
		return classAPI, 2
	case "deleted", "revoked", "removed":
		return classAPI, 4
	case "refused", "refused_many", "started":
		return classAPI, otherActivity
	}
	return classAPI, 3 // update
}
