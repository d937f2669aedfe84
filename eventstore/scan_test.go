package eventstore

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"missioncontrol/domain"
)

// TestScanEntry compares the fast reader of entries with the one that knows
// nothing of their notation.
func TestScanEntry(t *testing.T) {
	v := NewVocabulary()
	drawID := func(t *rapid.T, name string) uuid.UUID {
		if rapid.Bool().Draw(t, name+" is there") {
			return uuid.UUID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, name))
		}
		return uuid.Nil
	}
	draw := func(t *rapid.T) []byte {
		text := rapid.StringOfN(rapid.RuneFrom([]rune{'a', 'é', ' ', '"', '\\', '\n', '<', '\u2028'}), 0, 5, -1)
		at := func(name string) time.Time { return time.UnixMicro(rapid.Int64Range(0, 1<<52).Draw(t, name)).UTC() }
		r := &Recorded{
			Seq: rapid.Int64Range(1, 1<<53).Draw(t, "seq"), ID: drawID(t, "id"), Org: drawID(t, "org"), OrgSeq: 7, Stream: drawID(t, "stream"),
			Kind: "thing", Version: rapid.IntRange(1, 1<<30).Draw(t, "version"), Type: "thing.done", SV: 1, Time: at("time"), Recorded: at("recorded"),
			Actor: domain.Actor{Type: domain.User, ID: drawID(t, "actor"), OnBehalfOf: drawID(t, "on_behalf_of"), Auth: "local"},
			IP:    text.Draw(t, "ip"), UserAgent: text.Draw(t, "user_agent"), RequestID: text.Draw(t, "request_id"),
			CausationID: drawID(t, "causation"), CorrelationID: text.Draw(t, "correlation"), Outcome: "ok", Body: []byte(`{"a":["}",1]}`),
		}
		for range rapid.IntRange(0, 3).Draw(t, "refs") {
			r.Refs = append(r.Refs, domain.Ref{Kind: "board", ID: uuid.New()})
		}
		r.OrgPrev = LeafHash([]byte(r.RequestID))
		parts, err := encodeEntry(r)
		if err != nil {
			t.Fatal(err)
		}
		parts.assemble(r)
		return r.Entry
	}
	t.Run("reads_what_the_slow_one_reads", rapid.MakeCheck(func(t *rapid.T) {
		entry := draw(t)
		want, err := parseEntry(entry)
		if err != nil {
			t.Fatal(err)
		}
		got, ok := v.scanEntry(entry)
		if escaped := strings.Contains(string(entry), `\`); ok == escaped {
			t.Fatalf("read: %v, escapes: %v in %s", ok, escaped, entry)
		}
		if diff := cmp.Diff(want, got); ok && diff != "" {
			t.Fatal(diff)
		}
	}))
	t.Run("reads_nothing_that_the_slow_one_does_not", rapid.MakeCheck(func(t *rapid.T) {
		entry := draw(t)
		at := rapid.IntRange(0, strings.Index(string(entry), `,"body":`)-1).Draw(t, "at")
		entry[at] ^= rapid.ByteRange(1, 255).Draw(t, "by")
		got, ok := v.scanEntry(entry)
		if !ok {
			return
		}
		want, err := parseEntry(entry)
		if err != nil {
			t.Fatalf("%v, but the fast one reads %s", err, entry)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatal(diff)
		}
	}))
}
