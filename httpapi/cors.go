package httpapi

import (
	"net/http"
	"strings"

	"github.com/rs/cors"
)

// crossOrigin lets pages of the configured origins use the API.
func (t *Transport) crossOrigin(next http.Handler) http.Handler {
	var origins []string
	for origin := range strings.SplitSeq(t.CORSOrigins, ",") {
		if origin = strings.TrimSpace(origin); origin != "" {
			origins = append(origins, origin)
		}
	}
	if len(origins) == 0 {
		return next
	}
	const tenMinutes = 600
	return cors.New(cors.Options{
		AllowedOrigins: origins,
		AllowedMethods: []string{
			http.MethodDelete, http.MethodGet, http.MethodHead, http.MethodOptions,
			http.MethodPatch, http.MethodPost, http.MethodPut,
		},
		AllowedHeaders: []string{"*"},
		ExposedHeaders: []string{
			"X-Total-Count", "X-Limit", "X-Offset", "X-Request-Id", "Log-Position", "Retry-After",
		},
		AllowCredentials:     true,
		MaxAge:               tenMinutes,
		OptionsSuccessStatus: http.StatusOK,
	}).Handler(next)
}
