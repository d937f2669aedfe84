package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"missioncontrol/eventstore"
	"missioncontrol/postgres/pgtest"
)

// together sends n requests at once, by turns to the servers, and returns the
// answers.
func together(t *testing.T, n int, method, path, body string, headers []string, servers ...*server) []answer {
	t.Helper()
	answers := make([]answer, n)
	var g sync.WaitGroup
	for i := range n {
		g.Go(func() {
			var err error
			if answers[i], err = servers[i%len(servers)].try(t.Context(), method, path, strings.NewReader(body), headers...); err != nil {
				t.Error(err)
			}
		})
	}
	g.Wait()
	return answers
}

func byStatus(answers []answer) map[int]int {
	counts := map[int]int{}
	for _, a := range answers {
		counts[a.status]++
	}
	return counts
}

// TestConcurrentDelete: of fifty who delete one task, one does; in one process
// and in two.
func TestConcurrentDelete(t *testing.T) {
	t.Parallel()
	url := pgtest.Clone(t)
	one := startServerOn(t, url)
	two := startServerOn(t, url)
	board := one.board()
	for round := range rounds(t, 10) {
		task := one.task(board, "x")
		servers := []*server{one, two}[:1+round%2]
		counts := byStatus(together(t, 50, "DELETE", task, "", nil, servers...))
		if counts[200] != 1 || counts[404] != 49 {
			t.Fatalf("round %d: %v", round, counts)
		}
	}
}

// TestIdempotencyKey: the same request a thousand times at once, through two
// processes: one event, and every answer the same.
func TestIdempotencyKey(t *testing.T) {
	t.Parallel()
	url := pgtest.Clone(t)
	one := startServerOn(t, url)
	board := one.board()
	two := startServerOn(t, url)
	key := []string{"Idempotency-Key: once"}
	before := one.footprint()
	answers := together(t, 1000, "POST", board+"/tasks", `{"title":"x"}`, key, one, two)
	first, replayed := answers[0].body, 0
	position := answers[0].header.Get("Log-Position")
	for _, a := range answers {
		if a.status != 200 || a.body != first || a.header.Get("Log-Position") != position {
			t.Fatalf("%d %s at %s; the first was %s at %s", a.status, a.body, a.header.Get("Log-Position"), first, position)
		}
		if a.header.Get("Idempotency-Replayed") == "true" {
			replayed++
		}
	}
	after := one.footprint()
	if replayed != 999 || after["events"] != before["events"]+1 || after["tasks"] != before["tasks"]+1 || after["idempotency"] != 1 {
		t.Errorf("%d were replayed; before %v, after %v", replayed, before, after)
	}
	if position != one.at(after["the head"]) {
		t.Errorf("Log-Position %s, the head is %d", position, after["the head"])
	}
	for name, c := range map[string]struct {
		method, path, body string
		status             int
		says               string
		headers            []string
	}{
		"another body":           {"POST", board + "/tasks", `{"title":"y"}`, 422, `"Idempotency-Key was used with another request."`, key},
		"the same body, spaced":  {"POST", board + "/tasks", `{"title": "x"}`, 422, `"Idempotency-Key was used with another request."`, key},
		"another path":           {"POST", board + "/memory", `{"content":"x"}`, 200, `"content":"x"`, key},
		"another caller":         {"POST", v1 + "/organizations", `{"name":"Eve's"}`, 200, `"name":"Eve's"`, append(key, as("eve"))},
		"a caller without right": {"POST", board + "/tasks", `{"title":"x"}`, 403, "No org access", append(key, as("eve"))},
		"a refusal":              {"PATCH", board + "/tasks/00000000-0000-4000-8000-000000000009", `{}`, 404, "Not Found", key},
	} {
		for range 2 {
			a := one.do(c.method, c.path, c.body, c.headers...)
			if a.status != c.status || !strings.Contains(a.body, c.says) {
				t.Errorf("%s: %d %s", name, a.status, a.body)
			}
		}
	}
	// A repeat on a read is no repeat, and a refusal is not stored.
	if n := one.footprint()["idempotency"]; n != 3 {
		t.Errorf("%d answers are stored, want 3", n)
	}
}

// TestRepeatOfEachMethod: whatever the method, the repeat is the first answer
// to the byte, and nothing more happens.
func TestRepeatOfEachMethod(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	board := s.board()
	task := s.task(board, "x")
	group := v1 + "/board-groups/" + s.must("POST", v1+"/board-groups", `{"name":"g","slug":""}`).text(t, "id")
	for _, c := range [][3]string{
		{"POST", board + "/memory", `{"content":"hi","tags":["chat"]}`},
		{"PATCH", task, `{"status":"in_progress"}`},
		{"PATCH", v1 + "/users/me", `{"preferred_name":"Ada"}`},
		{"PATCH", v1 + "/users/me", `{}`},
		{"DELETE", task, ``},
		{"DELETE", s.board(), ``},
		{"DELETE", group, ``},
	} {
		key := "Idempotency-Key: " + c[0] + c[2]
		key = strings.ReplaceAll(key, " {", "{")
		first := s.must(c[0], c[1], c[2], key)
		head := s.Store.Head()
		again := s.must(c[0], c[1], c[2], key)
		if again.body != first.body || again.header.Get("Idempotency-Replayed") != "true" || first.header.Get("Idempotency-Replayed") != "" {
			t.Errorf("%s %s: %s, then %s %v", c[0], c[1], first.body, again.body, again.header)
		}
		if s.Store.Head() != head {
			t.Errorf("%s %s: the repeat appended something", c[0], c[1])
		}
	}
	var clear int
	if err := s.db.QueryRow(t.Context(), `select count(*) from idempotency where position('Ada'::bytea in answer) > 0`).Scan(&clear); err != nil || clear > 0 {
		t.Errorf("%d stored answers are in clear, %v", clear, err)
	}
}

// TestLogPosition: a write tells where it stands, a read what it is sure to
// show, also in another process once that has got there.
func TestLogPosition(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	board := s.board()
	for i := range 3 {
		a := s.must("POST", board+"/tasks", `{"title":"x"}`)
		if got, want := a.header.Get("Log-Position"), s.at(s.Store.Head()); got != want {
			t.Errorf("a write stands at %s, want %s", got, want)
		}
		a = s.must("GET", board+"/tasks", "")
		if got, want := a.header.Get("Log-Position"), s.at(s.Store.Head()); got != want || a.value(t, "total") != float64(i+1) {
			t.Errorf("a read shows %s, want %s: %s", got, want, a.body)
		}
	}
	if a := s.do("GET", "/healthz", ""); a.header.Get("Log-Position") != "" {
		t.Error("a probe has a position")
	}
}

// TestStatements counts what a request asks of the database beside the append,
// with caches that are warm.
func TestStatements(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	board := s.board()
	task := s.task(board, "x")
	for name, c := range map[string]struct {
		method, path, body string
		most               int
		headers            []string
	}{
		"create a task":              {"POST", board + "/tasks", `{"title":"x"}`, 3, nil},
		"create a task with a key":   {"POST", board + "/tasks", `{"title":"x"}`, 3, []string{"Idempotency-Key: %d"}},
		"change a task":              {"PATCH", task, `{"title":"y"}`, 3, nil},
		"list tasks":                 {"GET", board + "/tasks", ``, 3, nil},
		"list boards":                {"GET", v1 + "/boards", ``, 3, nil},
		"list memory":                {"GET", board + "/memory", ``, 3, nil},
		"write into memory":          {"POST", board + "/memory", `{"content":"x"}`, 3, nil},
		"who am I":                   {"GET", v1 + "/users/me", ``, 1, nil},
		"nobody, whom nothing costs": {"GET", board + "/tasks", ``, 0, []string{"Authorization:"}},
	} {
		send := func(i int) {
			var headers []string
			for _, h := range c.headers {
				headers = append(headers, strings.ReplaceAll(h, "%d", fmt.Sprint(i)))
			}
			s.do(c.method, c.path, c.body, headers...)
		}
		send(0) // warm
		sent := s.sql.during(func() { send(1) })
		if len(sent) > c.most {
			t.Errorf("%s: %d statements, at most %d: %q", name, len(sent), c.most, sent)
		}
	}
}

// TestHotBoard: a crowd on one board does not get into each other's way.
func TestHotBoard(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	board := s.board()
	s.task(board, "warm")
	before := s.Store.Stats()
	answers := together(t, 400, "POST", board+"/tasks", `{"title":"x"}`, nil, s)
	if counts := byStatus(answers); counts[200] != 400 {
		t.Fatal(counts)
	}
	after := s.Store.Stats()
	if n := after.Conflicts - before.Conflicts; n != 0 {
		t.Errorf("%d decisions were made again", n)
	}
	seen := map[string]bool{}
	for _, a := range answers {
		seen[a.text(t, "id")] = true
	}
	listed := 0
	for offset := 0; offset < 600; offset += 200 {
		a := s.must("GET", fmt.Sprintf("%s/tasks?limit=200&offset=%d", board, offset), "")
		items, _ := a.value(t, "items").([]any)
		listed += len(items)
	}
	if len(seen) != 400 || listed != 401 {
		t.Errorf("%d different answers, %d listed", len(seen), listed)
	}
}

// TestCallerLeaves: whoever does not wait for the answer harms nobody, and
// what was begun is either done or not.
func TestCallerLeaves(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	board := s.board()
	task := s.task(board, "x")
	for i := range 40 {
		ctx, cancel := context.WithCancel(t.Context())
		var g sync.WaitGroup
		g.Go(func() {
			switch i % 3 {
			case 0:
				_, _ = s.try(ctx, "PATCH", v1+"/users/me", strings.NewReader(`{"notes":"x"}`))
			case 1:
				_, _ = s.try(ctx, "PATCH", task, strings.NewReader(`{"title":"y"}`))
			case 2:
				_, _ = s.try(ctx, "POST", board+"/tasks", strings.NewReader(`{"title":"y"}`))
			}
		})
		for range i * 50 {
			_ = eventstore.LeafHash(nil) // for a while that differs
		}
		cancel()
		g.Wait()
	}
	if a := s.do("PATCH", task, `{"title":"z"}`); a.status != http.StatusOK {
		t.Errorf("%d %s", a.status, a.body)
	}
}
