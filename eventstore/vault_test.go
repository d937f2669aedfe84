package eventstore

import (
	"context"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"missioncontrol/domain"
	"missioncontrol/postgres/pgtest"
)

func testVault(t *testing.T, first byte) *Vault {
	t.Helper()
	key := make([]byte, InstallationKeySize)
	key[0] = first
	v, err := NewVault(pgtest.Pool(t), key)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func sealOne(t *testing.T, v *Vault, text string) domain.Personal {
	t.Helper()
	owner, event := uuid.New(), uuid.New()
	if err := v.Ensure(t.Context(), owner); err != nil {
		t.Fatal(err)
	}
	sealed, err := v.seal(owner, event, "name", text)
	if err != nil {
		t.Fatal(err)
	}
	return domain.Personal{Owner: owner, Sealed: sealed, Event: event, Field: "name"}
}

func TestVault(t *testing.T) {
	t.Parallel()
	v := testVault(t, 1)
	open := func(p domain.Personal) string {
		t.Helper()
		text, err := v.Open(t.Context(), p.Located())
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	for _, text := range []string{"", "Ada", "名前 😀", strings.Repeat("x", 1<<16), Erased, "sealed:1:x@y/z"} {
		p := sealOne(t, v, text)
		if (text == "Ada" && strings.Contains(p.Sealed, text)) || !strings.HasPrefix(p.Sealed, "sealed:1:"+p.Owner.String()+":") {
			t.Errorf("%q is sealed as %s", text, p.Sealed)
		}
		if got := open(p); got != text {
			t.Errorf("%q opens as %q", text, got)
		}
	}
	p := sealOne(t, v, "Ada")
	if again, _ := v.seal(p.Owner, p.Event, p.Field, "Ada"); again == p.Sealed {
		t.Error("the same text is sealed the same: nonces repeat")
	}
	other := sealOne(t, v, "Bob")
	for name, edit := range map[string]func(p *domain.Personal){
		"another event": func(p *domain.Personal) { p.Event = uuid.New() },
		"another field": func(p *domain.Personal) { p.Field = "email" },
		"another owner": func(p *domain.Personal) {
			p.Sealed = strings.Replace(p.Sealed, p.Owner.String(), other.Owner.String(), 1)
		},
		"nobody's key":       func(p *domain.Personal) { p.Sealed = strings.Replace(p.Sealed, p.Owner.String(), uuid.NewString(), 1) },
		"no key id":          func(p *domain.Personal) { p.Sealed = "sealed:1:x" },
		"cut short":          func(p *domain.Personal) { p.Sealed = p.Sealed[:len(p.Sealed)-8] },
		"no base64":          func(p *domain.Personal) { p.Sealed += "!" },
		"shorter than nonce": func(p *domain.Personal) { p.Sealed = "sealed:1:" + p.Owner.String() + ":AAAA" },
	} {
		changed := p
		edit(&changed)
		if got := open(changed); got != Erased {
			t.Errorf("%s: opens as %q", name, got)
		}
	}
	for _, text := range []string{"", "plain", "sealed:1:" + p.Owner.String() + ":AAAA"} {
		if got, err := v.Open(t.Context(), text); err != nil || got != text {
			t.Errorf("%q opens as %q, %v", text, got, err)
		}
	}
	t.Run("another process opens it too", func(t *testing.T) {
		if got, err := testVault(t, 1).Open(t.Context(), p.Located()); err != nil || got != "Ada" {
			t.Errorf("%q, %v", got, err)
		}
	})
	t.Run("another installation key is named", func(t *testing.T) {
		if _, err := testVault(t, 2).Open(t.Context(), p.Located()); err == nil || !strings.Contains(err.Error(), "INSTALLATION_KEY") {
			t.Errorf("says %v", err)
		}
		if err := testVault(t, 2).Ensure(t.Context(), p.Owner); err == nil || !strings.Contains(err.Error(), "INSTALLATION_KEY") {
			t.Errorf("says %v", err)
		}
	})
	t.Run("a forgotten person is erased and gets no new key", func(t *testing.T) {
		v.Forget(p.Owner)
		if got := open(p); got != Erased {
			t.Errorf("opens as %q", got)
		}
		if _, err := v.seal(p.Owner, p.Event, "name", "x"); err == nil {
			t.Error("something was sealed")
		}
		if err := v.Ensure(t.Context(), p.Owner); err == nil {
			t.Error("a key was made")
		}
	})
	t.Run("a tombstone stays one", func(t *testing.T) {
		q := sealOne(t, v, "Eve")
		if _, err := pgtest.Pool(t).Exec(t.Context(), "update person_keys set sealed = null where id = $1", q.Owner); err != nil {
			t.Fatal(err)
		}
		fresh := testVault(t, 1)
		if err := fresh.Ensure(t.Context(), q.Owner); err == nil {
			t.Error("a key was made again")
		}
		if got, err := fresh.Open(t.Context(), q.Located()); err != nil || got != Erased {
			t.Errorf("opens as %q, %v", got, err)
		}
	})
	if _, err := NewVault(nil, make([]byte, 31)); err == nil || !strings.Contains(err.Error(), "31") {
		t.Errorf("a short key: %v", err)
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	v := testVault(t, 1)
	if string(v.Find("email", "a")) != string(testVault(t, 1).Find("email", "a")) {
		t.Error("two processes do not agree")
	}
	seen := map[string]bool{string(v.Find("email", "a")): true}
	for _, h := range [][]byte{v.Find("email", "b"), v.Find("identity", "a"), v.Find("emaila", ""), testVault(t, 2).Find("email", "a")} {
		if seen[string(h)] {
			t.Error("two different values share a hash")
		}
		seen[string(h)] = true
	}
}

func TestDayKey(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 21, 23, 59, 59, 0, time.UTC)
	if DayKey(at) != DayKey(at.In(time.FixedZone("", 3600))) || DayKey(at) == DayKey(at.Add(time.Second)) {
		t.Error("a key is for a UTC day")
	}
}

// OpenJSON opens what is marked and nothing else.
func TestOpenJSON(t *testing.T) {
	t.Parallel()
	v := testVault(t, 1)
	ada, quote := sealOne(t, v, "Ada"), sealOne(t, v, "a \"quote\"\n\\ \x01 </b>")
	gone := ada
	gone.Event = uuid.New()
	mark := func(p domain.Personal) string { return `"\u0000` + p.Located() + `"` }
	for in, want := range map[string]string{
		``:                        ``,
		`{"a":"x"}`:               `{"a":"x"}`,
		`{"n":` + mark(ada) + `}`: `{"n":"Ada"}`,
		`[` + mark(ada) + `,` + mark(quote) + `,` + mark(gone) + `]`: `["Ada","a \"quote\"\n\\ \u0001 </b>","erased"]`,
		mark(ada):                             `"Ada"`,
		`{"content":"` + ada.Located() + `"}`: `{"content":"` + ada.Located() + `"}`,
		`{"content":"say \"\\u0000` + ada.Located() + `\" "}`: `{"content":"say \"\\u0000` + ada.Located() + `\" "}`,
		`"\u0000sealed:1:x"`:   `"sealed:1:x"`,
		`"\u0000sealed:1:open`: `"\u0000sealed:1:open`,
	} {
		got, err := v.OpenJSON(t.Context(), []byte(in))
		if err != nil || string(got) != want {
			t.Errorf("%s\n got %s, %v\nwant %s", in, got, err, want)
		}
	}
}

func TestStoredAnswers(t *testing.T) {
	t.Parallel()
	v, scope := testVault(t, 1), Hash{1}
	sealed := v.sealAnswer(scope, []byte("answer"))
	if got, err := v.openAnswer(scope, sealed); err != nil || string(got) != "answer" {
		t.Errorf("%s, %v", got, err)
	}
	if _, err := v.openAnswer(Hash{2}, sealed); err == nil {
		t.Error("an answer opens for another request")
	}
	if _, err := testVault(t, 2).openAnswer(scope, sealed); err == nil || !strings.Contains(err.Error(), "INSTALLATION_KEY") {
		t.Errorf("another key: %v", err)
	}
}

func TestEraseOldDays(t *testing.T) {
	t.Parallel()
	v := testVault(t, 1)
	today := time.Date(1990, 5, 1, 12, 0, 0, 0, time.UTC) // no other test seals then
	kept := map[int]bool{0: true, addressDays: true, addressDays + 1: false, addressDays + 40: false}
	for age := range kept {
		if err := v.Ensure(t.Context(), DayKey(today.AddDate(0, 0, -age))); err != nil {
			t.Fatal(err)
		}
	}
	if err := v.EraseOldDays(t.Context(), today); err != nil {
		t.Fatal(err)
	}
	other := testVault(t, 1) // with nothing in memory
	for age, want := range kept {
		key, err := other.key(t.Context(), DayKey(today.AddDate(0, 0, -age)))
		if err != nil || (key != nil) != want {
			t.Errorf("the key of %d days ago is there: %t, want %t (%v)", age, key != nil, want, err)
		}
	}
}

// Postgres only warns a role that may not rewrite the keys.
func TestEraseByAnother(t *testing.T) {
	t.Parallel()
	u, err := url.Parse(pgtest.Clone(t))
	if err != nil {
		t.Fatal(err)
	}
	owner, role := pgtest.Connect(t, u.String()), "eraser_"+u.Path[1:]
	run := func(sql string) {
		if _, err := owner.Exec(context.WithoutCancel(t.Context()), strings.ReplaceAll(sql, "ROLE", role)); err != nil {
			t.Error(err)
		}
	}
	run("create role ROLE login; grant select, insert, update on person_keys to ROLE")
	t.Cleanup(func() { run("reassign owned by ROLE to missioncontrol; drop owned by ROLE; drop role ROLE") })
	u.User = url.User(role)
	v, err := NewVault(pgtest.Connect(t, u.String()), make([]byte, InstallationKeySize))
	if err != nil {
		t.Fatal(err)
	}
	if err := v.Erase(t.Context(), uuid.New()); err == nil || !strings.Contains(err.Error(), "own that table") {
		t.Errorf("got %v", err)
	}
	run("alter table person_keys owner to ROLE")
	if err := v.Erase(t.Context(), uuid.New()); err != nil {
		t.Error(err)
	}
}
