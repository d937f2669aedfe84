package audit

import (
	"bytes"
	"context"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"missioncontrol/domain"
	"missioncontrol/eventstore"
)

// mostFolded bounds how far along its stream an event may stand for its past
// to be folded. Of one further on, changes show what it carries itself.
const mostFolded = 200

// past is how the thing of an event stood before and after it.
type past struct {
	folded        bool
	before, after any // states; before is nil at the beginning
}

// pasts folds the streams of events up to each of them, in one statement.
func (t Trail) pasts(ctx context.Context, events []*eventstore.Recorded) (map[int64]past, error) {
	upTo, needed := map[uuid.UUID]int{}, map[int64]bool{}
	histories := map[uuid.UUID][]*eventstore.Recorded{}
	for _, r := range events {
		if r.Version > mostFolded {
			continue
		}
		needed[r.Seq] = true
		if r.Version == 1 {
			histories[r.Stream] = []*eventstore.Recorded{r}
		}
		upTo[r.Stream] = max(upTo[r.Stream], r.Version)
	}
	var streams []uuid.UUID
	var versions []int
	for stream, version := range upTo {
		if version > 1 {
			streams, versions = append(streams, stream), append(versions, version)
			delete(histories, stream)
		}
	}
	if len(streams) > 0 {
		// Stream by stream: the planner knows nothing of a young log, and would read it whole.
		read, err := t.collect(ctx, `select e.entry from unnest($1::uuid[], $2::int[]) as u(stream, version)
			cross join lateral (select entry, version from events where stream = u.stream and version <= u.version
				order by version limit $3) e order by u.stream, e.version`, streams, versions, mostFolded)
		if err != nil {
			return nil, err
		}
		for _, r := range read {
			histories[r.Stream] = append(histories[r.Stream], r)
		}
	}
	found := make(map[int64]past, len(events))
	for _, history := range histories {
		var state any
		for _, r := range history {
			p := past{folded: true, before: state}
			state = t.Store.Vocabulary().Evolve(state, r)
			if p.after = state; needed[r.Seq] {
				found[r.Seq] = p
			}
		}
	}
	return found, nil
}

// changes lists what is otherwise after the event.
func (p past) changes(body jsontext.Value) ([]Change, error) {
	if !p.folded {
		return carried(body)
	}
	after, before := fieldsOf(reflect.ValueOf(p.after)), map[string]reflect.Value{}
	if p.before != nil {
		for _, f := range fieldsOf(reflect.ValueOf(p.before)) {
			before[f.name] = f.value
		}
	}
	changes := []Change{}
	for _, f := range after {
		was, there := before[f.name]
		if !there && f.value.IsZero() {
			continue
		}
		c := Change{Field: f.name, Before: jsontext.Value("null")}
		var err error
		if c.After, err = shown(f.value); err == nil && there {
			c.Before, err = shown(was)
		}
		if err != nil {
			return nil, err
		}
		if !bytes.Equal(c.Before, c.After) {
			changes = append(changes, c)
		}
	}
	return changes, nil
}

// carried are the values that an event itself carries.
func carried(body jsontext.Value) ([]Change, error) {
	var members map[string]jsontext.Value
	if err := json.Unmarshal(body, &members); err != nil {
		return nil, err
	}
	changes := []Change{}
	for name, value := range members {
		changes = append(changes, Change{name, jsontext.Value("null"), value})
	}
	slices.SortFunc(changes, func(a, b Change) int { return strings.Compare(a.Field, b.Field) })
	return changes, nil
}

// stateField is a field of a state, under the name that the API has for it.
type stateField struct {
	name  string
	value reflect.Value
}

// fieldsOf are the fields of a state that tell something: neither its times and
// ids, which the entry itself tells, nor hashes.
func fieldsOf(state reflect.Value) (fields []stateField) {
	for _, f := range reflect.VisibleFields(state.Type()) {
		if f.Anonymous || !f.IsExported() {
			continue
		}
		name := fieldName(f)
		switch v := state.FieldByIndex(f.Index); {
		case name == "id", name == "organization_id", name == "created_at", name == "updated_at", f.Type == reflect.TypeFor[[]byte]():
		case isPart(f.Type):
			fields = append(fields, fieldsOf(v)...)
		default:
			fields = append(fields, stateField{name, v})
		}
	}
	return fields
}

// isPart reports a struct of further fields, such as an agent's profile.
func isPart(t reflect.Type) bool {
	return t.Kind() == reflect.Struct && t != reflect.TypeFor[time.Time]() && t != reflect.TypeFor[domain.Personal]()
}

// fieldName is that of the JSON, else the Go name as JSON writes names.
func fieldName(f reflect.StructField) string {
	if tag, _, _ := strings.Cut(f.Tag.Get("json"), ","); tag != "" {
		return tag
	}
	runes := []rune(strings.ReplaceAll(f.Name, "IDs", "Ids"))
	var name []rune
	for i, r := range runes {
		begins := i > 0 && unicode.IsUpper(r) && (unicode.IsLower(runes[i-1]) || i+1 < len(runes) && unicode.IsLower(runes[i+1]))
		if begins {
			name = append(name, '_')
		}
		name = append(name, unicode.ToLower(r))
	}
	return string(name)
}

// shown is the JSON of a field, personal values marked for the vault to open.
func shown(v reflect.Value) (jsontext.Value, error) {
	return json.Marshal(v.Interface(), json.Deterministic(true), json.WithMarshalers(json.JoinMarshalers(
		json.MarshalToFunc(func(enc *jsontext.Encoder, p domain.Personal) error {
			if p.IsZero() {
				return enc.WriteToken(jsontext.Null)
			}
			return enc.WriteToken(jsontext.String(eventstore.SealMark + p.Located()))
		}),
		json.MarshalToFunc(func(enc *jsontext.Encoder, id uuid.UUID) error {
			if id == uuid.Nil {
				return enc.WriteToken(jsontext.Null)
			}
			return enc.WriteToken(jsontext.String(id.String()))
		}),
	)))
}
