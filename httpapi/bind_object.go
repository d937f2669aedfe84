package httpapi

import (
	"bytes"
	"reflect"

	"github.com/go-json-experiment/json/jsontext"
)

// mostMembers is how many members an object can declare: one bit each.
const mostMembers = 64

// object reads a JSON object into a struct. Members that it does not declare
// are passed over; faults come in the order of declaration.
type object struct {
	members []objectMember
	byName  map[string]int
	check   func(reflect.Value) []flaw // nil: no rule of its own
}

// objectMember is one declared member of an object.
type objectMember struct {
	name     string
	index    []int // of the struct field
	kind     kind
	required bool
	initial  reflect.Value // what an absent member becomes; invalid: the zero value
	field    reflect.StructField
}

func notAnObject() *problem {
	return &problem{kind: "model_attributes_type", msg: "Input should be a valid dictionary or object to extract fields from"}
}

func (o *object) read(w *walk, dst reflect.Value) {
	if w.kind() != '{' {
		w.reject(notAnObject(), w.value())
		return
	}
	first, start := len(w.faults), w.begin()
	var seen uint64
	for w.more('}') {
		i, declared := o.byName[string(w.name())]
		if !declared {
			w.value()
			continue
		}
		m := &o.members[i]
		target := dst.FieldByIndex(m.index)
		if seen&(1<<i) != 0 {
			w.forget(first, i)
			target.SetZero()
		}
		seen |= 1 << i
		w.enter(step{name: m.name, order: i})
		m.kind.read(w, target)
		w.leave()
	}
	w.delimiter()
	if w.err == nil {
		o.finish(w, dst, seen, first, w.since(start))
	}
}

// finish deals with the members that did not come, and with the whole.
func (o *object) finish(w *walk, dst reflect.Value, seen uint64, first int, input jsontext.Value) {
	for i := range o.members {
		m := &o.members[i]
		switch {
		case seen&(1<<i) != 0:
		case m.required:
			w.enter(step{name: m.name, order: i})
			w.reject(missing(), input)
			w.leave()
		case m.initial.IsValid():
			setInitial(dst.FieldByIndex(m.index), m.initial)
		}
	}
	if len(w.faults) > first {
		w.sortFaults(first)
		return
	}
	if o.check == nil {
		return
	}
	for _, f := range o.check(dst) {
		if f.Field == "" {
			w.reject(broken(f.Text), input)
			continue
		}
		w.enter(step{name: f.Field})
		w.reject(broken(f.Text), input)
		w.leave()
	}
}

// name reads the name of a member. It is valid until the next string is read.
func (w *walk) name() []byte {
	raw := w.value()
	if len(raw) < 2 {
		return nil
	}
	if bytes.IndexByte(raw, '\\') < 0 {
		return raw[1 : len(raw)-1]
	}
	w.text, _ = jsontext.AppendUnquote(w.text[:0], raw) // a damaged name is none that we declare
	return w.text
}

// setInitial gives every request a value of its own, which its handler may
// change.
func setInitial(dst, initial reflect.Value) {
	t := initial.Type()
	switch t.Kind() {
	case reflect.Map:
		dst.Set(reflect.MakeMap(t))
	case reflect.Slice:
		dst.Set(reflect.AppendSlice(reflect.MakeSlice(t, 0, 0), initial))
	case reflect.Pointer:
		p := reflect.New(t.Elem())
		p.Elem().Set(initial.Elem())
		dst.Set(p)
	default:
		dst.Set(initial)
	}
}

// checkOf returns the rule that t states for itself: a method Validate that
// returns a text, empty when all is well, or the flaws.
func checkOf(t reflect.Type) func(reflect.Value) []flaw {
	type (
		sentence interface{ Validate() string }
		list     interface{ Validate() []flaw }
	)
	switch p := reflect.PointerTo(t); {
	case p.Implements(reflect.TypeFor[sentence]()):
		return func(v reflect.Value) []flaw {
			if text := v.Addr().Interface().(sentence).Validate(); text != "" {
				return []flaw{{Text: text}}
			}
			return nil
		}
	case p.Implements(reflect.TypeFor[list]()):
		return func(v reflect.Value) []flaw { return v.Addr().Interface().(list).Validate() }
	default:
		return nil
	}
}
