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
	switch r.Event.(type) {
	case user.Erased:
		invites, err := e.invitesOf(ctx, r.Stream)
		if err != nil {
			return err
		}
		gone := append(invites, r.Stream)
		if err := e.store.ForgetAnswersOf(ctx, gone...); err != nil {
			return err
		}
		return e.erase(ctx, gone)
	case invite.Revoked:
		return e.erase(ctx, []uuid.UUID{r.Stream})
	}
	return nil
}

// invitesOf lists the invites of a person, under every email that it had.
func (e erasure) invitesOf(ctx context.Context, person uuid.UUID) ([]uuid.UUID, error) {
	var emails [][]byte
	err := e.store.ReadStream(ctx, person, func(r *eventstore.Recorded) error {
		switch body := r.Event.(type) {
		case user.Registered:
			emails = append(emails, body.EmailHash)
		case user.MailChanged:
			emails = append(emails, body.EmailHash)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return e.invites.Of(ctx, person, emails)
}

// erase deletes the keys and the secrets of these ids.
func (e erasure) erase(ctx context.Context, ids []uuid.UUID) error {
	if err := e.store.Vault().DropSecrets(ctx, ids...); err != nil {
		return err
	}
	return e.store.Vault().Erase(ctx, ids...)
}
