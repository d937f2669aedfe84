package httpapi

import (
	"context"
	"strings"

	"github.com/google/uuid"

	"missioncontrol/auth"
	"missioncontrol/domain"
	"missioncontrol/projections"
)

// AgentHeartbeat is the body of a sign of life.
type AgentHeartbeat struct {
	Status *string `json:"status"`
}

type heartbeatAgent struct {
	onAgent
	AgentHeartbeat
}

// heartbeatAgent takes a sign of life of the calling agent, or notes one for an
// admin.
func (a *API) heartbeatAgent(ctx context.Context, in heartbeatAgent) (*projections.Agent, error) {
	id, err := uuid.Parse(in.AgentID)
	if err != nil {
		return nil, domain.Bare(domain.NotFound)
	}
	if caller := auth.CallerFrom(ctx).Agent; caller != nil {
		if caller.ID != id {
			return nil, domain.Bare(domain.Forbidden)
		}
		return a.beat(ctx, id, in.Status)
	}
	row, err := a.reach(ctx, in.onAgent, auth.Write)
	if err != nil {
		return nil, err
	}
	return a.beat(ctx, row.ID, in.Status)
}

// longestStatus bounds a status that an agent gives itself.
const longestStatus = 64

func (a *API) beat(ctx context.Context, id uuid.UUID, status *string) (*projections.Agent, error) {
	text := ""
	if status != nil {
		text = strings.TrimSpace(*status)
	}
	if len(text) > longestStatus {
		return nil, domain.Refuse(domain.Invalid, "status must be at most %d bytes.", longestStatus)
	}
	if _, err := a.Commands.Agents.Heartbeat(ctx, id, text); err != nil {
		return nil, err
	}
	return a.showAgent(ctx, id)
}

// AgentHeartbeatCreate is the body of a sign of life by name.
type AgentHeartbeatCreate struct {
	Status  *string    `json:"status"`
	Name    string     `json:"name" nonempty:"true"`
	BoardID *uuid.UUID `json:"board_id"`
}

// heartbeatOrCreateAgent takes a sign of life of the calling agent; an admin
// names one, which is made if there is none.
func (a *API) heartbeatOrCreateAgent(ctx context.Context, in AgentHeartbeatCreate) (*projections.Agent, error) {
	if caller := auth.CallerFrom(ctx).Agent; caller != nil {
		return a.beat(ctx, caller.ID, in.Status)
	}
	m := memberOf(ctx)
	id, found, err := projections.Agents{Reader: a.Read}.Named(ctx, m.OrganizationID, in.Name, in.BoardID)
	if err != nil {
		return nil, err
	}
	if !found {
		made, err := a.createAgent(ctx, AgentCreate{BoardID: in.BoardID, Name: in.Name})
		if err != nil {
			return nil, err
		}
		id = made.ID
	}
	row, err := a.reach(ctx, onAgent{id.String()}, auth.Write)
	if err != nil {
		return nil, err
	}
	return a.beat(ctx, row.ID, in.Status)
}
