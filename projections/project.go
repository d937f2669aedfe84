package projections

import (
	"fmt"

	"github.com/google/uuid"

	"missioncontrol/domain"
	"missioncontrol/domain/agent"
	"missioncontrol/domain/board"
	"missioncontrol/domain/invite"
	"missioncontrol/domain/member"
	"missioncontrol/domain/memory"
	"missioncontrol/domain/organization"
	"missioncontrol/domain/task"
	"missioncontrol/domain/user"
	"missioncontrol/eventstore"
)

// Projector maps decided events to rows and frames: the same way when a
// command is appended and when the log is replayed.
type Projector struct{}

// Project maps the events of a decision.
func (p Projector) Project(d *eventstore.Decision) ([]eventstore.Write, []eventstore.PendingFrame, error) {
	var writes []eventstore.Write
	var frames []eventstore.PendingFrame
	for _, e := range d.Staged() {
		w, err := row(e.State)
		if err != nil {
			return nil, nil, err
		}
		f, err := frame(e)
		if err != nil {
			return nil, nil, err
		}
		writes, frames = append(writes, w), append(frames, f...)
	}
	return writes, frames, nil
}

// row maps an aggregate's state to the row of its table.
func row(state any) (eventstore.Write, error) {
	switch s := state.(type) {
	case user.User:
		return putOrRemove(usersTable, userRow(s), s.Exists()), nil
	case organization.Organization:
		return putOrRemove(organizationsTable, organizationRow(s), s.Exists()), nil
	case member.Member:
		return putOrRemove(membersTable, memberRow(s), s.Exists()), nil
	case invite.Invite:
		return putOrRemove(invitesTable, inviteRow(s), !s.IsRevoked), nil
	case board.Board:
		return boardsTable.Put(boardRow(s)), nil
	case task.Task:
		return putOrRemove(tasksTable, taskRow(s), s.Exists()), nil
	case agent.Agent:
		return putOrRemove(agentsTable, agentRow(s), s.Exists()), nil
	case memory.Memory:
		return memoryTable.Put(memoryRow(s)), nil
	}
	return eventstore.Write{}, fmt.Errorf("projections: no row is known for %T", state)
}

func putOrRemove(t *eventstore.Table, row any, exists bool) eventstore.Write {
	if exists {
		return t.Put(row)
	}
	return t.Remove(row)
}

// frame renders what the streams show of an event.
func frame(e *eventstore.Staged) ([]eventstore.PendingFrame, error) {
	var f eventstore.PendingFrame
	var err error
	switch s := e.State.(type) {
	case task.Task:
		f, err = frameTask(e, s)
	case agent.Agent:
		return frameAgent(e, s)
	case memory.Memory:
		f, err = frameMemory(e, s)
	default:
		return nil, nil
	}
	return []eventstore.PendingFrame{f}, err
}

// actingAgent is the agent behind an event, nil if it was somebody else.
func actingAgent(r *eventstore.Recorded) *uuid.UUID {
	if r.Actor.Type != domain.Agent {
		return nil
	}
	id := r.Actor.ID
	return &id
}
