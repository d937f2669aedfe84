package httpapi

import (
	"context"
	"fmt"
	"io"
	"os"
	"sort"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"
)

// description is an API description without the parts that are not compared.
type description struct {
	Paths      map[string]map[string]described `json:"paths"`
	Components struct {
		Schemas map[string]any `json:"schemas"`
	} `json:"components"`
}

type described struct {
	OperationID string           `json:"operationId"`
	Tags        []string         `json:"tags"`
	Security    any              `json:"security"`
	Parameters  []map[string]any `json:"parameters"`
	RequestBody map[string]any   `json:"requestBody"`
	Responses   map[string]struct {
		Content map[string]struct {
			Schema any `json:"schema"`
		} `json:"content"`
	} `json:"responses"`
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

// accepted are the differences from the contract that are wanted, each with its
// reason. One that is no difference any more is an error.
type accepted map[string]string

// compareDescriptions reports where an operation of ours that the contract has
// too differs from it: in its id, tags, security, parameters, body and answers,
// with all schemas that they lead to.
func compareDescriptions(t *testing.T, golden, ours description, except accepted) {
	t.Helper()
	compared := 0
	for path, methods := range ours.Paths {
		for method, mine := range methods {
			want, ok := golden.Paths[path][method]
			if !ok {
				continue
			}
			compared++
			name := method + " " + path
			got, expected := facts(ours, mine), facts(golden, want)
			for _, key := range keysOf(got, expected) {
				diff, reason := cmp.Diff(expected[key], got[key]), except[name+" "+key]
				switch {
				case diff != "" && reason == "":
					t.Errorf("%s %s (-contract +ours)\n%s", name, key, diff)
				case diff == "" && reason != "":
					t.Errorf("%s %s does not differ", name, key)
				}
			}
		}
	}
	if compared == 0 {
		t.Error("no operation is in the contract")
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
func facts(d description, op described) map[string]any {
	f := map[string]any{"id": op.OperationID, "tags": op.Tags, "security": op.Security}
	for _, p := range op.Parameters {
		required, _ := p["required"].(bool)
		f[fmt.Sprintf("%v %v", p["in"], p["name"])] = map[string]any{"required": required, "schema": d.resolve(p["schema"])}
	}
	if op.RequestBody != nil {
		f["body"] = d.resolve(op.RequestBody["content"])
		f["body required"] = op.RequestBody["required"]
	}
	for status, response := range op.Responses {
		for media, content := range response.Content {
			f[status+" "+media] = d.resolve(content.Schema)
		}
	}
	return f
}

// resolve replaces references by what they refer to, beside its name, and puts
// forms that mean the same into one.
func (d description) resolve(schema any) any {
	switch s := schema.(type) {
	case map[string]any:
		if ref, ok := s["$ref"].(string); ok {
			name := strings.TrimPrefix(ref, componentRef)
			return map[string]any{"name": name, "schema": d.resolve(d.Components.Schemas[name])}
		}
		out := map[string]any{}
		for key, value := range s {
			if key == "additionalProperties" && anything(value) {
				value = true
			}
			out[key] = d.resolve(value)
		}
		return out
	case []any:
		out := make([]any, len(s))
		for i, value := range s {
			out[i] = d.resolve(value)
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

func TestDescription(t *testing.T) {
	const path = "/api/v1/boards/{board_id}/tasks"
	_, handler := sampleHandler(io.Discard)
	w := serve(handler, "GET", "/openapi.json", "", "")
	if w.Code != 200 {
		t.Fatal(w.Code, w.Body)
	}
	ours := readDescription(t, w.Body.Bytes())
	except := accepted{
		"get " + path + "/stream 200 application/json":  "a stream says what it is",
		"get " + path + "/stream 200 text/event-stream": "a stream says what it is",
	}
	for part, reason := range map[string]string{
		"post /api/v1/boards 200 application/json":                   "the sample answers something smaller",
		"get /api/v1/boards 200 application/json":                    "the sample answers something smaller",
		"get /api/v1/tags 200 application/json":                      "the sample answers something smaller",
		"post /api/v1/boards/{board_id}/memory 200 application/json": "the sample answers something smaller",
	} {
		except[part] = reason
	}
	compareDescriptions(t, goldenDescription(t), ours, except)
}

func TestNotes(t *testing.T) {
	handler := sampleTransport(io.Discard).mount([]route{
		put("/api/v1/a-b/{id}", public, new(sampleAPI).fails, operation("chosen"), extended("x-llm-intent", "test"),
			about("A line", "A text"), tagged("agent", "agent-lead")),
		post("/api/v1/echo", public, func(context.Context, struct {
			V int `json:"v"`
		}) (map[string]int, error) {
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
		"list_tasks_api_v1_boards__board_id__tasks_get":    get("/api/v1/boards/{board_id}/tasks", public, new(sampleAPI).listTasks),
		"delete_task_api_v1_boards__b__tasks__t__delete":   del("/api/v1/boards/{b}/tasks/{t}", public, new(sampleAPI).deleteTask),
		"stream_tasks_api_v1_boards__board_id__stream_get": stream("/api/v1/boards/{board_id}/stream", public, new(sampleAPI).streamTasks),
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
		"a handler without name": {get("/a", public, nameless)},
		"an id twice":            {get("/a", public, health, operation("x")), get("/b", public, health, operation("x"))},
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
