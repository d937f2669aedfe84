package streams

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// ErrOver is what Recheck answers when it is not the caller that has changed:
// what the stream shows has come to its end.
var ErrOver = errors.New("streams: what the stream shows is gone")

// Subscription is what one stream shows.
type Subscription struct {
	// Topics are merged in order of seq. An event that has a frame on two of
	// them is shown once, as on the topic whose frame comes first.
	Topics []string
	// Event is the SSE event name of every stored frame.
	Event string
	// Keep tells whether a frame with these attributes is shown; nil shows
	// all. It runs for every frame and stream and must be quick.
	Keep func(attrs map[string]string) bool
	// Keys name what the caller's access rests on (see Hub.Recheck).
	Keys []string
	// Recheck asks again whether the caller may read the stream: once after
	// the stream was registered, then whenever Hub.Recheck names one of Keys.
	// Nothing is sent until it answers, so it may itself wait for storage that
	// is away; an error ends the stream on purpose, ErrOver after what was
	// published until then. Nil asks nothing.
	Recheck func(ctx context.Context) error
}

func (s Subscription) normal() (Subscription, error) {
	if len(s.Topics) == 0 {
		return s, errors.New("streams: a subscription needs a topic")
	}
	if err := checkEventName(s.Event); err != nil {
		return s, err
	}
	s.Topics = slices.Clone(s.Topics)
	slices.Sort(s.Topics)
	s.Topics = slices.Compact(s.Topics)
	return s, nil
}

// ringKey is the same for all streams that can share a ring.
func (s Subscription) ringKey() string {
	return s.Event + "\x00" + strings.Join(s.Topics, "\x00")
}

func checkEventName(name string) error {
	if name == "" || strings.ContainsAny(name, "\r\n\x00") {
		return fmt.Errorf("streams: %q cannot be the name of a server-sent event", name)
	}
	return nil
}

// Recheck makes every stream whose Keys contain one of keys ask again whether
// its caller may read it. It does not wait for the answers.
func (h *Hub) Recheck(keys ...string) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	told := make(map[*stream]struct{})
	for _, key := range keys {
		maps.Copy(told, h.watchers[key])
	}
	for s := range told {
		s.tell(flagRecheck)
	}
}
