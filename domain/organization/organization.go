// Package organization decides what may happen to an organization, the owner
// of boards and everything on them.
package organization

import (
	"time"

	"github.com/google/uuid"

	"missioncontrol/domain"
)

// Event is something that happened to an organization.
//
//sumtype:decl
type Event interface{ isOrganizationEvent() }

// Created: the organization exists.
type Created struct {
	Name string `json:"name"`
}

func (Created) isOrganizationEvent() {}

// Events names every event as it is stored.
var Events = map[string]Event{"organization.created": Created{}}

// Organization is the owner of boards. The zero one does not exist.
type Organization struct {
	ID                   uuid.UUID
	Name                 string
	CreatedAt, UpdatedAt time.Time
}

// Evolve returns the organization after e.
func (o Organization) Evolve(m domain.Meta, e Event) Organization {
	o.UpdatedAt = m.Time
	switch e := e.(type) {
	case Created:
		o.ID, o.Name, o.CreatedAt = m.Stream, e.Name, m.Time
	}
	return o
}

// Create founds an organization.
type Create struct{ Name string }

// Decide founds it once.
func (c Create) Decide(o Organization) ([]Event, error) {
	if o.ID != uuid.Nil {
		return nil, domain.Bare(domain.Conflict)
	}
	return []Event{Created(c)}, nil
}
