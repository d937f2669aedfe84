package task

import (
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"missioncontrol/domain"
)

// Event is something that happened to a task.
//
//sumtype:decl
type Event interface{ isTaskEvent() }

type (
	// Created: the task stands on a board.
	Created struct {
		BoardID         uuid.UUID   `json:"board_id"`
		Title           string      `json:"title"`
		Description     *string     `json:"description"`
		Status          Status      `json:"status"`
		Priority        string      `json:"priority"`
		DueAt           *time.Time  `json:"due_at"`
		AssignedAgentID *uuid.UUID  `json:"assigned_agent_id"`
		CreatedByUserID *uuid.UUID  `json:"created_by_user_id"`
		DependsOn       []uuid.UUID `json:"depends_on_task_ids,omitzero"`
		TagIDs          []uuid.UUID `json:"tag_ids,omitzero"`
		Values          Values      `json:"custom_field_values,omitzero"`
		AutoReason      *string     `json:"auto_reason,omitzero"` // why a lead made it
		Approvals       []uuid.UUID `json:"approvals,omitzero"`   // that let it begin as done
	}
	// Updated: something other than the status changed, or nothing did.
	Updated struct {
		Changes `json:",inline"`
	}
	// StatusChanged: the task moved, perhaps with other changes.
	StatusChanged struct {
		From      Status      `json:"from"`
		Status    Status      `json:"status"`
		Approvals []uuid.UUID `json:"approvals,omitzero"` // that let it become done
		Changes   `json:",inline"`
	}
	// Deleted: the task is gone from its board.
	Deleted struct {
		DependsOn []uuid.UUID `json:"depends_on_task_ids,omitzero"`
	}
)

// Values are the values of custom fields by the id of their definition.
type Values map[uuid.UUID]jsontext.Value

// Changes are the new values of what changed; an absent field kept its value.
type Changes struct {
	Title                domain.Optional[string]      `json:"title,omitzero"`
	Description          domain.Optional[string]      `json:"description,omitzero"`
	Priority             domain.Optional[string]      `json:"priority,omitzero"`
	DueAt                domain.Optional[time.Time]   `json:"due_at,omitzero"`
	AssignedAgentID      domain.Optional[uuid.UUID]   `json:"assigned_agent_id,omitzero"`
	InProgressAt         domain.Optional[time.Time]   `json:"in_progress_at,omitzero"`
	PreviousInProgressAt domain.Optional[time.Time]   `json:"previous_in_progress_at,omitzero"`
	DependsOn            domain.Optional[[]uuid.UUID] `json:"depends_on_task_ids,omitzero"`
	TagIDs               domain.Optional[[]uuid.UUID] `json:"tag_ids,omitzero"`
	Values               domain.Optional[Values]      `json:"custom_field_values,omitzero"` // all of them
	Because              *Dependency                  `json:"because,omitzero"`
}

// Dependency is the task whose completion, or whose end, changed this one.
type Dependency struct {
	TaskID uuid.UUID `json:"task_id"`
	Title  string    `json:"title"`
}

func (Created) isTaskEvent()       {}
func (Updated) isTaskEvent()       {}
func (StatusChanged) isTaskEvent() {}
func (Deleted) isTaskEvent()       {}

// Events names every event as it is stored. Types may be renamed, names may not.
var Events = map[string]Event{
	"task.created":        Created{},
	"task.updated":        Updated{},
	"task.status_changed": StatusChanged{},
	"task.deleted":        Deleted{},
}
