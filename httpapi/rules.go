package httpapi

import (
	"context"
	"crypto/sha256"
	"net"
	"net/http"
	"strings"

	"github.com/google/uuid"

	"missioncontrol/auth"
	"missioncontrol/commands"
	"missioncontrol/domain"
	"missioncontrol/eventstore"
	"missioncontrol/projections"
)

// The rules of the route table. Each proves who calls, asks package auth
// whether the caller may, and leaves in the context what handlers and commands
// need of the answer. callers.go proves; here it is asked.

type boardScope struct{}

type memberScope struct{}

// boardOf is the board that a rule has let the caller reach.
func boardOf(ctx context.Context) *projections.BoardRow {
	b, _ := ctx.Value(boardScope{}).(*projections.BoardRow)
	return b
}

// placeOf is where things of that board live.
func placeOf(ctx context.Context) commands.Place {
	b := boardOf(ctx)
	return commands.Place{Organization: b.OrganizationID, Board: b.ID}
}

// memberOf is the caller's membership in its active organization.
func memberOf(ctx context.Context) *projections.MemberRow {
	m, _ := ctx.Value(memberScope{}).(*projections.MemberRow)
	return m
}

// member lets members of their active organization pass, admin those who
// administer it.
func (a *API) member(ctx context.Context, p params) (context.Context, error) {
	return a.membership(ctx, p, a.Rules.Member)
}

func (a *API) admin(ctx context.Context, p params) (context.Context, error) {
	return a.membership(ctx, p, a.Rules.Admin)
}

type membershipRule func(context.Context, *eventstore.Decision, auth.Caller) (*projections.MemberRow, error)

func (a *API) membership(ctx context.Context, p params, may membershipRule) (context.Context, error) {
	ctx, err := a.person(ctx, p)
	if err != nil {
		return nil, err
	}
	return a.asMember(ctx, may)
}

// asMember asks for a right in the caller's active organization.
func (a *API) asMember(ctx context.Context, may membershipRule) (context.Context, error) {
	caller := auth.CallerFrom(ctx)
	m, err := may(ctx, nil, caller)
	if err != nil {
		return nil, err
	}
	eventstore.CommandFrom(ctx).Authorize = func(ctx context.Context, d *eventstore.Decision) error {
		_, err := may(ctx, d, caller)
		return err
	}
	return context.WithValue(ctx, memberScope{}, m), nil
}

// boardReader and boardWriter let people pass who may read or change the board
// of the path; actorOn lets agents pass, too; agentOnBoard agents alone.
func (a *API) boardReader(ctx context.Context, p params) (context.Context, error) {
	return a.board(ctx, p, a.person, auth.Read)
}

func (a *API) boardWriter(ctx context.Context, p params) (context.Context, error) {
	return a.board(ctx, p, a.person, auth.Write)
}

func (a *API) actorReader(ctx context.Context, p params) (context.Context, error) {
	return a.board(ctx, p, a.actor, auth.Read)
}

func (a *API) actorWriter(ctx context.Context, p params) (context.Context, error) {
	return a.board(ctx, p, a.actor, auth.Write)
}

func (a *API) agentOnBoard(ctx context.Context, p params) (context.Context, error) {
	return a.board(ctx, p, a.agent, auth.Write)
}

func (a *API) board(ctx context.Context, p params, who rule, access auth.Access) (context.Context, error) {
	ctx, err := who(ctx, p)
	if err != nil {
		return nil, err
	}
	id, err := uuid.Parse(p.path("board_id"))
	if err != nil {
		return nil, domain.Bare(domain.NotFound)
	}
	caller := auth.CallerFrom(ctx)
	b, err := a.Rules.Board(ctx, nil, caller, id, access)
	if err != nil {
		return nil, err
	}
	eventstore.CommandFrom(ctx).Authorize = func(ctx context.Context, d *eventstore.Decision) error {
		_, err := a.Rules.Board(ctx, d, caller, id, access)
		return err
	}
	return context.WithValue(ctx, boardScope{}, b), nil
}

// peopleOnly refuses agents what only people may do yet.
func peopleOnly(ctx context.Context) error {
	if auth.CallerFrom(ctx).Agent != nil {
		return domain.Bare(domain.Forbidden)
	}
	return nil
}

// requestCommand is what the envelope of an event says of a request.
func (a *API) requestCommand(ctx context.Context, p params) *eventstore.Command {
	c := callOf(ctx)
	return &eventstore.Command{
		IP: a.clientIP(p.request()), UserAgent: strings.ToValidUTF8(p.header("User-Agent"), "\uFFFD"),
		RequestID: c.ID, CorrelationID: c.Trace,
	}
}

// clientIP is the address that a request came from, past trusted proxies.
func (a *API) clientIP(r *http.Request) string {
	peer, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		peer = r.RemoteAddr
	}
	return a.Proxies.ClientIP(peer, r.Header.Values("Forwarded"), r.Header.Values("X-Forwarded-For"))
}

// idempotency reads the Idempotency-Key of a request that changes something.
func (a *API) idempotency(ctx context.Context, p params, actor domain.Actor) (*eventstore.Idempotency, error) {
	const most = 255
	r, c := p.request(), callOf(ctx)
	keys, sent := r.Header["Idempotency-Key"]
	if !sent || r.Method == http.MethodGet {
		return nil, nil
	}
	key := keys[0]
	if key == "" || len(key) > most || !visible(key) {
		return nil, domain.Refuse(domain.Invalid, "Idempotency-Key must be 1 to 255 visible ASCII characters.")
	}
	return &eventstore.Idempotency{
		Scope:       sha256.Sum256([]byte(actor.ID.String() + "\n" + r.Method + "\n" + r.URL.Path + "\n" + key)),
		Fingerprint: sha256.Sum256(c.Body),
		People:      []uuid.UUID{actor.ID},
		Encode:      a.encodeOpened,
	}, nil
}
