package projections

import (
	"context"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/google/uuid"

	"missioncontrol/domain"
	"missioncontrol/domain/invite"
	"missioncontrol/eventstore"
)

// InviteRow maps an invite's state; its email is sealed.
type InviteRow struct {
	ID               uuid.UUID  `db:"id"`
	OrganizationID   uuid.UUID  `db:"organization_id"`
	Email            string     `db:"email"`
	EmailHash        []byte     `db:"email_hash"`
	Role             string     `db:"role"`
	AllBoardsRead    bool       `db:"all_boards_read"`
	AllBoardsWrite   bool       `db:"all_boards_write"`
	CreatedByUserID  uuid.UUID  `db:"created_by_user_id"`
	AcceptedByUserID *uuid.UUID `db:"accepted_by_user_id"`
	AcceptedAt       *time.Time `db:"accepted_at"`
	ExpiresAt        time.Time  `db:"expires_at"`
	CreatedAt        time.Time  `db:"created_at"`
	UpdatedAt        time.Time  `db:"updated_at"`
}

var invitesTable = eventstore.TableOf[InviteRow]("invites", "id")

func inviteRow(i invite.Invite) InviteRow {
	row := InviteRow{
		ID: i.ID, OrganizationID: i.OrganizationID, Email: i.Email.Located(), EmailHash: i.EmailHash, Role: i.Role,
		AllBoardsRead: i.AllBoardsRead, AllBoardsWrite: i.AllBoardsWrite, CreatedByUserID: i.CreatedByUserID,
		AcceptedAt: i.AcceptedAt, ExpiresAt: i.ExpiresAt, CreatedAt: i.CreatedAt, UpdatedAt: i.UpdatedAt,
	}
	if i.AcceptedByUserID != uuid.Nil {
		row.AcceptedByUserID = &i.AcceptedByUserID
	}
	return row
}

// Invite is an invite as the admins of its organization see it.
type Invite struct {
	ID               uuid.UUID  `json:"id"`
	OrganizationID   uuid.UUID  `json:"organization_id"`
	InvitedEmail     Personal   `json:"invited_email"`
	Role             string     `json:"role"`
	AllBoardsRead    bool       `json:"all_boards_read"`
	AllBoardsWrite   bool       `json:"all_boards_write"`
	Token            string     `json:"token"`
	CreatedByUserID  *uuid.UUID `json:"created_by_user_id"`
	AcceptedByUserID *uuid.UUID `json:"accepted_by_user_id"`
	AcceptedAt       *Time      `json:"accepted_at"`
	CreatedAt        Time       `json:"created_at"`
	UpdatedAt        Time       `json:"updated_at"`
}

// ViewInvite shows an invite with the token that proves it.
func ViewInvite(i invite.Invite, token string) Invite { return viewInvite(inviteRow(i), token) }

func viewInvite(r InviteRow, token string) Invite {
	return Invite{
		ID: r.ID, OrganizationID: r.OrganizationID, InvitedEmail: Personal(r.Email), Role: r.Role,
		AllBoardsRead: r.AllBoardsRead, AllBoardsWrite: r.AllBoardsWrite, Token: token, CreatedByUserID: &r.CreatedByUserID,
		AcceptedByUserID: r.AcceptedByUserID, AcceptedAt: wireTime(r.AcceptedAt), CreatedAt: Time(r.CreatedAt), UpdatedAt: Time(r.UpdatedAt),
	}
}

// InviteKey names the fact whether an email has an open invite into an
// organization, EmailInvitesKey the fact into which organizations it has one.
func InviteKey(org uuid.UUID, emailHash []byte) domain.Key {
	return eventstore.Key(org, "invite/"+hex.EncodeToString(emailHash))
}

// EmailInvitesKey names the fact which invites an email has.
func EmailInvitesKey(emailHash []byte) domain.Key {
	return eventstore.Key(uuid.Nil, "invites/"+hex.EncodeToString(emailHash))
}

const pendingInvite = "accepted_at is null and expires_at > $1"

// Invites finds invites.
type Invites struct{ Reader }

// Pending reports whether an email has an open invite into an organization.
func (i Invites) Pending(ctx context.Context, d *eventstore.Decision, org uuid.UUID, emailHash []byte) (bool, error) {
	ids, err := i.PendingFor(ctx, d, org, emailHash)
	return len(ids) > 0, err
}

// PendingFor lists the open invites of an email into an organization.
func (i Invites) PendingFor(ctx context.Context, d *eventstore.Decision, org uuid.UUID, emailHash []byte) ([]uuid.UUID, error) {
	d.Look(InviteKey(org, emailHash))
	return findIDs(ctx, i.DB, invitesTable, pendingInvite+" and organization_id = $2 and email_hash = $3", d.Now(), org, emailHash)
}

// Of lists the invites of a person, open or not: those of its emails, and those
// that it accepted.
func (i Invites) Of(ctx context.Context, person uuid.UUID, emailHashes [][]byte) ([]uuid.UUID, error) {
	return findIDs(ctx, i.DB, invitesTable, "email_hash = any($1) or accepted_by_user_id = $2", emailHashes, person)
}

// OldestFor returns the oldest open invite of an email, nil if there is none.
func (i Invites) OldestFor(ctx context.Context, d *eventstore.Decision, emailHash []byte) (*InviteRow, error) {
	d.Look(EmailInvitesKey(emailHash))
	return find[InviteRow](ctx, i.DB, invitesTable, pendingInvite+` and email_hash = $2
		and exists (select 1 from organizations o where o.id = organization_id) order by created_at, id limit 1`, d.Now(), emailHash)
}

// PendingOf lists the open invites of an organization with their tokens, the
// newest first.
func (i Invites) PendingOf(ctx context.Context, org uuid.UUID, s Slice) (Page[Invite], error) {
	return listViews(ctx, i.DB, invitesTable, pendingInvite+" and organization_id = $2", "created_at desc, id desc",
		[]any{i.Store.Now(), org}, s, i.views)
}

func (i Invites) views(ctx context.Context, rows []InviteRow) ([]Invite, error) {
	ids := make([]uuid.UUID, len(rows))
	for n, r := range rows {
		ids[n] = r.ID
	}
	tokens, err := i.Store.Vault().Secrets(ctx, ids)
	if err != nil {
		return nil, fmt.Errorf("projections: tokens of invites: %w", err)
	}
	views := make([]Invite, len(rows))
	for n, r := range rows {
		views[n] = viewInvite(r, tokens[r.ID])
	}
	return views, nil
}
