package httpapi

import (
	"context"

	"github.com/google/uuid"

	"missioncontrol/auth"
	"missioncontrol/commands"
	"missioncontrol/projections"
)

func (a *API) createAgentToken(ctx context.Context, in onAgent) (commands.Token, error) {
	row, err := a.reach(ctx, in, auth.Write)
	if err != nil {
		return commands.Token{}, err
	}
	return a.Commands.Agents.IssueToken(ctx, row.OrganizationID, row.ID)
}

func (a *API) listAgentTokens(ctx context.Context, in onAgent) ([]commands.IssuedToken, error) {
	row, err := a.reach(ctx, in, auth.Write)
	if err != nil {
		return nil, err
	}
	return a.Commands.Agents.Tokens(ctx, row.ID)
}

type onToken struct {
	onAgent
	TokenID uuid.UUID `path:"token_id"`
}

func (a *API) deleteAgentToken(ctx context.Context, in onToken) (projections.Ok, error) {
	row, err := a.reach(ctx, in.onAgent, auth.Write)
	if err != nil {
		return projections.Ok{}, err
	}
	return projections.OK(), a.Commands.Agents.RevokeToken(ctx, row.OrganizationID, row.ID, in.TokenID)
}
