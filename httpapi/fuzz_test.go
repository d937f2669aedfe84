package httpapi

import (
	"io"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
)

// FuzzBinder sends anything to routes that read every kind of value: nothing
// panics, no answer blames the server, and every answer is JSON.
func FuzzBinder(f *testing.F) {
	for _, c := range recordedCases(f) {
		if path, query, _ := strings.Cut(c.Request.Path, "?"); strings.HasPrefix(path, "/api/v1/") {
			f.Add(c.text(), query, path[strings.LastIndexByte(path, '/')+1:], c.Request.Headers["Content-Type"])
		}
	}
	f.Add(`{"any":{"a":1,"a":[1e5,"\ud800",null]}}`, "limit=%", "{}", "")
	f.Add(`{"title":"\u0000","due_at":1e99,"custom_field_values":{"\u0000":[]}}`, "a&&=;", "urn:uuid:", "a/b+json")
	f.Add(`{"due_at":"9999-12-31T23:59:59-23:59","tag_ids":[["x"]]}`, "offset=1_0.0", "%", "application/json;;")
	_, handler := sampleHandler(io.Discard)
	f.Fuzz(func(t *testing.T, body, query, id, contentType string) {
		id = url.PathEscape(id)
		for _, to := range []struct{ method, path string }{
			{"PUT", "/api/v1/echo"},
			{"POST", "/api/v1/boards"},
			{"POST", "/api/v1/boards/" + id + "/tasks"},
			{"PATCH", "/api/v1/boards/b/tasks/" + id},
			{"GET", "/api/v1/boards/b/tasks"},
		} {
			r := httptest.NewRequest(to.method, to.path, strings.NewReader(body))
			r.URL.RawQuery = query
			r.Header["Content-Type"] = []string{contentType}
			r.Header["Authorization"] = []string{"Bearer " + sampleToken}
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r)
			if w.Code >= 500 {
				t.Fatalf("%s %s: %d %s", to.method, to.path, w.Code, w.Body)
			}
			if w.Body.Len() > 0 && !jsontext.Value(w.Body.Bytes()).IsValid(jsontext.AllowDuplicateNames(true)) {
				t.Fatalf("%s %s: %d is no JSON: %q", to.method, to.path, w.Code, w.Body)
			}
		}
	})
}

// FuzzSyntax compares the two readers of JSON: what the decoder refuses has a
// reason, and what it accepts has none.
func FuzzSyntax(f *testing.F) {
	for _, body := range []string{`{"a":[1,-0.5e+3,"\u00e9\n"]}`, `[`, `{"a":1,}`, `"\ud83d`, "\x00", ` 1 2`} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		if body = strings.ToValidUTF8(body, "?"); !mayNestDeeply([]byte(body)) {
			agrees(t, body)
		}
	})
}
