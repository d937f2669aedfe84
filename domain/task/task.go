// Package task decides what may happen to a task on a board.
//
// moves.go says who may move a task where; user.go, worker.go and lead.go are
// the rule sets of the three kinds of callers; gates.go holds what a board may
// ask of all of them; dependents.go what one task does to another.
package task

import (
	"slices"
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
	DependsOn                          []uuid.UUID
	TagIDs                             []uuid.UUID
	Values                             Values
	AutoReason                         *string     // why a lead made it
	PreviousAssignee                   *uuid.UUID  // before the present one, or before nobody
	Reviewed                           []uuid.UUID // agents that moved it to review, the latest first
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
		t.DependsOn, t.TagIDs, t.Values, t.AutoReason = e.DependsOn, e.TagIDs, e.Values, e.AutoReason
	case Updated:
		t.apply(e.Changes)
	case StatusChanged:
		if e.Status == Review && m.Actor.Type == domain.Agent {
			t.Reviewed = latestFirst(t.Reviewed, m.Actor.ID)
		}
		t.Status = e.Status
		t.apply(e.Changes)
	case Deleted:
		t.Deleted = true
	}
	return t
}

// mostReviewers bounds how many workers a task remembers.
const mostReviewers = 20

func latestFirst(agents []uuid.UUID, id uuid.UUID) []uuid.UUID {
	rest := slices.DeleteFunc(slices.Clone(agents), func(a uuid.UUID) bool { return a == id })
	return append([]uuid.UUID{id}, rest[:min(len(rest), mostReviewers-1)]...)
}

func (t *Task) apply(c Changes) {
	t.Title = c.Title.Or(t.Title)
	t.Description = c.Description.OrNull(t.Description)
	t.Priority = c.Priority.Or(t.Priority)
	t.DueAt = c.DueAt.OrNull(t.DueAt)
	if c.AssignedAgentID.Set && t.AssignedAgentID != nil && !same(t.AssignedAgentID, c.AssignedAgentID.Value) {
		t.PreviousAssignee = t.AssignedAgentID
	}
	t.AssignedAgentID = c.AssignedAgentID.OrNull(t.AssignedAgentID)
	t.InProgressAt = c.InProgressAt.OrNull(t.InProgressAt)
	t.PreviousInProgressAt = c.PreviousInProgressAt.OrNull(t.PreviousInProgressAt)
	t.DependsOn = c.DependsOn.Or(t.DependsOn)
	t.TagIDs = c.TagIDs.Or(t.TagIDs)
	t.Values = c.Values.Or(t.Values)
}

func same(a, b *uuid.UUID) bool {
	return a == b || (a != nil && b != nil && *a == *b)
}

// Delete removes a task from its board.
type Delete struct{}

// Decide removes it once.
func (Delete) Decide(t Task) ([]Event, error) {
	if !t.Exists() {
		return nil, domain.Bare(domain.NotFound)
	}
	return []Event{Deleted{t.DependsOn}}, nil
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

// Untag takes a tag off, because the tag is gone.
type Untag struct{ Tag uuid.UUID }

// Decide leaves tasks without the tag alone.
func (c Untag) Decide(t Task) ([]Event, error) {
	if !t.Exists() || !slices.Contains(t.TagIDs, c.Tag) {
		return nil, nil
	}
	return []Event{Updated{Changes{TagIDs: domain.Some(without(t.TagIDs, c.Tag))}}}, nil
}

func without(ids []uuid.UUID, id uuid.UUID) []uuid.UUID {
	return slices.DeleteFunc(slices.Clone(ids), func(other uuid.UUID) bool { return other == id })
}
