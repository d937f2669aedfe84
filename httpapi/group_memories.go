package httpapi

import (
	"context"
	"errors"
	"net/http"

	"github.com/google/uuid"

	"missioncontrol/auth"
	"missioncontrol/commands"
	"missioncontrol/eventstore"
	"missioncontrol/projections"
	"missioncontrol/streams"
)

// The memory of a group has two forms: people reach it by the group, people and
// agents by one of its boards.

type listBoardGroupMemory struct {
	onGroup
	IsChat *bool `query:"is_chat"`
	page
}

func (a *API) listBoardGroupMemory(ctx context.Context, in listBoardGroupMemory) (projections.Page[projections.GroupMemory], error) {
	return projections.Groups{Reader: a.Read}.Memory(ctx, groupOf(ctx).ID, in.IsChat, in.slice())
}

// BoardGroupMemoryCreate is the body of a new item of a group's memory.
type BoardGroupMemoryCreate BoardMemoryCreate

type createBoardGroupMemory struct {
	onGroup
	BoardGroupMemoryCreate
}

func (a *API) createBoardGroupMemory(ctx context.Context, in createBoardGroupMemory) (projections.GroupMemory, error) {
	at := groupAt(ctx)
	return a.Commands.Memories.Share(ctx, at.Organization, at.Group, commands.Note(in.BoardGroupMemoryCreate))
}

type streamBoardGroupMemory struct {
	onGroup
	following
	IsChat *bool `query:"is_chat"`
}

func (a *API) streamBoardGroupMemory(w http.ResponseWriter, r *http.Request, in streamBoardGroupMemory) error {
	ctx := r.Context()
	g, caller := groupOf(ctx), auth.CallerFrom(ctx)
	keys := append(a.memberKeys(ctx, g.OrganizationID),
		RightKey(eventstore.Key(g.ID, "group")), RightKey(projections.GroupBoardsKey(g.ID)))
	return a.Hub.Serve(w, r, streams.Subscription{
		Topics: []string{projections.GroupMemoryTopic(g.ID)}, Event: "memory", Keep: keepChat(in.IsChat), Keys: keys,
		Recheck: again(func(ctx context.Context) error {
			_, err := a.Rules.Group(ctx, nil, caller, g.ID, auth.Read)
			return over(err)
		}),
	})
}

type listBoardGroupMemoryForBoard struct {
	onBoard
	IsChat *bool `query:"is_chat"`
	page
}

// listBoardGroupMemoryForBoard shows a board without a group nothing.
func (a *API) listBoardGroupMemoryForBoard(ctx context.Context, in listBoardGroupMemoryForBoard) (projections.Page[projections.GroupMemory], error) {
	id := boardOf(ctx).BoardGroupID
	if id == nil {
		return projections.Page[projections.GroupMemory]{Items: []projections.GroupMemory{}, Limit: in.Limit, Offset: in.Offset}, nil
	}
	return projections.Groups{Reader: a.Read}.Memory(ctx, *id, in.IsChat, in.slice())
}

type createBoardGroupMemoryForBoard struct {
	onBoard
	BoardGroupMemoryCreate
}

func (a *API) createBoardGroupMemoryForBoard(ctx context.Context, in createBoardGroupMemoryForBoard) (projections.GroupMemory, error) {
	return a.Commands.Memories.ShareFrom(ctx, placeOf(ctx), commands.Note(in.BoardGroupMemoryCreate))
}

// errMoved ends a stream so that its client comes back, and is shown the group
// that its board is in by then.
var errMoved = errors.New("the board is in another group now")

// streamBoardGroupMemoryForBoard stays open for a board without a group, until
// it is in one.
func (a *API) streamBoardGroupMemoryForBoard(w http.ResponseWriter, r *http.Request, in streamBoardMemory) error {
	b, caller := boardOf(r.Context()), auth.CallerFrom(r.Context())
	topic := projections.NoGroupTopic(b.ID)
	if b.BoardGroupID != nil {
		topic = projections.GroupMemoryTopic(*b.BoardGroupID)
	}
	sub := a.onBoardStream(r.Context(), "memory", topic)
	sub.Keep = keepChat(in.IsChat)
	sub.Recheck = again(func(ctx context.Context) error {
		now, err := a.Rules.Board(ctx, nil, caller, b.ID, auth.Read)
		if err == nil && !sameID(now.BoardGroupID, b.BoardGroupID) {
			err = errMoved
		}
		return over(err)
	})
	return a.Hub.Serve(w, r, sub)
}

func sameID(a, b *uuid.UUID) bool { return a == b || a != nil && b != nil && *a == *b }

// forGroupMemory are the tags of its routes, as the contract has them.
func forGroupMemory() []string { return []string{"board-group-memory", "board-group-memory"} }
