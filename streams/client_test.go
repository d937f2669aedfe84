package streams

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

var errEnough = errors.New("enough")

// answers serves each connection with the next of its texts, then aborts it.
func answers(t *testing.T, texts ...string) (client *http.Client, ids *[]string) {
	t.Helper()
	ids = new([]string)
	pipes := newPipes()
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*ids = append(*ids, r.Header.Get("Last-Event-ID"))
		text := texts[min(len(*ids), len(texts))-1]
		if code, body, found := strings.Cut(text, "!"); found {
			w.Header().Set("Retry-After", "7")
			http.Error(w, body, map[string]int{"503": 503, "403": 403}[code])
			return
		}
		w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
		_, _ = io.WriteString(w, text)
		_ = http.NewResponseController(w).Flush()
		switch {
		case strings.HasSuffix(text, ": clean\n\n"):
		case strings.HasSuffix(text, ": silent\n\n"):
			<-r.Context().Done()
		default:
			panic(http.ErrAbortHandler)
		}
	})}
	served := make(chan struct{})
	go func() { defer close(served); _ = server.Serve(pipes) }()
	transport := &http.Transport{}
	transport.DialContext = dialer(pipes)
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		_ = server.Close()
		<-served
	})
	return &http.Client{Transport: transport}, ids
}

func TestFollow(t *testing.T) {
	type result struct {
		Events []string
		IDs    []string // sent as Last-Event-ID
		Waits  int
	}
	follow := func(t *testing.T, want int, last string, texts ...string) (result, error) {
		t.Helper()
		client, ids := answers(t, texts...)
		var got result
		err := Follow(t.Context(), ClientConfig{
			URL: "http://test/", HTTP: client, LastEventID: last,
			Retrying: func(error, time.Duration) { got.Waits++ },
		}, func(e Event) error {
			got.Events = append(got.Events, e.ID+" "+e.Name+" "+string(e.Data))
			if len(got.Events) == want {
				return errEnough
			}
			return nil
		})
		got.IDs = *ids
		return got, err
	}
	for name, c := range map[string]struct {
		last  string
		texts []string
		want  result
	}{
		"reads names, data and ids": {
			texts: []string{"\uFEFF: hello\n\nid: x\nevent: task\ndata: {}\n\ndata: a\ndata:b\nother: c\n\nid: y\r\ndata: z\r\n\r\n"},
			want:  result{Events: []string{"x task {}", " message a\nb", "y message z"}, IDs: []string{""}},
		},
		"connects again after a clean end and after an abort": {
			texts: []string{"data: 1\n\n: clean\n\n", "data: 2\n\n", "data: 3\n\n"},
			want:  result{Events: []string{" message 1", " message 2", " message 3"}, IDs: []string{"", "", ""}, Waits: 2},
		},
		"resumes from ids without data and drops what it had": {
			last: id(1),
			texts: []string{
				"id: " + id(2) + "\nevent: task\ndata: 2\n\n: ping\nid: " + id(5) + "\n\n",
				"id: " + id(4) + "\nevent: task\ndata: 4\n\nid: " + id(6) + "\nevent: task\ndata: 6\n\n",
				"id: " + id(3) + "\nevent: reset\ndata: {}\n\nid: " + id(4) + "\nevent: task\ndata: 4\n\n",
			},
			want: result{
				Events: []string{id(2) + " task 2", id(6) + " task 6", id(3) + " reset {}", id(4) + " task 4"},
				IDs:    []string{id(1), id(5), id(6)}, Waits: 2,
			},
		},
		"counts a message that was cut for nothing": {
			texts: []string{
				"id: " + id(1) + "\nevent: task\ndata: 1\n\nid: " + id(2) + "\nevent: task\nda",
				"id: " + id(2) + "\nevent: task\ndata: {\"half",
				"id: " + id(2) + "\nevent: task\ndata: 2\n",
				"id: " + id(2) + "\nevent: task\ndata: two\n\n",
			},
			want: result{Events: []string{id(1) + " task 1", id(2) + " task two"}, IDs: []string{"", id(1), id(1), id(1)}, Waits: 3},
		},
		"waits out a server that is away or falls silent": {
			texts: []string{"503!away", ": silent\n\n", "data: 1\n\n"},
			want:  result{Events: []string{" message 1"}, IDs: []string{"", "", ""}, Waits: 2},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				got, err := follow(t, len(c.want.Events), c.last, c.texts...)
				if !errors.Is(err, errEnough) {
					t.Errorf("error %v", err)
				}
				if diff := cmp.Diff(c.want, got); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
	t.Run("waits as long as the server asks", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			if _, err := follow(t, 1, "", "503!away", "retry: 1234\n\n", "data: 1\n\n"); !errors.Is(err, errEnough) {
				t.Error(err)
			}
			if took := time.Since(start); took != 7*time.Second+1234*time.Millisecond {
				t.Errorf("it waited %v", took)
			}
		})
	})
	t.Run("returns a refusal for good", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			_, err := follow(t, 1, "", "403!not yours")
			var refusal *StatusError
			if !errors.As(err, &refusal) || refusal.Code != 403 || refusal.Body != "not yours" {
				t.Errorf("error %v", err)
			}
		})
	})
	t.Run("ends with its context", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			client, _ := answers(t, ": silent\n\n")
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if err := Follow(ctx, ClientConfig{URL: "http://test/", HTTP: client}, nil); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("error %v", err)
			}
		})
	})
	t.Run("reads events far bigger than a line buffer", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			big := strings.Repeat("x", 3<<20)
			got, err := follow(t, 1, "", "data: "+big+"\n\n")
			if !errors.Is(err, errEnough) || got.Events[0] != " message "+big {
				t.Errorf("error %v, %d bytes", err, len(got.Events))
			}
		})
	})
}

func TestFollowHub(t *testing.T) {
	t.Run("sees everything once although the server lets it go all the time", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			pipes := newPipes()
			w := newWorld(t, Options{Lifetime: 20 * time.Millisecond, RetryMin: time.Millisecond, RetryMax: 2 * time.Millisecond, RingFrames: 5})
			w.serve(pipes)
			transport := &http.Transport{DialContext: dialer(pipes)}
			t.Cleanup(transport.CloseIdleConnections)
			const frames = 500
			var committing sync.WaitGroup
			defer committing.Wait()
			committing.Go(func() {
				for range frames {
					w.commit("a")
					time.Sleep(time.Millisecond)
				}
			})
			connections := 0
			var seen []int64
			err := Follow(t.Context(), ClientConfig{
				URL: "http://test/?topic=a", LastEventID: id(0), HTTP: &http.Client{Transport: transport},
				Connected: func(*http.Response) { connections++ },
			}, func(e Event) error {
				position, ok := e.Position()
				if !ok {
					return fmt.Errorf("event %+v", e)
				}
				if seen = append(seen, position.Seq); position.Seq == frames {
					return errEnough
				}
				return nil
			})
			if !errors.Is(err, errEnough) || !slices.Equal(seen, upTo(frames)) {
				t.Errorf("error %v after %v", err, seen)
			}
			if connections < 10 {
				t.Errorf("%d connections", connections)
			}
		})
	})
}
