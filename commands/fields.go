package commands

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"missioncontrol/domain"
	"missioncontrol/domain/field"
	"missioncontrol/eventstore"
	"missioncontrol/projections"
)

// Fields are the use cases of custom fields.
type Fields struct {
	store  *eventstore.Store
	fields eventstore.Aggregate[field.Definition, field.Event]
	boards projections.Boards
	read   projections.Fields
}

// Create defines a field of an organization.
func (f Fields) Create(ctx context.Context, org uuid.UUID, e field.Created) (projections.Field, error) {
	id := uuid.New()
	var view projections.Field
	err := f.store.Do(ctx, func(d *eventstore.Decision) error {
		c := field.Create{Created: e}
		var err error
		if c.UnknownBoard, err = f.unknown(ctx, d, org, e.BoardIDs); err != nil {
			return err
		}
		if c.KeyTaken, err = f.read.KeyTaken(ctx, d, org, e.Key); err != nil {
			return err
		}
		return carryOutAndRead(d, f.fields.New(d, org, id), c, &view, f.show(ctx))
	})
	return view, err
}

// Update defines a field of an organization otherwise.
func (f Fields) Update(ctx context.Context, org, id uuid.UUID, e field.Updated) (projections.Field, error) {
	var view projections.Field
	err := f.store.Do(ctx, func(d *eventstore.Decision) error {
		x, err := f.of(d, org, id)
		if err != nil {
			return err
		}
		c := field.Update{Updated: e}
		if c.UnknownBoard, err = f.unknown(ctx, d, org, e.BoardIDs.Or(nil)); err != nil {
			return err
		}
		return carryOutAndRead(d, x, c, &view, f.show(ctx))
	})
	return view, err
}

// Delete ends a field of an organization that no task has a value of.
func (f Fields) Delete(ctx context.Context, org, id uuid.UUID) error {
	return f.store.Do(ctx, func(d *eventstore.Decision) error {
		x, err := f.of(d, org, id)
		if err != nil {
			return err
		}
		hasValues, err := f.read.HasValues(ctx, d, org, id)
		if err != nil {
			return err
		}
		d.Answer(projections.OK())
		return x.Decide(field.Delete{HasValues: hasValues})
	})
}

type fieldStream = eventstore.Stream[field.Definition, field.Event]

// of is the field if it is one of the organization.
func (f Fields) of(d *eventstore.Decision, org, id uuid.UUID) (*fieldStream, error) {
	x := f.fields.In(d, org, id)
	now, err := x.State()
	if err == nil && (!now.Exists() || now.OrganizationID != org) {
		err = domain.Bare(domain.NotFound)
	}
	return x, err
}

// show is the view of a field, with those of its boards that are still there.
func (f Fields) show(ctx context.Context) func(field.Definition) (projections.Field, error) {
	return func(now field.Definition) (projections.Field, error) { return f.read.View(ctx, now) }
}

// unknown lists, of some boards, those that are not the organization's.
func (f Fields) unknown(ctx context.Context, d *eventstore.Decision, org uuid.UUID, boards []uuid.UUID) ([]uuid.UUID, error) {
	var unknown []uuid.UUID
	for _, id := range boards {
		row, err := f.boards.Find(ctx, d, id)
		if err != nil {
			return nil, err
		}
		if (row == nil || row.OrganizationID != org) && !slices.Contains(unknown, id) {
			unknown = append(unknown, id)
		}
	}
	return unknown, nil
}
