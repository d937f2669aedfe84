package auth

import (
	"context"
	"encoding/hex"

	"github.com/google/uuid"

	"missioncontrol/domain/agent"
	"missioncontrol/eventstore"
	"missioncontrol/projections"
)

// Agents recognises agents by their tokens.
type Agents struct {
	key    []byte // of the lookup values; the same in all processes
	store  *eventstore.Store
	agents eventstore.Aggregate[agent.Agent, agent.Event]
	tokens projections.Tokens
	boards projections.Boards
}

// NewAgents recognises tokens whose lookup values were made with key.
func NewAgents(store *eventstore.Store, read projections.Reader, key []byte) *Agents {
	return &Agents{
		key: key, store: store, agents: eventstore.For[agent.Agent, agent.Event](store, "agent"),
		tokens: projections.Tokens{Reader: read}, boards: projections.Boards{Reader: read},
	}
}

// Proof is an agent that has proved itself, and the token that it used.
type Proof struct {
	Agent agent.Agent
	Token uuid.UUID
}

// Keep stores by what a new token will be recognised.
func (a *Agents) Keep(ctx context.Context, ref projections.TokenRef, token string) error {
	value, key := a.lookup(token)
	if err := a.tokens.Add(ctx, ref, value); err != nil {
		return err
	}
	eventstore.Note(a.store, key, tokenFact, ref)
	return nil
}

// Warm remembers the tokens that are stored, so that after a restart agents are
// known at once, even behind an address that is limited.
func (a *Agents) Warm(ctx context.Context) error {
	return a.tokens.Each(ctx, mostWarm, func(ref projections.TokenRef, lookup []byte) {
		eventstore.Note(a.store, eventstore.Key(uuid.Nil, "token/"+hex.EncodeToString(lookup)), tokenFact, ref)
	})
}

// mostWarm bounds what Warm reads; beyond it a token costs one read at first use.
const mostWarm = 50_000

// tokenFact names whose token it is among the facts that rest on its key. That
// never changes; whether the token is in force is a fact of the agent.
const tokenFact = "agent"

func (a *Agents) lookup(token string) (value []byte, key eventstore.FactKey) {
	value = Lookup(a.key, token)
	return value, eventstore.Key(uuid.Nil, "token/"+hex.EncodeToString(value))
}

// Known reports whether a token is known to be good without asking the
// database.
func (a *Agents) Known(ctx context.Context, token string) bool {
	if FormOf(token) == NoToken {
		return false
	}
	_, key := a.lookup(token)
	ref, ok := eventstore.Recall[projections.TokenRef](a.store, key, tokenFact)
	if !ok {
		return false
	}
	_, good, err := a.inForce(ctx, ref)
	return err == nil && good
}

// Verify returns the agent of a token: a cache hit or one indexed read. Other
// errors than ErrUnauthorized mean that nobody can tell now.
func (a *Agents) Verify(ctx context.Context, token string) (Proof, error) {
	if FormOf(token) == NoToken {
		return Proof{}, ErrUnauthorized
	}
	value, key := a.lookup(token)
	ref, err := eventstore.Remember(ctx, a.store, key, tokenFact, func(ctx context.Context) (projections.TokenRef, error) {
		return a.find(ctx, token, value)
	})
	if err != nil {
		return Proof{}, err
	}
	who, good, err := a.inForce(ctx, ref)
	if err != nil {
		return Proof{}, err
	}
	if !good {
		return Proof{}, ErrUnauthorized
	}
	return Proof{Agent: who, Token: ref.ID}, nil
}

// inForce reports whether a token is: its agent holds it, and works where
// something still exists.
func (a *Agents) inForce(ctx context.Context, ref projections.TokenRef) (agent.Agent, bool, error) {
	who, err := a.agents.Find(ctx, ref.Agent)
	if err != nil || !who.Holds(ref.ID) {
		return who, false, err
	}
	exists, err := worksIn(ctx, nil, a.boards, who)
	return who, exists, err
}

// find looks a token up, among those imported only while there are any.
func (a *Agents) find(ctx context.Context, token string, value []byte) (projections.TokenRef, error) {
	ref, imported, err := a.tokens.Find(ctx, value)
	if err != nil || ref.ID != uuid.Nil {
		return ref, err
	}
	if imported && FormOf(token) == ForeignToken {
		return a.findImported(ctx, token, value)
	}
	return ref, ErrUnauthorized
}

// findImported tries the hashes that the original stored, and gives the one
// that matches its lookup value, so that this happens once a token.
func (a *Agents) findImported(ctx context.Context, token string, value []byte) (projections.TokenRef, error) {
	imported, err := a.tokens.Imported(ctx)
	if err != nil {
		return projections.TokenRef{}, err
	}
	for _, i := range imported {
		if ctx.Err() != nil {
			return projections.TokenRef{}, ctx.Err()
		}
		if VerifyLegacy(i.Hash, token) {
			return i.TokenRef, a.tokens.Upgrade(ctx, i.ID, value)
		}
	}
	return projections.TokenRef{}, ErrUnauthorized
}
