package streams

import "time"

// catchUp sends frames from History until the ring holds everything that is
// still missing, and puts the cursor there. Being registered with the ring
// first and dropping by seq what both have leaves no gap and no repeat.
func (s *stream) catchUp() error {
	delays := newDelays()
	for {
		upTo, covered := s.enter()
		if covered {
			return nil
		}
		for s.after < upTo {
			through, err := s.page(s.after, upTo, nil)
			if err != nil {
				if err = s.failedRead(err, delays.NextBackOff()); err != nil {
					return err
				}
				continue
			}
			delays.Reset()
			s.after = through
			if err := s.chores(); err != nil {
				return err
			}
		}
	}
}

// enter puts the cursor into the ring if the ring has all frames after
// s.after; if not it tells up to where History has to be read first.
func (s *stream) enter() (upTo int64, covered bool) {
	s.hub.mu.RLock()
	defer s.hub.mu.RUnlock()
	r := s.ring
	switch {
	case s.after < r.base.last:
		return r.through(s.hub.head.Load()), false
	case s.after >= s.joined.last && s.joined.n >= r.base.n:
		s.cur = s.joined
	default:
		s.cur = r.base
	}
	return 0, true
}

// replay sends the frames recorded at or after since whose things are still
// there, up to head, and returns head.
func (s *stream) replay(head int64, since time.Time) (int64, error) {
	delays := newDelays()
	after, err := s.hub.since(s.ctx, s.sub.Topics, since)
	for err != nil {
		if err = s.failedRead(err, delays.NextBackOff()); err != nil {
			return 0, err
		}
		after, err = s.hub.since(s.ctx, s.sub.Topics, since)
	}
	for s.after = after; s.after < head; {
		through, err := s.page(s.after, head, s.hub.history.Alive)
		if err != nil {
			if err = s.failedRead(err, delays.NextBackOff()); err != nil {
				return 0, err
			}
			continue
		}
		delays.Reset()
		s.after = through
		if err := s.chores(); err != nil {
			return 0, err
		}
	}
	return s.after, nil
}

// page reads and sends one page. Reading again after an error sends nothing
// twice: a page is sent only when it was read whole.
func (s *stream) page(after, upTo int64, only pick) (through int64, err error) {
	frames, through, err := s.hub.page(s.ctx, s.sub.Topics, after, upTo, only)
	if err != nil {
		return 0, err
	}
	b := newBlock(after)
	for i := range frames {
		s.hub.encode(b, s.sub.Event, &frames[i])
	}
	sent, err := s.writeBlock(b)
	if err != nil || sent == 0 {
		return through, err
	}
	s.hub.count.delivered.Add(int64(sent))
	return through, s.flush()
}

// failedRead keeps the stream open while storage is away; errors of the
// stream itself end it.
func (s *stream) failedRead(err error, wait time.Duration) error {
	switch {
	case s.ctx.Err() != nil:
		return errGone
	case ends(err):
		return err
	}
	s.hub.log.Warn("history could not be read for a stream; trying again", "topics", s.sub.Topics, "after", s.after, "error", err)
	return s.pause(time.After(wait), nil)
}
