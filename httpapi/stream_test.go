package httpapi

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"
)

// A feed reads one open stream.
type feed struct {
	t     testing.TB
	lines *bufio.Reader
	*http.Response
}

// message is one message of a stream: what stands between two blank lines.
type message struct{ id, event, data, comment string }

// follow opens a stream. It ends with the test, or after ten seconds.
func (s *server) follow(path string, headers ...string) *feed {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 10*time.Second)
	request, err := http.NewRequestWithContext(ctx, "GET", s.url+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+localToken)
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		request.Header.Set(name, value)
	}
	response, err := s.http.Do(request)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { cancel(); _ = response.Body.Close() })
	f := &feed{s.t, bufio.NewReader(response.Body), response}
	if response.StatusCode != 200 || !strings.HasPrefix(response.Header.Get("Content-Type"), "text/event-stream") {
		s.t.Fatalf("GET %s: %d %v", path, response.StatusCode, response.Header)
	}
	return f
}

// next reads one message.
func (f *feed) next() (m message) {
	f.t.Helper()
	for {
		line, err := f.lines.ReadString('\n')
		if err != nil {
			f.t.Fatalf("the stream ended within %+v: %v", m, err)
		}
		line = strings.TrimRight(line, "\r\n")
		name, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case line == "":
			return m
		case name == "":
			m.comment = value
		case name == "id":
			m.id = value
		case name == "event":
			m.event = value
		case name == "data":
			m.data = value
		}
	}
}

// frame is the next message that has data.
func (f *feed) frame() message {
	f.t.Helper()
	for {
		if m := f.next(); m.data != "" {
			return m
		}
	}
}

// value is the member of a frame's JSON at a path.
func (m message) value(t testing.TB, path string) any {
	t.Helper()
	return answer{body: m.data}.value(t, path)
}

func TestLiveStream(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	board, other := s.board(), s.board()
	f := s.follow(board + "/tasks/stream")
	for header, want := range map[string]string{"Cache-Control": "no-store", "X-Accel-Buffering": "no", "X-Frame-Options": "DENY"} {
		if got := f.Header.Get(header); got != want {
			t.Errorf("%s: %q", header, got)
		}
	}
	if m := f.next(); m.comment == "" || m.data != "" {
		t.Errorf("it opens with %+v", m)
	}
	s.task(other, "elsewhere")
	made := s.must("POST", board+"/tasks", `{"title":"Set up \u2028 CI"}`)
	task := board + "/tasks/" + made.text(t, "id")

	m := f.frame()
	if m.event != "task" || m.id != made.header.Get("Log-Position") {
		t.Errorf("%+v, the write stands at %s", m, made.header.Get("Log-Position"))
	}
	var frame struct {
		Type     string         `json:"type"`
		Activity map[string]any `json:"activity"`
		Task     map[string]any `json:"task"`
	}
	if err := json.Unmarshal([]byte(m.data), &frame); err != nil {
		t.Fatal(err)
	}
	shown, _ := json.Marshal(frame.Task, json.Deterministic(true))
	var answered map[string]any
	if err := json.Unmarshal([]byte(made.body), &answered); err != nil {
		t.Fatal(err)
	}
	want, _ := json.Marshal(answered, json.Deterministic(true))
	if string(shown) != string(want) {
		t.Errorf("the frame shows another task than the answer:\n%s\n%s", shown, want)
	}
	if frame.Type != "task.created" || frame.Activity["event_type"] != "task.created" || frame.Activity["task_id"] != made.text(t, "id") ||
		frame.Activity["message"] != "Task created: Set up \u2028 CI." || frame.Activity["agent_id"] != nil || len(frame.Activity) != 6 {
		t.Errorf("%s", m.data)
	}
	for _, c := range [][2]string{
		{`{}`, "task.updated Task updated: Set up \u2028 CI."},
		{`{"title":"CI"}`, "task.updated Task updated: CI."},
		{`{"status":"in_progress"}`, "task.status_changed Task moved to in_progress: CI."},
		{`{"status":"in_progress"}`, "task.updated Task updated: CI."},
	} {
		s.must("PATCH", task, c[0])
		m := f.frame()
		if got := fmt.Sprint(m.value(t, "type"), " ", m.value(t, "activity/message")); got != c[1] {
			t.Errorf("%s shows %q, want %q", c[0], got, c[1])
		}
	}
	s.must("DELETE", task, "")
	gone := f.frame()
	var members map[string]any
	if err := json.Unmarshal([]byte(gone.data), &members); err != nil {
		t.Fatal(err)
	}
	if _, has := members["task"]; has || members["type"] != "task.deleted" || members["task_id"] != made.text(t, "id") || members["activity"] == nil || len(members) != 3 {
		t.Errorf("a deletion is %s", gone.data)
	}
}

// TestResume: from any id, each later frame comes once and in order, across
// the seam between what is stored and what is live.
func TestResume(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	board, other := s.board(), s.board()
	ids := []string{s.at(s.Store.Head())}
	for i := range 12 {
		s.task(other, "noise")
		ids = append(ids, s.must("POST", board+"/tasks", fmt.Sprintf(`{"title":"%d"}`, i)).header.Get("Log-Position"))
	}
	for from, id := range ids {
		for _, f := range []*feed{
			s.follow(board+"/tasks/stream", "Last-Event-ID: "+id),
			s.follow(board + "/tasks/stream?last_event_id=" + id + "&since=2001-01-01"),
		} {
			for _, want := range ids[from+1:] {
				if m := f.frame(); m.id != want {
					t.Fatalf("after %s comes %s, want %s", id, m.id, want)
				}
			}
			last := s.must("POST", board+"/tasks", `{"title":"live"}`).header.Get("Log-Position")
			ids = append(ids, last)
			if m := f.frame(); m.id != last {
				t.Fatalf("live comes %s, want %s", m.id, last)
			}
			_ = f.Body.Close()
		}
		if len(ids) > 30 {
			break
		}
	}
}

// TestReset: an id that stands for nothing here is told so, and the stream
// goes on from now.
func TestReset(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	board := s.board()
	s.task(board, "old")
	for id, reason := range map[string]string{
		"nonsense":                     "malformed",
		"7":                            "malformed",
		s.Store.Epoch().String() + "-": "malformed",
		strings.ToUpper(s.Store.Epoch().String()) + "-1": "malformed",
		s.at(0) + "0":                       "malformed",
		s.at(1) + "99999999999999999999999": "malformed",
		uuid.NewString() + "-1":             "epoch",
	} {
		f := s.follow(board+"/tasks/stream", "Last-Event-ID: "+id)
		m := f.frame()
		if m.event != "reset" || m.data != `{"reason":"`+reason+`"}` || m.id != s.at(s.Store.Head()) {
			t.Errorf("%s: %+v, want %s", id, m, reason)
		}
		made := s.must("POST", board+"/tasks", `{"title":"live"}`).header.Get("Log-Position")
		if m := f.frame(); m.id != made {
			t.Errorf("after the reset comes %+v", m)
		}
	}
	f := s.follow(board+"/tasks/stream", "Last-Event-ID: "+s.at(s.Store.Head()+100))
	if m := f.frame(); m.event != "reset" || m.data != `{"reason":"future"}` {
		t.Errorf("an id of the future: %+v", m)
	}
}

// TestSince: what was recorded at or after a time is shown again, but for what
// is gone; nothing given means from now.
func TestSince(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	board := s.board()
	var ids, times []string
	for i := range 6 {
		a := s.must("POST", board+"/tasks", fmt.Sprintf(`{"title":"%d"}`, i))
		ids = append(ids, a.header.Get("Log-Position"))
		times = append(times, a.text(t, "created_at"))
		if i == 2 {
			s.must("DELETE", board+"/tasks/"+a.text(t, "id"), "")
		}
	}
	live := func(t *testing.T, f *feed) {
		t.Helper()
		s.must("POST", board+"/memory", `{"content":"x"}`) // not on this stream
		last := s.must("POST", board+"/tasks", `{"title":"live"}`)
		m := f.frame()
		if m.id != last.header.Get("Log-Position") {
			t.Errorf("next comes %s, want %s", m.id, last.header.Get("Log-Position"))
		}
		s.must("DELETE", board+"/tasks/"+last.text(t, "id"), "")
	}
	for name, c := range map[string]struct {
		since string
		want  []string
	}{
		"a time, inclusive":         {times[3], ids[3:]},
		"a time with Z":             {times[3] + "Z", ids[3:]},
		"a time with an offset":     {times[3] + "+00:00", ids[3:]},
		"before everything":         {"2001-01-01T00:00:00", []string{ids[0], ids[1], ids[3], ids[4], ids[5]}},
		"after everything":          {"2999-01-01", nil},
		"nothing":                   {"", nil},
		"a null that was spelt out": {"null", nil},
		"blanks":                    {"  ", nil},
	} {
		t.Run(name, func(t *testing.T) {
			f := s.follow(board + "/tasks/stream?since=" + url.QueryEscape(c.since))
			for _, want := range c.want {
				if m := f.frame(); m.id != want {
					t.Fatalf("shows %s, want %s", m.id, want)
				}
			}
			live(t, f)
		})
	}
	for _, garbage := range []string{"yesterday", "2026-13-01", "%ff", "NaN", "1e9", strings.Repeat("9", 3000), "%"} {
		f := s.follow(board + "/tasks/stream?since=" + garbage)
		if m := f.next(); m.comment != "since not understood, starting now" {
			t.Errorf("since=%.20s opens with %+v", garbage, m)
		}
		live(t, f)
	}
}

// TestMemoryStream: chat, notes or both; a chat message carries its author's
// preferred name, opened for readers and sealed where it is stored.
func TestMemoryStream(t *testing.T) {
	t.Parallel()
	const name = "Ada \"the\" Countess"
	s := startServer(t)
	board := s.board()
	s.must("PATCH", v1+"/users/me", `{"preferred_name":`+string(quoted(name))+`}`)
	both, chat, notes := s.follow(board+"/memory/stream"), s.follow(board+"/memory/stream?is_chat=true"), s.follow(board+"/memory/stream?is_chat=0")

	note := s.must("POST", board+"/memory", `{"content":"a note","tags":["a"]}`)
	hello := s.must("POST", board+"/memory", `{"content":"hello","tags":["chat"]}`)
	if note.value(t, "source") != nil || hello.value(t, "source") != name || hello.value(t, "is_chat") != true {
		t.Errorf("answers %s, %s", note.body, hello.body)
	}
	first, second := both.frame(), both.frame()
	if first.event != "memory" || first.value(t, "memory/content") != "a note" || second.value(t, "memory/source") != name {
		t.Errorf("both: %+v, %+v", first, second)
	}
	if m := chat.frame(); m.value(t, "memory/content") != "hello" || m.value(t, "memory/source") != name {
		t.Errorf("chat: %+v", m)
	}
	if m := notes.frame(); m.value(t, "memory/content") != "a note" {
		t.Errorf("notes: %+v", m)
	}
	if m := s.follow(board+"/memory/stream", "Last-Event-ID: "+note.header.Get("Log-Position")).frame(); m.value(t, "memory/source") != name {
		t.Errorf("a resume shows %+v", m)
	}
	if m := s.follow(board + "/memory/stream?is_chat=true&since=2001-01-01").frame(); m.value(t, "memory/source") != name {
		t.Errorf("a replay shows %+v", m)
	}
	if a := s.must("GET", board+"/memory?is_chat=true", ""); a.value(t, "items/0/source") != name || a.value(t, "total") != 1.0 {
		t.Errorf("the list shows %s", a.body)
	}
	var sealed int
	if err := s.db.QueryRow(t.Context(), `select count(*) from board_memory where source is null and source_name like 'sealed:1:%'`).Scan(&sealed); err != nil || sealed != 1 {
		t.Errorf("%d names are stored sealed, %v", sealed, err)
	}
	var clear int
	if err := s.db.QueryRow(t.Context(), `select (select count(*) from feed where position('Countess'::bytea in payload) > 0) +
		(select count(*) from events where position('Countess'::bytea in entry) > 0)`).Scan(&clear); err != nil || clear > 0 {
		t.Errorf("the name stands in clear %d times, %v", clear, err)
	}
	// Once the person's key is gone the name is, everywhere.
	me, err := uuid.Parse(s.must("GET", v1+"/users/me", "").text(t, "id"))
	if err != nil {
		t.Fatal(err)
	}
	s.Store.Vault().Forget(me)
	if a := s.must("GET", board+"/memory?is_chat=true", ""); a.value(t, "items/0/source") != "erased" {
		t.Errorf("after the key is gone the list shows %s", a.body)
	}
}

// TestStreamRefusals: what keeps a caller from a stream is an ordinary answer.
func TestStreamRefusals(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	board := s.board()
	for _, c := range []struct {
		path   string
		status int
		header string
	}{
		{board + "/tasks/stream", 401, "Authorization:"},
		{board + "/tasks/stream", 403, as("eve")},
		{v1 + "/boards/x/tasks/stream", 404, ""},
		{v1 + "/boards/00000000-0000-4000-8000-000000000009/memory/stream", 404, ""},
		{board + "/memory/stream?is_chat=perhaps", 422, ""},
		{board + "/tasks/stream?since=%00", 422, ""},
	} {
		var headers []string
		if c.header != "" {
			headers = append(headers, c.header)
		}
		if a := s.do("GET", c.path, "", headers...); a.status != c.status {
			t.Errorf("%s: %d %s", c.path, a.status, a.body)
		}
	}
}

// FuzzStreamPosition: whatever since and Last-Event-ID hold, the stream opens.
func FuzzStreamPosition(f *testing.F) {
	s := startServer(f)
	board := s.board()
	s.task(board, "x")
	for _, seed := range []string{"", "null", "2026-11-21T17:41:02Z", "2026-11-21 17:41:02 01:00", "\x00", "%", s.at(1), s.at(9) + "9", "-1", "NaN", "9999-99-99"} {
		f.Add(seed, seed)
	}
	f.Fuzz(func(t *testing.T, since, last string) {
		s := *s
		s.t = t
		for _, query := range []string{"since=" + url.QueryEscape(since), "since=" + strings.Map(queryByte, since), "last_event_id=" + url.QueryEscape(last)} {
			if text, err := url.QueryUnescape(query); err == nil && strings.Contains(text, "\x00") && strings.HasPrefix(query, "since") {
				continue // refused like any text with a NUL
			}
			feed := s.follow(board + "/tasks/stream?" + query)
			if m := feed.next(); m.comment == "" && m.data == "" {
				t.Errorf("%s opens with %+v", query, m)
			}
			_ = feed.Body.Close()
		}
	})
}

// queryByte keeps what an HTTP client can send within a query.
func queryByte(r rune) rune {
	if r <= ' ' || r > '~' || r == '#' || r == '&' {
		return -1
	}
	return r
}
