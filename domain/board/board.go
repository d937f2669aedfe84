// Package board decides what may happen to a board: its goal and the rules
// that its tasks follow.
package board

import (
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"missioncontrol/domain"
)

// Settings are what people choose for a board.
type Settings struct {
	Name           string         `json:"name"`
	Slug           string         `json:"slug"`
	Description    string         `json:"description"`
	GatewayID      *uuid.UUID     `json:"gateway_id"`
	BoardGroupID   *uuid.UUID     `json:"board_group_id"`
	BoardType      string         `json:"board_type"`
	Objective      *string        `json:"objective"`
	SuccessMetrics jsontext.Value `json:"success_metrics,omitzero"` // an object
	TargetDate     *time.Time     `json:"target_date"`
	GoalConfirmed  bool           `json:"goal_confirmed"`
	GoalSource     *string        `json:"goal_source"`

	RequireApprovalForDone                bool `json:"require_approval_for_done"`
	RequireReviewBeforeDone               bool `json:"require_review_before_done"`
	CommentRequiredForReview              bool `json:"comment_required_for_review"`
	BlockStatusChangesWithPendingApproval bool `json:"block_status_changes_with_pending_approval"`
	OnlyLeadCanChangeStatus               bool `json:"only_lead_can_change_status"`
	MaxAgents                             int  `json:"max_agents"`
}

// Event is something that happened to a board.
//
//sumtype:decl
type Event interface{ isBoardEvent() }

// Created: the board exists.
type Created struct {
	Settings `json:",inline"`
}

func (Created) isBoardEvent() {}

// Events names every event as it is stored.
var Events = map[string]Event{"board.created": Created{}}

// Board is where tasks live. The zero Board does not exist.
type Board struct {
	ID, OrganizationID uuid.UUID
	Settings
	CreatedAt, UpdatedAt time.Time
}

// Evolve returns the board after e.
func (b Board) Evolve(m domain.Meta, e Event) Board {
	b.UpdatedAt = m.Time
	switch e := e.(type) {
	case Created:
		b.ID, b.OrganizationID, b.CreatedAt, b.Settings = m.Stream, m.Org, m.Time, e.Settings
	}
	return b
}

// Create makes a board. Gateways and groups come with later parts, so any id
// of one is unknown.
type Create struct{ Settings }

// Decide refuses what the board would refer to in vain.
func (c Create) Decide(b Board) ([]Event, error) {
	switch {
	case b.ID != uuid.Nil:
		return nil, domain.Bare(domain.Conflict)
	case c.GatewayID != nil:
		return nil, domain.Refuse(domain.Invalid, "gateway_id is invalid")
	case c.BoardGroupID != nil:
		return nil, domain.Refuse(domain.Invalid, "board_group_id is invalid")
	}
	var err error
	if c.SuccessMetrics, err = asStored(c.SuccessMetrics); err != nil {
		return nil, domain.Refuse(domain.Invalid, "success_metrics is no JSON value")
	}
	return []Event{Created(c)}, nil
}

// asStored writes a JSON value as it will be read back, without white space,
// so that a board shows the same now and after a rebuild.
func asStored(v jsontext.Value) (jsontext.Value, error) {
	if v == nil {
		return nil, nil
	}
	return json.Marshal(v)
}
