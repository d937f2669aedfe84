package invite_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"missioncontrol/domain"
	"missioncontrol/domain/domaintest"
	"missioncontrol/domain/invite"
)

var (
	invites = domaintest.Aggregate[invite.Invite, invite.Event]{Events: invite.Events}
	person  = uuid.MustParse("00000000-0000-4000-8000-00000000000c")
	board   = uuid.MustParse("00000000-0000-4000-8000-0000000000b1")
	hash    = []byte{1, 2, 3}
	now     = domaintest.Began.Add(time.Hour)
	created = invite.Created{
		Email: domain.Plain(domaintest.Stream, "ada@example.org"), EmailHash: hash, Role: "member",
		Grants: []invite.Grant{}, CreatedByUserID: person, ExpiresAt: domaintest.Began.Add(invite.Lifetime),
	}
)

func TestCreate(t *testing.T) {
	t.Parallel()
	s := invites.Given(t).When(invite.Create{Created: created}).Then(created).State()
	if !s.Pending(now) || s.Pending(created.ExpiresAt) || s.Email.Sealed == "" {
		t.Errorf("%+v", s)
	}
	invites.Given(t, created).When(invite.Create{Created: created}).ThenRefused(domain.Conflict)
	invites.Given(t).When(invite.Create{Created: created, AlreadyMember: true}).ThenRefused(domain.Conflict)
	invites.Given(t).When(invite.Create{Created: created, Pending: true}).ThenRefused(domain.Conflict)

	owner := created
	owner.Role = "owner"
	invites.Given(t).When(invite.Create{Created: owner}).ThenRefused(domain.Forbidden)
	invites.Given(t).When(invite.Create{Created: owner, ByOwner: true}).Then(owner)

	open := created
	open.AllBoardsRead, open.Grants = true, []invite.Grant{{BoardID: board, CanRead: true}}
	want := open
	want.Grants = []invite.Grant{}
	invites.Given(t).When(invite.Create{Created: open}).Then(want)
}

func TestAccept(t *testing.T) {
	t.Parallel()
	mine := invite.Accept{UserID: person, EmailHash: hash, Now: now}
	invites.Given(t).When(mine).ThenRefused(domain.NotFound)
	h := invites.Given(t, created).When(mine).Then(invite.Accepted{UserID: person, EmailHash: hash})
	h.When(mine).ThenRefused(domain.NotFound)
	h.When(invite.Revoke{}).ThenRefused(domain.NotFound)
	for _, other := range [][]byte{nil, {}, {9}} {
		invites.Given(t, created).When(invite.Accept{UserID: person, EmailHash: other, Now: now}).ThenRefused(domain.Forbidden)
	}
	late := mine
	late.Now = created.ExpiresAt
	invites.Given(t, created).When(late).ThenRefused(domain.NotFound)
}

func TestRevoke(t *testing.T) {
	t.Parallel()
	invites.Given(t).When(invite.Revoke{Now: now}).ThenRefused(domain.NotFound)
	h := invites.Given(t, created).When(invite.Revoke{Now: created.ExpiresAt}).Then(invite.Revoked{EmailHash: hash})
	h.When(invite.Revoke{Now: now}).ThenRefused(domain.NotFound)
	h.When(invite.Accept{UserID: person, EmailHash: hash, Now: now}).ThenRefused(domain.NotFound)
}

func TestAnySequence(t *testing.T) {
	t.Parallel()
	hashes := rapid.SampledFrom([][]byte{nil, {}, hash, {9}})
	invites.Property(t, rapid.Custom(func(t *rapid.T) domain.Command[invite.Invite, invite.Event] {
		switch rapid.IntRange(0, 3).Draw(t, "command") {
		case 0, 1:
			c := invite.Create{ByOwner: rapid.Bool().Draw(t, "by owner"), Pending: rapid.Bool().Draw(t, "pending")}
			c.Created.Email, c.Created.EmailHash = domaintest.People().Draw(t, "email"), hashes.Draw(t, "hash")
			c.Created.Role, c.Created.AllBoardsRead = rapid.SampledFrom([]string{"member", "owner"}).Draw(t, "role"), rapid.Bool().Draw(t, "all")
			if rapid.Bool().Draw(t, "granted") {
				c.Created.Grants = []invite.Grant{{BoardID: board}}
			}
			c.Created.ExpiresAt = domaintest.Times().Draw(t, "expires")
			return c
		case 2:
			return invite.Accept{UserID: person, EmailHash: hashes.Draw(t, "hash"), Now: domaintest.Times().Draw(t, "now")}
		default:
			return invite.Revoke{Now: domaintest.Times().Draw(t, "now")}
		}
	}))
}
