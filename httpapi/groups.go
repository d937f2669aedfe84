package httpapi

import (
	"context"

	"github.com/google/uuid"

	"missioncontrol/auth"
	"missioncontrol/commands"
	"missioncontrol/domain"
	"missioncontrol/domain/group"
	"missioncontrol/projections"
)

func (a *API) listBoardGroups(ctx context.Context, in page) (projections.Page[projections.Group], error) {
	return projections.Groups{Reader: a.Read}.ReadableBy(ctx, memberOf(ctx), in.slice())
}

// BoardGroupCreate is the body of a new group.
type BoardGroupCreate struct {
	Name        string  `json:"name"`
	Slug        string  `json:"slug"`
	Description *string `json:"description"`
}

func (a *API) createBoardGroup(ctx context.Context, in BoardGroupCreate) (projections.Group, error) {
	return a.Commands.Groups.Create(ctx, memberOf(ctx).OrganizationID, group.Created(in))
}

// onGroup is the path of everything of a group.
type onGroup struct {
	GroupID uuid.UUID `path:"group_id"`
}

func (a *API) getBoardGroup(ctx context.Context, _ onGroup) (*projections.Group, error) {
	return found(projections.Groups{Reader: a.Read}.Read(ctx, groupOf(ctx).ID))
}

// BoardGroupUpdate is the body of a change of a group.
type BoardGroupUpdate struct {
	Name        domain.Optional[string] `json:"name" null:"no"`
	Slug        domain.Optional[string] `json:"slug" null:"no"`
	Description domain.Optional[string] `json:"description"`
}

type updateBoardGroup struct {
	onGroup
	BoardGroupUpdate
}

func (a *API) updateBoardGroup(ctx context.Context, in updateBoardGroup) (projections.Group, error) {
	return a.Commands.Groups.Update(ctx, groupAt(ctx), group.Updated(in.BoardGroupUpdate))
}

func (a *API) deleteBoardGroup(ctx context.Context, _ onGroup) (projections.Ok, error) {
	return projections.OK(), a.Commands.Groups.Delete(ctx, groupAt(ctx))
}

// BoardGroupHeartbeatApply is the body of a change of the heartbeat of a
// group's agents.
type BoardGroupHeartbeatApply struct {
	Every             string `json:"every"`
	IncludeBoardLeads bool   `json:"include_board_leads" default:"false"`
}

type applyBoardGroupHeartbeat struct {
	onGroup
	BoardGroupHeartbeatApply
}

func (a *API) applyBoardGroupHeartbeat(ctx context.Context, in applyBoardGroupHeartbeat) (projections.Paced, error) {
	return a.Commands.Groups.PaceAgents(ctx, groupAt(ctx), commands.Pace{Every: in.Every, IncludeLeads: in.IncludeBoardLeads})
}

type groupSnapshot struct {
	onGroup
	IncludeDone       bool `query:"include_done" default:"false"`
	PerBoardTaskLimit int  `query:"per_board_task_limit" default:"5"`
}

// groupSnapshot shows the boards of the group that the caller may read.
func (a *API) groupSnapshot(ctx context.Context, in groupSnapshot) (projections.GroupSnapshot, error) {
	if in.PerBoardTaskLimit < 0 {
		return projections.GroupSnapshot{}, domain.Bare(domain.Invalid)
	}
	of := projections.SnapshotOf{IncludeDone: in.IncludeDone, PerBoard: in.PerBoardTaskLimit}
	of.Boards, of.AllBoards = memberOf(ctx).ReadableBoards()
	return projections.Groups{Reader: a.Read}.Snapshot(ctx, groupOf(ctx), of)
}

type boardGroupSnapshot struct {
	onBoard
	IncludeSelf       bool `query:"include_self" default:"false"`
	IncludeDone       bool `query:"include_done" default:"false"`
	PerBoardTaskLimit int  `query:"per_board_task_limit" default:"5" ge:"0" le:"100"`
}

// boardGroupSnapshot shows the boards beside that of the path: a person those
// that it may read, an agent all, for they work together.
func (a *API) boardGroupSnapshot(ctx context.Context, in boardGroupSnapshot) (projections.GroupSnapshot, error) {
	b := boardOf(ctx)
	of := projections.SnapshotOf{IncludeDone: in.IncludeDone, PerBoard: in.PerBoardTaskLimit}
	if !in.IncludeSelf {
		of.Except = b.ID
	}
	if caller := auth.CallerFrom(ctx); caller.Agent != nil {
		of.AllBoards = true
	} else if m, err := a.Rules.Members.Of(ctx, nil, b.OrganizationID, caller.Actor.ID); err != nil {
		return projections.GroupSnapshot{}, err
	} else if m != nil {
		of.Boards, of.AllBoards = m.ReadableBoards()
	}
	g, err := a.groupOfBoard(ctx)
	if err != nil {
		return projections.GroupSnapshot{}, err
	}
	return projections.Groups{Reader: a.Read}.Snapshot(ctx, g, of)
}

// groupOfBoard is the group of the board of the path, nil if it is in none.
func (a *API) groupOfBoard(ctx context.Context) (*projections.GroupRow, error) {
	id := boardOf(ctx).BoardGroupID
	if id == nil {
		return nil, nil
	}
	return a.Rules.Groups.Find(ctx, nil, *id)
}
