package streams

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"missioncontrol/eventstore"

	"github.com/google/uuid"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var quiet = slog.New(slog.DiscardHandler)

var testEpoch = uuid.MustParse("6f9619ff-8b86-4d01-b42d-00cf4fc964ff")

// memory is a History; its frames are committed whether the hub knows or not.
type memory struct {
	mu     sync.Mutex
	frames []eventstore.Frame // ascending
	gone   map[uuid.UUID]bool
	err    error
	reads  int
}

var errAway = errors.New("storage is away")

func (m *memory) After(_ context.Context, topic string, after, upTo int64, limit int) ([]eventstore.Frame, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.reads++
	if m.err != nil {
		return nil, m.err
	}
	var out []eventstore.Frame
	for _, f := range m.frames {
		if f.Topic == topic && f.Seq > after && f.Seq <= upTo && len(out) < limit {
			out = append(out, f)
		}
	}
	return out, nil
}

func (m *memory) Since(_ context.Context, _ string, since time.Time) (int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err != nil {
		return 0, m.err
	}
	head := int64(0)
	for _, f := range m.frames {
		if !f.Recorded.Before(since) {
			return f.Seq - 1, nil
		}
		head = f.Seq
	}
	return head, nil
}

func (m *memory) Alive(_ context.Context, _ string, frames []eventstore.Frame) ([]eventstore.Frame, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(frames), func(f eventstore.Frame) bool { return m.gone[f.About] }), m.err
}

func (m *memory) setError(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.err = err
}

func (m *memory) add(frames ...eventstore.Frame) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.frames = append(m.frames, frames...)
}

func (m *memory) readCount() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.reads
}

// world is a hub with its history, and a server in front of it.
type world struct {
	t       testing.TB
	hub     *Hub
	history *memory
	server  *http.Server
	listen  func(context.Context) (net.Conn, error)
	keep    func(map[string]string) bool
	sub     func(r *http.Request) Subscription
	scratch []eventstore.Frame
	served  sync.WaitGroup
}

// newWorld serves over pipes in memory (fit for synctest), with the topic
// named by ?topic=, several separated by commas.
func newWorld(tb testing.TB, options Options) *world {
	tb.Helper()
	pipes := newPipes()
	w := &world{t: tb, history: &memory{gone: map[uuid.UUID]bool{}}}
	w.hub = NewHub(tb.Context(), Config{Epoch: testEpoch, History: w.history, Log: quiet, Options: options})
	w.serve(pipes)
	w.listen = pipes.dial
	tb.Cleanup(w.close)
	return w
}

// serve answers on one more listener.
func (w *world) serve(listener net.Listener) {
	if w.server == nil {
		w.server = w.newServer()
	}
	w.served.Go(func() { _ = w.server.Serve(listener) })
}

func (w *world) newServer() *http.Server {
	return &http.Server{
		Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			sub := Subscription{Topics: strings.Split(r.URL.Query().Get("topic"), ","), Event: "task", Keep: w.keep}
			if w.sub != nil {
				sub = w.sub(r)
			}
			if err := w.hub.Serve(rw, r, sub); err != nil {
				http.Error(rw, err.Error(), http.StatusServiceUnavailable)
			}
		}),
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError),
	}
}

func (w *world) close() {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := w.hub.Drain(ctx); err != nil {
		w.t.Errorf("drain: %v", err)
	}
	_ = w.server.Close()
	w.served.Wait()
}

// commit stores a frame on each topic at the next positions and publishes
// them as one batch; a blank topic is an event without a frame.
func (w *world) commit(topics ...string) (last int64) {
	frames := w.store(topics...)
	head := w.hub.Head()
	w.hub.Publish(head+1, head+int64(len(topics)), frames)
	return head + int64(len(topics))
}

// store only commits: the hub is not told.
func (w *world) store(topics ...string) []eventstore.Frame {
	return w.storeAfter(w.hub.Head(), topics...)
}

func (w *world) storeAfter(head int64, topics ...string) (frames []eventstore.Frame) {
	for i, topic := range topics {
		if topic != "" {
			frames = append(frames, testFrame(topic, head+int64(i)+1))
		}
	}
	w.history.add(frames...)
	return frames
}

func testFrame(topic string, seq int64) eventstore.Frame {
	return eventstore.Frame{
		Topic: topic, Seq: seq, Recorded: testTime(seq),
		About:   uuid.NewSHA1(testEpoch, fmt.Append(nil, seq)),
		Attrs:   map[string]string{"odd": fmt.Sprint(seq%2 == 1)},
		Payload: fmt.Appendf(nil, `{"n":%d,"topic":%q}`, seq, topic),
	}
}

func testTime(seq int64) time.Time {
	return time.Date(2026, 11, 21, 17, 0, int(seq), 0, time.UTC)
}

func id(seq int64) string { return Position{Epoch: testEpoch, Seq: seq}.String() }

// reader is a client: it reads message by message what the server sends.
type reader struct {
	t      testing.TB
	conn   net.Conn
	resp   *http.Response
	lines  *bufio.Reader
	lastID string
}

type message struct {
	id, event, data, comment, retry string
}

func (w *world) open(query string, header ...string) *reader {
	w.t.Helper()
	conn, err := w.listen(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	request := "GET /?" + query + " HTTP/1.1\r\nHost: test\r\n"
	for i := 0; i < len(header); i += 2 {
		request += header[i] + ": " + header[i+1] + "\r\n"
	}
	if _, err := io.WriteString(conn, request+"\r\n"); err != nil {
		w.t.Fatal(err)
	}
	buffered := bufio.NewReader(conn)
	resp, err := http.ReadResponse(buffered, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	r := &reader{t: w.t, conn: conn, resp: resp, lines: bufio.NewReader(resp.Body)}
	w.t.Cleanup(r.close)
	return r
}

func (r *reader) close() { _ = r.conn.Close() }

// next reads one message; err is what ended the stream.
func (r *reader) next() (m message, err error) {
	for {
		line, err := r.lines.ReadString('\n')
		if err != nil {
			return m, err
		}
		line = strings.TrimSuffix(line, "\n")
		if line == "" {
			if m.id != "" {
				r.lastID = m.id
			}
			return m, nil
		}
		name, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch name {
		case "":
			m.comment = value
		case "id":
			m.id = value
		case "event":
			m.event = value
		case "data":
			m.data += value
		case "retry":
			m.retry = value
		default:
			return m, fmt.Errorf("line %q is none of server-sent events", line)
		}
	}
}

func (r *reader) must() message {
	r.t.Helper()
	m, err := r.next()
	if err != nil {
		r.t.Fatalf("stream ended: %v", err)
	}
	return m
}

// event reads the next message with data.
func (r *reader) event() message {
	r.t.Helper()
	for {
		if m := r.must(); m.data != "" {
			return m
		}
	}
}

func (r *reader) wantSeqs(seqs ...int64) {
	r.t.Helper()
	for _, seq := range seqs {
		if m := r.event(); m.id != id(seq) || m.event != "task" || !strings.Contains(m.data, fmt.Sprintf(`"n":%d,`, seq)) {
			r.t.Fatalf("got %+v, want the frame of %d", m, seq)
		}
	}
}

// pipes is a listener whose connections are net.Pipes.
type pipes struct {
	accept chan net.Conn
	done   chan struct{}
	once   sync.Once
}

func newPipes() *pipes {
	return &pipes{accept: make(chan net.Conn), done: make(chan struct{})}
}

func (p *pipes) dial(ctx context.Context) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case p.accept <- server:
		return client, nil
	case <-p.done:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.accept:
		return conn, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.done) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

func dialer(p *pipes) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, _, _ string) (net.Conn, error) { return p.dial(ctx) }
}
