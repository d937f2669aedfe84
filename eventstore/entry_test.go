package eventstore

import (
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"missioncontrol/domain"
)

// noted is the one event of the kind that entries are tested with.
type noted struct {
	Text string          `json:"text"`
	By   domain.Personal `json:"by,omitzero"`
}

type notes struct{ Count int }

func (n notes) Evolve(domain.Meta, noted) notes { return notes{n.Count + 1} }

func noteKind() *Kind {
	return KindOf("note", map[string]noted{"note.noted": {}}, Rules[notes, noted]{})
}

// text is any text that can reach an envelope, hostile ones first.
func text() *rapid.Generator[string] {
	return rapid.OneOf(rapid.SampledFrom([]string{
		"", `"`, `\`, `","seq":99,"x":"`, "\x00", "\n\r\t", "\u2028\u2029", "</script>", "😀", "\U0010FFFF", "null", `\u0000`, "\x7f", "\ufeff",
	}), rapid.Map(rapid.String(), func(s string) string { return strings.ToValidUTF8(s, "") }))
}

func someID(t *rapid.T, label string) uuid.UUID {
	var id uuid.UUID
	copy(id[:], rapid.OneOf(rapid.Just(make([]byte, 16)), rapid.SliceOfN(rapid.Byte(), 16, 16)).Draw(t, label))
	return id
}

func someTime(t *rapid.T, label string) time.Time {
	return time.UnixMicro(rapid.Int64Range(-62135596800000000, 253402300799999999).Draw(t, label)).UTC()
}

func someRecorded(t *rapid.T) *Recorded {
	r := &Recorded{
		Seq: rapid.Int64Range(1, 1<<62).Draw(t, "seq"), ID: someID(t, "id"), Org: someID(t, "org"),
		OrgSeq: rapid.Int64Range(1, 1<<62).Draw(t, "org_seq"), Stream: someID(t, "stream"),
		Kind: "note", Version: rapid.IntRange(1, 1<<31-1).Draw(t, "version"), Type: "note.noted", SV: 1,
		Time: someTime(t, "time"), Recorded: someTime(t, "recorded"),
		Actor: domain.Actor{
			Type: rapid.SampledFrom([]domain.ActorType{domain.User, domain.Agent, domain.System, domain.Anonymous}).Draw(t, "actor"),
			ID:   someID(t, "actor id"), OnBehalfOf: someID(t, "on behalf"), Auth: text().Draw(t, "auth"),
		},
		IP: text().Draw(t, "ip"), UserAgent: text().Draw(t, "agent"), RequestID: text().Draw(t, "request"),
		CausationID: someID(t, "causation"), CorrelationID: text().Draw(t, "correlation"), Outcome: "ok",
		Event: noted{Text: text().Draw(t, "text")},
	}
	copy(r.OrgPrev[:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "prev"))
	for i := range rapid.IntRange(0, 3).Draw(t, "refs") {
		r.Refs = append(r.Refs, domain.Ref{Kind: []string{"board", "user", "agent"}[i], ID: someID(t, "ref")})
	}
	return r
}

// TestEntryRoundTrip: what is written is read, and the bytes are one JSON
// object with the fields of the envelope in their order, whatever people send.
func TestEntryRoundTrip(t *testing.T) {
	t.Parallel()
	vocabulary := NewVocabulary(noteKind())
	const names = "seq id org org_seq org_prev stream kind version type sv time recorded actor ip user_agent request_id causation_id correlation_id outcome refs body"
	rapid.Check(t, func(t *rapid.T) {
		r := someRecorded(t)
		var err error
		if r.Body, err = json.Marshal(r.Event); err != nil {
			t.Fatal(err)
		}
		parts, err := encodeEntry(r)
		if err != nil {
			t.Fatal(err)
		}
		parts.assemble(r)
		back, err := vocabulary.Decode(r.Entry)
		if err != nil {
			t.Fatalf("%v\n%s", err, r.Entry)
		}
		if len(back.Refs) == 0 {
			back.Refs = nil
		}
		if diff := cmp.Diff(r, back); diff != "" {
			t.Fatalf("reads back otherwise (-written +read)\n%s", diff)
		}
		if got := strings.Join(memberNames(t, r.Entry), " "); got != names {
			t.Fatalf("fields are %s", got)
		}
	})
}

func memberNames(t *rapid.T, object []byte) (names []string) {
	dec := jsontext.NewDecoder(strings.NewReader(string(object)))
	if _, err := dec.ReadToken(); err != nil {
		t.Fatal(err)
	}
	for dec.PeekKind() != '}' {
		name, err := dec.ReadToken()
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, name.String())
		if err := dec.SkipValue(); err != nil {
			t.Fatal(err)
		}
	}
	return names
}

// TestEntryBytes pins the exact bytes of an entry and its leaf: both can never
// change once events exist.
func TestEntryBytes(t *testing.T) {
	t.Parallel()
	id := func(n byte) uuid.UUID { return uuid.UUID{0: 1, 6: 0x70, 8: 0x80, 15: n} }
	r := &Recorded{
		Seq: 7, ID: id(1), Org: id(2), OrgSeq: 3, OrgPrev: Hash{31: 0xab}, Stream: id(4), Kind: "note", Version: 5, Type: "note.noted", SV: 1,
		Time: time.Date(2026, 11, 21, 17, 41, 2, 100000, time.UTC), Recorded: time.Date(2026, 11, 21, 17, 41, 3, 0, time.UTC),
		Actor: domain.Actor{Type: domain.User, ID: id(6), Auth: "local"}, RequestID: `a"b`, Outcome: "ok",
		Refs: []domain.Ref{{Kind: "note", ID: id(4)}, {Kind: "board", ID: id(7)}}, Body: jsontext.Value(`{"text":"é"}`),
	}
	parts, err := encodeEntry(r)
	if err != nil {
		t.Fatal(err)
	}
	parts.assemble(r)
	const want = `{"seq":7,"id":"01000000-0000-7000-8000-000000000001","org":"01000000-0000-7000-8000-000000000002","org_seq":3,` +
		`"org_prev":"00000000000000000000000000000000000000000000000000000000000000ab","stream":"01000000-0000-7000-8000-000000000004",` +
		`"kind":"note","version":5,"type":"note.noted","sv":1,"time":"2026-11-21T17:41:02.000100Z","recorded":"2026-11-21T17:41:03.000000Z",` +
		`"actor":{"type":"user","id":"01000000-0000-7000-8000-000000000006","on_behalf_of":null,"auth":"local"},"ip":null,"user_agent":null,` +
		`"request_id":"a\"b","causation_id":null,"correlation_id":null,"outcome":"ok",` +
		`"refs":["note/01000000-0000-7000-8000-000000000004","board/01000000-0000-7000-8000-000000000007"],"body":{"text":"é"}}`
	if string(r.Entry) != want {
		t.Errorf("entry\n got %s\nwant %s", r.Entry, want)
	}
	if got := hex.EncodeToString(r.Leaf[:]); got != "9be581b10874870bb3a99f443c555b83a8ffc505c4073059147d7a28267fb8a1" {
		t.Errorf("leaf %s", got)
	}
}

// FuzzDecode: anything may stand where an entry should; it is read or refused,
// and what is read can be worked with.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"seq":1,"id":"01000000-0000-7000-8000-000000000001","org":null,"org_seq":1,"org_prev":"` + strings.Repeat("0", 64) + `","kind":"note","type":"note.noted","sv":1,"time":"2026-11-21T17:41:02Z","recorded":"2026-11-21T17:41:02Z","actor":{"type":"user","id":null},"refs":["a/01000000-0000-7000-8000-000000000001"],"body":{"text":"x","by":"sealed:1:x"}}`))
	f.Add([]byte(`{"kind":"note","type":"note.noted","sv":0,"org_prev":""}`))
	f.Add([]byte(`{"refs":["/"],"actor":null}`))
	f.Add([]byte("null"))
	vocabulary := NewVocabulary(noteKind())
	f.Fuzz(func(t *testing.T, entry []byte) {
		r, err := vocabulary.Decode(entry)
		if err != nil {
			return
		}
		_ = vocabulary.Touches(r)
		_ = vocabulary.Evolve(nil, r)
		if r.Leaf != LeafHash(entry) {
			t.Error("the leaf is not that of the entry")
		}
	})
}
