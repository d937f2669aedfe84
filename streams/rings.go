package streams

import (
	"slices"
	"time"
)

const sweepEvery = time.Second // how often rings without streams are looked for

// join finds or makes the ring of s and registers it there, from which moment
// the ring misses nothing. It returns the head as of then.
func (h *Hub) join(s *stream) (head int64, err error) {
	key := s.sub.ringKey()
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.draining {
		return 0, ErrDraining
	}
	h.sweep()
	r := h.rings[key]
	if r == nil {
		r = newRing(key, s.sub, h.head.Load())
		h.rings[key] = r
		for _, topic := range r.topics {
			h.byTopic[topic] = append(h.byTopic[topic], r)
		}
	}
	r.streams++
	s.ring, s.joined = r, r.last
	h.register(s)
	return h.head.Load(), nil
}

// register makes a stream known to those who tell it something. h.mu is held.
func (h *Hub) register(s *stream) {
	h.streams[s] = struct{}{}
	for _, key := range s.sub.Keys {
		if h.watchers[key] == nil {
			h.watchers[key] = make(map[*stream]struct{})
		}
		h.watchers[key][s] = struct{}{}
	}
}

func (h *Hub) leave(s *stream) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if s.ring != nil {
		s.ring.streams--
		if s.ring.streams == 0 {
			s.ring.idle = time.Now()
		}
	}
	delete(h.streams, s)
	for _, key := range s.sub.Keys {
		delete(h.watchers[key], s)
		if len(h.watchers[key]) == 0 {
			delete(h.watchers, key)
		}
	}
	if h.draining && len(h.streams) == 0 {
		close(h.empty)
	}
}

// sweep drops rings that nobody has used for a while, at most once a second.
// h.mu is held.
func (h *Hub) sweep() {
	now := time.Now()
	if now.Sub(h.swept) < sweepEvery {
		return
	}
	h.swept = now
	for _, r := range h.rings {
		if r.streams == 0 && now.Sub(r.idle) >= h.opts.Grace {
			h.drop(r)
		}
	}
}

// drop forgets a ring that no stream uses. h.mu is held.
func (h *Hub) drop(r *ring) {
	delete(h.rings, r.key)
	for _, topic := range r.topics {
		left := slices.DeleteFunc(h.byTopic[topic], func(other *ring) bool { return other == r })
		if len(left) == 0 {
			delete(h.byTopic, topic)
		} else {
			h.byTopic[topic] = left
		}
	}
}

// openHole sends somebody to read positions head+1..upTo for every ring in
// use. h.mu is held.
func (h *Hub) openHole(upTo int64) {
	for _, r := range h.rings {
		if r.streams == 0 {
			h.drop(r)
			continue
		}
		if r.open(h.head.Load(), upTo, time.Now()) {
			h.count.holes.Add(1)
			h.work.Go(func() { h.fillHole(r) })
		}
	}
}

// fillHole reads the hole of r from History until it is filled, however long
// storage is away, or until nobody needs it any more.
func (h *Hub) fillHole(r *ring) {
	delays := newDelays()
	for {
		after, upTo, open := h.rest(r)
		if !open {
			return
		}
		b, through, err := h.readBlock(r, after, upTo)
		if err == nil {
			delays.Reset()
			h.fill(r, b, through)
			continue
		}
		if h.ctx.Err() != nil {
			return
		}
		h.log.Warn("frames of a hole could not be read; trying again", "topics", r.topics, "after", after, "error", err)
		select {
		case <-time.After(delays.NextBackOff()):
		case <-h.ctx.Done():
			return
		}
	}
}

// rest tells what is left of r's hole and closes it when nothing is.
func (h *Hub) rest(r *ring) (after, upTo int64, open bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if r.streams == 0 {
		if h.rings[r.key] == r {
			h.drop(r)
		}
		return 0, 0, false
	}
	if r.hole.through >= r.hole.upTo {
		r.close(h.opts)
		return 0, 0, false
	}
	return r.hole.through, r.hole.upTo, true
}

func (h *Hub) readBlock(r *ring, after, upTo int64) (*block, int64, error) {
	select {
	case h.slots <- struct{}{}:
		defer func() { <-h.slots }()
	case <-h.ctx.Done():
		return nil, 0, h.ctx.Err()
	}
	frames, through, err := h.page(h.ctx, r.topics, after, upTo, nil)
	if err != nil {
		return nil, 0, err
	}
	b := newBlock(after)
	for i := range frames {
		h.encode(b, r.event, &frames[i])
	}
	return b, through, nil
}

func (h *Hub) fill(r *ring, b *block, through int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(b.items) > 0 {
		r.link(b, h.opts)
	}
	r.hole.through = through
}
