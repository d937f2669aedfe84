package commands

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"missioncontrol/domain"
	"missioncontrol/domain/agent"
	"missioncontrol/domain/approval"
	"missioncontrol/domain/memory"
	"missioncontrol/domain/notification"
	"missioncontrol/domain/task"
	"missioncontrol/eventstore"
	"missioncontrol/projections"
)

// Notifications are the use cases of what agents are told.
type Notifications struct {
	store         *eventstore.Store
	notifications eventstore.Aggregate[notification.Notification, notification.Event]
	agents        eventstore.Aggregate[agent.Agent, agent.Event]
	tasks         eventstore.Aggregate[task.Task, task.Event]
	approvals     eventstore.Aggregate[approval.Approval, approval.Event]
	memories      eventstore.Aggregate[memory.Memory, memory.Event]
	boards        projections.Boards
	groups        projections.Groups
	organizations projections.Organizations
	crew          projections.Agents
	said          projections.Comments
}

// Nudge passes the message of a lead on to an agent of its board.
func (n Notifications) Nudge(ctx context.Context, at Place, target uuid.UUID, message string) error {
	id := uuid.New()
	lead, err := n.agents.Find(ctx, eventstore.CommandFrom(ctx).Actor.ID)
	if err != nil {
		return err
	}
	return n.store.Do(ctx, func(d *eventstore.Decision) error {
		a, err := n.agents.In(d, at.Organization, target).State()
		if err != nil {
			return err
		}
		if !a.Exists() || a.BoardID == nil || *a.BoardID != at.Board { // main agents are no targets
			return domain.Bare(domain.NotFound)
		}
		d.Answer(projections.OK())
		return n.notifications.New(d, at.Organization, id).Decide(notification.Tell{Created: notification.Created{
			AgentID: target, Kind: notification.Nudge, BoardID: at.Board, From: &lead.Profile.Name, Text: message, Deliver: true,
		}})
	})
}

// mostTold is how many are told in one append.
const mostTold = 500

// React tells agents of an event: all of them in one append, and each once, as
// often as the event is handled.
func (n Notifications) React(ctx context.Context, r *eventstore.Recorded) error {
	told, err := n.told(ctx, r)
	if err != nil {
		return err
	}
	ctx = eventstore.WithCommand(ctx, &eventstore.Command{
		Actor: domain.Actor{Type: domain.System}, RequestID: r.RequestID, CausationID: r.ID, CorrelationID: r.CorrelationID,
	})
	for some := range slices.Chunk(told, mostTold) {
		if err := n.store.Do(ctx, func(d *eventstore.Decision) error { return n.tell(ctx, d, r, some) }); err != nil {
			return err
		}
	}
	return nil
}

// tell stages what was not told before, to those who are still there.
func (n Notifications) tell(ctx context.Context, d *eventstore.Decision, r *eventstore.Recorded, told []notification.Created) error {
	if exists, err := n.organizations.Exist(ctx, d, r.Org); err != nil || !exists {
		return err
	}
	for _, c := range told {
		there, err := n.isThere(ctx, d, r.Org, c)
		if err != nil {
			return err
		}
		if !there {
			continue
		}
		if c.MemoryID != nil { // whose signature the inbox shows
			if _, err := n.memories.In(d, r.Org, *c.MemoryID).State(); err != nil {
				return err
			}
		}
		c.Cause = &notification.Cause{EventID: r.ID, Position: r.Seq}
		x := n.notifications.In(d, r.Org, notification.ID(r.ID, c.AgentID, c.Kind))
		if err := x.Decide(notification.Tell{Created: c}); err != nil {
			return err
		}
	}
	return nil
}

// isThere reports whether an agent still works where it would be told of
// something: on the board, or as a main agent of the organization.
func (n Notifications) isThere(ctx context.Context, d *eventstore.Decision, org uuid.UUID, c notification.Created) (bool, error) {
	a, err := n.agents.In(d, org, c.AgentID).State()
	if err != nil || !a.Exists() || a.OrganizationID != org || a.BoardID != nil && *a.BoardID != c.BoardID {
		return false, err
	}
	b, err := n.boards.Find(ctx, d, c.BoardID)
	return b != nil, err
}

// board is a board with the agents that work there, nil if it is gone.
func (n Notifications) board(ctx context.Context, id uuid.UUID) (*notification.Board, error) {
	row, err := n.boards.Find(ctx, nil, id)
	if err != nil || row == nil {
		return nil, err
	}
	crew, err := n.crew.Crew(ctx, id)
	if err != nil {
		return nil, err
	}
	b := &notification.Board{ID: id, Name: row.Name}
	for _, a := range crew {
		b.Crew = append(b.Crew, notification.Agent{ID: a.ID, Name: a.Name, IsLead: a.IsBoardLead})
	}
	return b, nil
}

// inGroup are the boards of a group with their agents.
func (n Notifications) inGroup(ctx context.Context, group uuid.UUID) ([]notification.Board, error) {
	ids, err := n.groups.Boards(ctx, nil, group)
	if err != nil {
		return nil, err
	}
	var boards []notification.Board
	for _, id := range ids {
		b, err := n.board(ctx, id)
		if err != nil {
			return nil, err
		}
		if b != nil {
			boards = append(boards, *b)
		}
	}
	return boards, nil
}

// agent is one agent, nil if there is none.
func (n Notifications) agent(ctx context.Context, id *uuid.UUID) (*notification.Agent, error) {
	if id == nil {
		return nil, nil
	}
	a, err := n.agents.Find(ctx, *id)
	if err != nil || !a.Exists() {
		return nil, err
	}
	return &notification.Agent{ID: a.ID, Name: a.Profile.Name, IsLead: a.IsBoardLead}, nil
}

// folded are the states of a stream before and after one of its events.
func folded[S domain.State[S, E], E any](ctx context.Context, s *eventstore.Store, r *eventstore.Recorded) (before, after S, err error) {
	evolve := func(x *eventstore.Recorded) { before, after = after, after.Evolve(x.Meta(), x.Event.(E)) }
	if r.Version == 1 {
		evolve(r)
		return before, after, nil
	}
	err = s.ReadStream(ctx, r.Stream, func(x *eventstore.Recorded) error {
		if x.Version <= r.Version {
			evolve(x)
		}
		return nil
	})
	return before, after, err
}
