package httpapi

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/go-chi/chi/v5"
)

//go:embed swagger
var swaggerFiles embed.FS

// pagePolicy lets the page load its own files and ask this server, nothing
// else. Swagger UI shows its icons as data.
const pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
	"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// mountDocs serves the page that shows the API description, from the program
// itself. It takes the token of whoever tries an operation, hence the policy.
func (t *Transport) mountDocs(mux *chi.Mux) {
	for path, f := range map[string]struct{ name, mediaType string }{
		"/docs":                      {"index.html", "text/html; charset=utf-8"},
		"/docs/oauth2-redirect":      {"oauth2-redirect.html", "text/html; charset=utf-8"},
		"/docs/initializer.js":       {"initializer.js", "text/javascript; charset=utf-8"},
		"/docs/swagger-ui-bundle.js": {"swagger-ui-bundle.js.gz", "text/javascript; charset=utf-8"},
		"/docs/swagger-ui.css":       {"swagger-ui.css.gz", "text/css; charset=utf-8"},
	} {
		mux.Get(path, newAsset(f.name, f.mediaType).ServeHTTP)
	}
	mux.Get("/redoc", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "docs") // relative, for proxies that serve us under a path
		w.WriteHeader(http.StatusTemporaryRedirect)
	})
}

// asset is a file of the page.
type asset struct {
	mediaType, tag string
	body           []byte
	packed         bool // body is gzip
}

func newAsset(name, mediaType string) *asset {
	body, err := swaggerFiles.ReadFile("swagger/" + name)
	if err != nil {
		panic(fmt.Sprintf("httpapi: %s was not built in: %v", name, err))
	}
	sum := sha256.Sum256(body)
	return &asset{mediaType: mediaType, tag: hex.EncodeToString(sum[:8]), body: body, packed: strings.HasSuffix(name, ".gz")}
}

func (a *asset) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", pagePolicy)
	h.Set("Cache-Control", "no-cache") // ask again, and be told that it is the same
	if a.packed {
		h.Set("Vary", "Accept-Encoding")
	}
	packed := a.packed && acceptsGzip(r.Header.Values("Accept-Encoding"))
	tag := `"` + a.tag + `"`
	if packed {
		tag = `"` + a.tag + `-gzip"`
	}
	h.Set("ETag", tag)
	if r.Header.Get("If-None-Match") == tag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	body := a.body
	switch {
	case packed:
		h.Set("Content-Encoding", "gzip")
	case a.packed:
		body = unpacked(body)
	}
	h.Set("Content-Type", a.mediaType)
	writeBytes(w, http.StatusOK, body)
}

func unpacked(packed []byte) []byte {
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		panic(fmt.Sprintf("httpapi: a built-in file is damaged: %v", err))
	}
	b, err := io.ReadAll(r)
	if err != nil {
		panic(fmt.Sprintf("httpapi: a built-in file is damaged: %v", err))
	}
	return b
}

// acceptsGzip reads Accept-Encoding.
func acceptsGzip(headers []string) bool {
	any := false
	for _, header := range headers {
		for part := range strings.SplitSeq(header, ",") {
			coding, parameters, _ := strings.Cut(strings.TrimSpace(part), ";")
			weight, given := strings.CutPrefix(strings.ToLower(strings.ReplaceAll(parameters, " ", "")), "q=")
			q, err := strconv.ParseFloat(weight, 64)
			accepted := !given || (err == nil && q > 0)
			switch strings.ToLower(strings.TrimSpace(coding)) {
			case "gzip", "x-gzip":
				return accepted
			case "*":
				any = accepted
			}
		}
	}
	return any
}
