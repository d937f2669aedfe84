package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"missioncontrol/auth"
	"missioncontrol/httpapi"
)

// signIn is how people prove who they are.
func (i identity) signIn(token string, log *slog.Logger) (httpapi.SignIn, error) {
	if i.AuthMode == "local" {
		return httpapi.LocalSignIn{Token: auth.NewLocal(token)}, nil
	}
	c, err := auth.NewClerk(auth.ClerkConfig{
		SecretKey: i.Clerk.SecretKey, APIURL: i.Clerk.APIURL, Leeway: time.Duration(i.Clerk.Leeway * float64(time.Second)),
		VerifyIAT: i.Clerk.VerifyIAT, Issuer: i.Clerk.Issuer, AuthorizedParties: i.Clerk.Parties, Log: log,
	})
	return httpapi.ClerkSignIn{Clerk: c}, err
}

// gate bounds how often an address may try to pass as an agent. close gives
// back what it took.
func (l limits) gate(ctx context.Context, log *slog.Logger) (gate *auth.AgentGate, close func() error, err error) {
	policy := auth.Policy{Name: auth.AgentAuthPolicy, Limit: l.AgentLimit, Window: l.AgentWindow}
	limiter, close, err := l.limiter(ctx, policy, log)
	if err != nil {
		return nil, nil, err
	}
	gate, err = auth.NewAgentGate(limiter, l.AgentCounts)
	return gate, close, err
}

func (l limits) limiter(ctx context.Context, p auth.Policy, log *slog.Logger) (auth.Limiter, func() error, error) {
	nothing := func() error { return nil }
	switch l.Backend {
	case "memory":
		limiter, err := auth.NewMemoryLimiter(p, time.Now)
		return limiter, nothing, err
	case "redis":
	default:
		return nil, nothing, fmt.Errorf("RATE_LIMIT_BACKEND must be memory or redis, not %q", l.Backend)
	}
	url := l.RedisURL
	if url == "" {
		url = l.QueueRedis
	}
	if url == "" {
		return nil, nothing, errors.New("RATE_LIMIT_REDIS_URL or RQ_REDIS_URL must be set and non-empty when RATE_LIMIT_BACKEND=redis.") //nolint:staticcheck // the text is a contract
	}
	redis, err := auth.ConnectRedis(ctx, url, log)
	if err != nil {
		return nil, nothing, err
	}
	limiter, err := redis.Limiter(p)
	return limiter, redis.Close, err
}
