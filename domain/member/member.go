// Package member decides what may happen to a person's membership in an
// organization: its role and the boards that it opens.
package member

import (
	"time"

	"github.com/google/uuid"

	"missioncontrol/domain"
)

// Role ranks members of an organization.
type Role string

// The roles, from the highest.
const (
	Owner Role = "owner"
	Admin Role = "admin"
	Plain Role = "member"
)

// Event is something that happened to a membership.
//
//sumtype:decl
type Event interface{ isMemberEvent() }

// Joined: the person belongs to the organization.
type Joined struct {
	UserID         uuid.UUID `json:"user_id"`
	Role           Role      `json:"role"`
	AllBoardsRead  bool      `json:"all_boards_read"`
	AllBoardsWrite bool      `json:"all_boards_write"`
}

func (Joined) isMemberEvent() {}

// Events names every event as it is stored.
var Events = map[string]Event{"member.joined": Joined{}}

// Member is a membership. The zero one does not exist.
type Member struct {
	ID                            uuid.UUID
	OrganizationID, UserID        uuid.UUID
	Role                          Role
	AllBoardsRead, AllBoardsWrite bool
	CreatedAt, UpdatedAt          time.Time
}

// Evolve returns the membership after e.
func (mb Member) Evolve(m domain.Meta, e Event) Member {
	mb.UpdatedAt = m.Time
	switch e := e.(type) {
	case Joined:
		mb.ID, mb.OrganizationID, mb.CreatedAt = m.Stream, m.Org, m.Time
		mb.UserID, mb.Role, mb.AllBoardsRead, mb.AllBoardsWrite = e.UserID, e.Role, e.AllBoardsRead, e.AllBoardsWrite
	}
	return mb
}

// Join makes a person a member.
type Join Joined

// Decide records it once.
func (c Join) Decide(mb Member) ([]Event, error) {
	if mb.ID != uuid.Nil {
		return nil, domain.Bare(domain.Conflict)
	}
	return []Event{Joined(c)}, nil
}
