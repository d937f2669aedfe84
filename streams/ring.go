package streams

import (
	"sync/atomic"
	"time"
)

// block is what one publication added to a ring: frames encoded one after the
// other, written to a socket in as few pieces as the stream's filter allows.
// Everything but next is set before the block can be reached.
type block struct {
	n     uint64 // counts the blocks of a ring
	last  int64  // every stored frame of the ring up to here is in this block or before it
	wire  []byte
	items []item
	live  bool // frames without id, for those who listen now

	ready chan struct{}         // closed when next is set
	next  atomic.Pointer[block] // nil again once the ring dropped the next block
}

// item is one frame in a block.
type item struct {
	seq   int64 // 0 in a live block
	end   int   // where its bytes end in wire
	attrs map[string]string
}

func newBlock(last int64) *block {
	return &block{last: last, ready: make(chan struct{})}
}

func (b *block) add(seq int64, wire []byte, attrs map[string]string) {
	b.wire = wire
	b.items = append(b.items, item{seq: seq, end: len(wire), attrs: attrs})
	if !b.live {
		b.last = seq
	}
}

// ring holds the recent frames of one subscription's topics, shared by all of
// its streams. All of it is guarded by the hub's lock, but for following the
// chain from a block that one holds, which needs no lock.
//
// It holds every frame with base.last < seq <= through; base itself is the
// block dropped last (or the empty beginning) and only points to the first.
type ring struct {
	key    string
	topics []string
	event  string

	base, last *block
	frames     int
	bytes      int

	streams int       // that use it
	idle    time.Time // since when nobody does
	hole    *hole     // nil while it is current
	draft   *block    // the block being filled by Publish
}

// hole is a range of positions whose frames are being read from History.
// Frames published meanwhile are held until it is filled.
type hole struct {
	through int64 // filled up to here
	upTo    int64
	since   time.Time
	held    []*block
	bytes   int // of held
	frames  int
}

func newRing(key string, sub Subscription, head int64) *ring {
	base := newBlock(head)
	return &ring{key: key, topics: sub.Topics, event: sub.Event, base: base, last: base}
}

// through is the position up to which the ring knows all of its frames.
func (r *ring) through(head int64) int64 {
	if r.hole != nil {
		return r.hole.through
	}
	return head
}

// link appends b and drops the oldest blocks beyond the limits. The newest
// block stays however big it is: a stream that was current can always go on.
func (r *ring) link(b *block, limits Options) {
	b.n = r.last.n + 1
	previous := r.last
	r.last = b
	r.frames += len(b.items)
	r.bytes += len(b.wire)
	previous.next.Store(b)
	close(previous.ready)
	for r.frames > limits.RingFrames || r.bytes > limits.RingBytes {
		first := r.base.next.Load()
		if first == r.last {
			return
		}
		r.base.next.Store(nil) // whoever stands there is overtaken and holds no memory but its block
		r.base = first
		r.frames -= len(first.items)
		r.bytes -= len(first.wire)
	}
}

// open notes that the frames of positions up to upTo are not at hand. It
// reports whether somebody has to be sent to read them.
func (r *ring) open(head, upTo int64, now time.Time) bool {
	if r.hole != nil {
		r.hole.upTo = upTo
		r.hole.drop()
		return false
	}
	r.hole = &hole{through: head, upTo: upTo, since: now}
	return true
}

// publish takes the draft in: behind the hole while there is one.
func (r *ring) publish(upTo int64, limits Options) {
	b := r.draft
	r.draft = nil
	if r.hole == nil {
		r.link(b, limits)
		return
	}
	r.hole.held = append(r.hole.held, b)
	r.hole.bytes += len(b.wire)
	r.hole.frames += len(b.items)
	if r.hole.bytes > limits.RingBytes || r.hole.frames > limits.RingFrames {
		r.hole.upTo = upTo // too much to hold: it is in History as well
		r.hole.drop()
	}
}

func (h *hole) drop() { h.held, h.bytes, h.frames = nil, 0, 0 }

// close ends the hole and takes in what was held.
func (r *ring) close(limits Options) {
	held := r.hole.held
	r.hole = nil
	for _, b := range held {
		r.link(b, limits)
	}
}
