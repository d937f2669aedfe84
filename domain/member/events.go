package member

import (
	"github.com/google/uuid"
)

// Role ranks members of an organization.
type Role string

// The roles, from the highest.
const (
	Owner Role = "owner"
	Admin Role = "admin"
	Plain Role = "member"
)

// Roles lists every role.
func Roles() []Role { return []Role{Owner, Admin, Plain} }

// rank orders roles; a higher one may do more.
func (r Role) rank() int {
	switch r {
	case Owner:
		return 2
	case Admin:
		return 1
	case Plain:
		return 0
	}
	return 0
}

// Grant opens one board to a member.
type Grant struct {
	ID       uuid.UUID `json:"id"`
	BoardID  uuid.UUID `json:"board_id"`
	CanRead  bool      `json:"can_read"`
	CanWrite bool      `json:"can_write"`
}

// Event is something that happened to a membership.
//
//sumtype:decl
type Event interface{ isMemberEvent() }

type (
	// Joined: the person belongs to the organization.
	Joined struct {
		UserID         uuid.UUID  `json:"user_id"`
		Role           Role       `json:"role"`
		AllBoardsRead  bool       `json:"all_boards_read"`
		AllBoardsWrite bool       `json:"all_boards_write"`
		Grants         []Grant    `json:"grants,omitzero"`
		InviteID       *uuid.UUID `json:"invite_id,omitzero"`
	}
	// RoleChanged: the person has another role.
	RoleChanged struct {
		From Role `json:"from"`
		Role Role `json:"role"`
	}
	// AccessChanged: the person may reach these boards now, and no others.
	AccessChanged struct {
		AllBoardsRead  bool    `json:"all_boards_read"`
		AllBoardsWrite bool    `json:"all_boards_write"`
		Grants         []Grant `json:"grants"`
	}
	// Left: the person does not belong to the organization any more, by its
	// own or another's decision.
	Left struct{}
)

func (Joined) isMemberEvent()        {}
func (RoleChanged) isMemberEvent()   {}
func (AccessChanged) isMemberEvent() {}
func (Left) isMemberEvent()          {}

// Events names every event as it is stored.
var Events = map[string]Event{
	"member.joined":         Joined{},
	"member.role_changed":   RoleChanged{},
	"member.access_changed": AccessChanged{},
	"member.left":           Left{},
}
