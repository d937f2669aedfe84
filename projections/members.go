package projections

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"missioncontrol/domain"
	"missioncontrol/domain/member"
	"missioncontrol/eventstore"
)

// MemberRow maps a membership's state.
type MemberRow struct {
	ID             uuid.UUID      `db:"id"`
	OrganizationID uuid.UUID      `db:"organization_id"`
	UserID         uuid.UUID      `db:"user_id"`
	Role           member.Role    `db:"role"`
	AllBoardsRead  bool           `db:"all_boards_read"`
	AllBoardsWrite bool           `db:"all_boards_write"`
	Access         jsontext.Value `db:"access"` // []BoardAccess
	CreatedAt      time.Time      `db:"created_at"`
	UpdatedAt      time.Time      `db:"updated_at"`
}

var membersTable = eventstore.TableOf[MemberRow]("members", "id")

func memberRow(m member.Member) MemberRow {
	access := []BoardAccess{}
	for _, a := range m.Access {
		access = append(access, BoardAccess{a.ID, a.BoardID, a.CanRead, a.CanWrite, Time(a.CreatedAt), Time(a.UpdatedAt)})
	}
	column, err := json.Marshal(access)
	if err != nil {
		column = jsontext.Value("[]") // ids, booleans and times always encode
	}
	return MemberRow{
		ID: m.ID, OrganizationID: m.OrganizationID, UserID: m.UserID, Role: m.Role,
		AllBoardsRead: m.AllBoardsRead, AllBoardsWrite: m.AllBoardsWrite, Access: column,
		CreatedAt: m.CreatedAt, UpdatedAt: m.UpdatedAt,
	}
}

// BoardAccess is a grant of one board.
type BoardAccess struct {
	ID        uuid.UUID `json:"id"`
	BoardID   uuid.UUID `json:"board_id"`
	CanRead   bool      `json:"can_read"`
	CanWrite  bool      `json:"can_write"`
	CreatedAt Time      `json:"created_at"`
	UpdatedAt Time      `json:"updated_at"`
}

// IsAdmin reports whether the member administers its organization.
func (m *MemberRow) IsAdmin() bool { return m.Role == member.Owner || m.Role == member.Admin }

// Grants lists the member's grants of single boards.
func (m *MemberRow) Grants() []BoardAccess {
	var access []BoardAccess
	if err := json.Unmarshal(m.Access, &access); err != nil {
		return nil // written by memberRow alone; unreadable opens nothing
	}
	return access
}

// Reads and Writes report what the member may do with a board of its
// organization.
func (m *MemberRow) Reads(board uuid.UUID) bool {
	if m.AllBoardsRead || m.AllBoardsWrite {
		return true
	}
	for _, g := range m.Grants() {
		if g.BoardID == board {
			return g.CanRead || g.CanWrite
		}
	}
	return false
}

// Writes reports whether the member may change the board.
func (m *MemberRow) Writes(board uuid.UUID) bool {
	if m.AllBoardsWrite {
		return true
	}
	for _, g := range m.Grants() {
		if g.BoardID == board {
			return g.CanWrite
		}
	}
	return false
}

// ReadableBoards lists the boards that single grants open; all is true when
// every board is open.
func (m *MemberRow) ReadableBoards() (ids []uuid.UUID, all bool) {
	if m.AllBoardsRead || m.AllBoardsWrite {
		return nil, true
	}
	ids = []uuid.UUID{}
	for _, g := range m.Grants() {
		if g.CanRead || g.CanWrite {
			ids = append(ids, g.BoardID)
		}
	}
	return ids, false
}

// Member is a membership as callers see it.
type Member struct {
	ID             uuid.UUID     `json:"id"`
	OrganizationID uuid.UUID     `json:"organization_id"`
	UserID         uuid.UUID     `json:"user_id"`
	Role           member.Role   `json:"role"`
	AllBoardsRead  bool          `json:"all_boards_read"`
	AllBoardsWrite bool          `json:"all_boards_write"`
	CreatedAt      Time          `json:"created_at"`
	UpdatedAt      Time          `json:"updated_at"`
	User           *MemberUser   `json:"user"`
	BoardAccess    []BoardAccess `json:"board_access" default:"[]"`
}

// MemberUser is what members see of each other.
type MemberUser struct {
	ID            uuid.UUID `json:"id"`
	Email         *Personal `json:"email"`
	Name          *Personal `json:"name"`
	PreferredName *Personal `json:"preferred_name"`
}

// Show shows a membership with its person. A board that was deleted opens
// nothing any more, so its grants are left out.
func (m Members) Show(ctx context.Context, now member.Member, u *UserRow) (Member, error) {
	rows := []MemberRow{memberRow(now)}
	err := m.leaveOutGone(ctx, rows)
	return viewMember(rows[0], u), err
}

// leaveOutGone removes from rows the grants of boards that were deleted.
func (m Members) leaveOutGone(ctx context.Context, rows []MemberRow) error {
	var ids []uuid.UUID
	for i := range rows {
		for _, g := range rows[i].Grants() {
			ids = append(ids, g.BoardID)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	there, err := findIDs(ctx, m.DB, boardsTable, "id = any($1)", ids)
	if err != nil {
		return err
	}
	for i := range rows {
		if err := rows[i].keepGrants(func(board uuid.UUID) bool { return slices.Contains(there, board) }); err != nil {
			return err
		}
	}
	return nil
}

// keepGrants removes the grants of other boards than those that are there.
func (m *MemberRow) keepGrants(there func(board uuid.UUID) bool) (err error) {
	grants := slices.DeleteFunc(m.Grants(), func(g BoardAccess) bool { return !there(g.BoardID) })
	if m.Access, err = json.Marshal(grants); err != nil {
		return fmt.Errorf("projections: write grants: %w", err)
	}
	return nil
}

func viewMember(r MemberRow, u *UserRow) Member {
	v := Member{
		ID: r.ID, OrganizationID: r.OrganizationID, UserID: r.UserID, Role: r.Role,
		AllBoardsRead: r.AllBoardsRead, AllBoardsWrite: r.AllBoardsWrite,
		CreatedAt: Time(r.CreatedAt), UpdatedAt: Time(r.UpdatedAt), BoardAccess: r.Grants(),
	}
	if u != nil {
		v.User = &MemberUser{u.ID, personal(u.Email), personal(u.Name), personal(u.PreferredName)}
	}
	return v
}

// Members finds memberships.
type Members struct{ Reader }

// MemberKey names the fact what a user is in an organization.
func MemberKey(org, user uuid.UUID) domain.Key {
	return eventstore.Key(org, "member/"+user.String())
}

// MembershipsKey names the fact in which organizations a user is.
func MembershipsKey(user uuid.UUID) domain.Key { return eventstore.Key(user, "memberships") }

// MembersKey names the fact who belongs to an organization, and as what.
func MembersKey(org uuid.UUID) domain.Key { return eventstore.Key(org, "members") }

// Of returns a user's membership in an organization that exists, nil if there
// is none.
func (m Members) Of(ctx context.Context, d *eventstore.Decision, org, user uuid.UUID) (*MemberRow, error) {
	exists, err := Organizations(m).Exist(ctx, d, org)
	if err != nil || !exists {
		return nil, err
	}
	return eventstore.LookAt(ctx, m.Store, d, MemberKey(org, user), "member", func(ctx context.Context) (*MemberRow, error) {
		return find[MemberRow](ctx, m.DB, membersTable, "organization_id = $1 and user_id = $2", org, user)
	})
}

// OfUser lists a user's memberships in organizations that exist, the oldest
// first.
func (m Members) OfUser(ctx context.Context, d *eventstore.Decision, user uuid.UUID) ([]MemberRow, error) {
	all, err := eventstore.LookAt(ctx, m.Store, d, MembershipsKey(user), "all", func(ctx context.Context) ([]MemberRow, error) {
		return findAll[MemberRow](ctx, m.DB, membersTable, "user_id = $1 order by created_at, id", user)
	})
	if err != nil {
		return nil, err
	}
	var live []MemberRow
	for _, row := range all {
		exists, err := Organizations(m).Exist(ctx, d, row.OrganizationID)
		if err != nil {
			return nil, err
		}
		if exists {
			live = append(live, row)
		}
	}
	return live, nil
}

// Counts is how many members an organization has.
type Counts struct{ Members, Owners int }

// Count counts an organization's members.
func (m Members) Count(ctx context.Context, d *eventstore.Decision, org uuid.UUID) (Counts, error) {
	return eventstore.LookAt(ctx, m.Store, d, MembersKey(org), "counts", func(ctx context.Context) (Counts, error) {
		var c Counts
		err := m.DB.QueryRow(ctx, `select count(*), count(*) filter (where role = 'owner') from members where organization_id = $1`, org).
			Scan(&c.Members, &c.Owners)
		if err != nil {
			return c, fmt.Errorf("projections: count members of %v: %w", org, err)
		}
		return c, nil
	})
}

// WithEmail reports whether a member of the organization has an email.
func (m Members) WithEmail(ctx context.Context, d *eventstore.Decision, org uuid.UUID, hash []byte) (bool, error) {
	if d != nil {
		d.Look(MembersKey(org))
	}
	var found bool
	err := m.DB.QueryRow(ctx, `select exists (select 1 from members m join users u on u.id = m.user_id
		where m.organization_id = $1 and u.email_hash = $2)`, org, hash).Scan(&found)
	if err != nil {
		return false, fmt.Errorf("projections: find a member by email: %w", err)
	}
	return found, nil
}

// WithUser is a membership and its person.
type WithUser struct {
	MemberRow
	User *UserRow
}

// InOrganization lists an organization's memberships with their people.
func (m Members) InOrganization(ctx context.Context, org uuid.UUID) ([]WithUser, error) {
	members, err := findAll[MemberRow](ctx, m.DB, membersTable, "organization_id = $1 order by created_at, id", org)
	if err != nil {
		return nil, err
	}
	if err := m.leaveOutGone(ctx, members); err != nil {
		return nil, err
	}
	ids := make([]uuid.UUID, len(members))
	for i, row := range members {
		ids[i] = row.UserID
	}
	users, err := findAll[UserRow](ctx, m.DB, usersTable, "id = any($1)", ids)
	if err != nil {
		return nil, err
	}
	byID := make(map[uuid.UUID]*UserRow, len(users))
	for i := range users {
		byID[users[i].ID] = &users[i]
	}
	found := make([]WithUser, len(members))
	for i, row := range members {
		found[i] = WithUser{row, byID[row.UserID]}
	}
	return found, nil
}

// Find returns a membership of an organization with its person, nil if there
// is none.
func (m Members) Find(ctx context.Context, org, id uuid.UUID) (*WithUser, error) {
	rows, err := findAll[MemberRow](ctx, m.DB, membersTable, "organization_id = $1 and id = $2", org, id)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	if err := m.leaveOutGone(ctx, rows); err != nil {
		return nil, err
	}
	u, err := find[UserRow](ctx, m.DB, usersTable, "id = $1", rows[0].UserID)
	return &WithUser{rows[0], u}, err
}

// View shows it.
func (w *WithUser) View() Member { return viewMember(w.MemberRow, w.User) }
