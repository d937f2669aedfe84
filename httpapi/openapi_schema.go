package httpapi

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"
)

// vocabulary tells how Go types appear in the API description.
type vocabulary struct {
	names   map[reflect.Type]string   // of schemas; the default is the name of the type
	formats map[reflect.Type]string   // of types that are a string on the wire
	guides  map[string]guide          // what agents are told, by operation id
	notes   map[string]map[string]any // x- keys of schemas, by name
}

// schemas builds the schemas of types and collects those with a name.
type schemas struct {
	names      vocabulary
	components map[string]*huma.Schema
	types      map[string]reflect.Type // of components, to tell two of one name apart
}

// ofField is the schema of a member or a parameter, with its default.
func (s *schemas) ofField(f reflect.StructField) *huma.Schema {
	schema := s.of(f.Type, f.Tag)
	text, ok := f.Tag.Lookup("default")
	switch {
	case !ok || text == "[]" || text == "{}":
		return schema
	case stringKind(f.Type):
		schema.Default = text
	default:
		schema.Default = json.RawMessage(text)
	}
	return schema
}

func stringKind(t reflect.Type) bool {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.Kind() == reflect.String
}

// of is the schema of a type under the tags of bind_shape.go.
func (s *schemas) of(t reflect.Type, tag reflect.StructTag) *huma.Schema {
	switch {
	case isOptional(t):
		inner := s.of(t.Field(1).Type.Elem(), tag)
		if tag.Get("null") == "no" {
			return inner
		}
		return orNull(inner)
	case t.Kind() == reflect.Pointer:
		return orNull(s.of(t.Elem(), tag))
	case tag.Get("null") == "yes":
		return orNull(s.plain(t, tag))
	default:
		return s.plain(t, tag)
	}
}

func orNull(schema *huma.Schema) *huma.Schema {
	return &huma.Schema{AnyOf: []*huma.Schema{schema, {Type: "null"}}}
}

func (s *schemas) plain(t reflect.Type, tag reflect.StructTag) *huma.Schema {
	if format, ok := s.names.formats[t]; ok {
		return &huma.Schema{Type: huma.TypeString, Format: format}
	}
	switch t {
	case reflect.TypeFor[uuid.UUID]():
		return &huma.Schema{Type: huma.TypeString, Format: "uuid"}
	case reflect.TypeFor[time.Time]():
		return &huma.Schema{Type: huma.TypeString, Format: "date-time"}
	case reflect.TypeFor[jsontext.Value]():
		switch members := tag.Get("object"); members {
		case "":
			return &huma.Schema{}
		case "true":
			return &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true}
		default: // the type of all members
			return &huma.Schema{Type: huma.TypeObject, AdditionalProperties: &huma.Schema{Type: members}}
		}
	}
	switch t.Kind() {
	case reflect.String:
		return text(tag)
	case reflect.Bool:
		return &huma.Schema{Type: huma.TypeBoolean}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return bounded(huma.TypeInteger, tag)
	case reflect.Float32, reflect.Float64:
		return bounded(huma.TypeNumber, tag)
	case reflect.Slice:
		return list(s.of(t.Elem(), ""), tag)
	case reflect.Map:
		return &huma.Schema{Type: huma.TypeObject, AdditionalProperties: s.of(t.Elem(), "")}
	case reflect.Struct:
		return s.component(s.nameOf(t), t, fieldsOf(t, "json"))
	case reflect.Interface:
		return &huma.Schema{}
	default:
		panic(fmt.Sprintf("httpapi: %v has no schema", t))
	}
}

func text(tag reflect.StructTag) *huma.Schema {
	schema := &huma.Schema{Type: huma.TypeString}
	if choices := strings.Split(tag.Get("enum"), ","); choices[0] == "" {
		// any text
	} else if len(choices) == 1 {
		schema.Extensions = map[string]any{"const": choices[0]}
	} else {
		for _, c := range choices {
			schema.Enum = append(schema.Enum, c)
		}
	}
	if tag.Get("nonempty") == "true" {
		schema.MinLength = new(1)
	}
	return schema
}

func list(of *huma.Schema, tag reflect.StructTag) *huma.Schema {
	schema := &huma.Schema{Type: huma.TypeArray, Items: of}
	if tag.Get("nonempty") == "true" {
		schema.MinItems = new(1)
	}
	return schema
}

func bounded(typ string, tag reflect.StructTag) *huma.Schema {
	limit := func(key string) *float64 {
		f, err := strconv.ParseFloat(tag.Get(key), 64)
		if err != nil {
			return nil
		}
		return &f
	}
	return &huma.Schema{Type: typ, Minimum: limit("ge"), Maximum: limit("le")}
}

// component puts the schema of an object under its name and refers to it.
func (s *schemas) component(name string, t reflect.Type, fields []reflect.StructField) *huma.Schema {
	ref := &huma.Schema{Ref: componentRef + name}
	if other, ok := s.types[name]; ok {
		if other != t {
			panic(fmt.Sprintf("httpapi: %v and %v are both called %s in the API description", other, t, name))
		}
		return ref
	}
	s.types[name] = t
	schema := &huma.Schema{Type: huma.TypeObject, Properties: map[string]*huma.Schema{}, Extensions: s.names.notes[name]}
	s.components[name] = schema
	for _, f := range fields {
		if f.Tag.Get("undescribed") == "true" {
			continue
		}
		member, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		schema.Properties[member] = s.ofField(f)
		if required, _ := absent(f); required {
			schema.Required = append(schema.Required, member)
		}
	}
	return ref
}

// nameOf names the schema of a struct. Pages have the names that the original's
// library gave them.
func (s *schemas) nameOf(t reflect.Type) string {
	if name, ok := s.names.names[t]; ok {
		return name
	}
	if strings.HasPrefix(t.Name(), "Page[") {
		items, _ := t.FieldByName("Items")
		return "LimitOffsetPage_TypeVar_Customized_" + s.nameOf(items.Type.Elem()) + "_"
	}
	if t.Name() == "" || strings.ContainsRune(t.Name(), '[') {
		panic(fmt.Sprintf("httpapi: %v needs a name in the API description", t))
	}
	return exported(t.Name())
}

func exported(name string) string {
	for i, r := range name {
		return string(unicode.ToUpper(r)) + name[i+len(string(r)):]
	}
	return ""
}
