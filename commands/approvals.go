package commands

import (
	"context"

	"github.com/google/uuid"

	"missioncontrol/domain"
	"missioncontrol/domain/agent"
	"missioncontrol/domain/approval"
	"missioncontrol/eventstore"
	"missioncontrol/projections"
)

// Approvals are the use cases of requests for approval.
type Approvals struct {
	store     *eventstore.Store
	approvals eventstore.Aggregate[approval.Approval, approval.Event]
	agents    eventstore.Aggregate[agent.Agent, agent.Event]
	tasks     projections.Tasks
	read      projections.Approvals
}

// Create asks for approval. What an agent asks for waits, and is its own.
func (a Approvals) Create(ctx context.Context, at Place, c approval.Created) (projections.Approval, error) {
	id := uuid.New()
	c.BoardID, c.TaskIDs = at.Board, unique(c.TaskIDs)
	if actor := eventstore.CommandFrom(ctx).Actor; actor.Type == domain.Agent {
		c.Status, c.AgentID = approval.Pending, &actor.ID
	}
	var view projections.Approval
	err := a.store.Do(ctx, func(d *eventstore.Decision) error {
		asked, err := a.facts(ctx, d, at, id, c)
		if err != nil {
			return err
		}
		return carryOutAndRead(d, a.approvals.New(d, at.Organization, id), asked, &view, a.show(ctx, d))
	})
	return view, err
}

// facts are what the rules ask of the tasks and of the agent that are named.
func (a Approvals) facts(ctx context.Context, d *eventstore.Decision, at Place, id uuid.UUID, c approval.Created) (approval.Create, error) {
	asked := approval.Create{Created: c}
	found, err := a.tasks.OnBoardByID(ctx, d, at.Board, c.TaskIDs)
	if err != nil {
		return asked, err
	}
	for _, id := range c.TaskIDs {
		if _, ok := found[id]; !ok {
			asked.MissingTasks = append(asked.MissingTasks, id)
		}
	}
	if d.Actor().Type != domain.Agent {
		named, err := assigneeFacts(d, a.agents, at, c.AgentID)
		if err != nil {
			return asked, err
		}
		asked.AgentElsewhere = named.Unknown || named.OtherBoard
	}
	asked.Conflicts, err = a.read.Conflicts(ctx, d, at.Board, c.TaskIDs, id)
	return asked, err
}

// Resolve decides a request, or takes the decision back; status "" decides
// nothing.
func (a Approvals) Resolve(ctx context.Context, at Place, id uuid.UUID, status approval.Status, reason string) (projections.Approval, error) {
	var view projections.Approval
	err := a.store.Do(ctx, func(d *eventstore.Decision) error {
		x := a.approvals.In(d, at.Organization, id)
		now, err := x.State()
		if err != nil {
			return err
		}
		if !now.Exists() || now.BoardID != at.Board {
			return domain.Bare(domain.NotFound)
		}
		if status == "" {
			status = now.Status
		}
		c := approval.Resolve{Status: status, Reason: reason}
		if status == approval.Pending && now.Status != approval.Pending {
			if c.Conflicts, err = a.read.Conflicts(ctx, d, at.Board, now.TaskIDs, id); err != nil {
				return err
			}
		}
		return carryOutAndRead(d, x, c, &view, a.show(ctx, d))
	})
	return view, err
}

// show is the view of a request, read within d.
func (a Approvals) show(ctx context.Context, d *eventstore.Decision) func(approval.Approval) (projections.Approval, error) {
	return func(now approval.Approval) (projections.Approval, error) { return a.read.View(ctx, d, now) }
}
