package streams

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// ErrDraining is returned by Serve before anything was written: the process is
// shutting down and takes no new streams.
var ErrDraining = errors.New("streams: the server is shutting down")

// Serve answers r with a stream of server-sent events until its client goes
// away (then it returns nil) or the server ends it. A stream that the server
// ends on purpose is told when to come back and then aborted with
// http.ErrAbortHandler, which middleware must let through: today's client
// reconnects on its group page only after an error.
//
// An error means that nothing was written yet.
func (h *Hub) Serve(w http.ResponseWriter, r *http.Request, sub Subscription) error {
	sub, err := sub.normal()
	if err != nil {
		return err
	}
	s := newStream(h, w, r, sub)
	head, err := h.join(s)
	if err != nil {
		return err
	}
	defer h.leave(s)
	defer s.timer.Stop()
	err = s.run(head, wishOf(r))
	if errors.Is(err, errGone) {
		return nil
	}
	s.farewell(err)
	panic(http.ErrAbortHandler)
}

// wish is from where a client wants to be shown frames.
type wish struct {
	lastEventID string
	since       time.Time
	hasSince    bool
	badSince    bool
}

// wishOf reads it: the header before the query before since.
func wishOf(r *http.Request) wish {
	query, err := url.ParseQuery(r.URL.RawQuery)
	id := strings.TrimSpace(r.Header.Get("Last-Event-ID"))
	if id == "" {
		id = strings.TrimSpace(query.Get("last_event_id"))
	}
	if id != "" {
		return wish{lastEventID: id}
	}
	if err != nil && !query.Has("since") && strings.Contains(r.URL.RawQuery, "since=") {
		return wish{badSince: true} // its escapes are broken
	}
	t, given, ok := ParseSince(query.Get("since"))
	return wish{since: t, hasSince: given && ok, badSince: !ok}
}

// run is the life of a stream; it returns why it ended.
func (s *stream) run(head int64, want wish) error {
	s.headers()
	from, err := s.opening(head, want)
	if err != nil {
		return err
	}
	if s.sub.Recheck != nil {
		if err := s.recheck(); err != nil {
			return err
		}
	}
	if want.hasSince {
		if from, err = s.replay(head, want.since); err != nil {
			return err
		}
	}
	s.after = from
	if err := s.catchUp(); err != nil {
		return err
	}
	return s.listen()
}

func (s *stream) headers() {
	header := s.w.Header()
	header.Set("Content-Type", "text/event-stream; charset=utf-8")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Accel-Buffering", "no")
	if s.http1 {
		header.Set("Connection", "keep-alive")
	}
	s.w.WriteHeader(http.StatusOK)
}

// opening writes the first bytes at once, so that the client sees an open
// stream, and tells the position from which the log's frames follow.
func (s *stream) opening(head int64, want wish) (from int64, err error) {
	wire := s.hub.wire
	switch {
	case want.badSince:
		s.after = head
		return head, s.send(wire.comment(s.buf[:0], "since not understood, starting now", head))
	case want.hasSince:
		return head, s.send(wire.comment(s.buf[:0], "connected", -1))
	case want.lastEventID == "":
		s.after = head
		return head, s.send(wire.comment(s.buf[:0], "connected", head))
	}
	if err := s.send(wire.comment(s.buf[:0], "connected", -1)); err != nil {
		return 0, err
	}
	from, reason, err := s.resume(want.lastEventID)
	if err != nil || reason == "" {
		return from, err
	}
	s.hub.count.resets.Add(1)
	return from, s.send(wire.frame(s.buf[:0], from, "reset", []byte(`{"reason":"`+reason+`"}`)))
}

// resume tells the position that a Last-Event-ID stands for, or the head and
// the reason why it stands for none.
func (s *stream) resume(id string) (from int64, reset string, err error) {
	position, malformed := ParsePosition(id)
	switch {
	case malformed != nil:
		return s.hub.Head(), "malformed", nil
	case position.Epoch != s.hub.epoch:
		return s.hub.Head(), "epoch", nil
	}
	// Another process may have told a position that this one learns of within
	// its next look at the log.
	deadline := time.Now().Add(s.hub.opts.CatchUp)
	for {
		head, moved := s.hub.movement()
		if position.Seq <= head {
			return position.Seq, "", nil
		}
		left := time.Until(deadline)
		if left <= 0 {
			return head, "future", nil
		}
		if err := s.pause(time.After(left), moved); err != nil {
			return 0, "", err
		}
	}
}
