package streams

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/r3labs/sse/v2"
)

// Event is a message of a stream as a client sees it.
type Event struct {
	ID   string // empty: it is not part of what a resume replays
	Name string
	Data []byte
}

// Position is that of ID; ok is false when it has none.
func (e Event) Position() (p Position, ok bool) {
	p, err := ParsePosition(e.ID)
	return p, err == nil
}

// ClientConfig says which stream to follow, and from where.
type ClientConfig struct {
	URL         string
	Header      http.Header // such as Authorization
	LastEventID string      // empty: from now, or as the URL's query says
	HTTP        *http.Client
	MaxEvent    int           // bytes of one event; default 8 MiB
	Silence     time.Duration // a stream that sends nothing for so long is dead; default 45 s, three keep-alives
	// Connected is told of each connection, Retrying of each wait before the
	// next one with what ended the last. Both may be nil.
	Connected func(*http.Response)
	Retrying  func(cause error, wait time.Duration)
}

const (
	defaultMaxEvent = 8 << 20
	defaultSilence  = 3 * DefaultPing
	clientRetryMax  = 30 * time.Second // between tries
)

// StatusError is an answer that trying again does not change.
type StatusError struct {
	Code int
	Body string // its beginning
}

func (e *StatusError) Error() string {
	return fmt.Sprintf("the server answered %d %s: %s", e.Code, http.StatusText(e.Code), e.Body)
}

// Follow calls handle with each event of a stream, once and in order, and
// connects again after any end of it, clean or not, from the last id it saw.
// It returns handle's error, ctx's error, or *StatusError.
//
// Of r3labs/sse it uses EventStreamReader, which cuts a stream into events.
// Its Client is not used: it drops ids of messages without data, takes a clean
// end for the end, and gives up after a quarter of an hour.
func Follow(ctx context.Context, c ClientConfig, handle func(Event) error) error {
	f := &follower{ClientConfig: c, handle: handle, delays: newClientDelays()}
	fill(&f.MaxEvent, defaultMaxEvent)
	fill(&f.Silence, defaultSilence)
	if f.HTTP == nil {
		f.HTTP = http.DefaultClient
	}
	f.see(c.LastEventID)
	for {
		cause := f.connect(ctx)
		var final *finalError
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.As(cause, &final):
			return final.cause
		}
		wait := f.wait()
		if f.Retrying != nil {
			f.Retrying(cause, wait)
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// newClientDelays gives full jitter: a wait between nothing and twice an
// interval that doubles.
func newClientDelays() *backoff.ExponentialBackOff {
	delays := backoff.NewExponentialBackOff()
	delays.InitialInterval = 500 * time.Millisecond
	delays.MaxInterval = clientRetryMax / 2
	delays.Multiplier = 2
	delays.RandomizationFactor = 1
	return delays
}

type follower struct {
	ClientConfig
	handle func(Event) error
	delays *backoff.ExponentialBackOff
	retry  time.Duration // what the server asked for, for the next wait
	seen   Position      // of LastEventID, when it is one
}

// finalError ends Follow.
type finalError struct{ cause error }

func (e *finalError) Error() string { return e.cause.Error() }
func (e *finalError) Unwrap() error { return e.cause }

// wait is the delay before the next connection: what the server asked for, or
// the backoff when there was nothing from it.
func (f *follower) wait() time.Duration {
	wait := f.retry
	f.retry = 0
	if wait == 0 {
		wait = f.delays.NextBackOff()
	}
	return min(wait, clientRetryMax)
}

func (f *follower) see(id string) {
	f.LastEventID = id
	f.seen, _ = ParsePosition(id)
}

// connect opens the stream once and reads it to its end, which is an error.
func (f *follower) connect(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	silence := time.AfterFunc(f.Silence, func() { cancel(errSilent) })
	defer silence.Stop()
	resp, err := f.request(ctx)
	if err != nil {
		return causeOf(ctx, err)
	}
	defer func() { _ = resp.Body.Close() }()
	if f.Connected != nil {
		f.Connected(resp)
	}
	body := &streamBody{body: resp.Body, heard: func() { silence.Reset(f.Silence) }}
	reader := sse.NewEventStreamReader(body, f.MaxEvent)
	for {
		raw, err := reader.ReadEvent()
		if err != nil {
			return causeOf(ctx, err)
		}
		if err := f.take(parseEvent(raw)); err != nil {
			return err
		}
	}
}

var (
	errSilent   = errors.New("the stream fell silent")
	errNoStream = errors.New("the answer is not a stream of events")
)

// causeOf prefers why the connection was given up to the error that it gave.
func causeOf(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

func (f *follower) request(ctx context.Context) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, f.URL, nil)
	if err != nil {
		return nil, &finalError{err}
	}
	maps.Copy(req.Header, f.Header)
	req.Header.Set("Accept", "text/event-stream")
	req.Header.Set("Cache-Control", "no-store")
	if f.LastEventID != "" {
		req.Header.Set("Last-Event-ID", f.LastEventID)
	}
	resp, err := f.HTTP.Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode == http.StatusOK {
		if strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") {
			return resp, nil
		}
		_ = resp.Body.Close()
		return nil, &finalError{errNoStream}
	}
	defer func() { _ = resp.Body.Close() }()
	return nil, f.refused(resp)
}

const bodyShown = 512 // bytes of a refusal that an error repeats

// refused tells a refusal for now from one for good.
func (f *follower) refused(resp *http.Response) error {
	body, _ := io.ReadAll(io.LimitReader(resp.Body, bodyShown))
	refusal := &StatusError{Code: resp.StatusCode, Body: strings.TrimSpace(string(body))}
	switch {
	case resp.StatusCode >= 500, resp.StatusCode == http.StatusTooManyRequests, resp.StatusCode == http.StatusRequestTimeout:
		if seconds, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && seconds > 0 {
			f.retry = time.Duration(min(seconds, int(clientRetryMax/time.Second))) * time.Second
		}
		return refusal
	default:
		return &finalError{refusal}
	}
}

// take handles one message of the stream: once, whatever was sent before.
func (f *follower) take(m parsedEvent) error {
	if m.cut {
		return io.ErrUnexpectedEOF
	}
	f.delays.Reset()
	if m.retry > 0 {
		f.retry = m.retry
	}
	repeated := false
	if position, err := ParsePosition(m.ID); err == nil {
		repeated = m.Name != "reset" && position.Epoch == f.seen.Epoch && position.Seq <= f.seen.Seq
	}
	if m.hasData && !repeated {
		if err := f.handle(m.Event); err != nil {
			return &finalError{err}
		}
	}
	if m.hasID && !repeated {
		f.see(m.ID)
	}
	return nil
}
