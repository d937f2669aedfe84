package httpapi

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"
)

// Tags of input structs, beside path, query, header and json:
//
//	default:"medium"   what an absent value becomes; also [] and {}
//	enum:"a,b"         one of these strings
//	nonempty:"true"    a string: trimmed and not empty; a list: not empty
//	empty:"a sentence" a list: what an empty one is told
//	ge:"0" le:"200"    bounds of a number
//	null:"yes"         a slice, map or JSON value that may be null and absent
//	null:"no"          an Optional that may be absent but not null
//	object:"true"      a JSON value that is an object
//	required:"true"    a pointer that may be null but not absent
//	undescribed:"true" not in the API description
//
// A pointer may be null and absent. Whatever is neither a pointer nor an
// Optional and has no default is required. The API description follows the same
// tags, in answers too.

// newObject compiles the members of a struct. Mistakes in it panic: every
// start of the server, and every test, would meet them.
func newObject(t reflect.Type, fields []reflect.StructField) *object {
	o := &object{byName: map[string]int{}, check: checkOf(t)}
	for _, f := range fields {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		m := objectMember{name: name, index: f.Index, kind: kindOf(f.Type, f.Tag), field: f}
		m.required, m.initial = absent(f)
		o.byName[name] = len(o.members)
		o.members = append(o.members, m)
	}
	if len(o.members) > mostMembers {
		panic(fmt.Sprintf("httpapi: %v has more than %d members", t, mostMembers))
	}
	return o
}

// fieldsOf lists the fields of a struct that carry tag, those of embedded
// structs in their place.
func fieldsOf(t reflect.Type, tag string) (fields []reflect.StructField) {
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Anonymous && f.Type.Kind() == reflect.Struct {
			for _, inner := range fieldsOf(f.Type, tag) {
				inner.Index = append([]int{i}, inner.Index...)
				fields = append(fields, inner)
			}
			continue
		}
		if name, ok := f.Tag.Lookup(tag); ok && name != "-" {
			fields = append(fields, f)
		}
	}
	return fields
}

// kindOf chooses how values of a type are read.
func kindOf(t reflect.Type, tag reflect.StructTag) kind {
	switch {
	case isOptional(t):
		return optionalKind{of: kindOf(t.Field(1).Type.Elem(), tag), null: tag.Get("null") != "no"}
	case t.Kind() == reflect.Pointer:
		return nullKind{kindOf(t.Elem(), tag)}
	}
	k := plainKindOf(t, tag)
	if tag.Get("null") == "yes" {
		return nullKind{k}
	}
	return k
}

func plainKindOf(t reflect.Type, tag reflect.StructTag) kind {
	switch t {
	case reflect.TypeFor[uuid.UUID]():
		return uuidKind{}
	case reflect.TypeFor[time.Time]():
		return timeKind{}
	case reflect.TypeFor[jsontext.Value]():
		return anyKind{object: tag.Get("object") == "true"}
	}
	if settles(t) {
		return settledKind{}
	}
	switch t.Kind() {
	case reflect.String:
		if choices, ok := tag.Lookup("enum"); ok {
			return newChoice(strings.Split(choices, ","))
		}
		return textKind{filled: tag.Get("nonempty") == "true"}
	case reflect.Bool:
		return boolKind{}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return intKind{ge: bound(tag, "ge", parseInt), le: bound(tag, "le", parseInt)}
	case reflect.Float64, reflect.Float32:
		return floatKind{ge: bound(tag, "ge", parseFloat), le: bound(tag, "le", parseFloat)}
	case reflect.Slice:
		return listKind{of: kindOf(t.Elem(), ""), filled: tag.Get("nonempty") == "true", empty: tag.Get("empty")}
	case reflect.Map:
		return mapKind{of: kindOf(t.Elem(), "")}
	case reflect.Struct:
		return newObject(t, fieldsOf(t, "json"))
	default:
		panic(fmt.Sprintf("httpapi: no way to read %v from a request", t))
	}
}

func isOptional(t reflect.Type) bool {
	return t.Kind() == reflect.Struct && strings.HasSuffix(t.PkgPath(), "missioncontrol/domain") && strings.HasPrefix(t.Name(), "Optional[")
}

func parseInt(s string) (int64, error)     { return strconv.ParseInt(s, 10, 64) }
func parseFloat(s string) (float64, error) { return strconv.ParseFloat(s, 64) }

func bound[T any](tag reflect.StructTag, key string, parse func(string) (T, error)) *T {
	text, ok := tag.Lookup(key)
	if !ok {
		return nil
	}
	v, err := parse(text)
	if err != nil {
		panic(fmt.Sprintf("httpapi: tag %s:%q: %v", key, text, err))
	}
	return &v
}

// absent tells what becomes of a field whose value is not sent.
func absent(f reflect.StructField) (required bool, initial reflect.Value) {
	if text, ok := f.Tag.Lookup("default"); ok {
		return false, initialOf(f.Type, text)
	}
	if f.Tag.Get("required") == "true" {
		return true, reflect.Value{}
	}
	mayLack := isOptional(f.Type) || f.Type.Kind() == reflect.Pointer || f.Tag.Get("null") == "yes"
	return !mayLack, reflect.Value{}
}

// initialOf reads the text of a default tag: a string as it is, else JSON.
func initialOf(t reflect.Type, text string) reflect.Value {
	p := reflect.New(t)
	if t.Kind() == reflect.String {
		p.Elem().SetString(text)
	} else if t.Kind() == reflect.Pointer && t.Elem().Kind() == reflect.String {
		p.Elem().Set(reflect.New(t.Elem()))
		p.Elem().Elem().SetString(text)
	} else if err := json.Unmarshal([]byte(text), p.Interface()); err != nil {
		panic(fmt.Sprintf("httpapi: default:%q of %v: %v", text, t, err))
	}
	return p.Elem()
}
