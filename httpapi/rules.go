package httpapi

import (
	"cmp"
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

// How the rules decide (rule_table.go lists them): callers.go proves who calls;
// here package auth is asked whether the caller may, and what handlers and
// commands need of the answer is left in the context.

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

type membershipRule func(context.Context, *eventstore.Decision, auth.Caller) (*projections.MemberRow, error)

// membership checks people for a right in their active organization.
func (a *API) membership(may membershipRule) gate {
	return func(ctx context.Context, p params) (context.Context, error) {
		ctx, err := a.asPerson(ctx, p)
		if err != nil {
			return nil, err
		}
		return a.asMember(ctx, may)
	}
}

// asMember asks for a right in the caller's active organization.
func (a *API) asMember(ctx context.Context, may membershipRule) (context.Context, error) {
	caller := auth.CallerFrom(ctx)
	m, err := may(ctx, nil, caller)
	if err != nil {
		return nil, a.refused(ctx, err)
	}
	eventstore.CommandFrom(ctx).Authorize = func(ctx context.Context, d *eventstore.Decision) error {
		_, err := may(ctx, d, caller)
		return err
	}
	return context.WithValue(ctx, memberScope{}, m), nil
}

// refused is the answer to a command that its caller may not give (any more):
// the repeat of one that was carried out is answered as that was, for what it
// did, such as the end of a board, may be the reason.
func (a *API) refused(ctx context.Context, refusal error) error {
	if domain.ReasonOf(refusal) == "" {
		return refusal
	}
	return cmp.Or(a.Store.Repeated(ctx), refusal)
}

type boardRule func(context.Context, *eventstore.Decision, auth.Caller, uuid.UUID, auth.Access) (*projections.BoardRow, error)

// onBoard checks whoever who lets pass for access to the board of the path.
func (a *API) onBoard(who gate, access auth.Access) gate {
	return a.onBoardBy(a.Rules.Board, who, access)
}

// onPastBoard is onBoard for reads, which may be of the past: what was deleted
// since had one.
func (a *API) onPastBoard(who gate) gate {
	present, past := a.onBoard(who, auth.Read), a.onBoardBy(a.Rules.PastBoard, who, auth.Read)
	return func(ctx context.Context, p params) (context.Context, error) {
		if _, asked := queryValue(p.request().URL.RawQuery, "as_of"); asked {
			return past(ctx, p)
		}
		return present(ctx, p)
	}
}

func (a *API) onBoardBy(may boardRule, who gate, access auth.Access) gate {
	return func(ctx context.Context, p params) (context.Context, error) {
		ctx, err := who(ctx, p)
		if err != nil {
			return nil, err
		}
		id, err := uuid.Parse(p.path("board_id"))
		if err != nil {
			return nil, domain.Bare(domain.NotFound)
		}
		caller := auth.CallerFrom(ctx)
		b, err := may(ctx, nil, caller, id, access)
		if err != nil {
			return nil, a.refused(ctx, err)
		}
		eventstore.CommandFrom(ctx).Authorize = func(ctx context.Context, d *eventstore.Decision) error {
			_, err := may(ctx, d, caller, id, access)
			return err
		}
		return context.WithValue(ctx, boardScope{}, b), nil
	}
}

// asTaskRemover lets people pass who may change the board of the path. It asks
// in an order of its own: whoever may read the board, people and agents, learns
// first whether the task is there.
func (a *API) asTaskRemover(ctx context.Context, p params) (context.Context, error) {
	ctx, err := a.onBoard(a.asActor, auth.Read)(ctx, p)
	if err != nil {
		return nil, err
	}
	caller, board := auth.CallerFrom(ctx), boardOf(ctx).ID
	if caller.Agent != nil {
		return nil, a.unlessGone(ctx, p, board, auth.ErrUnauthorized)
	}
	if _, err := a.Rules.Board(ctx, nil, caller, board, auth.Write); err != nil {
		return nil, a.unlessGone(ctx, p, board, err)
	}
	eventstore.CommandFrom(ctx).Authorize = func(ctx context.Context, d *eventstore.Decision) error {
		_, err := a.Rules.Board(ctx, d, caller, board, auth.Write)
		return err
	}
	return ctx, nil
}

// unlessGone answers a caller who may not remove a task that there is no such
// task, if that is so. Whoever may is told by the command itself, so that the
// repeat of a removal is recognised first.
func (a *API) unlessGone(ctx context.Context, p params, board uuid.UUID, refused error) error {
	id, err := uuid.Parse(p.path("task_id"))
	if err != nil {
		return refused // a fault of the input, told after the rule
	}
	there, err := projections.Tasks{Reader: a.Read}.There(ctx, board, id)
	if err == nil && !there {
		err = domain.Bare(domain.NotFound)
	}
	if err != nil {
		return err
	}
	return refused
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
