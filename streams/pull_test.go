package streams

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// pulled is a source of frames that were recorded at these seconds.
type pulled struct {
	mu      sync.Mutex
	seconds []int
	page    int
	moved   chan struct{}
}

// add records one more.
func (p *pulled) add(second int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seconds = append(p.seconds, second)
	close(p.moved)
	p.moved = make(chan struct{})
}

func (p *pulled) next() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.moved
}

func (p *pulled) read(_ context.Context, after int64) (frames []Pulled, through int64, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	through = after
	for i := int(after); i < len(p.seconds) && len(frames) < p.page; i++ {
		through = int64(i + 1)
		frames = append(frames, Pulled{through, time.Unix(int64(p.seconds[i]), 0), []byte(`{}`)})
	}
	return frames, through, nil
}

// pulls serves a Pull in place of a world's topics.
func (w *world) pulls(p Pull) {
	w.server.Handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if err := w.hub.ServePull(rw, r, p); err != nil {
			http.Error(rw, err.Error(), http.StatusServiceUnavailable)
		}
	})
}

func (w *world) source(seconds ...int) *pulled {
	w.hub.Advance(int64(len(seconds)))
	return &pulled{seconds: seconds, page: 3, moved: make(chan struct{})}
}

func (p *pulled) pull() Pull {
	return Pull{Event: "audit", Read: p.read, Moved: p.next}
}

func TestPull(t *testing.T) {
	t.Run("keeps the time between frames, so many times as fast", func(t *testing.T) {
		for _, speed := range []float64{1, 2, 10} {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, Options{})
				source := w.source(100, 110, 110, 111, 1111, 5111) // longer than a stream lives
				p := source.pull()
				p.Speed, p.End = speed, 6
				w.pulls(p)
				began := time.Now()
				r := w.open("")
				for i, second := range source.seconds {
					m := r.event()
					if want := time.Duration(float64(time.Duration(second-100)*time.Second) / speed); m.id != id(int64(i+1)) || time.Since(began) != want {
						t.Errorf("at speed %v, %s is shown after %v, want %v", speed, m.id, time.Since(began), want)
					}
				}
				if m := r.event(); m.event != "end" || r.lastID != id(6) {
					t.Errorf("%+v", m)
				}
			})
		}
	})
	t.Run("goes on behind an id, and waits for what comes", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, Options{})
			source := w.source(1, 2, 3, 4, 5)
			p := source.pull()
			p.Open = true
			w.pulls(p)
			r := w.open("", "Last-Event-ID", id(2))
			for seq := int64(3); seq <= 5; seq++ {
				if m := r.event(); m.id != id(seq) {
					t.Errorf("%+v, want %d", m, seq)
				}
			}
			synctest.Wait()
			source.add(6)
			if m := r.event(); m.id != id(6) {
				t.Errorf("%+v", m)
			}
		})
	})
	t.Run("pings while it waits, with the position that was shown", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, Options{})
			p := w.source(0, 60).pull()
			p.Speed, p.End = 1, 2
			w.pulls(p)
			r := w.open("")
			r.event()
			for range 3 {
				if m := r.must(); m.id != id(1) || m.comment == "" {
					t.Errorf("%+v", m)
				}
			}
		})
	})
	t.Run("has nothing for who has seen everything", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, Options{})
			p := w.source(1, 2).pull()
			p.End = 2
			w.pulls(p)
			if r := w.open("", "Last-Event-ID", id(2)); r.resp.StatusCode != http.StatusNoContent {
				t.Errorf("%d", r.resp.StatusCode)
			}
		})
	})
}
