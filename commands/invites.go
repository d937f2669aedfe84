package commands

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"strings"

	"github.com/google/uuid"

	"missioncontrol/domain"
	"missioncontrol/domain/invite"
	"missioncontrol/domain/member"
	"missioncontrol/domain/user"
	"missioncontrol/eventstore"
	"missioncontrol/projections"
)

// Invites are the use cases of invitations into organizations.
type Invites struct {
	store       *eventstore.Store
	invites     eventstore.Aggregate[invite.Invite, invite.Event]
	members     eventstore.Aggregate[member.Member, member.Event]
	users       eventstore.Aggregate[user.User, user.Event]
	read        projections.Invites
	memberships projections.Members
	boards      projections.Boards
}

// inviteSecret keeps tokens of invites apart from other secrets.
const inviteSecret = "invite"

// emailHash is the keyed hash by which an email is found.
func emailHash(store *eventstore.Store, email string) []byte {
	email = strings.ToLower(strings.TrimSpace(email))
	if email == "" {
		return nil
	}
	return store.Vault().Find("email", email)
}

// NewInvite says who is invited, as what, and to which boards.
type NewInvite struct {
	Email string
	Role  string
	Access
}

// Create invites somebody into the organization of by.
func (i Invites) Create(ctx context.Context, by *projections.MemberRow, n NewInvite) (projections.Invite, error) {
	email := strings.ToLower(strings.TrimSpace(n.Email))
	if email == "" {
		return projections.Invite{}, domain.Bare(domain.Invalid)
	}
	id, token, hash := uuid.New(), newInviteToken(), emailHash(i.store, email)
	if err := i.store.Vault().Ensure(ctx, id); err != nil {
		return projections.Invite{}, err
	}
	if err := i.store.Vault().PutSecret(ctx, inviteSecret, id, token); err != nil {
		return projections.Invite{}, err
	}
	var view projections.Invite
	about(ctx, id)
	err := i.store.Do(ctx, func(d *eventstore.Decision) error {
		by, err := acting(ctx, d, i.memberships, by)
		if err != nil {
			return err
		}
		c := invite.Create{ByOwner: by.Role == member.Owner, Created: invite.Created{
			Email: domain.Plain(id, email), EmailHash: hash, Role: n.Role,
			AllBoardsRead: n.AllBoardsRead, AllBoardsWrite: n.AllBoardsWrite, Grants: inviteGrants(n.Boards),
			CreatedByUserID: by.UserID, ExpiresAt: d.Now().Add(invite.Lifetime),
		}}
		if err := theirBoards(ctx, d, i.boards, by.OrganizationID, n.Boards); err != nil {
			return err
		}
		if c.AlreadyMember, err = i.memberships.WithEmail(ctx, d, by.OrganizationID, hash); err != nil {
			return err
		}
		if c.Pending, err = i.read.Pending(ctx, d, by.OrganizationID, hash); err != nil {
			return err
		}
		return carryOut(d, i.invites.New(d, by.OrganizationID, id), c, &view, func(made invite.Invite) projections.Invite {
			return projections.ViewInvite(made, token)
		})
	})
	if notMade(err) {
		if dropped := i.store.Vault().DropSecrets(ctx, id); dropped != nil {
			return view, dropped
		}
	}
	return view, err
}

func inviteGrants(boards []BoardAccess) []invite.Grant {
	grants := []invite.Grant{}
	for _, b := range boards {
		grants = append(grants, invite.Grant(b))
	}
	return grants
}

// newInviteToken returns 24 random bytes in 32 characters.
func newInviteToken() string {
	var b [24]byte
	_, _ = rand.Read(b[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// Revoke ends a pending invite and shows it for the last time.
func (i Invites) Revoke(ctx context.Context, org, id uuid.UUID) (projections.Invite, error) {
	tokens, err := i.store.Vault().Secrets(ctx, []uuid.UUID{id})
	if err != nil {
		return projections.Invite{}, err
	}
	var view projections.Invite
	about(ctx, id)
	err = i.store.Do(ctx, func(d *eventstore.Decision) error {
		x := i.invites.In(d, org, id)
		before, err := x.State()
		if err != nil {
			return err
		}
		if before.OrganizationID != org {
			return domain.Bare(domain.NotFound)
		}
		email, err := i.store.Vault().OpenValue(ctx, before.Email)
		if err != nil {
			return err
		}
		view = projections.ViewInvite(before, tokens[id])
		view.InvitedEmail = projections.Opened(email) // its key goes with the invite
		d.Answer(view)
		return x.Decide(invite.Revoke{Now: d.Now()})
	})
	return view, err
}

// Accept makes the person who holds a token, and owns the invited email, a
// member.
func (i Invites) Accept(ctx context.Context, person uuid.UUID, token string) (projections.Member, error) {
	id, err := i.store.Vault().FindSecret(ctx, inviteSecret, strings.TrimSpace(token))
	if err != nil {
		return projections.Member{}, err
	}
	if id == uuid.Nil {
		return projections.Member{}, domain.Bare(domain.NotFound)
	}
	var view projections.Member
	err = i.store.Do(ctx, func(d *eventstore.Decision) error {
		joined, err := i.accept(ctx, d, person, id)
		if err != nil {
			return err
		}
		who, err := projections.Users(i.memberships).Row(ctx, person)
		if err != nil {
			return err
		}
		view, err = i.memberships.Show(ctx, joined, who)
		d.Answer(view)
		return err
	})
	return view, err
}

// accept decides an acceptance: the invite is used, the person joins or its
// membership widens, and works in the organization if it had none.
func (i Invites) accept(ctx context.Context, d *eventstore.Decision, person, id uuid.UUID) (member.Member, error) {
	var none member.Member
	open, err := i.invites.Find(ctx, id)
	if err != nil {
		return none, err
	}
	org := open.OrganizationID
	exists, err := projections.Organizations(i.read).Exist(ctx, d, org)
	if err != nil {
		return none, err
	}
	if !exists {
		return none, domain.Bare(domain.NotFound)
	}
	u := i.users.In(d, uuid.Nil, person)
	who, err := u.State()
	if err != nil {
		return none, err
	}
	x := i.invites.In(d, org, id)
	if err := x.Decide(invite.Accept{UserID: person, EmailHash: who.VerifiedEmail(), Now: d.Now()}); err != nil {
		return none, err
	}
	if who.ActiveOrganizationID == uuid.Nil {
		if err := u.Decide(user.ActivateOrganization{ID: org}); err != nil {
			return none, err
		}
	}
	return i.join(ctx, d, person, open)
}

func (i Invites) join(ctx context.Context, d *eventstore.Decision, person uuid.UUID, open invite.Invite) (member.Member, error) {
	boards := make([]BoardAccess, len(open.Grants))
	for n, g := range open.Grants {
		boards[n] = BoardAccess(g)
	}
	grants := grantsOf(boards)
	present, err := i.memberships.Of(ctx, d, open.OrganizationID, person)
	if err != nil {
		return member.Member{}, err
	}
	if present != nil {
		x := i.members.In(d, open.OrganizationID, present.ID)
		if err := x.Decide(member.Widen{
			Role: member.Role(open.Role), AllBoardsRead: open.AllBoardsRead, AllBoardsWrite: open.AllBoardsWrite, Grants: grants,
		}); err != nil {
			return member.Member{}, err
		}
		return x.State()
	}
	x := i.members.New(d, open.OrganizationID, uuid.New())
	if err := x.Decide(member.Join{
		UserID: person, Role: member.Role(open.Role), AllBoardsRead: open.AllBoardsRead, AllBoardsWrite: open.AllBoardsWrite,
		Grants: grants, InviteID: &open.ID,
	}); err != nil {
		return member.Member{}, err
	}
	return x.State()
}

// revokeOf ends the open invites of a person into an organization.
func (i Invites) revokeOf(ctx context.Context, d *eventstore.Decision, org, person uuid.UUID) error {
	who, err := i.users.Find(ctx, person)
	if err != nil || who.EmailHash == nil {
		return err
	}
	pending, err := i.read.PendingFor(ctx, d, org, who.EmailHash)
	if err != nil {
		return err
	}
	for _, id := range pending {
		if err := i.invites.In(d, org, id).Decide(invite.Revoke{Now: d.Now()}); err != nil {
			return err
		}
	}
	return nil
}
