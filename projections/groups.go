package projections

import (
	"context"
	"time"

	"github.com/google/uuid"

	"missioncontrol/domain"
	"missioncontrol/domain/group"
	"missioncontrol/eventstore"
)

// GroupRow maps the state of a group of boards.
type GroupRow struct {
	ID             uuid.UUID `db:"id"`
	OrganizationID uuid.UUID `db:"organization_id"`
	Name           string    `db:"name"`
	Slug           string    `db:"slug"`
	Description    *string   `db:"description"`
	CreatedAt      time.Time `db:"created_at"`
	UpdatedAt      time.Time `db:"updated_at"`
}

var groupsTable = eventstore.TableOf[GroupRow]("board_groups", "id")

func groupRow(g group.Group) GroupRow {
	return GroupRow{g.ID, g.OrganizationID, g.Name, g.Slug, g.Description, g.CreatedAt, g.UpdatedAt}
}

// Group is a group of boards as callers see it.
type Group struct {
	Name           string    `json:"name"`
	Slug           string    `json:"slug"`
	Description    *string   `json:"description"`
	ID             uuid.UUID `json:"id"`
	OrganizationID uuid.UUID `json:"organization_id"`
	CreatedAt      Time      `json:"created_at"`
	UpdatedAt      Time      `json:"updated_at"`
}

// ViewGroup shows a group.
func ViewGroup(g group.Group) Group { return viewGroup(groupRow(g)) }

func viewGroup(r GroupRow) Group {
	return Group{r.Name, r.Slug, r.Description, r.ID, r.OrganizationID, Time(r.CreatedAt), Time(r.UpdatedAt)}
}

// Paced tells whose heartbeat was set. Agents that connect by themselves need
// nothing else; those of a gateway that cannot be reached fail.
type Paced struct {
	BoardGroupID    uuid.UUID      `json:"board_group_id"`
	Requested       map[string]any `json:"requested"`
	UpdatedAgentIDs []uuid.UUID    `json:"updated_agent_ids"`
	FailedAgentIDs  []uuid.UUID    `json:"failed_agent_ids"`
}

// Groups finds and lists groups of boards.
type Groups struct{ Reader }

// GroupBoardsKey names the fact which boards are in a group.
func GroupBoardsKey(group uuid.UUID) domain.Key { return eventstore.Key(group, "group/boards") }

// Find returns a group, nil if there is none. It rests on the group's own key.
func (g Groups) Find(ctx context.Context, d *eventstore.Decision, id uuid.UUID) (*GroupRow, error) {
	return eventstore.LookAt(ctx, g.Store, d, eventstore.Key(id, "group"), "row", func(ctx context.Context) (*GroupRow, error) {
		return find[GroupRow](ctx, g.DB, groupsTable, "id = $1", id)
	})
}

// Boards lists the boards of a group, by their ids.
func (g Groups) Boards(ctx context.Context, d *eventstore.Decision, id uuid.UUID) ([]uuid.UUID, error) {
	return eventstore.LookAt(ctx, g.Store, d, GroupBoardsKey(id), "ids", func(ctx context.Context) ([]uuid.UUID, error) {
		return findIDs(ctx, g.DB, boardsTable, "board_group_id = $1 order by id", id)
	})
}

// Agents lists the agents of some boards, the oldest first.
func (g Groups) Agents(ctx context.Context, d *eventstore.Decision, boards []uuid.UUID) ([]AgentRow, error) {
	for _, id := range boards {
		d.Look(AgentsKey(id))
	}
	return findAll[AgentRow](ctx, g.DB, agentsTable, "board_id = any($1) order by created_at, id", boards)
}

// Read returns a group as the database has it now, nil if there is none.
func (g Groups) Read(ctx context.Context, id uuid.UUID) (*Group, error) {
	row, err := find[GroupRow](ctx, g.DB, groupsTable, "id = $1", id)
	if row == nil {
		return nil, err
	}
	view := viewGroup(*row)
	return &view, nil
}

// ReadableBy lists the groups of an organization in which a member may read a
// board, by name; all of them for one who may read all boards.
func (g Groups) ReadableBy(ctx context.Context, m *MemberRow, s Slice) (Page[Group], error) {
	granted, all := m.ReadableBoards()
	return list(ctx, g.DB, groupsTable,
		`organization_id = $1 and ($2 or exists (select 1 from boards b where b.board_group_id = board_groups.id and b.id = any($3)))`,
		`lower(name), id`,
		[]any{m.OrganizationID, all, granted}, s, viewGroup)
}
