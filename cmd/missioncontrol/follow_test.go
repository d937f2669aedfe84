package main

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"missioncontrol/streams"
)

// frame is what a follower notes of an event.
type frame struct {
	seq               int64
	kind, task, title string
}

// follower is a client of a board's stream of tasks, which connects again by
// itself and notes everything.
type follower struct {
	board    string
	connects atomic.Int64
	retry    atomic.Int64 // ends of its stream
	end      context.CancelFunc
	ended    chan struct{}

	mu     sync.Mutex
	frames []frame
}

// follow starts a follower from a position, from now without one. It has
// connected when follow returns.
func follow(t testing.TB, a api, board, from string) *follower {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	f := &follower{board: board, end: cancel, ended: make(chan struct{})}
	t.Cleanup(f.stop)
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	config := streams.ClientConfig{
		URL: a.base + "/api/v1/boards/" + board + "/tasks/stream", Header: http.Header{"Authorization": {"Bearer " + a.token}},
		LastEventID: from, HTTP: &http.Client{Transport: transport},
		Connected: func(*http.Response) { f.connects.Add(1) },
		Retrying:  func(error, time.Duration) { f.retry.Add(1) },
	}
	go func() {
		defer close(f.ended)
		err := streams.Follow(ctx, config, func(e streams.Event) error { return f.take(t, e) })
		if !errors.Is(err, context.Canceled) {
			t.Errorf("a stream of board %s ended: %v", board, err)
		}
	}()
	eventually(t, patience, "a stream is open", func() bool { return f.connects.Load() > 0 })
	return f
}

func (f *follower) take(t testing.TB, e streams.Event) error {
	t.Helper()
	var data struct {
		Type   string `json:"type"`
		Task   named  `json:"task"`
		TaskID string `json:"task_id"`
	}
	position, ok := e.Position()
	if err := json.Unmarshal(e.Data, &data); err != nil || !ok || e.Name != "task" {
		t.Errorf("a stream sent %+v: %s", e, e.Data)
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.frames = append(f.frames, frame{position.Seq, data.Type, max(data.Task.ID, data.TaskID), data.Task.Title})
	return nil
}

func (f *follower) seen() []frame {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.frames)
}

// await waits until the follower has seen n frames.
func (f *follower) await(t testing.TB, n int) {
	t.Helper()
	eventually(t, patience, "a follower has seen enough", func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		return len(f.frames) >= n
	})
}

func (f *follower) stop() {
	f.end()
	<-f.ended
}
