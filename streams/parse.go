package streams

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"time"
)

// parsedEvent is what the lines of one message say.
type parsedEvent struct {
	Event
	hasID, hasData bool
	retry          time.Duration
	cut            bool // the stream ended within it: it counts for nothing
}

var utf8BOM = []byte("\uFEFF")

// parseEvent reads the lines of one message, without the blank line behind it.
func parseEvent(raw []byte) (m parsedEvent) {
	m.Name = "message"
	raw = bytes.TrimPrefix(raw, utf8BOM)
	for len(raw) > 0 {
		var line []byte
		line, raw = cutLine(raw)
		if bytes.IndexByte(line, 0) >= 0 {
			return parsedEvent{cut: true}
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimPrefix(value, []byte(" "))
		switch string(name) {
		case "id":
			m.ID, m.hasID = string(value), true
		case "event":
			if len(value) > 0 {
				m.Name = string(value)
			}
		case "data":
			if m.hasData {
				m.Data = append(m.Data, '\n')
			}
			m.Data, m.hasData = append(m.Data, value...), true
		case "retry":
			if ms, err := strconv.ParseUint(string(value), 10, 31); err == nil {
				m.retry = time.Duration(ms) * time.Millisecond
			}
		}
	}
	return m
}

// cutLine takes the first line off, which ends with CR, LF or both.
func cutLine(raw []byte) (line, rest []byte) {
	i := bytes.IndexAny(raw, "\r\n")
	if i < 0 {
		return raw, nil
	}
	end := i + 1
	if raw[i] == '\r' && end < len(raw) && raw[end] == '\n' {
		end++
	}
	return raw[:i], raw[end:]
}

// streamBody is the body of a stream. EventStreamReader takes what is left at
// the end of its input for an event, however the input ended; behind a body
// that ends within one, streamBody therefore puts a NUL, which no stream has.
type streamBody struct {
	body  io.Reader
	heard func()  // called when something arrived
	tail  [4]byte // the last bytes
	end   error
	mark  []byte // what is still to be given out behind the end
}

var cutMark = []byte("\x00\n\n")

func (b *streamBody) Read(p []byte) (int, error) {
	if b.end == nil {
		n, err := b.body.Read(p)
		if n > 0 {
			b.heard()
			b.keep(p[:n])
		}
		if err == nil {
			return n, nil
		}
		b.end = err
		if errors.Is(err, io.ErrUnexpectedEOF) {
			b.end = io.EOF // an aborted connection is an end like any other
		}
		if !b.complete() {
			b.mark = cutMark
		}
		if n > 0 {
			return n, nil
		}
	}
	n := copy(p, b.mark)
	b.mark = b.mark[n:]
	if len(b.mark) == 0 {
		return n, b.end
	}
	return n, nil
}

func (b *streamBody) keep(p []byte) {
	all := append(b.tail[:len(b.tail):len(b.tail)], p[max(0, len(p)-len(b.tail)):]...)
	copy(b.tail[:], all[len(all)-len(b.tail):])
}

// complete tells whether the input ended behind a message, or had none.
func (b *streamBody) complete() bool {
	tail := b.tail[:]
	return bytes.HasSuffix(tail, []byte("\n\n")) || bytes.HasSuffix(tail, []byte("\r\r")) ||
		bytes.HasSuffix(tail, []byte("\n\r\n")) || b.tail == [4]byte{}
}
