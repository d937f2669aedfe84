package streams

import (
	"bufio"
	"bytes"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestSockets holds what only real sockets and protocols show.
func TestSockets(t *testing.T) {
	t.Run("a stalled reader is cut off while others go on, and resumes exactly", func(t *testing.T) {
		w := newSocketWorld(t, Options{WriteTimeout: 200 * time.Millisecond, RingBytes: 1 << 30, RingFrames: 1 << 20})
		w.hub.unseal = func(p []byte) []byte { // big enough to fill the buffers of a socket soon
			return slices.Concat(p[:len(p)-1], []byte(`,"x":"`), bytes.Repeat([]byte("x"), 64<<10), []byte(`"}`))
		}
		stalled := w.open("topic=a")
		var others sync.WaitGroup
		tell := make(chan struct{}, 20)
		counts := make([]int64, 20)
		for i := range counts {
			r := w.open("topic=a")
			r.must()
			others.Go(func() {
				for {
					m, err := r.next()
					if err != nil || m.event == "" {
						return
					}
					if n := len(appendSeq(nil, m)); n > 0 {
						counts[i]++
						tell <- struct{}{}
					}
				}
			})
		}
		for w.hub.Stats().CutOff == 0 {
			w.commit("a")
			for range counts {
				receive(t, tell)
			}
		}
		head := w.hub.Head()
		var seen []int64
		for {
			m, err := stalled.next()
			if err != nil {
				break
			}
			seen = appendSeq(seen, m)
		}
		again := w.open("topic=a", "Last-Event-ID", stalled.lastID)
		for int64(len(seen)) < head {
			seen = appendSeq(seen, again.must())
		}
		if !slices.Equal(seen, upTo(head)) {
			t.Errorf("it saw %v", seen)
		}
		again.close()
		if err := w.hub.Drain(t.Context()); err != nil {
			t.Error(err)
		}
		others.Wait()
		for _, n := range counts {
			if n != head {
				t.Errorf("another saw %d of %d", n, head)
			}
		}
	})
	t.Run("HTTP/2 streams outlive the write deadline and are let go", func(t *testing.T) {
		w := newWorld(t, Options{WriteTimeout: 60 * time.Millisecond, Ping: 150 * time.Millisecond, Lifetime: time.Second, Jitter: 1e-9})
		server := httptest.NewUnstartedServer(w.newServer().Handler)
		server.EnableHTTP2 = true
		server.StartTLS()
		defer server.Close()
		resp, err := server.Client().Get(server.URL + "/?topic=a")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		if resp.ProtoMajor != 2 || resp.Header.Get("Connection") != "" {
			t.Errorf("%s, %v", resp.Proto, resp.Header)
		}
		r := &reader{t: t, lines: bufio.NewReader(resp.Body)}
		r.must()
		if m := r.must(); !strings.HasPrefix(m.comment, "ping") {
			t.Errorf("got %+v", m)
		}
		w.commit("a")
		r.wantSeqs(1)
		var last message
		for {
			m, err := r.next()
			if err != nil {
				break
			}
			last = m
		}
		if last.retry == "" {
			t.Errorf("the last message is %+v", last)
		}
	})
	t.Run("hostile positions and times get a stream", func(t *testing.T) {
		w := newSocketWorld(t, Options{CatchUp: time.Millisecond})
		w.commit("a")
		for _, text := range hostile {
			for _, name := range []string{"last_event_id", "since"} {
				req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
				if err != nil {
					t.Fatal(err)
				}
				query := req.URL.Query()
				query.Set(name, text)
				r := w.open("topic=a&" + query.Encode())
				if r.resp.StatusCode != http.StatusOK {
					t.Errorf("%s %q: %d", name, text, r.resp.StatusCode)
				}
				r.must()
				r.close()
			}
		}
	})
}

var hostile = []string{
	"-1", "0", "99999999999999999999999999", id(1 << 62), id(-1), strings.Repeat("a", 4000), "\x00", "a\r\nid: 1", "é\xff",
	"0000-00-00T00:00:00Z", "9999-12-31T23:59:59+23:59", "0001-01-01T00:00:00-23:59", "2026-11-21T17:41:02." + strings.Repeat("9", 3000) + "Z", "' or 1=1 --",
}
