package commands

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"missioncontrol/domain/tag"
	"missioncontrol/domain/task"
	"missioncontrol/eventstore"
	"missioncontrol/projections"
)

// Tags are the use cases of tags.
type Tags struct {
	store *eventstore.Store
	tags  eventstore.Aggregate[tag.Tag, tag.Event]
	tasks eventstore.Aggregate[task.Task, task.Event]
	read  projections.Tags
}

// Create makes a tag of an organization.
func (t Tags) Create(ctx context.Context, org uuid.UUID, c tag.Create) (projections.Tag, error) {
	id := uuid.New()
	var view projections.Tag
	err := t.store.Do(ctx, func(d *eventstore.Decision) error {
		var err error
		if c.Taken, err = t.read.SlugTaken(ctx, d, org, c.NewSlug(), id); err != nil {
			return err
		}
		return carryOut(d, t.tags.New(d, org, id), c, &view, func(made tag.Tag) projections.Tag {
			return projections.ViewTag(made, 0)
		})
	})
	return view, err
}

// Update changes a tag of an organization.
func (t Tags) Update(ctx context.Context, org, id uuid.UUID, c tag.Update) (projections.Tag, error) {
	var view projections.Tag
	err := t.store.Do(ctx, func(d *eventstore.Decision) error {
		x := t.tags.In(d, org, id)
		before, err := x.State()
		if err != nil {
			return err
		}
		if slug := c.NewSlug(before); slug != before.Slug {
			if c.Taken, err = t.read.SlugTaken(ctx, d, org, slug, id); err != nil {
				return err
			}
		}
		return carryOutAndRead(d, x, c, &view, func(now tag.Tag) (projections.Tag, error) {
			counts, err := t.read.Counts(ctx, id)
			return projections.ViewTag(now, counts[id]), err
		})
	})
	return view, err
}

// mostUntagged is how many tasks lose their tag in one append.
const mostUntagged = 1000

// errManyCarriers means that more tasks carry a tag than one append can hold.
var errManyCarriers = errors.New("commands: more tasks carry the tag than one append can hold")

// Delete removes a tag, from the tasks that carry it too, in the same append.
// Of more tasks than one append can hold, others lose it in appends before.
func (t Tags) Delete(ctx context.Context, org, id uuid.UUID) error {
	for {
		err := t.store.Do(ctx, func(d *eventstore.Decision) error {
			tasks, err := t.read.Carriers(ctx, d, id, mostUntagged+1)
			if err != nil {
				return err
			}
			if len(tasks) > mostUntagged {
				return errManyCarriers
			}
			if err := t.untag(d, org, id, tasks); err != nil {
				return err
			}
			d.Answer(projections.OK())
			return t.tags.In(d, org, id).Decide(tag.Delete{})
		})
		if !errors.Is(err, errManyCarriers) {
			return err
		}
		if err := t.untagSome(ctx, org, id); err != nil {
			return err
		}
	}
}

// untagSome takes a tag off as many tasks as one append can hold. A repeat of
// the request finds its answer with the append that deletes the tag.
func (t Tags) untagSome(ctx context.Context, org, id uuid.UUID) error {
	c := *eventstore.CommandFrom(ctx)
	c.Idempotency = nil
	return t.store.Do(eventstore.WithCommand(ctx, &c), func(d *eventstore.Decision) error {
		tasks, err := t.read.Carriers(ctx, d, id, mostUntagged)
		if err != nil {
			return err
		}
		return t.untag(d, org, id, tasks)
	})
}

func (t Tags) untag(d *eventstore.Decision, org, id uuid.UUID, tasks []uuid.UUID) error {
	for _, carrier := range tasks {
		if err := t.tasks.In(d, org, carrier).Decide(task.Untag{Tag: id}); err != nil {
			return err
		}
	}
	return nil
}
