package field

import (
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"missioncontrol/domain"
)

// Event is something that happened to the definition of a custom field.
//
//sumtype:decl
type Event interface{ isFieldEvent() }

type (
	// Created: tasks of some boards have the field.
	Created struct {
		Key         string         `json:"field_key"`
		Label       string         `json:"label"`
		Type        Type           `json:"field_type"`
		Visibility  Visibility     `json:"ui_visibility"`
		Regex       *string        `json:"validation_regex"`
		Description *string        `json:"description"`
		Required    bool           `json:"required"`
		Default     jsontext.Value `json:"default_value,omitzero"`
		BoardIDs    []uuid.UUID    `json:"board_ids"`
	}
	// Updated: the field is defined otherwise. Values that tasks have stay.
	Updated struct {
		Label       domain.Optional[string]         `json:"label,omitzero"`
		Type        domain.Optional[Type]           `json:"field_type,omitzero"`
		Visibility  domain.Optional[Visibility]     `json:"ui_visibility,omitzero"`
		Regex       domain.Optional[string]         `json:"validation_regex,omitzero"`
		Description domain.Optional[string]         `json:"description,omitzero"`
		Required    domain.Optional[bool]           `json:"required,omitzero"`
		Default     domain.Optional[jsontext.Value] `json:"default_value,omitzero"`
		BoardIDs    domain.Optional[[]uuid.UUID]    `json:"board_ids,omitzero"`
		WasOn       []uuid.UUID                     `json:"was_on,omitzero"` // boards, if those changed
	}
	// Deleted: the field is gone, and its key is free again.
	Deleted struct {
		Key string `json:"field_key"`
	}
)

func (Created) isFieldEvent() {}
func (Updated) isFieldEvent() {}
func (Deleted) isFieldEvent() {}

// Events names every event as it is stored.
var Events = map[string]Event{"field.created": Created{}, "field.updated": Updated{}, "field.deleted": Deleted{}}
