package httpapi

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
)

// journal collects log lines of several goroutines.
type journal struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.Write(b)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.String()
}

func sampleServer(t *testing.T) (*httptest.Server, *journal) {
	t.Helper()
	log := &journal{}
	_, handler := sampleHandler(log)
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server, log
}

// exchange sends a request and returns the answer with its body.
func exchange(t *testing.T, method, url string, header http.Header, body io.Reader) (*http.Response, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	request.Header = header
	if request.Header == nil {
		request.Header = http.Header{}
	}
	if request.Header.Get("Authorization") == "" {
		request.Header.Set("Authorization", "Bearer "+sampleToken)
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	b, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(b)
}

func TestErrors(t *testing.T) {
	server, log := sampleServer(t)
	for _, c := range []struct {
		path   string
		status int
		detail string
		header [2]string
	}{
		{"/api/v1/fail/conflict", 409, `"Conflict"`, [2]string{"Log-Position", "e-1"}},
		{"/api/v1/fail/forbidden", 403, `"Board access denied"`, [2]string{}},
		{"/api/v1/fail/missing", 404, `{"message":"gone"}`, [2]string{}},
		{"/api/v1/fail/many", 429, `"Too Many Requests"`, [2]string{}},
		{"/api/v1/fail/busy", 503, `"Service Unavailable"`, [2]string{"Retry-After", "1"}},
		{"/api/v1/fail/bug", 500, `"Internal Server Error"`, [2]string{}},
		{"/api/v1/panic", 500, `"Internal Server Error"`, [2]string{"Access-Control-Allow-Origin", "https://app.example"}},
		{"/nothing", 404, `"Not Found"`, [2]string{"Access-Control-Expose-Headers", "X-Total-Count, X-Limit, X-Offset, X-Request-Id, Log-Position, Retry-After"}},
	} {
		response, body := exchange(t, "GET", server.URL+c.path+"?token=very-secret", http.Header{"Origin": {"https://app.example"}}, nil)
		want := fmt.Sprintf(`{"detail":%s,"request_id":"%s"}`, c.detail, response.Header.Get("X-Request-Id"))
		if response.StatusCode != c.status || body != want {
			t.Errorf("%s: %d %s, want %s", c.path, response.StatusCode, body, want)
		}
		if got := response.Header.Get(c.header[0]); c.header[0] != "" && got != c.header[1] {
			t.Errorf("%s: %s: %q", c.path, c.header[0], got)
		}
		if response.Header.Get("X-Frame-Options") != "DENY" || response.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: %v", c.path, response.Header)
		}
	}
	server.Close()
	lines := log.String()
	for text, times := range map[string]int{"secret cause": 1, "a bug": 1, "very-secret": 0, sampleToken: 0, "the store is busy": 1} {
		if got := strings.Count(lines, text); got != times {
			t.Errorf("%q is in the log %d times, want %d", text, got, times)
		}
	}
}

func TestRawAnswer(t *testing.T) {
	server, _ := sampleServer(t)
	response, body := exchange(t, "GET", server.URL+"/api/v1/fail/raw", nil, nil)
	if response.StatusCode != 200 || body != `{"again":1}` || response.Header.Get("Idempotency-Replayed") != "true" ||
		response.Header.Get("Content-Type") != "application/json" {
		t.Error(response.StatusCode, body, response.Header)
	}
}

func TestBodyLimit(t *testing.T) {
	server, _ := sampleServer(t)
	large := `{"any":"` + strings.Repeat("x", DefaultMaxBodyBytes) + `"}`
	fits := `{"any":"` + strings.Repeat("x", DefaultMaxBodyBytes-len(`{"any":""}`)) + `"}`
	for name, c := range map[string]struct {
		body   io.Reader
		status int
	}{
		"with a length":      {strings.NewReader(large), 413},
		"in chunks":          {io.MultiReader(strings.NewReader(large)), 413},
		"fits with a length": {strings.NewReader(fits), 200},
		"fits in chunks":     {io.MultiReader(strings.NewReader(fits)), 200},
	} {
		if response, body := exchange(t, "PUT", server.URL+"/api/v1/echo", nil, c.body); response.StatusCode != c.status {
			t.Errorf("%s: %d %.200s", name, response.StatusCode, body)
		}
	}
}

func TestRequestID(t *testing.T) {
	for sent, kept := range map[string]bool{
		"my-request-id-123":      true,
		"  padded  ":             true,
		strings.Repeat("x", 128): true,
		strings.Repeat("x", 129): false,
		"":                       false,
		"two words":              false,
		"caf\u00e9":              false,
		"a\tb":                   false,
		"{{7*7}}<script>":        true,
	} {
		got := requestID(sent)
		if kept && got != strings.TrimSpace(sent) || !kept && len(got) != 32 {
			t.Errorf("%q: %q", sent, got)
		}
	}
}

func TestTraceID(t *testing.T) {
	const id = "4bf92f3577b34da6a3ce929d0e0e4736"
	for header, want := range map[string]string{
		"00-" + id + "-00f067aa0ba902b7-01":                      id,
		"00-" + strings.Repeat("0", 32) + "-00f067aa0ba902b7-01": "",
		"00-" + strings.ToUpper(id) + "-00f067aa0ba902b7-01":     "",
		"nonsense": "",
		"":         "",
	} {
		if got := traceID(header); got != want {
			t.Errorf("%s: %q", header, got)
		}
	}
}

func TestPreflight(t *testing.T) {
	server, _ := sampleServer(t)
	ask := func(origin string) *http.Response {
		response, _ := exchange(t, "OPTIONS", server.URL+"/api/v1/boards", http.Header{
			"Origin": {origin}, "Access-Control-Request-Method": {"PATCH"},
			"Access-Control-Request-Headers": {"authorization,content-type"},
		}, nil)
		return response
	}
	allowed := ask("http://localhost:3000")
	if allowed.StatusCode != 200 || allowed.Header.Get("Access-Control-Allow-Origin") != "http://localhost:3000" ||
		allowed.Header.Get("Access-Control-Allow-Headers") != "authorization,content-type" ||
		allowed.Header.Get("Access-Control-Max-Age") != "600" || allowed.Header.Get("X-Request-Id") == "" {
		t.Error(allowed.StatusCode, allowed.Header)
	}
	if other := ask("http://evil.example"); other.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Error(other.Header)
	}
}

func TestSecurityHeadersCanBeOff(t *testing.T) {
	transport := sampleTransport(io.Discard)
	transport.SecurityHeaders = SecurityHeaders{FrameOptions: "  ", PermissionsPolicy: "camera=()"}
	w := serve(transport.mount(nil, vocabulary{}), "GET", "/x", "", "")
	if _, ok := w.Header()["X-Frame-Options"]; ok || w.Header().Get("Permissions-Policy") != "camera=()" {
		t.Error(w.Header())
	}
}

func TestTrailingSlash(t *testing.T) {
	_, handler := sampleHandler(io.Discard)
	for path, want := range map[string]string{
		"/healthz/":                     "http://example.com/healthz",
		"/api/v1/boards//?limit=1":      "http://example.com/api/v1/boards?limit=1",
		"/api/v1/boards/a%20b/tasks/":   "http://example.com/api/v1/boards/a%20b/tasks",
		"//evil.example/api/v1/boards/": "",
		"/api/v1/nope/":                 "",
		"/":                             "",
	} {
		w := serve(handler, "DELETE", path, "", "")
		if got := w.Header().Get("Location"); got != want || want != "" && (w.Code != 307 || w.Body.Len() > 0) {
			t.Errorf("%s: %d %q %s", path, w.Code, got, w.Body)
		}
	}
	if w := serve(handler, "BREW", "/healthz", "", ""); w.Code != 405 {
		t.Error(w.Code)
	}
	if w := serve(handler, "BREW", "/nope", "", ""); w.Code != 404 {
		t.Error(w.Code)
	}
}

// TestStream: its first bytes arrive while it is open, its refusal is an
// ordinary answer, and when it ends the connection is cut in mid-body.
func TestStream(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	_, handler := sampleHandler(io.Discard)
	server := httptest.NewUnstartedServer(handler)
	server.Config.BaseContext = func(net.Listener) context.Context { return ctx }
	server.Start()
	defer server.Close()
	path := server.URL + "/api/v1/boards/b/tasks/stream"
	if response, _ := exchange(t, "GET", path+"?since=refused", nil, nil); response.StatusCode != 404 {
		t.Error(response.StatusCode)
	}
	request, err := http.NewRequestWithContext(t.Context(), "GET", path, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+sampleToken)
	response, err := server.Client().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	lines := bufio.NewReader(response.Body)
	if line, err := lines.ReadString('\n'); line != ": hello\r\n" || response.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatal(line, err, response.Header)
	}
	stop()
	if _, err := io.ReadAll(lines); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error(err)
	}
}

func TestAccessLog(t *testing.T) {
	log := &journal{}
	_, handler := sampleHandler(log)
	r := httptest.NewRequest("GET", "/api/v1/tags?q=1", nil)
	r.Header.Set("Authorization", "Bearer "+sampleToken)
	r.Header.Set("Traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	r.Header.Set("X-Request-Id", "id-1")
	handler.ServeHTTP(httptest.NewRecorder(), r)
	serve(handler, "GET", "/healthz", "", "")
	serve(handler, "GET", "/nope", "", "")
	var seen []string
	for line := range strings.Lines(log.String()) {
		var entry struct {
			Level, Msg, Path, Method string
			Status                   int    `json:"status_code"`
			IP                       string `json:"client_ip"`
			Trace                    string `json:"trace_id"`
		}
		if err := json.Unmarshal([]byte(line), &entry, json.MatchCaseInsensitiveNames(true)); err != nil {
			t.Fatal(err)
		}
		seen = append(seen, strings.TrimSpace(fmt.Sprintln(entry.Level, entry.Msg, entry.Method, entry.Path, entry.Status, entry.IP, entry.Trace != "")))
	}
	want := []string{
		"DEBUG-4 http.request.start GET /api/v1/tags 0 192.0.2.1 true",
		"DEBUG http.request.complete GET /api/v1/tags 200 192.0.2.1 true",
		"DEBUG-4 http.request.start GET /nope 0 192.0.2.1 false",
		"WARN http.request.complete GET /nope 404 192.0.2.1 false",
	}
	if got := strings.Join(seen, "\n"); got != strings.Join(want, "\n") {
		t.Error(got)
	}
}

// TestClientGone: a request whose client has left is no error of ours.
func TestClientGone(t *testing.T) {
	log := &journal{}
	transport := sampleTransport(log)
	ctx, cancel := context.WithCancel(t.Context())
	handler := transport.mount([]route{
		get("/slow", public(), func(ctx context.Context, _ struct{}) (OkResponse, error) {
			cancel()
			return OkResponse{}, fmt.Errorf("read tasks: %w", ctx.Err())
		}, handledBy("slow")),
	}, vocabulary{})
	handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, "GET", "/slow", nil))
	if lines := log.String(); strings.Contains(lines, `"ERROR"`) || strings.Contains(lines, `"WARN"`) {
		t.Error(lines)
	}
}

func TestSlowRequest(t *testing.T) {
	log := &journal{}
	transport := sampleTransport(log)
	transport.SlowRequest = time.Nanosecond
	serve(transport.mount(nil, vocabulary{}), "GET", "/x", "", "")
	if lines := log.String(); !strings.Contains(lines, "http.request.slow") {
		t.Error(lines)
	}
}
