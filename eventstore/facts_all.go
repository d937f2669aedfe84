package eventstore

import (
	"context"

	"missioncontrol/domain"
)

// LookAtAll is LookAt for several facts of one name, each resting on a key of
// its own. Those that are not remembered are read together: read gets their
// places among keys and returns a value for each.
func LookAtAll[T any](ctx context.Context, s *Store, d *Decision, keys []domain.Key, name string, read func(context.Context, []int) ([]T, error)) ([]T, error) {
	asOf := s.memory.head()
	values := make([]T, len(keys))
	var unknown []int
	for i, key := range keys {
		if d != nil {
			d.Look(key)
		}
		if v, ok := s.memory.fact(key, name); ok {
			values[i] = v.(T)
			continue
		}
		unknown = append(unknown, i)
	}
	if len(unknown) == 0 {
		return values, nil
	}
	found, err := read(ctx, unknown)
	if err != nil {
		return nil, err
	}
	for n, i := range unknown {
		values[i] = found[n]
		s.memory.keep(keys[i], name, found[n], asOf)
	}
	return values, nil
}
