package httpapi

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
)

// recordedCase is one exchange with the original backend.
type recordedCase struct {
	Name    string `json:"name"`
	Request struct {
		Method  string            `json:"method"`
		Path    string            `json:"path"`
		Headers map[string]string `json:"headers"`
		Body    jsontext.Value    `json:"body"`
	} `json:"request"`
	Response struct {
		Status  int               `json:"status"`
		Headers map[string]string `json:"headers"`
		Body    any               `json:"body"`
	} `json:"response"`
}

// text is the body as it went over the wire: a recorded string stands for
// itself, null for nothing.
func (c recordedCase) text() string {
	switch c.Request.Body.Kind() {
	case 'n':
		return ""
	case '"':
		text, _ := jsontext.AppendUnquote(nil, c.Request.Body)
		return string(text)
	default:
		return string(c.Request.Body)
	}
}

func recordedCases(t testing.TB) (cases []recordedCase) {
	t.Helper()
	b, err := os.ReadFile("testdata/cases.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &cases); err != nil {
		t.Fatal(err)
	}
	return cases
}

// TestRecordedCases replays what the original answered, over a socket, to the
// sample API: health, unknown paths and methods, request ids, invalid input.
func TestRecordedCases(t *testing.T) {
	_, handler := sampleHandler(io.Discard)
	server := httptest.NewServer(handler)
	defer server.Close()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for _, c := range recordedCases(t) {
		t.Run(c.Name, func(t *testing.T) {
			request, err := http.NewRequestWithContext(t.Context(), c.Request.Method, server.URL+c.Request.Path, strings.NewReader(c.text()))
			if err != nil {
				t.Fatal(err)
			}
			for name, value := range c.Request.Headers {
				if value != "" {
					request.Header.Set(name, strings.ReplaceAll(value, "<LOCAL_AUTH_TOKEN>", sampleToken))
				}
			}
			response, err := client.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			body, err := io.ReadAll(response.Body)
			if err != nil {
				t.Fatal(err)
			}
			if response.StatusCode != c.Response.Status {
				t.Fatalf("status %d, want %d: %s", response.StatusCode, c.Response.Status, body)
			}
			sameHeaders(t, c, response, server.URL)
			sameBody(t, c, response, body)
		})
	}
}

func sameHeaders(t *testing.T, c recordedCase, response *http.Response, origin string) {
	t.Helper()
	for name, want := range c.Response.Headers {
		got := response.Header.Get(name)
		if name == "x-request-id" && c.Request.Headers["X-Request-Id"] == "" {
			if len(got) != 32 || strings.Trim(got, "0123456789abcdef") != "" {
				t.Errorf("request id %q", got)
			}
			continue
		}
		want = strings.ReplaceAll(want, "http://127.0.0.1:8000", origin)
		if got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// sameBody compares what the shared layers answer. The original named each
// fault of a new board three times, which the specification calls a defect.
func sameBody(t *testing.T, c recordedCase, response *http.Response, body []byte) {
	t.Helper()
	want, isObject := c.Response.Body.(map[string]any)
	if !isObject {
		if len(body) != 0 {
			t.Errorf("body %q, want none", body)
		}
		return
	}
	if response.StatusCode == http.StatusOK && !strings.Contains(c.Name, "health") {
		return // what a task looks like is tested with the tasks
	}
	var got map[string]any
	if err := json.Unmarshal(body, &got); err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	if id, ok := got["request_id"]; ok {
		if id != response.Header.Get("X-Request-Id") {
			t.Errorf("request_id %v, header %v", id, response.Header)
		}
		want["request_id"] = id
	}
	if list, ok := want["detail"].([]any); ok {
		want["detail"] = slices.CompactFunc(list, func(a, b any) bool { return cmp.Equal(a, b) })
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// TestKeyOrder pins the order of keys, which comparing by value can not see.
func TestKeyOrder(t *testing.T) {
	_, handler := sampleHandler(io.Discard)
	w := serve(handler, "POST", "/api/v1/boards/b/tasks", "", `{"status":"todo"}`)
	const want = `{"detail":[` +
		`{"type":"missing","loc":["body","title"],"msg":"Field required","input":{"status":"todo"}},` +
		`{"type":"literal_error","loc":["body","status"],"msg":"Input should be 'inbox', 'in_progress', 'review' or 'done'",` +
		`"input":"todo","ctx":{"expected":"'inbox', 'in_progress', 'review' or 'done'"}}],"request_id":"`
	if got := w.Body.String(); !strings.HasPrefix(got, want) {
		t.Error(got)
	}
}
