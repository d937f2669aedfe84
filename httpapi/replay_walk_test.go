package httpapi

import (
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
)

// The gateway of the recorded walk, and the agent that it put on another board.
// We have boards without a gateway instead: gateway_id is neither sent nor
// compared.
const (
	walkGateway    = "2c3563a3-d44b-47ba-8f91-619d55f32913"
	walkOtherBoard = "b27fd2cf-d14d-48b5-9bd5-ef70d1d33abb"
	walkOtherAgent = "629178e7-d118-4c52-aab2-1d7b6a223a4d"
)

// walkDepartures are the answers that are not as recorded: their status.
func walkDepartures() map[string]int {
	return map[string]int{ // 500 in the original
		"084-board-get-bad-uuid-500-upstream-bug":            404,
		"103-custom-field-create-duplicate-500-upstream-bug": 409,
		"135-task-create-unknown-agent-500-upstream-bug":     404,
	}
}

// TestWalk replays the recorded walk over groups, boards, tags, custom fields,
// tasks and comments, in its order, on one server. What asks for a gateway was
// taken out.
func TestWalk(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("testdata/contract/walk/core.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []recordedCase
	if err := json.Unmarshal(b, &cases); err != nil {
		t.Fatal(err)
	}
	w := recordedWalk{replay{server: startServer(t), ids: map[string]string{}}, walkDepartures()}
	for _, c := range cases {
		if strings.HasPrefix(c.Name, "090-") {
			w.placeAgents(t, c)
		}
		w.step(t, c)
	}
	for name := range w.departs {
		t.Errorf("%s does not depart", name)
	}
}

type recordedWalk struct {
	replay
	departs map[string]int
}

// placeAgents makes the agents that the walk put in place by other means: those
// that the first snapshot of the board shows, the oldest first, and one
// elsewhere.
func (w *recordedWalk) placeAgents(t *testing.T, c recordedCase) {
	t.Helper()
	snapshot, _ := c.Response.Body.(map[string]any)
	agents, _ := snapshot["agents"].([]any)
	agents = append(slices.Clone(agents), map[string]any{"id": walkOtherAgent, "board_id": walkOtherBoard, "name": "Otto Other"})
	slices.Reverse(agents)
	for _, recorded := range agents {
		a, _ := recorded.(map[string]any)
		body, err := json.Marshal(map[string]any{
			"name": a["name"], "board_id": a["board_id"], "is_board_lead": a["is_board_lead"] == true,
			"identity_profile": a["identity_profile"], "soul_template": a["soul_template"], "identity_template": a["identity_template"],
		})
		if err != nil {
			t.Fatal(err)
		}
		id, _ := a["id"].(string)
		w.ids[id] = w.must("POST", v1+"/agents", w.ours(string(body))).text(t, "id")
	}
}

func (w *recordedWalk) step(t *testing.T, c recordedCase) {
	t.Helper()
	headers := []string{forget}
	for name, value := range c.Request.Headers {
		headers = append(headers, name+": "+strings.ReplaceAll(value, "<LOCAL_AUTH_TOKEN>", localToken))
	}
	a := w.send(c.Request.Method, w.ours(c.Request.Path), strings.NewReader(w.ours(withoutGateway(c))), headers...)
	if c.Response.Status == 0 { // a step of the walk between the cases
		return
	}
	t.Run(c.Name, func(t *testing.T) {
		if instead, departs := w.departs[c.Name]; departs {
			delete(w.departs, c.Name)
			if a.status != instead {
				t.Errorf("%d %s, want %d", a.status, a.body, instead)
			}
			return
		}
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
		var got any
		if err := json.Unmarshal([]byte(a.body), &got); err != nil {
			t.Fatalf("%s: %v", a.body, err)
		}
		want, _ := c.Response.Body.(map[string]any) // nil: a plain list
		if list, ok := want["detail"].([]any); ok { // the original told faults of a board three times
			want["detail"] = slices.CompactFunc(list, func(a, b any) bool { return cmp.Equal(a, b) })
		}
		if id, ok := want["request_id"].(string); ok {
			want["request_id"], w.ids[id] = a.header.Get("X-Request-Id"), a.header.Get("X-Request-Id")
		}
		ungated(c.Response.Body, got)
		if diff := cmp.Diff(w.expected("", c.Response.Body, got), got); diff != "" {
			t.Errorf("-recorded +ours\n%s", diff)
		}
	})
}

// withoutGateway is a recorded body that names no gateway.
func withoutGateway(c recordedCase) string {
	var body map[string]jsontext.Value
	if json.Unmarshal(c.Request.Body, &body) != nil || string(body["gateway_id"]) != `"`+walkGateway+`"` {
		return c.text()
	}
	delete(body, "gateway_id")
	text, err := json.Marshal(body, json.Deterministic(true))
	if err != nil {
		return c.text() // it was read from JSON
	}
	return string(text)
}

// ungated takes the recorded gateway, and ours that is none, out of answers.
func ungated(want, got any) {
	switch w := want.(type) {
	case map[string]any:
		g, _ := got.(map[string]any)
		if w["gateway_id"] == walkGateway {
			delete(w, "gateway_id")
			delete(g, "gateway_id")
		}
		for name, v := range w {
			ungated(v, g[name])
		}
	case []any:
		g, _ := got.([]any)
		for i, v := range w {
			if i < len(g) {
				ungated(v, g[i])
			}
		}
	}
}
