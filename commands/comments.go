package commands

import (
	"context"

	"github.com/google/uuid"

	"missioncontrol/domain"
	"missioncontrol/domain/agent"
	"missioncontrol/domain/comment"
	"missioncontrol/domain/task"
	"missioncontrol/eventstore"
	"missioncontrol/projections"
)

// Comments are the use cases of comments on tasks.
type Comments struct {
	store    *eventstore.Store
	comments eventstore.Aggregate[comment.Comment, comment.Event]
	tasks    eventstore.Aggregate[task.Task, task.Event]
	agents   eventstore.Aggregate[agent.Agent, agent.Event]
	read     projections.Comments
}

// Create says something about a task.
func (c Comments) Create(ctx context.Context, at Place, on uuid.UUID, message string) (projections.Comment, error) {
	id := uuid.New()
	var view projections.Comment
	err := c.store.Do(ctx, func(d *eventstore.Decision) error {
		// The task's place and title are part of what the comment's frames
		// show: a move of it in between has the comment decided again.
		now, err := c.tasks.In(d, at.Organization, on).State()
		if err != nil {
			return err
		}
		if !now.Exists() || now.BoardID != at.Board {
			return domain.Bare(domain.NotFound)
		}
		said := comment.Create{Created: comment.Created{BoardID: at.Board, TaskID: on, Message: message, AgentID: agentOf(d.Actor())}}
		if err := c.part(ctx, d, at, now, &said); err != nil {
			return err
		}
		return carryOut(d, c.comments.New(d, at.Organization, id), said, &view, projections.ViewComment)
	})
	return view, err
}

// part tells what part a lead has in a task.
func (c Comments) part(ctx context.Context, d *eventstore.Decision, at Place, on task.Task, said *comment.Create) error {
	if said.Created.AgentID == nil {
		return nil
	}
	me, err := c.agents.In(d, at.Organization, *said.Created.AgentID).State()
	if err != nil || !me.IsBoardLead {
		return err
	}
	said.IsLead, said.InReview = true, on.Status == task.Review
	said.CreatedTask = on.AutoReason != nil && *on.AutoReason == task.AutoReason(me.ID)
	if said.InReview || said.CreatedTask {
		return nil
	}
	said.Mentioned, err = c.read.Mention(ctx, d, on.ID, comment.Agent{ID: me.ID, Name: me.Profile.Name, IsLead: true})
	return err
}
