package httpapi

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// A tail collects what a stream sends, until it ends.
type tail struct {
	path  string
	ended chan struct{}

	mu    sync.Mutex
	seen  strings.Builder
	clean bool // it ended with the final chunk, as streams never do on purpose
}

// tail opens a stream as a kind of caller.
func (x *tenant) tail(kind, path string, headers ...string) *tail {
	x.n.t.Helper()
	return x.n.tail(path, append(x.as(kind), headers...)...)
}

func (n *node) tail(path string, headers ...string) *tail {
	t := n.t
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, n.url+v1+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range headers {
		if name, value, _ := strings.Cut(h, ": "); value != "" {
			request.Header.Set(name, value)
		}
	}
	response, err := n.http.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	if response.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(response.Body)
		t.Fatalf("%s: %d %s", path, response.StatusCode, text)
	}
	s := &tail{path: path, ended: make(chan struct{})}
	go s.read(response.Body)
	t.Cleanup(func() { cancel(); <-s.ended })
	s.until(t, ": connected")
	return s
}

func (s *tail) read(body io.ReadCloser) {
	defer close(s.ended)
	defer body.Close()
	piece := make([]byte, 4096)
	for {
		n, err := body.Read(piece)
		s.mu.Lock()
		s.seen.Write(piece[:n])
		s.clean = errors.Is(err, io.EOF)
		s.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (s *tail) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen.String()
}

// until waits for a text, which has to come within five seconds.
func (s *tail) until(t testing.TB, text string) {
	t.Helper()
	deadline := time.Now().Add(5 * time.Second)
	for !strings.Contains(s.text(), text) {
		if time.Now().After(deadline) {
			t.Fatalf("%s does not show %q:\n%s", s.path, text, s.text())
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// endsWithin waits for the server to end the stream on purpose: it says when to
// come back and cuts the connection.
func (s *tail) endsWithin(t testing.TB, limit time.Duration, why string) {
	t.Helper()
	select {
	case <-s.ended:
	case <-time.After(limit):
		t.Errorf("%s goes on for %v after %s", s.path, limit, why)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.clean || !strings.Contains(s.seen.String(), "retry:") {
		t.Errorf("%s ends as if it were over after %s:\n%s", s.path, why, s.seen.String())
	}
}
