package user

import (
	"github.com/google/uuid"

	"missioncontrol/domain"
)

// Event is something that happened to a user.
//
//sumtype:decl
type Event interface{ isUserEvent() }

type (
	// Registered: a person was seen for the first time.
	Registered struct {
		Identity     domain.Personal `json:"identity"`      // id at whoever vouches for the person
		IdentityHash []byte          `json:"identity_hash"` // keyed hash of it, for finding
		Mail
		Name domain.Personal `json:"name,omitzero"`
	}
	// MailChanged: whoever vouches for the person knows another email, or
	// more about it.
	MailChanged struct{ Mail }
	// ProfileChanged: the person said something else about itself. A field
	// that is absent did not change.
	ProfileChanged struct {
		Name          domain.Optional[domain.Personal] `json:"name,omitzero"`
		PreferredName domain.Optional[domain.Personal] `json:"preferred_name,omitzero"`
		Pronouns      domain.Optional[domain.Personal] `json:"pronouns,omitzero"`
		Timezone      domain.Optional[domain.Personal] `json:"timezone,omitzero"`
		Notes         domain.Optional[domain.Personal] `json:"notes,omitzero"`
		Context       domain.Optional[domain.Personal] `json:"context,omitzero"`
	}
	// OrganizationActivated: the person works in another organization now.
	OrganizationActivated struct {
		OrganizationID uuid.UUID `json:"organization_id"`
	}
	// Erased: the person is gone, and the key of everything personal with it.
	Erased struct {
		IdentityHash []byte `json:"identity_hash"`
		EmailHash    []byte `json:"email_hash"`
		// Identity tells whoever vouched for the person to forget it, too. Its
		// key is a Departure, deleted once they did.
		Identity domain.Personal `json:"identity,omitzero"`
	}
)

// Mail is a person's email.
type Mail struct {
	Email         domain.Personal `json:"email,omitzero"`
	EmailHash     []byte          `json:"email_hash,omitzero"` // keyed hash of it, for finding
	EmailVerified bool            `json:"email_verified,omitzero"`
}

func (Registered) isUserEvent()            {}
func (MailChanged) isUserEvent()           {}
func (Erased) isUserEvent()                {}
func (ProfileChanged) isUserEvent()        {}
func (OrganizationActivated) isUserEvent() {}

// Events names every event as it is stored.
var Events = map[string]Event{
	"user.registered":             Registered{},
	"user.profile_changed":        ProfileChanged{},
	"user.mail_changed":           MailChanged{},
	"user.organization_activated": OrganizationActivated{},
	"person.erased":               Erased{},
}
