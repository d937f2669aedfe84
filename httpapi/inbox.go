package httpapi

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"missioncontrol/auth"
	"missioncontrol/domain"
	"missioncontrol/eventstore"
	"missioncontrol/projections"
	"missioncontrol/streams"
)

// What agents are told. Those without a gateway read it here; delivery over
// gateways comes with them.

type readInbox struct {
	After *string `query:"after"`
	Limit int     `query:"limit" default:"50" ge:"1" le:"200"`
}

// InboxItem is a notification and where it stands in the log.
type InboxItem struct {
	Position string `json:"position"`
	projections.Notification
}

// Inbox is what is new for an agent.
type Inbox struct {
	Items    []InboxItem `json:"items"`
	Position string      `json:"position"` // to ask after next time
}

// readInbox answers an agent what it was told after a position, the oldest
// first. Nothing new takes no statement.
func (a *API) readInbox(ctx context.Context, in readInbox) (Inbox, error) {
	after, err := a.afterPosition(in.After)
	if err != nil {
		return Inbox{}, err
	}
	items, upTo, err := projections.Notifications{Reader: a.Read}.Inbox(ctx, auth.CallerFrom(ctx).Actor.ID, after, in.Limit)
	if err != nil {
		return Inbox{}, err
	}
	inbox := Inbox{Items: make([]InboxItem, len(items)), Position: a.at(max(upTo, after))}
	for i, item := range items {
		inbox.Items[i] = InboxItem{a.at(item.Seq), item.Notification}
	}
	return inbox, nil
}

// afterPosition reads a position of this log, as digits or as it is told to the
// outside. Without one everything is after it.
func (a *API) afterPosition(text *string) (int64, error) {
	if text == nil || *text == "" {
		return 0, nil
	}
	seq, err := strconv.ParseUint(*text, 10, 63)
	if err != nil || strings.HasPrefix(*text, "+") {
		at, malformed := streams.ParsePosition(*text)
		switch {
		case malformed != nil:
			return 0, domain.Refuse(domain.Invalid, "after must be a position: a number, or <epoch>-<number> as answers have it.")
		case at.Epoch != a.Store.Epoch():
			return 0, domain.Refuse(domain.Invalid, "after is a position of another log: ask without it, or after 0.")
		}
		seq = uint64(at.Seq)
	}
	if seq > uint64(a.Store.Head()) {
		return 0, domain.Refuse(domain.Invalid, "after lies in the future")
	}
	return int64(seq), nil
}

// streamInbox shows an agent what it is told, until its token ends.
func (a *API) streamInbox(w http.ResponseWriter, r *http.Request, _ following) error {
	caller := auth.CallerFrom(r.Context())
	keys := a.callerKeys(r.Context(), caller.Agent.OrganizationID)
	if caller.Agent.BoardID != nil {
		keys = append(keys, RightKey(eventstore.Key(*caller.Agent.BoardID, "board")))
	}
	return a.Hub.Serve(w, r, streams.Subscription{
		Topics: []string{projections.InboxTopic(caller.Actor.ID)}, Event: "notification", Keys: keys,
		Recheck: again(func(ctx context.Context) error {
			_, err := a.Rules.Agent(ctx, nil, caller)
			return err
		}),
	})
}

// AgentNudge is the body of a nudge.
type AgentNudge struct {
	Message string `json:"message" nonempty:"true"`
}

type nudgeAgent struct {
	onBoard
	onAgent
	AgentNudge
}

// leadNudgeAgent puts a message of the lead into the inbox of an agent of its
// board.
func (a *API) leadNudgeAgent(ctx context.Context, in nudgeAgent) (projections.Ok, error) {
	if err := lead(ctx); err != nil {
		return projections.Ok{}, err
	}
	id, err := uuid.Parse(in.AgentID)
	if err != nil {
		return projections.Ok{}, domain.Bare(domain.NotFound)
	}
	return projections.OK(), a.Commands.Notifications.Nudge(ctx, placeOf(ctx), id, in.Message)
}
