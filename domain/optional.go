package domain

import (
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Optional is a value of a request that may be absent, null or given.
// The zero Optional is absent.
type Optional[T any] struct {
	Set   bool
	Value *T // nil: null
}

// Some returns a given value.
func Some[T any](v T) Optional[T] { return Optional[T]{Set: true, Value: &v} }

// Null returns an explicit null.
func Null[T any]() Optional[T] { return Optional[T]{Set: true} }

// Or returns the given value, or current when the field was absent or null.
func (o Optional[T]) Or(current T) T {
	if o.Value == nil {
		return current
	}
	return *o.Value
}

// OrNull returns the given value or null, or current when the field was absent.
func (o Optional[T]) OrNull(current *T) *T {
	if !o.Set {
		return current
	}
	return o.Value
}

// IsZero reports whether the field was absent, so that omitzero leaves it out.
func (o Optional[T]) IsZero() bool { return !o.Set }

// MarshalJSONTo writes the value or null.
func (o Optional[T]) MarshalJSONTo(enc *jsontext.Encoder) error {
	if o.Value == nil {
		return enc.WriteToken(jsontext.Null)
	}
	return json.MarshalEncode(enc, o.Value)
}

// UnmarshalJSONFrom reads a value or null; either makes the field given.
func (o *Optional[T]) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	o.Set = true
	return json.UnmarshalDecode(dec, &o.Value)
}
