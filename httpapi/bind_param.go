package httpapi

import (
	"fmt"
	"net/http"
	"reflect"
	"strings"

	"github.com/go-chi/chi/v5"
)

// page is embedded by the inputs of lists.
type page struct {
	Limit  int `query:"limit"  default:"200" ge:"1" le:"200"`
	Offset int `query:"offset" default:"0"   ge:"0"`
}

// param is a value from outside the body.
type param struct {
	in       string // path, query or header
	name     string
	index    []int
	nullable bool
	scalar   scalar
	required bool
	initial  reflect.Value
	field    reflect.StructField
}

// paramsOf compiles the parameters of an input: path, query, header.
func paramsOf(t reflect.Type) (params []param) {
	for _, in := range []string{"path", "query", "header"} {
		for _, f := range fieldsOf(t, in) {
			p := param{in: in, name: f.Tag.Get(in), index: f.Index, field: f}
			p.required, p.initial = absent(f)
			k := kindOf(f.Type, f.Tag)
			if inner, ok := k.(nullKind); ok {
				p.nullable, k = true, inner.of
			}
			scalar, ok := k.(scalar)
			if !ok {
				panic(fmt.Sprintf("httpapi: %s parameter %q can not be a %v", in, p.name, f.Type))
			}
			p.scalar = scalar
			params = append(params, p)
		}
	}
	return params
}

// bind reads the parameter from r, or returns what is wrong with it.
func (p *param) bind(r *http.Request, dst reflect.Value) *fault {
	text, found := p.find(r)
	if !found {
		if p.required {
			f := missing().at(place{{name: p.in}, {name: p.name}}, nil)
			return &f
		}
		if p.initial.IsValid() {
			setInitial(dst, p.initial)
		}
		return nil
	}
	target := dst
	if p.nullable && dst.Kind() == reflect.Pointer {
		target = reflect.New(dst.Type().Elem()).Elem()
		dst.Set(target.Addr())
	}
	if wrong := p.scalar.parse(given{kind: '"', text: []byte(text)}, target); wrong != nil {
		f := wrong.at(place{{name: p.in}, {name: p.name}}, quoted(text))
		return &f
	}
	return nil
}

func (p *param) find(r *http.Request) (string, bool) {
	switch p.in {
	case "path":
		return strings.ToValidUTF8(chi.URLParam(r, p.name), "�"), true
	case "query":
		return queryValue(r.URL.RawQuery, p.name)
	default:
		values := r.Header.Values(p.name)
		if len(values) == 0 {
			return "", false
		}
		return strings.ToValidUTF8(values[0], "�"), true
	}
}

// queryValue returns the last value of name. Unlike net/url it takes broken
// escapes as they are and knows no semicolons, as the original does.
func queryValue(query, name string) (value string, found bool) {
	for len(query) > 0 {
		var pair string
		pair, query, _ = strings.Cut(query, "&")
		key, text, _ := strings.Cut(pair, "=")
		if key == name || unescape(key) == name && pair != "" {
			value, found = text, true
		}
	}
	if found {
		value = strings.ToValidUTF8(unescape(value), "�")
	}
	return value, found
}

func unescape(text string) string {
	if !strings.ContainsAny(text, "%+") {
		return text
	}
	var out strings.Builder
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '+':
			out.WriteByte(' ')
		case c == '%' && i+2 < len(text) && isHex(rune(text[i+1])) && isHex(rune(text[i+2])):
			out.WriteByte(unhex(text[i+1])<<4 | unhex(text[i+2]))
			i += 2
		default:
			out.WriteByte(c)
		}
	}
	return out.String()
}

func unhex(c byte) byte {
	if isDigit(c) {
		return c - '0'
	}
	return c&^0x20 - 'A' + 10
}
