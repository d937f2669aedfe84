// Package auth answers who calls and what the caller may do. Rights rest on
// facts of the log; within a decision they are noted there, so that a command
// cannot slip through while its caller loses them.
package auth

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"strings"

	"github.com/google/uuid"

	"missioncontrol/domain"
	"missioncontrol/domain/agent"
	"missioncontrol/domain/board"
	"missioncontrol/eventstore"
	"missioncontrol/projections"
)

// ErrUnauthorized means that the caller did not prove who it is.
var ErrUnauthorized = errors.New("unauthorized")

// Caller is who asks.
type Caller struct {
	Actor domain.Actor
	// ActiveOrganization is the one that a person works in.
	ActiveOrganization uuid.UUID
	// Agent is the caller if it is one, as it was when it proved itself.
	Agent *agent.Agent
	Token uuid.UUID // that the agent proved itself with
}

type callerKey struct{}

// WithCaller returns a context of a request by c.
func WithCaller(ctx context.Context, c Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

// CallerFrom returns the caller that a rule has let pass.
func CallerFrom(ctx context.Context) Caller {
	c, _ := ctx.Value(callerKey{}).(Caller)
	return c
}

// Local is the mode with one shared token and one user.
type Local struct{ token [sha256.Size]byte }

// NewLocal checks bearer tokens against token.
func NewLocal(token string) Local { return Local{sha256.Sum256([]byte(strings.TrimSpace(token)))} }

// Verify checks the value of an Authorization header. Digests are compared, so
// that neither the time nor odd bytes tell anything.
func (l Local) Verify(authorization string) error {
	token, ok := Bearer(authorization)
	if !ok {
		return ErrUnauthorized
	}
	digest := sha256.Sum256([]byte(token))
	if subtle.ConstantTimeCompare(digest[:], l.token[:]) != 1 {
		return ErrUnauthorized
	}
	return nil
}

// Bearer returns the token of an Authorization header of that scheme.
func Bearer(authorization string) (string, bool) {
	scheme, token, ok := strings.Cut(strings.TrimSpace(authorization), " ")
	token = strings.TrimSpace(token)
	return token, ok && strings.EqualFold(scheme, "bearer") && token != ""
}

// Access is what somebody wants to do with a board.
type Access int

// The kinds of access, each including the one before.
const (
	Read Access = iota
	Write
)

// Rules decide what callers may do.
type Rules struct {
	Boards  projections.Boards
	Members projections.Members
	Groups  projections.Groups
	Agents  eventstore.Aggregate[agent.Agent, agent.Event]
	Pasts   eventstore.Aggregate[board.Board, board.Event] // of boards that may be gone
}

// NewRules decides on the facts of a store.
func NewRules(store *eventstore.Store, read projections.Reader) Rules {
	return Rules{
		Boards: projections.Boards{Reader: read}, Members: projections.Members{Reader: read},
		Groups: projections.Groups{Reader: read},
		Agents: eventstore.For[agent.Agent, agent.Event](store, "agent"),
		Pasts:  eventstore.For[board.Board, board.Event](store, "board"),
	}
}

// Texts of refusals that clients know.
const (
	noOrganizationAccess = "No org access"
	boardAccessDenied    = "Board access denied"
)

// Member returns the caller's membership in its active organization.
func (r Rules) Member(ctx context.Context, d *eventstore.Decision, c Caller) (*projections.MemberRow, error) {
	m, err := r.Members.Of(ctx, d, c.ActiveOrganization, c.Actor.ID)
	if err == nil && m == nil {
		err = domain.Bare(domain.Forbidden)
	}
	return m, err
}

// Admin is Member for those who administer the organization.
func (r Rules) Admin(ctx context.Context, d *eventstore.Decision, c Caller) (*projections.MemberRow, error) {
	m, err := r.Member(ctx, d, c)
	if err == nil && !m.IsAdmin() {
		return nil, domain.Bare(domain.Forbidden)
	}
	return m, err
}

// Board returns a board that the caller may read or write. That it exists is
// judged before the right to it.
func (r Rules) Board(ctx context.Context, d *eventstore.Decision, c Caller, id uuid.UUID, a Access) (*projections.BoardRow, error) {
	b, err := r.Boards.Find(ctx, d, id)
	if err != nil {
		return nil, err
	}
	if b == nil {
		return nil, domain.Bare(domain.NotFound)
	}
	if exists, err := r.organizations().Exist(ctx, d, b.OrganizationID); err != nil || !exists {
		return nil, cmp.Or(err, domain.Bare(domain.NotFound))
	}
	if c.Agent != nil {
		return b, r.agentOn(ctx, d, c, b)
	}
	m, err := r.Members.Of(ctx, d, b.OrganizationID, c.Actor.ID)
	switch {
	case err != nil:
		return nil, err
	case m == nil:
		return nil, domain.Refuse(domain.Forbidden, noOrganizationAccess)
	case a == Read && !m.Reads(id), a == Write && !m.Writes(id):
		return nil, domain.Refuse(domain.Forbidden, boardAccessDenied)
	}
	return b, nil
}

// PastBoard is Board for reads of the past: the past of a deleted board is for
// those who administer its organization, and does not exist for others.
func (r Rules) PastBoard(ctx context.Context, d *eventstore.Decision, c Caller, id uuid.UUID, a Access) (*projections.BoardRow, error) {
	row, err := r.Board(ctx, d, c, id, a)
	if domain.ReasonOf(err) != domain.NotFound || c.Agent != nil {
		return row, err
	}
	gone, lookErr := r.Pasts.Find(ctx, id)
	if lookErr != nil || !gone.Deleted {
		return nil, cmp.Or(lookErr, err)
	}
	m, lookErr := r.Members.Of(ctx, d, gone.OrganizationID, c.Actor.ID)
	if lookErr != nil || m == nil || !m.IsAdmin() {
		return nil, cmp.Or(lookErr, err)
	}
	return &projections.BoardRow{ID: gone.ID, OrganizationID: gone.OrganizationID}, nil
}

// agentOn lets agents onto their own board; the main agent of a gateway works
// on all boards of its organization, and others do not exist for it.
func (r Rules) agentOn(ctx context.Context, d *eventstore.Decision, c Caller, b *projections.BoardRow) error {
	a, err := r.Agent(ctx, d, c)
	switch {
	case err != nil:
		return err
	case a.OrganizationID != b.OrganizationID && a.IsMain():
		return domain.Bare(domain.NotFound)
	case !a.IsMain() && *a.BoardID != b.ID:
		return domain.Bare(domain.Forbidden)
	}
	return nil
}

// Agent returns the calling agent as it is now. Its tokens end with it, with its
// board and with its organization.
func (r Rules) Agent(ctx context.Context, d *eventstore.Decision, c Caller) (agent.Agent, error) {
	if d != nil {
		d.Look(eventstore.Key(c.Actor.ID, "agent"))
	}
	a, err := r.Agents.Find(ctx, c.Actor.ID)
	if err != nil {
		return a, err
	}
	exists, err := worksIn(ctx, d, r.Boards, a)
	if err == nil && (!exists || !a.Holds(c.Token)) {
		err = ErrUnauthorized
	}
	return a, err
}

// worksIn reports whether what an agent works in exists: its organization, and
// its board if it has one.
func worksIn(ctx context.Context, d *eventstore.Decision, boards projections.Boards, a agent.Agent) (bool, error) {
	exists, err := projections.Organizations(boards).Exist(ctx, d, a.OrganizationID)
	if err != nil || !exists || a.BoardID == nil {
		return exists, err
	}
	b, err := boards.Find(ctx, d, *a.BoardID)
	return b != nil, err
}

func (r Rules) organizations() projections.Organizations {
	return projections.Organizations(r.Boards)
}
