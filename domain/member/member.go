// Package member decides what may happen to a person's membership in an
// organization: its role and the boards that it opens.
package member

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"missioncontrol/domain"
)

// Member is a membership. The zero one does not exist.
type Member struct {
	ID                            uuid.UUID
	OrganizationID, UserID        uuid.UUID
	Role                          Role
	AllBoardsRead, AllBoardsWrite bool
	Access                        []Access
	CreatedAt, UpdatedAt          time.Time
	HasLeft                       bool
}

// Access is a grant with its times.
type Access struct {
	Grant
	CreatedAt time.Time
	UpdatedAt time.Time
}

// Exists reports whether the person is a member.
func (mb Member) Exists() bool { return mb.ID != uuid.Nil && !mb.HasLeft }

// Evolve returns the membership after e.
func (mb Member) Evolve(m domain.Meta, e Event) Member {
	mb.UpdatedAt = m.Time
	switch e := e.(type) {
	case Joined:
		mb.ID, mb.OrganizationID, mb.CreatedAt = m.Stream, m.Org, m.Time
		mb.UserID, mb.Role, mb.AllBoardsRead, mb.AllBoardsWrite = e.UserID, e.Role, e.AllBoardsRead, e.AllBoardsWrite
		mb.Access = access(nil, e.Grants, m.Time)
	case RoleChanged:
		mb.Role = e.Role
	case AccessChanged:
		mb.AllBoardsRead, mb.AllBoardsWrite = e.AllBoardsRead, e.AllBoardsWrite
		mb.Access = access(mb.Access, e.Grants, m.Time)
	case Left:
		mb.HasLeft = true
	}
	return mb
}

// access gives grants their times: one that stays keeps its beginning.
func access(before []Access, grants []Grant, now time.Time) []Access {
	after := make([]Access, 0, len(grants))
	for _, g := range grants {
		a := Access{Grant: g, CreatedAt: now, UpdatedAt: now}
		if i := slices.IndexFunc(before, func(b Access) bool { return b.ID == g.ID }); i >= 0 {
			a.CreatedAt = before[i].CreatedAt
			if before[i].Grant == g {
				a.UpdatedAt = before[i].UpdatedAt
			}
		}
		after = append(after, a)
	}
	return after
}

func (mb Member) grants() []Grant {
	grants := make([]Grant, len(mb.Access))
	for i, a := range mb.Access {
		grants[i] = a.Grant
	}
	return grants
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

// ChangeRole gives a member another role on behalf of a member of role By.
type ChangeRole struct {
	Role   Role
	By     Role
	Self   bool // the member changes its own role
	Owners int  // of the organization, this member included if it is one
}

// Texts of refusals.
const (
	ownerNeeded   = "Organization must have at least one owner"
	ownersOnly    = "Only owners can grant or change the owner role"
	noSelfRaise   = "You cannot raise your own role"
	notYourself   = "You cannot remove yourself from the organization"
	ownersRemove  = "Only owners can remove owners"
	ownersReached = "Only owners can change the board access of owners"
)

// Decide lets owners alone make and unmake owners, lets nobody raise itself,
// and keeps the last owner.
func (c ChangeRole) Decide(mb Member) ([]Event, error) {
	switch {
	case !mb.Exists():
		return nil, domain.Bare(domain.NotFound)
	case c.Role == mb.Role:
		return nil, nil
	case c.Self && c.Role.rank() > mb.Role.rank():
		return nil, domain.Refuse(domain.Forbidden, noSelfRaise)
	case c.By != Owner && (c.Role == Owner || mb.Role == Owner):
		return nil, domain.Refuse(domain.Forbidden, ownersOnly)
	case mb.Role == Owner && c.Owners < 2:
		return nil, domain.Refuse(domain.Invalid, ownerNeeded)
	}
	return []Event{RoleChanged{From: mb.Role, Role: c.Role}}, nil
}

// ChangeAccess replaces what a member may reach.
type ChangeAccess struct {
	AllBoardsRead, AllBoardsWrite bool
	Grants                        []Grant // ids are fresh; one for a board that stays keeps its own
	By                            Role
}

// Decide drops single grants when all boards are open anyway.
func (c ChangeAccess) Decide(mb Member) ([]Event, error) {
	switch {
	case !mb.Exists():
		return nil, domain.Bare(domain.NotFound)
	case mb.Role == Owner && c.By != Owner:
		return nil, domain.Refuse(domain.Forbidden, ownersReached)
	}
	e := AccessChanged{AllBoardsRead: c.AllBoardsRead, AllBoardsWrite: c.AllBoardsWrite, Grants: []Grant{}}
	if !c.AllBoardsRead && !c.AllBoardsWrite {
		e.Grants = keepIDs(mb.grants(), c.Grants)
	}
	if e.AllBoardsRead == mb.AllBoardsRead && e.AllBoardsWrite == mb.AllBoardsWrite && slices.Equal(e.Grants, mb.grants()) {
		return nil, nil
	}
	return []Event{e}, nil
}

func keepIDs(before, after []Grant) []Grant {
	kept := slices.Clone(after)
	for i, g := range kept {
		if j := slices.IndexFunc(before, func(b Grant) bool { return b.BoardID == g.BoardID }); j >= 0 {
			kept[i].ID = before[j].ID
		}
	}
	return kept
}

// Widen adds what an invite or the making of a board opens; it never takes
// anything away.
type Widen struct {
	Role                          Role // "" leaves it
	AllBoardsRead, AllBoardsWrite bool
	Grants                        []Grant
}

// Decide raises the role and adds access where the member had less.
func (c Widen) Decide(mb Member) ([]Event, error) {
	if !mb.Exists() {
		return nil, domain.Bare(domain.NotFound)
	}
	var events []Event
	if c.Role != "" && c.Role.rank() > mb.Role.rank() {
		events = append(events, RoleChanged{From: mb.Role, Role: c.Role})
	}
	e := AccessChanged{
		AllBoardsRead:  mb.AllBoardsRead || c.AllBoardsRead || c.AllBoardsWrite,
		AllBoardsWrite: mb.AllBoardsWrite || c.AllBoardsWrite,
		Grants:         merge(mb.grants(), c.Grants),
	}
	if e.AllBoardsRead != mb.AllBoardsRead || e.AllBoardsWrite != mb.AllBoardsWrite || !slices.Equal(e.Grants, mb.grants()) {
		events = append(events, e)
	}
	return events, nil
}

func merge(before, more []Grant) []Grant {
	merged := slices.Clone(before)
	for _, g := range more {
		g.CanRead = g.CanRead || g.CanWrite
		i := slices.IndexFunc(merged, func(m Grant) bool { return m.BoardID == g.BoardID })
		if i < 0 {
			merged = append(merged, g)
			continue
		}
		merged[i].CanRead = merged[i].CanRead || g.CanRead
		merged[i].CanWrite = merged[i].CanWrite || g.CanWrite
	}
	return merged
}

// Remove ends a membership on behalf of a member of role By.
type Remove struct {
	By     Role
	Self   bool
	Owners int
}

// Decide protects owners from others, and the organization's last owner.
func (c Remove) Decide(mb Member) ([]Event, error) {
	switch {
	case !mb.Exists():
		return nil, domain.Bare(domain.NotFound)
	case c.Self:
		return nil, domain.Refuse(domain.Forbidden, notYourself)
	case mb.Role == Owner && c.By != Owner:
		return nil, domain.Refuse(domain.Forbidden, ownersRemove)
	case mb.Role == Owner && c.Owners < 2:
		return nil, domain.Refuse(domain.Invalid, ownerNeeded)
	}
	return []Event{Left{}}, nil
}

// Leave ends a membership because the person's account ends.
type Leave struct {
	Owners, Members int // of the organization, this member included
}

// Decide keeps an organization that others belong to from losing its last
// owner.
func (c Leave) Decide(mb Member) ([]Event, error) {
	switch {
	case !mb.Exists():
		return nil, nil
	case mb.Role == Owner && c.Owners < 2 && c.Members > 1:
		return nil, domain.Refuse(domain.Invalid, ownerNeeded)
	}
	return []Event{Left{}}, nil
}
