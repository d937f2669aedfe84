package httpapi

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"
)

// Transport is what every request meets before and behind its route.
type Transport struct {
	Log             *slog.Logger
	MaxBodyBytes    int64         // of a JSON body; more is answered 413
	BodyTimeout     time.Duration // until a body has arrived, later is answered 408; 0: none
	SecurityHeaders SecurityHeaders
	CORSOrigins     string        // comma list; blank: cross-origin requests get no headers
	SlowRequest     time.Duration // until the first byte, longer is worth a warning; 0: never
	LogHealth       bool          // log probes of the health routes too

	// Translate turns errors of the layers below into what fail understands.
	// Nil leaves them.
	Translate func(error) error
	// Open opens the sealed strings in an encoded answer. Nil: none are sealed.
	Open func(context.Context, []byte) ([]byte, error)
	// Refusing runs before a refusal of 4xx is answered, faults of the input
	// apart. Its error is answered instead. May be nil.
	Refusing func(r *http.Request, status int, detail any) error
	// Reading runs before the handler of a route that is auditedRead. Its error
	// is answered instead. May be nil.
	Reading func(context.Context, *http.Request) error
	// Answering runs before a success is answered, to add headers. May be nil.
	Answering func(context.Context)
}

// DefaultMaxBodyBytes is the usual limit of a request body.
const DefaultMaxBodyBytes = 1 << 20

// outermost gives a request its id and the answer its headers before anything
// can go wrong, so that every answer has them.
func (t *Transport) outermost(next http.Handler) http.Handler {
	headers := t.SecurityHeaders.lines()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec := &recorder{ResponseWriter: w}
		c := newCall(w, r)
		h := w.Header()
		h["X-Request-Id"] = []string{c.ID}
		for _, line := range headers {
			h[line.name] = []string{line.value}
		}
		r = r.WithContext(c.in(r.Context()))
		r.Body = t.inTime(w, r)
		log := t.begin(r)
		defer log.end(rec)
		defer t.recovered(rec, r)
		next.ServeHTTP(rec, r)
	})
}

// cut ends a connection whose answer can not be completed.
func (t *Transport) cut(r *http.Request, err error) {
	if !errors.Is(err, http.ErrAbortHandler) {
		t.report(r.Context(), &apiError{status: http.StatusInternalServerError}, err)
	}
	panic(http.ErrAbortHandler)
}

// recorder notes when and with which status an answer began.
type recorder struct {
	http.ResponseWriter
	status int // 0: not yet
	began  time.Time
}

func (w *recorder) WriteHeader(status int) {
	if w.status == 0 && status >= http.StatusOK {
		w.status, w.began = status, time.Now()
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *recorder) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	return w.ResponseWriter.Write(b)
}

// FlushError sends what was written so far.
func (w *recorder) FlushError() error {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// Unwrap lets http.ResponseController reach deadlines.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }
