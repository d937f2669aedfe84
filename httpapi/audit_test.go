package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"missioncontrol/domain"
	"missioncontrol/domain/evidence"
	"missioncontrol/eventstore"
)

// evidence are the entries of the log that changed nothing, after a position.
func (s *server) evidence(after int64) (entries []*eventstore.Recorded) {
	s.t.Helper()
	for _, r := range s.since(after) {
		if r.Kind == "audit" {
			entries = append(entries, r)
		}
	}
	return entries
}

func (s *server) since(after int64) []*eventstore.Recorded {
	s.t.Helper()
	var head int64
	if err := s.db.QueryRow(s.t.Context(), `select seq from log_head`).Scan(&head); err != nil {
		s.t.Fatal(err)
	}
	if head == after {
		return nil
	}
	events, err := s.Store.Range(s.t.Context(), after, head, int(head-after))
	if err != nil {
		s.t.Fatal(err)
	}
	return events
}

func (s *server) opened(r *eventstore.Recorded, field, sealed string) string {
	s.t.Helper()
	text, err := s.Store.Vault().OpenValue(s.t.Context(), domain.Personal{Sealed: sealed, Event: r.ID, Field: field})
	if err != nil {
		s.t.Fatal(err)
	}
	return text
}

// TestRefusedCommand: a worker that may not do something finds itself in the
// log, by the id that its answer carries, before it reads that answer.
func TestRefusedCommand(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	board := s.board()
	task := s.task(board, "A task")
	agent := s.must("POST", v1+"/agents", `{"board_id":"`+board[len(board)-36:]+`","name":"Worker"}`).text(t, "id")
	token := s.must("POST", v1+"/agents/"+agent+"/tokens", "").text(t, "token")
	before := s.Store.Head()
	a := s.do("PATCH", task, `{"title":"Secret words"}`, "Authorization:", "X-Agent-Token: "+token)
	if a.status != http.StatusForbidden {
		t.Fatalf("%d %s", a.status, a.body)
	}
	found := s.evidence(before)
	if len(found) != 1 {
		t.Fatalf("%d entries", len(found))
	}
	r, refused := found[0], found[0].Event.(evidence.Refused)
	if r.Type != "command.refused" || r.Outcome != "denied" || r.RequestID != a.header.Get("X-Request-Id") || r.Actor.ID.String() != agent ||
		r.Org == uuid.Nil || r.Version != 1 || s.opened(r, "ip", r.IP) != "127.0.0.1" {
		t.Errorf("%+v", r)
	}
	if refused.Method != "PATCH" || refused.Route != v1+"/boards/{board_id}/tasks/{task_id}" || refused.Status != 403 || refused.Reason == "" ||
		strings.Contains(string(r.Body), "Secret") {
		t.Errorf("%s", r.Body)
	}
	want := []domain.Ref{{Kind: "board", ID: uuid.MustParse(board[len(board)-36:])}, {Kind: "task", ID: uuid.MustParse(task[len(task)-36:])}}
	if !slices.Equal(refused.Targets, want) || !slices.Equal(r.Refs[1:], want) {
		t.Errorf("about %v, %v", refused.Targets, r.Refs)
	}
	uses := slices.DeleteFunc(s.since(before), func(r *eventstore.Recorded) bool { return r.Type != "agent.token_first_used" })
	if len(uses) != 1 || uses[0].Actor.ID.String() != agent || uses[0].RequestID != a.header.Get("X-Request-Id") {
		t.Errorf("the first use of the token: %v", uses)
	}
	before = s.Store.Head()
	s.do("PATCH", task, `{}`, "Authorization:", "X-Agent-Token: "+token)
	if again := s.since(before); len(again) > 1 {
		t.Errorf("the second use left %d entries", len(again))
	}
}

// TestAgentAside: an agent that calls what is for people alone is named in the
// log, though its answer is that of a stranger.
func TestAgentAside(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	board := s.board()
	agent := s.must("POST", v1+"/agents", `{"board_id":"`+board[len(board)-36:]+`","name":"Worker"}`).text(t, "id")
	token := s.must("POST", v1+"/agents/"+agent+"/tokens", "").text(t, "token")
	before := s.Store.Head()
	a := s.do("POST", v1+"/boards", `{}`, "Authorization:", "X-Agent-Token: "+token)
	found := s.evidence(before)
	if a.status != http.StatusUnauthorized || len(found) != 1 || found[0].Type != "command.refused" || found[0].Actor.ID.String() != agent || found[0].Org == uuid.Nil {
		t.Errorf("%d: %+v", a.status, found)
	}
}

// TestWhatIsRecorded: refusals by right and by rule are, whoever meets them;
// faults of the input, what is nowhere, and successes are not.
func TestWhatIsRecorded(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	board := s.board()
	s.board(as("ada"))
	s.must("POST", v1+"/tags", `{"name":"Twice"}`)
	orgOf := func(headers ...string) string {
		return s.must("GET", v1+"/organizations/me", "", headers...).text(t, "id")
	}
	ours := orgOf()
	theirs := orgOf(as("ada"))
	for _, c := range []struct {
		what, method, path, body string
		headers                  []string
		status                   int
		org                      string // "": nothing is recorded
	}{
		{"a success", "GET", board, "", nil, 200, ""},
		{"a conflict", "POST", v1 + "/tags", `{"name":"Twice"}`, nil, 409, ours},
		{"a fault of the input", "POST", v1 + "/tags", `{"name":7}`, nil, 422, ""},
		{"no JSON", "POST", v1 + "/tags", `{`, nil, 422, ""},
		{"nothing there", "PATCH", v1 + "/tags/" + uuid.NewString(), `{"name":"x"}`, nil, 404, ""},
		{"no such route", "PATCH", v1 + "/nowhere", `{}`, nil, 404, ""},
		{"a read of another's board", "GET", board, "", []string{as("ada")}, 403, ours},
		{"a write to another's board", "PATCH", board, `{"name":"x"}`, []string{as("ada")}, 403, ours},
		{"a conflict elsewhere", "POST", v1 + "/boards/" + uuid.NewString() + "/tasks", `{"title":"x"}`, []string{as("ada")}, 404, ""},
		{"a right in the own organization", "GET", board + "/snapshot", "", []string{as("ada")}, 403, ours},
	} {
		before := s.Store.Head()
		a := s.do(c.method, c.path, c.body, c.headers...)
		found := s.evidence(before)
		switch {
		case a.status != c.status:
			t.Errorf("%s: %d %s", c.what, a.status, a.body)
		case c.org == "" && len(found) > 0, c.org != "" && len(found) != 1:
			t.Errorf("%s: %d entries", c.what, len(found))
		case c.org != "" && found[0].Org.String() != c.org:
			t.Errorf("%s: of %v, not %s (theirs is %s)", c.what, found[0].Org, c.org, theirs)
		}
	}
}

// TestFailedAuthentication: the first of a minute at once, the rest once it is
// over, all as entries of the system.
func TestFailedAuthentication(t *testing.T) {
	t.Parallel()
	n := startNode(t, nodeConfig{})
	before := n.Store.Head()
	n.clock.pass(n.Store.Now().Truncate(time.Minute).Add(time.Minute + 10*time.Second).Sub(n.Store.Now()))
	var ids []string
	for i := range 5 {
		a := n.do("GET", v1+"/boards", "", "Authorization: Bearer wrong-"+fmt.Sprint(i))
		if a.status != http.StatusUnauthorized {
			t.Fatalf("%d %s", a.status, a.body)
		}
		ids = append(ids, a.header.Get("X-Request-Id"))
	}
	found := n.evidence(before)
	if len(found) != 1 || found[0].Type != "authentication.failed" || found[0].RequestID != ids[0] || found[0].Outcome != "failed" ||
		found[0].Org != uuid.Nil || found[0].Actor.Type != domain.Anonymous || n.opened(found[0], "ip", found[0].IP) != "127.0.0.1" {
		t.Fatalf("%+v", found)
	}
	if strings.Contains(string(found[0].Entry), "wrong-") {
		t.Error("the token is in the log")
	}
	n.clock.pass(time.Minute)
	if err := n.Commands.Audit.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	rest := n.evidence(found[0].Seq)
	if len(rest) != 1 || rest[0].Type != "authentication.failed_many" {
		t.Fatalf("%+v", rest)
	}
	if m := rest[0].Event.(evidence.AuthenticationsFailed); m.Count != 4 || m.Addresses != 1 || !slices.Equal(m.RequestIDs, ids[1:]) ||
		n.opened(rest[0], "ip", rest[0].IP) != "127.0.0.1" {
		t.Errorf("%+v", m)
	}
}

// TestManyRefusals: the rest of a minute is told when it is over, or when the
// program ends.
func TestManyRefusals(t *testing.T) {
	t.Parallel()
	for what, end := range map[string]func(*node) error{
		"the minute is over": func(n *node) error { n.clock.pass(time.Minute); return n.Commands.Audit.Flush(n.t.Context()) },
		"the program ends":   func(n *node) error { return n.Commands.Audit.Close(n.t.Context()) },
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			n := startNode(t, nodeConfig{})
			n.must("POST", v1+"/tags", `{"name":"Twice"}`)
			n.clock.pass(n.Store.Now().Truncate(time.Minute).Add(time.Minute).Sub(n.Store.Now()))
			before := n.Store.Head()
			for range 40 {
				if a := n.do("POST", v1+"/tags", `{"name":"Twice"}`); a.status != http.StatusConflict {
					t.Fatalf("%d %s", a.status, a.body)
				}
			}
			if found := n.evidence(before); len(found) != 30 {
				t.Fatalf("%d entries", len(found))
			}
			before = n.Store.Head()
			if err := end(n); err != nil {
				t.Fatal(err)
			}
			found := n.evidence(before)
			if len(found) != 1 || found[0].Outcome != "denied" || found[0].Org == uuid.Nil {
				t.Fatalf("%+v", found)
			}
			if m := found[0].Event.(evidence.RefusedMany); m.Count != 10 || len(m.RequestIDs) != 10 || found[0].Actor.Type != domain.User {
				t.Errorf("%+v", m)
			}
		})
	}
}

// TestUnrecordedRefusal: what the log can not take is not answered.
func TestUnrecordedRefusal(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	s.must("POST", v1+"/tags", `{"name":"Twice"}`)
	if _, err := s.db.Exec(t.Context(), `alter table events add constraint closed check (type not like 'command.refused%' and type not like 'authentication.%') not valid`); err != nil {
		t.Fatal(err)
	}
	if a := s.do("POST", v1+"/tags", `{"name":"Twice"}`); a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "" {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := s.do("GET", v1+"/boards", "", "Authorization: Bearer wrong"); a.status != http.StatusUnauthorized {
		t.Errorf("%d %s", a.status, a.body)
	}
	if _, err := s.db.Exec(t.Context(), `alter table events drop constraint closed`); err != nil {
		t.Fatal(err)
	}
	before := s.Store.Head()
	if err := s.Commands.Audit.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	found := s.evidence(before)
	if len(found) != 1 || found[0].Type != "authentication.failed_many" {
		t.Errorf("%+v", found)
	}
}

// TestAuditedRead: a route that shows the log is in the log itself, once a
// caller and minute; who may not ask it is refused, no more.
func TestAuditedRead(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	s.board()
	transport := s.Transport
	transport.Translate, transport.Refusing, transport.Reading = s.translate, s.refusing, s.reading
	look := func(context.Context, struct{}) (bool, error) { return true, nil }
	h := transport.mount([]route{get("/look", s.admin(), look, auditedRead(), handledBy("look"))}, apiVocabulary())
	ask := func() int {
		w := &recorder{ResponseWriter: &nowhere{header: http.Header{}}}
		r, err := http.NewRequestWithContext(t.Context(), "GET", "/look", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+localToken)
		h.ServeHTTP(w, r)
		return w.status
	}
	s.must("GET", v1+"/users/me", "")
	before := s.Store.Head()
	begun := s.Store.Now().Truncate(time.Minute)
	for range 5 {
		if status := ask(); status != 200 {
			t.Fatal(status)
		}
	}
	most := 1 + int(s.Store.Now().Truncate(time.Minute).Sub(begun)/time.Minute)
	found := s.evidence(before)
	if len(found) == 0 || len(found) > most || found[0].Type != "audit.read" || found[0].Event.(evidence.Read).Route != "/look" || found[0].Org == uuid.Nil {
		t.Errorf("%+v", found)
	}
}

// nowhere is where answers go that nobody reads.
type nowhere struct{ header http.Header }

func (n *nowhere) Header() http.Header         { return n.header }
func (n *nowhere) Write(b []byte) (int, error) { return len(b), nil }
func (n *nowhere) WriteHeader(int)             {}
