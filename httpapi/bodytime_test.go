package httpapi

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// TestBodyTime sends bodies in time and too late, on connections of both
// versions of HTTP.
func TestBodyTime(t *testing.T) {
	t.Parallel()
	const limit, patience = 100 * time.Millisecond, 20 * time.Second
	transport := sampleTransport(io.Discard)
	transport.BodyTimeout = limit
	waits := func(ctx context.Context, in echoed) (echoed, error) {
		select { // for longer than the body may take
		case <-time.After(2 * limit):
			return in, nil
		case <-ctx.Done():
			return in, ctx.Err()
		}
	}
	handler := transport.mount([]route{
		post("/works", public(), waits, bodyName("Echo"), handledBy("works")),
		post("/ignores", public(), func(ctx context.Context, _ struct{}) (echoed, error) { return waits(ctx, echoed{}) }, handledBy("ignores")),
	}, vocabulary{})
	for _, version := range []int{1, 2} {
		server := httptest.NewUnstartedServer(handler)
		server.EnableHTTP2 = version == 2
		server.StartTLS()
		t.Cleanup(server.Close)
		for name, c := range map[string]struct {
			path   string
			body   io.Reader // nil: one that never comes
			status int
		}{
			"work goes on after the body":           {"/works", strings.NewReader(`{"any":1}`), 200},
			"work goes on after a body in chunks":   {"/works", io.MultiReader(strings.NewReader(`{"any":1}`)), 200},
			"work goes on after a body for nothing": {"/ignores", strings.NewReader(`anything`), 200},
			"a body that does not come is given up": {"/works", nil, 408},
			"so is one that nobody reads":           {"/ignores", nil, 408},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				defer cancel()
				silence, end := io.Pipe()
				defer end.Close()
				if c.body == nil {
					c.body = silence
				}
				request, err := http.NewRequestWithContext(ctx, "POST", server.URL+c.path, c.body)
				if err != nil {
					t.Fatal(err)
				}
				response, err := server.Client().Do(request)
				if err != nil {
					t.Fatal(err)
				}
				_ = response.Body.Close()
				if response.StatusCode != c.status || response.ProtoMajor != version {
					t.Errorf("%d over %s, want %d", response.StatusCode, response.Proto, c.status)
				}
			})
		}
	}
}

// TestNextRequest uses a connection again after a body, when the limit of that
// body has passed.
func TestNextRequest(t *testing.T) {
	t.Parallel()
	const limit = 50 * time.Millisecond
	transport := sampleTransport(io.Discard)
	transport.BodyTimeout = limit
	server := httptest.NewServer(transport.mount(new(sampleAPI).routes(), vocabulary{}))
	t.Cleanup(server.Close)
	conn, err := net.Dial("tcp", strings.TrimPrefix(server.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	answers := bufio.NewReader(conn)
	for range 2 {
		if _, err := io.WriteString(conn, "PUT /api/v1/echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{\"any\":1}"); err != nil {
			t.Fatal(err)
		}
		response, err := http.ReadResponse(answers, nil)
		if err != nil {
			t.Fatal(err)
		}
		if body, _ := io.ReadAll(response.Body); string(body) != `{"any":1}` {
			t.Fatalf("%d %s", response.StatusCode, body)
		}
		<-time.After(2 * limit)
	}
}
