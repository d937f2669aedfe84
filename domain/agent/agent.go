// Package agent decides what may happen to an agent: a program that works on a
// board with a token of its own.
package agent

import (
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"missioncontrol/domain"
)

// The statuses that the server itself gives an agent.
const (
	Provisioning = "provisioning"
	Online       = "online"
	Offline      = "offline"
)

// Silence is how long an agent may be unseen before it counts as offline.
const Silence = 10 * time.Minute

// Agent is a program that works on a board. The zero Agent does not exist.
type Agent struct {
	ID, OrganizationID   uuid.UUID
	BoardID, GatewayID   *uuid.UUID
	SessionID            *string
	IsBoardLead          bool
	Profile              Profile
	Tokens               []Token
	LastSeenAt           *time.Time // as events tell; presence itself is telemetry
	Status               string     // likewise
	IsLost               bool
	CreatedAt, UpdatedAt time.Time
	Deleted              bool
}

// Token is a token that is in force.
type Token struct {
	ID        uuid.UUID
	CreatedAt time.Time
	Used      bool
}

// Exists reports whether the agent can be worked with.
func (a Agent) Exists() bool { return a.ID != uuid.Nil && !a.Deleted }

// IsMain reports whether the agent is the main agent of a gateway.
func (a Agent) IsMain() bool { return a.BoardID == nil }

// Holds reports whether a token of the agent is in force.
func (a Agent) Holds(token uuid.UUID) bool {
	return a.Exists() && slices.ContainsFunc(a.Tokens, func(t Token) bool { return t.ID == token })
}

// Unused reports whether a token is in force and the agent has never proved
// itself with it.
func (a Agent) Unused(token uuid.UUID) bool {
	return a.Exists() && slices.ContainsFunc(a.Tokens, func(t Token) bool { return t.ID == token && !t.Used })
}

// Evolve returns the agent after e.
func (a Agent) Evolve(m domain.Meta, e Event) Agent {
	switch e := e.(type) {
	case Created:
		a = Agent{
			ID: m.Stream, OrganizationID: m.Org, BoardID: e.BoardID, GatewayID: e.GatewayID, SessionID: e.SessionID,
			IsBoardLead: e.IsBoardLead, Profile: e.Profile, Status: Provisioning, CreatedAt: m.Time, UpdatedAt: m.Time,
		}
	case Updated:
		a.update(e)
		a.UpdatedAt = m.Time
	case SoulWritten:
		a.Profile.SoulTemplate, a.UpdatedAt = &e.SoulTemplate, m.Time
	case Deleted:
		a.Deleted, a.Tokens, a.UpdatedAt = true, nil, m.Time
	case TokenIssued:
		a.Tokens = append(slices.Clone(a.Tokens), Token{ID: e.TokenID, CreatedAt: m.Time})
	case TokenFirstUsed:
		a.Tokens = slices.Clone(a.Tokens)
		for i := range a.Tokens {
			a.Tokens[i].Used = a.Tokens[i].Used || a.Tokens[i].ID == e.TokenID
		}
	case TokenRevoked:
		a.Tokens = slices.DeleteFunc(slices.Clone(a.Tokens), func(t Token) bool { return t.ID == e.TokenID })
	case Appeared:
		a.seen(e.Presence)
	case Lost:
		a.IsLost, a.Status, a.LastSeenAt = true, Offline, &e.LastSeenAt
	case Returned:
		a.seen(e.Presence)
	}
	return a
}

func (a *Agent) seen(p Presence) { a.IsLost, a.Status, a.LastSeenAt = false, p.Status, &p.LastSeenAt }

func (a *Agent) update(e Updated) {
	p := &a.Profile
	p.Name = e.Name.Or(p.Name)
	a.BoardID = e.BoardID.OrNull(a.BoardID)
	if e.HeartbeatConfig.Set {
		p.HeartbeatConfig = e.HeartbeatConfig.Or(nil)
	}
	if e.IdentityProfile.Set {
		p.IdentityProfile = e.IdentityProfile.Or(nil)
	}
	p.IdentityTemplate = e.IdentityTemplate.OrNull(p.IdentityTemplate)
	p.SoulTemplate = e.SoulTemplate.OrNull(p.SoulTemplate)
}

// Texts of refusals.
const (
	nameTaken = "An agent with this name already exists on this board."
	hasLead   = "Board already has a lead agent."
	limit     = "Board worker-agent limit reached: max_agents=%d (excluding the lead); cannot create more than %d %s."
)

// Create makes an agent on a board without a gateway.
type Create struct {
	Created   Created
	NameTaken bool  // another agent of the board has this name, whatever its case
	HasLead   bool  // the board has a lead
	Team      *Team // for the lead that asks; nil: a person, whom no limit binds
}

// Team is how many agents work on a board beside its lead, and how many may
// for a lead to add one.
type Team struct{ Workers, Most int }

// Decide keeps names unique on a board, one lead on it, and leads within its
// limit.
func (c Create) Decide(a Agent) ([]Event, error) {
	switch {
	case a.ID != uuid.Nil:
		return nil, domain.Bare(domain.Conflict)
	case c.Team != nil && c.Team.Workers >= c.Team.Most:
		return nil, domain.Refuse(domain.Conflict, limit, c.Team.Most, c.Team.Most, plural(c.Team.Most))
	case c.NameTaken:
		return nil, domain.Refuse(domain.Conflict, nameTaken)
	case c.Created.IsBoardLead && c.HasLead:
		return nil, domain.Refuse(domain.Conflict, hasLead)
	}
	return []Event{c.Created}, nil
}

func plural(agents int) string {
	if agents == 1 {
		return "agent"
	}
	return "agents"
}

// Update changes an agent that connects by itself; values take effect at once.
type Update struct {
	Updated   Updated
	NameTaken bool // on the board where it will be
	HasLead   bool // another one, there
}

// Decide records what is given; nothing given is no change.
func (c Update) Decide(a Agent) ([]Event, error) {
	e := c.Updated
	moves := e.BoardID.Value != nil && (a.BoardID == nil || *e.BoardID.Value != *a.BoardID)
	switch {
	case !a.Exists():
		return nil, domain.Bare(domain.NotFound)
	case c.NameTaken:
		return nil, domain.Refuse(domain.Conflict, nameTaken)
	case moves && a.IsBoardLead && c.HasLead:
		return nil, domain.Refuse(domain.Conflict, hasLead)
	}
	switch {
	case !moves:
		e.BoardID = domain.Optional[uuid.UUID]{}
	default:
		e.LeftBoardID = a.BoardID
		if !e.Name.Set { // it takes a name on the other board, too
			e.Name = domain.Some(a.Profile.Name)
		}
	}
	if !e.Name.Set && !e.BoardID.Set && !e.HeartbeatConfig.Set && !e.IdentityProfile.Set && !e.IdentityTemplate.Set && !e.SoulTemplate.Set {
		return nil, nil
	}
	return []Event{e}, nil
}

// WriteSoul rewrites the text that shapes an agent, for the lead of its board.
type WriteSoul struct {
	Written SoulWritten
	Board   uuid.UUID // of the lead
}

// Decide leaves agents elsewhere alone, main agents too.
func (c WriteSoul) Decide(a Agent) ([]Event, error) {
	e := c.Written
	e.SoulTemplate = strings.TrimSpace(e.SoulTemplate)
	switch {
	case !a.Exists(), a.BoardID == nil, *a.BoardID != c.Board:
		return nil, domain.Bare(domain.NotFound)
	case e.SoulTemplate == "":
		return nil, domain.Refuse(domain.Invalid, "content is required")
	}
	return []Event{e}, nil
}

// Delete removes an agent.
type Delete struct{}

// Decide removes it once.
func (Delete) Decide(a Agent) ([]Event, error) {
	if !a.Exists() {
		return nil, domain.Bare(domain.NotFound)
	}
	return []Event{Deleted{a.Profile.Name, a.BoardID}}, nil
}

// MaxTokens is how many tokens of an agent can be in force at once.
const MaxTokens = 100

// IssueToken puts a token in force.
type IssueToken struct{ ID uuid.UUID }

// Decide bounds how many there are.
func (c IssueToken) Decide(a Agent) ([]Event, error) {
	switch {
	case !a.Exists():
		return nil, domain.Bare(domain.NotFound)
	case len(a.Tokens) >= MaxTokens:
		return nil, domain.Refuse(domain.Conflict, "An agent can hold at most %d tokens: revoke one first.", MaxTokens)
	}
	return []Event{TokenIssued{c.ID}}, nil
}

// UseToken notes that the agent has proved itself with a token.
type UseToken struct{ ID uuid.UUID }

// Decide records the first time.
func (c UseToken) Decide(a Agent) ([]Event, error) {
	if !a.Unused(c.ID) {
		return nil, nil
	}
	return []Event{TokenFirstUsed{c.ID}}, nil
}

// RevokeToken ends a token.
type RevokeToken struct{ ID uuid.UUID }

// Decide ends it once.
func (c RevokeToken) Decide(a Agent) ([]Event, error) {
	if !a.Holds(c.ID) {
		return nil, domain.Bare(domain.NotFound)
	}
	return []Event{TokenRevoked{c.ID}}, nil
}

// See notes that an agent was seen.
type See Presence

// Decide records only what is news: a first time, or a return.
func (c See) Decide(a Agent) ([]Event, error) {
	switch {
	case !a.Exists():
		return nil, domain.Bare(domain.NotFound)
	case a.LastSeenAt == nil:
		return []Event{Appeared{Presence(c)}}, nil
	case a.IsLost:
		return []Event{Returned{Presence(c)}}, nil
	}
	return nil, nil
}

// Miss notes that an agent has not been seen since a time.
type Miss struct{ LastSeenAt, Now time.Time }

// Decide records a silence that is too long, once.
func (c Miss) Decide(a Agent) ([]Event, error) {
	if !a.Exists() || a.IsLost || a.LastSeenAt == nil || c.Now.Sub(c.LastSeenAt) <= Silence {
		return nil, nil
	}
	return []Event{Lost{c.LastSeenAt}}, nil
}

// ShownStatus is the status that callers see of an agent that was last seen at
// a time (nil: never) with a status.
func ShownStatus(status string, lastSeen *time.Time, now time.Time) string {
	switch {
	case lastSeen == nil:
		return Provisioning
	case now.Sub(*lastSeen) > Silence:
		return Offline
	case status == "" || status == Provisioning || status == Offline:
		return Online
	}
	return status
}
