package httpapi

import (
	"context"
	"net/http"
)

// health is what a probe is told.
type health struct {
	OK bool `json:"ok"`
}

func (a *API) health(context.Context, struct{}) (health, error)  { return health{true}, nil }
func (a *API) healthz(context.Context, struct{}) (health, error) { return health{true}, nil }

// readyz answers for load balancers: whether this process can serve now.
func (a *API) readyz(ctx context.Context, _ struct{}) (health, error) {
	if err := a.Ready(ctx); err != nil {
		return health{}, &apiError{status: http.StatusServiceUnavailable, detail: err.Error(), header: http.Header{"Retry-After": {"1"}}}
	}
	return health{true}, nil
}
