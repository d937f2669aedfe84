// Package tag decides what may happen to a tag, which marks tasks of an
// organization.
package tag

import (
	"cmp"
	"strings"
	"time"

	"github.com/google/uuid"

	"missioncontrol/domain"
)

// Tag is a mark that tasks may carry. The zero Tag does not exist.
type Tag struct {
	ID, OrganizationID   uuid.UUID
	Name, Slug           string
	Color                string // six lower-case hexadecimal digits
	Description          *string
	CreatedAt, UpdatedAt time.Time
	Deleted              bool
}

// Exists reports whether tasks can carry the tag.
func (t Tag) Exists() bool { return t.ID != uuid.Nil && !t.Deleted }

// Evolve returns the tag after e.
func (t Tag) Evolve(m domain.Meta, e Event) Tag {
	t.UpdatedAt = m.Time
	switch e := e.(type) {
	case Created:
		t.ID, t.OrganizationID, t.CreatedAt = m.Stream, m.Org, m.Time
		t.Name, t.Slug, t.Color, t.Description = e.Name, e.Slug, e.Color, e.Description
	case Updated:
		t.Name, t.Slug, t.Color = e.Name.Or(t.Name), e.Slug.Or(t.Slug), e.Color.Or(t.Color)
		t.Description = e.Description.OrNull(t.Description)
	case Deleted:
		t.Deleted = true
	}
	return t
}

// Slug is the form of a text that stands in addresses, "tag" if nothing of it
// can.
func Slug(text string) string { return cmp.Or(domain.Slug(text), "tag") }

// slugOf is the slug that is asked for, made of the name when none is.
func slugOf(asked *string, name string) string {
	if asked == nil || strings.TrimSpace(*asked) == "" {
		return Slug(name)
	}
	return Slug(*asked)
}

func slugTaken() error {
	return domain.Refuse(domain.Conflict, "Tag slug already exists in this organization.")
}

// Create makes a tag.
type Create struct {
	Name        string
	Slug        *string // nil or blank: made of the name
	Color       string
	Description *string
	Taken       bool // another tag of the organization has NewSlug
}

// NewSlug is the slug that the tag will have.
func (c Create) NewSlug() string { return slugOf(c.Slug, c.Name) }

// Decide lets every slug be used once.
func (c Create) Decide(t Tag) ([]Event, error) {
	switch {
	case t.ID != uuid.Nil:
		return nil, domain.Bare(domain.Conflict)
	case c.Taken:
		return nil, slugTaken()
	}
	return []Event{Created{Name: c.Name, Slug: c.NewSlug(), Color: c.Color, Description: c.Description}}, nil
}

// Update changes a tag. Absent fields stay as they are; a slug that is null or
// blank is made anew of the name.
type Update struct {
	Name, Slug, Color, Description domain.Optional[string]
	Taken                          bool // another tag of the organization has NewSlug
}

// NewSlug is the slug that a tag will have.
func (c Update) NewSlug(t Tag) string {
	if !c.Slug.Set {
		return t.Slug
	}
	return slugOf(c.Slug.Value, c.Name.Or(t.Name))
}

// Decide records a change even when everything stays the same: a touch moves
// updated_at.
func (c Update) Decide(t Tag) ([]Event, error) {
	if !t.Exists() {
		return nil, domain.Bare(domain.NotFound)
	}
	e := Updated{Name: c.Name, Color: c.Color, Description: c.Description}
	if slug := c.NewSlug(t); slug != t.Slug {
		if c.Taken {
			return nil, slugTaken()
		}
		e.Slug, e.WasSlug = domain.Some(slug), t.Slug
	}
	return []Event{e}, nil
}

// Delete removes a tag. Tasks that carry it are told by themselves, in the
// same append.
type Delete struct{}

// Decide removes it once.
func (Delete) Decide(t Tag) ([]Event, error) {
	if !t.Exists() {
		return nil, domain.Bare(domain.NotFound)
	}
	return []Event{Deleted{t.Slug}}, nil
}
