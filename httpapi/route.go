// Package httpapi is the HTTP face of the system: the table of routes, the
// reading of requests, the form of answers and errors, and one file of
// handlers per noun.
//
// A request goes through these steps: it gets an id and its headers
// (serve.go), the table finds its route (mount.go), the route reads the body
// (bind.go), asks its rule whether the caller may pass, complains about values
// that are wrong (faults.go), and calls the handler, whose result is the
// answer (answer.go) or whose error is (errors.go).
package httpapi

import (
	"context"
	"net/http"
	"reflect"
	"runtime"
	"strings"
	"unicode"

	"github.com/go-chi/chi/v5"

	"missioncontrol/auth"
)

// rule says who may call a route: to people and agents in words, and to a
// request by letting it pass. The API description and docs/permissions.md are
// derived from it.
type rule struct {
	name    string    // in x-permissions and docs/permissions.md
	says    string    // who may call
	callers callers   // who can prove themselves to it
	limits  []limit   // of how often one may try
	refuses []refusal // what it answers to others, beside what proving and limits give
	may     gate
}

// callers is who can prove themselves to a rule: people with a bearer token,
// agents with a token of theirs.
type callers struct{ people, agents bool }

// limit bounds how often a route can be tried.
type limit struct {
	policy auth.Policy
	per    string // whose attempts are counted together
	counts string // which attempts
	says   string // when it refuses
}

// refusal is an answer other than success that a caller has to reckon with.
type refusal struct {
	status int
	says   string // when
}

// gate decides whether a caller may go on, and returns the context in which
// the handler runs, which carries who the caller is. It runs before the values
// of the request are judged, so that a stranger learns nothing from them.
type gate func(context.Context, params) (context.Context, error)

// public lets everybody pass.
func public() rule {
	return rule{name: "public", says: "everybody", may: func(ctx context.Context, _ params) (context.Context, error) { return ctx, nil }}
}

// params is what a rule may see of a request.
type params struct{ r *http.Request }

func (p params) path(name string) string   { return chi.URLParam(p.r, name) }
func (p params) header(name string) string { return p.r.Header.Get(name) }
func (p params) request() *http.Request    { return p.r }

// route is one line of the table: what is asked, who may ask, who answers.
type route struct {
	method, pattern string
	rule            rule
	docs            docs
	in              *input
	out             reflect.Type // nil: a stream, or bytes
	media           string       // of bytes, "" otherwise
	serve           func(*Transport, http.ResponseWriter, *http.Request) error
}

func get[In, Out any](pattern string, may rule, h func(context.Context, In) (Out, error), notes ...note) route {
	return endpoint(http.MethodGet, pattern, may, h, notes)
}

func post[In, Out any](pattern string, may rule, h func(context.Context, In) (Out, error), notes ...note) route {
	return endpoint(http.MethodPost, pattern, may, h, notes)
}

func put[In, Out any](pattern string, may rule, h func(context.Context, In) (Out, error), notes ...note) route {
	return endpoint(http.MethodPut, pattern, may, h, notes)
}

func patch[In, Out any](pattern string, may rule, h func(context.Context, In) (Out, error), notes ...note) route {
	return endpoint(http.MethodPatch, pattern, may, h, notes)
}

func del[In, Out any](pattern string, may rule, h func(context.Context, In) (Out, error), notes ...note) route {
	return endpoint(http.MethodDelete, pattern, may, h, notes)
}

// endpoint is a route that answers with the JSON of Out.
func endpoint[In, Out any](method, pattern string, may rule, h func(context.Context, In) (Out, error), notes []note) route {
	rt := newRoute(method, pattern, may, reflect.TypeFor[In](), h, notes)
	rt.out = reflect.TypeFor[Out]()
	rt.serve = func(t *Transport, w http.ResponseWriter, r *http.Request) error {
		var in In
		ctx, err := rt.admit(t, r, reflect.ValueOf(&in).Elem())
		if err != nil {
			return err
		}
		out, err := h(ctx, in)
		if err != nil {
			return err
		}
		if t.Answering != nil {
			t.Answering(ctx)
		}
		t.writeJSON(w, r, http.StatusOK, out)
		return nil
	}
	return rt
}

// stream is a route whose handler writes the answer itself, for as long as it
// likes. What it returns before its first byte is answered like any error;
// after that, any error cuts the connection, http.ErrAbortHandler silently.
func stream[In any](pattern string, may rule, h func(http.ResponseWriter, *http.Request, In) error, notes ...note) route {
	rt := newRoute(http.MethodGet, pattern, may, reflect.TypeFor[In](), h, notes)
	rt.serve = func(t *Transport, w http.ResponseWriter, r *http.Request) error {
		var in In
		ctx, err := rt.admit(t, r, reflect.ValueOf(&in).Elem())
		if err != nil {
			return err
		}
		return h(w, r.WithContext(ctx), in)
	}
	return rt
}

// What bytes are.
const (
	textContent = "text/plain; charset=utf-8"
	rawContent  = "application/octet-stream"
)

// content is a route that answers with bytes as they are.
func content[In any](pattern string, may rule, media string, h func(context.Context, In) ([]byte, error), notes ...note) route {
	rt := newRoute(http.MethodGet, pattern, may, reflect.TypeFor[In](), h, notes)
	rt.media = media
	rt.serve = func(t *Transport, w http.ResponseWriter, r *http.Request) error {
		var in In
		ctx, err := rt.admit(t, r, reflect.ValueOf(&in).Elem())
		if err != nil {
			return err
		}
		b, err := h(ctx, in)
		if err != nil {
			return err
		}
		w.Header().Set("Content-Type", media)
		writeBytes(w, http.StatusOK, b)
		return nil
	}
	return rt
}

// download is a route whose handler sends a file.
func download[In any](pattern string, may rule, h func(http.ResponseWriter, *http.Request, In) error, notes ...note) route {
	rt := stream(pattern, may, h, notes...)
	rt.media = rawContent
	rt.docs.handler = snakeCase(nameOf(h))
	return rt
}

func newRoute(method, pattern string, may rule, in reflect.Type, handler any, notes []note) route {
	if may.may == nil || may.name == "" || may.says == "" {
		panic("httpapi: the rule of " + method + " " + pattern + " does not say who may call")
	}
	rt := route{method: method, pattern: pattern, rule: may, in: newInput(in)}
	rt.docs.handler = snakeCase(nameOf(handler))
	for _, n := range notes {
		n(&rt.docs)
	}
	return rt
}

// admit reads the request into dst and lets it pass the rule. Faults of the
// input are reported only to callers who may be here.
func (rt *route) admit(t *Transport, r *http.Request, dst reflect.Value) (context.Context, error) {
	faults, err := rt.in.bind(r, t.MaxBodyBytes, dst)
	if err != nil {
		return nil, err
	}
	ctx, err := rt.rule.may(r.Context(), params{r})
	if err != nil {
		return nil, err
	}
	if len(faults) > 0 {
		return nil, invalidInput(faults)
	}
	if rt.docs.audited && t.Reading != nil {
		if err := t.Reading(ctx, r); err != nil {
			return nil, err
		}
	}
	return ctx, nil
}

// nameOf returns the name of a function or method value, without its package
// and receiver.
func nameOf(f any) string {
	name := runtime.FuncForPC(reflect.ValueOf(f).Pointer()).Name()
	return strings.TrimSuffix(name[strings.LastIndexByte(name, '.')+1:], "-fm")
}

// snakeCase turns listTasks into list_tasks.
func snakeCase(name string) string {
	var out strings.Builder
	for i, r := range name {
		if unicode.IsUpper(r) && i > 0 && !unicode.IsUpper(rune(name[i-1])) {
			out.WriteByte('_')
		}
		out.WriteRune(unicode.ToLower(r))
	}
	return out.String()
}
