package httpapi

import (
	"bytes"
	"cmp"
	"reflect"
	"slices"
	"sync"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// kind reads one JSON value of a certain form into a Go value.
type kind interface {
	read(w *walk, dst reflect.Value)
}

// lenient accepts what clients were always allowed to send: repeated names
// and, to be refused with its place, half a surrogate pair.
func lenient() jsontext.Options {
	return json.JoinOptions(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
}

// walk goes through a body once, filling Go values and noting faults.
type walk struct {
	dec    *jsontext.Decoder
	source bytes.Buffer
	body   []byte
	path   place
	faults []fault
	text   []byte // the last string that had escapes, unquoted
	err    error  // the body is not JSON: reading goes nowhere any more
}

func (w *walk) kind() jsontext.Kind {
	if w.err != nil {
		return 0
	}
	k := w.dec.PeekKind()
	if k == 0 {
		w.value()
	}
	return k
}

// value returns the next value as it stands in the body.
func (w *walk) value() jsontext.Value {
	if w.err != nil {
		return nil
	}
	v, err := w.dec.ReadValue()
	if err != nil {
		w.err = err
		return nil
	}
	end := int(w.dec.InputOffset())
	return jsontext.Value(w.body[end-len(v) : end : end])
}

func (w *walk) delimiter() {
	if w.err == nil {
		_, w.err = w.dec.ReadToken()
	}
}

// more reports whether a value comes before the end of an object or a list.
func (w *walk) more(end jsontext.Kind) bool {
	k := w.kind()
	return w.err == nil && k != end
}

func (w *walk) enter(s step) { w.path = append(w.path, s) }
func (w *walk) leave()       { w.path = w.path[:len(w.path)-1] }

// reject notes a fault at the value that was just read.
func (w *walk) reject(p *problem, input jsontext.Value) {
	if w.err == nil && len(w.faults) < maxFaults {
		w.faults = append(w.faults, p.at(slices.Clone(w.path), input))
	}
}

// given reads a scalar, or skips what is none.
func (w *walk) given() (given, jsontext.Value) {
	raw := w.value()
	if w.err != nil {
		return given{}, nil
	}
	g := given{kind: raw.Kind(), text: raw}
	if g.kind == '"' {
		g.text = raw[1 : len(raw)-1]
		if bytes.IndexByte(g.text, '\\') >= 0 {
			// The only error there is, half a surrogate pair, is told by lone.
			w.text, _ = jsontext.AppendUnquote(w.text[:0], raw)
			g.text, g.lone = w.text, hasLoneSurrogate(raw)
		}
	}
	return g, raw
}

func readScalar(k scalar, w *walk, dst reflect.Value) {
	g, raw := w.given()
	if w.err != nil {
		return
	}
	if p := k.parse(g, dst); p != nil {
		w.reject(p, raw)
	}
}

func (k textKind) read(w *walk, dst reflect.Value)   { readScalar(k, w, dst) }
func (k choiceKind) read(w *walk, dst reflect.Value) { readScalar(k, w, dst) }
func (k boolKind) read(w *walk, dst reflect.Value)   { readScalar(k, w, dst) }
func (k intKind) read(w *walk, dst reflect.Value)    { readScalar(k, w, dst) }
func (k floatKind) read(w *walk, dst reflect.Value)  { readScalar(k, w, dst) }
func (k uuidKind) read(w *walk, dst reflect.Value)   { readScalar(k, w, dst) }
func (k timeKind) read(w *walk, dst reflect.Value)   { readScalar(k, w, dst) }

// listKind reads a list.
type listKind struct {
	of     kind
	filled bool   // not empty
	empty  string // what an empty one is told; "": it may be empty
}

func (k listKind) read(w *walk, dst reflect.Value) {
	if w.kind() != '[' {
		w.reject(wrongType("list_type", "list"), w.value())
		return
	}
	start := w.begin()
	if dst.IsNil() {
		dst.Set(reflect.MakeSlice(dst.Type(), 0, 0))
	}
	n := 0
	for ; w.more(']'); n++ {
		dst.Grow(1)
		dst.SetLen(n + 1)
		w.enter(step{at: n, item: true})
		k.of.read(w, dst.Index(n))
		w.leave()
	}
	w.delimiter()
	if n == 0 && k.empty != "" {
		w.reject(broken(k.empty), w.since(start))
	}
	if n == 0 && k.filled {
		w.reject(&problem{
			"too_short", "List should have at least 1 item after validation, not 0",
			jsontext.Value(`{"field_type":"List","min_length":1,"actual_length":0}`),
		}, w.since(start))
	}
}

// mapKind reads an object with any names.
type mapKind struct{ of kind }

func (k mapKind) read(w *walk, dst reflect.Value) {
	if w.kind() != '{' {
		w.reject(wrongType("dict_type", "dictionary"), w.value())
		return
	}
	w.begin()
	dst.Set(reflect.MakeMap(dst.Type()))
	name := reflect.New(dst.Type().Key()).Elem()
	for w.more('}') {
		g, raw := w.given()
		w.enter(step{name: string(g.text)})
		if p := (textKind{}).parse(g, name); p != nil {
			w.reject(p, raw)
		}
		value := reflect.New(dst.Type().Elem()).Elem()
		k.of.read(w, value)
		dst.SetMapIndex(name, value)
		w.leave()
	}
	w.delimiter()
}

// nullKind reads null as the zero value, which is a nil pointer, slice or map.
type nullKind struct{ of kind }

func (k nullKind) read(w *walk, dst reflect.Value) {
	switch {
	case w.kind() == 'n':
		w.value()
		dst.SetZero()
	case dst.Kind() == reflect.Pointer:
		dst.Set(reflect.New(dst.Type().Elem()))
		k.of.read(w, dst.Elem())
	default:
		k.of.read(w, dst)
	}
}

// optionalKind reads a domain.Optional.
type optionalKind struct {
	of   kind
	null bool // may be null
}

func (k optionalKind) read(w *walk, dst reflect.Value) {
	dst.Field(0).SetBool(true) // Set
	if k.null && w.kind() == 'n' {
		w.value()
		return
	}
	value := dst.Field(1) // Value
	value.Set(reflect.New(value.Type().Elem()))
	k.of.read(w, value.Elem())
}

func (w *walk) begin() (start int) {
	w.delimiter()
	return int(w.dec.InputOffset()) - 1
}

// since returns the value that began at start and was just read to its end.
func (w *walk) since(start int) jsontext.Value {
	end := int(w.dec.InputOffset())
	return jsontext.Value(w.body[start:end:end])
}

// sortFaults puts the faults from first on into the order in which the members
// of the object at this place are declared.
func (w *walk) sortFaults(first int) {
	depth := len(w.path)
	slices.SortStableFunc(w.faults[first:], func(a, b fault) int {
		return cmp.Compare(a.Loc[depth].order, b.Loc[depth].order)
	})
}

// forget drops the faults from first on inside one member, which comes again.
func (w *walk) forget(first, order int) {
	depth := len(w.path)
	kept := slices.DeleteFunc(w.faults[first:], func(f fault) bool { return f.Loc[depth].order == order })
	w.faults = w.faults[:first+len(kept)]
}

// walks lends walks, so that their decoders' memory serves again.
type walks struct {
	pool    sync.Pool
	options jsontext.Options
}

func (p *walks) take(body []byte) *walk {
	w, _ := p.pool.Get().(*walk)
	if w == nil {
		w = &walk{dec: new(jsontext.Decoder)}
	}
	w.body, w.faults, w.err = body, nil, nil
	w.path = append(w.path[:0], step{name: "body"})
	w.source = *bytes.NewBuffer(body)
	w.dec.Reset(&w.source, p.options)
	return w
}

func (p *walks) give(w *walk) {
	w.body, w.faults, w.source = nil, nil, bytes.Buffer{}
	p.pool.Put(w)
}
