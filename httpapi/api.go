package httpapi

import (
	"context"
	"errors"
	"net/http"
	"time"

	"missioncontrol/auth"
	"missioncontrol/commands"
	"missioncontrol/eventstore"
	"missioncontrol/postgres"
	"missioncontrol/projections"
	"missioncontrol/streams"
)

// API answers requests with what the write side, the read side and the streams
// give it.
type API struct {
	Transport Transport
	Store     *eventstore.Store
	Commands  commands.Commands
	Read      projections.Reader
	Rules     auth.Rules
	SignIn    SignIn
	Agents    *auth.Agents
	AgentGate *auth.AgentGate
	Proxies   auth.TrustedProxies
	Hub       *streams.Hub
	Operators auth.Operators
	ExportDir string // where exports of the log lie
	// RefusalPause is how long whoever is refused often waits for each answer.
	RefusalPause time.Duration
	// Ready says what keeps this process from serving, nil if nothing does.
	Ready func(context.Context) error
}

// Handler serves every route.
func (a *API) Handler() http.Handler {
	t := a.Transport
	t.Translate, t.Open, t.Answering = a.translate, a.Store.Vault().OpenJSON, a.position
	t.Refusing, t.Reading = a.refusing, a.reading
	return t.mount(a.routes(), apiVocabulary())
}

// retryAfter is when a command that met trouble may be sent again.
const retryAfter = time.Second

// translate turns errors of the layers below into answers.
func (a *API) translate(err error) error {
	if replay, ok := errors.AsType[*eventstore.Replay](err); ok {
		return &rawAnswer{status: replay.Status, body: replay.Answer, header: http.Header{
			"Idempotency-Replayed": {"true"},
			"Log-Position":         {a.at(replay.Seq)},
		}}
	}
	switch {
	case errors.Is(err, auth.ErrUnauthorized), errors.Is(err, eventstore.ErrErased): // or gone, meanwhile
		return unauthorized()
	case errors.Is(err, auth.ErrKeysUnavailable), errors.Is(err, streams.ErrDraining):
		return unavailable(err)
	case errors.Is(err, eventstore.ErrUnavailable), errors.Is(err, eventstore.ErrBusy), errors.Is(err, eventstore.ErrIndexing),
		errors.Is(err, eventstore.ErrContended), errors.Is(err, eventstore.ErrUnknownOutcome), postgres.Unavailable(err):
		return unavailable(err)
	}
	return err
}

// at writes a position of this log.
func (a *API) at(seq int64) string {
	return streams.Position{Epoch: a.Store.Epoch(), Seq: seq}.String()
}

// position tells the caller where its write stands in the log, or how much of
// the log the answer to a read is sure to show.
func (a *API) position(ctx context.Context) {
	c := eventstore.CommandFrom(ctx)
	if c.Committed > 0 {
		answerPosition(ctx, a.at(c.Committed))
	}
}

// encodeOpened renders an answer as it is sent, for its repeats.
func (a *API) encodeOpened(ctx context.Context, v any) ([]byte, error) {
	b, err := encode(v)
	if err != nil {
		return nil, err
	}
	return a.Store.Vault().OpenJSON(ctx, b)
}
