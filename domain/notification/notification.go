// Package notification decides which agents are told of what happens, and in
// what words. Telling is recorded: each notification is a stream of its own, an
// agent reads those for it in its inbox, and delivery over gateways will add
// what became of it.
package notification

import (
	"time"

	"github.com/google/uuid"

	"missioncontrol/domain"
)

// Kind says why an agent is told.
type Kind string

// The kinds.
const (
	TaskCreated        Kind = "task_created"
	TaskBackInInbox    Kind = "task_back_in_inbox"
	TaskAssigned       Kind = "task_assigned"
	TaskReadyForReview Kind = "task_ready_for_review"
	ReworkRequested    Kind = "rework_requested"
	Mentioned          Kind = "mentioned"
	Commented          Kind = "comment"
	ApprovalResolved   Kind = "approval_resolved"
	BoardChat          Kind = "chat"
	BoardChatMention   Kind = "chat_mention"
	ChatCommand        Kind = "chat_command"
	GroupChat          Kind = "group_chat"
	GroupChatMention   Kind = "group_chat_mention"
	GroupBroadcast     Kind = "group_broadcast"
	BoardUpdated       Kind = "board_updated"
	BoardJoinedGroup   Kind = "board_joined_group"
	BoardLeftGroup     Kind = "board_left_group"
	Nudge              Kind = "nudge"
)

// Event is something that happened to a notification.
//
//sumtype:decl
type Event interface{ isNotificationEvent() }

// Created: an agent is told something.
type Created struct {
	AgentID uuid.UUID `json:"agent_id"` // who is told
	Kind    Kind      `json:"kind"`
	Cause   *Cause    `json:"cause,omitzero"` // absent: somebody says it directly

	BoardID      uuid.UUID  `json:"board_id"` // that it is about
	BoardGroupID *uuid.UUID `json:"board_group_id,omitzero"`
	TaskID       *uuid.UUID `json:"task_id,omitzero"`
	ApprovalID   *uuid.UUID `json:"approval_id,omitzero"`
	// MemoryID is the message that it passes on. Who signed that one may be
	// personal, so the name stays there and is read when this is shown.
	MemoryID *uuid.UUID `json:"memory_id,omitzero"`

	From *string `json:"from,omitzero"` // who says it, where that is not personal
	// Text is the message. Its first paragraph is the heading; a line that
	// says who it is from belongs at the end of that.
	Text    string `json:"text"`
	Deliver bool   `json:"deliver,omitzero"` // at once, whatever the agent is doing
}

// Cause is the event that an agent is told of.
type Cause struct {
	EventID  uuid.UUID `json:"event_id"`
	Position int64     `json:"position"`
}

func (Created) isNotificationEvent() {}

// Events names every event as it is stored.
var Events = map[string]Event{"notification.created": Created{}}

// Notification is what an agent is told. The zero one does not exist.
type Notification struct {
	ID        uuid.UUID
	Said      Created
	CreatedAt time.Time
}

// Exists reports whether the agent was told.
func (n Notification) Exists() bool { return n.ID != uuid.Nil }

// Evolve returns the notification after e.
func (n Notification) Evolve(m domain.Meta, e Event) Notification {
	switch e := e.(type) {
	case Created:
		n = Notification{ID: m.Stream, Said: e, CreatedAt: m.Time}
	}
	return n
}

// ID is that of the notification of an agent about an event: the same whenever
// and wherever it is decided, so that the agent is told once.
func ID(cause, agent uuid.UUID, kind Kind) uuid.UUID {
	return uuid.NewSHA1(cause, []byte(agent.String()+"/"+string(kind)))
}

// Tell tells an agent something.
type Tell struct{ Created Created }

// Decide tells it once.
func (c Tell) Decide(n Notification) ([]Event, error) {
	if n.Exists() {
		return nil, nil
	}
	return []Event{c.Created}, nil
}

// Agent is whom something may be told.
type Agent struct {
	ID     uuid.UUID
	Name   string
	IsLead bool
}

// Board is where something happened, with the agents that work there.
type Board struct {
	ID   uuid.UUID
	Name string
	Crew []Agent
}

// lead is the agent that leads the board, nil if there is none.
func (b Board) lead() *Agent {
	for i := range b.Crew {
		if b.Crew[i].IsLead {
			return &b.Crew[i]
		}
	}
	return nil
}

// Group is a group of boards.
type Group struct {
	ID   uuid.UUID
	Name string
}

// is reports whether an agent acts.
func is(by domain.Actor, a Agent) bool { return by.Type == domain.Agent && by.ID == a.ID }
