package commands

import (
	"context"
	"fmt"

	"github.com/google/uuid"

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
	organizations eventstore.Aggregate[organization.Organization, organization.Event]
	members       eventstore.Aggregate[member.Member, member.Event]
	read          projections.Users
	memberships   projections.Members
}

// personalOrganization is what a person without any organization gets.
const personalOrganization = "Personal"

// Identity is a person as whoever vouches for it knows it.
type Identity struct {
	ID          string // unique and never reused
	Email, Name string
	Auth        string // how it was proved: local, clerk
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
		if id, err = u.register(ctx, who, hash); err != nil {
			return user.User{}, err
		}
	}
	person, err := u.users.Find(ctx, id)
	if err != nil {
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
	return Identity{ID: "local-auth-user", Email: "admin@home.local", Name: "Local User", Auth: "local"}
}

// register creates the user of an identity, unless somebody else just did.
func (u Users) register(ctx context.Context, who Identity, hash []byte) (uuid.UUID, error) {
	fresh, err := uuid.NewRandom()
	if err != nil {
		return uuid.Nil, fmt.Errorf("commands: draw a user id: %w", err)
	}
	if err := u.store.Vault().Ensure(ctx, fresh); err != nil {
		return uuid.Nil, err
	}
	id := fresh
	err = u.store.Do(asPerson(ctx, fresh, who.Auth), func(d *eventstore.Decision) error {
		known, err := u.read.OfIdentity(ctx, d, hash)
		if err != nil {
			return err
		}
		if id = known; id != uuid.Nil {
			return nil
		}
		id = fresh
		return u.users.New(d, uuid.Nil, fresh).Decide(user.Register{
			Identity: domain.Plain(fresh, who.ID), IdentityHash: hash,
			Email: domain.Plain(fresh, who.Email), Name: domain.Plain(fresh, who.Name),
		})
	})
	return id, err
}

// settled reports whether the person's active organization is one of its own.
func (u Users) settled(ctx context.Context, person user.User) (bool, error) {
	if person.ActiveOrganizationID == uuid.Nil {
		return false, nil
	}
	m, err := u.memberships.Of(ctx, nil, person.ActiveOrganizationID, person.ID)
	return m != nil, err
}

// settle makes the oldest membership the active one; a person without any
// founds an organization of its own.
func (u Users) settle(ctx context.Context, id uuid.UUID, auth string) error {
	ids, err := freshIDs(2)
	if err != nil {
		return err
	}
	org, membership := ids[0], ids[1]
	return u.store.Do(asPerson(ctx, id, auth), func(d *eventstore.Decision) error {
		oldest, err := u.memberships.Oldest(ctx, d, id)
		if err != nil {
			return err
		}
		if oldest != nil {
			return u.users.In(d, uuid.Nil, id).Decide(user.ActivateOrganization{ID: oldest.OrganizationID})
		}
		if err := u.organizations.New(d, org, org).Decide(organization.Create{Name: personalOrganization}); err != nil {
			return err
		}
		if err := u.members.New(d, org, membership).Decide(member.Join{
			UserID: id, Role: member.Owner, AllBoardsRead: true, AllBoardsWrite: true,
		}); err != nil {
			return err
		}
		return u.users.In(d, uuid.Nil, id).Decide(user.ActivateOrganization{ID: org})
	})
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
		if err := x.Decide(user.ChangeProfile{
			Name: owned(id, p.Name), PreferredName: owned(id, p.PreferredName), Pronouns: owned(id, p.Pronouns),
			Timezone: owned(id, p.Timezone), Notes: owned(id, p.Notes), Context: owned(id, p.Context),
		}); err != nil {
			return err
		}
		person, err := x.State()
		view = projections.ViewUser(person)
		d.Answer(view)
		return err
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

func freshIDs(n int) ([]uuid.UUID, error) {
	ids := make([]uuid.UUID, n)
	for i := range ids {
		var err error
		if ids[i], err = uuid.NewRandom(); err != nil {
			return nil, fmt.Errorf("commands: draw an id: %w", err)
		}
	}
	return ids, nil
}
