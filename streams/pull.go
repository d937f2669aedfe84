package streams

import (
	"context"
	"errors"
	"net/http"
	"time"
)

// Pull is a stream whose frames are read when its client is ready for them: a
// slow client holds nothing but its position.
type Pull struct {
	// Event is the SSE event name of every frame.
	Event string
	// After is the position behind which the stream begins if its client names
	// none.
	After int64
	// End is the position with which the stream ends, unless Open.
	End  int64
	Open bool
	// Speed divides the time between frames; 0: they come as fast as they can.
	Speed float64
	// Read returns the next frames behind a position, and up to where it got.
	// If that is not further, Moved tells when to ask again.
	Read  func(ctx context.Context, after int64) (frames []Pulled, through int64, err error)
	Moved func() <-chan struct{}
	// Keys and Recheck are those of a Subscription.
	Keys    []string
	Recheck func(ctx context.Context) error
}

// Pulled is a frame of a Pull.
type Pulled struct {
	Seq      int64
	Recorded time.Time
	Data     []byte
}

// errDone ends a stream that has shown everything.
var errDone = errors.New("everything was shown")

// ServePull answers r like Serve. A stream that comes to its End says so with
// an event named end and then ends in order; a client that comes back to it is
// answered 204, which tells browsers not to come again.
func (h *Hub) ServePull(w http.ResponseWriter, r *http.Request, p Pull) error {
	want := wishOf(r)
	if position, err := ParsePosition(want.lastEventID); err == nil && !p.Open && position.Epoch == h.epoch && position.Seq >= p.End {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	s := newStream(h, w, r, Subscription{Event: p.Event, Keys: p.Keys, Recheck: p.Recheck})
	if err := h.enlist(s); err != nil {
		return err
	}
	defer h.leave(s)
	defer s.timer.Stop()
	err := s.pull(p, want.lastEventID)
	if errors.Is(err, errGone) || errors.Is(err, errDone) {
		return nil
	}
	s.farewell(err)
	panic(http.ErrAbortHandler)
}

// enlist registers a stream that listens to no ring.
func (h *Hub) enlist(s *stream) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.draining {
		return ErrDraining
	}
	h.register(s)
	return nil
}

// pull is the life of such a stream; it returns why it ended.
func (s *stream) pull(p Pull, lastEventID string) error {
	s.headers()
	if err := s.begin(p, lastEventID); err != nil {
		return err
	}
	if p.Recheck != nil {
		if err := s.recheck(); err != nil {
			return err
		}
	}
	pace, delays := pace{speed: p.Speed}, newDelays()
	for p.Open || s.after < p.End {
		moved := p.Moved()
		frames, through, err := p.Read(s.ctx, s.after)
		if err != nil {
			if err = s.failedRead(err, delays.NextBackOff()); err != nil {
				return err
			}
			continue
		}
		delays.Reset()
		if through <= s.after {
			if err := s.pause(nil, moved); err != nil {
				return err
			}
			continue
		}
		if err := s.show(p, &pace, frames, through); err != nil {
			return err
		}
	}
	// The id goes ahead by itself: clients take an event whose id they know for a repetition.
	if err := s.send(s.hub.wire.live(s.hub.wire.comment(s.buf[:0], "end", s.after), "end", []byte("{}"))); err != nil {
		return err
	}
	return errDone
}

// begin writes the first bytes and finds where the stream begins.
func (s *stream) begin(p Pull, lastEventID string) error {
	s.after = p.After
	if lastEventID == "" {
		return s.send(s.hub.wire.comment(s.buf[:0], "connected", s.after))
	}
	if err := s.send(s.hub.wire.comment(s.buf[:0], "connected", -1)); err != nil {
		return err
	}
	from, reason, err := s.resume(lastEventID)
	if err != nil {
		return err
	}
	s.after = from
	if reason == "" {
		return nil
	}
	s.hub.count.resets.Add(1)
	return s.send(s.hub.wire.frame(s.buf[:0], from, "reset", []byte(`{"reason":"`+reason+`"}`)))
}

// stale is how long frames may wait to be shown before they are read again:
// they hold names that may be erased meanwhile.
const stale = time.Second

// show sends frames when they are due. After a long wait it leaves the rest to
// the next reading.
func (s *stream) show(p Pull, pace *pace, frames []Pulled, through int64) error {
	for _, f := range frames {
		if wait := pace.wait(f.Recorded, time.Now()); wait > 0 {
			if err := s.await(wait); err != nil || wait > stale {
				return err
			}
		}
		if err := s.write(s.hub.wire.frame(s.buf[:0], f.Seq, p.Event, f.Data)); err != nil {
			return err
		}
		s.after = f.Seq
		s.hub.count.delivered.Add(1)
	}
	s.after = through
	if err := s.flush(); err != nil {
		return err
	}
	return s.chores()
}

// await flushes and waits; the stream's lifetime does not end within, or a wait
// that is longer would begin again and again.
func (s *stream) await(wait time.Duration) error {
	if err := s.flush(); err != nil {
		return err
	}
	if over := time.Now().Add(wait + time.Second); s.endsAt.Before(over) {
		s.endsAt = over
	}
	return s.pause(time.After(wait), nil)
}

// pace spreads frames over time as they were recorded, so many times as fast.
type pace struct {
	speed          float64
	first, started time.Time
}

// wait is how long to wait at now until what was recorded at that time is due.
// The first frame is due at once.
func (p *pace) wait(recorded, now time.Time) time.Duration {
	if p.speed == 0 {
		return 0
	}
	if p.started.IsZero() {
		p.first, p.started = recorded, now
	}
	return p.started.Add(time.Duration(float64(recorded.Sub(p.first)) / p.speed)).Sub(now)
}
