package httpapi

import (
	"crypto/sha256"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"missioncontrol/projections"
)

// secretsOf are what a person tells about itself. None of it is content.
func secretsOf(x *tenant, kind string) []string {
	return []string{
		x.email(kind), "Ysolde-" + x.person(kind), "xe-xem-" + kind, "Mars/Olympus-" + kind, "notes-quux-" + kind, "context-blorb-" + kind, "Given-" + kind,
	}
}

// tells fills a person's profile, and leaves traces of it wherever it can.
func (x *tenant) tells(t *testing.T, kind string) {
	t.Helper()
	s := secretsOf(x, kind)
	x.n.must("PATCH", v1+"/users/me", fmt.Sprintf(
		`{"preferred_name":"%s","pronouns":"%s","timezone":"%s","notes":"%s","context":"%s","name":"%s"}`, s[1], s[2], s[3], s[4], s[5], s[6]),
		x.as(kind)[0], "Idempotency-Key: profile", "User-Agent: agent-of-"+s[1])
}

// TestErasure: what a person told about itself is nowhere after its account was
// deleted, while the log stays as it was.
func TestErasure(t *testing.T) {
	t.Parallel()
	n := startNode(t, nodeConfig{level: slog.LevelDebug - 4})
	x, bystander := n.tenant("acme"), n.tenant("bystander")
	bystander.tells(t, "Ow")
	secrets := secretsOf(x, "Mw")
	memory := v1 + "/boards/" + x.board + "/memory"
	x.tells(t, "Mw")
	chat := x.must("Mw", "POST", memory, `{"content":"hello","tags":["chat"]}`)
	if chat.text(t, "source") != secrets[1] {
		t.Fatalf("the message is signed %s", chat.body)
	}
	x.must("Mw", "POST", v1+"/organizations", `{"name":"alone"}`)
	x.must("Mw", "POST", v1+"/boards", `{"name":"alone","slug":"a","description":"alone","board_type":"general"}`)
	alone := x.must("Mw", "GET", v1+"/organizations/me", "").text(t, "id")
	x.must("Mw", "POST", v1+"/organizations/me/invites", `{"invited_email":"friend@example.org"}`)
	// Others have answers about it, stored for repeats; and it is invited elsewhere.
	access := v1 + "/organizations/me/members/" + x.member["Mw"] + "/access"
	x.n.must("PUT", access, `{"all_boards_read":true}`, x.as("Ow")[0], "Idempotency-Key: access")
	invited := bystander.n.must("POST", v1+"/organizations/me/invites", `{"invited_email":"`+x.email("Mw")+`"}`, bystander.as("Ow")[0], "Idempotency-Key: invite")
	id := x.userOf(t, "Mw")
	before, leaves, file := n.dump(), n.leaves(t), n.relfilenode(t)
	others := bystander.everything()
	open := x.tail("Ow", "/boards/"+x.board+"/memory/stream?since=2020-01-01")
	open.until(t, secrets[1])
	logBefore := len(n.log.String())

	n.must("DELETE", v1+"/users/me", "", x.as("Mw")[0], "Idempotency-Key: bye")
	eventually(t, 10*time.Second, "the key is gone and its table rewritten", func() bool {
		var gone bool
		err := n.db.QueryRow(t.Context(), `select count(*) = 1 and bool_and(sealed is null) from person_keys where id = $1`, id).Scan(&gone)
		return err == nil && gone && n.relfilenode(t) != file
	})
	eventually(t, 10*time.Second, "the organization where it was alone is removed", func() bool {
		var left int
		err := n.db.QueryRow(t.Context(), `select (select count(*) from boards where organization_id = $1) + (select count(*) from members where organization_id = $1)
			+ (select count(*) from invites where organization_id = $1) + (select count(*) from organizations where id = $1)`, alone).Scan(&left)
		return err == nil && left == 0
	})
	n.nothingOf(t, secrets, id, chat.text(t, "id"), x, bystander, invited.text(t, "id"), logBefore)
	if again := n.leaves(t); again[:len(leaves)] != leaves {
		t.Error("the leaves of the log changed")
	}
	n.provenLeaves(t)
	if strings.Contains(before, secrets[1]) {
		t.Error("a profile stood in the clear before")
	}
	after := bystander.everything()
	if strings.ReplaceAll(after, `"erased"`, `"`+x.email("Mw")+`"`) != others && !sameButInvite(others, after, invited.text(t, "token")) {
		t.Errorf("another organization's data changed:\n%s\n%s", others, after)
	}
	if me := bystander.must("Ow", "GET", v1+"/users/me", ""); !strings.Contains(me.body, secretsOf(bystander, "Ow")[1]) {
		t.Errorf("another person's profile: %s", me.body)
	}
	n.sameAfterRebuild(t)
	t.Run("a login after that is a new person", func(t *testing.T) {
		me := x.must("Mw", "GET", v1+"/users/me", "")
		if me.text(t, "id") == id || me.value(t, "preferred_name") != nil {
			t.Errorf("%s", me.body)
		}
	})
}

// sameButInvite allows for the token of the person's invite, which is gone.
func sameButInvite(before, after, token string) bool {
	before = strings.ReplaceAll(before, `"`+token+`"`, `""`)
	return strings.Count(before, "\n") == strings.Count(after, "\n") && strings.Contains(after, `"invited_email":"erased"`)
}

func (n *node) nothingOf(t *testing.T, secrets []string, id, message string, x, bystander *tenant, invite string, logFrom int) {
	t.Helper()
	look := func(where, text string) {
		t.Helper()
		for _, secret := range secrets {
			if i := strings.Index(text, secret); i >= 0 {
				t.Errorf("%s shows %q: …%s…", where, secret, text[max(0, i-150):min(len(text), i+100)])
			}
		}
	}
	look("the database", n.dump())
	look("the log of the server", n.log.String())
	if len(n.log.String()) == logFrom {
		t.Error("the log shows nothing: the test would not see anything in it")
	}
	for _, y := range []*tenant{x, bystander} {
		look("what "+y.name+" reads", y.everything())
	}
	for _, query := range []string{"?since=2020-01-01", "?last_event_id=" + n.at(0)} {
		s := x.tail("Ow", "/boards/"+x.board+"/memory/stream"+query)
		s.until(t, message)
		look("a stream", s.text())
		if !strings.Contains(s.text(), `"source":"erased"`) {
			t.Errorf("the message does not read as erased:\n%s", s.text())
		}
	}
	list := x.must("Ow", "GET", v1+"/boards/"+x.board+"/memory", "")
	if !strings.Contains(list.body, `"source":"erased"`) {
		t.Errorf("the message does not read as erased: %s", list.body)
	}
	if pending := bystander.must("Ow", "GET", v1+"/organizations/me/invites", ""); !strings.Contains(pending.body, `"invited_email":"erased"`) {
		t.Errorf("its invite: %s", pending.body)
	}
	var keys, answers int
	err := n.db.QueryRow(t.Context(), `select (select count(*) from person_keys where id = any($1::uuid[]) and sealed is not null) + (select count(*) from secrets where id = $2),
		(select count(*) from idempotency where people && $1::uuid[])`, []string{id, invite}, invite).Scan(&keys, &answers)
	if err != nil || keys != 0 || answers != 0 {
		t.Errorf("%d keys and secrets, %d stored answers are left (%v)", keys, answers, err)
	}
	replay := bystander.n.do("POST", v1+"/organizations/me/invites", `{"invited_email":"`+x.email("Mw")+`"}`, bystander.as("Ow")[0], "Idempotency-Key: invite")
	if replay.header.Get("Idempotency-Replayed") != "" {
		t.Errorf("the answer about it is repeated: %s", replay.body)
	}
}

// leaves are the hashes of all events, in order.
func (n *node) leaves(t *testing.T) string {
	t.Helper()
	var all string
	if err := n.db.QueryRow(t.Context(), `select string_agg(encode(leaf, 'hex'), '' order by seq) from events`).Scan(&all); err != nil {
		t.Fatal(err)
	}
	return all
}

// provenLeaves hashes every entry again.
func (n *node) provenLeaves(t *testing.T) {
	t.Helper()
	rows, err := n.db.Query(t.Context(), `select leaf, entry from events order by seq`)
	if err != nil {
		t.Fatal(err)
	}
	var leaf, entry []byte
	count := 0
	if _, err := pgx.ForEachRow(rows, []any{&leaf, &entry}, func() error {
		count++
		if sum := sha256.Sum256(append([]byte{0}, entry...)); string(sum[:]) != string(leaf) {
			t.Errorf("the leaf of event %d does not match", count)
		}
		return nil
	}); err != nil || count == 0 {
		t.Errorf("%d events: %v", count, err)
	}
}

func (n *node) relfilenode(t *testing.T) (id int64) {
	t.Helper()
	if err := n.db.QueryRow(t.Context(), `select relfilenode::bigint from pg_class where relname = 'person_keys'`).Scan(&id); err != nil {
		t.Fatal(err)
	}
	return id
}

// sameAfterRebuild derives the read models again and compares.
func (n *node) sameAfterRebuild(t *testing.T) {
	t.Helper()
	live := n.readModels(t)
	if err := (&projections.Rebuild{Reader: n.Read, Frames: true}).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	rebuilt := n.readModels(t)
	for name, rows := range live {
		if rebuilt[name] != rows {
			t.Errorf("%s is otherwise after a rebuild:\n%s\n%s", name, rows, rebuilt[name])
		}
	}
}

func (n *node) readModels(t *testing.T) map[string]string {
	t.Helper()
	tables := map[string]string{}
	for _, name := range []string{"users", "organizations", "members", "invites", "boards", "agents", "tasks", "board_memory", "feed"} {
		var rows *string
		if err := n.db.QueryRow(t.Context(), "select string_agg(r::text, E'\n' order by r::text) from "+name+" r").Scan(&rows); err != nil {
			t.Fatal(err)
		}
		if rows != nil {
			tables[name] = *rows
		}
	}
	return tables
}

// TestErasureInOtherProcesses: a process that has opened somebody's values
// before opens them no more, wherever the account was deleted.
func TestErasureInOtherProcesses(t *testing.T) {
	t.Parallel()
	first, second := twoNodes(t, true)
	x := first.tenant("acme")
	x.tells(t, "Mr")
	invited := x.must("Ow", "POST", v1+"/organizations/me/invites", `{"invited_email":"old@example.org"}`)
	sameHead(t, first, second)
	y := x.on(second)
	if list := y.must("Ow", "GET", v1+"/organizations/me/members", ""); !strings.Contains(list.body, x.email("Mr")) {
		t.Fatal(list.body)
	}
	id := x.userOf(t, "Mr")
	x.must("Mr", "DELETE", v1+"/users/me", "")
	sameHead(t, first, second)
	for _, read := range []*tenant{x, y} {
		if list := read.must("Ow", "GET", v1+"/organizations/me/members", ""); strings.Contains(list.body, x.email("Mr")) || strings.Contains(list.body, id) {
			t.Errorf("%s", list.body)
		}
	}
	if list := y.must("Ow", "GET", v1+"/organizations/me/invites", ""); !strings.Contains(list.body, invited.text(t, "id")) {
		t.Errorf("%s", list.body)
	}
}

// TestErasedWhileActing: a person whose account ends while it does something
// gets a refusal, and makes nothing that would be nobody's.
func TestErasedWhileActing(t *testing.T) {
	t.Parallel()
	n := startNode(t, nodeConfig{})
	for round := range rounds(t, 15) {
		who := fmt.Sprint("racer", round)
		id := n.must("GET", v1+"/users/me", "", as(who)).text(t, "id")
		type call struct{ method, path, body string }
		calls := []call{
			{"DELETE", "/users/me", ""},
			{"PATCH", "/users/me", `{"notes":"n"}`},
			{"POST", "/organizations", `{"name":"` + uuid.NewString() + `"}`},
			{"POST", "/boards", `{"name":"b","slug":"b","description":"d","board_type":"general"}`},
		}
		answers := make(chan string, len(calls))
		for _, c := range calls {
			go func() {
				got, err := n.try(t.Context(), c.method, v1+c.path, strings.NewReader(c.body), as(who))
				answers <- fmt.Sprintf("%s %s: %d %s %v", c.method, c.path, got.status, got.body, err)
			}()
		}
		for range calls {
			if text := <-answers; strings.Contains(text, ": 500 ") {
				t.Errorf("round %d: %s", round, text)
			}
		}
		var orphans int
		err := n.db.QueryRow(t.Context(), `select count(*) from members m where user_id = $1 and not exists (select 1 from users u where u.id = m.user_id)`, id).Scan(&orphans)
		if err != nil || orphans != 0 {
			t.Errorf("round %d: %d memberships of nobody (%v)", round, orphans, err)
		}
	}
}
