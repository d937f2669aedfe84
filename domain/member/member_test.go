package member_test

import (
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"missioncontrol/domain"
	"missioncontrol/domain/domaintest"
	"missioncontrol/domain/member"
)

var (
	members = domaintest.Aggregate[member.Member, member.Event]{Events: member.Events}
	person  = uuid.MustParse("00000000-0000-4000-8000-00000000000c")
	board1  = uuid.MustParse("00000000-0000-4000-8000-0000000000b1")
	board2  = uuid.MustParse("00000000-0000-4000-8000-0000000000b2")
)

func joined(role member.Role) member.Joined {
	return member.Joined{UserID: person, Role: role}
}

func grant(n byte, board uuid.UUID, write bool) member.Grant {
	return member.Grant{ID: uuid.UUID{15: n}, BoardID: board, CanRead: true, CanWrite: write}
}

func TestJoin(t *testing.T) {
	t.Parallel()
	e := joined(member.Admin)
	e.Grants = []member.Grant{grant(1, board1, false)}
	s := members.Given(t).When(member.Join(e)).Then(e).State()
	if !s.Exists() || s.UserID != person || s.OrganizationID != domaintest.Org || len(s.Access) != 1 || s.Access[0].CreatedAt != domaintest.Began {
		t.Errorf("%+v", s)
	}
	members.Given(t, e).When(member.Join(e)).ThenRefused(domain.Conflict)
}

func TestChangeRole(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		now    member.Role
		cmd    member.ChangeRole
		reason domain.Reason // "": decided
	}{
		"an admin makes a member an admin":      {member.Plain, member.ChangeRole{Role: member.Admin, By: member.Admin}, ""},
		"an admin makes nobody an owner":        {member.Plain, member.ChangeRole{Role: member.Owner, By: member.Admin}, domain.Forbidden},
		"an admin unmakes no owner":             {member.Owner, member.ChangeRole{Role: member.Plain, By: member.Admin, Owners: 2}, domain.Forbidden},
		"nobody raises itself":                  {member.Admin, member.ChangeRole{Role: member.Owner, By: member.Admin, Self: true}, domain.Forbidden},
		"anybody lowers itself":                 {member.Admin, member.ChangeRole{Role: member.Plain, By: member.Admin, Self: true}, ""},
		"an owner makes an owner":               {member.Plain, member.ChangeRole{Role: member.Owner, By: member.Owner, Owners: 1}, ""},
		"an owner steps down beside another":    {member.Owner, member.ChangeRole{Role: member.Admin, By: member.Owner, Self: true, Owners: 2}, ""},
		"the last owner does not":               {member.Owner, member.ChangeRole{Role: member.Admin, By: member.Owner, Self: true, Owners: 1}, domain.Invalid},
		"a role that it has is no change, ever": {member.Owner, member.ChangeRole{Role: member.Owner, By: member.Admin}, "nothing"},
	} {
		t.Run(name, func(t *testing.T) {
			o := members.Given(t, joined(c.now)).When(c.cmd)
			switch c.reason {
			case "":
				o.Then(member.RoleChanged{From: c.now, Role: c.cmd.Role})
			case "nothing":
				o.Then()
			default:
				o.ThenRefused(c.reason)
			}
		})
	}
	members.Given(t).When(member.ChangeRole{Role: member.Admin}).ThenRefused(domain.NotFound)
	members.Given(t, joined(member.Plain), member.Left{}).When(member.ChangeRole{Role: member.Admin}).ThenRefused(domain.NotFound)
}

func TestChangeAccess(t *testing.T) {
	t.Parallel()
	members.Given(t).When(member.ChangeAccess{}).ThenRefused(domain.NotFound)
	members.Given(t, joined(member.Owner)).When(member.ChangeAccess{By: member.Admin}).ThenRefused(domain.Forbidden)
	members.Given(t, joined(member.Plain)).When(member.ChangeAccess{By: member.Admin}).Then()

	one := member.ChangeAccess{By: member.Admin, Grants: []member.Grant{grant(1, board1, false)}}
	h := members.Given(t, joined(member.Plain)).When(one).Then(member.AccessChanged{Grants: one.Grants})
	h.When(one).Then()

	t.Run("a grant that stays keeps its id and beginning", func(t *testing.T) {
		more := member.ChangeAccess{By: member.Owner, Grants: []member.Grant{grant(7, board1, true), grant(8, board2, false)}}
		s := h.When(more).Then(member.AccessChanged{Grants: []member.Grant{grant(1, board1, true), grant(8, board2, false)}}).State()
		if a := s.Access[0]; !a.UpdatedAt.After(a.CreatedAt) {
			t.Errorf("%+v", a)
		}
	})
	t.Run("single grants fall away when all boards are open", func(t *testing.T) {
		h.When(member.ChangeAccess{AllBoardsRead: true, Grants: one.Grants}).Then(member.AccessChanged{AllBoardsRead: true, Grants: []member.Grant{}})
	})
}

func TestWiden(t *testing.T) {
	t.Parallel()
	members.Given(t).When(member.Widen{}).ThenRefused(domain.NotFound)
	members.Given(t, joined(member.Plain)).When(member.Widen{}).Then()
	members.Given(t, joined(member.Admin)).When(member.Widen{Role: member.Plain}).Then()
	members.Given(t, joined(member.Plain)).When(member.Widen{Role: member.Admin, AllBoardsWrite: true}).
		Then(member.RoleChanged{From: member.Plain, Role: member.Admin}, member.AccessChanged{AllBoardsRead: true, AllBoardsWrite: true, Grants: []member.Grant{}})
	write := grant(1, board1, true)
	write.CanRead = false
	h := members.Given(t, joined(member.Plain)).When(member.Widen{Grants: []member.Grant{write}}).
		Then(member.AccessChanged{Grants: []member.Grant{grant(1, board1, true)}})
	h.When(member.Widen{Grants: []member.Grant{grant(2, board1, false)}}).Then()
	h.When(member.Widen{Grants: []member.Grant{grant(2, board2, false)}}).
		Then(member.AccessChanged{Grants: []member.Grant{grant(1, board1, true), grant(2, board2, false)}})
}

func TestRemoveAndLeave(t *testing.T) {
	t.Parallel()
	members.Given(t).When(member.Remove{}).ThenRefused(domain.NotFound)
	members.Given(t, joined(member.Plain)).When(member.Remove{By: member.Owner, Self: true}).ThenRefused(domain.Forbidden)
	members.Given(t, joined(member.Owner)).When(member.Remove{By: member.Admin, Owners: 2}).ThenRefused(domain.Forbidden)
	members.Given(t, joined(member.Owner)).When(member.Remove{By: member.Owner, Owners: 1}).ThenRefused(domain.Invalid)
	gone := members.Given(t, joined(member.Plain)).When(member.Remove{By: member.Admin}).Then(member.Left{})
	if gone.State().Exists() {
		t.Error("the member is still there")
	}
	gone.When(member.Remove{By: member.Admin}).ThenRefused(domain.NotFound)
	gone.When(member.Leave{}).Then()
	members.Given(t).When(member.Leave{}).Then()
	members.Given(t, joined(member.Owner)).When(member.Leave{Owners: 1, Members: 2}).ThenRefused(domain.Invalid)
	members.Given(t, joined(member.Owner)).When(member.Leave{Owners: 1, Members: 1}).Then(member.Left{})
	members.Given(t, joined(member.Plain)).When(member.Leave{Owners: 1, Members: 2}).Then(member.Left{})
}

func commands() *rapid.Generator[domain.Command[member.Member, member.Event]] {
	roles := rapid.SampledFrom(member.Roles())
	grants := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) member.Grant {
		return member.Grant{
			ID: domaintest.IDs().Draw(t, "id"), BoardID: rapid.SampledFrom([]uuid.UUID{board1, board2}).Draw(t, "board"),
			CanRead: rapid.Bool().Draw(t, "read"), CanWrite: rapid.Bool().Draw(t, "write"),
		}
	}), 0, 3)
	return rapid.Custom(func(t *rapid.T) domain.Command[member.Member, member.Event] {
		role, yes := roles.Draw(t, "role"), rapid.Bool().Draw(t, "yes")
		owners, list := rapid.IntRange(0, 2).Draw(t, "owners"), grants.Draw(t, "grants")
		switch rapid.IntRange(0, 7).Draw(t, "command") {
		case 0, 1:
			return member.Join{UserID: person, Role: role, AllBoardsRead: yes, Grants: list}
		case 2:
			return member.ChangeRole{Role: role, By: roles.Draw(t, "by"), Self: yes, Owners: owners}
		case 3, 4:
			return member.ChangeAccess{AllBoardsRead: yes, Grants: list, By: role}
		case 5:
			return member.Widen{Role: role, AllBoardsWrite: yes, Grants: list}
		case 6:
			return member.Remove{By: role, Self: yes, Owners: owners}
		default:
			return member.Leave{Owners: owners, Members: owners}
		}
	})
}

func TestAnySequence(t *testing.T) {
	t.Parallel()
	members.Property(t, commands())
}
