package commands

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"missioncontrol/domain"
	"missioncontrol/domain/member"
	"missioncontrol/eventstore"
	"missioncontrol/projections"
)

// Members are the use cases of memberships.
type Members struct {
	store   *eventstore.Store
	members eventstore.Aggregate[member.Member, member.Event]
	read    projections.Members
	boards  projections.Boards
	invites Invites
}

// MemberAt names a membership, and who acts on it.
type MemberAt struct {
	Organization uuid.UUID
	ID           uuid.UUID
	By           *projections.MemberRow
}

// ChangeRole gives a member another role.
func (m Members) ChangeRole(ctx context.Context, at MemberAt, role member.Role) (projections.Member, error) {
	return m.change(ctx, at, func(d *eventstore.Decision, x *memberStream) error {
		by, err := acting(ctx, d, m.read, at.By)
		if err != nil {
			return err
		}
		counts, err := m.read.Count(ctx, d, at.Organization)
		if err != nil {
			return err
		}
		return x.Decide(member.ChangeRole{Role: role, By: by.Role, Self: by.ID == at.ID, Owners: counts.Owners})
	})
}

// BoardAccess is what a member or an invite may do with one board.
type BoardAccess struct {
	BoardID           uuid.UUID
	CanRead, CanWrite bool
}

// Access is what a member or an invite may do with boards.
type Access struct {
	AllBoardsRead, AllBoardsWrite bool
	Boards                        []BoardAccess
}

// ChangeAccess replaces what a member may reach.
func (m Members) ChangeAccess(ctx context.Context, at MemberAt, a Access) (projections.Member, error) {
	grants := grantsOf(a.Boards)
	return m.change(ctx, at, func(d *eventstore.Decision, x *memberStream) error {
		by, err := acting(ctx, d, m.read, at.By)
		if err != nil {
			return err
		}
		if err := theirBoards(ctx, d, m.boards, at.Organization, a.Boards); err != nil {
			return err
		}
		return x.Decide(member.ChangeAccess{
			AllBoardsRead: a.AllBoardsRead, AllBoardsWrite: a.AllBoardsWrite, Grants: grants, By: by.Role,
		})
	})
}

// acting is the member who asks for something, as it is when that is decided:
// since the request began it may have lost its role.
func acting(ctx context.Context, d *eventstore.Decision, memberships projections.Members, by *projections.MemberRow) (*projections.MemberRow, error) {
	now, err := memberships.Of(ctx, d, by.OrganizationID, by.UserID)
	if err == nil && (now == nil || now.ID != by.ID) {
		err = domain.Bare(domain.Forbidden)
	}
	return now, err
}

type memberStream = eventstore.Stream[member.Member, member.Event]

// change carries out a command on a membership of the organization and shows
// what became of it.
func (m Members) change(ctx context.Context, at MemberAt, decide func(*eventstore.Decision, *memberStream) error) (projections.Member, error) {
	var view projections.Member
	err := m.store.Do(ctx, func(d *eventstore.Decision) error {
		x, err := m.in(d, at)
		if err != nil {
			return err
		}
		if err := decide(d, x); err != nil {
			return err
		}
		now, err := x.State()
		if err != nil {
			return err
		}
		about(ctx, now.UserID)
		person, err := projections.Users(m.read).Row(ctx, now.UserID)
		if err != nil {
			return err
		}
		view, err = m.read.Show(ctx, now, person)
		d.Answer(view)
		return err
	})
	return view, err
}

// in is the membership if it is one of the organization.
func (m Members) in(d *eventstore.Decision, at MemberAt) (*memberStream, error) {
	x := m.members.In(d, at.Organization, at.ID)
	now, err := x.State()
	if err != nil {
		return nil, err
	}
	if !now.Exists() || now.OrganizationID != at.Organization {
		return nil, domain.Bare(domain.NotFound)
	}
	return x, nil
}

// Remove ends a membership. Open invites of that person into the organization
// go with it, so that none brings it back.
func (m Members) Remove(ctx context.Context, at MemberAt) error {
	return m.store.Do(ctx, func(d *eventstore.Decision) error {
		x, err := m.in(d, at)
		if err != nil {
			return err
		}
		by, err := acting(ctx, d, m.read, at.By)
		if err != nil {
			return err
		}
		counts, err := m.read.Count(ctx, d, at.Organization)
		if err != nil {
			return err
		}
		d.Answer(projections.OK())
		if err := x.Decide(member.Remove{By: by.Role, Self: by.ID == at.ID, Owners: counts.Owners}); err != nil {
			return err
		}
		now, err := x.State()
		if err != nil {
			return err
		}
		return m.invites.revokeOf(ctx, d, at.Organization, now.UserID)
	})
}

// grantsOf gives grants ids; the same board twice is one grant.
func grantsOf(boards []BoardAccess) []member.Grant {
	grants := []member.Grant{}
	for _, b := range boards {
		if i := slices.IndexFunc(grants, func(g member.Grant) bool { return g.BoardID == b.BoardID }); i >= 0 {
			grants[i].CanRead = grants[i].CanRead || b.CanRead
			grants[i].CanWrite = grants[i].CanWrite || b.CanWrite
			continue
		}
		grants = append(grants, member.Grant{ID: uuid.New(), BoardID: b.BoardID, CanRead: b.CanRead, CanWrite: b.CanWrite})
	}
	return grants
}

// theirBoards refuses boards that are not the organization's.
func theirBoards(ctx context.Context, d *eventstore.Decision, boards projections.Boards, org uuid.UUID, access []BoardAccess) error {
	ids := make([]uuid.UUID, len(access))
	for i, a := range access {
		ids[i] = a.BoardID
	}
	ok, err := boards.AllIn(ctx, d, org, ids)
	if err == nil && !ok {
		err = domain.Bare(domain.Invalid)
	}
	return err
}
