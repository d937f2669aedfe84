package projections_test

import (
	"fmt"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"missioncontrol/domain"
	"missioncontrol/domain/field"
	"missioncontrol/domain/tag"
	"missioncontrol/projections"
)

// label does something to a tag or a custom field of the organization.
func (c *crowd) label() error {
	tags, err := projections.Tags{Reader: c.Reader}.OfOrganization(c.ctx, c.org, projections.Slice{Limit: 100})
	if err != nil {
		return err
	}
	fields, err := projections.Fields{Reader: c.Reader}.OfOrganization(c.ctx, c.org)
	if err != nil {
		return err
	}
	text, board := c.text(), pick(c.rand, c.places...).Board
	switch n := c.rand.IntN(8); {
	case n < 2 || len(tags.Items) == 0:
		_, err = c.Tags.Create(c.ctx, c.org, tag.Create{Name: fmt.Sprint(text, c.rand.IntN(5)), Color: "ff8800", Description: &text})
	case n == 2:
		_, err = c.Tags.Update(c.ctx, c.org, pick(c.rand, tags.Items...).ID, tag.Update{Name: domain.Some(text), Slug: pick(c.rand, domain.Optional[string]{}, domain.Null[string]())})
	case n == 3:
		err = c.Tags.Delete(c.ctx, c.org, pick(c.rand, tags.Items...).ID)
	case n < 6 || len(fields) == 0:
		_, err = c.Fields.Create(c.ctx, c.org, field.Created{
			Key: fmt.Sprint(text, c.rand.IntN(5)), Label: text, Type: field.JSON, Visibility: field.IfSet, Description: &text,
			Default: pick(c.rand, nil, jsontext.Value(`{ "b": [1.50 , "\u00e9"], "a": {} }`)), BoardIDs: []uuid.UUID{board},
		})
	case n == 6:
		_, err = c.Fields.Update(c.ctx, c.org, pick(c.rand, fields...).ID, field.Updated{
			Label: domain.Some(text), Required: domain.Some(false), BoardIDs: pick(c.rand, domain.Optional[[]uuid.UUID]{}, domain.Some([]uuid.UUID{board})),
			Default: pick(c.rand, domain.Optional[jsontext.Value]{}, domain.Null[jsontext.Value](), domain.Some(jsontext.Value("[80.0]"))),
		})
	default:
		err = c.Fields.Delete(c.ctx, c.org, pick(c.rand, fields...).ID)
	}
	return err
}
