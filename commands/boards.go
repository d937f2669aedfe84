package commands

import (
	"context"

	"missioncontrol/domain/board"
	"missioncontrol/domain/member"
	"missioncontrol/eventstore"
	"missioncontrol/projections"
)

// Boards are the use cases of boards.
type Boards struct {
	store   *eventstore.Store
	boards  eventstore.Aggregate[board.Board, board.Event]
	members eventstore.Aggregate[member.Member, member.Event]
}

// Create makes a board of the organization of by, who gets to write on it.
func (b Boards) Create(ctx context.Context, by *projections.MemberRow, s board.Settings) (projections.Board, error) {
	ids, err := freshIDs(2)
	if err != nil {
		return projections.Board{}, err
	}
	var view projections.Board
	err = b.store.Do(ctx, func(d *eventstore.Decision) error {
		x := b.boards.New(d, by.OrganizationID, ids[0])
		if err := x.Decide(board.Create{Settings: s}); err != nil {
			return err
		}
		made, err := x.State()
		if err != nil {
			return err
		}
		view = projections.ViewBoard(made)
		d.Answer(view)
		if by.AllBoardsWrite {
			return nil
		}
		return b.members.In(d, by.OrganizationID, by.ID).Decide(member.Widen{
			Grants: []member.Grant{{ID: ids[1], BoardID: made.ID, CanRead: true, CanWrite: true}},
		})
	})
	return view, err
}
