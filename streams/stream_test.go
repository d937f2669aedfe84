package streams

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestStream(t *testing.T) {
	t.Run("pings every 15 s with the head it has seen", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, Options{})
			r := w.open("topic=a")
			r.must()
			w.commit("b", "b")
			start := time.Now()
			m := r.must()
			if time.Since(start) != DefaultPing || m.id != id(2) || m.data != "" ||
				m.comment != "ping - "+time.Now().UTC().Format("2006-01-02 15:04:05.000000+00:00") {
				t.Errorf("after %v: %+v", time.Since(start), m)
			}
		})
	})
	t.Run("does not tell positions of a hole before it is filled", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, Options{})
			r := w.open("topic=a")
			r.must()
			w.history.setError(errAway)
			w.store("a", "b", "a")
			w.hub.Advance(3)
			w.commit("a")
			if m := r.must(); m.id != id(0) {
				t.Errorf("keep-alive %+v", m)
			}
			if w.hub.Lag() < DefaultPing {
				t.Errorf("lag %v", w.hub.Lag())
			}
			w.history.setError(nil)
			r.wantSeqs(1, 3, 4)
			synctest.Wait()
			w.hub.Advance(4)
			if w.hub.Lag() != 0 {
				t.Errorf("lag %v after the hole was filled", w.hub.Lag())
			}
		})
	})
	t.Run("is let go after its lifetime with a delay and without a clean end", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, Options{})
			r := w.open("topic=a")
			start := time.Now()
			wantLetGo(t, r)
			if age := time.Since(start); age < 8*time.Minute || age > 12*time.Minute {
				t.Errorf("it lived for %v", age)
			}
		})
	})
	t.Run("ends quickly when its client goes away", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, Options{})
			r := w.open("topic=a")
			r.must()
			r.close()
			synctest.Wait()
			if n := w.hub.Stats().Streams; n != 0 {
				t.Errorf("%d streams", n)
			}
		})
	})
	t.Run("shows messages without id to those who listen, and to nobody later", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, Options{})
			r := w.open("topic=a")
			r.must()
			w.commit("a")
			if err := w.hub.Send("a", "agent", []byte(`{"seen":1}`), nil); err != nil {
				t.Fatal(err)
			}
			w.commit("a")
			r.wantSeqs(1)
			if m := r.must(); m.id != "" || m.event != "agent" || m.data != `{"seen":1}` {
				t.Errorf("got %+v", m)
			}
			r.wantSeqs(2)
			w.open("topic=a", "Last-Event-ID", id(0)).wantSeqs(1, 2)
			if err := w.hub.Send("a", "a\nb", nil, nil); err == nil {
				t.Error("an event name with a line break was sent")
			}
		})
	})
	t.Run("asks for access again when told, and ends when it is lost", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, Options{})
			var asked int
			var answer error
			w.sub = func(*http.Request) Subscription {
				return Subscription{
					Topics: []string{"a"}, Event: "task", Keys: []string{"user/1", "org/1"},
					Recheck: func(context.Context) error { asked++; return answer },
				}
			}
			r := w.open("")
			r.must()
			synctest.Wait()
			w.hub.Recheck("user/2")
			w.hub.Recheck("org/1", "user/1")
			synctest.Wait()
			if asked != 2 {
				t.Errorf("asked %d times, want once at the start and once when told", asked)
			}
			w.commit("a")
			r.wantSeqs(1)
			answer = errors.New("no longer a member")
			w.hub.Recheck("user/1")
			wantLetGo(t, r)
			if len(w.hub.watchers) != 0 {
				t.Error("it is still watched")
			}
		})
	})
	t.Run("shows how it ended what is over, and nothing more to those who lost access", func(t *testing.T) {
		for cause, sees := range map[error]bool{fmt.Errorf("%w: deleted", ErrOver): true, errors.New("no longer a member"): false} {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, Options{})
				var answer error
				w.sub = func(*http.Request) Subscription {
					return Subscription{Topics: []string{"a"}, Event: "task", Keys: []string{"board/1"}, Recheck: func(context.Context) error {
						if answer != nil {
							w.commit("a") // as if both had come at once and the other was chosen first
						}
						return answer
					}}
				}
				r := w.open("")
				r.must()
				synctest.Wait()
				answer = cause
				w.hub.Recheck("board/1")
				if m := r.must(); (m.data != "") != sees {
					t.Errorf("after %v it shows %+v", cause, m)
				}
				if _, err := r.next(); sees && err != nil || !sees && !errors.Is(err, io.ErrUnexpectedEOF) {
					t.Errorf("it goes on with %v", err)
				}
			})
		}
	})
}

// wantLetGo reads to the end of a stream that the server ends on purpose.
func wantLetGo(t *testing.T, r *reader) {
	t.Helper()
	var last message
	for {
		m, err := r.next()
		if err == nil {
			last = m
			continue
		}
		if !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("it ended with %v, want an aborted connection", err)
		}
		if last.retry == "" || last.data != "" {
			t.Errorf("the last message is %+v, want retry", last)
		}
		return
	}
}

func TestSlowClient(t *testing.T) {
	t.Run("is cut off when its socket stays blocked, others go on", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, Options{})
			stalled := w.open("topic=a")
			good := w.open("topic=a")
			good.must()
			start := time.Now()
			for w.hub.Stats().CutOff == 0 {
				w.commit("a")
				good.wantSeqs(w.hub.Head())
				time.Sleep(100 * time.Millisecond)
			}
			if took := time.Since(start); took > DefaultWriteTimeout+time.Second {
				t.Errorf("it took %v", took)
			}
			for {
				if _, err := stalled.next(); err != nil {
					break
				}
			}
			again := w.open("topic=a", "Last-Event-ID", id(0))
			for seq := range w.hub.Head() {
				again.wantSeqs(seq + 1)
			}
		})
	})
	t.Run("is cut off when the ring overtakes it and resumes exactly", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, Options{RingFrames: 8})
			r := w.open("topic=a")
			r.must()
			synctest.Wait()
			for range 30 { // the stream's socket takes nothing until it is read
				w.commit("a")
				synctest.Wait()
			}
			var seqs []int64
			for {
				m, err := r.next()
				if err != nil {
					break
				}
				seqs = appendSeq(seqs, m)
			}
			if w.hub.Stats().CutOff != 1 {
				t.Fatalf("%d cut off", w.hub.Stats().CutOff)
			}
			again := w.open("topic=a", "Last-Event-ID", r.lastID)
			for len(seqs) < 30 {
				seqs = appendSeq(seqs, again.must())
			}
			if want := upTo(30); !slices.Equal(seqs, want) {
				t.Errorf("it saw %v", seqs)
			}
		})
	})
	t.Run("is not cut off by one batch bigger than the ring", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, Options{RingFrames: 8})
			r := w.open("topic=a")
			r.must()
			w.commit(slices.Repeat([]string{"a"}, 100)...)
			r.wantSeqs(upTo(100)...)
		})
	})
}

func appendSeq(seqs []int64, m message) []int64 {
	if m.data == "" {
		return seqs
	}
	position, err := ParsePosition(m.id)
	if err != nil {
		panic(fmt.Sprintf("%+v: %v", m, err))
	}
	return append(seqs, position.Seq)
}

func upTo(n int64) (seqs []int64) {
	for seq := range n {
		seqs = append(seqs, seq+1)
	}
	return seqs
}

func TestDrain(t *testing.T) {
	t.Run("lets streams go in slices and waits for them", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, Options{})
			var readers []*reader
			for range 900 {
				r := w.open("topic=a")
				r.must()
				readers = append(readers, r)
			}
			ended := make(chan time.Duration, len(readers))
			start := time.Now()
			for _, r := range readers {
				go func() {
					for {
						if _, err := r.next(); err != nil {
							ended <- time.Since(start)
							return
						}
					}
				}()
			}
			if err := w.hub.Drain(t.Context()); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(start); took > DefaultDrain {
				t.Errorf("it took %v", took)
			}
			at := map[time.Duration]int{}
			for range readers {
				at[<-ended]++
			}
			if len(at) != 30 || at[0] != 30 {
				t.Errorf("streams ended at %v", at)
			}
			if resp := w.open("topic=a"); resp.resp.StatusCode != http.StatusServiceUnavailable {
				t.Errorf("a new stream got %d", resp.resp.StatusCode)
			}
		})
	})
	t.Run("hurries when its time is over", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, Options{})
			for range 100 {
				w.open("topic=a").must()
			}
			ctx, cancel := context.WithTimeout(t.Context(), drainStep/2)
			defer cancel()
			if err := w.hub.Drain(ctx); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("error %v", err) // nobody reads: they end with the farewell's deadline
			}
			time.Sleep(2 * farewellTimeout)
			if n := w.hub.Stats().Streams; n != 0 {
				t.Errorf("%d streams", n)
			}
		})
	})
}
