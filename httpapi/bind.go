package httpapi

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"os"
	"reflect"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// input is what a route reads from a request: the compiled form of a struct
// whose fields are tagged path, query, header or json. The json fields, also
// those of embedded structs, together are the body.
type input struct {
	typ    reflect.Type
	params []param
	body   *object // nil: the body is not read
	walks  walks
}

func newInput(t reflect.Type) *input {
	if t.Kind() != reflect.Struct {
		panic(fmt.Sprintf("httpapi: the input of a handler is a struct, not %v", t))
	}
	in := &input{typ: t, params: paramsOf(t), walks: walks{options: lenient()}}
	if fields := fieldsOf(t, "json"); len(fields) > 0 {
		in.body = newObject(t, fields)
	}
	return in
}

// bind fills dst from r. An error is one that is answered whoever asks: a body
// that can not be read, is too large or is not JSON. Faults wait until the rule
// of the route has let the caller pass.
func (in *input) bind(r *http.Request, mostBody int64, dst reflect.Value) ([]fault, error) {
	var faults []fault
	for i := range in.params {
		p := &in.params[i]
		if f := p.bind(r, dst.FieldByIndex(p.index)); f != nil {
			faults = append(faults, *f)
		}
	}
	if in.body == nil {
		return faults, ignoreBody(r, mostBody)
	}
	body, err := readBody(r, mostBody)
	if err != nil {
		return nil, err
	}
	keepBody(r.Context(), body)
	if len(body) > 0 && !isJSON(r.Header.Get("Content-Type")) {
		return append(faults, notAnObject().at(place{{name: "body"}}, quoted(string(body)))), nil
	}
	more, err := in.decode(body, dst)
	return append(faults, more...), err
}

// decode reads the members of the body.
func (in *input) decode(body []byte, dst reflect.Value) ([]fault, error) {
	if len(body) == 0 {
		return []fault{missing().at(place{{name: "body"}}, nil)}, nil
	}
	body = trimBOM(body)
	if mayNestDeeply(body) {
		if why := malformed(body); why != nil {
			return nil, why.answer()
		}
	}
	w := in.walks.take(body)
	defer in.walks.give(w)
	if w.kind() == 'n' {
		w.reject(missing(), w.value())
	} else {
		in.body.read(w, dst)
	}
	if w.err == nil {
		if _, err := w.dec.ReadToken(); !errors.Is(err, io.EOF) {
			w.err = errors.New("more than one value")
		}
	}
	if w.err == nil {
		return w.faults, nil
	}
	if why := malformed(body); why != nil {
		return nil, why.answer()
	}
	return nil, fmt.Errorf("a body that is JSON could not be read: %w", w.err)
}

func (e *syntaxError) answer() error {
	if e.tooDeep {
		return unreadableBody()
	}
	return invalidInput{{
		Type: "json_invalid", Loc: place{{name: "body"}, {at: e.offset, item: true}}, Msg: "JSON decode error",
		Input: jsontext.Value("{}"), Ctx: contextOf("error", e.text),
	}}
}

func unreadableBody() error {
	return &apiError{status: http.StatusBadRequest, detail: "There was an error parsing the body"}
}

// readBody returns the whole body, which is text of at most most bytes.
func readBody(r *http.Request, most int64) ([]byte, error) {
	if r.ContentLength > most {
		return nil, tooLarge(r, most)
	}
	var body []byte
	var err error
	if r.ContentLength > 0 {
		body = make([]byte, r.ContentLength)
		_, err = io.ReadFull(r.Body, body)
	} else if r.ContentLength < 0 {
		body, err = io.ReadAll(io.LimitReader(r.Body, most+1))
	}
	switch {
	case int64(len(body)) > most:
		return nil, tooLarge(r, most)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, tooSlow(r)
	case err != nil || !utf8.Valid(body):
		return nil, unreadableBody()
	}
	return body, nil
}

// tooLarge takes in some of what is left of a body that is somewhat too large:
// many clients send all of it before they look for an answer, and would see
// nothing but a broken connection.
func tooLarge(r *http.Request, most int64) error {
	_, _ = io.CopyN(io.Discard, r.Body, 2*most) // its error changes nothing
	return &apiError{
		status: http.StatusRequestEntityTooLarge,
		detail: fmt.Sprintf("Request body exceeds %d bytes.", most),
	}
}

// isJSON reports whether a body of this content type is read as JSON. None at
// all counts as JSON.
func isJSON(contentType string) bool {
	if contentType == "" || contentType == "application/json" {
		return true
	}
	media, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		media, _, _ = strings.Cut(contentType, ";")
		media = strings.ToLower(strings.TrimSpace(media))
	}
	return media == "application/json" || strings.Contains(media, "/") && strings.HasSuffix(media, "+json")
}

func trimBOM(body []byte) []byte {
	if len(body) >= 3 && string(body[:3]) == "\uFEFF" {
		return body[3:]
	}
	return body
}

// mayNestDeeply counts brackets, strings and all, to spare usual bodies a
// second look.
func mayNestDeeply(body []byte) bool {
	n := 0
	for _, c := range body {
		if c == '{' || c == '[' {
			n++
		}
	}
	return n > mostNesting
}
