package streams

import (
	"bytes"
	"log/slog"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
)

// wire writes server-sent events. Lines end with LF.
type wire struct {
	epoch string
	log   *slog.Logger
}

func newWire(epoch uuid.UUID, log *slog.Logger) wire {
	return wire{epoch: epoch.String(), log: log}
}

// frame appends an event with an id: it moves the client's Last-Event-ID.
func (w wire) frame(dst []byte, seq int64, event string, payload []byte) []byte {
	return w.live(w.id(dst, seq), event, payload)
}

// live appends an event without id: it is not part of what a resume replays.
func (w wire) live(dst []byte, event string, payload []byte) []byte {
	dst = append(dst, "event: "...)
	dst = append(dst, event...)
	dst = append(dst, "\ndata: "...)
	dst = w.oneLine(dst, payload)
	return append(dst, "\n\n"...)
}

func (w wire) id(dst []byte, seq int64) []byte {
	dst = append(dst, "id: "...)
	dst = append(dst, w.epoch...)
	dst = append(dst, '-')
	dst = strconv.AppendInt(dst, seq, 10)
	return append(dst, '\n')
}

// ping appends a keep-alive: a comment, and an id without data, which moves
// Last-Event-ID but dispatches nothing. A negative seq is not known yet.
func (w wire) ping(dst []byte, now time.Time, seq int64) []byte {
	dst = append(dst, ": ping - "...)
	dst = now.UTC().AppendFormat(dst, "2006-01-02 15:04:05.000000+00:00")
	dst = append(dst, '\n')
	if seq >= 0 {
		dst = w.id(dst, seq)
	}
	return append(dst, '\n')
}

func (w wire) retry(dst []byte, after time.Duration) []byte {
	dst = append(dst, "retry: "...)
	dst = strconv.AppendInt(dst, after.Milliseconds(), 10)
	return append(dst, "\n\n"...)
}

// comment appends a comment line and, when seq is not negative, an id.
func (w wire) comment(dst []byte, text string, seq int64) []byte {
	dst = append(dst, ": "...)
	dst = append(dst, text...)
	dst = append(dst, '\n')
	if seq >= 0 {
		dst = w.id(dst, seq)
	}
	return append(dst, '\n')
}

// oneLine appends payload. JSON written by us has no raw line break; should
// one come from elsewhere, it can only be white space between tokens, which a
// space replaces without changing the value, and nothing can forge a field.
func (w wire) oneLine(dst, payload []byte) []byte {
	if bytes.IndexByte(payload, '\n') < 0 && bytes.IndexByte(payload, '\r') < 0 &&
		bytes.IndexByte(payload, 0) < 0 && utf8.Valid(payload) {
		return append(dst, payload...)
	}
	w.log.Error("a frame's payload is not one line of JSON; its control characters were replaced by spaces", "bytes", len(payload))
	start := len(dst)
	dst = append(dst, bytes.ToValidUTF8(payload, []byte("\uFFFD"))...)
	for i, b := range dst[start:] {
		if b == '\n' || b == '\r' || b == 0 {
			dst[start+i] = ' '
		}
	}
	return dst
}
