package httpapi

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"missioncontrol/auth"
	"missioncontrol/domain"
	"missioncontrol/eventstore"
)

// asPerson lets people pass who prove who they are.
func (a *API) asPerson(ctx context.Context, p params) (context.Context, error) {
	who, err := a.SignIn.Verify(ctx, p.header("Authorization"))
	if err != nil {
		return nil, err
	}
	c := a.requestCommand(ctx, p)
	u, err := a.Commands.Users.SignIn(eventstore.WithCommand(ctx, c), who)
	if err != nil {
		return nil, err
	}
	c.Actor = domain.Actor{Type: domain.User, ID: u.ID, Auth: who.Auth}
	c.Person = u.ID
	return a.proved(ctx, p, c, auth.Caller{ActiveOrganization: u.ActiveOrganizationID})
}

// asAgent lets agents pass that prove who they are. X-Agent-Token comes first: a
// wrong one is not rescued by a good bearer token.
func (a *API) asAgent(ctx context.Context, p params) (context.Context, error) {
	token := agentToken(p)
	if token == "" {
		return nil, auth.ErrUnauthorized
	}
	who, err := a.verifyAgent(ctx, p, token)
	if err != nil {
		return nil, err
	}
	c := a.requestCommand(ctx, p)
	c.Actor = domain.Actor{Type: domain.Agent, ID: who.Agent.ID, Auth: "agent_token"}
	if err := a.Commands.Agents.Touch(eventstore.WithCommand(ctx, c), who); err != nil {
		return nil, err
	}
	caller := auth.Caller{Actor: c.Actor, Agent: &who.Agent, Token: who.Token}
	c.Authorize = func(ctx context.Context, d *eventstore.Decision) error {
		_, err := a.Rules.Agent(ctx, d, caller)
		return err
	}
	return a.proved(ctx, p, c, caller)
}

// asActor lets people and agents pass. An agent's own header says that it is one;
// otherwise a bearer token is tried as a person's first.
func (a *API) asActor(ctx context.Context, p params) (context.Context, error) {
	if strings.TrimSpace(p.header(agentHeader)) != "" {
		return a.asAgent(ctx, p)
	}
	known, err := a.asPerson(ctx, p)
	if errors.Is(err, auth.ErrUnauthorized) {
		return a.asAgent(ctx, p)
	}
	return known, err
}

const agentHeader = "X-Agent-Token"

func agentToken(p params) string {
	if token := strings.TrimSpace(p.header(agentHeader)); token != "" {
		return token
	}
	token, _ := auth.Bearer(p.header("Authorization"))
	return token
}

// verifyAgent checks a token, within the limit of tries of its address.
func (a *API) verifyAgent(ctx context.Context, p params, token string) (auth.Proof, error) {
	address := a.clientIP(p.request())
	if limit := a.AgentGate.Before(ctx, address, a.Agents.Known(ctx, token)); !limit.Allowed {
		return auth.Proof{}, &apiError{status: http.StatusTooManyRequests, header: limit.Header()}
	}
	who, err := a.Agents.Verify(ctx, token)
	if errors.Is(err, auth.ErrUnauthorized) {
		return who, &apiError{status: http.StatusUnauthorized, header: a.AgentGate.Failed(ctx, address).Header()}
	}
	return who, err
}

// proved completes the context of a caller that is known now.
func (a *API) proved(ctx context.Context, p params, c *eventstore.Command, caller auth.Caller) (context.Context, error) {
	answerPosition(ctx, a.at(a.Store.Head())) // what a read is sure to show
	var err error
	if c.Idempotency, err = a.idempotency(ctx, p, c.Actor); err != nil {
		return nil, err
	}
	caller.Actor = c.Actor
	call := callOf(ctx)
	call.Actor = string(c.Actor.Type) + "/" + c.Actor.ID.String()
	call.caller, call.command = &caller, c
	return eventstore.WithCommand(auth.WithCaller(ctx, caller), c), nil
}
