package commands_test

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"missioncontrol/commands"
	"missioncontrol/domain"
	"missioncontrol/eventstore"
)

// updateGolden makes tests write what they compare with (make golden).
func updateGolden() bool { return os.Getenv("UPDATE_GOLDEN") != "" }

// TestGoldenEvents keeps docs/events.md in step with the vocabulary: whoever
// adds an event, or a field to one, sees it in the diff of that page.
func TestGoldenEvents(t *testing.T) {
	t.Parallel()
	const page = "../docs/events.md"
	want := eventsPage(commands.Vocabulary())
	if updateGolden() {
		write(t, page, want)
		return
	}
	got, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(got), "\n"), strings.Split(want, "\n")); diff != "" {
		t.Errorf("docs/events.md is not what the vocabulary says; if that is wanted, run make golden and review the diff (-page +vocabulary)\n%s", diff)
	}
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func eventsPage(v *eventstore.Vocabulary) string {
	var b strings.Builder
	b.WriteString(`# Events

Everything that happens is one of these. A stored name and shape never changes:
a new shape gets the next version, and the old one is brought to it when it is
read. This page is generated from the vocabulary (` + "`make golden`" + `).

Every event stands in an envelope, the exact bytes of which are hashed:

| field | what it is |
|---|---|
| seq | position in the log: 1, 2, 3 … without holes |
| id | of the event, a UUIDv7 |
| org | the organization, null for entries of the system itself |
| org_seq, org_prev | counts the organization's events, and the leaf hash of the one before |
| stream, kind, version | the aggregate, its kind, and the count of its events |
| type, sv | stored name and version of the shape, as below |
| time, recorded | when it was decided, and when it was appended; recorded never falls |
| actor | type, id, on_behalf_of, auth |
| ip, user_agent | of the caller, sealed |
| request_id, causation_id, correlation_id | what it belongs to |
| outcome | ok, denied or failed |
| refs | what it is about, as kind/id |
| body | the fields below |

A personal value is stored sealed under the key of its owner and reads
"erased" once that key is gone.
`)
	kind := ""
	for _, s := range v.Shapes() {
		if s.Kind != kind {
			kind = s.Kind
			fmt.Fprintf(&b, "\n## %s\n", kind)
		}
		fmt.Fprintf(&b, "\n### %s, shape %d\n\n", s.Type, s.SV)
		fields := fieldsOf(s.GoType)
		if len(fields) == 0 {
			b.WriteString("No fields.\n")
			continue
		}
		b.WriteString("| field | type |\n|---|---|\n")
		for _, f := range fields {
			fmt.Fprintf(&b, "| %s | %s |\n", f[0], f[1])
		}
	}
	return b.String()
}

// fieldsOf lists name and type of what an event stores, in its order.
func fieldsOf(t reflect.Type) (fields [][2]string) {
	for _, f := range reflect.VisibleFields(t) {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous || !f.IsExported() || name == "-" {
			continue
		}
		kind := typeName(f.Type)
		if slices.Contains(strings.Split(options, ","), "omitzero") {
			kind += ", may be absent"
		}
		fields = append(fields, [2]string{name, kind})
	}
	return fields
}

func typeName(t reflect.Type) string {
	switch t {
	case reflect.TypeFor[uuid.UUID]():
		return "id"
	case reflect.TypeFor[time.Time]():
		return "time"
	case reflect.TypeFor[domain.Personal]():
		return "personal text or null"
	case reflect.TypeFor[domain.Optional[domain.Personal]]():
		return "personal text or null"
	case reflect.TypeFor[jsontext.Value]():
		return "any JSON"
	case reflect.TypeFor[domain.Ref]():
		return "kind/id"
	case reflect.TypeFor[[]byte]():
		return "bytes in base64 or null"
	}
	if value, ok := reflect.PointerTo(t).MethodByName("OrNull"); ok { // a domain.Optional
		return typeName(value.Type.Out(0).Elem()) + " or null"
	}
	switch t.Kind() {
	case reflect.Pointer:
		return typeName(t.Elem()) + " or null"
	case reflect.Slice:
		return "list of " + typeName(t.Elem())
	case reflect.String:
		return "text"
	case reflect.Bool:
		return "yes or no"
	case reflect.Int, reflect.Int64:
		return "whole number"
	case reflect.Float64:
		return "number"
	case reflect.Map:
		return "object of " + typeName(t.Elem()) + " by " + typeName(t.Key())
	case reflect.Struct:
		var parts []string
		for _, f := range fieldsOf(t) {
			parts = append(parts, f[0]+": "+f[1])
		}
		return "{" + strings.Join(parts, "; ") + "}"
	default:
		panic("docs/events.md has no word for " + t.String())
	}
}

const fixtures = "testdata/events"

// TestGoldenFixtures: an entry of every shape that was ever stored is kept, and
// is read by this program. A missing one is made from the present shape; one
// that is there is never written again.
func TestGoldenFixtures(t *testing.T) {
	t.Parallel()
	v := commands.Vocabulary()
	for _, s := range v.Shapes() {
		for sv := 1; sv <= s.SV; sv++ {
			name := filepath.Join(fixtures, fmt.Sprintf("%s.%d.json", s.Type, sv))
			t.Run(filepath.Base(name), func(t *testing.T) {
				entry, err := os.ReadFile(name)
				if os.IsNotExist(err) && updateGolden() && sv == s.SV {
					entry, err = sample(t, s), nil
					write(t, name, string(entry)+"\n")
				}
				if err != nil {
					t.Fatalf("%v: run make golden if the shape is new", err)
				}
				entry = []byte(strings.TrimSuffix(string(entry), "\n"))
				r, err := v.Decode(entry)
				if err != nil {
					t.Fatal(err)
				}
				if r.Type != s.Type || r.SV != sv || reflect.TypeOf(r.Event) != s.GoType {
					t.Fatalf("reads as %s of shape %d, %T", r.Type, r.SV, r.Event)
				}
				_, _ = v.Touches(r), v.Evolve(nil, r)
				if sv == s.SV {
					loseNothing(t, r)
				}
			})
		}
	}
}

// loseNothing fails when the stored body holds what the event's Go type does
// not, or the other way round: then the shape has changed without a version.
func loseNothing(t *testing.T, r *eventstore.Recorded) {
	t.Helper()
	body, err := json.Marshal(r.Event, json.FormatNilSliceAsNull(true))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(tree(t, r.Body), tree(t, body)); diff != "" {
		t.Errorf("the shape of %s has changed, which needs a new version and an upcaster (-stored +read)\n%s", r.Type, diff)
	}
	names := map[string]bool{}
	for name := range tree(t, r.Body).(map[string]any) {
		names[name] = true
	}
	for _, f := range fieldsOf(reflect.TypeOf(r.Event)) {
		if !names[f[0]] && !strings.HasSuffix(f[1], "may be absent") {
			t.Errorf("%s has a field %s that its stored shape has not: that needs a new version, or omitzero", r.Type, f[0])
		}
	}
}

func tree(t *testing.T, text []byte) (v any) {
	t.Helper()
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// sample makes an entry of the present shape with every field filled in.
func sample(t *testing.T, s eventstore.EventShape) []byte {
	t.Helper()
	event := reflect.New(s.GoType).Elem()
	fill(event)
	body, err := json.Marshal(event.Interface(), json.FormatNilSliceAsNull(true))
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Appendf(nil, `{"seq":2,"id":%q,"org":%q,"org_seq":2,"org_prev":%q,"stream":%q,"kind":%q,"version":2,"type":%q,"sv":%d,`+
		`"time":"2026-11-21T17:41:02.123456Z","recorded":"2026-11-21T17:41:02.200000Z",`+
		`"actor":{"type":"user","id":%q,"on_behalf_of":null,"auth":"local"},"ip":%q,"user_agent":%q,"request_id":"r-1",`+
		`"causation_id":null,"correlation_id":null,"outcome":"ok","refs":[%q,%q],"body":%s}`,
		someID, someID, strings.Repeat("a5", 32), someID, s.Kind, s.Type, s.SV, someID, someSealed, someSealed,
		s.Kind+"/"+someID.String(), "user/"+someID.String(), body)
}

var (
	someID     = uuid.MustParse("01980000-0000-7000-8000-00000000000a")
	someSealed = "sealed:1:" + someID.String() + ":c2VhbGVkIGJ5IG5vIGtleSBhdCBhbGw="
)

func fill(v reflect.Value) {
	switch p := v.Addr().Interface().(type) {
	case *uuid.UUID:
		*p = someID
		return
	case *time.Time:
		*p = time.Date(2027, 1, 31, 12, 30, 0, 250000000, time.UTC)
		return
	case *domain.Personal:
		*p = domain.Personal{Sealed: someSealed}
		return
	case *jsontext.Value:
		*p = jsontext.Value(`{"uptime":"99.9%","visits":10000}`)
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for _, field := range v.Fields() {
			fill(field)
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(v.Index(0))
		fill(v.Index(1))
	case reflect.String:
		v.SetString(`a "text", ünïcode 😀`)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(7)
	case reflect.Uint8:
		v.SetUint(0xa5)
	case reflect.Float64:
		v.SetFloat(87.5)
	case reflect.Map:
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(key)
		fill(value)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
	default:
		panic("no sample for " + v.Type().String())
	}
}

// TestFixturesAreKept: a fixture of a name or shape that no program knows any
// more would be an event that cannot be read.
func TestFixturesAreKept(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join(fixtures, "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatal(err, "no fixtures")
	}
	for _, file := range files {
		entry, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := commands.Vocabulary().Decode([]byte(strings.TrimSpace(string(entry)))); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
}

// FuzzDecode: whatever stands where an entry should is read or refused, and
// what is read can be worked with.
func FuzzDecode(f *testing.F) {
	files, err := filepath.Glob(filepath.Join(fixtures, "*.json"))
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		entry, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(entry)
	}
	v := commands.Vocabulary()
	f.Fuzz(func(t *testing.T, entry []byte) {
		r, err := v.Decode(entry)
		if err != nil {
			return
		}
		_ = v.Touches(r)
		_ = v.Evolve(v.Evolve(nil, r), r)
	})
}
