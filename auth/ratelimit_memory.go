package auth

import (
	"container/list"
	"context"
	"sync"
	"time"
)

// Bounds of what a memory limiter keeps: about 64 MB at worst. Beyond them the
// keys that were quiet for longest are forgotten.
const (
	mostKeys  = 1 << 16
	mostTimes = 1 << 22
)

// MemoryLimiter counts in this process.
type MemoryLimiter struct {
	policy Policy
	now    func() time.Time
	start  time.Time // times are kept as distance to it

	mu    sync.Mutex
	keys  map[string]*list.Element
	quiet *list.List // of *attempts, the one that was quiet for longest at the back
	times int        // kept in all keys
}

// attempts are the newest of a key, at most as many as the limit, oldest first.
type attempts struct {
	key string
	at  []time.Duration
}

// NewMemoryLimiter counts by a clock; nil is that of the process.
func NewMemoryLimiter(p Policy, now func() time.Time) (*MemoryLimiter, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	if now == nil {
		now = time.Now
	}
	return &MemoryLimiter{policy: p, now: now, start: now(), keys: map[string]*list.Element{}, quiet: list.New()}, nil
}

// Limits is the policy of the limiter.
func (m *MemoryLimiter) Limits() Policy { return m.policy }

// Allow notes an attempt and says whether it passes.
func (m *MemoryLimiter) Allow(_ context.Context, key string) Decision {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now().Sub(m.start)
	m.sweep(now)
	e := m.keys[key]
	if e == nil {
		e = m.quiet.PushFront(&attempts{key: key})
		m.keys[key] = e
	}
	m.quiet.MoveToFront(e)
	a := e.Value.(*attempts)
	m.expire(a, now)
	before := len(a.at)
	if before == m.policy.Limit {
		copy(a.at, a.at[1:])
		a.at[before-1] = now
	} else {
		a.at = append(a.at, now)
		m.times++
	}
	return m.policy.decide(before, 1, a.at[0]+m.policy.Window-now)
}

// Check says whether an attempt would pass, without noting one.
func (m *MemoryLimiter) Check(_ context.Context, key string) Decision {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now().Sub(m.start)
	m.sweep(now)
	e := m.keys[key]
	if e == nil {
		return m.policy.decide(0, 0, 0)
	}
	a := e.Value.(*attempts)
	m.expire(a, now)
	if len(a.at) == 0 {
		return m.policy.decide(0, 0, 0)
	}
	return m.policy.decide(len(a.at), 0, a.at[0]+m.policy.Window-now)
}

// expire drops what has left the window.
func (m *MemoryLimiter) expire(a *attempts, now time.Duration) {
	gone := 0
	for gone < len(a.at) && a.at[gone] <= now-m.policy.Window {
		gone++
	}
	if gone > 0 {
		a.at = a.at[:copy(a.at, a.at[gone:])]
		m.times -= gone
	}
}

// sweep forgets keys whose attempts have all left the window, and more when
// there are too many. Keys are ordered by their newest attempt, so it only
// looks at those that go.
func (m *MemoryLimiter) sweep(now time.Duration) {
	for e := m.quiet.Back(); e != nil; e = m.quiet.Back() {
		a := e.Value.(*attempts)
		idle := len(a.at) == 0 || a.at[len(a.at)-1] <= now-m.policy.Window
		if !idle && len(m.keys) < mostKeys && m.times < mostTimes {
			return
		}
		m.times -= len(a.at)
		m.quiet.Remove(e)
		delete(m.keys, a.key)
	}
}
