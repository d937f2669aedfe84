// Package user decides what may happen to a person who signs in.
package user

import (
	"bytes"
	"time"

	"github.com/google/uuid"

	"missioncontrol/domain"
)

// User is a person. The zero User has never signed in.
type User struct {
	ID           uuid.UUID
	Identity     domain.Personal
	IdentityHash []byte
	Mail
	Name                 domain.Personal
	PreferredName        domain.Personal
	Pronouns, Timezone   domain.Personal
	Notes, Context       domain.Personal
	ActiveOrganizationID uuid.UUID // Nil: none
	CreatedAt, UpdatedAt time.Time
	Erased               bool
}

// Exists reports whether the person can be worked with.
func (u User) Exists() bool { return u.ID != uuid.Nil && !u.Erased }

// VerifiedEmail returns the keyed hash of an email that the person is known
// to own, nil without one.
func (u User) VerifiedEmail() []byte {
	if !u.EmailVerified || !u.Exists() {
		return nil
	}
	return u.EmailHash
}

// Evolve returns the user after e.
func (u User) Evolve(m domain.Meta, e Event) User {
	u.UpdatedAt = m.Time
	switch e := e.(type) {
	case Registered:
		u.ID, u.CreatedAt = m.Stream, m.Time
		u.Identity, u.IdentityHash, u.Mail, u.Name = e.Identity, e.IdentityHash, e.Mail, e.Name
	case MailChanged:
		u.Mail = e.Mail
	case ProfileChanged:
		change(&u.Name, e.Name)
		change(&u.PreferredName, e.PreferredName)
		change(&u.Pronouns, e.Pronouns)
		change(&u.Timezone, e.Timezone)
		change(&u.Notes, e.Notes)
		change(&u.Context, e.Context)
	case OrganizationActivated:
		u.ActiveOrganizationID = e.OrganizationID
	case Erased:
		u.Erased = true
	}
	return u
}

func change(value *domain.Personal, to domain.Optional[domain.Personal]) {
	if !to.Set {
		return
	}
	*value = domain.Personal{}
	if to.Value != nil {
		*value = *to.Value
	}
}

// Register creates the user of an identity that nobody has yet.
type Register Registered

// Decide refuses an identity that is known: its user exists.
func (c Register) Decide(u User) ([]Event, error) {
	if u.ID != uuid.Nil {
		return nil, domain.Bare(domain.Conflict)
	}
	return []Event{Registered(c)}, nil
}

// ChangeProfile changes what a person says about itself.
type ChangeProfile ProfileChanged

// Decide records the fields that are given; none is no change.
func (c ChangeProfile) Decide(u User) ([]Event, error) {
	if !u.Exists() {
		return nil, domain.Bare(domain.NotFound)
	}
	if c == (ChangeProfile{}) {
		return nil, nil
	}
	return []Event{ProfileChanged(c)}, nil
}

// ActivateOrganization chooses the organization that a person works in.
type ActivateOrganization struct{ ID uuid.UUID }

// Decide records the choice unless it is the current one.
func (c ActivateOrganization) Decide(u User) ([]Event, error) {
	if !u.Exists() {
		return nil, domain.Bare(domain.NotFound)
	}
	if u.ActiveOrganizationID == c.ID {
		return nil, nil
	}
	return []Event{OrganizationActivated{c.ID}}, nil
}

// ChangeMail takes over what whoever vouches for the person says.
type ChangeMail Mail

// Decide records what is new.
func (c ChangeMail) Decide(u User) ([]Event, error) {
	if !u.Exists() {
		return nil, domain.Bare(domain.NotFound)
	}
	if bytes.Equal(c.EmailHash, u.EmailHash) && c.EmailVerified == u.EmailVerified {
		return nil, nil // concurrent logins all bring the news
	}
	return []Event{MailChanged{Mail(c)}}, nil
}

// departures is the namespace of the keys that outlive people for a while.
var departures = uuid.MustParse("0d6f4c52-7a0b-4d55-9a37-51b8c2f0ad07")

// Departure is the id of the key that seals the identity of a person who is
// gone until whoever vouched for it was told.
func Departure(person uuid.UUID) uuid.UUID { return uuid.NewSHA1(departures, person[:]) }

// Erase ends a person's account.
type Erase struct {
	Identity string // of the person, as whoever vouches for it knows it
}

// Decide ends it once.
func (c Erase) Decide(u User) ([]Event, error) {
	if !u.Exists() {
		return nil, domain.Bare(domain.NotFound)
	}
	return []Event{Erased{u.IdentityHash, u.EmailHash, domain.Plain(Departure(u.ID), c.Identity)}}, nil
}
