package httpapi

import (
	"context"
	"encoding/hex"
	"log/slog"
	"net/http"
	"strings"

	"github.com/google/uuid"

	"missioncontrol/auth"
	"missioncontrol/eventstore"
)

// call is what is known of a request from its first moment on, for logs,
// envelopes and answers.
type call struct {
	ID           string // X-Request-Id, the client's or ours
	Trace        string // of a W3C traceparent, or empty
	Method, Path string
	Actor        string              // kind/id of the caller, once it has proved itself
	Body         []byte              // as sent, once it was read
	caller       *auth.Caller        // who has proved itself, nil before
	command      *eventstore.Command // its request
	header       http.Header
}

type callKey struct{}

// callOf returns the call that ctx belongs to. Outside one it is empty.
func callOf(ctx context.Context) *call {
	if c, ok := ctx.Value(callKey{}).(*call); ok {
		return c
	}
	return &call{header: http.Header{}}
}

func newCall(w http.ResponseWriter, r *http.Request) *call {
	return &call{
		ID:     requestID(r.Header.Get("X-Request-Id")),
		Trace:  traceID(r.Header.Get("Traceparent")),
		Method: r.Method,
		Path:   r.URL.Path,
		header: w.Header(),
	}
}

func (c *call) in(ctx context.Context) context.Context {
	return context.WithValue(ctx, callKey{}, c)
}

// attrs are the attributes of every log line about this call.
func (c *call) attrs() []slog.Attr {
	attrs := []slog.Attr{
		slog.String("request_id", c.ID), slog.String("method", c.Method), slog.String("path", c.Path),
	}
	if c.Actor != "" {
		attrs = append(attrs, slog.String("actor", c.Actor))
	}
	if c.Trace != "" {
		attrs = append(attrs, slog.String("trace_id", c.Trace))
	}
	return attrs
}

// answerPosition says where in the log the answer stands.
func answerPosition(ctx context.Context, position string) {
	callOf(ctx).header.Set("Log-Position", position)
}

func keepBody(ctx context.Context, body []byte) { callOf(ctx).Body = body }

// requestID accepts an id from outside only if it can do no harm in logs,
// headers and bodies.
func requestID(sent string) string {
	const most = 128
	sent = strings.TrimSpace(sent)
	if sent == "" || len(sent) > most || !visible(sent) {
		id := uuid.New()
		return hex.EncodeToString(id[:])
	}
	return sent
}

// visible reports that text is nothing but visible ASCII, without spaces.
func visible(text string) bool {
	for i := range len(text) {
		if text[i] <= ' ' || text[i] > '~' {
			return false
		}
	}
	return true
}

// traceID returns the trace of a traceparent header, or "" if it is not one.
func traceID(header string) string {
	parts := strings.Split(header, "-")
	if len(parts) < 4 || len(parts[0]) != 2 || len(parts[1]) != 32 || len(parts[2]) != 16 {
		return ""
	}
	for _, part := range parts[:3] {
		if strings.Trim(part, "0123456789abcdef") != "" {
			return ""
		}
	}
	if strings.Trim(parts[1], "0") == "" {
		return ""
	}
	return parts[1]
}
