package streams

import (
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestServe(t *testing.T) {
	t.Run("sends its headers and an opening line at once", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, Options{})
			w.commit("a", "a")
			r := w.open("topic=a")
			for name, want := range map[string]string{
				"Content-Type":      "text/event-stream; charset=utf-8",
				"Cache-Control":     "no-store",
				"X-Accel-Buffering": "no",
				"Connection":        "keep-alive",
			} {
				if got := r.resp.Header.Get(name); got != want {
					t.Errorf("%s: %q, want %q", name, got, want)
				}
			}
			if m := r.must(); m.comment != "connected" || m.id != id(2) {
				t.Errorf("opening: %+v", m)
			}
		})
	})
	t.Run("shows from now on what its topics get", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, Options{})
			w.commit("a")
			r := w.open("topic=a")
			r.must()
			w.commit("b", "a", "")
			w.commit("a", "a")
			r.wantSeqs(3, 5, 6)
		})
	})
	t.Run("merges several topics in order of seq", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, Options{PageFrames: 2})
			w.commit("a", "b", "c", "b", "b", "a", "a")
			r := w.open("topic=b,a&last_event_id=" + id(0))
			r.wantSeqs(1, 2, 4, 5, 6, 7)
			w.commit("b", "c", "a")
			r.wantSeqs(8, 10)
		})
	})
	t.Run("leaves out what the filter does not keep", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, Options{})
			w.keep = func(attrs map[string]string) bool { return attrs["odd"] == "true" }
			r := w.open("topic=a")
			r.must()
			w.commit("a", "a", "a", "a", "a", "a")
			r.wantSeqs(1, 3, 5)
			synctest.Wait()
			time.Sleep(DefaultPing)
			if m := r.must(); m.id != id(6) {
				t.Errorf("the keep-alive tells %q, want the head although the last frame was left out", m.id)
			}
		})
	})
	t.Run("refuses a subscription that cannot be shown", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, Options{})
			for _, sub := range []Subscription{{Event: "task"}, {Topics: []string{"a"}, Event: "x\ny"}, {Topics: []string{"a"}}} {
				if err := w.hub.Serve(nil, nil, sub); err == nil {
					t.Errorf("%+v was served", sub)
				}
			}
		})
	})
	t.Run("opens sealed payloads and keeps them on one line", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, Options{})
			w.hub.unseal = func(p []byte) []byte { return append([]byte("{\r\n\x00"), p[1:]...) }
			r := w.open("topic=a")
			w.commit("a")
			if m := r.event(); m.data != `{   "n":1,"topic":"a"}` {
				t.Errorf("data %q", m.data)
			}
		})
	})
}

func TestResume(t *testing.T) {
	t.Run("replays everything after the position, from the ring or from history", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, Options{PageFrames: 3})
			w.commit("a", "a", "a", "b", "a", "a", "a", "a")
			r := w.open("topic=a", "Last-Event-ID", id(1))
			r.wantSeqs(2, 3, 5, 6, 7, 8)
			w.commit("a")
			r.wantSeqs(9)
			reads := w.history.readCount()
			w.open("topic=a&last_event_id=" + id(8)).wantSeqs(9)
			if w.history.readCount() != reads {
				t.Error("history was read for what the ring has")
			}
		})
	})
	t.Run("prefers the header to the query and both to since", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, Options{})
			w.commit("a", "a", "a")
			since := "&since=" + url.QueryEscape(testTime(1).Format(time.RFC3339))
			w.open("topic=a&last_event_id="+id(1)+since, "Last-Event-ID", id(2)).wantSeqs(3)
			w.open("topic=a&last_event_id=" + id(1) + since).wantSeqs(2)
		})
	})
	for text, reason := range map[string]string{
		"nonsense":                               "malformed",
		id(2) + "0x":                             "malformed",
		testEpoch.String():                       "malformed",
		"00000000-0000-0000-0000-000000000000-1": "epoch",
		id(99):                                   "future",
		id(0) + "9999999999999999":               "malformed",
	} {
		t.Run("says reset/"+reason+" "+text, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, Options{})
				w.commit("a", "a")
				r := w.open("topic=a", "Last-Event-ID", text)
				m := r.event()
				if m.event != "reset" || m.data != `{"reason":"`+reason+`"}` || m.id != id(2) {
					t.Errorf("got %+v", m)
				}
				w.commit("a")
				r.wantSeqs(3)
			})
		})
	}
	t.Run("waits for a position that another process told first", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, Options{})
			r := w.open("topic=a", "Last-Event-ID", id(2))
			r.must()
			synctest.Wait()
			w.commit("a", "a")
			w.commit("a")
			r.wantSeqs(3)
		})
	})
	t.Run("keeps the stream open while storage is away", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, Options{})
			w.commit("a", "a")
			w.history.setError(errAway)
			r := w.open("topic=a", "Last-Event-ID", id(0))
			r.must()
			for range 3 {
				if m := r.must(); !strings.HasPrefix(m.comment, "ping") || m.id != id(0) {
					t.Fatalf("got %+v, want a keep-alive that tells nothing new", m)
				}
			}
			w.history.setError(nil)
			r.wantSeqs(1, 2)
		})
	})
}

func TestSince(t *testing.T) {
	since := func(seq int64) string { return "&since=" + testTime(seq).Format("2006-01-02T15:04:05.000Z") }
	t.Run("replays inclusively without what is gone, then everything", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, Options{PageFrames: 2})
			w.commit("a", "a", "a", "a", "a")
			w.history.gone[testFrame("a", 3).About] = true
			r := w.open("topic=a" + since(2))
			r.wantSeqs(2, 4, 5)
			w.commit("a")
			r.wantSeqs(6)
			w.open("topic=a" + since(90)).must()
		})
	})
	t.Run("means none when blank or null", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, Options{})
			w.commit("a")
			for _, text := range []string{"", "null", "+"} {
				if m := w.open("topic=a&since=" + text).must(); m.comment != "connected" || m.id != id(1) {
					t.Errorf("since %q: %+v", text, m)
				}
			}
		})
	})
	t.Run("starts now and says so when it is no time", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, Options{})
			w.commit("a")
			for _, text := range []string{"yesterday", "%zz", "2026-13-01", "%00"} {
				r := w.open("topic=a&since=" + text)
				if m := r.must(); m.comment != "since not understood, starting now" {
					t.Errorf("since %q: %+v", text, m)
				}
			}
		})
	})
	t.Run("tells no position before it knows one", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, Options{})
			w.commit("a", "a")
			w.history.setError(errAway)
			r := w.open("topic=a" + since(1))
			time.Sleep(DefaultPing + time.Second)
			w.history.setError(nil)
			if m := r.must(); m.id != "" {
				t.Errorf("opening: %+v", m)
			}
			if m := r.must(); !strings.HasPrefix(m.comment, "ping") || m.id != "" {
				t.Errorf("keep-alive: %+v", m)
			}
			r.wantSeqs(1, 2)
		})
	})
}
