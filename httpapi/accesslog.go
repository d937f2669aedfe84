package httpapi

import (
	"log/slog"
	"net"
	"net/http"
	"time"
)

// levelTrace is below debug: one line for every request that begins.
const levelTrace = slog.LevelDebug - 4

// accessLog writes the lines of one request. They hold its path but never its
// query or a header, where secrets travel.
type accessLog struct {
	t     *Transport
	r     *http.Request
	start time.Time
	quiet bool
}

func (t *Transport) begin(r *http.Request) accessLog {
	l := accessLog{t: t, r: r, start: time.Now(), quiet: !t.LogHealth && isHealth(r.URL.Path)}
	l.write(levelTrace, "http.request.start")
	return l
}

func isHealth(path string) bool { return path == "/health" || path == "/healthz" || path == "/readyz" }

// end says how the request went. Its duration is the time to the first byte,
// so that a stream is not slow for being long.
func (l accessLog) end(rec *recorder) {
	if rec.status == 0 {
		l.write(l.calm(slog.LevelWarn), "http.request.incomplete", milliseconds(time.Since(l.start)))
		return
	}
	took := rec.began.Sub(l.start)
	l.write(l.calm(levelOf(rec.status)), "http.request.complete",
		slog.Int("status_code", rec.status), milliseconds(took))
	if slow := l.t.SlowRequest; slow > 0 && took >= slow {
		l.write(slog.LevelWarn, "http.request.slow", slog.Int("status_code", rec.status),
			milliseconds(took), slog.Int64("slow_threshold_ms", slow.Milliseconds()))
	}
}

// calm lowers the level of a failure that nobody saw, the client having gone.
func (l accessLog) calm(level slog.Level) slog.Level {
	if l.r.Context().Err() != nil {
		return slog.LevelDebug
	}
	return level
}

func milliseconds(d time.Duration) slog.Attr {
	return slog.Int64("duration_ms", d.Milliseconds())
}

func levelOf(status int) slog.Level {
	switch {
	case status >= http.StatusInternalServerError:
		return slog.LevelError
	case status >= http.StatusBadRequest:
		return slog.LevelWarn
	default:
		return slog.LevelDebug
	}
}

func (l accessLog) write(level slog.Level, event string, extra ...slog.Attr) {
	ctx := l.r.Context()
	if l.quiet || !l.t.Log.Enabled(ctx, level) {
		return
	}
	ip, _, err := net.SplitHostPort(l.r.RemoteAddr)
	if err != nil {
		ip = l.r.RemoteAddr
	}
	attrs := append(callOf(ctx).attrs(), slog.String("client_ip", ip))
	l.t.Log.LogAttrs(ctx, level, event, append(attrs, extra...)...)
}
