package commands

import (
	"context"

	"github.com/google/uuid"

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
	groups  projections.Groups
}

// Create makes a board of the organization of by, who gets to write on it.
func (b Boards) Create(ctx context.Context, by *projections.MemberRow, s board.Settings) (projections.Board, error) {
	id, grant := uuid.New(), uuid.New()
	var view projections.Board
	err := b.store.Do(ctx, func(d *eventstore.Decision) error {
		known, err := b.groupKnown(ctx, d, by.OrganizationID, s.BoardGroupID)
		if err != nil {
			return err
		}
		x := b.boards.New(d, by.OrganizationID, id)
		if err := carryOut(d, x, board.Create{Settings: s, GroupKnown: known}, &view, projections.ViewBoard); err != nil {
			return err
		}
		creator := b.members.In(d, by.OrganizationID, by.ID)
		if now, err := creator.State(); err != nil || now.AllBoardsWrite {
			return err
		}
		return creator.Decide(member.Widen{
			Grants: []member.Grant{{ID: grant, BoardID: id, CanRead: true, CanWrite: true}},
		})
	})
	return view, err
}

// Update changes settings of a board.
func (b Boards) Update(ctx context.Context, at Place, c board.Changes) (projections.Board, error) {
	var view projections.Board
	err := b.store.Do(ctx, func(d *eventstore.Decision) error {
		known, err := b.groupKnown(ctx, d, at.Organization, c.BoardGroupID.Value)
		if err != nil {
			return err
		}
		x := b.boards.In(d, at.Organization, at.Board)
		return carryOut(d, x, board.Update{Changes: c, GroupKnown: known}, &view, projections.ViewBoard)
	})
	return view, err
}

// Delete ends a board with everything on it, by one event: what it held is gone
// for everybody from there on.
func (b Boards) Delete(ctx context.Context, at Place) error {
	return b.store.Do(ctx, func(d *eventstore.Decision) error {
		d.Answer(projections.OK())
		return b.boards.In(d, at.Organization, at.Board).Decide(board.Delete{})
	})
}

// groupKnown reports whether a group, if one is named, is one of the
// organization.
func (b Boards) groupKnown(ctx context.Context, d *eventstore.Decision, org uuid.UUID, id *uuid.UUID) (bool, error) {
	if id == nil {
		return false, nil
	}
	g, err := b.groups.Find(ctx, d, *id)
	return g != nil && g.OrganizationID == org, err
}
