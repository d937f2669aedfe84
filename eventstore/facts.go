package eventstore

import (
	"context"

	"missioncontrol/domain"
)

// Remember returns a fact that rests on key, from memory if this process has
// read it and its key was not touched since, else from read. name tells facts
// that rest on the same key apart. Errors are not remembered; "there is none"
// is a value like any other.
//
// The answer is as current as what this process has taken in of the log. A
// decision must use Look or LookAt, which also note the key.
func Remember[T any](ctx context.Context, s *Store, key domain.Key, name string, read func(context.Context) (T, error)) (T, error) {
	if v, ok := s.memory.fact(key, name); ok {
		return v.(T), nil
	}
	asOf := s.memory.head()
	v, err := read(ctx)
	if err == nil {
		s.memory.keep(key, name, v, asOf)
	}
	return v, err
}

// FactKey names a fact.
type FactKey = domain.Key

// Recall returns a fact from memory, if it is there.
func Recall[T any](s *Store, key domain.Key, name string) (T, bool) {
	v, ok := s.memory.fact(key, name)
	if !ok {
		var none T
		return none, false
	}
	return v.(T), true
}

// Note remembers a fact that was read elsewhere and that nothing can change.
func Note[T any](s *Store, key domain.Key, name string, v T) {
	s.memory.keep(key, name, v, s.memory.head())
}

// LookAt notes key in d and returns the fact that rests on it. A nil d reads
// without deciding.
func LookAt[T any](ctx context.Context, s *Store, d *Decision, key domain.Key, name string, read func(context.Context) (T, error)) (T, error) {
	if d != nil {
		d.Look(key)
	}
	return Remember(ctx, s, key, name, read)
}
