package httpapi

import (
	"context"

	"github.com/google/uuid"

	"missioncontrol/auth"
	"missioncontrol/domain"
	"missioncontrol/projections"
)

// The routes below /agent: what agents call with their own token. They answer
// as the routes for people do, through the same use cases.

// agentHealth is what an agent is told of itself.
type agentHealth struct {
	OK          bool       `json:"ok"`
	AgentID     uuid.UUID  `json:"agent_id"`
	BoardID     *uuid.UUID `json:"board_id"`
	GatewayID   *uuid.UUID `json:"gateway_id" required:"true"`
	Status      string     `json:"status"`
	IsBoardLead bool       `json:"is_board_lead"`
}

func (a *API) agentHealthz(ctx context.Context, _ struct{}) (agentHealth, error) {
	me := auth.CallerFrom(ctx).Agent
	seen, err := projections.Presences{Reader: a.Read}.Of(ctx, []uuid.UUID{me.ID})
	return agentHealth{true, me.ID, me.BoardID, me.GatewayID, seen[me.ID].Status, me.IsBoardLead}, err
}

// listAgentBoards shows an agent its board; a main agent those of its gateway's
// organization.
func (a *API) listAgentBoards(ctx context.Context, in page) (projections.Page[projections.Board], error) {
	me := auth.CallerFrom(ctx).Agent
	return projections.Boards{Reader: a.Read}.OfAgent(ctx, me.OrganizationID, me.BoardID, in.slice())
}

type listBoardAgents struct {
	BoardID *uuid.UUID `query:"board_id"`
	page
}

// listBoardAgents shows an agent those of its board; a main agent all of its
// organization.
func (a *API) listBoardAgents(ctx context.Context, in listBoardAgents) (projections.Page[projections.Agent], error) {
	me := auth.CallerFrom(ctx).Agent
	filter := projections.AgentFilter{Organization: me.OrganizationID, AllBoards: true, Main: me.IsMain(), BoardID: in.BoardID}
	if !me.IsMain() {
		if in.BoardID != nil && *in.BoardID != *me.BoardID {
			return projections.Page[projections.Agent]{}, domain.Bare(domain.Forbidden)
		}
		filter.BoardID = me.BoardID
	}
	return projections.Agents{Reader: a.Read}.List(ctx, filter, in.slice())
}

const leadsOnly = "Only board leads can perform this action"

// lead refuses agents that do not lead their board.
func lead(ctx context.Context) error {
	me := auth.CallerFrom(ctx).Agent
	switch {
	case !me.IsBoardLead:
		return domain.Refuse(domain.Forbidden, leadsOnly)
	case me.BoardID == nil:
		return domain.Refuse(domain.Forbidden, "Board lead must be assigned to a board")
	}
	return nil
}

// leadCreateAgent makes a worker on the lead's own board, whatever board is named.
func (a *API) leadCreateAgent(ctx context.Context, in AgentCreate) (projections.Agent, error) {
	if err := lead(ctx); err != nil {
		return projections.Agent{}, err
	}
	in.BoardID = nil
	return a.createWorker(ctx, *auth.CallerFrom(ctx).Agent, in)
}

// leadDeleteAgent removes a worker of the lead's board.
func (a *API) leadDeleteAgent(ctx context.Context, in struct {
	onBoard
	onAgent
},
) (projections.Ok, error) {
	if err := lead(ctx); err != nil {
		return projections.Ok{}, err
	}
	id, err := uuid.Parse(in.AgentID)
	if err != nil {
		return projections.Ok{}, domain.Bare(domain.NotFound)
	}
	target, err := projections.Agents{Reader: a.Read}.Find(ctx, id)
	switch {
	case err != nil || target == nil, target.OrganizationID != boardOf(ctx).OrganizationID: // elsewhere is nowhere
		return projections.OK(), err
	case target.BoardID == nil:
		return projections.Ok{}, domain.Refuse(domain.Forbidden, "Board leads cannot delete gateway main agents")
	case *target.BoardID != boardOf(ctx).ID:
		return projections.Ok{}, domain.Bare(domain.NotFound)
	case target.IsBoardLead:
		return projections.Ok{}, domain.Refuse(domain.Forbidden, "Board leads cannot delete lead agents")
	}
	return projections.OK(), a.Commands.Agents.Delete(ctx, target.OrganizationID, target.ID)
}

func (a *API) agentHeartbeat(ctx context.Context, _ struct{}) (*projections.Agent, error) {
	return a.beat(ctx, auth.CallerFrom(ctx).Actor.ID, nil)
}

// leadDeleteTask removes a task for the lead of the board.
func (a *API) leadDeleteTask(ctx context.Context, in ofTask) (projections.Ok, error) {
	if err := lead(ctx); err != nil {
		return projections.Ok{}, err
	}
	return a.deleteTask(ctx, in)
}
