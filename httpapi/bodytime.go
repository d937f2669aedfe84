package httpapi

import (
	"errors"
	"io"
	"net/http"
	"os"
	"time"
)

// inTime is the body of r, which must have arrived within BodyTimeout. The
// limit ends with the body: behind it the connection may be silent for as long
// as a stream likes.
func (t *Transport) inTime(w http.ResponseWriter, r *http.Request) io.ReadCloser {
	if t.BodyTimeout == 0 || r.ContentLength == 0 {
		return r.Body
	}
	conn := http.NewResponseController(w)
	if err := conn.SetReadDeadline(time.Now().Add(t.BodyTimeout)); err != nil {
		return r.Body // not a socket
	}
	return &timedBody{ReadCloser: r.Body, conn: conn, left: r.ContentLength}
}

// timedBody lifts the limit of a body that has arrived.
type timedBody struct {
	io.ReadCloser
	conn *http.ResponseController
	left int64 // negative: unknown
}

func (b *timedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.left >= 0 {
		b.left -= int64(n)
	}
	if b.left == 0 || errors.Is(err, io.EOF) {
		_ = b.conn.SetReadDeadline(time.Time{}) // a connection that is gone needs no limit
	}
	return n, err
}

// ignoreBody takes in what was sent to a route that reads no body. Left where
// it is, it would hold up the answer.
func ignoreBody(r *http.Request, most int64) error {
	if r.ContentLength == 0 {
		return nil
	}
	_, err := io.CopyN(io.Discard, r.Body, most)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return tooSlow(r)
	}
	return nil // whatever else is wrong with it
}

// tooSlow ends the connection of a client that does not send what it promised.
func tooSlow(r *http.Request) error {
	e := &apiError{status: http.StatusRequestTimeout}
	if r.ProtoMajor == 1 {
		e.header = http.Header{"Connection": {"close"}}
	}
	return e
}
