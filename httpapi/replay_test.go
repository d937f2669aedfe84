package httpapi

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"
)

// TestContract replays exchanges that were recorded from the original backend,
// each file on an empty database, against the real routes. Ids are remembered
// when they are met and stand for ours from then on; times and generated ids
// are compared by form, everything else by value. What part 1 does not have
// (gateways, groups, custom fields) was taken out of the files.
func TestContract(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/contract/*.json")
	if err != nil || len(files) == 0 {
		t.Fatal(err, "no files")
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var cases []recordedCase
			if err := json.Unmarshal(b, &cases); err != nil {
				t.Fatal(err)
			}
			r := replay{server: startServer(t), ids: map[string]string{}}
			for _, c := range cases {
				r.exchange(t, c)
			}
		})
	}
}

type replay struct {
	*server
	ids map[string]string // recorded id to ours
}

func (r *replay) exchange(t *testing.T, c recordedCase) {
	t.Helper()
	headers := []string{"Authorization:"}
	for name, value := range c.Request.Headers {
		headers = append(headers, name+": "+strings.ReplaceAll(value, "<LOCAL_AUTH_TOKEN>", localToken))
	}
	a := r.send(c.Request.Method, r.ours(c.Request.Path), strings.NewReader(r.ours(c.text())), headers...)
	if c.Response.Status == 0 { // a step of the walk between the cases
		return
	}
	t.Run(c.Name, func(t *testing.T) {
		if a.status != c.Response.Status {
			t.Fatalf("status %d, want %d: %s", a.status, c.Response.Status, a.body)
		}
		sameHeaders(t, c, &http.Response{Header: a.header}, "")
		if c.Response.Body == nil {
			if a.body != "" {
				t.Errorf("body %q, want none", a.body)
			}
			return
		}
		want, _ := c.Response.Body.(map[string]any) // nil: a plain list
		if list, ok := want["detail"].([]any); ok { // the original told faults of a board three times
			want["detail"] = slices.CompactFunc(list, func(a, b any) bool { return cmp.Equal(a, b) })
		}
		var got any
		if err := json.Unmarshal([]byte(a.body), &got); err != nil {
			t.Fatalf("%s: %v", a.body, err)
		}
		if id, ok := want["request_id"]; ok {
			want["request_id"], r.ids[id.(string)] = a.header.Get("X-Request-Id"), a.header.Get("X-Request-Id")
		}
		if diff := cmp.Diff(r.expected("", c.Response.Body, got), got); diff != "" {
			t.Errorf("-recorded +ours\n%s", diff)
		}
	})
}

func (r *replay) ours(text string) string {
	for recorded, id := range r.ids {
		text = strings.ReplaceAll(text, recorded, id)
	}
	return text
}

var (
	uuidForm = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[47][0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$`) // of an event, 7
	timeForm = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?$`)
)

// expected is want with what differs between runs taken from got, if that has
// the right form.
func (r *replay) expected(key string, want, got any) any {
	switch w := want.(type) {
	case map[string]any:
		g, _ := got.(map[string]any)
		out := map[string]any{}
		for name, v := range w {
			out[name] = r.expected(name, v, g[name])
		}
		return out
	case []any:
		g, _ := got.([]any)
		out := make([]any, len(w))
		for i, v := range w {
			var mine any
			if i < len(g) {
				mine = g[i]
			}
			out[i] = r.expected(key, v, mine)
		}
		return out
	case string:
		g, _ := got.(string)
		generated := key == "created_at" || key == "updated_at" || key == "in_progress_at"
		switch {
		case generated && timeForm.MatchString(w) && timeForm.MatchString(g):
			return g
		case r.ids[w] != "":
			return r.ids[w]
		case (key == "id" || strings.HasSuffix(key, "_id")) && uuidForm.MatchString(w) && uuidForm.MatchString(g):
			r.ids[w] = g
			return g
		}
	}
	return want
}
