package domain

import (
	"errors"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"
)

// Personal is a personal value: an email, a name, a profile text. It is
// stored only sealed under its owner's key, so that deleting the key erases
// the value everywhere while every hash over the log still holds. The zero
// Personal is no value (null).
//
// A decision makes it with Plain; the event store seals it before the event is
// encoded, and from then on, in states, rows and frames, only the sealed
// string travels. Opening it needs the key, so domain code never reads one.
type Personal struct {
	Owner uuid.UUID // whose key seals it
	Text  string    // plain, until it is sealed

	Sealed string    // "sealed:1:<key id>:<base64>"
	Event  uuid.UUID // the event that it was sealed for, and
	Field  string    // the field there: both are authenticated with it
}

// Plain returns a value that is not sealed yet. An empty text is a value.
func Plain(owner uuid.UUID, text string) Personal { return Personal{Owner: owner, Text: text} }

// IsZero reports whether there is no value.
func (p Personal) IsZero() bool { return p == Personal{} }

// errUnsealed guards the promise of Personal: it cannot be written in clear.
var errUnsealed = errors.New("domain: a personal value must be sealed before it is encoded")

// MarshalJSONTo writes the sealed string, or null.
func (p Personal) MarshalJSONTo(enc *jsontext.Encoder) error {
	switch {
	case p.IsZero():
		return enc.WriteToken(jsontext.Null)
	case p.Sealed == "":
		return errUnsealed
	}
	return enc.WriteToken(jsontext.String(p.Sealed))
}

// UnmarshalJSONFrom reads a sealed string or null. Event and Field are not in
// it: the event store fills them in.
func (p *Personal) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	tok, err := dec.ReadToken()
	if err != nil {
		return err
	}
	if tok.Kind() == '"' {
		p.Sealed = tok.String()
	}
	return nil
}

// Located returns the sealed string together with the event and field that
// opening it asks for, as rows and frames keep it: "sealed:1:…@<event>/<field>".
// No value gives "".
func (p Personal) Located() string {
	if p.Sealed == "" {
		return ""
	}
	return p.Sealed + "@" + p.Event.String() + "/" + p.Field
}

// Locate reads what Located wrote; ok is false for any other text.
func Locate(text string) (p Personal, ok bool) {
	sealed, at, found := strings.Cut(text, "@")
	event, field, slash := strings.Cut(at, "/")
	if !found || !slash || !strings.HasPrefix(sealed, "sealed:1:") {
		return Personal{}, false
	}
	id, err := uuid.Parse(event)
	if err != nil {
		return Personal{}, false
	}
	return Personal{Sealed: sealed, Event: id, Field: field}, true
}
