package auth

import (
	"context"
	"fmt"
)

// What RATE_LIMIT_AGENT_AUTH_COUNTS may be.
const (
	CountFailures = "failures"
	CountAll      = "all"
)

// AgentGate bounds, per address, how often agents may try to prove who they
// are. Usually only tokens that turn out wrong count: any number of agents
// works behind one address, and guessing gets no further than the limit.
type AgentGate struct {
	limiter Limiter
	all     bool
}

// NewAgentGate counts failures (counts is empty or CountFailures) or every
// request (CountAll).
func NewAgentGate(l Limiter, counts string) (*AgentGate, error) {
	switch counts {
	case "", CountFailures, CountAll:
		return &AgentGate{limiter: l, all: counts == CountAll}, nil
	}
	return nil, fmt.Errorf("RATE_LIMIT_AGENT_AUTH_COUNTS must be %s or %s, not %q", CountFailures, CountAll, counts)
}

// Limits is what the gate bounds, and what counts. A nil gate knows only the
// name of its policy.
func (g *AgentGate) Limits() (p Policy, counts string) {
	switch {
	case g == nil:
		return Policy{Name: AgentAuthPolicy}, CountFailures
	case g.all:
		return g.limiter.Limits(), CountAll
	}
	return g.limiter.Limits(), CountFailures
}

// Before says whether a request from address may go on to verification.
// knownGood means that its token is known without a look at what is stored:
// such a request passes even when its address is limited.
//
// A request that is refused here does not count, unless all do: its token may
// be good. If it counted, agents that try again would keep each other out for
// as long as they do.
func (g *AgentGate) Before(ctx context.Context, address string, knownGood bool) Decision {
	switch {
	case g.all:
		return g.limiter.Allow(ctx, AddressKey(address))
	case knownGood:
		return Decision{Allowed: true}
	}
	return g.limiter.Check(ctx, AddressKey(address))
}

// Failed notes a token that turned out wrong. The decision is for the headers
// of the answer, which is 401 either way; where every request counts, this one
// has been noted, and Before's decision tells.
func (g *AgentGate) Failed(ctx context.Context, address string) Decision {
	if g.all {
		return Decision{}
	}
	return g.limiter.Allow(ctx, AddressKey(address))
}
