package eventstore

import (
	"sync"

	"github.com/google/uuid"

	"missioncontrol/domain"
)

const (
	// conflictWindow is how many of the newest events the store remembers the
	// touches of. A decision older than that is simply made again.
	conflictWindow = 100_000
	// factGeneration is how many facts one generation of the cache holds;
	// two generations live, so that a fact in use survives.
	factGeneration = 100_000
	// chainLimit is how many ends of organizations' chains are remembered.
	chainLimit = 100_000
)

// memory is what one process remembers of the log up to its applied head:
// which facts changed when, facts it has read since, and the ends of the
// organizations' chains. The committer writes it in log order; decisions read
// it. The zero floor of a fresh process is its starting head: it knows nothing
// of changes before, and needs not, since no decision here is older.
type memory struct {
	mu      sync.Mutex
	applied int64 // everything up to here is taken in
	floor   int64 // touches at or before this are forgotten

	touched map[domain.Key]int64 // last event that touched a fact, within the window
	window  []touches            // ring over the newest events
	next    int

	facts, older map[domain.Key]*fact // those that rest on a key

	chains      map[uuid.UUID]chain
	chainsFloor int64 // ends of chains read at or before this may be stale
}

// fact is one of the facts that rest on the same key: mostly there is one.
type fact struct {
	name  string
	value any
	next  *fact
}

func (f *fact) find(name string) *fact {
	for f != nil && f.name != name {
		f = f.next
	}
	return f
}

type touches struct {
	seq  int64
	keys []domain.Key
}

// chain is the end of an organization's own chain of events.
type chain struct {
	seq  int64
	leaf Hash
}

func newMemory(head int64) *memory {
	return &memory{
		applied: head, floor: head, chainsFloor: head,
		touched: map[domain.Key]int64{}, window: make([]touches, conflictWindow),
		facts: map[domain.Key]*fact{}, older: map[domain.Key]*fact{},
		chains: map[uuid.UUID]chain{},
	}
}

// head returns the position up to which this process knows the log.
func (m *memory) head() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.applied
}

// change is what applying one event does to the memory.
type change struct {
	event *Recorded
	keys  []domain.Key
	state any // of the event's stream after it, nil if not at hand
}

// apply takes in the events that follow the applied head, in order.
func (m *memory) apply(changes []change) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range changes {
		for _, key := range c.keys {
			m.touched[key] = c.event.Seq
			delete(m.facts, key)
			delete(m.older, key)
		}
		m.remember(touches{c.event.Seq, c.keys})
		if c.state != nil {
			m.put(Key(c.event.Stream, c.event.Kind), streamFact, streamState{c.state, c.event.Version})
		}
		m.chains[c.event.Org] = chain{c.event.OrgSeq, c.event.Leaf}
		m.applied = c.event.Seq
	}
	if len(m.chains) > chainLimit {
		clear(m.chains)
		m.chainsFloor = m.applied
	}
}

// remember adds an event's touches to the window and forgets the oldest.
func (m *memory) remember(t touches) {
	oldest := m.window[m.next]
	m.window[m.next] = t
	m.next = (m.next + 1) % len(m.window)
	if oldest.seq == 0 {
		return
	}
	m.floor = oldest.seq
	for _, key := range oldest.keys {
		if m.touched[key] == oldest.seq {
			delete(m.touched, key)
		}
	}
}

// unchanged reports whether none of the keys was touched after position
// asOf, as far as the window can tell.
func (m *memory) unchanged(keys []domain.Key, asOf int64) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if asOf < m.floor {
		return false
	}
	for _, key := range keys {
		if m.touched[key] > asOf {
			return false
		}
	}
	return true
}

// fact returns a remembered fact that rests on key.
func (m *memory) fact(key domain.Key, name string) (any, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if f := m.facts[key].find(name); f != nil {
		return f.value, true
	}
	f := m.older[key].find(name)
	if f == nil {
		return nil, false
	}
	m.put(key, name, f.value)
	return f.value, true
}

// keep remembers a fact that was read after the head was asOf, unless its key
// was touched since.
func (m *memory) keep(key domain.Key, name string, v any, asOf int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if asOf >= m.floor && m.touched[key] <= asOf {
		m.put(key, name, v)
	}
}

func (m *memory) put(key domain.Key, name string, v any) {
	if len(m.facts) >= factGeneration {
		m.older, m.facts = m.facts, map[domain.Key]*fact{}
	}
	first := m.facts[key]
	if f := first.find(name); f != nil {
		f.value = v
		return
	}
	m.facts[key] = &fact{name, v, first}
}

// chainOf returns the end of an organization's chain as of the applied head.
func (m *memory) chainOf(org uuid.UUID) (chain, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c, ok := m.chains[org]
	return c, ok
}

// adoptChain takes an end of a chain that was read when the head was asOf. An
// event of that organization since would have been remembered itself, so the
// end still holds, unless ends were forgotten in between.
func (m *memory) adoptChain(org uuid.UUID, c chain, asOf int64) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, known := m.chains[org]; known {
		return true
	}
	if asOf > m.applied || asOf < m.chainsFloor {
		return false
	}
	m.chains[org] = c
	return true
}
