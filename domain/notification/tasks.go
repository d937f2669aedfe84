package notification

import (
	"github.com/google/uuid"

	"missioncontrol/domain"
)

// The statuses of tasks that decide who is told.
const (
	inbox  = "inbox"
	review = "review"
)

// Task is what messages say of a task.
type Task struct {
	ID              uuid.UUID
	Title, Status   string
	Description     *string
	AssignedAgentID *uuid.UUID
}

// TaskChange is one event of a task.
type TaskChange struct {
	On       Board
	Before   *Task // nil: it is new
	After    Task
	By       domain.Actor
	Assignee *Agent // after it; nil if there is none, or it is gone
	Feedback string // the newest comment of the lead on it
}

// Told lists who is told of it.
func (c TaskChange) Told() []Created {
	var told []Created
	if lead := c.On.lead(); lead != nil && !is(c.By, *lead) {
		switch {
		case c.Before == nil && c.By.Type == domain.User:
			told = append(told, c.tell(*lead, TaskCreated, "NEW TASK ADDED",
				"Triage it: assign it to a worker, split it, or ask for what is missing."))
		case c.isBackInInbox():
			told = append(told, c.tell(*lead, TaskBackInInbox, "TASK BACK IN INBOX",
				"Nobody works on it any more: assign it again, or plan it anew."))
		}
	}
	if c.Assignee != nil && c.isReassigned() && !is(c.By, *c.Assignee) {
		told = append(told, c.assigned(*c.Assignee))
	}
	return told
}

// isBackInInbox: it waits for somebody, and did not before.
func (c TaskChange) isBackInInbox() bool {
	return c.Before != nil && c.After.Status == inbox && c.After.AssignedAgentID == nil &&
		(c.Before.Status != inbox || c.Before.AssignedAgentID != nil)
}

func (c TaskChange) isReassigned() bool {
	now := c.After.AssignedAgentID
	return now != nil && (c.Before == nil || c.Before.AssignedAgentID == nil || *c.Before.AssignedAgentID != *now)
}

// assigned tells the new assignee what it is to do.
func (c TaskChange) assigned(a Agent) Created {
	lead := c.On.lead()
	switch {
	case lead != nil && is(c.By, *lead) && c.Before != nil && c.Before.Status == review && c.After.Status == inbox:
		feedback := cut(c.Feedback, mostOfTask)
		if feedback == "" {
			feedback = "See the comments on the task."
		}
		return c.tell(a, ReworkRequested, "CHANGES REQUESTED", lines("Requested changes:", feedback),
			"Make these changes, then move the task to review again.")
	case c.After.Status == review && a.IsLead:
		return c.tell(a, TaskReadyForReview, "TASK READY FOR LEAD REVIEW",
			"Review it: move it to done, or to inbox with a comment that says what is missing.")
	}
	return c.tell(a, TaskAssigned, "TASK ASSIGNED", "Start the work, and report in comments on the task.")
}

func (c TaskChange) tell(a Agent, k Kind, heading string, rest ...string) Created {
	text := paragraphs(append([]string{c.After.details(heading, c.On)}, rest...)...)
	return Created{AgentID: a.ID, Kind: k, BoardID: c.On.ID, TaskID: &c.After.ID, Text: text}
}

// Comment is what somebody says about a task.
type Comment struct {
	On        Board
	Task      Task
	By        domain.Actor
	From      string
	Message   string
	Mentioned []Agent // of the board
	Assignee  *Agent  // of the task
}

// Told lists who is told of it: the agents that it mentions; where it reaches
// nobody so, the task's assignee. An address that happens to hold an @ does not
// keep the comment from the assignee.
func (c Comment) Told() []Created {
	var told []Created
	for _, a := range c.Mentioned {
		if !is(c.By, a) {
			told = append(told, c.tell(a, Mentioned, "TASK MENTION", "You are mentioned in a comment."))
		}
	}
	if a := c.Assignee; len(told) == 0 && a != nil && !is(c.By, *a) {
		told = append(told, c.tell(*a, Commented, "NEW TASK COMMENT", "There is a new comment on a task of yours."))
	}
	return told
}

func (c Comment) tell(a Agent, k Kind, heading, why string) Created {
	text := paragraphs(
		lines(heading, label("Board", c.On.Name), label("Task", c.Task.Title), "Task ID: "+c.Task.ID.String()),
		why, lines("Comment:", cut(c.Message, mostOfTask)),
		"If the task is not yours, reply in a comment and leave its status alone.")
	return Created{AgentID: a.ID, Kind: k, BoardID: c.On.ID, TaskID: &c.Task.ID, From: &c.From, Text: text}
}
