package httpapi

import (
	"context"
	"fmt"
	"io"
	"net/http/httptest"
	"os"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"

	"missioncontrol/auth"
)

// description is an API description without the parts that are not compared.
type description struct {
	Paths      map[string]map[string]described `json:"paths"`
	Components struct {
		Schemas map[string]map[string]any `json:"schemas"`
	} `json:"components"`
}

type described struct {
	OperationID string           `json:"operationId"`
	Tags        []string         `json:"tags"`
	Summary     string           `json:"summary"`
	Description string           `json:"description"`
	Security    any              `json:"security"`
	Parameters  []map[string]any `json:"parameters"`
	RequestBody map[string]any   `json:"requestBody"`
	Responses   map[string]struct {
		Description string `json:"description"`
		Content     map[string]struct {
			Schema  any `json:"schema"`
			Example any `json:"example"`
		} `json:"content"`
	} `json:"responses"`
	Extensions map[string]any `json:",embed"`
}

func readDescription(t *testing.T, b []byte) (d description) {
	t.Helper()
	if err := json.Unmarshal(b, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

func goldenDescription(t *testing.T) description {
	t.Helper()
	b, err := os.ReadFile("testdata/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	return readDescription(t, b)
}

// ourDescription is that of the real routes.
func ourDescription(t *testing.T) description {
	t.Helper()
	w := httptest.NewRecorder()
	sampleTransport(io.Discard).mount(new(API).routes(), apiVocabulary()).ServeHTTP(w, httptest.NewRequest("GET", "/openapi.json", nil))
	if w.Code != 200 {
		t.Fatal(w.Code, w.Body)
	}
	return readDescription(t, w.Body.Bytes())
}

// accepted are the differences from the contract that are wanted, each with its
// reason. A * at the beginning stands for anything. One that is no difference
// any more is an error.
type accepted map[string]string

func (a accepted) find(name string) (key string) {
	for key := range a {
		if end, wild := strings.CutPrefix(key, "*"); key == name || wild && strings.HasSuffix(name, end) {
			return key
		}
	}
	return ""
}

// compareDescriptions reports where an operation of ours that the contract has
// too differs from it: in its id, tags, security, parameters, body, answers
// and what agents select it by. Schemas of one name are compared member by
// member.
func compareDescriptions(t *testing.T, golden, ours description, except accepted) {
	t.Helper()
	used, compared := map[string]bool{}, 0
	compare := func(name string, expected, got map[string]any) {
		compared++
		for _, key := range keysOf(got, expected) {
			diff := cmp.Diff(expected[key], got[key])
			if diff == "" {
				continue
			}
			reason := except.find(name + " " + key)
			if reason == "" {
				t.Errorf("%s %s (-contract +ours)\n%s", name, key, diff)
			}
			used[reason] = true
		}
	}
	for path, methods := range ours.Paths {
		for method, mine := range methods {
			if want, ok := golden.Paths[path][method]; ok {
				compare(method+" "+path, facts(want), facts(mine))
			}
		}
	}
	for name, mine := range ours.Components.Schemas {
		if want, ok := golden.Components.Schemas[name]; ok {
			compare("schema "+name, schemaFacts(want), schemaFacts(mine))
		}
	}
	if compared == 0 {
		t.Error("nothing is in the contract")
	}
	for key, reason := range except {
		if !used[key] {
			t.Errorf("%s does not differ (%s)", key, reason)
		}
	}
}

func keysOf(maps ...map[string]any) (keys []string) {
	seen := map[string]bool{}
	for _, m := range maps {
		for key := range m {
			if !seen[key] {
				seen[key] = true
				keys = append(keys, key)
			}
		}
	}
	sort.Strings(keys)
	return keys
}

// facts lists what is compared of an operation.
func facts(op described) map[string]any {
	f := map[string]any{"id": op.OperationID, "tags": op.Tags, "security": op.Security}
	for _, p := range op.Parameters {
		required, _ := p["required"].(bool)
		f[fmt.Sprintf("%v %v", p["in"], p["name"])] = map[string]any{"required": required, "schema": normal(p["schema"])}
	}
	if op.RequestBody != nil {
		content, _ := op.RequestBody["content"].(map[string]any)
		media, _ := content[jsonContent].(map[string]any)
		f["body"], f["body required"] = normal(media["schema"]), op.RequestBody["required"]
	}
	for status, response := range op.Responses {
		for media, content := range response.Content {
			f[status+" "+media] = normal(content.Schema)
		}
	}
	for _, key := range []string{"x-llm-intent", "x-required-actor"} {
		if v, ok := op.Extensions[key]; ok {
			f[key] = v
		}
	}
	return f
}

// schemaFacts lists what is compared of a schema: all but our own words.
func schemaFacts(schema map[string]any) map[string]any {
	f := map[string]any{}
	for key, v := range schema {
		switch key {
		case "x-interpretation", "x-when-to-use":
		case "properties":
			members, _ := v.(map[string]any)
			for name, member := range members {
				f["."+name] = normal(member)
			}
		case "required":
			names, _ := v.([]any)
			for _, name := range names {
				f[fmt.Sprint(name, " is required")] = true
			}
		default:
			f[key] = normal(v)
		}
	}
	return f
}

// normal puts forms that mean the same into one.
func normal(schema any) any {
	switch s := schema.(type) {
	case map[string]any:
		out := map[string]any{}
		for key, value := range s {
			if key == "additionalProperties" && anything(value) {
				value = true
			}
			out[key] = normal(value)
		}
		return out
	case []any:
		out := make([]any, len(s))
		for i, value := range s {
			out[i] = normal(value)
		}
		return out
	default:
		return schema
	}
}

// anything reports a schema that says no more than true.
func anything(schema any) bool {
	s, ok := schema.(map[string]any)
	if !ok {
		return false
	}
	choices, _ := s["anyOf"].([]any)
	return len(s) == 0 || len(choices) == 2 && anything(choices[0])
}

// TestDescription compares the description of the real routes with the
// contract.
func TestDescription(t *testing.T) {
	except := accepted{
		"*/stream 200 application/json":  "a stream says what it is",
		"*/stream 200 text/event-stream": "a stream says what it is",

		"* query as_of": "ours: reads of the past",

		"* 401 application/json": "who may not call is told in advance",
		"* 403 application/json": "what is refused is told in advance",
		"* 404 application/json": "what is refused is told in advance",
		"* 409 application/json": "what is refused is told in advance",
		"* 422 application/json": "what is refused is told in advance",
		"* 429 application/json": "limits are told in advance",
		"* 503 application/json": "a probe is told what is away",

		"put /api/v1/agent/boards/{board_id}/agents/{agent_id}/soul 502 application/json":   "souls go to gateways with a later part",
		"get /api/v1/activity query cursor":                                                 "ours: pages that cost the same wherever they are",
		"get /api/v1/activity query include":                                                "ours: every kind of event",
		"schema LimitOffsetPage_TypeVar_Customized_ActivityEventRead_ .next_cursor":         "ours: for who pages by cursor",
		"post /api/v1/agent/boards/{board_id}/agents/{agent_id}/nudge 502 application/json": "comes with gateways",

		"schema AgentRead .gateway_id":                 "null on boards without a gateway",
		"schema AgentHealthStatusResponse .gateway_id": "null on boards without a gateway",
		"schema AgentCreate .is_board_lead":            "ours: leads of boards without a gateway",
		"schema AgentCreate .identity_profile":         "what is no object is taken as none, as ever",
		"schema AgentUpdate .identity_profile":         "what is no object is taken as none, as ever",
		"schema TaskUpdate .comment":                   "a blank comment is none",
	}
	for schema, members := range map[string]string{
		"AgentUpdate": "name", "BoardGroupUpdate": "name slug", "OrganizationMemberUpdate": "role", "TaskUpdate": "title priority",
		"BoardUpdate": "name slug board_type goal_confirmed max_agents require_approval_for_done require_review_before_done " +
			"comment_required_for_review block_status_changes_with_pending_approval only_lead_can_change_status",
	} {
		for member := range strings.FieldsSeq(members) {
			except["schema "+schema+" ."+member] = "null is refused, which was a 500 or nothing"
		}
	}
	compareDescriptions(t, goldenDescription(t), ourDescription(t), except)
}

// TestGuides looks at what agents read to find their way.
func TestGuides(t *testing.T) {
	golden, ours, ids := goldenDescription(t), ourDescription(t), map[string]string{}
	known := map[string]bool{}
	for _, methods := range golden.Paths {
		for _, op := range methods {
			known[op.OperationID] = true
		}
	}
	for _, methods := range ours.Paths { // extensions have guides too
		for _, op := range methods {
			known[op.OperationID] = true
		}
	}
	for id := range agentGuides() {
		if !known[id] {
			t.Errorf("the guide of %s is of no operation", id)
		}
	}
	for path, methods := range ours.Paths {
		for method, op := range methods {
			name := method + " " + path
			if other := ids[op.OperationID]; other != "" {
				t.Errorf("%s and %s are both %s", name, other, op.OperationID)
			}
			ids[op.OperationID] = name
			checkOperation(t, name, op)
			if _, hinted := golden.Paths[path][method].Extensions["x-llm-intent"]; hinted || strings.HasPrefix(path, "/api/v1/agent/") {
				checkGuide(t, name, op)
			}
		}
	}
	for _, schema := range []string{"AgentCreate", "AgentUpdate", "AgentRead"} {
		if when, _ := ours.Components.Schemas[schema]["x-when-to-use"].([]any); len(when) == 0 {
			t.Errorf("%s does not say when to use it", schema)
		}
	}
	if ours.Paths["/api/v1/agent/heartbeat"]["post"].RequestBody != nil {
		t.Error("a heartbeat declares a body")
	}
}

// checkOperation looks at what every operation has.
func checkOperation(t *testing.T, name string, op described) {
	t.Helper()
	permissions, _ := op.Extensions["x-permissions"].(map[string]any)
	for _, key := range []string{"rule", "who"} {
		if text, _ := permissions[key].(string); text == "" {
			t.Errorf("%s: x-permissions has no %s", name, key)
		}
	}
	if _, ok := op.Extensions["x-rate-limit"].([]any); !ok {
		t.Errorf("%s: no x-rate-limit", name)
	}
	if op.Summary == "" || strings.Contains(fmt.Sprint(op.Tags), "agent-") && op.Description == "" {
		t.Errorf("%s: no summary or description", name)
	}
	if len(permissions["callers"].([]any)) > 0 {
		if _, ok := op.Responses["401"]; !ok {
			t.Errorf("%s does not say that it answers 401", name)
		}
	}
	plain := func(tag string) bool {
		return tag == "agent" || strings.HasPrefix(tag, "agent-") || tag == "auth" || tag == "health"
	}
	for _, tag := range op.Tags {
		if content, ok := op.Responses["200"].Content[jsonContent]; !plain(tag) && ok && content.Example == nil {
			t.Errorf("%s: no example of an answer", name)
		}
	}
}

// checkGuide looks at what an operation for agents has beside.
func checkGuide(t *testing.T, name string, op described) {
	t.Helper()
	for _, key := range []string{"x-llm-intent", "x-required-actor"} {
		if text, _ := op.Extensions[key].(string); text == "" {
			t.Errorf("%s: no %s", name, key)
		}
	}
	for _, key := range []string{
		"x-when-to-use", "x-when-not-to-use", "x-prerequisites", "x-side-effects", "x-negative-guidance", "x-routing-policy",
	} {
		texts, _ := op.Extensions[key].([]any)
		for _, text := range texts {
			if s, _ := text.(string); s == "" {
				t.Errorf("%s: %s has %v", name, key, text)
			}
		}
		if len(texts) == 0 {
			t.Errorf("%s: no %s", name, key)
		}
	}
	examples, _ := op.Extensions["x-routing-policy-examples"].([]any)
	for _, e := range examples {
		example, _ := e.(map[string]any)
		input, _ := example["input"].(map[string]any)
		if input["intent"] == "" || input["required_privilege"] == "" || example["decision"] == "" {
			t.Errorf("%s: %v", name, e)
		}
	}
	if len(examples) == 0 {
		t.Errorf("%s: no examples", name)
	}
}

func TestNotes(t *testing.T) {
	handler := sampleTransport(io.Discard).mount([]route{
		put("/api/v1/a-b/{id}", public(), new(sampleAPI).fails, operation("chosen"), extended("x-llm-intent", "test"),
			about("A line", "A text"), tagged("agent", "agent-lead")),
		post("/api/v1/echo", public(), func(context.Context, struct {
			V int `json:"v"`
		},
		) (map[string]int, error) {
			return nil, nil
		}, bodyName("Echo"), handledBy("echo")),
	}, vocabulary{})
	got := serve(handler, "GET", "/openapi.json", "", "").Body.String()
	for _, want := range []string{
		`"operationId":"chosen"`, `"x-llm-intent":"test"`, `"summary":"A line"`, `"description":"A text"`,
		`"tags":["agent","agent-lead"]`, `"$ref":"#/components/schemas/Echo"`, `"operationId":"echo_api_v1_echo_post"`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in %s", want, got)
		}
	}
	for name, rt := range map[string]route{
		"list_tasks_api_v1_boards__board_id__tasks_get":    get("/api/v1/boards/{board_id}/tasks", public(), new(sampleAPI).listTasks),
		"delete_task_api_v1_boards__b__tasks__t__delete":   del("/api/v1/boards/{b}/tasks/{t}", public(), new(sampleAPI).deleteTask),
		"stream_tasks_api_v1_boards__board_id__stream_get": stream("/api/v1/boards/{board_id}/stream", public(), new(sampleAPI).streamTasks),
	} {
		if got := rt.operationID(); got != name {
			t.Errorf("%s, want %s", got, name)
		}
	}
}

func TestDescriptionMistakes(t *testing.T) {
	nameless := func(context.Context, struct{}) (OkResponse, error) { return OkResponse{}, nil }
	health := new(sampleAPI).health
	for name, routes := range map[string][]route{
		"a handler without name": {get("/a", public(), nameless)},
		"an id twice":            {get("/a", public(), health, operation("x")), get("/b", public(), health, operation("x"))},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic at the start")
				}
			}()
			sampleTransport(io.Discard).mount(routes, vocabulary{})
		})
	}
}

// TestRateLimits tells agents the figures that are configured.
func TestRateLimits(t *testing.T) {
	limiter, err := auth.NewMemoryLimiter(auth.Policy{Name: auth.AgentAuthPolicy, Limit: 7, Window: time.Minute}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	gate, err := auth.NewAgentGate(limiter, auth.CountAll)
	if err != nil {
		t.Fatal(err)
	}
	a := API{AgentGate: gate}
	rt := get("/x", a.agent(), new(sampleAPI).health)
	want := []map[string]any{{"policy": "agent_auth", "per": "address", "counts": "all", "limit": 7, "window_seconds": 60}}
	if diff := cmp.Diff(want, rt.rateLimits()); diff != "" {
		t.Error(diff)
	}
}
