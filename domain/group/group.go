// Package group decides what may happen to a group of boards, whose members
// see each other's work and share a memory.
package group

import (
	"cmp"
	"strings"
	"time"

	"github.com/google/uuid"

	"missioncontrol/domain"
)

// Event is something that happened to a group.
//
//sumtype:decl
type Event interface{ isGroupEvent() }

type (
	// Created: the group exists, without boards.
	Created struct {
		Name        string  `json:"name"`
		Slug        string  `json:"slug"`
		Description *string `json:"description"`
	}
	// Updated: what it is called changed; an absent field did not.
	Updated struct {
		Name        domain.Optional[string] `json:"name,omitzero"`
		Slug        domain.Optional[string] `json:"slug,omitzero"`
		Description domain.Optional[string] `json:"description,omitzero"`
	}
	// Deleted: the group is gone, and its memory with it.
	Deleted struct {
		Name string `json:"name"`
	}
)

func (Created) isGroupEvent() {}
func (Updated) isGroupEvent() {}
func (Deleted) isGroupEvent() {}

// Events names every event as it is stored.
var Events = map[string]Event{"group.created": Created{}, "group.updated": Updated{}, "group.deleted": Deleted{}}

// Group is a number of boards. The zero Group does not exist.
type Group struct {
	ID, OrganizationID   uuid.UUID
	Name, Slug           string
	Description          *string
	CreatedAt, UpdatedAt time.Time
	Deleted              bool
}

// Exists reports whether the group can be worked with.
func (g Group) Exists() bool { return g.ID != uuid.Nil && !g.Deleted }

// Evolve returns the group after e.
func (g Group) Evolve(m domain.Meta, e Event) Group {
	g.UpdatedAt = m.Time
	switch e := e.(type) {
	case Created:
		g.ID, g.OrganizationID, g.CreatedAt = m.Stream, m.Org, m.Time
		g.Name, g.Slug, g.Description = e.Name, e.Slug, e.Description
	case Updated:
		g.Name, g.Slug = e.Name.Or(g.Name), e.Slug.Or(g.Slug)
		g.Description = e.Description.OrNull(g.Description)
	case Deleted:
		g.Deleted = true
	}
	return g
}

// Create makes a group. Fallback is its slug when none is given and the name
// makes none.
type Create struct {
	As       Created
	Fallback string
}

// Decide derives the slug.
func (c Create) Decide(g Group) ([]Event, error) {
	if g.ID != uuid.Nil {
		return nil, domain.Bare(domain.Conflict)
	}
	c.As.Slug = slug(c.As.Slug, c.As.Name, c.Fallback)
	return []Event{c.As}, nil
}

// Update changes what a group is called.
type Update struct {
	To       Updated
	Fallback string
}

// Decide derives a slug that is named but blank from the name. It records an
// event even when nothing changes: a touch moves updated_at.
func (c Update) Decide(g Group) ([]Event, error) {
	if !g.Exists() {
		return nil, domain.Bare(domain.NotFound)
	}
	e := c.To
	if e.Slug.Set {
		e.Slug = domain.Some(slug(e.Slug.Or(""), e.Name.Or(g.Name), c.Fallback))
	}
	return []Event{e}, nil
}

// slug is the one that was given, as it was written, or else one made from the
// name.
func slug(given, name, fallback string) string {
	if strings.TrimSpace(given) != "" {
		return given
	}
	return cmp.Or(domain.Slug(name), fallback)
}

// Delete ends a group.
type Delete struct{}

// Decide ends it once.
func (Delete) Decide(g Group) ([]Event, error) {
	if !g.Exists() {
		return nil, domain.Bare(domain.NotFound)
	}
	return []Event{Deleted{g.Name}}, nil
}
