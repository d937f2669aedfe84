package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// bare is R2: the least that net/http needs to send the same bytes to the same
// readers, a channel for each and a flush for each event. It stores, checks
// and resumes nothing.
type bare struct {
	payload []byte
	addr    string
	web     *http.Server
	running errgroup.Group
	clock   clock

	mu   sync.Mutex
	open map[chan []byte]struct{}
	seq  int64
}

func startBare(ctx context.Context, payload []byte) (*bare, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &bare{payload: payload, addr: listener.Addr().String(), open: map[chan []byte]struct{}{}}
	s.clock.began = time.Now()
	s.web = &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	s.running.Go(func() error { return s.web.Serve(listener) })
	return s, nil
}

func (s *bare) close() {
	_ = s.web.Close()
	_ = s.running.Wait() // says that it was closed
}

func (s *bare) address() string { return s.addr }
func (s *bare) path() string    { return "/" }
func (s *bare) times() *clock   { return &s.clock }

func (s *bare) publish() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seq++
	event := fmt.Appendf(nil, "id: 0190a5f1-0000-7000-8000-000000000001-%d\nevent: task\ndata: %s\n\n", s.seq, s.payload)
	s.clock.mark(s.seq, s.seq)
	for events := range s.open {
		events <- event
	}
	return nil
}

func (s *bare) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	events := make(chan []byte, 64)
	s.mu.Lock()
	s.open[events] = struct{}{}
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.open, events)
		s.mu.Unlock()
	}()
	w.Header().Set("Content-Type", "text/event-stream")
	_, _ = w.Write([]byte(": connected\n\n"))
	flusher := w.(http.Flusher)
	flusher.Flush()
	for {
		select {
		case event := <-events:
			if _, err := w.Write(event); err != nil {
				return
			}
			flusher.Flush()
		case <-r.Context().Done():
			return
		}
	}
}
