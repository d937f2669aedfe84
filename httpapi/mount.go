package httpapi

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/go-chi/chi/v5"
)

// mount serves the routes, and the API description that they amount to.
func (t *Transport) mount(routes []route, names vocabulary) http.Handler {
	mux := chi.NewRouter()
	mux.Use(decodedPath)
	for _, rt := range routes {
		mux.Method(rt.method, rt.pattern, t.serving(rt))
	}
	description := t.describe(routes, names)
	mux.Get("/openapi.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", jsonContent)
		writeBytes(w, http.StatusOK, description())
	})
	t.mountDocs(mux)
	mux.NotFound(func(w http.ResponseWriter, r *http.Request) {
		if to, ok := withoutSlash(mux, r); ok {
			w.Header().Set("Location", to)
			w.Header().Set("Content-Length", "0")
			w.WriteHeader(http.StatusTemporaryRedirect)
			return
		}
		t.fail(w, r, &apiError{status: http.StatusNotFound})
	})
	mux.MethodNotAllowed(func(w http.ResponseWriter, r *http.Request) {
		allowed := firstMethod(mux, r.URL.Path)
		if allowed == "" {
			t.fail(w, r, &apiError{status: http.StatusNotFound})
			return
		}
		t.fail(w, r, &apiError{status: http.StatusMethodNotAllowed, header: http.Header{"Allow": {allowed}}})
	})
	return t.outermost(t.crossOrigin(mux))
}

func (t *Transport) serving(rt route) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		err := rt.serve(t, w, r)
		if err == nil {
			return
		}
		if rec, ok := w.(*recorder); ok && rec.status != 0 {
			t.cut(r, err)
		}
		t.fail(w, r, err)
	}
}

// decodedPath makes routes match the path as it is meant, %41 being A.
func decodedPath(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		chi.RouteContext(r.Context()).RoutePath = r.URL.Path
		next.ServeHTTP(w, r)
	})
}

// withoutSlash returns the absolute address without slashes at its end, if
// there is something.
func withoutSlash(mux *chi.Mux, r *http.Request) (string, bool) {
	path := strings.TrimRight(r.URL.Path, "/")
	if path == r.URL.Path || firstMethod(mux, path) == "" {
		return "", false
	}
	to := url.URL{Scheme: "http", Host: r.Host, Path: path, RawQuery: r.URL.RawQuery}
	if r.TLS != nil {
		to.Scheme = "https"
	}
	return to.String(), true
}

// firstMethod returns a method that path has, or "". Of several it is only the
// one that the original names.
func firstMethod(mux *chi.Mux, path string) string {
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		if mux.Match(chi.NewRouteContext(), method, path) {
			return method
		}
	}
	return ""
}
