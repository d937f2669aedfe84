package projections

import (
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"

	"missioncontrol/domain"
	"missioncontrol/domain/agent"
	"missioncontrol/domain/approval"
	"missioncontrol/domain/board"
	"missioncontrol/domain/comment"
	"missioncontrol/domain/evidence"
	"missioncontrol/domain/field"
	"missioncontrol/domain/group"
	"missioncontrol/domain/invite"
	"missioncontrol/domain/logbook"
	"missioncontrol/domain/member"
	"missioncontrol/domain/memory"
	"missioncontrol/domain/notification"
	"missioncontrol/domain/organization"
	"missioncontrol/domain/tag"
	"missioncontrol/domain/task"
	"missioncontrol/domain/user"
	"missioncontrol/eventstore"
)

// Projector maps decided events to rows and frames: the same way when a
// command is appended and when the log is replayed.
type Projector struct{}

// Project maps the events of a decision. Each frame shows the world as its
// event leaves it: what the decision has changed up to there, over what the
// database holds.
func (p Projector) Project(d *eventstore.Decision) ([]eventstore.Write, []eventstore.PendingFrame, error) {
	read := Reader{DB: d.Store().DB(), Store: d.Store()}
	changed := newWorld()
	var writes []eventstore.Write
	var frames []eventstore.PendingFrame
	for _, e := range d.Staged() {
		if unseen(e.Recorded) {
			continue
		}
		changed.take(e.Stream, e.State)
		w, err := row(e.State)
		if err != nil {
			return nil, nil, err
		}
		f, err := read.frame(d, changed, e)
		if err != nil {
			return nil, nil, err
		}
		writes, frames = append(writes, w...), append(frames, f...)
	}
	return writes, frames, nil
}

// frame renders what the streams show of an event in the present.
func (r Reader) frame(d *eventstore.Decision, changed *world, e *eventstore.Staged) ([]eventstore.PendingFrame, error) {
	switch s := e.State.(type) {
	case task.Task:
		around, err := Tasks{r}.around(d.Context(), d, changed.layer, []TaskRow{taskRow(s)})
		if err != nil {
			return nil, err
		}
		return frameTask(e, s, around)
	case approval.Approval:
		n, err := Approvals{r}.tally(d.Context(), d, changed, s)
		if err != nil {
			return nil, err
		}
		return frameApproval(e, s, n)
	case comment.Comment:
		around, err := Comments{r}.scene(d.Context(), d, changed, s)
		if err != nil {
			return nil, err
		}
		return framesComment(e, s, around)
	case notification.Notification:
		return frameNotification(e, s, d.State)
	}
	return frame(e)
}

// frameIn renders what the streams show of an event in a past that is folded
// in memory.
func frameIn(w *world, e *eventstore.Staged) ([]eventstore.PendingFrame, error) {
	switch s := e.State.(type) {
	case task.Task:
		return frameTask(e, s, w)
	case approval.Approval:
		return frameApproval(e, s, tallyIn(w, s))
	case comment.Comment:
		return framesComment(e, s, sceneIn(w, s))
	case notification.Notification:
		return frameNotification(e, s, w.layer)
	}
	return frame(e)
}

// unseen reports whether an event is evidence alone: no read model and no
// stream shows it.
func unseen(r *eventstore.Recorded) bool {
	switch r.Event.(type) {
	case evidence.Event, logbook.Event:
		return true
	}
	return false
}

// row maps an aggregate's state to the row of its table; the feed alone shows
// notifications.
func row(state any) ([]eventstore.Write, error) {
	if _, ok := state.(notification.Notification); ok {
		return nil, nil
	}
	w, err := rowOf(state)
	return []eventstore.Write{w}, err
}

func rowOf(state any) (eventstore.Write, error) {
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
		return putOrRemove(boardsTable, boardRow(s), s.Exists()), nil
	case group.Group:
		return putOrRemove(groupsTable, groupRow(s), s.Exists()), nil
	case task.Task:
		return putOrRemove(tasksTable, taskRow(s), s.Exists()), nil
	case agent.Agent:
		return putOrRemove(agentsTable, agentRow(s), s.Exists()), nil
	case comment.Comment:
		return commentsTable.Put(commentRow(s)), nil
	case approval.Approval:
		return putOrRemove(approvalsTable, approvalRow(s), s.Exists()), nil
	case tag.Tag:
		return putOrRemove(tagsTable, tagRow(s), s.Exists()), nil
	case field.Definition:
		return putOrRemove(fieldsTable, fieldRow(s), s.Exists()), nil
	case memory.Memory:
		if s.BoardGroupID != uuid.Nil {
			return groupMemoryTable.Put(groupMemoryRow(s)), nil
		}
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

// frame renders what the streams show of an event that shows nothing of others.
func frame(e *eventstore.Staged) ([]eventstore.PendingFrame, error) {
	switch s := e.State.(type) {
	case agent.Agent:
		return frameAgent(e, s)
	case board.Board:
		return frameBoard(e, s)
	case tag.Tag:
		return frameTag(e, s)
	case field.Definition:
		return frameField(e, s)
	case memory.Memory:
		if s.BoardGroupID != uuid.Nil {
			return frameGroupMemory(e, s)
		}
		return frameMemory(e, s)
	}
	return nil, nil
}

// frameOf is the one frame that a topic shows of an event. attrs is nil where
// nobody filters.
func frameOf(e *eventstore.Staged, topic string, about uuid.UUID, attrs map[string]string, payload any) ([]eventstore.PendingFrame, error) {
	text, err := render(payload)
	if err != nil {
		return nil, fmt.Errorf("projections: render %s for %s: %w", e.Type, topic, err)
	}
	return []eventstore.PendingFrame{{Of: e, Frame: eventstore.Frame{Topic: topic, About: about, Attrs: attrs, Payload: text}}}, nil
}

// render encodes what a frame shows, the same way every time.
func render(v any) ([]byte, error) { return json.Marshal(v, json.Deterministic(true)) }

// actingAgent is the agent behind an event, nil if it was somebody else.
func actingAgent(r *eventstore.Recorded) *uuid.UUID {
	if r.Actor.Type != domain.Agent {
		return nil
	}
	id := r.Actor.ID
	return &id
}
