// Package organization decides what may happen to an organization, the owner
// of boards and everything on them.
package organization

import (
	"strings"
	"time"

	"github.com/google/uuid"

	"missioncontrol/domain"
)

// Event is something that happened to an organization.
//
//sumtype:decl
type Event interface{ isOrganizationEvent() }

type (
	// Created: the organization exists.
	Created struct {
		Name string `json:"name"`
	}
	// Deleted: the organization and everything in it is gone.
	Deleted struct {
		Name    string `json:"name"`
		Boards  int    `json:"boards"`  // that went with it
		Members int    `json:"members"` // that it had
	}
)

func (Created) isOrganizationEvent() {}
func (Deleted) isOrganizationEvent() {}

// Events names every event as it is stored.
var Events = map[string]Event{"organization.created": Created{}, "organization.deleted": Deleted{}}

// Organization is the owner of boards. The zero one does not exist.
type Organization struct {
	ID                   uuid.UUID
	Name                 string
	CreatedAt, UpdatedAt time.Time
	Deleted              bool
}

// Exists reports whether the organization can be worked in.
func (o Organization) Exists() bool { return o.ID != uuid.Nil && !o.Deleted }

// Evolve returns the organization after e.
func (o Organization) Evolve(m domain.Meta, e Event) Organization {
	o.UpdatedAt = m.Time
	switch e := e.(type) {
	case Created:
		o.ID, o.Name, o.CreatedAt = m.Stream, e.Name, m.Time
	case Deleted:
		o.Deleted = true
	}
	return o
}

// Create founds an organization.
type Create struct {
	Name  string
	Taken bool // another one has this name, whatever its case
}

// Decide wants a name that is not blank and not taken.
func (c Create) Decide(o Organization) ([]Event, error) {
	name := strings.TrimSpace(c.Name)
	switch {
	case name == "":
		return nil, domain.Bare(domain.Invalid)
	case o.ID != uuid.Nil, c.Taken:
		return nil, domain.Bare(domain.Conflict)
	}
	return []Event{Created{name}}, nil
}

// Delete ends an organization.
type Delete struct{ Boards, Members int }

// Decide ends it once.
func (c Delete) Decide(o Organization) ([]Event, error) {
	if !o.Exists() {
		return nil, domain.Bare(domain.NotFound)
	}
	return []Event{Deleted{o.Name, c.Boards, c.Members}}, nil
}
