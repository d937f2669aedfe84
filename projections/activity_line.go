package projections

import (
	"strings"

	"github.com/google/uuid"

	"missioncontrol/domain/agent"
	"missioncontrol/domain/approval"
	"missioncontrol/domain/board"
	"missioncontrol/domain/comment"
	"missioncontrol/domain/field"
	"missioncontrol/domain/group"
	"missioncontrol/domain/tag"
	"missioncontrol/domain/task"
	"missioncontrol/eventstore"
)

// How the list of what happened writes an event: a type, a sentence, and what
// it is about. Names of people are in no sentence.

// listed reports whether the list shows a type to whoever does not ask for
// everything: those that today's clients know.
func listed(wire string) bool {
	switch wire {
	case "task.created", "task.updated", "task.status_changed", "task.comment",
		"task.assignee_woken", "task.assignee_wake_failed", "task.assignee_notified", "task.assignee_notify_failed",
		"task.rework_notified", "task.rework_notify_failed", "task.lead_notified", "task.lead_notify_failed",
		"task.lead_unassigned_notified", "task.lead_unassigned_notify_failed",
		"approval.lead_notified", "approval.lead_notify_failed", "board.lead_notified", "board.lead_notify_failed",
		"board.group.join.notified", "board.group.join.notify_failed", "board.group.leave.notified", "board.group.leave.notify_failed",
		"agent.heartbeat", "agent.provision.direct", "agent.provision.failed", "agent.update.direct", "agent.update.failed",
		"agent.delete.direct", "agent.delete.failed", "agent.wakeup.sent", "agent.nudge.sent", "agent.nudge.failed", "agent.soul.updated",
		"gateway.lead.ask_user.sent", "gateway.lead.ask_user.failed", "gateway.main.lead_message.sent",
		"gateway.main.lead_message.failed", "gateway.main.lead_broadcast.sent":
		return true
	}
	return false
}

// messageOf is the sentence of an event about what is called name.
func messageOf(r *eventstore.Recorded, name string) string {
	switch body := r.Event.(type) {
	case task.Event:
		return taskMessage(body, name)
	case comment.Created:
		return body.Message
	}
	return sentence(r.Type, name)
}

// sentence reads a stored name aloud: agent.token_issued is "Agent token
// issued: Ada."
func sentence(stored, name string) string {
	words := strings.NewReplacer(".", " ", "_", " ").Replace(stored)
	if name != "" {
		words += ": " + name
	}
	return strings.ToUpper(words[:1]) + words[1:] + "."
}

// isNamed reports whether events of a kind tell a name, now and then.
func isNamed(kind string) bool {
	switch kind {
	case "task", "board", "agent", "tag", "field", "group", "approval":
		return true
	}
	return false
}

// nameIn is what an event says its stream is called, nil if it does not say.
func nameIn(event any) *string {
	switch e := event.(type) {
	case task.Created:
		return &e.Title
	case task.Updated:
		return e.Title.Value
	case task.StatusChanged:
		return e.Title.Value
	case board.Created:
		return &e.Name
	case board.Updated:
		return e.Name.Value
	case agent.Created:
		return &e.Name
	case agent.Updated:
		return e.Name.Value
	case tag.Created:
		return &e.Name
	case tag.Updated:
		return e.Name.Value
	case field.Created:
		return &e.Label
	case field.Updated:
		return e.Label.Value
	case group.Created:
		return &e.Name
	case group.Updated:
		return e.Name.Value
	case approval.Created:
		return &e.ActionType
	}
	return nil
}

// scopeOf is the board that an event is on, or its organization. A definition
// of a field is on several boards, so on none; the end of a board is told to
// those who still have the organization.
func scopeOf(r *eventstore.Recorded) uuid.UUID {
	if _, ended := r.Event.(board.Deleted); ended || r.Kind == "field" {
		return r.Org
	}
	if id := firstRef(r, "board"); id != nil {
		return *id
	}
	return r.Org
}

// agentOf is the agent whose event it is: the one that acted, that the event
// happened to, or that is told of something.
func agentOf(r *eventstore.Recorded) *uuid.UUID {
	switch r.Kind {
	case "agent":
		return &r.Stream
	case "notification":
		return firstRef(r, "agent")
	}
	return actingAgent(r)
}

// firstRef is the first id of a kind that an event is about, nil if there is
// none.
func firstRef(r *eventstore.Recorded, kind string) *uuid.UUID {
	for i := range r.Refs {
		if r.Refs[i].Kind == kind {
			return &r.Refs[i].ID
		}
	}
	return nil
}
