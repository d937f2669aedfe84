package projections

import (
	"context"
	"encoding/hex"
	"time"

	"github.com/google/uuid"

	"missioncontrol/domain"
	"missioncontrol/domain/user"
	"missioncontrol/eventstore"
)

// UserRow maps a user's state; personal values are sealed.
type UserRow struct {
	ID                   uuid.UUID  `db:"id"`
	Identity             string     `db:"identity"`
	IdentityHash         []byte     `db:"identity_hash"`
	Email                *string    `db:"email"`
	EmailHash            []byte     `db:"email_hash"`
	EmailVerified        bool       `db:"email_verified"`
	Name                 *string    `db:"name"`
	PreferredName        *string    `db:"preferred_name"`
	Pronouns             *string    `db:"pronouns"`
	Timezone             *string    `db:"timezone"`
	Notes                *string    `db:"notes"`
	Context              *string    `db:"context"`
	ActiveOrganizationID *uuid.UUID `db:"active_organization_id"`
	CreatedAt            time.Time  `db:"created_at"`
	UpdatedAt            time.Time  `db:"updated_at"`
}

var usersTable = eventstore.TableOf[UserRow]("users", "id")

func userRow(u user.User) UserRow {
	row := UserRow{
		ID: u.ID, Identity: u.Identity.Located(), IdentityHash: u.IdentityHash, Email: located(u.Email),
		EmailHash: u.EmailHash, EmailVerified: u.EmailVerified, Name: located(u.Name),
		PreferredName: located(u.PreferredName), Pronouns: located(u.Pronouns), Timezone: located(u.Timezone),
		Notes: located(u.Notes), Context: located(u.Context), CreatedAt: u.CreatedAt, UpdatedAt: u.UpdatedAt,
	}
	if u.ActiveOrganizationID != uuid.Nil {
		row.ActiveOrganizationID = &u.ActiveOrganizationID
	}
	return row
}

// User is a person as callers see it.
type User struct {
	ClerkUserID   Personal  `json:"clerk_user_id"`
	Email         *Personal `json:"email"`
	Name          *Personal `json:"name"`
	PreferredName *Personal `json:"preferred_name"`
	Pronouns      *Personal `json:"pronouns"`
	Timezone      *Personal `json:"timezone"`
	Notes         *Personal `json:"notes"`
	Context       *Personal `json:"context"`
	ID            uuid.UUID `json:"id"`
	IsSuperAdmin  bool      `json:"is_super_admin"`
}

// ViewUser shows a user.
func ViewUser(u user.User) User { return viewUser(userRow(u)) }

func viewUser(r UserRow) User {
	return User{
		ClerkUserID: Personal(r.Identity), Email: personal(r.Email), Name: personal(r.Name),
		PreferredName: personal(r.PreferredName), Pronouns: personal(r.Pronouns), Timezone: personal(r.Timezone),
		Notes: personal(r.Notes), Context: personal(r.Context), ID: r.ID,
	}
}

// Users finds people.
type Users struct{ Reader }

// Row returns a user's row as the database has it now, nil if there is none.
func (u Users) Row(ctx context.Context, id uuid.UUID) (*UserRow, error) {
	return find[UserRow](ctx, u.DB, usersTable, "id = $1", id)
}

// Read returns a user as the database has it now, nil if there is none.
func (u Users) Read(ctx context.Context, id uuid.UUID) (*User, error) {
	row, err := u.Row(ctx, id)
	if row == nil {
		return nil, err
	}
	view := viewUser(*row)
	return &view, nil
}

// IdentityKey names the fact whose user an identity is.
func IdentityKey(hash []byte) domain.Key {
	return eventstore.Key(uuid.Nil, "identity/"+hex.EncodeToString(hash))
}

// OfIdentity returns the id of the user with an identity, Nil if there is none.
func (u Users) OfIdentity(ctx context.Context, d *eventstore.Decision, hash []byte) (uuid.UUID, error) {
	return eventstore.LookAt(ctx, u.Store, d, IdentityKey(hash), "user", func(ctx context.Context) (uuid.UUID, error) {
		row, err := find[UserRow](ctx, u.DB, usersTable, "identity_hash = $1", hash)
		if row == nil {
			return uuid.Nil, err
		}
		return row.ID, nil
	})
}
