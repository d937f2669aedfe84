package httpapi

import (
	"encoding/json" // huma's types marshal themselves with it
	"fmt"
	"net/http"
	"reflect"
	"strconv"

	"github.com/danielgtaylor/huma/v2"
)

// describe returns the API description. Agents read it at run time: names,
// operation ids, tags and x- keys are a contract, checked against
// testdata/openapi.json.
//
// The document and its schemas are huma's types. The schemas are built here
// and not by huma, whose forms for null, defaults and required members differ
// from those of the contract.
func (t *Transport) describe(routes []route, names vocabulary) []byte {
	registry := huma.NewMapRegistry(componentRef, huma.DefaultSchemaNamer)
	doc := &huma.OpenAPI{
		OpenAPI: "3.1.0",
		Info:    &huma.Info{Title: "Mission Control API", Version: "0.1.0"},
		Components: &huma.Components{
			Schemas:         registry,
			SecuritySchemes: map[string]*huma.SecurityScheme{bearerScheme: {Type: "http", Scheme: "bearer"}},
		},
	}
	s := schemas{names: names, components: registry.Map(), types: map[string]reflect.Type{}}
	s.addValidationErrors()
	for i := range routes {
		doc.AddOperation(s.operation(&routes[i]))
	}
	b, err := json.Marshal(doc)
	if err != nil {
		panic(fmt.Sprintf("httpapi: the API description does not encode: %v", err))
	}
	return b
}

const (
	bearerScheme     = "HTTPBearer"
	jsonContent      = "application/json"
	componentRef     = "#/components/schemas/"
	validationErrors = "HTTPValidationError"
)

func (s *schemas) operation(rt *route) *huma.Operation {
	op := &huma.Operation{
		Method:      rt.method,
		Path:        rt.pattern,
		OperationID: rt.operationID(),
		Tags:        rt.docs.tags,
		Summary:     rt.docs.summary,
		Description: rt.docs.description,
		Responses:   s.responses(rt),
		Extensions:  rt.docs.extensions,
	}
	if rt.docs.bearer {
		op.Security = []map[string][]string{{bearerScheme: {}}}
	}
	for _, p := range rt.in.params {
		op.Parameters = append(op.Parameters, &huma.Param{
			Name: p.name, In: p.in, Required: p.required, Schema: s.ofField(p.field),
		})
	}
	if rt.in.body != nil {
		op.RequestBody = &huma.RequestBody{Required: true, Content: s.content(s.body(rt))}
	}
	return op
}

func (s *schemas) content(schema *huma.Schema) map[string]*huma.MediaType {
	return map[string]*huma.MediaType{jsonContent: {Schema: schema}}
}

func (s *schemas) responses(rt *route) map[string]*huma.Response {
	success := &huma.Response{Description: "Success"}
	if rt.out == nil {
		success.Content = map[string]*huma.MediaType{"text/event-stream": {Schema: &huma.Schema{}}}
	} else {
		success.Content = s.content(s.of(rt.out, ""))
	}
	all := map[string]*huma.Response{"200": success}
	if len(rt.in.params) > 0 || rt.in.body != nil {
		all["422"] = &huma.Response{
			Description: "The values of the request are not valid",
			Content:     s.content(&huma.Schema{Ref: componentRef + validationErrors}),
		}
	}
	for status, body := range rt.docs.answers {
		all[strconv.Itoa(status)] = &huma.Response{
			Description: http.StatusText(status), Content: s.content(s.of(body, "")),
		}
	}
	return all
}

// body names the schema of a body after the embedded struct that declares it,
// else after the input.
func (s *schemas) body(rt *route) *huma.Schema {
	name := rt.docs.body
	if name == "" {
		declares := rt.in.typ
		if at := rt.in.body.members[0].index; len(at) > 1 {
			declares = declares.Field(at[0]).Type
		}
		name = exported(declares.Name())
	}
	if name == "" {
		panic("httpapi: the body of " + rt.method + " " + rt.pattern + " needs a name: bodyName")
	}
	return s.component(name, rt.in.typ, fieldsOf(rt.in.typ, "json"))
}

// addValidationErrors describes the body of a 422 answer, which is what fault
// is on the wire.
func (s *schemas) addValidationErrors() {
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
}
