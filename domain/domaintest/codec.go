package domaintest

import (
	"encoding/base64"
	"reflect"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"missioncontrol/domain"
)

// roundTrip writes e as the event store does and reads it back.
func roundTrip[E any](t rapid.TB, e E, id uuid.UUID) E {
	t.Helper()
	body, err := json.Marshal(e, json.FormatNilSliceAsNull(true))
	if err != nil {
		t.Fatalf("%T cannot be stored: %v", e, err)
	}
	if strings.Contains(string(body), "\\u0000") {
		t.Fatalf("%T holds a NUL, which Postgres cannot: %s", e, body)
	}
	back := reflect.New(reflect.TypeOf(e))
	if err := json.Unmarshal(body, back.Interface()); err != nil {
		t.Fatalf("%T cannot be read back: %v\n%s", e, err, body)
	}
	personal(back.Elem(), func(p *domain.Personal, field string) { p.Event, p.Field = id, field })
	got := back.Elem().Interface().(E)
	if diff := cmp.Diff(e, got); diff != "" {
		t.Errorf("%T reads back otherwise (-decided +read)\n%s", e, diff)
	}
	return got
}

// sealed returns e with its personal values as the event store leaves them.
// Nothing is encrypted: only that the plain text is gone matters here.
func sealed[E any](e E, id uuid.UUID) E {
	copied := reflect.New(reflect.TypeOf(e)).Elem()
	copied.Set(reflect.ValueOf(e))
	personal(copied, func(p *domain.Personal, field string) {
		if p.Sealed == "" {
			*p = domain.Personal{Sealed: Sealed(p.Owner, p.Text), Event: id, Field: field}
		}
	})
	return copied.Interface().(E)
}

// Sealed is what stands for a personal value in examples.
func Sealed(owner uuid.UUID, text string) string {
	return "sealed:1:" + owner.String() + ":" + base64.StdEncoding.EncodeToString([]byte(text))
}

// personal visits the personal values of an event. Those behind an Optional
// are copied first: the command owns them.
func personal(e reflect.Value, visit func(p *domain.Personal, field string)) {
	if e.Kind() != reflect.Struct {
		return
	}
	for _, f := range reflect.VisibleFields(e.Type()) {
		if !f.IsExported() {
			continue
		}
		field, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch v := e.FieldByIndex(f.Index).Addr().Interface().(type) {
		case *domain.Personal:
			if !v.IsZero() {
				visit(v, field)
			}
		case *domain.Optional[domain.Personal]:
			if v.Value != nil {
				p := *v.Value
				visit(&p, field)
				v.Value = &p
			}
		}
	}
}
