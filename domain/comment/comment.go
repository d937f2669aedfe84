// Package comment decides what may happen to a comment on a task. A comment is
// a stream of its own: writing one never waits for its task.
package comment

import (
	"strings"
	"time"

	"github.com/google/uuid"

	"missioncontrol/domain"
)

// Event is something that happened to a comment.
//
//sumtype:decl
type Event interface{ isCommentEvent() }

type (
	// Created: somebody said something about a task.
	Created struct {
		BoardID uuid.UUID  `json:"board_id"`
		TaskID  uuid.UUID  `json:"task_id"`
		Message string     `json:"message"`
		AgentID *uuid.UUID `json:"agent_id"` // nil: a person, named by the event's actor
		// WithChange: it came with a change of the task, which tells of it.
		WithChange bool `json:"with_change,omitzero"`
	}
)

func (Created) isCommentEvent() {}

// Events names every event as it is stored. A comment goes with its task: there
// is no event for that.
var Events = map[string]Event{"task.comment": Created{}}

// Comment is what somebody said. The zero one does not exist.
type Comment struct {
	ID, BoardID, TaskID uuid.UUID
	Message             string
	AgentID             *uuid.UUID
	CreatedAt           time.Time
}

// Evolve returns the comment after e. Its id is that of its event, as clients
// expect.
func (c Comment) Evolve(m domain.Meta, e Event) Comment {
	switch e := e.(type) {
	case Created:
		c = Comment{ID: m.ID, BoardID: e.BoardID, TaskID: e.TaskID, Message: e.Message, AgentID: e.AgentID, CreatedAt: m.Time}
	}
	return c
}

// Create says something about a task.
type Create struct {
	Created Created
	// Of an agent that leads the board:
	IsLead      bool
	InReview    bool // the task is
	Mentioned   bool // in a comment of the task
	CreatedTask bool
}

// Decide lets leads speak only where they have a part.
func (c Create) Decide(now Comment) ([]Event, error) {
	switch {
	case now.ID != uuid.Nil:
		return nil, domain.Bare(domain.Conflict)
	case c.IsLead && !c.InReview && !c.Mentioned && !c.CreatedTask:
		return nil, domain.Refuse(domain.Forbidden, "Board leads can only comment during review, when mentioned, or on tasks they created.")
	}
	return []Event{c.Created}, nil
}

// Agent is whom a comment may mention.
type Agent struct {
	ID     uuid.UUID
	Name   string
	IsLead bool
}

// lead is the name by which the lead of a board is mentioned.
const lead = "lead"

// Mentions reports whether tokens, as Tokens returns them, mean the agent: the
// lead by @lead, anybody by the whole name or its first word. An agent that is
// merely named Lead is not the lead.
func Mentions(tokens map[string]bool, a Agent) bool {
	if tokens[lead] && a.IsLead {
		return true
	}
	name := strings.ToLower(strings.TrimSpace(a.Name))
	first, _, _ := strings.Cut(name, " ")
	return (name != lead && tokens[name]) || (first != "" && first != lead && tokens[first])
}
