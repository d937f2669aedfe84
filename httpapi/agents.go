package httpapi

import (
	"context"
	"net/http"

	"github.com/google/uuid"

	"missioncontrol/auth"
	"missioncontrol/commands"
	"missioncontrol/domain"
	"missioncontrol/domain/agent"
	"missioncontrol/eventstore"
	"missioncontrol/projections"
	"missioncontrol/streams"
)

type listAgents struct {
	BoardID   *uuid.UUID `query:"board_id"`
	GatewayID *uuid.UUID `query:"gateway_id"`
	page
}

func (a *API) listAgents(ctx context.Context, in listAgents) (projections.Page[projections.Agent], error) {
	m := memberOf(ctx)
	if in.BoardID != nil && !a.readsBoard(ctx, m, *in.BoardID) {
		return projections.Page[projections.Agent]{}, domain.Bare(domain.Forbidden)
	}
	if in.GatewayID != nil { // gateways come with a later part: none is known
		return projections.Page[projections.Agent]{}, domain.Bare(domain.NotFound)
	}
	boards, all := m.ReadableBoards()
	return projections.Agents{Reader: a.Read}.List(ctx, projections.AgentFilter{
		Organization: m.OrganizationID, AllBoards: all, Boards: boards, Main: true, BoardID: in.BoardID,
	}, in.slice())
}

// readsBoard reports whether a board is of the member's organization and open
// to it.
func (a *API) readsBoard(ctx context.Context, m *projections.MemberRow, id uuid.UUID) bool {
	b, err := a.Rules.Boards.Find(ctx, nil, id)
	return err == nil && b != nil && b.OrganizationID == m.OrganizationID && m.Reads(id)
}

type streamAgents struct {
	BoardID *uuid.UUID `query:"board_id"`
	following
}

func (a *API) streamAgents(w http.ResponseWriter, r *http.Request, in streamAgents) error {
	ctx := r.Context()
	m := memberOf(ctx)
	if in.BoardID != nil && !a.readsBoard(ctx, m, *in.BoardID) {
		return domain.Bare(domain.Forbidden)
	}
	return a.Hub.Serve(w, r, streams.Subscription{
		Topics: []string{projections.AgentsTopic(m.OrganizationID)}, Event: "agent", Keep: a.keepAgents(ctx, in.BoardID),
		Keys: a.memberKeys(ctx, m.OrganizationID), Recheck: a.recheck(a.Rules.Admin),
	})
}

// keepAgents lets agents through whose board the caller may read now; main
// agents have none. It asks memory, so that narrowed access narrows the stream.
func (a *API) keepAgents(ctx context.Context, board *uuid.UUID) func(map[string]string) bool {
	caller := auth.CallerFrom(ctx)
	return func(attrs map[string]string) bool {
		id, err := uuid.Parse(attrs[projections.AttrBoard])
		if err != nil {
			return board == nil
		}
		if board != nil && *board != id {
			return false
		}
		m, err := a.Rules.Member(ctx, nil, caller)
		return err == nil && m.Reads(id)
	}
}

// createAgent makes an agent for an admin, or a worker for the lead of a board.
func (a *API) createAgent(ctx context.Context, in AgentCreate) (projections.Agent, error) {
	if caller := auth.CallerFrom(ctx).Agent; caller != nil {
		return a.createWorker(ctx, *caller, in)
	}
	if in.BoardID == nil {
		return projections.Agent{}, domain.Refuse(domain.Invalid, "board_id is required")
	}
	b, err := a.Rules.Boards.Find(ctx, nil, *in.BoardID)
	if err != nil {
		return projections.Agent{}, err
	}
	if b == nil {
		return projections.Agent{}, domain.Refuse(domain.NotFound, "Board not found")
	}
	if err := a.alsoWrites(ctx, *in.BoardID); err != nil {
		return projections.Agent{}, err
	}
	return a.Commands.Agents.Create(ctx, commands.Place{Organization: b.OrganizationID, Board: b.ID}, in.agent())
}

func (a *API) createWorker(ctx context.Context, lead agent.Agent, in AgentCreate) (projections.Agent, error) {
	switch {
	case !lead.IsBoardLead || lead.BoardID == nil:
		return projections.Agent{}, domain.Refuse(domain.Forbidden, "Only board leads can create agents")
	case in.BoardID != nil && *in.BoardID != *lead.BoardID:
		return projections.Agent{}, domain.Refuse(domain.Forbidden, "Board leads can only create agents in their own board")
	}
	in.IsBoardLead = false
	return a.Commands.Agents.Create(ctx, commands.Place{Organization: lead.OrganizationID, Board: *lead.BoardID}, in.agent())
}

// alsoWrites asks, beside what the route's rule asked, for write access to a
// board; commands ask for both.
func (a *API) alsoWrites(ctx context.Context, board uuid.UUID) error {
	caller := auth.CallerFrom(ctx)
	if _, err := a.Rules.Board(ctx, nil, caller, board, auth.Write); err != nil {
		return err
	}
	c := eventstore.CommandFrom(ctx)
	before := c.Authorize
	c.Authorize = func(ctx context.Context, d *eventstore.Decision) error {
		if before != nil {
			if err := before(ctx, d); err != nil {
				return err
			}
		}
		_, err := a.Rules.Board(ctx, d, caller, board, auth.Write)
		return err
	}
	return nil
}

// onAgent names an agent. Its id is read by reach, so that one that cannot be
// is answered like one that is not.
type onAgent struct {
	AgentID string `path:"agent_id"`
}

// reach returns an agent that the caller may see, or change.
func (a *API) reach(ctx context.Context, in onAgent, access auth.Access) (*projections.AgentRow, error) {
	id, err := uuid.Parse(in.AgentID)
	if err != nil {
		return nil, domain.Bare(domain.NotFound)
	}
	row, err := projections.Agents{Reader: a.Read}.Find(ctx, id)
	m := memberOf(ctx)
	switch {
	case err != nil:
		return nil, err
	case row == nil, row.OrganizationID != m.OrganizationID:
		return nil, domain.Bare(domain.NotFound)
	case row.BoardID == nil:
		return row, nil
	case access == auth.Read && !m.Reads(*row.BoardID), access == auth.Write && !m.Writes(*row.BoardID):
		return nil, domain.Bare(domain.Forbidden)
	case access == auth.Write:
		return row, a.alsoWrites(ctx, *row.BoardID)
	}
	return row, nil
}

func (a *API) getAgent(ctx context.Context, in onAgent) (*projections.Agent, error) {
	row, err := a.reach(ctx, in, auth.Read)
	if err != nil {
		return nil, err
	}
	return a.showAgent(ctx, row.ID)
}

func (a *API) showAgent(ctx context.Context, id uuid.UUID) (*projections.Agent, error) {
	return found(projections.Agents{Reader: a.Read}.Read(ctx, id))
}

type updateAgent struct {
	onAgent
	Force bool `query:"force" default:"false"`
	AgentUpdate
}

func (a *API) updateAgent(ctx context.Context, in updateAgent) (*projections.Agent, error) {
	row, err := a.reach(ctx, in.onAgent, auth.Write)
	if err != nil {
		return nil, err
	}
	if in.Status.Set {
		return nil, domain.Refuse(domain.Forbidden, "status is controlled by agent heartbeat")
	}
	if err := a.mayMove(ctx, row, in.AgentUpdate); err != nil {
		return nil, err
	}
	if in.BoardID.Value != nil {
		if err := a.alsoWrites(ctx, *in.BoardID.Value); err != nil {
			return nil, err
		}
	}
	updated, err := a.Commands.Agents.Update(ctx, row.OrganizationID, row.ID, in.change())
	return &updated, err
}

// mayMove judges where an agent is to be.
func (a *API) mayMove(ctx context.Context, row *projections.AgentRow, in AgentUpdate) error {
	if to := in.BoardID.Value; to != nil {
		b, err := a.Rules.Boards.Find(ctx, nil, *to)
		switch {
		case err != nil:
			return err
		case b == nil:
			return domain.Refuse(domain.NotFound, "Board not found")
		case b.OrganizationID != row.OrganizationID:
			return domain.Bare(domain.NotFound)
		case !memberOf(ctx).Writes(*to):
			return domain.Bare(domain.Forbidden)
		}
	}
	switch {
	case in.IsGatewayMain.Or(false):
		return domain.Refuse(domain.Invalid, "Board gateway_id is required")
	case in.IsGatewayMain.Set && in.IsGatewayMain.Value != nil && row.BoardID == nil && in.BoardID.Value == nil:
		return domain.Refuse(domain.Invalid, "board_id is required when converting a gateway-main agent to board scope")
	case !in.IsGatewayMain.Set && in.BoardID.Set && in.BoardID.Value == nil:
		return domain.Refuse(domain.Invalid, "board_id is required")
	}
	return nil
}

// deleteAgent answers the deletion of what is not there like one that was done.
func (a *API) deleteAgent(ctx context.Context, in onAgent) (projections.Ok, error) {
	if id, err := uuid.Parse(in.AgentID); err == nil {
		row, err := projections.Agents{Reader: a.Read}.Find(ctx, id)
		if err != nil || row == nil {
			return projections.OK(), err
		}
	}
	row, err := a.reach(ctx, in, auth.Write)
	if err != nil {
		return projections.Ok{}, err
	}
	return projections.OK(), a.Commands.Agents.Delete(ctx, row.OrganizationID, row.ID)
}
