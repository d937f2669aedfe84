package streams

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"missioncontrol/eventstore"

	"pgregory.net/rapid"
)

// TestExactness drives a hub with random publications, holes, storage that
// goes away, clients that are slow, leave and come back: every client sees
// each frame that it is to see exactly once, in order.
func TestExactness(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		seed := drawScript(rt)
		synctest.Test(t, func(t *testing.T) { seed.run(t, rt.Errorf) })
	})
}

// script is a random history, drawn before the bubble starts.
type script struct {
	options Options
	steps   []step
	clients []clientPlan
}

type step struct {
	kind   int      // 0, 1, 2 publish; 3 advance over a hole; 4 lost message, then publish; 5 storage away; 6 back; 7 repeated publication
	topics []string // of the events of the batch
	wait   time.Duration
}

type clientPlan struct {
	topics  []string
	odd     bool
	breakAt []int // it leaves after so many messages, each time
	pause   time.Duration
}

func drawScript(rt *rapid.T) script {
	topic := rapid.SampledFrom([]string{"a", "a", "b", ""})
	s := script{options: Options{
		RingFrames: rapid.SampledFrom([]int{3, 10, 1000}).Draw(rt, "ring"),
		PageFrames: rapid.IntRange(1, 5).Draw(rt, "page"),
		Grace:      rapid.SampledFrom([]time.Duration{time.Nanosecond, time.Minute}).Draw(rt, "grace"),
		Lifetime:   rapid.SampledFrom([]time.Duration{50 * time.Millisecond, time.Hour}).Draw(rt, "lifetime"),
		Ping:       7 * time.Millisecond,
	}}
	for range rapid.IntRange(1, 40).Draw(rt, "steps") {
		s.steps = append(s.steps, step{
			kind:   rapid.IntRange(0, 7).Draw(rt, "kind"),
			topics: rapid.SliceOfN(topic, 1, 12).Draw(rt, "topics"),
			wait:   time.Duration(rapid.SampledFrom([]int{0, 0, 1, 20}).Draw(rt, "wait")) * time.Millisecond,
		})
	}
	for range rapid.IntRange(1, 4).Draw(rt, "clients") {
		s.clients = append(s.clients, clientPlan{
			topics:  rapid.SampledFrom([][]string{{"a"}, {"b"}, {"a", "b"}}).Draw(rt, "of"),
			odd:     rapid.Bool().Draw(rt, "odd"),
			breakAt: rapid.SliceOfN(rapid.IntRange(1, 20), 0, 6).Draw(rt, "breaks"),
			pause:   time.Duration(rapid.SampledFrom([]int{0, 0, 3, 30}).Draw(rt, "pause")) * time.Millisecond,
		})
	}
	return s
}

func (s script) run(t *testing.T, fail func(string, ...any)) {
	t.Helper()
	w := newWorld(t, s.options)
	w.sub = func(r *http.Request) Subscription {
		sub := Subscription{Topics: strings.Split(r.FormValue("topic"), ","), Event: "task"}
		if r.FormValue("odd") != "" {
			sub.Keep = func(attrs map[string]string) bool { return attrs["odd"] == "true" }
		}
		return sub
	}
	var clients sync.WaitGroup
	end := make(chan int64) // closed with the end's position in last
	var last int64
	for _, plan := range s.clients {
		clients.Go(func() { plan.follow(w, end, &last, fail) })
	}
	for _, step := range s.steps {
		step.do(w)
		time.Sleep(step.wait)
	}
	w.history.setError(nil)
	w.commit("a") // a frame that everybody can wait for
	last = w.commit("b", "b", "a", "a")
	close(end)
	clients.Wait()
}

func (s step) do(w *world) {
	head := w.hub.Head()
	n := int64(len(s.topics))
	switch s.kind {
	default:
		w.commit(s.topics...)
	case 3:
		w.store(s.topics...)
		w.hub.Advance(head + n)
	case 4:
		w.store(s.topics...)
		frames := w.storeAfter(head+n, s.topics...)
		w.hub.Publish(head+n+1, head+2*n, frames)
	case 5:
		w.history.setError(errAway)
	case 6:
		w.history.setError(nil)
	case 7:
		w.commit(s.topics...)
		w.hub.Publish(head+1, head+n, nil)
		w.hub.Advance(head)
	}
}

// follow reads, leaves and comes back until it has seen the last position.
func (p clientPlan) follow(w *world, end <-chan int64, last *int64, fail func(string, ...any)) {
	odd := ""
	if p.odd {
		odd = "&odd=1"
	}
	lastID := id(0)
	var seen []int64
	for attempt := 0; ; attempt++ {
		r := w.open("topic="+strings.Join(p.topics, ",")+odd, "Last-Event-ID", lastID)
		for n := 1; ; n++ {
			m, err := r.next()
			if err != nil {
				break
			}
			if m.event == "reset" {
				fail("reset: %+v", m)
				return
			}
			seen = appendSeq(seen, m)
			lastID = cmpText(r.lastID, lastID)
			if attempt < len(p.breakAt) && n >= p.breakAt[attempt] {
				break
			}
			if done(end) && reached(lastID, *last) {
				r.close()
				p.check(w, seen, *last, fail)
				return
			}
			time.Sleep(p.pause)
		}
		r.close()
		if attempt > 5000 {
			fail("client %+v does not get to the end: %s, want %d", p, lastID, *last)
			return
		}
	}
}

func (p clientPlan) check(w *world, seen []int64, last int64, fail func(string, ...any)) {
	var want []int64
	w.history.mu.Lock()
	defer w.history.mu.Unlock()
	for _, f := range w.history.frames {
		if slices.Contains(p.topics, f.Topic) && f.Seq <= last && (!p.odd || f.Seq%2 == 1) {
			want = append(want, f.Seq)
		}
	}
	if !slices.Equal(seen, want) {
		fail("client %+v saw %v, want %v", p, seen, want)
	}
}

func done(end <-chan int64) bool {
	select {
	case <-end:
		return true
	default:
		return false
	}
}

func reached(lastID string, last int64) bool {
	position, err := ParsePosition(lastID)
	return err == nil && position.Seq >= last
}

func cmpText(text, otherwise string) string {
	if text != "" {
		return text
	}
	return otherwise
}

func TestHub(t *testing.T) {
	t.Run("costs nothing for topics that nobody shows", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, Options{})
			frames := []eventstore.Frame{testFrame("a", 1)}
			seq := int64(0)
			if n := testing.AllocsPerRun(100, func() { seq++; frames[0].Seq = seq; w.hub.Publish(seq, seq, frames) }); n != 0 {
				t.Errorf("%v allocations a publication", n)
			}
			w.hub.Advance(seq + 5)
			synctest.Wait()
			if w.history.readCount() != 0 || w.hub.Stats().Rings != 0 {
				t.Errorf("%d reads, %+v", w.history.readCount(), w.hub.Stats())
			}
		})
	})
	t.Run("reads a hole once for all streams of a topic", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, Options{})
			var readers []*reader
			for range 50 {
				r := w.open("topic=a")
				r.must()
				readers = append(readers, r)
			}
			w.store("a", "b", "a")
			w.hub.Advance(3)
			for _, r := range readers {
				r.wantSeqs(1, 3)
			}
			if n := w.history.readCount(); n != 1 {
				t.Errorf("%d reads", n)
			}
		})
	})
	t.Run("keeps a ring for those who come back, then drops it", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, Options{})
			r := w.open("topic=a")
			r.must()
			r.close()
			synctest.Wait()
			w.commit("a")
			w.open("topic=a", "Last-Event-ID", id(0)).wantSeqs(1)
			if n := w.history.readCount(); n != 0 {
				t.Errorf("%d reads within the grace", n)
			}
			w.commit("b")
			w.hub.Advance(w.hub.Head())
		})
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, Options{})
			r := w.open("topic=a")
			r.must()
			r.close()
			time.Sleep(DefaultGrace + sweepEvery)
			w.commit("b")
			if n := w.hub.Stats().Rings; n != 0 || len(w.hub.byTopic) != 0 {
				t.Errorf("%d rings", n)
			}
		})
	})
	t.Run("counts lag from when the head was last told", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, Options{})
			time.Sleep(6 * time.Second)
			if got := w.hub.Lag(); got != 6*time.Second {
				t.Errorf("lag %v", got)
			}
			w.hub.Advance(0)
			if got := w.hub.Lag(); got != 0 {
				t.Errorf("lag %v", got)
			}
		})
	})
	t.Run("lets others wait for a position", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, Options{})
			arrived := make(chan error, 1)
			go func() { arrived <- w.hub.Await(t.Context(), 3) }()
			synctest.Wait()
			w.commit("a")
			w.hub.Advance(4)
			if err := <-arrived; err != nil || w.hub.Position() != (Position{testEpoch, 4}) {
				t.Errorf("%v at %v", err, w.hub.Position())
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if err := w.hub.Await(ctx, 5); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("error %v", err)
			}
		})
	})
	t.Run("serves a thousand streams on one topic", func(t *testing.T) {
		w := newSocketWorld(t, Options{})
		const streams, frames = 1000, 20
		readers := make([]*reader, streams)
		for i := range readers {
			readers[i] = w.open("topic=a")
			readers[i].must()
		}
		var all sync.WaitGroup
		for _, r := range readers {
			all.Go(func() { r.wantSeqs(upTo(frames)...) })
		}
		for range frames {
			w.commit("a")
		}
		all.Wait()
		if n := w.hub.Stats().Streams; n != streams {
			t.Errorf("%d streams", n)
		}
	})
}
