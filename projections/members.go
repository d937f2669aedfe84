package projections

import (
	"context"
	"time"

	"github.com/google/uuid"

	"missioncontrol/domain"
	"missioncontrol/domain/member"
	"missioncontrol/eventstore"
)

// MemberRow maps a membership's state.
type MemberRow struct {
	ID             uuid.UUID   `db:"id"`
	OrganizationID uuid.UUID   `db:"organization_id"`
	UserID         uuid.UUID   `db:"user_id"`
	Role           member.Role `db:"role"`
	AllBoardsRead  bool        `db:"all_boards_read"`
	AllBoardsWrite bool        `db:"all_boards_write"`
	CreatedAt      time.Time   `db:"created_at"`
	UpdatedAt      time.Time   `db:"updated_at"`
}

var membersTable = eventstore.TableOf[MemberRow]("members", "id")

func memberRow(m member.Member) MemberRow {
	return MemberRow{
		ID: m.ID, OrganizationID: m.OrganizationID, UserID: m.UserID, Role: m.Role,
		AllBoardsRead: m.AllBoardsRead, AllBoardsWrite: m.AllBoardsWrite, CreatedAt: m.CreatedAt, UpdatedAt: m.UpdatedAt,
	}
}

// IsAdmin reports whether the member administers its organization.
func (m *MemberRow) IsAdmin() bool { return m.Role == member.Owner || m.Role == member.Admin }

// Members finds memberships.
type Members struct{ Reader }

// MemberKey names the fact what a user is in an organization.
func MemberKey(org, user uuid.UUID) domain.Key {
	return eventstore.Key(org, "member/"+user.String())
}

// MembershipsKey names the fact in which organizations a user is.
func MembershipsKey(user uuid.UUID) domain.Key { return eventstore.Key(user, "memberships") }

// Of returns a user's membership in an organization, nil if there is none.
func (m Members) Of(ctx context.Context, d *eventstore.Decision, org, user uuid.UUID) (*MemberRow, error) {
	return eventstore.LookAt(ctx, m.Store, d, MemberKey(org, user), "member", func(ctx context.Context) (*MemberRow, error) {
		return find[MemberRow](ctx, m.DB, membersTable, "organization_id = $1 and user_id = $2", org, user)
	})
}

// Oldest returns the oldest membership of a user, nil if there is none.
func (m Members) Oldest(ctx context.Context, d *eventstore.Decision, user uuid.UUID) (*MemberRow, error) {
	return eventstore.LookAt(ctx, m.Store, d, MembershipsKey(user), "oldest", func(ctx context.Context) (*MemberRow, error) {
		return find[MemberRow](ctx, m.DB, membersTable, "user_id = $1 order by created_at, id limit 1", user)
	})
}
