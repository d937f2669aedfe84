package httpapi

import "reflect"

// settler is a string type of a body that has a form of its own. Settle brings
// the text into that form, or says what is wrong with it.
type settler interface{ Settle() string }

func settles(t reflect.Type) bool {
	return t.Kind() == reflect.String && reflect.PointerTo(t).Implements(reflect.TypeFor[settler]())
}

// settledKind reads a string and settles it.
type settledKind struct{}

func (settledKind) parse(g given, dst reflect.Value) *problem {
	if p := (textKind{}).parse(g, dst); p != nil {
		return p
	}
	if fault := dst.Addr().Interface().(settler).Settle(); fault != "" {
		return broken(fault)
	}
	return nil
}

func (k settledKind) read(w *walk, dst reflect.Value) { readScalar(k, w, dst) }
