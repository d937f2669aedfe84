package httpapi

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

// docsFile asks for a file of the page, with headers as "Name: value".
func docsFile(t *testing.T, handler http.Handler, path string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest("GET", path, nil)
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Add(name, value)
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w
}

func TestDocsPage(t *testing.T) {
	_, handler := sampleHandler(io.Discard)
	for path, mediaType := range map[string]string{
		"/docs":                      "text/html; charset=utf-8",
		"/docs/oauth2-redirect":      "text/html; charset=utf-8",
		"/docs/initializer.js":       "text/javascript; charset=utf-8",
		"/docs/swagger-ui-bundle.js": "text/javascript; charset=utf-8",
		"/docs/swagger-ui.css":       "text/css; charset=utf-8",
	} {
		t.Run(path+"/is served as what it is", func(t *testing.T) {
			w := docsFile(t, handler, path)
			h := w.Header()
			if w.Code != 200 || h.Get("Content-Type") != mediaType || h.Get("Content-Encoding") != "" || w.Body.Len() < 100 {
				t.Fatal(w.Code, h, w.Body.Len())
			}
			if policy := h.Get("Content-Security-Policy"); policy != pagePolicy || strings.Contains(policy, "unsafe") || h.Get("X-Content-Type-Options") != "nosniff" {
				t.Error(h)
			}
			if again := docsFile(t, handler, path, "If-None-Match: "+h.Get("ETag")); again.Code != 304 || again.Body.Len() > 0 {
				t.Error(again.Code)
			}
		})
	}
	t.Run("a browser gets it packed", func(t *testing.T) {
		plain := docsFile(t, handler, "/docs/swagger-ui-bundle.js")
		packed := docsFile(t, handler, "/docs/swagger-ui-bundle.js", "Accept-Encoding: br, gzip;q=0.8")
		if packed.Header().Get("Content-Encoding") != "gzip" || packed.Header().Get("Vary") != "Accept-Encoding" ||
			packed.Header().Get("ETag") == plain.Header().Get("ETag") {
			t.Error(packed.Header())
		}
		if !bytes.Equal(unpacked(packed.Body.Bytes()), plain.Body.Bytes()) {
			t.Error("packed and plain are not the same")
		}
	})
	t.Run("redoc leads to it", func(t *testing.T) {
		if w := docsFile(t, handler, "/redoc"); w.Code != 307 || w.Header().Get("Location") != "docs" {
			t.Error(w.Code, w.Header())
		}
	})
}

// TestDocsPageIsWhole follows what the page refers to: nothing is inline,
// which the policy forbids, and nothing comes from elsewhere.
func TestDocsPageIsWhole(t *testing.T) {
	_, handler := sampleHandler(io.Discard)
	page := docsFile(t, handler, "/docs").Body.String()
	for _, inline := range []string{"<style", "style=", "onload", "javascript:"} {
		if strings.Contains(page, inline) {
			t.Errorf("the page has %s", inline)
		}
	}
	for _, script := range regexp.MustCompile(`<script[^>]*>[^<]*`).FindAllString(page, -1) {
		if !regexp.MustCompile(`^<script src="docs/[\w.-]+">$`).MatchString(script) {
			t.Errorf("a script in the page: %s", script)
		}
	}
	refs := regexp.MustCompile(`(?:src|href)="([^"]+)"`).FindAllStringSubmatch(page, -1)
	if len(refs) < 4 {
		t.Errorf("the page refers to %v", refs)
	}
	for _, ref := range refs {
		if strings.HasPrefix(ref[1], "data:") {
			continue
		}
		if w := docsFile(t, handler, "/"+ref[1]); w.Code != 200 {
			t.Errorf("%s: %d", ref[1], w.Code)
		}
	}
	if own := page + docsFile(t, handler, "/docs/initializer.js").Body.String(); strings.Contains(own, "//cdn") || strings.Contains(own, "https:") {
		t.Error("something comes from elsewhere")
	}
}

func TestAcceptsGzip(t *testing.T) {
	for header, want := range map[string]bool{
		"gzip": true, "deflate, gzip": true, "GZIP;q=0.5": true, "*": true, "x-gzip": true, "gzip; q=1.0": true,
		"": false, "identity": false, "gzip;q=0": false, "*;q=0": false, "br, *, gzip;q=0": false, "gzip;q=x": false,
	} {
		if got := acceptsGzip([]string{header}); got != want {
			t.Errorf("%q: %v", header, got)
		}
	}
}
