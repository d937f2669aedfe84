package domain_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"missioncontrol/domain"
	"missioncontrol/domain/domaintest"
)

func TestOptional(t *testing.T) {
	t.Parallel()
	type input struct {
		V domain.Optional[int] `json:"v,omitzero"`
	}
	for body, want := range map[string]domain.Optional[int]{
		`{}`:         {},
		`{"v":null}`: domain.Null[int](),
		`{"v":0}`:    domain.Some(0),
		`{"v":7}`:    domain.Some(7),
	} {
		var in input
		if err := json.Unmarshal([]byte(body), &in); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, in.V); diff != "" {
			t.Errorf("%s reads as\n%s", body, diff)
		}
		if back, err := json.Marshal(in); err != nil || string(back) != body {
			t.Errorf("%s is written as %s, %v", body, back, err)
		}
	}
	seven, nine := 7, 9
	for name, c := range map[string]struct {
		o      domain.Optional[int]
		or     int
		orNull *int
	}{
		"absent": {domain.Optional[int]{}, 9, &nine},
		"null":   {domain.Null[int](), 9, nil},
		"given":  {domain.Some(7), 7, &seven},
	} {
		if got := c.o.Or(9); got != c.or {
			t.Errorf("%s: Or gives %d", name, got)
		}
		if diff := cmp.Diff(c.orNull, c.o.OrNull(&nine)); diff != "" {
			t.Errorf("%s: OrNull gives\n%s", name, diff)
		}
	}
	var wrong domain.Optional[int]
	if err := json.Unmarshal([]byte(`"seven"`), &wrong); err == nil {
		t.Error("a text was read as a number")
	}
}

func TestPersonal(t *testing.T) {
	t.Parallel()
	owner, event := uuid.New(), uuid.New()
	t.Run("is never written in clear", func(t *testing.T) {
		for _, v := range []any{
			domain.Plain(owner, "secret"), domain.Plain(owner, ""),
			struct{ P domain.Personal }{domain.Plain(owner, "secret")},
			domain.Some(domain.Plain(owner, "secret")),
		} {
			if b, err := json.Marshal(v); err == nil {
				t.Errorf("an unsealed value was written: %s", b)
			} else if strings.Contains(err.Error(), "secret") {
				t.Errorf("the error tells it: %v", err)
			}
		}
		if got := domain.Plain(owner, "secret").Located(); got != "" {
			t.Errorf("an unsealed value is located as %q", got)
		}
	})
	t.Run("none is null", func(t *testing.T) {
		b, err := json.Marshal(domain.Personal{})
		var back domain.Personal
		if err != nil || string(b) != "null" || json.Unmarshal(b, &back) != nil || !back.IsZero() {
			t.Errorf("%s, %v, %+v", b, err, back)
		}
		if domain.Plain(owner, "").IsZero() {
			t.Error("an empty text counts as none")
		}
	})
	t.Run("sealed travels as its string", func(t *testing.T) {
		p := domain.Personal{Sealed: domaintest.Sealed(owner, "x"), Event: event, Field: "name"}
		b, err := json.Marshal(p)
		if err != nil || string(b) != `"`+p.Sealed+`"` {
			t.Fatalf("%s, %v", b, err)
		}
		var back domain.Personal
		if err := json.Unmarshal(b, &back); err != nil || back.Sealed != p.Sealed {
			t.Errorf("%+v, %v", back, err)
		}
		if got, ok := domain.Locate(p.Located()); !ok || got != p {
			t.Errorf("located as %q, which reads as %+v", p.Located(), got)
		}
	})
	t.Run("other texts are not located", func(t *testing.T) {
		at := "@" + event.String() + "/name"
		for _, text := range []string{
			"", "@", "plain", "a@b/c", "sealed:1:", "sealed:1:x" + at[:20], "sealed:2:x" + at, "Sealed:1:x" + at,
			"sealed:1:x@" + event.String(), "sealed:1:x" + strings.ReplaceAll(at, "-", "_"), " sealed:1:x" + at,
		} {
			if p, ok := domain.Locate(text); ok {
				t.Errorf("%q reads as %+v", text, p)
			}
		}
	})
}

// FuzzLocate: what reads as a located value is one, and is written the same.
func FuzzLocate(f *testing.F) {
	f.Add("sealed:1:0190@00000000-0000-4000-8000-00000000000a/name")
	f.Add("sealed:1:@@/")
	f.Add("sealed:1:x@{00000000-0000-4000-8000-00000000000a}/a/b")
	f.Add("sealed:1:x@urn:uuid:00000000-0000-4000-8000-00000000000A/")
	f.Fuzz(func(t *testing.T, text string) {
		p, ok := domain.Locate(text)
		if !ok {
			return
		}
		again, ok := domain.Locate(p.Located())
		if !ok || again != p {
			t.Errorf("%q reads as %+v, and that as %+v", text, p, again)
		}
	})
}

func TestRef(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := domain.Ref{Kind: rapid.StringMatching(`[a-z_/]{0,12}`).Draw(t, "kind"), ID: domaintest.IDs().Draw(t, "id")}
		text, err := r.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		var back domain.Ref
		if err := back.UnmarshalText(text); err != nil || back != r {
			t.Fatalf("%s reads as %+v, %v", text, back, err)
		}
	})
	for _, text := range []string{"", "board", "board/", "/", "board/not-a-uuid", "board-00000000-0000-4000-8000-00000000000a", "board/00000000-0000-4000-8000-00000000000g"} {
		var r domain.Ref
		if err := r.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q reads as %+v", text, r)
		}
	}
}

func TestRefusal(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err    error
		reason domain.Reason
		text   string
	}{
		{domain.Refuse(domain.Conflict, "tag %q exists", "a"), domain.Conflict, `tag "a" exists`},
		{domain.Bare(domain.NotFound), domain.NotFound, "not_found"},
		{domain.RefuseWith(domain.Forbidden, map[string]int{"a": 1}), domain.Forbidden, "map[a:1]"},
		{errors.Join(errors.New("more"), domain.Bare(domain.Invalid)), domain.Invalid, "more\ninvalid"},
		{errors.New("trouble"), "", "trouble"},
		{nil, "", ""},
	} {
		if got := domain.ReasonOf(c.err); got != c.reason {
			t.Errorf("%v: reason %q, want %q", c.err, got, c.reason)
		}
		if c.err != nil && c.err.Error() != c.text {
			t.Errorf("says %q, want %q", c.err, c.text)
		}
	}
}
