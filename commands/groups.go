package commands

import (
	"context"
	"slices"
	"strings"

	"github.com/google/uuid"

	"missioncontrol/domain/agent"
	"missioncontrol/domain/board"
	"missioncontrol/domain/group"
	"missioncontrol/eventstore"
	"missioncontrol/projections"
)

// Groups are the use cases of groups of boards.
type Groups struct {
	store  *eventstore.Store
	groups eventstore.Aggregate[group.Group, group.Event]
	boards eventstore.Aggregate[board.Board, board.Event]
	agents eventstore.Aggregate[agent.Agent, agent.Event]
	read   projections.Groups
}

// GroupAt names a group and its organization.
type GroupAt struct{ Organization, Group uuid.UUID }

// Create makes a group without boards.
func (g Groups) Create(ctx context.Context, org uuid.UUID, c group.Created) (projections.Group, error) {
	at := GroupAt{org, uuid.New()}
	var view projections.Group
	err := g.store.Do(ctx, func(d *eventstore.Decision) error {
		x := g.groups.New(d, org, at.Group)
		return carryOut(d, x, group.Create{As: c, Fallback: at.fallback()}, &view, projections.ViewGroup)
	})
	return view, err
}

// Update changes what a group is called.
func (g Groups) Update(ctx context.Context, at GroupAt, u group.Updated) (projections.Group, error) {
	var view projections.Group
	err := g.store.Do(ctx, func(d *eventstore.Decision) error {
		x := g.groups.In(d, at.Organization, at.Group)
		return carryOut(d, x, group.Update{To: u, Fallback: at.fallback()}, &view, projections.ViewGroup)
	})
	return view, err
}

// fallback is a slug of 32 hexadecimal digits, for names that make none.
func (at GroupAt) fallback() string { return strings.ReplaceAll(at.Group.String(), "-", "") }

// Delete ends a group. Its boards leave it in the same append.
func (g Groups) Delete(ctx context.Context, at GroupAt) error {
	return g.store.Do(ctx, func(d *eventstore.Decision) error {
		boards, err := g.read.Boards(ctx, d, at.Group)
		if err != nil {
			return err
		}
		for _, id := range boards {
			if err := g.boards.In(d, at.Organization, id).Decide(board.Detach{Group: at.Group}); err != nil {
				return err
			}
		}
		d.Answer(projections.OK())
		return g.groups.In(d, at.Organization, at.Group).Decide(group.Delete{})
	})
}

// Pace is how often the agents of a group are to give a sign of life.
type Pace struct {
	Every        string
	IncludeLeads bool // of the boards
}

// PaceAgents sets the heartbeat of the agents on a group's boards. One that
// connects by itself reads it with its next call.
func (g Groups) PaceAgents(ctx context.Context, at GroupAt, p Pace) (projections.Paced, error) {
	var view projections.Paced
	err := g.store.Do(ctx, func(d *eventstore.Decision) error {
		boards, err := g.read.Boards(ctx, d, at.Group)
		if err != nil {
			return err
		}
		agents, err := g.read.Agents(ctx, d, boards)
		if err != nil {
			return err
		}
		view = projections.Paced{
			BoardGroupID: at.Group, Requested: map[string]any{"every": p.Every, "include_board_leads": p.IncludeLeads},
			UpdatedAgentIDs: []uuid.UUID{}, FailedAgentIDs: []uuid.UUID{},
		}
		for _, row := range agents {
			x := g.agents.In(d, at.Organization, row.ID)
			now, err := x.State()
			switch {
			case err != nil:
				return err
			case !now.Exists(), now.BoardID == nil, !slices.Contains(boards, *now.BoardID), now.IsBoardLead && !p.IncludeLeads:
				continue
			}
			if err := x.Decide(agent.Pace{Every: p.Every}); err != nil {
				return err
			}
			view.UpdatedAgentIDs = append(view.UpdatedAgentIDs, row.ID)
		}
		d.Answer(view)
		return nil
	})
	return view, err
}
