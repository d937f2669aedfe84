package httpapi

import (
	"context"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"missioncontrol/domain"
	"missioncontrol/domain/board"
	"missioncontrol/projections"
)

func (p page) slice() projections.Slice { return projections.Slice(p) }

type listBoards struct {
	GatewayID    *uuid.UUID `query:"gateway_id"`
	BoardGroupID *uuid.UUID `query:"board_group_id"`
	page
}

func (a *API) listBoards(ctx context.Context, in listBoards) (projections.Page[projections.Board], error) {
	filter := projections.BoardFilter{GatewayID: in.GatewayID, BoardGroupID: in.BoardGroupID}
	return projections.Boards{Reader: a.Read}.ReadableBy(ctx, memberOf(ctx), filter, in.slice())
}

// BoardCreate is the body of a new board.
type BoardCreate struct {
	Name           string         `json:"name"`
	Slug           string         `json:"slug"`
	Description    string         `json:"description"`
	GatewayID      *uuid.UUID     `json:"gateway_id"`
	BoardGroupID   *uuid.UUID     `json:"board_group_id"`
	BoardType      string         `json:"board_type" default:"goal"`
	Objective      *string        `json:"objective"`
	SuccessMetrics jsontext.Value `json:"success_metrics" null:"yes" object:"true"`
	TargetDate     *time.Time     `json:"target_date"`
	GoalConfirmed  bool           `json:"goal_confirmed" default:"false"`
	GoalSource     *string        `json:"goal_source"`

	RequireApprovalForDone                bool `json:"require_approval_for_done" default:"true"`
	RequireReviewBeforeDone               bool `json:"require_review_before_done" default:"false"`
	CommentRequiredForReview              bool `json:"comment_required_for_review" default:"false"`
	BlockStatusChangesWithPendingApproval bool `json:"block_status_changes_with_pending_approval" default:"false"`
	OnlyLeadCanChangeStatus               bool `json:"only_lead_can_change_status" default:"false"`
	MaxAgents                             int  `json:"max_agents" default:"1" ge:"0"`
}

// Validate states the rules of a board's own fields.
func (b *BoardCreate) Validate() string {
	b.Description = strings.TrimSpace(b.Description)
	switch {
	case b.Description == "":
		return "description is required"
	case b.BoardType == "goal" && b.GoalConfirmed && (b.Objective == nil || *b.Objective == "" || emptyObject(b.SuccessMetrics)):
		return "Confirmed goal boards require objective and success_metrics"
	}
	return ""
}

func emptyObject(v jsontext.Value) bool {
	var members map[string]jsontext.Value
	return v == nil || json.Unmarshal(v, &members) != nil || len(members) == 0
}

func (a *API) createBoard(ctx context.Context, in BoardCreate) (projections.Board, error) {
	return a.Commands.Boards.Create(ctx, memberOf(ctx), board.Settings(in))
}

// BoardUpdate is the body of a change of a board.
type BoardUpdate struct {
	Name           domain.Optional[string]         `json:"name" null:"no"`
	Slug           domain.Optional[string]         `json:"slug" null:"no"`
	Description    domain.Optional[string]         `json:"description"`
	GatewayID      domain.Optional[uuid.UUID]      `json:"gateway_id"`
	BoardGroupID   domain.Optional[uuid.UUID]      `json:"board_group_id"`
	BoardType      domain.Optional[string]         `json:"board_type" null:"no"`
	Objective      domain.Optional[string]         `json:"objective"`
	SuccessMetrics domain.Optional[jsontext.Value] `json:"success_metrics" object:"true"`
	TargetDate     domain.Optional[time.Time]      `json:"target_date"`
	GoalConfirmed  domain.Optional[bool]           `json:"goal_confirmed" null:"no"`
	GoalSource     domain.Optional[string]         `json:"goal_source"`

	RequireApprovalForDone                domain.Optional[bool] `json:"require_approval_for_done" null:"no"`
	RequireReviewBeforeDone               domain.Optional[bool] `json:"require_review_before_done" null:"no"`
	CommentRequiredForReview              domain.Optional[bool] `json:"comment_required_for_review" null:"no"`
	BlockStatusChangesWithPendingApproval domain.Optional[bool] `json:"block_status_changes_with_pending_approval" null:"no"`
	OnlyLeadCanChangeStatus               domain.Optional[bool] `json:"only_lead_can_change_status" null:"no"`
	MaxAgents                             domain.Optional[int]  `json:"max_agents" null:"no" ge:"0"`
}

// Validate states the rules of a board's own fields.
func (b *BoardUpdate) Validate() string {
	b.Description = trimmed(b.Description)
	switch {
	case b.GatewayID.Set && b.GatewayID.Value == nil:
		return "gateway_id is required"
	case b.Description.Set && b.Description.Or("") == "":
		return "description is required"
	}
	return ""
}

func trimmed(text domain.Optional[string]) domain.Optional[string] {
	if text.Value == nil {
		return text
	}
	return domain.Some(strings.TrimSpace(*text.Value))
}

type updateBoard struct {
	onBoard
	BoardUpdate
}

func (a *API) updateBoard(ctx context.Context, in updateBoard) (projections.Board, error) {
	return a.Commands.Boards.Update(ctx, placeOf(ctx), board.Changes(in.BoardUpdate))
}

func (a *API) deleteBoard(ctx context.Context, _ onBoard) (projections.Ok, error) {
	return projections.OK(), a.Commands.Boards.Delete(ctx, placeOf(ctx))
}

// onBoard is the path of everything on a board. The rule of the route reads
// the id, so that a board that cannot be is answered like one that is not.
type onBoard struct {
	BoardID string `path:"board_id"`
}

func (a *API) getBoard(ctx context.Context, _ onBoard) (*projections.Board, error) {
	return found(projections.Boards{Reader: a.Read}.Read(ctx, boardOf(ctx).ID))
}

type getBoardSnapshot struct {
	onBoard
	asOf
}

func (a *API) getBoardSnapshot(ctx context.Context, in getBoardSnapshot) (*projections.BoardSnapshot, error) {
	boards, id := projections.Boards{Reader: a.Read}, boardOf(ctx).ID
	return inTime(ctx, a, in.asOf,
		func() (*projections.BoardSnapshot, error) { return boards.Snapshot(ctx, id) },
		func(at int64) (*projections.BoardSnapshot, error) { return boards.SnapshotAt(ctx, id, at) })
}
