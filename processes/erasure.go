package processes

import (
	"context"
	"log/slog"

	"github.com/google/uuid"

	"missioncontrol/domain/invite"
	"missioncontrol/domain/user"
	"missioncontrol/eventstore"
	"missioncontrol/projections"
)

// Erasure deletes the keys of people who are gone, and of invites that are
// over, so that nothing opens what was sealed under them; and the stored
// answers given to or about those people.
func Erasure(store *eventstore.Store, read projections.Reader, log *slog.Logger) Process {
	e := erasure{store, projections.Invites{Reader: read}}
	return Process{Name: "erasure", Store: store, Handle: e.handle, Log: log}
}

type erasure struct {
	store   *eventstore.Store
	invites projections.Invites
}

func (e erasure) handle(ctx context.Context, r *eventstore.Recorded) error {
	switch body := r.Event.(type) {
	case user.Erased:
		open, err := e.invites.WithEmail(ctx, body.EmailHash)
		if err != nil {
			return err
		}
		if err := e.store.ForgetAnswersOf(ctx, r.Stream); err != nil {
			return err
		}
		return e.erase(ctx, append(open, r.Stream))
	case invite.Revoked:
		return e.erase(ctx, []uuid.UUID{r.Stream})
	}
	return nil
}

// erase deletes the keys and the secrets of these ids.
func (e erasure) erase(ctx context.Context, ids []uuid.UUID) error {
	if err := e.store.Vault().DropSecrets(ctx, ids...); err != nil {
		return err
	}
	return e.store.Vault().Erase(ctx, ids...)
}
