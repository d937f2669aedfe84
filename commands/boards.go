package commands

import (
	"context"

	"github.com/google/uuid"

	"missioncontrol/domain/board"
	"missioncontrol/eventstore"
	"missioncontrol/projections"
)

// Boards are the use cases of boards.
type Boards struct {
	store  *eventstore.Store
	boards eventstore.Aggregate[board.Board, board.Event]
}

// Create makes a board of an organization.
func (b Boards) Create(ctx context.Context, org uuid.UUID, s board.Settings) (projections.Board, error) {
	ids, err := freshIDs(1)
	if err != nil {
		return projections.Board{}, err
	}
	var view projections.Board
	err = b.store.Do(ctx, func(d *eventstore.Decision) error {
		x := b.boards.New(d, org, ids[0])
		if err := x.Decide(board.Create{Settings: s}); err != nil {
			return err
		}
		made, err := x.State()
		view = projections.ViewBoard(made)
		d.Answer(view)
		return err
	})
	return view, err
}
