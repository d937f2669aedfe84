package httpapi

import (
	"context"
	"net/http"
	"strconv"

	"missioncontrol/commands"
	"missioncontrol/projections"
)

type listBoardMemory struct {
	onBoard
	IsChat *bool `query:"is_chat"`
	asOf
	page
}

func (a *API) listBoardMemory(ctx context.Context, in listBoardMemory) (*projections.Page[projections.Memory], error) {
	memories, board := projections.Memories{Reader: a.Read}, boardOf(ctx).ID
	return inTime(ctx, a, in.asOf,
		func() (*projections.Page[projections.Memory], error) {
			return some(memories.OnBoard(ctx, board, in.IsChat, in.slice()))
		},
		func(at int64) (*projections.Page[projections.Memory], error) {
			return memories.OnBoardAt(ctx, board, at, in.IsChat, in.slice())
		})
}

// BoardMemoryCreate is the body of a new item of memory.
type BoardMemoryCreate struct {
	Content string   `json:"content" nonempty:"true"`
	Tags    []string `json:"tags" null:"yes"`
	Source  *string  `json:"source"`
}

type createBoardMemory struct {
	onBoard
	BoardMemoryCreate
}

func (a *API) createBoardMemory(ctx context.Context, in createBoardMemory) (projections.Memory, error) {
	return a.Commands.Memories.Create(ctx, placeOf(ctx), commands.Note(in.BoardMemoryCreate))
}

type streamBoardMemory struct {
	onBoard
	following
	IsChat *bool `query:"is_chat"`
}

func (a *API) streamBoardMemory(w http.ResponseWriter, r *http.Request, in streamBoardMemory) error {
	sub := a.onBoardStream(r.Context(), "memory", projections.MemoryTopic(boardOf(r.Context()).ID))
	sub.Keep = keepChat(in.IsChat)
	return a.Hub.Serve(w, r, sub)
}

// keepChat lets chat, notes or both through.
func keepChat(isChat *bool) func(map[string]string) bool {
	if isChat == nil {
		return nil
	}
	want := strconv.FormatBool(*isChat)
	return func(attrs map[string]string) bool { return attrs[projections.IsChat] == want }
}
