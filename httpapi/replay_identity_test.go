package httpapi

import (
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"
)

// identityDepartures are the answers that are not as recorded, with the reason.
func identityDepartures() map[string]string {
	return map[string]string{
		// core.md §0: a bare 422 has the older phrase; the recording was made by a newer Python.
		"025-org-create-blank-422":        "Unprocessable Entity",
		"039-org-invite-create-blank-422": "Unprocessable Entity",
	}
}

// TestIdentityContract replays what the original answered about organizations,
// members and invites.
func TestIdentityContract(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("testdata/contract/identity/organizations.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []recordedCase
	if err := json.Unmarshal(b, &cases); err != nil {
		t.Fatal(err)
	}
	n := startNode(t, nodeConfig{})
	r := replay{server: n.server, ids: map[string]string{}}
	departures := identityDepartures()
	for _, c := range cases {
		headers := []string{forget}
		for name, value := range c.Request.Headers {
			headers = append(headers, name+": "+strings.ReplaceAll(value, "<LOCAL_AUTH_TOKEN>", localToken))
		}
		a := n.send(c.Request.Method, r.ours(c.Request.Path), strings.NewReader(r.ours(c.text())), headers...)
		t.Run(c.Name, func(t *testing.T) {
			if a.status != c.Response.Status {
				t.Fatalf("status %d, want %d: %s", a.status, c.Response.Status, a.body)
			}
			sameHeaders(t, c, &http.Response{Header: a.header}, "")
			var got any
			if err := json.Unmarshal([]byte(a.body), &got); err != nil {
				t.Fatalf("%s: %v", a.body, err)
			}
			r.meetTokens(t, c.Response.Body, got)
			want := c.Response.Body
			if object, ok := want.(map[string]any); ok && object["request_id"] != nil {
				object["request_id"] = a.header.Get("X-Request-Id")
				if detail, departs := departures[c.Name]; departs {
					object["detail"] = detail
				}
			}
			delete(departures, c.Name)
			if diff := cmp.Diff(r.expected("", want, got), got); diff != "" {
				t.Errorf("-recorded +ours\n%s", diff)
			}
		})
	}
	for name := range departures {
		t.Errorf("%s is said to depart and was not sent", name)
	}
}

// meetTokens remembers tokens of invites as if they were ids; their form is the
// same.
func (r *replay) meetTokens(t *testing.T, want, got any) {
	t.Helper()
	switch w := want.(type) {
	case map[string]any:
		g, _ := got.(map[string]any)
		for name, v := range w {
			text, isText := v.(string)
			if ours, _ := g[name].(string); name == "token" && isText && r.ids[text] == "" {
				if len(ours) != len(text) {
					t.Errorf("the token %q has another form than %q", ours, text)
				}
				r.ids[text] = ours
			}
			r.meetTokens(t, v, g[name])
		}
	case []any:
		g, _ := got.([]any)
		for i := range min(len(w), len(g)) {
			r.meetTokens(t, w[i], g[i])
		}
	}
}
