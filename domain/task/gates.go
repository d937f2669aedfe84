package task

import (
	"maps"
	"time"

	"github.com/google/uuid"

	"missioncontrol/domain"
)

// Policies are what a board asks of every move.
type Policies struct {
	ApprovalForDone    bool
	ReviewBeforeDone   bool
	CommentForReview   bool
	NoMoveWhilePending bool // an approval is
	OnlyLeadMoves      bool // of agents; people always may
}

// Facts are what a change of a task rests on beside the task itself, gathered
// by the use case. Those that the change does not need may be zero.
type Facts struct {
	Now      time.Time
	Policies Policies
	Lead     *uuid.UUID // the board's lead agent

	MissingTags         []uuid.UUID // among those named
	MissingDependencies []uuid.UUID
	SelfDependency      bool
	Cycle               bool
	Blockers            []uuid.UUID // dependencies, as they will be, that are not done

	Assignee AssigneeFacts

	Approvals     []uuid.UUID // linked and approved
	Pending       bool        // a linked one waits
	RecentComment bool        // by whoever worked on it, since it was begun
	Values        Values      // of the custom fields, as they will be
	ValuesRefused error       // or why they cannot be
	LastWorker    *uuid.UUID  // who moved it to review, and can take it back
}

// AssigneeFacts are about the agent that is to be assigned.
type AssigneeFacts struct{ Unknown, OtherBoard, IsLead bool }

// Edit is what somebody asks to change; absent fields stay as they are.
type Edit struct {
	Title       domain.Optional[string]
	Description domain.Optional[string]
	Priority    domain.Optional[string]
	DueAt       domain.Optional[time.Time]
	Status      domain.Optional[Status]
	Assignee    domain.Optional[uuid.UUID]
	DependsOn   *[]uuid.UUID // duplicates removed
	TagIDs      *[]uuid.UUID // likewise
	HasValues   bool         // custom fields are named
	HasComment  bool
}

// missing details name ids that were not found.
type missingDependencies struct {
	Message string      `json:"message"`
	Missing []uuid.UUID `json:"missing_task_ids"`
}

type missingTags struct {
	Message string      `json:"message"`
	Missing []uuid.UUID `json:"missing_tag_ids"`
}

// tagsExist refuses tags that the organization does not have.
func (f Facts) tagsExist() error {
	if len(f.MissingTags) == 0 {
		return nil
	}
	return domain.RefuseWith(domain.NotFound, missingTags{"One or more tags do not exist in this organization.", f.MissingTags})
}

// dependenciesFit refuses edges that lead to the task itself, nowhere, or round
// in a circle.
func (f Facts) dependenciesFit() error {
	switch {
	case f.SelfDependency:
		return domain.Refuse(domain.Invalid, "Task cannot depend on itself.")
	case len(f.MissingDependencies) > 0:
		return domain.RefuseWith(domain.NotFound, missingDependencies{
			"One or more dependency tasks were not found on this board.", f.MissingDependencies,
		})
	case f.Cycle:
		return domain.Refuse(domain.Conflict, "Dependency cycle detected. Remove the cycle before saving.")
	}
	return nil
}

// newDependencies judges new edges of a task that exists.
func (f Facts) newDependencies(t Task, e Edit) error {
	if e.DependsOn == nil {
		return nil
	}
	if t.Status == Done {
		return domain.Refuse(domain.Conflict, "Cannot change task dependencies after a task is done.")
	}
	return f.dependenciesFit()
}

// assignable refuses an agent that does not exist, or works elsewhere.
func (f Facts) assignable() error {
	switch {
	case f.Assignee.Unknown:
		return domain.Bare(domain.NotFound)
	case f.Assignee.OtherBoard:
		return domain.Bare(domain.Conflict)
	}
	return nil
}

// gates are what the board asks of a task that moves from before to after;
// requested is the status that was asked for, before when none was.
func (f Facts) gates(before, requested, after Status) error {
	p := f.Policies
	switch {
	case p.NoMoveWhilePending && f.Pending && requested != before && after != before:
		return gate("Task status cannot be changed while a linked approval is pending.")
	case after != Done || before == Done:
		return nil
	case p.ReviewBeforeDone && before != Review:
		return gate("Task can only be marked done from review when the board rule is enabled.")
	case p.ApprovalForDone && len(f.Approvals) == 0:
		return gate("Task can only be marked done when a linked approval has been approved.")
	}
	return nil
}

func gate(message string) error {
	return domain.RefuseWith(domain.Conflict, gateDetail{Message: message, BlockedBy: []uuid.UUID{}})
}

// reviewComment asks for a word on what is to be reviewed. The lead is not asked.
func (f Facts) reviewComment(e Edit) error {
	if !f.Policies.CommentForReview || e.Status.Or("") != Review || e.HasComment || f.RecentComment {
		return nil
	}
	return domain.Refuse(domain.Invalid, "Comment is required.")
}

// passedBy names the approvals that let a task become done.
func (f Facts) passedBy(before, after Status) []uuid.UUID {
	if f.Policies.ApprovalForDone && after == Done && before != Done {
		return f.Approvals
	}
	return nil
}

// enter adds what moving to a status does by itself: work that stops is
// released and its start remembered; work that begins is stamped, also when it
// begins again.
func (c *Changes) enter(t Task, to Status, now time.Time) {
	switch to {
	case Inbox, Review:
		c.remember(t)
		c.AssignedAgentID, c.InProgressAt = domain.Null[uuid.UUID](), domain.Null[time.Time]()
	case InProgress:
		c.InProgressAt = domain.Some(now)
	case Done:
	}
}

// remember keeps when the work that stops was begun; without a start there is
// nothing new to keep.
func (c *Changes) remember(t Task) {
	if t.InProgressAt != nil {
		c.PreviousInProgressAt = domain.Some(*t.InProgressAt)
	}
}

// finish adds what is the same for everybody, and makes the event.
func (c Changes) finish(t Task, to Status, e Edit, f Facts) []Event {
	if e.DependsOn != nil {
		c.DependsOn = domain.Some(*e.DependsOn)
	}
	if e.TagIDs != nil {
		c.TagIDs = domain.Some(*e.TagIDs)
	}
	if e.HasValues {
		c.Values = domain.Some(maps.Clone(f.Values))
		if f.Values == nil {
			c.Values = domain.Some(Values{})
		}
	}
	if to == t.Status {
		return []Event{Updated{c}}
	}
	return []Event{StatusChanged{From: t.Status, Status: to, Approvals: f.passedBy(t.Status, to), Changes: c}}
}
