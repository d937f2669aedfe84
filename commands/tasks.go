package commands

import (
	"context"

	"github.com/google/uuid"

	"missioncontrol/domain"
	"missioncontrol/domain/agent"
	"missioncontrol/domain/task"
	"missioncontrol/eventstore"
	"missioncontrol/projections"
)

// Tasks are the use cases of tasks.
type Tasks struct {
	store  *eventstore.Store
	tasks  eventstore.Aggregate[task.Task, task.Event]
	agents eventstore.Aggregate[agent.Agent, agent.Event]
}

// Place is where a thing lives: its board, and the organization of that.
type Place struct{ Organization, Board uuid.UUID }

// Create adds a task to a board.
func (t Tasks) Create(ctx context.Context, at Place, c task.Create) (projections.Task, error) {
	ids, err := freshIDs(1)
	if err != nil {
		return projections.Task{}, err
	}
	c.BoardID = at.Board
	if actor := eventstore.CommandFrom(ctx).Actor; actor.Type == domain.User {
		c.CreatedByUserID = &actor.ID
	}
	var view projections.Task
	err = t.store.Do(ctx, func(d *eventstore.Decision) error {
		if err := t.assignable(d, at, c.AssignedAgentID); err != nil {
			return err
		}
		return t.decide(d, t.tasks.New(d, at.Organization, ids[0]), c, &view)
	})
	return view, err
}

// Update changes a task on behalf of a person.
func (t Tasks) Update(ctx context.Context, at Place, id uuid.UUID, c task.Update) (projections.Task, error) {
	var view projections.Task
	err := t.store.Do(ctx, func(d *eventstore.Decision) error {
		c.Now = d.Now()
		x, err := t.onBoard(d, at, id)
		if err != nil {
			return err
		}
		if err := t.assignable(d, at, c.Assignee.Value); err != nil {
			return err
		}
		return t.decide(d, x, c, &view)
	})
	return view, err
}

// assignable refuses an assignee that does not exist, or works elsewhere.
func (t Tasks) assignable(d *eventstore.Decision, at Place, id *uuid.UUID) error {
	if id == nil {
		return nil
	}
	a, err := t.agents.In(d, at.Organization, *id).State()
	switch {
	case err != nil:
		return err
	case !a.Exists(), a.OrganizationID != at.Organization:
		return domain.Bare(domain.NotFound)
	case a.BoardID != nil && *a.BoardID != at.Board:
		return domain.Bare(domain.Conflict)
	}
	return nil
}

// Delete removes a task from its board.
func (t Tasks) Delete(ctx context.Context, at Place, id uuid.UUID) error {
	return t.store.Do(ctx, func(d *eventstore.Decision) error {
		x, err := t.onBoard(d, at, id)
		if err != nil {
			return err
		}
		d.Answer(projections.OK())
		return x.Decide(task.Delete{})
	})
}

// onBoard is the task if it stands on the board.
func (t Tasks) onBoard(d *eventstore.Decision, at Place, id uuid.UUID) (*eventstore.Stream[task.Task, task.Event], error) {
	x := t.tasks.In(d, at.Organization, id)
	now, err := x.State()
	if err != nil {
		return nil, err
	}
	if !now.Exists() || now.BoardID != at.Board {
		return nil, domain.Bare(domain.NotFound)
	}
	return x, nil
}

// decide carries a command out and shows what became of the task.
func (t Tasks) decide(d *eventstore.Decision, x *eventstore.Stream[task.Task, task.Event], c domain.Command[task.Task, task.Event], view *projections.Task) error {
	if err := x.Decide(c); err != nil {
		return err
	}
	now, err := x.State()
	*view = projections.ViewTask(now)
	d.Answer(*view)
	return err
}
