package eventstore

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"missioncontrol/domain"
)

// personalField is a field of an event that holds a domain.Personal, or an
// Optional of one.
type personalField struct {
	index []int
	name  string // as stored; authenticated with the sealed value
}

var (
	personalType = reflect.TypeFor[domain.Personal]()
	optionalType = reflect.TypeFor[domain.Optional[domain.Personal]]()
)

func personalFields(t reflect.Type) []personalField {
	if t.Kind() != reflect.Struct {
		return nil
	}
	var fields []personalField
	for _, f := range reflect.VisibleFields(t) {
		if f.Type != personalType && f.Type != optionalType {
			continue
		}
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		fields = append(fields, personalField{f.Index, name})
	}
	return fields
}

// value returns the personal value in the field of event e, nil for none.
func (f personalField) value(e reflect.Value) *domain.Personal {
	switch v := e.FieldByIndex(f.index).Addr().Interface().(type) {
	case *domain.Personal:
		if !v.IsZero() {
			return v
		}
	case *domain.Optional[domain.Personal]:
		return v.Value
	}
	return nil
}

// locate notes where a decoded value was sealed, which opening it asks for.
func (f personalField) locate(e reflect.Value, event uuid.UUID) {
	if p := f.value(e); p != nil {
		p.Event, p.Field = event, f.name
	}
}

// seal returns e with its personal values sealed for the event.
func (t *eventType) seal(e any, event uuid.UUID, v *Vault) (any, error) {
	if len(t.personal) == 0 {
		return e, nil
	}
	sealed := reflect.New(t.goType)
	sealed.Elem().Set(reflect.ValueOf(e))
	for _, f := range t.personal {
		p := f.value(sealed.Elem())
		if p == nil || p.Sealed != "" {
			continue
		}
		text, err := v.seal(p.Owner, event, f.name, p.Text)
		if err != nil {
			return nil, err
		}
		f.replace(sealed.Elem(), domain.Personal{Sealed: text, Event: event, Field: f.name})
	}
	return sealed.Elem().Interface(), nil
}

// replace never writes through an Optional's pointer: the command owns that.
func (f personalField) replace(e reflect.Value, p domain.Personal) {
	switch v := e.FieldByIndex(f.index).Addr().Interface().(type) {
	case *domain.Personal:
		*v = p
	case *domain.Optional[domain.Personal]:
		v.Value = &p
	}
}

// Readable returns the body of an event with its personal values marked for
// Vault.OpenJSON to open. Nothing else of it is touched, whatever it looks like.
func (v *Vocabulary) Readable(r *Recorded) (jsontext.Value, error) {
	t := v.kinds[r.Kind].types[r.Type]
	if len(t.personal) == 0 {
		return r.Body, nil
	}
	var members map[string]jsontext.Value
	if err := json.Unmarshal(r.Body, &members); err != nil {
		return nil, fmt.Errorf("eventstore: event %d: read its body: %w", r.Seq, err)
	}
	for _, f := range t.personal {
		var sealed string
		if text := members[f.name]; text.Kind() != '"' || json.Unmarshal(text, &sealed) != nil {
			continue
		}
		marked, err := jsontext.AppendQuote(nil, SealMark+domain.Personal{Sealed: sealed, Event: r.ID, Field: f.name}.Located())
		if err != nil {
			return nil, fmt.Errorf("eventstore: event %d: mark %s: %w", r.Seq, f.name, err)
		}
		members[f.name] = marked
	}
	return json.Marshal(members, json.Deterministic(true))
}
