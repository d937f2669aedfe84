package streams

import (
	"context"
	"errors"
	"net/http"
	"os"
	"sync/atomic"
	"time"
)

// Why a stream ended.
var (
	errGone      = errors.New("the client went away")
	errOvertaken = errors.New("the client was overtaken by the ring")
	errStalled   = errors.New("the client's socket stayed blocked")
	errLifetime  = errors.New("the stream's lifetime is over")
	errShutdown  = errors.New("the server is shutting down")
)

// errLost wraps the error of Subscription.Recheck.
type errLost struct{ cause error }

func (e *errLost) Error() string { return "access was lost: " + e.cause.Error() }
func (e *errLost) Unwrap() error { return e.cause }

// ends tells whether err ends a stream, other than an error of storage.
func ends(err error) bool {
	var lost *errLost
	return errors.Is(err, errGone) || errors.Is(err, errOvertaken) || errors.Is(err, errStalled) ||
		errors.Is(err, errLifetime) || errors.Is(err, errShutdown) || errors.As(err, &lost)
}

const (
	flagEnd     uint32 = 1 << iota // end the stream: shutdown
	flagRecheck                    // ask again whether the caller may read it
)

// stream is one client: a cursor and a filter. It belongs to the goroutine of
// its request; others only tell it something (flags, poke).
type stream struct {
	hub *Hub
	sub Subscription
	ctx context.Context

	w     http.ResponseWriter
	conn  *http.ResponseController
	http1 bool
	until time.Time // the write deadline that is set
	buf   []byte    // scratch for what is written to this client only

	ring   *ring
	joined *block // the ring's last when the stream joined: live blocks up to it are not for this client
	cur    *block // sent last; nil while catching up from History
	after  int64  // every frame up to here was sent or filtered out; -1 before that is known

	flags    atomic.Uint32
	poke     chan struct{} // capacity 1
	timer    *time.Timer   // next keep-alive or end of life
	nextPing time.Time
	endsAt   time.Time
}

func newStream(h *Hub, w http.ResponseWriter, r *http.Request, sub Subscription) *stream {
	now := time.Now()
	s := &stream{
		hub:      h,
		sub:      sub,
		ctx:      r.Context(),
		w:        w,
		conn:     http.NewResponseController(w),
		http1:    r.ProtoMajor == 1,
		after:    -1,
		poke:     make(chan struct{}, 1),
		nextPing: now.Add(h.opts.Ping),
		endsAt:   now.Add(h.opts.life()),
	}
	s.timer = time.NewTimer(min(h.opts.Ping, s.endsAt.Sub(now)))
	return s
}

// tell sets a flag and wakes the stream.
func (s *stream) tell(flag uint32) {
	s.flags.Or(flag)
	select {
	case s.poke <- struct{}{}:
	default: // it is about to look anyway
	}
}

// listen sends what the ring gets from now on.
func (s *stream) listen() error {
	for {
		var err error
		select {
		case <-s.cur.ready:
			err = s.deliver()
		case <-s.timer.C:
			err = s.tick()
		case <-s.poke:
			err = s.heed()
		case <-s.ctx.Done():
			err = errGone
		}
		if err != nil {
			return err
		}
	}
}

// deliver writes everything that is ready and flushes once.
func (s *stream) deliver() error {
	next := s.cur.next.Load()
	if next == nil {
		return errOvertaken
	}
	sent := 0
	for ; next != nil; next = s.cur.next.Load() {
		n, err := s.writeBlock(next)
		if err != nil {
			return err
		}
		sent += n
		s.cur = next
	}
	if sent == 0 {
		return nil
	}
	s.hub.count.delivered.Add(int64(sent))
	return s.flush()
}

// writeBlock writes the frames of b that this client is to see, in as few
// pieces as they lie in one row. A frame that is not kept counts as seen.
func (s *stream) writeBlock(b *block) (sent int, err error) {
	if b.live && b.n <= s.joined.n {
		return 0, nil
	}
	from, end := 0, 0 // the piece not written yet
	for i := range b.items {
		it := &b.items[i]
		start := end
		if i > 0 {
			start = b.items[i-1].end
		}
		if (b.live || it.seq > s.after) && (s.sub.Keep == nil || s.sub.Keep(it.attrs)) {
			if end != start || from == end {
				if err := s.write(b.wire[from:end]); err != nil {
					return sent, err
				}
				from = start
			}
			end = it.end
			sent++
		}
	}
	s.after = max(s.after, b.last)
	return sent, s.write(b.wire[from:end])
}

// tick is the timer: a keep-alive, or the end of the stream's life.
func (s *stream) tick() error {
	now := time.Now()
	if !now.Before(s.endsAt) {
		return errLifetime
	}
	if !now.Before(s.nextPing) {
		s.nextPing = now.Add(s.hub.opts.Ping)
		if err := s.ping(now); err != nil {
			return err
		}
	}
	s.timer.Reset(min(time.Until(s.nextPing), time.Until(s.endsAt)))
	return nil
}

// ping tells the position up to which this client has been sent everything.
func (s *stream) ping(now time.Time) error {
	if s.cur != nil {
		s.hub.mu.RLock()
		if s.cur == s.ring.last {
			s.after = max(s.after, s.ring.through(s.hub.head.Load()))
		}
		s.hub.mu.RUnlock()
	}
	return s.send(s.hub.wire.ping(s.buf[:0], now, s.after))
}

// heed does what another goroutine told.
func (s *stream) heed() error {
	flags := s.flags.Swap(0)
	if flags&flagEnd != 0 {
		return errShutdown
	}
	if flags&flagRecheck != 0 && s.sub.Recheck != nil {
		return s.recheck()
	}
	return nil
}

func (s *stream) recheck() error {
	if err := s.sub.Recheck(s.ctx); err != nil {
		if s.ctx.Err() != nil {
			return errGone
		}
		return s.finish(err)
	}
	return nil
}

// finish sends what was published already if the stream is over, and nothing
// more to a caller who has lost access.
func (s *stream) finish(cause error) error {
	if errors.Is(cause, ErrOver) && s.cur != nil && s.cur.next.Load() != nil {
		if err := s.deliver(); err != nil {
			return err
		}
	}
	return &errLost{cause}
}

// pause waits until it is over or something happened, and does meanwhile what
// the stream has to do.
func (s *stream) pause(over <-chan time.Time, happened <-chan struct{}) error {
	for {
		var err error
		select {
		case <-over:
			return nil
		case <-happened:
			return nil
		case <-s.timer.C:
			err = s.tick()
		case <-s.poke:
			err = s.heed()
		case <-s.ctx.Done():
			err = errGone
		}
		if err != nil {
			return err
		}
	}
}

// chores does what is due without waiting.
func (s *stream) chores() error {
	select {
	case <-s.timer.C:
		return s.tick()
	case <-s.poke:
		return s.heed()
	case <-s.ctx.Done():
		return errGone
	default:
		return nil
	}
}

// send writes bytes that are for this client only and flushes them.
func (s *stream) send(bytes []byte) error {
	s.buf = bytes
	if err := s.write(bytes); err != nil {
		return err
	}
	return s.flush()
}

func (s *stream) write(bytes []byte) error {
	if len(bytes) == 0 {
		return nil
	}
	s.setDeadline(s.hub.opts.WriteTimeout)
	_, err := s.w.Write(bytes)
	return s.failure(err)
}

func (s *stream) flush() error {
	s.setDeadline(s.hub.opts.WriteTimeout)
	err := s.failure(s.conn.Flush())
	if !s.http1 && err == nil {
		// HTTP/2 resets a stream whose deadline passes even when it is idle.
		_ = s.conn.SetWriteDeadline(time.Time{})
		s.until = time.Time{}
	}
	return err
}

// setDeadline makes the next write fail when it blocks for longer than
// between half of timeout and timeout: it is renewed only when less than half
// is left, because a timer for each write costs more than the waking.
func (s *stream) setDeadline(timeout time.Duration) {
	now := time.Now()
	if s.until.Sub(now) > timeout/2 {
		return
	}
	s.until = now.Add(timeout)
	// Not supported by a recorder in a test; a socket always does.
	_ = s.conn.SetWriteDeadline(s.until)
}

func (s *stream) failure(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, os.ErrDeadlineExceeded):
		return errStalled
	default:
		return errGone
	}
}

const farewellTimeout = time.Second // for the last bytes to a client that is let go

// farewell tells the client when to come back. Serve then aborts the
// connection.
func (s *stream) farewell(cause error) {
	if errors.Is(cause, errStalled) || errors.Is(cause, errOvertaken) {
		s.hub.count.cutOff.Add(1)
	}
	s.hub.log.Debug("a stream was ended", "topics", s.sub.Topics, "after", s.after, "cause", cause)
	if errors.Is(cause, errStalled) {
		return // nothing gets through to it
	}
	_ = s.conn.SetWriteDeadline(time.Now().Add(farewellTimeout))
	if _, err := s.w.Write(s.hub.wire.retry(s.buf[:0], s.hub.opts.retry())); err == nil {
		_ = s.conn.Flush()
	}
}
