package commands

import (
	"context"
	"slices"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"missioncontrol/domain"
	"missioncontrol/domain/agent"
	"missioncontrol/domain/field"
	"missioncontrol/domain/task"
	"missioncontrol/eventstore"
)

// The facts that decisions about tasks rest on. Each reader notes its key
// before it reads; what a change does not ask for is not read.

// factsOfNew gathers what the making of a task rests on.
func (t Tasks) factsOfNew(ctx context.Context, d *eventstore.Decision, at Place, id uuid.UUID, n NewTask) (task.Facts, error) {
	f, err := t.boardFacts(ctx, d, at)
	if err != nil {
		return f, err
	}
	if err := t.dependencyFacts(ctx, d, at, id, n.DependsOn, &f); err != nil {
		return f, err
	}
	if f.Assignee, err = assigneeFacts(d, t.agents, at, n.AssignedAgentID); err != nil {
		return f, err
	}
	if err := t.linkFacts(ctx, d, at, n.TagIDs, &f); err != nil {
		return f, err
	}
	return f, t.fieldFacts(ctx, d, at, nil, n.CustomFields, true, &f)
}

// factsOfEdit gathers what a change of a task rests on.
func (t Tasks) factsOfEdit(ctx context.Context, d *eventstore.Decision, at Place, now task.Task, e TaskEdit) (task.Facts, error) {
	f, err := t.boardFacts(ctx, d, at)
	if err != nil {
		return f, err
	}
	f.Values = now.Values
	if e.DependsOn != nil {
		err = t.dependencyFacts(ctx, d, at, now.ID, *e.DependsOn, &f)
	} else {
		_, f.Blockers, err = t.unmet(ctx, d, at, now.DependsOn)
	}
	if err != nil {
		return f, err
	}
	if f.Assignee, err = assigneeFacts(d, t.agents, at, e.Assignee.Value); err != nil {
		return f, err
	}
	if e.TagIDs != nil {
		if err := t.linkFacts(ctx, d, at, *e.TagIDs, &f); err != nil {
			return f, err
		}
	}
	if e.NamesValues {
		if err := t.fieldFacts(ctx, d, at, now.Values, e.CustomFields, false, &f); err != nil {
			return f, err
		}
	}
	if e.Status.Set || len(f.Blockers) > 0 {
		if err := t.moveFacts(ctx, d, at, now, e, &f); err != nil {
			return f, err
		}
	}
	return f, nil
}

// boardFacts are the policies of a board. Its lead is asked for only where a
// move may lead to it.
func (t Tasks) boardFacts(ctx context.Context, d *eventstore.Decision, at Place) (task.Facts, error) {
	b, err := t.boards.Find(ctx, d, at.Board)
	if err != nil {
		return task.Facts{}, err
	}
	if b == nil {
		return task.Facts{}, domain.Bare(domain.NotFound)
	}
	return task.Facts{Now: d.Now(), Policies: task.Policies{
		ApprovalForDone: b.RequireApprovalForDone, ReviewBeforeDone: b.RequireReviewBeforeDone,
		CommentForReview: b.CommentRequiredForReview, NoMoveWhilePending: b.BlockStatusChangesWithPendingApproval,
		OnlyLeadMoves: b.OnlyLeadCanChangeStatus,
	}}, nil
}

// dependencyFacts judge new edges: that they lead somewhere, and not back.
func (t Tasks) dependencyFacts(ctx context.Context, d *eventstore.Decision, at Place, id uuid.UUID, dependsOn []uuid.UUID, f *task.Facts) error {
	if len(dependsOn) == 0 {
		return nil
	}
	f.SelfDependency = slices.Contains(dependsOn, id)
	var err error
	if f.MissingDependencies, f.Blockers, err = t.unmet(ctx, d, at, dependsOn); err != nil {
		return err
	}
	edges, err := t.read.Edges(ctx, d, at.Board)
	if err != nil {
		return err
	}
	f.Cycle = task.Cycle(edges, id, dependsOn)
	return nil
}

// unmet are, of some dependencies, those that are not on the board, and those
// there that are not done.
func (t Tasks) unmet(ctx context.Context, d *eventstore.Decision, at Place, dependsOn []uuid.UUID) (missing, blockers []uuid.UUID, err error) {
	found, err := t.read.OnBoardByID(ctx, d, at.Board, dependsOn)
	if err != nil {
		return nil, nil, err
	}
	for _, dep := range dependsOn {
		switch status, ok := found[dep]; {
		case !ok:
			missing = append(missing, dep)
		case status != task.Done:
			blockers = append(blockers, dep)
		}
	}
	return missing, blockers, nil
}

// assigneeFacts are about the agent that is named, if one is: to be assigned,
// or as the one that asks for approval.
func assigneeFacts(d *eventstore.Decision, agents eventstore.Aggregate[agent.Agent, agent.Event], at Place, id *uuid.UUID) (task.AssigneeFacts, error) {
	if id == nil {
		return task.AssigneeFacts{}, nil
	}
	a, err := agents.In(d, at.Organization, *id).State()
	return task.AssigneeFacts{
		Unknown:    !a.Exists() || a.OrganizationID != at.Organization,
		OtherBoard: a.BoardID != nil && *a.BoardID != at.Board,
		IsLead:     a.IsBoardLead,
	}, err
}

// linkFacts are about the tags that are named.
func (t Tasks) linkFacts(ctx context.Context, d *eventstore.Decision, at Place, tags []uuid.UUID, f *task.Facts) error {
	if len(tags) == 0 {
		return nil
	}
	var err error
	_, f.MissingTags, err = t.tags.Refs(ctx, d, at.Organization, tags)
	return err
}

// fieldFacts are the values of custom fields as they will be, or why they
// cannot be.
func (t Tasks) fieldFacts(ctx context.Context, d *eventstore.Decision, at Place, stored task.Values, given map[string]jsontext.Value, creating bool, f *task.Facts) error {
	defs, err := t.fields.OnBoard(ctx, d, at.Board)
	if err != nil {
		return err
	}
	values, err := field.Values(defs, stored, given, creating)
	if domain.ReasonOf(err) != "" {
		f.ValuesRefused = err
		return nil
	}
	f.Values = values
	return err
}

// moveFacts are what gates and hand-overs ask for when a task moves.
func (t Tasks) moveFacts(ctx context.Context, d *eventstore.Decision, at Place, now task.Task, e TaskEdit, f *task.Facts) error {
	p, to := f.Policies, e.Status.Or(now.Status)
	var err error
	if p.NoMoveWhilePending || (p.ApprovalForDone && to == task.Done) {
		linked, err := t.linked.OfTask(ctx, d, now.ID)
		if err != nil {
			return err
		}
		f.Approvals, f.Pending = linked.Approved, linked.Pending
	}
	if to == task.Review {
		if f.Lead, err = t.crew.Lead(ctx, d, at.Board); err != nil {
			return err
		}
		if f.RecentComment, err = t.spokeSinceBegun(ctx, d, now); err != nil {
			return err
		}
	}
	if now.Status == task.Review && to == task.Inbox {
		f.LastWorker, err = t.lastWorker(d, at, now)
	}
	return err
}

// spokeSinceBegun reports whether whoever worked on a task has said something
// about it since it was begun.
func (t Tasks) spokeSinceBegun(ctx context.Context, d *eventstore.Decision, now task.Task) (bool, error) {
	agent, since := now.AssignedAgentID, now.InProgressAt
	if agent == nil {
		agent = now.PreviousAssignee
	}
	if since == nil {
		since = now.PreviousInProgressAt
	}
	if agent == nil || since == nil {
		return false, nil
	}
	return t.said.Spoke(ctx, d, now.ID, *agent, since.Truncate(time.Microsecond))
}

// lastWorker is the agent that moved a task to review last and can take it
// back: one of this board that does not lead it.
func (t Tasks) lastWorker(d *eventstore.Decision, at Place, now task.Task) (*uuid.UUID, error) {
	for _, id := range now.Reviewed {
		a, err := t.agents.In(d, at.Organization, id).State()
		if err != nil {
			return nil, err
		}
		if works(a, at) {
			return &id, nil
		}
	}
	return nil, nil
}

func works(a agent.Agent, at Place) bool {
	return a.Exists() && !a.IsBoardLead && a.BoardID != nil && *a.BoardID == at.Board
}
