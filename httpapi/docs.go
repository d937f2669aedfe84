package httpapi

import (
	"reflect"
	"regexp"
	"strings"
)

// docs is what the API description says of a route beside its types.
type docs struct {
	handler              string // the first part of the default operation id
	operation            string // the whole operation id, when it is not the default
	tags                 []string
	summary, description string
	body                 string
	answers              map[int]reflect.Type
	refuses              []refusal
	extensions           map[string]any
	audited              bool // that it is asked is recorded
}

// note adds to the docs of a route.
type note func(*docs)

// tagged files the route under tags.
func tagged(tags ...string) note { return func(d *docs) { d.tags = tags } }

// about says what the route does: a short line, and a description that may be
// empty.
func about(summary, description string) note {
	return func(d *docs) { d.summary, d.description = summary, description }
}

// handledBy names the handler in the operation id, where the name of the Go
// function does not tell it.
func handledBy(name string) note { return func(d *docs) { d.handler = name } }

// operation sets the whole operation id.
func operation(id string) note { return func(d *docs) { d.operation = id } }

// bodyName names the schema of the body, where it is not the name of the
// embedded struct that declares it.
func bodyName(name string) note { return func(d *docs) { d.body = name } }

// refuses documents what the handler answers to callers whom the rule has let
// pass: the status, and when.
func refuses(status int, when string) note {
	return func(d *docs) { d.refuses = append(d.refuses, refusal{status, when}) }
}

// auditedRead has it recorded that the route was asked, once a caller and
// minute, before it answers: it shows the audit log.
func auditedRead() note { return func(d *docs) { d.audited = true } }

// alsoAnswers documents a further status with the type of its body.
func alsoAnswers[Body any](status int) note {
	return func(d *docs) {
		if d.answers == nil {
			d.answers = map[int]reflect.Type{}
		}
		d.answers[status] = reflect.TypeFor[Body]()
	}
}

// extended adds an x- key, as agents read them.
func extended(key string, value any) note {
	return func(d *docs) {
		if d.extensions == nil {
			d.extensions = map[string]any{}
		}
		d.extensions[key] = value
	}
}

// operationID is a contract: agents select operations by it.
func (rt *route) operationID() string {
	if rt.docs.operation != "" {
		return rt.docs.operation
	}
	if regexp.MustCompile(`^func\d+$`).MatchString(rt.docs.handler) {
		panic("httpapi: the handler of " + rt.method + " " + rt.pattern + " needs a name: handledBy")
	}
	path := regexp.MustCompile(`\W`).ReplaceAllString(rt.pattern, "_")
	return rt.docs.handler + path + "_" + strings.ToLower(rt.method)
}
