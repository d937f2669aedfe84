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

// Changes are the settings that an event or a command names; an absent one
// stays as it is.
type Changes struct {
	Name           domain.Optional[string]         `json:"name,omitzero"`
	Slug           domain.Optional[string]         `json:"slug,omitzero"`
	Description    domain.Optional[string]         `json:"description,omitzero"`
	GatewayID      domain.Optional[uuid.UUID]      `json:"gateway_id,omitzero"`
	BoardGroupID   domain.Optional[uuid.UUID]      `json:"board_group_id,omitzero"`
	BoardType      domain.Optional[string]         `json:"board_type,omitzero"`
	Objective      domain.Optional[string]         `json:"objective,omitzero"`
	SuccessMetrics domain.Optional[jsontext.Value] `json:"success_metrics,omitzero"`
	TargetDate     domain.Optional[time.Time]      `json:"target_date,omitzero"`
	GoalConfirmed  domain.Optional[bool]           `json:"goal_confirmed,omitzero"`
	GoalSource     domain.Optional[string]         `json:"goal_source,omitzero"`

	RequireApprovalForDone                domain.Optional[bool] `json:"require_approval_for_done,omitzero"`
	RequireReviewBeforeDone               domain.Optional[bool] `json:"require_review_before_done,omitzero"`
	CommentRequiredForReview              domain.Optional[bool] `json:"comment_required_for_review,omitzero"`
	BlockStatusChangesWithPendingApproval domain.Optional[bool] `json:"block_status_changes_with_pending_approval,omitzero"`
	OnlyLeadCanChangeStatus               domain.Optional[bool] `json:"only_lead_can_change_status,omitzero"`
	MaxAgents                             domain.Optional[int]  `json:"max_agents,omitzero"`
}

// Event is something that happened to a board.
//
//sumtype:decl
type Event interface{ isBoardEvent() }

type (
	// Created: the board exists.
	Created struct {
		Settings `json:",inline"`
	}
	// Updated: settings changed. LeftGroupID is the group that it was in, if it
	// is in another one now, or in none.
	Updated struct {
		Changes     `json:",inline"`
		LeftGroupID *uuid.UUID `json:"left_group_id,omitzero"`
	}
	// Deleted: the board is gone, with everything on it.
	Deleted struct {
		Name         string     `json:"name"`
		BoardGroupID *uuid.UUID `json:"board_group_id"`
	}
)

func (Created) isBoardEvent() {}
func (Updated) isBoardEvent() {}
func (Deleted) isBoardEvent() {}

// Events names every event as it is stored.
var Events = map[string]Event{"board.created": Created{}, "board.updated": Updated{}, "board.deleted": Deleted{}}

// Board is where tasks live. The zero Board does not exist.
type Board struct {
	ID, OrganizationID uuid.UUID
	Settings
	CreatedAt, UpdatedAt time.Time
	Deleted              bool
}

// Exists reports whether the board can be worked on.
func (b Board) Exists() bool { return b.ID != uuid.Nil && !b.Deleted }

// Evolve returns the board after e.
func (b Board) Evolve(m domain.Meta, e Event) Board {
	b.UpdatedAt = m.Time
	switch e := e.(type) {
	case Created:
		b.ID, b.OrganizationID, b.CreatedAt, b.Settings = m.Stream, m.Org, m.Time, e.Settings
	case Updated:
		b.Settings = b.with(e.Changes)
	case Deleted:
		b.Deleted = true
	}
	return b
}

// with returns the settings after some of them changed.
func (s Settings) with(c Changes) Settings {
	s.Name, s.Slug, s.Description = c.Name.Or(s.Name), c.Slug.Or(s.Slug), c.Description.Or(s.Description)
	s.GatewayID, s.BoardGroupID = c.GatewayID.OrNull(s.GatewayID), c.BoardGroupID.OrNull(s.BoardGroupID)
	s.BoardType, s.Objective = c.BoardType.Or(s.BoardType), c.Objective.OrNull(s.Objective)
	if c.SuccessMetrics.Set {
		s.SuccessMetrics = c.SuccessMetrics.Or(nil)
	}
	s.TargetDate = c.TargetDate.OrNull(s.TargetDate)
	s.GoalConfirmed, s.GoalSource = c.GoalConfirmed.Or(s.GoalConfirmed), c.GoalSource.OrNull(s.GoalSource)
	s.RequireApprovalForDone = c.RequireApprovalForDone.Or(s.RequireApprovalForDone)
	s.RequireReviewBeforeDone = c.RequireReviewBeforeDone.Or(s.RequireReviewBeforeDone)
	s.CommentRequiredForReview = c.CommentRequiredForReview.Or(s.CommentRequiredForReview)
	s.BlockStatusChangesWithPendingApproval = c.BlockStatusChangesWithPendingApproval.Or(s.BlockStatusChangesWithPendingApproval)
	s.OnlyLeadCanChangeStatus = c.OnlyLeadCanChangeStatus.Or(s.OnlyLeadCanChangeStatus)
	s.MaxAgents = c.MaxAgents.Or(s.MaxAgents)
	return s
}

// lacksGoal reports whether nobody can tell when the board has reached its goal.
func (s Settings) lacksGoal() bool {
	var metrics map[string]jsontext.Value
	return s.Objective == nil || *s.Objective == "" || s.SuccessMetrics == nil ||
		json.Unmarshal(s.SuccessMetrics, &metrics) != nil || len(metrics) == 0
}

// Texts of refusals.
const (
	badGateway = "gateway_id is invalid"
	badGroup   = "board_group_id is invalid"
	badMetrics = "success_metrics is no JSON value"
	noGoal     = "Goal boards require objective and success_metrics"
)

// Create makes a board. Gateways come with a later part, so any id of one is
// unknown.
type Create struct {
	Settings
	GroupKnown bool // the group, if one is named, is one of the organization
}

// Decide refuses what the board would refer to in vain.
func (c Create) Decide(b Board) ([]Event, error) {
	switch {
	case b.ID != uuid.Nil:
		return nil, domain.Bare(domain.Conflict)
	case c.GatewayID != nil:
		return nil, domain.Refuse(domain.Invalid, badGateway)
	case c.BoardGroupID != nil && !c.GroupKnown:
		return nil, domain.Refuse(domain.Invalid, badGroup)
	}
	var err error
	if c.SuccessMetrics, err = asStored(c.SuccessMetrics); err != nil {
		return nil, domain.Refuse(domain.Invalid, badMetrics)
	}
	return []Event{Created{c.Settings}}, nil
}

// Update changes settings of a board.
type Update struct {
	Changes
	GroupKnown bool // the group, if one is named, is one of the organization
}

// Decide records an event even when nothing changes: a touch moves updated_at.
// What is named but stays the same is left out of it.
func (c Update) Decide(b Board) ([]Event, error) {
	switch {
	case !b.Exists():
		return nil, domain.Bare(domain.NotFound)
	case c.GatewayID.Value != nil:
		return nil, domain.Refuse(domain.Invalid, badGateway)
	case c.BoardGroupID.Value != nil && !c.GroupKnown:
		return nil, domain.Refuse(domain.Invalid, badGroup)
	}
	if metrics := c.SuccessMetrics.Or(nil); metrics != nil {
		stored, err := asStored(metrics)
		if err != nil {
			return nil, domain.Refuse(domain.Invalid, badMetrics)
		}
		c.SuccessMetrics = domain.Some(stored)
	}
	if c.BoardType.Or("") == Goal && b.with(c.Changes).lacksGoal() {
		return nil, domain.Refuse(domain.Invalid, noGoal)
	}
	return []Event{b.updated(c.Changes)}, nil
}

// Goal is the type of boards that work towards one.
const Goal = "goal"

// Detach takes a board out of a group that is going away.
type Detach struct{ Group uuid.UUID }

// Decide leaves boards of other groups alone.
func (c Detach) Decide(b Board) ([]Event, error) {
	if !b.Exists() || b.BoardGroupID == nil || *b.BoardGroupID != c.Group {
		return nil, nil
	}
	return []Event{b.updated(Changes{BoardGroupID: domain.Null[uuid.UUID]()})}, nil
}

// updated is the event that makes some changes, without those that change
// nothing.
func (b Board) updated(c Changes) Updated {
	s := b.Settings
	e := Updated{Changes: Changes{
		Name: differs(c.Name, &s.Name), Slug: differs(c.Slug, &s.Slug), Description: differs(c.Description, &s.Description),
		GatewayID: differs(c.GatewayID, s.GatewayID), BoardGroupID: differs(c.BoardGroupID, s.BoardGroupID),
		BoardType: differs(c.BoardType, &s.BoardType), Objective: differs(c.Objective, s.Objective),
		SuccessMetrics: c.SuccessMetrics, TargetDate: c.TargetDate,
		GoalConfirmed: differs(c.GoalConfirmed, &s.GoalConfirmed), GoalSource: differs(c.GoalSource, s.GoalSource),
		RequireApprovalForDone:                differs(c.RequireApprovalForDone, &s.RequireApprovalForDone),
		RequireReviewBeforeDone:               differs(c.RequireReviewBeforeDone, &s.RequireReviewBeforeDone),
		CommentRequiredForReview:              differs(c.CommentRequiredForReview, &s.CommentRequiredForReview),
		BlockStatusChangesWithPendingApproval: differs(c.BlockStatusChangesWithPendingApproval, &s.BlockStatusChangesWithPendingApproval),
		OnlyLeadCanChangeStatus:               differs(c.OnlyLeadCanChangeStatus, &s.OnlyLeadCanChangeStatus),
		MaxAgents:                             differs(c.MaxAgents, &s.MaxAgents),
	}}
	if string(s.SuccessMetrics) == string(c.SuccessMetrics.Or(nil)) {
		e.SuccessMetrics = domain.Optional[jsontext.Value]{}
	}
	if before, after := s.TargetDate, c.TargetDate.Value; before == after || before != nil && after != nil && before.Equal(*after) {
		e.TargetDate = domain.Optional[time.Time]{}
	}
	if e.BoardGroupID.Set {
		e.LeftGroupID = s.BoardGroupID
	}
	return e
}

// differs is a value that was given, absent if it is the present one.
func differs[T comparable](given domain.Optional[T], now *T) domain.Optional[T] {
	same := given.Value == now || given.Value != nil && now != nil && *given.Value == *now
	if same {
		return domain.Optional[T]{}
	}
	return given
}

// Delete ends a board.
type Delete struct{}

// Decide ends it once.
func (Delete) Decide(b Board) ([]Event, error) {
	if !b.Exists() {
		return nil, domain.Bare(domain.NotFound)
	}
	return []Event{Deleted{b.Name, b.BoardGroupID}}, nil
}

// asStored writes a JSON value as it will be read back, without white space,
// so that a board shows the same now and after a rebuild.
func asStored(v jsontext.Value) (jsontext.Value, error) {
	if v == nil {
		return nil, nil
	}
	return json.Marshal(v)
}
