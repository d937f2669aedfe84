// Package task decides what may happen to a task on a board.
package task

import (
	"time"

	"github.com/google/uuid"

	"missioncontrol/domain"
)

// Status is where a task stands.
type Status string

// The statuses, in the order of work.
const (
	Inbox      Status = "inbox"
	InProgress Status = "in_progress"
	Review     Status = "review"
	Done       Status = "done"
)

// Task is a piece of work. The zero Task has not been created yet.
type Task struct {
	ID, BoardID     uuid.UUID
	Title           string
	Description     *string
	Status          Status
	Priority        string
	DueAt           *time.Time
	AssignedAgentID *uuid.UUID
	CreatedByUserID *uuid.UUID
	// InProgressAt is when the present work began, PreviousInProgressAt when
	// the work before it did.
	InProgressAt, PreviousInProgressAt *time.Time
	CreatedAt, UpdatedAt               time.Time
	Deleted                            bool
}

// Exists reports whether the task can be worked on.
func (t Task) Exists() bool { return t.ID != uuid.Nil && !t.Deleted }

// Evolve returns the task after e.
func (t Task) Evolve(m domain.Meta, e Event) Task {
	t.UpdatedAt = m.Time
	switch e := e.(type) {
	case Created:
		t.ID, t.BoardID, t.CreatedAt = m.Stream, e.BoardID, m.Time
		t.Title, t.Description, t.Status, t.Priority = e.Title, e.Description, e.Status, e.Priority
		t.DueAt, t.AssignedAgentID, t.CreatedByUserID = e.DueAt, e.AssignedAgentID, e.CreatedByUserID
	case Updated:
		t.apply(e.Changes)
	case StatusChanged:
		t.Status = e.Status
		t.apply(e.Changes)
	case Deleted:
		t.Deleted = true
	}
	return t
}

func (t *Task) apply(c Changes) {
	t.Title = c.Title.Or(t.Title)
	t.Description = c.Description.OrNull(t.Description)
	t.Priority = c.Priority.Or(t.Priority)
	t.DueAt = c.DueAt.OrNull(t.DueAt)
	t.AssignedAgentID = c.AssignedAgentID.OrNull(t.AssignedAgentID)
	t.InProgressAt = c.InProgressAt.OrNull(t.InProgressAt)
	t.PreviousInProgressAt = c.PreviousInProgressAt.OrNull(t.PreviousInProgressAt)
}

// Create adds a task to a board.
type Create Created

// Decide creates it once.
func (c Create) Decide(t Task) ([]Event, error) {
	if t.ID != uuid.Nil {
		return nil, domain.Bare(domain.Conflict)
	}
	return []Event{Created(c)}, nil
}

// Update changes a task on behalf of a person. Absent fields stay as they are.
type Update struct {
	Now         time.Time
	Title       domain.Optional[string]
	Description domain.Optional[string]
	Priority    domain.Optional[string]
	DueAt       domain.Optional[time.Time]
	Status      domain.Optional[Status]
	Assignee    domain.Optional[uuid.UUID] // wins over what the status does to it
}

// Decide records one event even when nothing changes: a touch moves updated_at.
func (c Update) Decide(t Task) ([]Event, error) {
	if !t.Exists() {
		return nil, domain.Bare(domain.NotFound)
	}
	changes := Changes{Title: c.Title, Description: c.Description, Priority: c.Priority, DueAt: c.DueAt}
	to := c.Status.Or(t.Status)
	if c.Status.Set {
		changes.enter(t, to, c.Now)
	}
	if c.Assignee.Set {
		changes.AssignedAgentID = c.Assignee
	}
	if to == t.Status {
		return []Event{Updated{changes}}, nil
	}
	return []Event{StatusChanged{From: t.Status, Status: to, Changes: changes}}, nil
}

// enter adds what moving to a status does by itself: work that stops is
// released and its start remembered; work that begins is stamped, also when it
// begins again.
func (c *Changes) enter(t Task, to Status, now time.Time) {
	switch to {
	case Inbox, Review:
		if t.InProgressAt != nil {
			c.PreviousInProgressAt = domain.Some(*t.InProgressAt)
		}
		c.AssignedAgentID, c.InProgressAt = domain.Null[uuid.UUID](), domain.Null[time.Time]()
	case InProgress:
		c.InProgressAt = domain.Some(now)
	case Done:
	}
}

// Delete removes a task from its board.
type Delete struct{}

// Decide removes it once.
func (Delete) Decide(t Task) ([]Event, error) {
	if !t.Exists() {
		return nil, domain.Bare(domain.NotFound)
	}
	return []Event{Deleted{}}, nil
}

// Release takes a task from an agent that is gone: work that had begun goes
// back to the inbox.
type Release struct{ Agent uuid.UUID }

// Decide leaves tasks of others alone.
func (c Release) Decide(t Task) ([]Event, error) {
	if !t.Exists() || t.AssignedAgentID == nil || *t.AssignedAgentID != c.Agent {
		return nil, nil
	}
	changes := Changes{AssignedAgentID: domain.Null[uuid.UUID]()}
	if t.Status != InProgress {
		return []Event{Updated{changes}}, nil
	}
	changes.InProgressAt = domain.Null[time.Time]()
	return []Event{StatusChanged{From: t.Status, Status: Inbox, Changes: changes}}, nil
}
