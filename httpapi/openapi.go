package httpapi

import (
	"cmp"
	"encoding/json" // huma's types marshal themselves with it
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// describe returns the API description. Agents read it at run time: names,
// operation ids, tags and x- keys are a contract, checked against
// testdata/openapi.json.
//
// The document and its schemas are huma's types. The schemas are built here
// and not by huma, whose forms for null, defaults and required members differ
// from those of the contract.
// A route that cannot be described stops the start; the text is made when it is
// first asked for.
func (t *Transport) describe(routes []route, names vocabulary) func() []byte {
	registry := huma.NewMapRegistry(componentRef, huma.DefaultSchemaNamer)
	doc := &huma.OpenAPI{
		OpenAPI: "3.1.0",
		Info:    &huma.Info{Title: "Mission Control API", Version: "0.1.0", Description: generalAnswers},
		Components: &huma.Components{
			Schemas:         registry,
			SecuritySchemes: map[string]*huma.SecurityScheme{bearerScheme: {Type: "http", Scheme: "bearer"}},
		},
	}
	s := schemas{names: names, components: registry.Map(), types: map[string]reflect.Type{}}
	s.addErrors()
	for i := range routes {
		op := s.operation(&routes[i])
		s.addExamples(op)
		doc.AddOperation(op)
	}
	return sync.OnceValue(func() []byte {
		b, err := json.Marshal(doc)
		if err != nil {
			panic(fmt.Sprintf("httpapi: the API description does not encode: %v", err))
		}
		return b
	})
}

// generalAnswers is what holds for every operation.
const generalAnswers = `Every answer has X-Request-Id; send it with a complaint. Errors are {"detail", "request_id"}.

Send Idempotency-Key (1 to 255 visible ASCII characters) with a request that changes something, and repeat the request with the same key when you do not know whether it arrived: it is done once, and the repeat gets the first answer.

Log-Position in an answer says where a write stands in the log, or how much of the log a read is sure to show. Streams name the same positions as ids of their events; send the last one as Last-Event-ID to continue after it.

Beside the answers listed, any operation can answer 400 (the body is no text), 408 (the body took too long), 413 (the body is too large), 431 (too many headers), 500, and 503 with Retry-After: wait that long and repeat the request with the same Idempotency-Key.`

const (
	bearerScheme     = "HTTPBearer"
	jsonContent      = "application/json"
	componentRef     = "#/components/schemas/"
	validationErrors = "HTTPValidationError"
	errorAnswer      = "LLMErrorResponse"
)

func (s *schemas) operation(rt *route) *huma.Operation {
	id := rt.operationID()
	g := s.names.guides[id]
	op := &huma.Operation{
		Method:      rt.method,
		Path:        rt.pattern,
		OperationID: id,
		Tags:        slices.Concat(rt.docs.tags, g.tags()),
		Summary:     cmp.Or(rt.docs.summary, g.summary),
		Description: cmp.Or(rt.docs.description, g.description),
		Extensions:  rt.extensions(g),
	}
	for _, p := range rt.in.params {
		op.Parameters = append(op.Parameters, &huma.Param{
			Name: p.name, In: p.in, Required: p.required, Schema: s.ofField(p.field),
		})
	}
	switch rt.rule.callers {
	case byPeople():
		op.Security = []map[string][]string{{bearerScheme: {}}}
	case byAgents():
		for _, name := range []string{agentHeader, "Authorization"} {
			op.Parameters = append(op.Parameters, &huma.Param{Name: name, In: "header", Schema: orNull(&huma.Schema{Type: huma.TypeString})})
		}
	}
	if rt.in.body != nil {
		op.RequestBody = &huma.RequestBody{Required: true, Content: s.content(s.body(rt))}
	}
	op.Responses = s.responses(rt, len(op.Parameters) > 0 || op.RequestBody != nil)
	return op
}

// extensions are the x- keys of a route: what agents are told of it, who may
// call it, and how often.
func (rt *route) extensions(g guide) map[string]any {
	all := map[string]any{"x-permissions": rt.permissions(), "x-rate-limit": rt.rateLimits()}
	maps.Copy(all, g.extensions())
	maps.Copy(all, rt.docs.extensions)
	return all
}

func (rt *route) permissions() map[string]any {
	who := []string{}
	if rt.rule.callers.people {
		who = append(who, "people")
	}
	if rt.rule.callers.agents {
		who = append(who, "agents")
	}
	return map[string]any{"rule": rt.rule.name, "who": rt.rule.says, "callers": who}
}

func (rt *route) rateLimits() []map[string]any {
	limits := []map[string]any{}
	for _, l := range rt.rule.limits {
		m := map[string]any{"policy": l.policy.Name, "per": l.per, "counts": l.counts}
		if l.policy.Limit > 0 {
			m["limit"], m["window_seconds"] = l.policy.Limit, int(l.policy.Window/time.Second)
		}
		limits = append(limits, m)
	}
	return limits
}

func (s *schemas) content(schema *huma.Schema) map[string]*huma.MediaType {
	return map[string]*huma.MediaType{jsonContent: {Schema: schema}}
}

// responses are the success and every refusal. What any route can answer
// stands in the description of the whole.
func (s *schemas) responses(rt *route, takesValues bool) map[string]*huma.Response {
	success := &huma.Response{Description: "Success"}
	if media, _, _ := strings.Cut(rt.media, ";"); media != "" {
		success.Content = map[string]*huma.MediaType{media: {Schema: &huma.Schema{Type: huma.TypeString}}}
	} else if rt.out == nil {
		success.Content = map[string]*huma.MediaType{"text/event-stream": {Schema: &huma.Schema{}}}
	} else {
		success.Content = s.content(s.of(answered(rt.out), ""))
	}
	all := map[string]*huma.Response{"200": success}
	if takesValues {
		all["422"] = &huma.Response{
			Description: http.StatusText(http.StatusUnprocessableEntity) + ": values of the request are wrong",
			Content:     s.content(&huma.Schema{Ref: componentRef + validationErrors}),
		}
	}
	for _, refusal := range slices.Concat(rt.rule.refusals(), rt.docs.refuses) {
		status := strconv.Itoa(refusal.status)
		if known := all[status]; known != nil {
			known.Description += "; " + refusal.says
			continue
		}
		all[status] = &huma.Response{
			Description: http.StatusText(refusal.status) + ": " + refusal.says,
			Content:     s.content(&huma.Schema{Ref: componentRef + errorAnswer}),
		}
	}
	for status, body := range rt.docs.answers {
		known := all[strconv.Itoa(status)]
		if known == nil {
			known = &huma.Response{Description: http.StatusText(status)}
			all[strconv.Itoa(status)] = known
		}
		known.Content = s.content(s.of(body, ""))
	}
	return all
}

// body names the schema of a body after the embedded struct that declares it,
// else after the input.
func (s *schemas) body(rt *route) *huma.Schema {
	name, declares := rt.docs.body, rt.in.typ
	if at := rt.in.body.members[0].index; len(at) > 1 {
		declares = declares.Field(at[0]).Type // several inputs may embed one body
	}
	if name == "" {
		name = exported(declares.Name())
	}
	if name == "" {
		panic("httpapi: the body of " + rt.method + " " + rt.pattern + " needs a name: bodyName")
	}
	return s.component(name, declares, fieldsOf(rt.in.typ, "json"))
}

// addErrors describes the bodies of answers other than success: that of wrong
// values, which is what fault is on the wire, and that of all others.
func (s *schemas) addErrors() {
	text := &huma.Schema{Type: huma.TypeString}
	step := &huma.Schema{AnyOf: []*huma.Schema{text, {Type: huma.TypeInteger}}}
	s.components["ValidationError"] = &huma.Schema{
		Type: huma.TypeObject,
		Properties: map[string]*huma.Schema{
			"loc":   {Type: huma.TypeArray, Items: step},
			"msg":   text,
			"type":  text,
			"input": {},
			"ctx":   {Type: huma.TypeObject},
		},
		Required: []string{"loc", "msg", "type"},
	}
	s.components[validationErrors] = &huma.Schema{
		Type: huma.TypeObject,
		Properties: map[string]*huma.Schema{
			"detail": {Type: huma.TypeArray, Items: &huma.Schema{Ref: componentRef + "ValidationError"}},
		},
	}
	s.types[errorAnswer] = reflect.TypeFor[errorBody]()
	s.components[errorAnswer] = &huma.Schema{
		Type: huma.TypeObject,
		Properties: map[string]*huma.Schema{
			"detail": {AnyOf: []*huma.Schema{
				text, {Type: huma.TypeObject, AdditionalProperties: true}, {Type: huma.TypeArray, Items: &huma.Schema{}},
			}},
			"request_id": orNull(text),
			"code":       orNull(text),
			"retryable":  orNull(&huma.Schema{Type: huma.TypeBoolean}),
		},
		Required:   []string{"detail"},
		Extensions: s.names.notes[errorAnswer],
	}
}

// answered is the type of a success: a handler that returns a pointer never
// answers null.
func answered(out reflect.Type) reflect.Type {
	if out.Kind() == reflect.Pointer {
		return out.Elem()
	}
	return out
}
