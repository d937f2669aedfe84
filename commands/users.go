package commands

import (
	"bytes"
	"cmp"
	"context"
	"errors"

	"github.com/google/uuid"

	"missioncontrol/auth"
	"missioncontrol/domain"
	"missioncontrol/domain/member"
	"missioncontrol/domain/organization"
	"missioncontrol/domain/user"
	"missioncontrol/eventstore"
	"missioncontrol/projections"
)

// Users are the use cases of people.
type Users struct {
	store         *eventstore.Store
	users         eventstore.Aggregate[user.User, user.Event]
	organizations Organizations
	members       eventstore.Aggregate[member.Member, member.Event]
	invites       Invites
	read          projections.Users
	memberships   projections.Members
	asked         *lately // for whom a profile was asked
}

// personalOrganization is what a person without any organization gets.
const personalOrganization = "Personal"

// Identity is a person as whoever vouches for it knows it.
type Identity struct {
	ID            string // unique and never reused
	Email, Name   string // "" if unknown
	EmailVerified bool
	Auth          string // how it was proved: local, clerk

	// Profile asks whoever vouches for the person for what is still missing.
	// Nil: there is nobody to ask.
	Profile func(context.Context) (Vouched, error)
}

// Vouched is what somebody knows of a person.
type Vouched struct {
	Email         string
	EmailVerified bool
	Name          string
}

// completed is the identity with what its profile adds; a profile beats what
// the token says. That nobody answers is no reason to turn the person away.
func (who Identity) completed(ctx context.Context) Identity {
	if who.Profile == nil {
		return who
	}
	p, err := who.Profile(ctx)
	if err != nil {
		return who
	}
	if p.Email != "" {
		who.Email, who.EmailVerified = p.Email, p.EmailVerified
	}
	who.Name = cmp.Or(p.Name, who.Name)
	return who
}

// SignIn returns the user of a proved identity. At the first login it
// registers the person; it sees to it that the person works in an
// organization, if need be one of its own. Repeated calls cost no statement.
func (u Users) SignIn(ctx context.Context, who Identity) (user.User, error) {
	hash := u.store.Vault().Find("identity", who.ID)
	id, err := u.read.OfIdentity(ctx, nil, hash)
	if err != nil {
		return user.User{}, err
	}
	if id == uuid.Nil {
		if id, err = u.register(ctx, who.completed(ctx), hash); err != nil {
			return user.User{}, err
		}
	}
	person, err := u.users.Find(ctx, id)
	if err != nil {
		return user.User{}, err
	}
	if err := u.sync(ctx, person, who); err != nil {
		return user.User{}, err
	}
	settled, err := u.settled(ctx, person)
	if err != nil || settled {
		return person, err
	}
	if err := u.settle(ctx, id, who.Auth); err != nil {
		return user.User{}, err
	}
	return u.users.Find(ctx, id)
}

// LocalIdentity is the one person of local mode.
func LocalIdentity() Identity {
	return Identity{ID: "local-auth-user", Email: "admin@home.local", EmailVerified: true, Name: "Local User", Auth: auth.LocalAuth}
}

// register creates the user of an identity, unless somebody else just did.
func (u Users) register(ctx context.Context, who Identity, hash []byte) (uuid.UUID, error) {
	fresh := uuid.New()
	if err := u.store.Vault().Ensure(ctx, fresh); err != nil {
		return uuid.Nil, err
	}
	id := fresh
	err := u.store.Do(asPerson(ctx, fresh, who.Auth), func(d *eventstore.Decision) error {
		known, err := u.read.OfIdentity(ctx, d, hash)
		if err != nil {
			return err
		}
		if id = known; id != uuid.Nil {
			return nil
		}
		id = fresh
		return u.users.New(d, uuid.Nil, fresh).Decide(user.Register{
			Identity: domain.Plain(fresh, who.ID), IdentityHash: hash, Mail: u.mail(fresh, who), Name: plainOrNone(fresh, who.Name),
		})
	})
	return id, err
}

// mail is what an identity says of the person's email.
func (u Users) mail(owner uuid.UUID, who Identity) user.Mail {
	return user.Mail{
		Email: plainOrNone(owner, who.Email), EmailHash: emailHash(u.store, who.Email),
		EmailVerified: who.Email != "" && who.EmailVerified,
	}
}

func plainOrNone(owner uuid.UUID, text string) domain.Personal {
	if text == "" {
		return domain.Personal{}
	}
	return domain.Plain(owner, text)
}

// sync takes over what whoever vouches for the person says now: another email,
// or a name where there is none.
func (u Users) sync(ctx context.Context, person user.User, who Identity) error {
	if (person.Email.IsZero() || person.Name.IsZero()) && u.asked.due(person.ID, u.store.Now()) {
		who = who.completed(ctx)
	}
	mail := u.mail(person.ID, who)
	newMail := who.Email != "" && (!bytes.Equal(mail.EmailHash, person.EmailHash) || (mail.EmailVerified && !person.EmailVerified))
	newName := who.Name != "" && person.Name.IsZero()
	if !newMail && !newName {
		return nil
	}
	if err := u.store.Vault().Ensure(ctx, person.ID); err != nil {
		return err
	}
	return u.store.Do(asPerson(ctx, person.ID, who.Auth), func(d *eventstore.Decision) error {
		x := u.users.In(d, uuid.Nil, person.ID)
		if newMail {
			if err := x.Decide(user.ChangeMail(mail)); err != nil {
				return err
			}
		}
		if now, err := x.State(); err != nil || !newName || !now.Name.IsZero() {
			return err
		}
		return x.Decide(user.ChangeProfile{Name: domain.Some(domain.Plain(person.ID, who.Name))})
	})
}

// settled reports whether the person's active organization is one of its own.
func (u Users) settled(ctx context.Context, person user.User) (bool, error) {
	if person.ActiveOrganizationID == uuid.Nil {
		return false, nil
	}
	m, err := u.memberships.Of(ctx, nil, person.ActiveOrganizationID, person.ID)
	return m != nil, err
}

// settle makes the oldest membership the active one. A person without any
// accepts the oldest invite of its verified email, or founds an organization of
// its own.
func (u Users) settle(ctx context.Context, id uuid.UUID, auth string) error {
	org, membership := uuid.New(), uuid.New()
	return u.store.Do(asPerson(ctx, id, auth), func(d *eventstore.Decision) error {
		memberships, err := u.memberships.OfUser(ctx, d, id)
		if err != nil {
			return err
		}
		x := u.users.In(d, uuid.Nil, id)
		if len(memberships) > 0 {
			return x.Decide(user.ActivateOrganization{ID: memberships[0].OrganizationID})
		}
		invited, err := u.acceptOldest(ctx, d, x)
		if err != nil || invited {
			return err
		}
		if err := u.organizations.organizations.New(d, org, org).Decide(organization.Create{Name: personalOrganization}); err != nil {
			return err
		}
		if err := u.members.New(d, org, membership).Decide(ownership(id)); err != nil {
			return err
		}
		return x.Decide(user.ActivateOrganization{ID: org})
	})
}

// acceptOldest accepts the oldest open invite of the person's verified email.
func (u Users) acceptOldest(ctx context.Context, d *eventstore.Decision, x *eventstore.Stream[user.User, user.Event]) (bool, error) {
	person, err := x.State()
	if err != nil || person.VerifiedEmail() == nil {
		return false, err
	}
	open, err := u.invites.read.OldestFor(ctx, d, person.VerifiedEmail())
	if err != nil || open == nil {
		return false, err
	}
	if _, err := u.invites.accept(ctx, d, person.ID, open.ID); err != nil {
		return false, err
	}
	return true, x.Decide(user.ActivateOrganization{ID: open.OrganizationID})
}

// Delete ends a person's account: it leaves its organizations, those that it
// was alone in end, and everything personal is erased.
func (u Users) Delete(ctx context.Context, id uuid.UUID) error {
	if err := u.store.Vault().Ensure(ctx, user.Departure(id)); err != nil && !errors.Is(err, eventstore.ErrErased) {
		return err // gone and told already: a repeat gets its old answer
	}
	return u.store.Do(ctx, func(d *eventstore.Decision) error {
		memberships, err := u.memberships.OfUser(ctx, d, id)
		if err != nil {
			return err
		}
		for _, m := range memberships {
			counts, err := u.memberships.Count(ctx, d, m.OrganizationID)
			if err != nil {
				return err
			}
			if err := u.members.In(d, m.OrganizationID, m.ID).Decide(member.Leave{Owners: counts.Owners, Members: counts.Members}); err != nil {
				return err
			}
			if counts.Members > 1 {
				continue
			}
			if err := deleteOrganization(ctx, d, u.organizations, m.OrganizationID); err != nil {
				return err
			}
		}
		d.Answer(projections.OK())
		return u.erase(ctx, d, id)
	})
}

func (u Users) erase(ctx context.Context, d *eventstore.Decision, id uuid.UUID) error {
	x := u.users.In(d, uuid.Nil, id)
	person, err := x.State()
	if err != nil {
		return err
	}
	identity, err := u.store.Vault().OpenValue(ctx, person.Identity)
	if err != nil {
		return err
	}
	return x.Decide(user.Erase{Identity: identity})
}

// Profile is what a person may say about itself; absent fields stay.
type Profile struct {
	Name, PreferredName, Pronouns, Timezone, Notes, Context domain.Optional[string]
}

// ChangeProfile changes what a person says about itself.
func (u Users) ChangeProfile(ctx context.Context, id uuid.UUID, p Profile) (projections.User, error) {
	if err := u.store.Vault().Ensure(ctx, id); err != nil {
		return projections.User{}, err
	}
	var view projections.User
	err := u.users.Execute(ctx, uuid.Nil, id, func(d *eventstore.Decision, x *eventstore.Stream[user.User, user.Event]) error {
		return carryOut(d, x, user.ChangeProfile{
			Name: owned(id, p.Name), PreferredName: owned(id, p.PreferredName), Pronouns: owned(id, p.Pronouns),
			Timezone: owned(id, p.Timezone), Notes: owned(id, p.Notes), Context: owned(id, p.Context),
		}, &view, projections.ViewUser)
	})
	return view, err
}

// owned makes a value personal.
func owned(owner uuid.UUID, o domain.Optional[string]) domain.Optional[domain.Personal] {
	if !o.Set {
		return domain.Optional[domain.Personal]{}
	}
	if o.Value == nil {
		return domain.Null[domain.Personal]()
	}
	return domain.Some(domain.Plain(owner, *o.Value))
}

// asPerson decides on behalf of a person that has just proved its identity:
// the request's own command is for what it asks, not for its login.
func asPerson(ctx context.Context, id uuid.UUID, auth string) context.Context {
	c := *eventstore.CommandFrom(ctx)
	c.Actor = domain.Actor{Type: domain.User, ID: id, Auth: auth}
	c.Person, c.Authorize, c.Idempotency = id, nil, nil
	return eventstore.WithCommand(ctx, &c)
}
