package projections

import (
	"context"
	"fmt"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"missioncontrol/domain/board"
	"missioncontrol/eventstore"
)

// BoardRow maps a board's state.
type BoardRow struct {
	ID             uuid.UUID      `db:"id"`
	OrganizationID uuid.UUID      `db:"organization_id"`
	Name           string         `db:"name"`
	Slug           string         `db:"slug"`
	Description    string         `db:"description"`
	GatewayID      *uuid.UUID     `db:"gateway_id"`
	BoardGroupID   *uuid.UUID     `db:"board_group_id"`
	BoardType      string         `db:"board_type"`
	Objective      *string        `db:"objective"`
	SuccessMetrics jsontext.Value `db:"success_metrics"`
	TargetDate     *time.Time     `db:"target_date"`
	GoalConfirmed  bool           `db:"goal_confirmed"`
	GoalSource     *string        `db:"goal_source"`

	RequireApprovalForDone                bool `db:"require_approval_for_done"`
	RequireReviewBeforeDone               bool `db:"require_review_before_done"`
	CommentRequiredForReview              bool `db:"comment_required_for_review"`
	BlockStatusChangesWithPendingApproval bool `db:"block_status_changes_with_pending_approval"`
	OnlyLeadCanChangeStatus               bool `db:"only_lead_can_change_status"`
	MaxAgents                             int  `db:"max_agents"`

	CreatedAt time.Time `db:"created_at"`
	UpdatedAt time.Time `db:"updated_at"`
}

var boardsTable = eventstore.TableOf[BoardRow]("boards", "id")

func boardRow(b board.Board) BoardRow {
	s := b.Settings
	return BoardRow{
		ID: b.ID, OrganizationID: b.OrganizationID, Name: s.Name, Slug: s.Slug, Description: s.Description,
		GatewayID: s.GatewayID, BoardGroupID: s.BoardGroupID, BoardType: s.BoardType, Objective: s.Objective,
		SuccessMetrics: s.SuccessMetrics, TargetDate: s.TargetDate, GoalConfirmed: s.GoalConfirmed, GoalSource: s.GoalSource,
		RequireApprovalForDone: s.RequireApprovalForDone, RequireReviewBeforeDone: s.RequireReviewBeforeDone,
		CommentRequiredForReview:              s.CommentRequiredForReview,
		BlockStatusChangesWithPendingApproval: s.BlockStatusChangesWithPendingApproval,
		OnlyLeadCanChangeStatus:               s.OnlyLeadCanChangeStatus, MaxAgents: s.MaxAgents,
		CreatedAt: b.CreatedAt, UpdatedAt: b.UpdatedAt,
	}
}

// Board is a board as callers see it.
type Board struct {
	Name           string         `json:"name"`
	Slug           string         `json:"slug"`
	Description    string         `json:"description"`
	GatewayID      *uuid.UUID     `json:"gateway_id"`
	BoardGroupID   *uuid.UUID     `json:"board_group_id"`
	BoardType      string         `json:"board_type" default:"goal"`
	Objective      *string        `json:"objective"`
	SuccessMetrics jsontext.Value `json:"success_metrics" null:"yes" object:"true"`
	TargetDate     *Time          `json:"target_date"`
	GoalConfirmed  bool           `json:"goal_confirmed" default:"false"`
	GoalSource     *string        `json:"goal_source"`

	RequireApprovalForDone                bool `json:"require_approval_for_done" default:"true"`
	RequireReviewBeforeDone               bool `json:"require_review_before_done" default:"false"`
	CommentRequiredForReview              bool `json:"comment_required_for_review" default:"false"`
	BlockStatusChangesWithPendingApproval bool `json:"block_status_changes_with_pending_approval" default:"false"`
	OnlyLeadCanChangeStatus               bool `json:"only_lead_can_change_status" default:"false"`
	MaxAgents                             int  `json:"max_agents" default:"1" ge:"0"`

	ID             uuid.UUID `json:"id"`
	OrganizationID uuid.UUID `json:"organization_id"`
	CreatedAt      Time      `json:"created_at"`
	UpdatedAt      Time      `json:"updated_at"`
}

// ViewBoard shows a board.
func ViewBoard(b board.Board) Board { return viewBoard(boardRow(b)) }

func viewBoard(r BoardRow) Board {
	return Board{
		Name: r.Name, Slug: r.Slug, Description: r.Description, GatewayID: r.GatewayID, BoardGroupID: r.BoardGroupID,
		BoardType: r.BoardType, Objective: r.Objective, SuccessMetrics: r.SuccessMetrics, TargetDate: wireTime(r.TargetDate),
		GoalConfirmed: r.GoalConfirmed, GoalSource: r.GoalSource,
		RequireApprovalForDone: r.RequireApprovalForDone, RequireReviewBeforeDone: r.RequireReviewBeforeDone,
		CommentRequiredForReview:              r.CommentRequiredForReview,
		BlockStatusChangesWithPendingApproval: r.BlockStatusChangesWithPendingApproval,
		OnlyLeadCanChangeStatus:               r.OnlyLeadCanChangeStatus, MaxAgents: r.MaxAgents,
		ID: r.ID, OrganizationID: r.OrganizationID, CreatedAt: Time(r.CreatedAt), UpdatedAt: Time(r.UpdatedAt),
	}
}

// frameBoard shows what becomes of a board to those who follow its tasks, its
// end also to those who follow the agents of its organization: as types that
// today's clients ignore.
func frameBoard(e *eventstore.Staged, b board.Board) ([]eventstore.PendingFrame, error) {
	switch e.Event.(board.Event).(type) {
	case board.Created: // nobody follows it yet
		return nil, nil
	case board.Updated:
		return frameOf(e, TasksTopic(b.ID), b.ID, nil, struct {
			Type  string `json:"type"`
			Board Board  `json:"board"`
		}{e.Type, ViewBoard(b)})
	case board.Deleted:
	}
	gone := struct {
		Type    string    `json:"type"`
		BoardID uuid.UUID `json:"board_id"`
	}{e.Type, b.ID}
	frames, err := frameOf(e, TasksTopic(b.ID), b.ID, nil, gone)
	if err != nil {
		return nil, err
	}
	agents, err := frameOf(e, AgentsTopic(b.OrganizationID), b.ID, agentAttrs(&b.ID), gone)
	return append(frames, agents...), err
}

// Boards finds and lists boards.
type Boards struct{ Reader }

// Find returns a board, nil if there is none. It rests on the board's own key.
func (b Boards) Find(ctx context.Context, d *eventstore.Decision, id uuid.UUID) (*BoardRow, error) {
	return eventstore.LookAt(ctx, b.Store, d, eventstore.Key(id, "board"), "row", func(ctx context.Context) (*BoardRow, error) {
		return find[BoardRow](ctx, b.DB, boardsTable, "id = $1", id)
	})
}

// Read returns a board as the database has it now, nil if there is none.
func (b Boards) Read(ctx context.Context, id uuid.UUID) (*Board, error) {
	row, err := find[BoardRow](ctx, b.DB, boardsTable, "id = $1", id)
	if row == nil {
		return nil, err
	}
	view := viewBoard(*row)
	return &view, nil
}

// BoardFilter narrows a list of boards; nil fields do not.
type BoardFilter struct{ GatewayID, BoardGroupID *uuid.UUID }

// ReadableBy lists the boards of an organization that a member may read, by
// name.
func (b Boards) ReadableBy(ctx context.Context, m *MemberRow, f BoardFilter, s Slice) (Page[Board], error) {
	granted, all := m.ReadableBoards()
	return list(ctx, b.DB, boardsTable,
		`organization_id = $1 and ($2 or id = any($3)) and ($4::uuid is null or gateway_id = $4)
			and ($5::uuid is null or board_group_id = $5)`,
		`lower(name), created_at desc, id`,
		[]any{m.OrganizationID, all, granted, f.GatewayID, f.BoardGroupID}, s, viewBoard)
}

// GroupsOfReadable returns the group, nil for none, of each board of an
// organization that a member may read.
func (b Boards) GroupsOfReadable(ctx context.Context, m *MemberRow) (map[uuid.UUID]*uuid.UUID, error) {
	granted, all := m.ReadableBoards()
	type placed struct {
		ID    uuid.UUID
		Group *uuid.UUID
	}
	rows, err := collect(ctx, b.DB, boardsTable, "id, board_group_id", `organization_id = $1 and ($2 or id = any($3))`,
		[]any{m.OrganizationID, all, granted}, pgx.RowToStructByPos[placed])
	groups := make(map[uuid.UUID]*uuid.UUID, len(rows))
	for _, r := range rows {
		groups[r.ID] = r.Group
	}
	return groups, err
}

// CountIn counts the boards of an organization.
func (b Boards) CountIn(ctx context.Context, org uuid.UUID) (int, error) {
	var n int
	if err := b.DB.QueryRow(ctx, `select count(*) from boards where organization_id = $1`, org).Scan(&n); err != nil {
		return 0, fmt.Errorf("projections: count boards of %v: %w", org, err)
	}
	return n, nil
}

// AllIn reports whether all of these boards are the organization's.
func (b Boards) AllIn(ctx context.Context, d *eventstore.Decision, org uuid.UUID, ids []uuid.UUID) (bool, error) {
	for _, id := range ids {
		row, err := b.Find(ctx, d, id)
		if err != nil || row == nil || row.OrganizationID != org {
			return false, err
		}
	}
	return true, nil
}

// OfAgent lists the board of an agent; nil: all of the organization, for the
// main agent of a gateway. The newest first.
func (b Boards) OfAgent(ctx context.Context, org uuid.UUID, board *uuid.UUID, s Slice) (Page[Board], error) {
	return list(ctx, b.DB, boardsTable, `organization_id = $1 and ($2::uuid is null or id = $2)`, `created_at desc, id desc`,
		[]any{org, board}, s, viewBoard)
}
