package httpapi

import (
	"context"
	"regexp"
	"strings"

	"github.com/google/uuid"

	"missioncontrol/domain"
	"missioncontrol/domain/tag"
	"missioncontrol/projections"
)

func (a *API) listTags(ctx context.Context, in page) (projections.Page[projections.Tag], error) {
	return projections.Tags{Reader: a.Read}.OfOrganization(ctx, memberOf(ctx).OrganizationID, in.slice())
}

// listBoardTags shows agents what tasks of the board can carry.
func (a *API) listBoardTags(ctx context.Context, _ onBoard) ([]projections.TagRef, error) {
	return projections.Tags{Reader: a.Read}.RefsOf(ctx, boardOf(ctx).OrganizationID)
}

// hexColor is a color as six hexadecimal digits; newColor is one that must not
// be empty, which is told in other words.
type (
	hexColor string
	newColor string
)

var sixDigits = regexp.MustCompile(`^[0-9a-f]{6}$`)

// Settle takes the sign off.
func (c *hexColor) Settle() string {
	*c = hexColor(strings.TrimLeft(strings.ToLower(strings.TrimSpace(string(*c))), "#"))
	if !sixDigits.MatchString(string(*c)) {
		return "color must be a 6-digit hex value"
	}
	return ""
}

// Settle takes the sign off.
func (c *newColor) Settle() string {
	if strings.Trim(string(*c), "# \t\r\n") == "" {
		return "color is required"
	}
	return (*hexColor)(c).Settle()
}

// TagCreate is the body of a new tag.
type TagCreate struct {
	Name        string   `json:"name" nonempty:"true"`
	Slug        *string  `json:"slug"`
	Color       newColor `json:"color" default:"9e9e9e"`
	Description *string  `json:"description"`
}

func (a *API) createTag(ctx context.Context, in TagCreate) (projections.Tag, error) {
	return a.Commands.Tags.Create(ctx, memberOf(ctx).OrganizationID, tag.Create{
		Name: in.Name, Slug: in.Slug, Color: string(in.Color), Description: in.Description,
	})
}

type ofTag struct {
	TagID uuid.UUID `path:"tag_id"`
}

// getTag shows a tag of the caller's organization; that another one has it is
// no secret.
func (a *API) getTag(ctx context.Context, in ofTag) (*projections.Tag, error) {
	t, err := projections.Tags{Reader: a.Read}.Read(ctx, in.TagID)
	switch {
	case err != nil:
		return nil, err
	case t == nil:
		return nil, domain.Bare(domain.NotFound)
	case t.OrganizationID != memberOf(ctx).OrganizationID:
		return nil, domain.Bare(domain.Forbidden)
	}
	return t, nil
}

// TagUpdate is the body of a change of a tag.
type TagUpdate struct {
	Name        domain.Optional[string]   `json:"name" nonempty:"true"`
	Slug        domain.Optional[string]   `json:"slug"`
	Color       domain.Optional[hexColor] `json:"color"`
	Description domain.Optional[string]   `json:"description"`
}

// Validate wants a change, and one that can be.
func (u *TagUpdate) Validate() string {
	switch {
	case !u.Name.Set && !u.Slug.Set && !u.Color.Set && !u.Description.Set:
		return "At least one field is required"
	case u.Name.Set && u.Name.Value == nil:
		return "name is required"
	case u.Color.Set && u.Color.Value == nil:
		return "color must be a 6-digit hex value"
	}
	return ""
}

type updateTag struct {
	ofTag
	TagUpdate
}

func (a *API) updateTag(ctx context.Context, in updateTag) (projections.Tag, error) {
	t, err := a.getTag(ctx, in.ofTag)
	if err != nil {
		return projections.Tag{}, err
	}
	change := tag.Update{Name: in.Name, Slug: in.Slug, Description: in.Description}
	if in.Color.Value != nil {
		change.Color = domain.Some(string(*in.Color.Value))
	}
	return a.Commands.Tags.Update(ctx, t.OrganizationID, t.ID, change)
}

func (a *API) deleteTag(ctx context.Context, in ofTag) (projections.Ok, error) {
	t, err := a.getTag(ctx, in)
	if err != nil {
		return projections.Ok{}, err
	}
	return projections.OK(), a.Commands.Tags.Delete(ctx, t.OrganizationID, t.ID)
}
