package httpapi

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"missioncontrol/auth"
	"missioncontrol/domain"
	"missioncontrol/eventstore"
	"missioncontrol/postgres"
	"missioncontrol/projections"
	"missioncontrol/streams"
)

// following is what every stream takes beside its path. The hub reads since,
// and Last-Event-ID or last_event_id, from the request itself.
type following struct {
	Since *string `query:"since"`
}

// onBoardStream shows a topic of the board of the path for as long as the
// caller may read the board.
func (a *API) onBoardStream(ctx context.Context, event, topic string) streams.Subscription {
	b, caller := boardOf(ctx), auth.CallerFrom(ctx)
	keys := append(a.callerKeys(ctx, b.OrganizationID), RightKey(eventstore.Key(b.ID, "board")))
	return streams.Subscription{
		Topics: []string{topic}, Event: event, Keys: keys,
		Recheck: again(func(ctx context.Context) error {
			_, err := a.Rules.Board(ctx, nil, caller, b.ID, auth.Read)
			return over(err)
		}),
	}
}

// over tells a stream that what it shows is gone, rather than closed to its
// caller: it may then show how that ended.
func over(err error) error {
	if domain.ReasonOf(err) == domain.NotFound {
		return fmt.Errorf("%w: %w", streams.ErrOver, err)
	}
	return err
}

// callerKeys name the facts that the caller's access to an organization rests on.
func (a *API) callerKeys(ctx context.Context, org uuid.UUID) []string {
	caller := auth.CallerFrom(ctx)
	if caller.Agent != nil {
		return []string{RightKey(eventstore.Key(caller.Actor.ID, "agent")), RightKey(eventstore.Key(org, "organization"))}
	}
	return a.memberKeys(ctx, org)
}

func (a *API) memberKeys(ctx context.Context, org uuid.UUID) []string {
	return []string{
		RightKey(projections.MemberKey(org, auth.CallerFrom(ctx).Actor.ID)),
		RightKey(eventstore.Key(org, "organization")),
	}
}

// recheck asks for a right in the caller's active organization again.
func (a *API) recheck(may membershipRule) func(context.Context) error {
	return func(ctx context.Context) error {
		caller := auth.CallerFrom(ctx)
		return again(func(ctx context.Context) error {
			_, err := may(ctx, nil, caller)
			return err
		})(ctx)
	}
}

// recheckPause is how often a right is asked for while the database is away.
const recheckPause = time.Second

// again asks until somebody can answer: that the database is away is no reason
// to end a stream.
func again(ask func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error {
		for {
			err := ask(ctx)
			if err == nil || !postgres.Unavailable(err) {
				return err
			}
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(recheckPause):
			}
		}
	}
}

// RightKey names a fact that access rests on, for streams to be rechecked by.
func RightKey(k domain.Key) string { return k.ID.String() + "/" + k.Facet }

// RightKeys are the keys among those touched by a batch that access rests on.
func RightKeys(touched []domain.Key) []string {
	var keys []string
	for _, k := range touched {
		switch {
		case k.Facet == "agent", k.Facet == "organization", k.Facet == "board", k.Facet == "group", k.Facet == "group/boards", len(k.Facet) > 7 && k.Facet[:7] == "member/":
			keys = append(keys, RightKey(k))
		}
	}
	return keys
}
