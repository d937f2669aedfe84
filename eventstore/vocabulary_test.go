package eventstore

import (
	"errors"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"missioncontrol/domain"
)

func entryOf(kind, typ, sv, body string) []byte {
	return []byte(`{"seq":4,"id":"01000000-0000-7000-8000-000000000001","org":null,"org_seq":1,"org_prev":"` + strings.Repeat("0", 64) +
		`","stream":"01000000-0000-7000-8000-000000000002","kind":"` + kind + `","version":1,"type":"` + typ + `","sv":` + sv +
		`,"time":"2026-11-21T17:41:02.000000Z","recorded":"2026-11-21T17:41:02.000000Z","actor":{"type":"system","id":null,"on_behalf_of":null,"auth":null},` +
		`"ip":null,"user_agent":null,"request_id":null,"causation_id":null,"correlation_id":null,"outcome":"ok","refs":[],"body":` + body + `}`)
}

// upcastKind has a second shape: text was called words, and a third: without
// its white space.
func upcastKind() *Kind {
	return noteKind().
		Upcast("note.noted", 1, func(v jsontext.Value) (jsontext.Value, error) {
			return jsontext.Value(strings.Replace(string(v), `"words"`, `"text"`, 1)), nil
		}).
		Upcast("note.noted", 2, func(v jsontext.Value) (jsontext.Value, error) {
			if strings.Contains(string(v), "impossible") {
				return nil, errors.New("no way")
			}
			return jsontext.Value(strings.ReplaceAll(string(v), " ", "")), nil
		})
}

func TestDecode(t *testing.T) {
	t.Parallel()
	v := NewVocabulary(upcastKind())
	for name, c := range map[string]struct {
		entry []byte
		text  string // of the event
		err   string // part of the sentence
	}{
		"the current shape":         {entryOf("note", "note.noted", "3", `{"text":"a b"}`), "a b", ""},
		"one shape back":            {entryOf("note", "note.noted", "2", `{"text":"a b"}`), "ab", ""},
		"two shapes back":           {entryOf("note", "note.noted", "1", `{"words":"a b"}`), "ab", ""},
		"an upcaster that gives up": {entryOf("note", "note.noted", "1", `{"words":"impossible"}`), "", "event 4: bring note.noted from shape 2 to 3: no way"},
		"a shape of tomorrow":       {entryOf("note", "note.noted", "4", `{}`), "", "event 4 is a note.noted of shape 4, which this program does not know: run a newer one"},
		"a shape that never was":    {entryOf("note", "note.noted", "0", `{}`), "", "of shape 0"},
		"a type of tomorrow":        {entryOf("note", "note.burnt", "1", `{}`), "", "event 4 is a note.burnt of a note, which this program does not know (it knows [note]): run a newer one"},
		"a kind of tomorrow":        {entryOf("song", "note.noted", "1", `{}`), "", "a note.noted of a song"},
		"a body of another type":    {entryOf("note", "note.noted", "3", `{"text":7}`), "", "event 4: decode note.noted"},
		"a broken entry":            {[]byte(`{"seq":`), "", "decode entry"},
		"a broken chain":            {[]byte(strings.Replace(string(entryOf("note", "note.noted", "3", `{}`)), strings.Repeat("0", 64), "xy", 1)), "", `org_prev "xy" is not a hash`},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := v.Decode(c.entry)
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Errorf("says %v, want %q", err, c.err)
				}
				return
			}
			if err != nil || r.Event.(noted).Text != c.text {
				t.Errorf("%+v, %v", r, err)
			}
		})
	}
	r, err := v.Decode(entryOf("note", "note.noted", "3", `{"text":"","by":"sealed:1:x"}`))
	if err != nil || r.Event.(noted).By != (domain.Personal{Sealed: "sealed:1:x", Event: r.ID, Field: "by"}) {
		t.Errorf("a personal value does not know where it was sealed: %+v, %v", r, err)
	}
}

func TestVocabulary(t *testing.T) {
	t.Parallel()
	shapes := NewVocabulary(upcastKind()).Shapes()
	if len(shapes) != 1 || shapes[0].Type != "note.noted" || shapes[0].SV != 3 || shapes[0].Kind != "note" {
		t.Errorf("%+v", shapes)
	}
	v := NewVocabulary(noteKind())
	r, err := v.Decode(entryOf("note", "note.noted", "1", `{"text":"x"}`))
	if err != nil {
		t.Fatal(err)
	}
	if keys := v.Touches(r); len(keys) != 1 || keys[0] != Key(r.Stream, "note") {
		t.Errorf("touches %v", keys)
	}
	state := v.Evolve(v.Evolve(nil, r), r)
	if state.(notes).Count != 2 {
		t.Errorf("%+v", state)
	}
	defer func() {
		if recover() == nil {
			t.Error("two kinds of one name are accepted")
		}
	}()
	NewVocabulary(noteKind(), noteKind())
}

func TestTableMistakes(t *testing.T) {
	t.Parallel()
	for name, make := range map[string]func(){
		"an unknown key": func() {
			TableOf[struct {
				ID uuid.UUID `db:"id"`
			}]("x", "nope")
		},
		"an unknown type": func() {
			TableOf[struct {
				C chan int `db:"c"`
			}]("x", "c")
		},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic at the start")
				}
			}()
			make()
		})
	}
}
