package commands

import (
	"context"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"missioncontrol/domain"
	"missioncontrol/domain/agent"
	"missioncontrol/domain/approval"
	"missioncontrol/domain/comment"
	"missioncontrol/domain/task"
	"missioncontrol/eventstore"
	"missioncontrol/projections"
)

// Tasks are the use cases of tasks.
type Tasks struct {
	store     *eventstore.Store
	tasks     eventstore.Aggregate[task.Task, task.Event]
	agents    eventstore.Aggregate[agent.Agent, agent.Event]
	comments  eventstore.Aggregate[comment.Comment, comment.Event]
	approvals eventstore.Aggregate[approval.Approval, approval.Event]
	read      projections.Tasks
	boards    projections.Boards
	said      projections.Comments
	linked    projections.Approvals
	crew      projections.Agents
	tags      projections.Tags
	fields    projections.Fields
}

// Place is where a thing lives: its board, and the organization of that.
type Place struct{ Organization, Board uuid.UUID }

type taskStream = eventstore.Stream[task.Task, task.Event]

// NewTask says what task is made.
type NewTask struct {
	task.Created
	CustomFields map[string]jsontext.Value
}

// Create adds a task to a board, for a person or for the lead of the board.
func (t Tasks) Create(ctx context.Context, at Place, n NewTask) (projections.Task, error) {
	id, actor := uuid.New(), eventstore.CommandFrom(ctx).Actor
	n.BoardID, n.DependsOn, n.TagIDs = at.Board, unique(n.DependsOn), unique(n.TagIDs)
	if actor.Type == domain.User {
		n.CreatedByUserID = &actor.ID
	}
	var view projections.Task
	err := t.store.Do(ctx, func(d *eventstore.Decision) error {
		facts, err := t.factsOfNew(ctx, d, at, id, n)
		if err != nil {
			return err
		}
		var c domain.Command[task.Task, task.Event] = task.Create{Created: n.Created, Facts: facts}
		if actor.Type == domain.Agent {
			c = task.LeadCreate{Create: task.Create{Created: n.Created, Facts: facts}, By: actor.ID}
		}
		return carryOutAndRead(d, t.tasks.New(d, at.Organization, id), c, &view, t.show(ctx, d))
	})
	return view, err
}

// TaskEdit is what somebody asks to change.
type TaskEdit struct {
	task.Edit
	Named        []string // every field that was sent
	Comment      string
	NamesValues  bool // custom fields are named, if only as null: required ones are asked for
	CustomFields map[string]jsontext.Value
}

// Update changes a task by the rules of its caller. A comment that comes along
// is recorded first; tasks that depend on this one are told if it enters or
// leaves done.
func (t Tasks) Update(ctx context.Context, at Place, id uuid.UUID, e TaskEdit) (projections.Task, error) {
	comment := uuid.New()
	e.HasComment = e.Comment != ""
	var view projections.Task
	err := t.store.Do(ctx, func(d *eventstore.Decision) error {
		x, err := t.onBoard(d, at, id)
		if err != nil {
			return err
		}
		before, err := x.State()
		if err != nil {
			return err
		}
		c, err := t.edit(ctx, d, at, before, e)
		if err != nil {
			return err
		}
		if e.HasComment {
			if _, err := c.Decide(before); err != nil { // a refused change leaves no comment
				return err
			}
			if err := t.say(d, at, comment, id, e.Comment); err != nil {
				return err
			}
		}
		if err := carryOutAndRead(d, x, c, &view, t.show(ctx, d)); err != nil {
			return err
		}
		return t.tellDependents(ctx, d, at, x, before)
	})
	return view, err
}

// edit chooses the rule set of the caller.
func (t Tasks) edit(ctx context.Context, d *eventstore.Decision, at Place, now task.Task, e TaskEdit) (domain.Command[task.Task, task.Event], error) {
	facts, err := t.factsOfEdit(ctx, d, at, now, e)
	if err != nil {
		return nil, err
	}
	caller := d.Actor()
	if caller.Type != domain.Agent {
		return task.UserEdit{Edit: e.Edit, Facts: facts}, nil
	}
	me, err := t.agents.In(d, at.Organization, caller.ID).State()
	if err != nil {
		return nil, err
	}
	if me.IsBoardLead {
		return task.LeadEdit{Edit: e.Edit, Facts: facts, Named: e.Named}, nil
	}
	return task.WorkerEdit{Edit: e.Edit, Facts: facts, Agent: caller.ID}, nil
}

// say records a comment that comes with a change.
func (t Tasks) say(d *eventstore.Decision, at Place, id, on uuid.UUID, text string) error {
	return t.comments.New(d, at.Organization, id).Decide(comment.Create{
		Created: comment.Created{BoardID: at.Board, TaskID: on, Message: text, AgentID: agentOf(d.Actor()), WithChange: true},
	})
}

// agentOf is the actor's id if it is an agent.
func agentOf(a domain.Actor) *uuid.UUID {
	if a.Type != domain.Agent {
		return nil
	}
	return &a.ID
}

// tellDependents records on the tasks that depend on one that it entered or
// left done.
func (t Tasks) tellDependents(ctx context.Context, d *eventstore.Decision, at Place, x *taskStream, before task.Task) error {
	now, err := x.State()
	if err != nil || (now.Status == task.Done) == (before.Status == task.Done) {
		return err
	}
	dependents, err := t.read.Dependents(ctx, d, at.Board, now.ID)
	if err != nil {
		return err
	}
	for _, id := range dependents {
		if err := t.tasks.In(d, at.Organization, id).Decide(task.DependencyDone{
			By: task.Dependency{TaskID: now.ID, Title: now.Title}, Done: now.Status == task.Done,
		}); err != nil {
			return err
		}
	}
	return nil
}

// Delete removes a task from its board: edges to it and requests about it alone
// go with it, in the same append; its comments follow.
func (t Tasks) Delete(ctx context.Context, at Place, id uuid.UUID) error {
	return t.store.Do(ctx, func(d *eventstore.Decision) error {
		x, err := t.onBoard(d, at, id)
		if err != nil {
			return err
		}
		now, err := x.State()
		if err != nil {
			return err
		}
		d.Answer(projections.OK())
		if err := t.unlink(ctx, d, at, now); err != nil {
			return err
		}
		return x.Decide(task.Delete{})
	})
}

// unlink takes a task that goes out of the dependencies and requests of others.
func (t Tasks) unlink(ctx context.Context, d *eventstore.Decision, at Place, gone task.Task) error {
	dependents, err := t.read.Dependents(ctx, d, at.Board, gone.ID)
	if err != nil {
		return err
	}
	for _, id := range dependents {
		if err := t.tasks.In(d, at.Organization, id).Decide(task.DependencyGone{
			By: task.Dependency{TaskID: gone.ID, Title: gone.Title},
		}); err != nil {
			return err
		}
	}
	linked, err := t.linked.LinkedTo(ctx, d, gone.ID)
	if err != nil {
		return err
	}
	for _, id := range linked {
		if err := t.approvals.In(d, at.Organization, id).Decide(approval.Unlink{Task: gone.ID}); err != nil {
			return err
		}
	}
	return nil
}

// onBoard is the task if it stands on the board.
func (t Tasks) onBoard(d *eventstore.Decision, at Place, id uuid.UUID) (*taskStream, error) {
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

// show is the view of a task, read within d.
func (t Tasks) show(ctx context.Context, d *eventstore.Decision) func(task.Task) (projections.Task, error) {
	return func(now task.Task) (projections.Task, error) { return t.read.View(ctx, d, now) }
}

// unique removes duplicates, keeping order.
func unique(ids []uuid.UUID) []uuid.UUID {
	var kept []uuid.UUID
	for _, id := range ids {
		if !slices.Contains(kept, id) {
			kept = append(kept, id)
		}
	}
	return kept
}
