package httpapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"time"

	"missioncontrol/domain"
)

// apiError is an answer other than success that no rule of the business gives:
// 401, 413, 429, 503 and the like. A nil detail is the phrase of the status.
type apiError struct {
	status int
	detail any
	header http.Header // sent too; may be nil
	cause  error       // for the log; may be nil
}

func (e *apiError) Error() string {
	if e.cause != nil {
		return fmt.Sprintf("%d: %v", e.status, e.cause)
	}
	return fmt.Sprintf("%d: %v", e.status, e.detailOrPhrase())
}

func (e *apiError) Unwrap() error { return e.cause }

func (e *apiError) detailOrPhrase() any {
	if e.detail == nil {
		return http.StatusText(e.status)
	}
	return e.detail
}

func unauthorized() error    { return &apiError{status: http.StatusUnauthorized} }
func tooManyRequests() error { return &apiError{status: http.StatusTooManyRequests} }

// unavailable asks the caller to come again after a while.
func unavailable(cause error) error {
	return &apiError{
		status: http.StatusServiceUnavailable,
		header: http.Header{"Retry-After": {strconv.Itoa(int(retryAfter / time.Second))}},
		cause:  cause,
	}
}

// errorBody is the body of every answer other than success.
type errorBody struct {
	Detail    any    `json:"detail"`
	RequestID string `json:"request_id"`
}

// fail answers with what err says to the caller. An error that says nothing is
// ours: it is logged with its cause and answered 500.
func (t *Transport) fail(w http.ResponseWriter, r *http.Request, err error) {
	if t.Translate != nil {
		err = t.Translate(err)
	}
	if raw, ok := errors.AsType[*rawAnswer](err); ok {
		raw.write(w)
		return
	}
	e := t.answerTo(r.Context(), err)
	if unrecorded := t.refusing(r, e, err); unrecorded != nil {
		e, err = t.answerTo(r.Context(), unrecorded), unrecorded
	}
	if e.status >= http.StatusInternalServerError {
		t.report(r.Context(), e, err)
	}
	setHeaders(w.Header(), e.header)
	t.writeJSON(w, r, e.status, errorBody{e.detailOrPhrase(), callOf(r.Context()).ID})
}

// refusing lets a refusal be recorded before it is answered.
func (t *Transport) refusing(r *http.Request, e *apiError, err error) error {
	_, fault := errors.AsType[invalidInput](err)
	if t.Refusing == nil || fault || e.status < http.StatusBadRequest || e.status >= http.StatusInternalServerError {
		return nil
	}
	return t.Refusing(r, e.status, e.detailOrPhrase())
}

// answerTo finds the status and the detail of err.
func (t *Transport) answerTo(ctx context.Context, err error) *apiError {
	if e, ok := errors.AsType[*apiError](err); ok {
		return e
	}
	if faults, ok := errors.AsType[invalidInput](err); ok {
		return &apiError{status: http.StatusUnprocessableEntity, detail: []fault(faults)}
	}
	if refusal, ok := errors.AsType[*domain.Refusal](err); ok {
		if status := statusOf(refusal.Reason); status != 0 {
			return &apiError{status: status, detail: refusal.Detail}
		}
	}
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		// Nobody may be there to read this, unless it is the server that stops.
		gone, _ := errors.AsType[*apiError](unavailable(err))
		return gone
	}
	return &apiError{status: http.StatusInternalServerError, cause: err}
}

func statusOf(reason domain.Reason) int {
	switch reason {
	case domain.Invalid:
		return http.StatusUnprocessableEntity
	case domain.Forbidden:
		return http.StatusForbidden
	case domain.NotFound:
		return http.StatusNotFound
	case domain.Conflict:
		return http.StatusConflict
	default:
		return 0
	}
}

// report logs an answer of the 5xx kind once. That a client has gone is not
// worth an error.
func (t *Transport) report(ctx context.Context, e *apiError, err error) {
	level := slog.LevelError
	switch {
	case ctx.Err() != nil && errors.Is(err, ctx.Err()):
		level = slog.LevelDebug
	case e.status == http.StatusServiceUnavailable:
		level = slog.LevelWarn
	}
	t.Log.LogAttrs(ctx, level, "http.request.failed",
		append(callOf(ctx).attrs(), slog.Int("status_code", e.status), slog.Any("error", err))...)
}

// recovered answers 500 after a panic, unless the handler itself asked to cut
// the connection.
func (t *Transport) recovered(w *recorder, r *http.Request) {
	v := recover()
	if v == nil {
		return
	}
	if err, ok := v.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(v)
	}
	t.Log.LogAttrs(r.Context(), slog.LevelError, "unhandled_exception",
		append(callOf(r.Context()).attrs(), slog.Any("panic", v), slog.String("stack", string(debug.Stack())))...)
	if w.status != 0 {
		panic(http.ErrAbortHandler) // half an answer is out: only a cut connection tells the client
	}
	t.writeJSON(w, r, http.StatusInternalServerError,
		errorBody{http.StatusText(http.StatusInternalServerError), callOf(r.Context()).ID})
}

// found answers 404 for what a query did not find.
func found[V any](v *V, err error) (*V, error) {
	if err == nil && v == nil {
		err = domain.Bare(domain.NotFound)
	}
	return v, err
}
