package httpapi

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
)

// TestBadInput: whatever is wrong with a request, it is told in the documented
// form, and neither the log nor any table holds a trace of it.
func TestBadInput(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	board := s.board()
	task := s.task(board, "x")
	s.must("POST", board+"/memory", `{"content":"x"}`)
	const nul = "Value error, text must not contain NUL"
	deep := strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000)
	newBoard := func(more string) string {
		return `{"name":"n","slug":"s","description":"d","board_type":"general"` + more + `}`
	}
	s.do("GET", board, "", "Authorization:") // makes the key of the day
	before := s.footprint()
	for name, c := range map[string]struct {
		method, path, body string
		status             int
		says               string // part of the body
		headers            []string
	}{
		"no JSON":                        {"POST", board + "/tasks", `{"title":`, 422, "json_invalid", nil},
		"two values":                     {"POST", board + "/tasks", `{"title":"x"} {}`, 422, "json_invalid", nil},
		"nothing":                        {"POST", board + "/tasks", ``, 422, "Field required", nil},
		"a list":                         {"POST", board + "/tasks", `[]`, 422, "model_attributes_type", nil},
		"null":                           {"POST", board + "/tasks", `null`, 422, "", nil},
		"very deep":                      {"POST", board + "/tasks", deep, 400, "There was an error parsing the body", nil},
		"deep in any JSON":               {"POST", v1 + "/boards", newBoard(`,"success_metrics":{"a":` + deep + `}`), 400, "There was an error parsing the body", nil},
		"a wrong type":                   {"POST", board + "/tasks", `{"title":7}`, 422, "string_type", nil},
		"a wrong type in a list":         {"POST", board + "/memory", `{"content":"x","tags":["a",7]}`, 422, `["body","tags",1]`, nil},
		"a null that is required":        {"POST", board + "/tasks", `{"title":null}`, 422, "string_type", nil},
		"a null for a title":             {"PATCH", task, `{"title":null}`, 422, "", nil},
		"a null for a status":            {"PATCH", task, `{"status":null}`, 422, "status is required", nil},
		"a null for a name":              {"POST", v1 + "/boards", `{"name":null,"slug":"s","description":"d"}`, 422, "string_type", nil},
		"an unknown status":              {"PATCH", task, `{"status":"todo"}`, 422, "literal_error", nil},
		"empty content":                  {"POST", board + "/memory", `{"content":""}`, 422, "string_too_short", nil},
		"an id that is none, of a board": {"GET", v1 + "/boards/not-a-uuid", ``, 404, "Not Found", nil},
		"an id that is none, of tasks":   {"POST", v1 + "/boards/%00/tasks", `{"title":"x"}`, 404, "Not Found", nil},
		"an id that is none, of a task":  {"PATCH", board + "/tasks/abc", `{"title":"x"}`, 422, "uuid_parsing", nil},
		"an id with a NUL":               {"DELETE", board + "/tasks/%00", ``, 422, "uuid_parsing", nil},
		"an id that is no text":          {"DELETE", board + "/tasks/%ff%fe", ``, 422, "uuid_parsing", nil},
		"a path that goes up":            {"DELETE", board + "/tasks/..%2f..", ``, 404, "Not Found", nil},
		"too large":                      {"POST", board + "/tasks", `{"title":"` + strings.Repeat("x", DefaultMaxBodyBytes) + `"}`, 413, "Request body exceeds 1048576 bytes.", nil},
		"undecodable bytes":              {"POST", board + "/tasks", "{\"title\":\"\xff\xfe\"}", 400, "", nil},
		"undecodable bytes in any JSON":  {"POST", v1 + "/boards", newBoard(",\"success_metrics\":{\"\xc3\x28\":1}"), 400, "", nil},
		"NUL in a title":                 {"POST", board + "/tasks", `{"title":"a\u0000b"}`, 422, nul, nil},
		"NUL in an optional text":        {"PATCH", task, `{"description":"\u0000"}`, 422, nul, nil},
		"NUL in a tag":                   {"POST", board + "/memory", `{"content":"x","tags":["\u0000"]}`, 422, nul, nil},
		"NUL in a source":                {"POST", board + "/memory", `{"content":"x","source":"\u0000"}`, 422, nul, nil},
		"NUL in a profile":               {"PATCH", v1 + "/users/me", `{"notes":"\u0000"}`, 422, nul, nil},
		"NUL in any JSON":                {"POST", v1 + "/boards", newBoard(`,"success_metrics":{"a":["\u0000"]}`), 422, nul, nil},
		"NUL in a name in any JSON":      {"POST", v1 + "/boards", newBoard(`,"success_metrics":{"a":{"\u0000":1}}`), 422, nul, nil},
		"a forged sealed value":          {"POST", v1 + "/boards", newBoard(`,"success_metrics":{"a":"\u0000sealed:1:00000000-0000-4000-8000-000000000001:AAAA@00000000-0000-4000-8000-000000000001/name"}`), 422, nul, nil},
		"a raw NUL":                      {"POST", board + "/tasks", "{\"title\":\"a\x00b\"}", 422, "json_invalid", nil},
		"half a surrogate pair":          {"POST", board + "/tasks", `{"title":"\ud800"}`, 422, "", nil},
		"half a pair in any JSON":        {"POST", v1 + "/boards", newBoard(`,"success_metrics":{"a":"\udc00"}`), 422, "", nil},
		"a number beyond all bounds":     {"POST", v1 + "/boards", newBoard(`,"success_metrics":{"a":1e999}`), 422, "finite_number", nil},
		"a count beyond all bounds":      {"POST", v1 + "/boards", newBoard(`,"max_agents":99999999999999999999999`), 422, "", nil},
		"a year with five digits":        {"POST", board + "/tasks", `{"title":"x","due_at":"9999-12-31T23:59:59-23:59"}`, 422, "datetime_parsing", nil},
		"a time that is none":            {"PATCH", task, `{"due_at":"tomorrow"}`, 422, "", nil},
		"metrics that are no object":     {"POST", v1 + "/boards", newBoard(`,"success_metrics":[]`), 422, "dict_type", nil},
		"an unknown gateway":             {"POST", v1 + "/boards", newBoard(`,"gateway_id":"00000000-0000-0000-0000-000000000005"`), 422, "gateway_id is invalid", nil},
		"a tag that is not there":        {"POST", board + "/tasks", `{"title":"x","tag_ids":["00000000-0000-0000-0000-000000000005"]}`, 404, "missing_tag_ids", nil},
		"a page of nothing":              {"GET", board + "/tasks?limit=0", ``, 422, "greater_than_equal", nil},
		"a page of no number":            {"GET", board + "/tasks?limit=%00", ``, 422, "int_parsing", nil},
		"an offset beyond all bounds":    {"GET", board + "/tasks?offset=99999999999999999999", ``, 422, "", nil},
		"a filter that is no text":       {"GET", board + "/tasks?status=%ff", ``, 422, "", nil},
		"a filter with a NUL":            {"GET", board + "/tasks?status=%00", ``, 422, nul, nil},
		"a filter that is no yes or no":  {"GET", board + "/memory?is_chat=perhaps", ``, 422, "bool_parsing", nil},
		"a hostile Idempotency-Key":      {"POST", board + "/tasks", `{"title":"x"}`, 422, "Idempotency-Key must be", []string{"Idempotency-Key: a b"}},
		"a long Idempotency-Key":         {"POST", board + "/tasks", `{"title":"x"}`, 422, "Idempotency-Key must be", []string{"Idempotency-Key: " + strings.Repeat("k", 256)}},
		"nobody":                         {"POST", board + "/tasks", `{"title":"x"}`, 401, "Unauthorized", []string{"Authorization:"}},
		"nobody with a wrong body":       {"POST", board + "/tasks", `{"title":7}`, 401, "Unauthorized", []string{"Authorization: Bearer x"}},
		"another scheme":                 {"POST", board + "/tasks", `{"title":"x"}`, 401, "Unauthorized", []string{"Authorization: Basic " + localToken}},
		"no such board":                  {"POST", v1 + "/boards/00000000-0000-0000-0000-000000000009/tasks", `{"title":"x"}`, 404, "Not Found", nil},
		"no such task":                   {"PATCH", board + "/tasks/00000000-0000-0000-0000-000000000009", `{"title":"x"}`, 404, "Not Found", nil},
		"no such method":                 {"PUT", task, `{}`, 405, "Method Not Allowed", nil},
	} {
		t.Run(name, func(t *testing.T) {
			a := s.do(c.method, c.path, c.body, c.headers...)
			if a.status != c.status || !strings.Contains(a.body, c.says) {
				t.Errorf("%d %.500s, want %d %s", a.status, a.body, c.status, c.says)
			}
			var e struct {
				Detail    jsontext.Value `json:"detail"`
				RequestID string         `json:"request_id"`
			}
			if err := json.Unmarshal([]byte(a.body), &e); err != nil || e.RequestID != a.header.Get("X-Request-Id") || e.Detail == nil {
				t.Errorf("not the form of an error: %.500s, %v", a.body, err)
			}
		})
	}
	t.Run("too large, in chunks", func(t *testing.T) {
		a := s.send("POST", board+"/tasks", io.MultiReader(strings.NewReader(`{"title":"`), strings.NewReader(strings.Repeat("x", DefaultMaxBodyBytes))))
		if a.status != 413 || !strings.Contains(a.body, `"Request body exceeds 1048576 bytes."`) {
			t.Errorf("%d %s", a.status, a.body)
		}
	})
	if diff := cmp.Diff(before, s.footprint()); diff != "" {
		t.Errorf("bad requests left traces (-before +after)\n%s", diff)
	}
	s.must("POST", board+"/tasks", `{"title":"good"}`)
	after := s.footprint()
	for _, table := range []string{"events", "tasks", "feed", "the head"} {
		if after[table] != before[table]+1 {
			t.Errorf("a good request is not seen in %s: the test shows nothing", table)
		}
	}
}

// TestLargeInput: what is large but allowed is stored, also where a table is
// indexed by it.
func TestLargeInput(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	board := s.board()
	var noise strings.Builder // does not compress, so that an index would have to hold it
	for i, state := 0, uint32(1); i < 100_000; i++ {
		state = state*1664525 + 1013904223
		noise.WriteByte("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"[state>>26])
	}
	long := noise.String()
	for name, c := range map[string]struct{ method, path, body, field string }{
		"a task":          {"POST", board + "/tasks", `{"title":"` + long + `","priority":"` + long + `","description":"` + long + `"}`, "title"},
		"a memory":        {"POST", board + "/memory", `{"content":"` + long + `","tags":["` + long + `"],"source":"` + long + `"}`, "content"},
		"a board":         {"POST", v1 + "/boards", `{"name":"` + long + `","slug":"` + long + `","description":"` + long + `","board_type":"` + long + `"}`, "name"},
		"an organization": {"POST", v1 + "/organizations", `{"name":"` + long + `"}`, "name"},
		"a profile":       {"PATCH", v1 + "/users/me", `{"preferred_name":"` + long + `"}`, "preferred_name"},
	} {
		t.Run(name, func(t *testing.T) {
			if a := s.do(c.method, c.path, c.body); a.status != 200 || a.text(t, c.field) != long {
				t.Errorf("%d %.300s", a.status, a.body)
			}
		})
	}
}

// TestHostileRequestID: it is replaced, never repeated.
func TestHostileRequestID(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	board := s.board()
	for _, id := range []string{"a b", strings.Repeat("x", 129), "caf\u00e9", "a\tb", "\u2028"} {
		a := s.must("POST", board+"/tasks", `{"title":"x"}`, "X-Request-Id: "+id)
		if got := a.header.Get("X-Request-Id"); got == id || len(got) != 32 {
			t.Errorf("%q is answered with %q", id, got)
		}
	}
	a := s.must("POST", board+"/tasks", `{"title":"x"}`, `X-Request-Id: "},"seq":1,{"a":"\`)
	if got := a.header.Get("X-Request-Id"); got != `"},"seq":1,{"a":"\` {
		t.Errorf("an odd id that harms nobody is answered with %q", got)
	}
	events, err := s.Store.Range(t.Context(), s.Store.Head()-1, s.Store.Head(), 1)
	if err != nil || len(events) != 1 || events[0].RequestID != `"},"seq":1,{"a":"\` {
		t.Errorf("the envelope holds %+v, %v", events, err)
	}
}

// TestHeadersOnEveryAnswer: whatever the status, the answer has an id and the
// security headers, and its body is JSON.
func TestHeadersOnEveryAnswer(t *testing.T) {
	t.Parallel()
	s := startServer(t, func(a *API) {
		a.Ready = nil // answers by panicking, as a bug would
	})
	board := s.board()
	for name, c := range map[string]struct {
		method, path, body string
		status             int
		headers            []string
	}{
		"200": {"GET", "/healthz", "", 200, nil},
		"400": {"POST", board + "/tasks", "\"\xff", 400, nil},
		"401": {"GET", v1 + "/users/me", "", 401, []string{"Authorization:"}},
		"403": {"GET", board, "", 403, []string{as("eve")}},
		"404": {"GET", "/nope", "", 404, nil},
		"405": {"DELETE", "/healthz", "", 405, nil},
		"413": {"POST", board + "/tasks", strings.Repeat(" ", DefaultMaxBodyBytes+1), 413, nil},
		"422": {"POST", board + "/tasks", "{}", 422, nil},
		"500": {"GET", "/readyz", "", 500, nil},
	} {
		t.Run(name, func(t *testing.T) {
			a := s.do(c.method, c.path, c.body, c.headers...)
			if a.status != c.status {
				t.Fatalf("%d %s", a.status, a.body)
			}
			sameEveryAnswer(t, a)
		})
	}
	t.Run("503", func(t *testing.T) {
		s := startServer(t)
		board := s.board()
		s.db.Close()
		a := s.do("GET", board+"/tasks", "")
		if a.status != 503 || a.header.Get("Retry-After") != "1" {
			t.Errorf("%d %s %v", a.status, a.body, a.header)
		}
		sameEveryAnswer(t, a)
	})
}

func sameEveryAnswer(t *testing.T, a answer) {
	t.Helper()
	for header, want := range map[string]string{
		"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY",
		"Referrer-Policy": "strict-origin-when-cross-origin", "Content-Type": "application/json",
	} {
		if got := a.header.Get(header); got != want {
			t.Errorf("%s: %q", header, got)
		}
	}
	if a.header.Get("X-Request-Id") == "" || !jsontext.Value(a.body).IsValid() {
		t.Errorf("%v %s", a.header, a.body)
	}
	if a.status >= http.StatusInternalServerError && strings.Contains(a.body, "goroutine") {
		t.Errorf("the answer tells too much: %s", a.body)
	}
}
