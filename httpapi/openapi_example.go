package httpapi

import (
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// addExamples gives the JSON of an operation for people an example of each
// shape.
func (s *schemas) addExamples(op *huma.Operation) {
	plain := func(tag string) bool {
		return tag == "agent" || strings.HasPrefix(tag, "agent-") || tag == "auth" || tag == "health"
	}
	if !slices.ContainsFunc(op.Tags, func(tag string) bool { return !plain(tag) }) {
		return
	}
	if op.RequestBody != nil {
		s.addExample(op.RequestBody.Content[jsonContent])
	}
	s.addExample(op.Responses["200"].Content[jsonContent])
}

func (s *schemas) addExample(m *huma.MediaType) {
	if m != nil && m.Schema != nil {
		m.Example = s.example(m.Schema, nil)
	}
}

// example is a value that a schema allows; inside are the components that it
// is in, which are not shown within themselves.
func (s *schemas) example(schema *huma.Schema, inside []string) any {
	name, isRef := strings.CutPrefix(schema.Ref, componentRef)
	switch {
	case isRef && slices.Contains(inside, name):
		return nil
	case isRef:
		return s.example(s.components[name], append(inside, name))
	case schema.Default != nil:
		return schema.Default
	case len(schema.AnyOf) > 0:
		return s.example(schema.AnyOf[0], inside)
	case len(schema.Enum) > 0:
		return schema.Enum[0]
	case schema.Extensions["const"] != nil:
		return schema.Extensions["const"]
	}
	switch schema.Type {
	case huma.TypeObject:
		members := map[string]any{}
		for member, of := range schema.Properties {
			members[member] = s.example(of, inside)
		}
		return members
	case huma.TypeArray:
		return []any{s.example(schema.Items, inside)}
	case huma.TypeInteger, huma.TypeNumber:
		return 1
	case huma.TypeBoolean:
		return true
	case huma.TypeString:
		return exampleText(schema.Format)
	}
	return map[string]any{}
}

func exampleText(format string) string {
	switch format {
	case "uuid":
		return "8c1f6a4e-2b7d-4f39-9a51-6d0e3b9c7f42"
	case "date-time":
		return "2026-01-31T09:30:00"
	}
	return "text"
}
