package httpapi

import (
	"net/http"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// answerOptions are those of every JSON that leaves the server: nil slices are
// [] and nil maps {} (the library's default), text is written as it is, and a
// damaged string that got into a row is mended instead of failing the answer.
func answerOptions() json.Options {
	return json.JoinOptions(
		jsontext.AllowInvalidUTF8(true),
		jsontext.AllowDuplicateNames(true),
		json.Deterministic(true),
	)
}

// encode returns the bytes of an answer. Whoever stores an answer to repeat it
// uses this too, so that the repeat is the same to the byte.
func encode(v any) ([]byte, error) { return json.Marshal(v, answerOptions()) }

// rawAnswer is an answer whose bytes exist already, such as the repeat of an
// idempotent request. It travels as an error, so that any handler or rule can
// give it in place of its own.
type rawAnswer struct {
	status int
	body   []byte
	header http.Header // sent too; may be nil
}

func (a *rawAnswer) Error() string { return "answered with " + strconv.Itoa(a.status) }

func (a *rawAnswer) write(w http.ResponseWriter) {
	w.Header().Set("Content-Type", jsonContent)
	setHeaders(w.Header(), a.header)
	writeBytes(w, a.status, a.body)
}

func (t *Transport) writeJSON(w http.ResponseWriter, r *http.Request, status int, v any) {
	body, err := encode(v)
	if err == nil && t.Open != nil {
		body, err = t.Open(r.Context(), body)
	}
	if err != nil {
		t.report(r.Context(), &apiError{status: http.StatusInternalServerError}, err)
		status = http.StatusInternalServerError
		body = []byte(`{"detail":"Internal Server Error","request_id":` + string(quoted(callOf(r.Context()).ID)) + `}`)
	}
	w.Header().Set("Content-Type", jsonContent)
	writeBytes(w, status, body)
}

func setHeaders(h, more http.Header) {
	for name, values := range more {
		h[http.CanonicalHeaderKey(name)] = values
	}
}

func writeBytes(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that has gone needs no answer
}
