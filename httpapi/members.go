package httpapi

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/google/uuid"

	"missioncontrol/commands"
	"missioncontrol/domain"
	"missioncontrol/domain/member"
	"missioncontrol/projections"
)

func (a *API) getMyMembership(ctx context.Context, in asOf) (projections.Member, error) {
	m := memberOf(ctx)
	return a.showMember(ctx, m.OrganizationID, m.ID, in)
}

func (a *API) showMember(ctx context.Context, org, id uuid.UUID, in asOf) (projections.Member, error) {
	m, err := inTime(ctx, a, in,
		func() (*projections.WithUser, error) { return a.Rules.Members.Find(ctx, org, id) },
		func(at int64) (*projections.WithUser, error) { return a.Rules.Members.FindAt(ctx, org, id, at) })
	if err != nil {
		return projections.Member{}, err
	}
	return m.View(), nil
}

type listOrgMembers struct {
	asOf
	page
}

// listOrgMembers sorts by email and name, which stand sealed in the database.
func (a *API) listOrgMembers(ctx context.Context, in listOrgMembers) (projections.Page[projections.Member], error) {
	org := memberOf(ctx).OrganizationID
	all, err := inTime(ctx, a, in.asOf,
		func() (*[]projections.WithUser, error) { return some(a.Rules.Members.InOrganization(ctx, org)) },
		func(at int64) (*[]projections.WithUser, error) { return a.Rules.Members.InOrganizationAt(ctx, org, at) })
	if err != nil {
		return projections.Page[projections.Member]{}, err
	}
	found := *all
	type keyed struct {
		email, name string
		member      projections.Member
	}
	members := make([]keyed, len(found))
	for i := range found {
		members[i].member = found[i].View()
		if u := found[i].User; u != nil {
			if members[i].email, err = a.opened(ctx, u.Email); err != nil {
				return projections.Page[projections.Member]{}, err
			}
			if members[i].name, err = a.opened(ctx, u.Name); err != nil {
				return projections.Page[projections.Member]{}, err
			}
		}
	}
	slices.SortStableFunc(members, func(x, y keyed) int {
		return cmp.Or(strings.Compare(strings.ToLower(x.email), strings.ToLower(y.email)), strings.Compare(x.name, y.name))
	})
	p := projections.Page[projections.Member]{Items: []projections.Member{}, Total: len(members), Limit: in.Limit, Offset: in.Offset}
	rest := members[min(in.Offset, len(members)):]
	for _, k := range rest[:min(in.Limit, len(rest))] {
		p.Items = append(p.Items, k.member)
	}
	return p, nil
}

// opened is the plain text of a sealed column, "" for null.
func (a *API) opened(ctx context.Context, column *string) (string, error) {
	if column == nil {
		return "", nil
	}
	return a.Store.Vault().Open(ctx, *column)
}

type ofMember struct {
	MemberID uuid.UUID `path:"member_id"`
}

type getOrgMember struct {
	ofMember
	asOf
}

// getOrgMember shows admins everybody, and others themselves.
func (a *API) getOrgMember(ctx context.Context, in getOrgMember) (projections.Member, error) {
	me := memberOf(ctx)
	shown, err := a.showMember(ctx, me.OrganizationID, in.MemberID, in.asOf)
	if err == nil && !me.IsAdmin() && me.ID != in.MemberID {
		return projections.Member{}, domain.Bare(domain.Forbidden)
	}
	return shown, err
}

// OrganizationMemberUpdate is the body of a change of a member's role.
type OrganizationMemberUpdate struct {
	Role domain.Optional[string] `json:"role" null:"no"`
}

// Validate knows the roles.
func (u *OrganizationMemberUpdate) Validate() string { return roleFault(u.Role.Or("member")) }

func roleFault(role string) string {
	for _, known := range member.Roles() {
		if member.Role(normalRole(role)) == known {
			return ""
		}
	}
	return "role must be one of: owner, admin, member"
}

// normalRole trims a role and lowers its case; blank means a plain member.
func normalRole(role string) string {
	return cmp.Or(strings.ToLower(strings.TrimSpace(role)), string(member.Plain))
}

type updateOrgMember struct {
	ofMember
	OrganizationMemberUpdate
}

func (a *API) memberAt(ctx context.Context, id uuid.UUID) commands.MemberAt {
	me := memberOf(ctx)
	return commands.MemberAt{Organization: me.OrganizationID, ID: id, By: me}
}

func (a *API) updateOrgMember(ctx context.Context, in updateOrgMember) (projections.Member, error) {
	if !in.Role.Set {
		return a.showMember(ctx, memberOf(ctx).OrganizationID, in.MemberID, asOf{})
	}
	return a.Commands.Members.ChangeRole(ctx, a.memberAt(ctx, in.MemberID), member.Role(normalRole(*in.Role.Value)))
}

// OrganizationBoardAccessSpec opens one board.
type OrganizationBoardAccessSpec struct {
	BoardID  uuid.UUID `json:"board_id"`
	CanRead  bool      `json:"can_read" default:"true"`
	CanWrite bool      `json:"can_write" default:"false"`
}

// OrganizationMemberAccessUpdate is the body of a change of what a member may
// reach.
type OrganizationMemberAccessUpdate struct {
	AllBoardsRead  bool                          `json:"all_boards_read" default:"false"`
	AllBoardsWrite bool                          `json:"all_boards_write" default:"false"`
	BoardAccess    []OrganizationBoardAccessSpec `json:"board_access" default:"[]"`
}

type updateMemberAccess struct {
	ofMember
	OrganizationMemberAccessUpdate
}

func (a *API) updateMemberAccess(ctx context.Context, in updateMemberAccess) (projections.Member, error) {
	return a.Commands.Members.ChangeAccess(ctx, a.memberAt(ctx, in.MemberID), commands.Access{
		AllBoardsRead: in.AllBoardsRead, AllBoardsWrite: in.AllBoardsWrite, Boards: boardAccess(in.BoardAccess),
	})
}

func boardAccess(specs []OrganizationBoardAccessSpec) []commands.BoardAccess {
	access := make([]commands.BoardAccess, len(specs))
	for i, s := range specs {
		access[i] = commands.BoardAccess(s)
	}
	return access
}

func (a *API) removeOrgMember(ctx context.Context, in ofMember) (projections.Ok, error) {
	return projections.OK(), a.Commands.Members.Remove(ctx, a.memberAt(ctx, in.MemberID))
}
