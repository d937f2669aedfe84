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
// need of the answer.

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

// person lets people pass who prove who they are.
func (a *API) person(ctx context.Context, p params) (context.Context, error) {
	if err := a.Local.Verify(p.header("Authorization")); err != nil {
		return nil, err
	}
	c := requestCommand(ctx, p)
	u, err := a.Commands.Users.SignIn(eventstore.WithCommand(ctx, c), commands.LocalIdentity())
	if err != nil {
		return nil, err
	}
	answerHeader(ctx, "Log-Position", a.at(a.Store.Head())) // what a read is sure to show
	c.Actor = domain.Actor{Type: domain.User, ID: u.ID, Auth: "local"}
	c.Person = u.ID
	if c.Idempotency, err = a.idempotency(ctx, p, c.Actor); err != nil {
		return nil, err
	}
	ctx = auth.WithCaller(ctx, auth.Caller{Actor: c.Actor, ActiveOrganization: u.ActiveOrganizationID})
	return eventstore.WithCommand(ctx, c), nil
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

// boardReader lets people pass who may read the board of the path.
func (a *API) boardReader(ctx context.Context, p params) (context.Context, error) {
	return a.board(ctx, p, auth.Read)
}

// boardWriter lets people pass who may change it.
func (a *API) boardWriter(ctx context.Context, p params) (context.Context, error) {
	return a.board(ctx, p, auth.Write)
}

func (a *API) board(ctx context.Context, p params, access auth.Access) (context.Context, error) {
	ctx, err := a.person(ctx, p)
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

// requestCommand is what the envelope of an event says of a request.
func requestCommand(ctx context.Context, p params) *eventstore.Command {
	c := callOf(ctx)
	ip, _, err := net.SplitHostPort(p.request().RemoteAddr)
	if err != nil {
		ip = p.request().RemoteAddr
	}
	return &eventstore.Command{
		IP: ip, UserAgent: strings.ToValidUTF8(p.header("User-Agent"), "\uFFFD"),
		RequestID: c.ID, CorrelationID: c.Trace,
	}
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
