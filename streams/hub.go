package streams

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"missioncontrol/eventstore"
)

// Config of a Hub.
type Config struct {
	Epoch   uuid.UUID
	Head    int64 // position up to which everything is committed at the start
	History History
	Open    func(payload []byte) []byte // opens sealed strings, once per frame and ring or resume; nil: none are sealed
	Log     *slog.Logger
	Options Options
}

// Hub carries the frames of this process's log to its streams. Publish and
// Advance are for one goroutine, the log's committer, and never wait for a
// client or for storage; everything else may be called from any goroutine.
type Hub struct {
	epoch   uuid.UUID
	wire    wire
	history History
	unseal  func([]byte) []byte
	log     *slog.Logger
	opts    Options

	ctx    context.Context // ends reading for holes
	cancel context.CancelFunc
	work   sync.WaitGroup // goroutines that fill holes
	slots  chan struct{}  // bounds how many read at once

	head  atomic.Int64 // written under mu
	count counters

	mu        sync.RWMutex
	confirmed time.Time          // when head was last known to be the log's
	moved     chan struct{}      // closed at the next move of head; nil while nobody waits
	rings     map[string]*ring   // by Subscription.ringKey
	byTopic   map[string][]*ring // what Publish looks at
	staged    []*ring            // scratch of Publish
	swept     time.Time
	streams   map[*stream]struct{}
	watchers  map[string]map[*stream]struct{} // by access key
	draining  bool
	empty     chan struct{} // closed when draining and no stream is left
}

type counters struct {
	delivered, cutOff, resets, holes atomic.Int64
}

// Stats are figures for metrics; the counters never fall.
type Stats struct {
	Streams   int
	Rings     int
	Delivered int64 // frames written to sockets
	CutOff    int64 // streams ended because their client was too slow
	Resets    int64 // resumes that could not be honoured
	Holes     int64 // holes that a ring had to read from History
}

const holeReaders = 4 // reads of History for holes at the same time

// NewHub makes a hub that is current as of c.Head. ctx ends its reading of
// holes, not its streams: that is what Drain is for.
func NewHub(ctx context.Context, c Config) *Hub {
	h := &Hub{
		epoch:     c.Epoch,
		wire:      newWire(c.Epoch, c.Log),
		history:   c.History,
		unseal:    c.Open,
		log:       c.Log,
		opts:      c.Options.withDefaults(),
		slots:     make(chan struct{}, holeReaders),
		confirmed: time.Now(),
		rings:     make(map[string]*ring),
		byTopic:   make(map[string][]*ring),
		streams:   make(map[*stream]struct{}),
		watchers:  make(map[string]map[*stream]struct{}),
		empty:     make(chan struct{}),
	}
	if h.unseal == nil {
		h.unseal = func(payload []byte) []byte { return payload }
	}
	h.ctx, h.cancel = context.WithCancel(ctx)
	h.head.Store(c.Head)
	return h
}

// Publish takes in the committed positions first..last with all of their
// frames. Positions that it knows already are left out; a first beyond the
// next position opens a hole, which is read from History.
func (h *Hub) Publish(first, last int64, frames []eventstore.Frame) {
	if !slices.IsSortedFunc(frames, bySeq) {
		frames = slices.Clone(frames)
		slices.SortStableFunc(frames, bySeq)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	head := h.head.Load()
	switch {
	case last <= head: // a repetition, which says nothing about now
		return
	case h.draining:
		h.move(last)
		return
	case first > head+1:
		h.openHole(first - 1)
	}
	for i := range frames {
		if f := &frames[i]; f.Seq > head && f.Seq >= first && f.Seq <= last {
			for _, r := range h.byTopic[f.Topic] {
				h.stage(r, f)
			}
		}
	}
	for _, r := range h.staged {
		r.publish(last, h.opts)
	}
	h.staged = h.staged[:0]
	h.move(last)
	h.sweep()
}

// Advance says that the log is committed up to last. Positions above Head have
// frames that are not at hand. A last that equals Head confirms that the hub
// is current, which Lag counts from.
func (h *Hub) Advance(last int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch head := h.head.Load(); {
	case last < head: // an old look at the log
	case last == head:
		h.move(head)
	default:
		if !h.draining {
			h.openHole(last)
		}
		h.move(last)
	}
	h.sweep()
}

// Send shows a message without id to those who listen to topic now.
func (h *Hub) Send(topic, event string, payload []byte, attrs map[string]string) error {
	if err := checkEventName(event); err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, r := range h.byTopic[topic] {
		if r.streams == 0 {
			continue
		}
		b := newBlock(r.last.last)
		b.live = true
		b.add(0, h.wire.live(nil, event, h.unseal(payload)), attrs)
		r.link(b, h.opts)
	}
	return nil
}

// Head is the position up to which this process knows the log.
func (h *Hub) Head() int64 { return h.head.Load() }

// Position is Head as it is told to the outside.
func (h *Hub) Position() Position { return Position{Epoch: h.epoch, Seq: h.Head()} }

// Await returns when Head has reached seq, or with ctx's error.
func (h *Hub) Await(ctx context.Context, seq int64) error {
	for {
		head, moved := h.movement()
		if head >= seq {
			return nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// movement is the head and what is closed when it moves.
func (h *Hub) movement() (head int64, moved <-chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.moved == nil {
		h.moved = make(chan struct{})
	}
	return h.head.Load(), h.moved
}

// Lag is for how long the hub may have been behind the log: the time since
// Publish or Advance last told the head, or since the oldest hole that a
// stream waits for was opened, whichever is longer.
func (h *Hub) Lag() time.Duration {
	h.mu.RLock()
	defer h.mu.RUnlock()
	oldest := h.confirmed
	for _, r := range h.rings {
		if r.hole != nil && r.streams > 0 && r.hole.since.Before(oldest) {
			oldest = r.hole.since
		}
	}
	return time.Since(oldest)
}

// Stats tells how the hub is doing.
func (h *Hub) Stats() Stats {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return Stats{
		Streams:   len(h.streams),
		Rings:     len(h.rings),
		Delivered: h.count.delivered.Load(),
		CutOff:    h.count.cutOff.Load(),
		Resets:    h.count.resets.Load(),
		Holes:     h.count.holes.Load(),
	}
}

func bySeq(a, b eventstore.Frame) int { return cmp.Compare(a.Seq, b.Seq) }

// stage encodes f into the ring's draft. h.mu is held.
func (h *Hub) stage(r *ring, f *eventstore.Frame) {
	if r.draft == nil {
		r.draft = newBlock(f.Seq)
		r.draft.wire = make([]byte, 0, len(f.Payload)+len(r.event)+96)
		h.staged = append(h.staged, r)
	}
	h.encode(r.draft, r.event, f)
}

// encode adds f to b, unless b has a frame of the same event already.
func (h *Hub) encode(b *block, event string, f *eventstore.Frame) {
	if n := len(b.items); n > 0 && b.items[n-1].seq == f.Seq {
		return
	}
	b.add(f.Seq, h.wire.frame(b.wire, f.Seq, event, h.unseal(f.Payload)), f.Attrs)
}

// move sets the head and wakes those who wait for it. h.mu is held.
func (h *Hub) move(head int64) {
	h.confirmed = time.Now()
	if head == h.head.Load() {
		return
	}
	h.head.Store(head)
	if h.moved != nil {
		close(h.moved)
		h.moved = nil
	}
}
