// Package invite decides what may happen to an invitation into an
// organization.
package invite

import (
	"bytes"
	"time"

	"github.com/google/uuid"

	"missioncontrol/domain"
)

// Lifetime is how long an invite can be accepted.
const Lifetime = 7 * 24 * time.Hour

// Grant opens one board to whoever accepts.
type Grant struct {
	BoardID  uuid.UUID `json:"board_id"`
	CanRead  bool      `json:"can_read"`
	CanWrite bool      `json:"can_write"`
}

// Event is something that happened to an invite.
//
//sumtype:decl
type Event interface{ isInviteEvent() }

type (
	// Created: somebody is invited. The token that proves it is a secret.
	Created struct {
		Email           domain.Personal `json:"email"`      // sealed under the invite's own key
		EmailHash       []byte          `json:"email_hash"` // keyed hash of it, for finding
		Role            string          `json:"role"`
		AllBoardsRead   bool            `json:"all_boards_read"`
		AllBoardsWrite  bool            `json:"all_boards_write"`
		Grants          []Grant         `json:"grants"`
		CreatedByUserID uuid.UUID       `json:"created_by_user_id"`
		ExpiresAt       time.Time       `json:"expires_at"`
	}
	// Accepted: the invited person is a member now.
	Accepted struct {
		UserID    uuid.UUID `json:"user_id"`
		EmailHash []byte    `json:"email_hash"`
	}
	// Revoked: the invite cannot be accepted any more.
	Revoked struct {
		EmailHash []byte `json:"email_hash"`
	}
)

func (Created) isInviteEvent()  {}
func (Accepted) isInviteEvent() {}
func (Revoked) isInviteEvent()  {}

// Events names every event as it is stored.
var Events = map[string]Event{
	"invite.created": Created{}, "invite.accepted": Accepted{}, "invite.revoked": Revoked{},
}

// Invite is an invitation. The zero one does not exist.
type Invite struct {
	ID, OrganizationID            uuid.UUID
	Email                         domain.Personal
	EmailHash                     []byte
	Role                          string
	AllBoardsRead, AllBoardsWrite bool
	Grants                        []Grant
	CreatedByUserID               uuid.UUID
	AcceptedByUserID              uuid.UUID
	AcceptedAt                    *time.Time
	ExpiresAt                     time.Time
	CreatedAt, UpdatedAt          time.Time
	IsRevoked                     bool
}

// Pending reports whether the invite can still be accepted at a time.
func (i Invite) Pending(now time.Time) bool {
	return i.ID != uuid.Nil && !i.IsRevoked && i.AcceptedAt == nil && now.Before(i.ExpiresAt)
}

// Evolve returns the invite after e.
func (i Invite) Evolve(m domain.Meta, e Event) Invite {
	i.UpdatedAt = m.Time
	switch e := e.(type) {
	case Created:
		i.ID, i.OrganizationID, i.CreatedAt = m.Stream, m.Org, m.Time
		i.Email, i.EmailHash, i.Role = e.Email, e.EmailHash, e.Role
		i.AllBoardsRead, i.AllBoardsWrite, i.Grants = e.AllBoardsRead, e.AllBoardsWrite, e.Grants
		i.CreatedByUserID, i.ExpiresAt = e.CreatedByUserID, e.ExpiresAt
	case Accepted:
		i.AcceptedByUserID, i.AcceptedAt = e.UserID, &m.Time
	case Revoked:
		i.IsRevoked = true
	}
	return i
}

// Create invites somebody.
type Create struct {
	Created       Created
	ByOwner       bool
	AlreadyMember bool // a user of that email belongs to the organization
	Pending       bool // an invite of that email is open
}

// Decide allows one open invite an email, and lets owners alone invite owners.
func (c Create) Decide(i Invite) ([]Event, error) {
	switch {
	case i.ID != uuid.Nil, c.AlreadyMember:
		return nil, domain.Bare(domain.Conflict)
	case c.Pending:
		return nil, domain.Refuse(domain.Conflict, "An invite for this email is pending already.")
	case c.Created.Role == "owner" && !c.ByOwner:
		return nil, domain.Refuse(domain.Forbidden, "Only owners can invite owners")
	}
	e := c.Created
	if e.AllBoardsRead || e.AllBoardsWrite || e.Grants == nil {
		e.Grants = []Grant{}
	}
	return []Event{e}, nil
}

// Accept makes the invite used by a person whose verified email has EmailHash.
type Accept struct {
	UserID    uuid.UUID
	EmailHash []byte // nil: the person has no verified email
	Now       time.Time
}

// Decide lets the invited person alone accept, once and in time.
func (c Accept) Decide(i Invite) ([]Event, error) {
	switch {
	case !i.Pending(c.Now):
		return nil, domain.Bare(domain.NotFound)
	case c.EmailHash == nil || !bytes.Equal(c.EmailHash, i.EmailHash):
		return nil, domain.Bare(domain.Forbidden)
	}
	return []Event{Accepted{c.UserID, i.EmailHash}}, nil
}

// Revoke ends a pending invite.
type Revoke struct{ Now time.Time }

// Decide knows expired invites too: revoking tidies them away.
func (c Revoke) Decide(i Invite) ([]Event, error) {
	if i.ID == uuid.Nil || i.IsRevoked || i.AcceptedAt != nil {
		return nil, domain.Bare(domain.NotFound)
	}
	return []Event{Revoked{i.EmailHash}}, nil
}
