package httpapi

import (
	"context"
	"net/http"

	"github.com/google/uuid"

	"missioncontrol/auth"
	"missioncontrol/domain"
	"missioncontrol/eventstore"
	"missioncontrol/projections"
	"missioncontrol/streams"
)

type listTaskCommentFeed struct {
	BoardID *uuid.UUID `query:"board_id"`
	page
}

// listTaskCommentFeed lists comments on the boards that the caller may read in
// its active organization.
func (a *API) listTaskCommentFeed(ctx context.Context, in listTaskCommentFeed) (projections.Page[projections.FeedComment], error) {
	m := memberOf(ctx)
	if in.BoardID != nil && !a.readsBoard(ctx, m, *in.BoardID) {
		return projections.Page[projections.FeedComment]{}, domain.Bare(domain.Forbidden)
	}
	boards, all := m.ReadableBoards()
	return projections.Comments{Reader: a.Read}.Feed(ctx, projections.FeedFilter{
		Organization: m.OrganizationID, AllBoards: all, Boards: boards, BoardID: in.BoardID,
	}, in.slice())
}

type streamTaskCommentFeed struct {
	BoardID *uuid.UUID `query:"board_id"`
	following
}

// streamTaskCommentFeed follows the caller's access: of all boards, the stream
// narrows and widens with it; of one board, it ends when that is closed to the
// caller.
func (a *API) streamTaskCommentFeed(w http.ResponseWriter, r *http.Request, in streamTaskCommentFeed) error {
	ctx := r.Context()
	m, caller := memberOf(ctx), auth.CallerFrom(ctx)
	sub := streams.Subscription{
		Topics: []string{projections.TaskCommentsTopic(m.OrganizationID)}, Event: "comment", Keep: a.keepComments(ctx, in.BoardID),
		Keys: a.memberKeys(ctx, m.OrganizationID), Recheck: a.recheck(a.Rules.Member),
	}
	if in.BoardID != nil {
		if !a.readsBoard(ctx, m, *in.BoardID) {
			return domain.Bare(domain.Forbidden)
		}
		sub.Keys = append(sub.Keys, RightKey(eventstore.Key(*in.BoardID, "board")))
		sub.Recheck = again(func(ctx context.Context) error {
			_, err := a.Rules.Board(ctx, nil, caller, *in.BoardID, auth.Read)
			return over(err)
		})
	}
	return a.Hub.Serve(w, r, sub)
}

// keepComments lets comments through that stand on a board which the caller
// may read now. It asks memory at every frame, so that what went out of reach
// while the stream was open, or is gone, is not shown.
func (a *API) keepComments(ctx context.Context, board *uuid.UUID) func(map[string]string) bool {
	caller := auth.CallerFrom(ctx)
	return func(attrs map[string]string) bool {
		id, err := uuid.Parse(attrs[projections.AttrBoard])
		if err != nil || board != nil && *board != id {
			return false
		}
		m, err := a.Rules.Member(ctx, nil, caller)
		return err == nil && a.readsBoard(ctx, m, id)
	}
}
