package processes

import (
	"context"
	"log/slog"

	"missioncontrol/domain/organization"
	"missioncontrol/eventstore"
	"missioncontrol/projections"
)

// Removal removes the rows of what was deleted with something else: one event
// ends an organization, and from its position on everything in it is gone for
// callers; the rows follow here, in slices that hold nobody up.
func Removal(store *eventstore.Store, read projections.Reader, log *slog.Logger) Process {
	remove := projections.Removal{Reader: read}
	return Process{Name: "removal", Store: store, Log: log, Handle: func(ctx context.Context, r *eventstore.Recorded) error {
		if _, ok := r.Event.(organization.Deleted); ok {
			return remove.Organization(ctx, r.Stream)
		}
		return nil
	}}
}
