// Package approval decides what may happen to a request for approval: somebody
// asks, people decide, and tasks wait for it.
package approval

import (
	"slices"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"missioncontrol/domain"
)

// Status is what became of a request.
type Status string

// The statuses.
const (
	Pending  Status = "pending"
	Approved Status = "approved"
	Rejected Status = "rejected"
)

// Event is something that happened to an approval.
//
//sumtype:decl
type Event interface{ isApprovalEvent() }

type (
	// Created: somebody asks for approval. A person may record one as decided.
	Created struct {
		BoardID      uuid.UUID      `json:"board_id"`
		TaskIDs      []uuid.UUID    `json:"task_ids"` // the first is the primary one
		AgentID      *uuid.UUID     `json:"agent_id"` // who asks, if it is an agent
		ActionType   string         `json:"action_type"`
		Payload      jsontext.Value `json:"payload,omitzero"` // an object
		Confidence   float64        `json:"confidence"`
		RubricScores jsontext.Value `json:"rubric_scores,omitzero"` // an object of integers
		Status       Status         `json:"status"`
	}
	// Granted: it was approved by the event's actor.
	Granted struct{ Decision }
	// Denied: it was rejected by the event's actor.
	Denied struct{ Decision }
	// Reopened: the decision does not stand any more.
	Reopened struct{ Decision }
	// Unlinked: one of its tasks is gone.
	Unlinked struct {
		TaskID  uuid.UUID   `json:"task_id"`
		TaskIDs []uuid.UUID `json:"task_ids"` // that are left
	}
	// Deleted: the last of its tasks is gone, and it with it.
	Deleted struct {
		TaskIDs []uuid.UUID `json:"task_ids"`
	}
)

// Decision is what somebody decided, and over which tasks.
type Decision struct {
	From    Status      `json:"from"`
	Reason  string      `json:"reason,omitzero"` // that the request gave
	TaskIDs []uuid.UUID `json:"task_ids"`
}

func (Created) isApprovalEvent()  {}
func (Granted) isApprovalEvent()  {}
func (Denied) isApprovalEvent()   {}
func (Reopened) isApprovalEvent() {}
func (Unlinked) isApprovalEvent() {}
func (Deleted) isApprovalEvent()  {}

// Events names every event as it is stored.
var Events = map[string]Event{
	"approval.created": Created{}, "approval.approved": Granted{}, "approval.rejected": Denied{},
	"approval.reopened": Reopened{}, "approval.unlinked": Unlinked{}, "approval.deleted": Deleted{},
}

// Approval is a request. The zero one does not exist.
type Approval struct {
	ID, BoardID  uuid.UUID
	TaskIDs      []uuid.UUID
	AgentID      *uuid.UUID
	ActionType   string
	Payload      jsontext.Value
	Confidence   float64
	RubricScores jsontext.Value
	Status       Status
	CreatedAt    time.Time
	ResolvedAt   *time.Time // nil while it waits
	IsDeleted    bool
}

// Exists reports whether the request can be read and decided.
func (a Approval) Exists() bool { return a.ID != uuid.Nil && !a.IsDeleted }

// Evolve returns the approval after e.
func (a Approval) Evolve(m domain.Meta, e Event) Approval {
	switch e := e.(type) {
	case Created:
		a = Approval{
			ID: m.Stream, BoardID: e.BoardID, TaskIDs: e.TaskIDs, AgentID: e.AgentID, ActionType: e.ActionType,
			Payload: e.Payload, Confidence: e.Confidence, RubricScores: e.RubricScores, CreatedAt: m.Time,
		}
		a.decided(e.Status, m.Time)
	case Granted:
		a.decided(Approved, m.Time)
	case Denied:
		a.decided(Rejected, m.Time)
	case Reopened:
		a.decided(Pending, m.Time)
	case Unlinked:
		a.TaskIDs = e.TaskIDs
	case Deleted:
		a.IsDeleted = true
	}
	return a
}

func (a *Approval) decided(s Status, at time.Time) {
	a.Status, a.ResolvedAt = s, nil
	if s != Pending {
		a.ResolvedAt = &at
	}
}

// Conflict is a task that waits for another request already.
type Conflict struct {
	TaskID     uuid.UUID `json:"task_id"`
	ApprovalID uuid.UUID `json:"approval_id"` // the oldest
}

type conflictDetail struct {
	Message   string     `json:"message"`
	Conflicts []Conflict `json:"conflicts"`
}

func oneAtATime(status Status, conflicts []Conflict) error {
	if status != Pending || len(conflicts) == 0 {
		return nil
	}
	return domain.RefuseWith(domain.Conflict, conflictDetail{"Each task can have only one pending approval.", conflicts})
}

// Create asks for approval.
type Create struct {
	Created      Created
	MissingTasks []uuid.UUID // linked, but not on the board
	Conflicts    []Conflict
	// AgentElsewhere: the agent that a person named does not work on the board.
	AgentElsewhere bool
}

type missingTasks struct {
	Message string      `json:"message"`
	Missing []uuid.UUID `json:"missing_task_ids"`
}

// Decide lets each task of the board wait for one request at a time.
func (c Create) Decide(a Approval) ([]Event, error) {
	switch {
	case a.ID != uuid.Nil:
		return nil, domain.Bare(domain.Conflict)
	case len(c.MissingTasks) > 0:
		return nil, domain.RefuseWith(domain.NotFound, missingTasks{"One or more linked tasks were not found on this board.", c.MissingTasks})
	}
	if c.AgentElsewhere {
		return nil, domain.Refuse(domain.NotFound, "The agent was not found on this board.")
	}
	if err := oneAtATime(c.Created.Status, c.Conflicts); err != nil {
		return nil, err
	}
	return []Event{c.Created}, nil
}

// Resolve decides a request, or takes the decision back.
type Resolve struct {
	Status    Status
	Reason    string
	Conflicts []Conflict // that reopening would meet
}

// Decide allows every change of mind; the same decision again is none.
func (c Resolve) Decide(a Approval) ([]Event, error) {
	switch {
	case !a.Exists():
		return nil, domain.Bare(domain.NotFound)
	case c.Status == a.Status:
		return nil, nil
	}
	if err := oneAtATime(c.Status, c.Conflicts); err != nil {
		return nil, err
	}
	d := Decision{From: a.Status, Reason: c.Reason, TaskIDs: a.TaskIDs}
	switch c.Status {
	case Approved:
		return []Event{Granted{d}}, nil
	case Rejected:
		return []Event{Denied{d}}, nil
	case Pending:
		return []Event{Reopened{d}}, nil
	}
	return nil, domain.Bare(domain.Invalid)
}

// Unlink takes a task that is gone out of a request; a request without tasks
// that had one goes too.
type Unlink struct{ Task uuid.UUID }

// Decide leaves requests about other tasks alone.
func (c Unlink) Decide(a Approval) ([]Event, error) {
	if !a.Exists() || !slices.Contains(a.TaskIDs, c.Task) {
		return nil, nil
	}
	left := slices.DeleteFunc(slices.Clone(a.TaskIDs), func(id uuid.UUID) bool { return id == c.Task })
	if len(left) == 0 {
		return []Event{Deleted{a.TaskIDs}}, nil
	}
	return []Event{Unlinked{c.Task, left}}, nil
}
