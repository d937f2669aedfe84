package httpapi

import (
	"context"

	"github.com/google/uuid"

	"missioncontrol/auth"
	"missioncontrol/domain"
	"missioncontrol/domain/agent"
	"missioncontrol/projections"
)

// The soul of an agent is the text that shapes it. The lead of a board reads
// and writes those of the board's agents, every other agent reads its own.

type onSoul struct {
	onBoard
	onAgent
}

func (a *API) getAgentSoul(ctx context.Context, in onSoul) (string, error) {
	if me := auth.CallerFrom(ctx).Agent; !me.IsBoardLead && in.AgentID != me.ID.String() {
		return "", domain.Bare(domain.Forbidden)
	}
	id, err := uuid.Parse(in.AgentID)
	if err != nil {
		return "", domain.Bare(domain.NotFound)
	}
	target, err := projections.Agents{Reader: a.Read}.Find(ctx, id)
	switch {
	case err != nil:
		return "", err
	case target == nil, target.BoardID == nil, *target.BoardID != boardOf(ctx).ID:
		return "", domain.Bare(domain.NotFound)
	case target.SoulTemplate == nil:
		return "", nil
	}
	return *target.SoulTemplate, nil
}

// SoulUpdateRequest is the body of a rewritten soul: why, and after which source.
type SoulUpdateRequest struct {
	Content   string  `json:"content"`
	SourceURL *string `json:"source_url"`
	Reason    *string `json:"reason"`
}

func (a *API) updateAgentSoul(ctx context.Context, in struct {
	onSoul
	SoulUpdateRequest
},
) (projections.Ok, error) {
	if err := lead(ctx); err != nil {
		return projections.Ok{}, err
	}
	id, err := uuid.Parse(in.AgentID)
	if err != nil {
		return projections.Ok{}, domain.Bare(domain.NotFound)
	}
	return projections.OK(), a.Commands.Agents.WriteSoul(ctx, placeOf(ctx), id, agent.SoulWritten{
		SoulTemplate: in.Content, Reason: normalText(in.Reason), SourceURL: normalText(in.SourceURL),
	})
}
