package tag

import "missioncontrol/domain"

// Event is something that happened to a tag.
//
//sumtype:decl
type Event interface{ isTagEvent() }

type (
	// Created: tasks of the organization can carry the tag.
	Created struct {
		Name        string  `json:"name"`
		Slug        string  `json:"slug"`
		Color       string  `json:"color"`
		Description *string `json:"description"`
	}
	// Updated: the tag looks or is called otherwise.
	Updated struct {
		Name        domain.Optional[string] `json:"name,omitzero"`
		Slug        domain.Optional[string] `json:"slug,omitzero"`
		WasSlug     string                  `json:"was_slug,omitzero"` // if the slug changed
		Color       domain.Optional[string] `json:"color,omitzero"`
		Description domain.Optional[string] `json:"description,omitzero"`
	}
	// Deleted: the tag is gone, and its slug is free again.
	Deleted struct {
		Slug string `json:"slug"`
	}
)

func (Created) isTagEvent() {}
func (Updated) isTagEvent() {}
func (Deleted) isTagEvent() {}

// Events names every event as it is stored.
var Events = map[string]Event{"tag.created": Created{}, "tag.updated": Updated{}, "tag.deleted": Deleted{}}
