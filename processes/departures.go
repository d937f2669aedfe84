package processes

import (
	"context"
	"errors"
	"log/slog"

	"github.com/google/uuid"

	"missioncontrol/domain/user"
	"missioncontrol/eventstore"
)

// Departures tells whoever vouched for a person to forget it, after everything
// here did, and then deletes the key that kept its identity for that. While
// forget fails it is called again.
func Departures(store *eventstore.Store, forget func(ctx context.Context, identity string) error, log *slog.Logger) Process {
	d := departures{store: store, forget: forget, log: log}
	return Process{Name: "departures", Store: store, Handle: d.handle, Log: log}
}

type departures struct {
	store  *eventstore.Store
	forget func(ctx context.Context, identity string) error
	log    *slog.Logger
}

func (d departures) handle(ctx context.Context, r *eventstore.Recorded) error {
	gone, ok := r.Event.(user.Erased)
	if !ok || gone.Identity.IsZero() {
		return nil
	}
	identity, err := d.store.Vault().OpenValue(ctx, gone.Identity)
	if err != nil {
		return err
	}
	if identity != eventstore.Erased {
		if err := d.tell(ctx, r.Stream, identity); err != nil {
			return err
		}
	}
	return d.store.Vault().Erase(ctx, user.Departure(r.Stream))
}

// tell reports only failures that another try may mend: one that cannot be
// mended must not keep the identities of those who come after.
func (d departures) tell(ctx context.Context, person uuid.UUID, identity string) error {
	err := d.forget(ctx, identity)
	var failed interface{ Temporary() bool }
	if errors.As(err, &failed) && !failed.Temporary() {
		d.log.Error("departure.refused", "user", person, "error", err, "do", "delete the account there by hand")
		return nil
	}
	return err
}
