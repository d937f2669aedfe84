package commands

import (
	"sync"
	"time"

	"github.com/google/uuid"
)

// lately lets something be done once in a span for each id.
type lately struct {
	span time.Duration

	mu sync.Mutex
	at map[uuid.UUID]time.Time
}

// mostLately bounds what is remembered; to forget costs doing it again.
const mostLately = 100_000

func newLately(span time.Duration) *lately {
	return &lately{span: span, at: map[uuid.UUID]time.Time{}}
}

// due reports whether the span has passed, and begins the next one.
func (l *lately) due(id uuid.UUID, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if last, ok := l.at[id]; ok && now.Sub(last) < l.span {
		return false
	}
	if len(l.at) >= mostLately {
		clear(l.at)
	}
	l.at[id] = now
	return true
}
