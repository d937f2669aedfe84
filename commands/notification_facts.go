package commands

import (
	"context"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"missioncontrol/domain"
	"missioncontrol/domain/approval"
	"missioncontrol/domain/board"
	"missioncontrol/domain/comment"
	"missioncontrol/domain/memory"
	"missioncontrol/domain/notification"
	"missioncontrol/domain/task"
	"missioncontrol/eventstore"
)

// The facts by which package notification decides who is told of an event.
// Events that nobody is told of are most: they are recognised by themselves, or
// by what memory holds, before anything is read.

// told lists whom an event is to be told, and what.
func (n Notifications) told(ctx context.Context, r *eventstore.Recorded) ([]notification.Created, error) {
	switch e := r.Event.(type) {
	case task.Created:
		return n.ofTask(ctx, r, e.BoardID, task.Changes{AssignedAgentID: domain.Optional[uuid.UUID]{Set: true, Value: e.AssignedAgentID}})
	case task.Updated:
		return n.ofTask(ctx, r, referred(r.Refs, "board"), e.Changes)
	case task.StatusChanged:
		return n.ofTask(ctx, r, referred(r.Refs, "board"), e.Changes)
	case comment.Created:
		return n.ofComment(ctx, r, e)
	case approval.Granted:
		return n.ofDecision(ctx, r, approval.Approved, e.TaskIDs)
	case approval.Denied:
		return n.ofDecision(ctx, r, approval.Rejected, e.TaskIDs)
	case memory.Created:
		return n.ofChat(ctx, r, e)
	case memory.Shared:
		return n.ofGroupMemory(ctx, r, e)
	case board.Updated:
		return n.ofBoard(ctx, r, e)
	}
	return nil, nil
}

// ofTask is about the assignee of a task: what leaves it as it was, and what a
// dependency did to it, nobody is told.
func (n Notifications) ofTask(ctx context.Context, r *eventstore.Recorded, on uuid.UUID, c task.Changes) ([]notification.Created, error) {
	now := c.AssignedAgentID.Value
	claimed := now != nil && r.Actor.Type == domain.Agent && *now == r.Actor.ID
	if !c.AssignedAgentID.Set || c.Because != nil || claimed {
		return nil, nil
	}
	b, err := n.board(ctx, on)
	if err != nil || b == nil || now == nil && !leads(b.Crew, r.Actor) {
		return nil, err
	}
	before, after, err := folded[task.Task, task.Event](ctx, n.store, r)
	if err != nil {
		return nil, err
	}
	change := notification.TaskChange{On: *b, After: tellable(after), By: r.Actor}
	if before.Exists() {
		was := tellable(before)
		change.Before = &was
	}
	if change.Assignee, err = n.agent(ctx, after.AssignedAgentID); err != nil {
		return nil, err
	}
	if before.Status == task.Review && after.Status == task.Inbox && now != nil && r.Actor.Type == domain.Agent {
		if change.Feedback, err = n.said.Newest(ctx, r.Stream, r.Actor.ID, r.Time); err != nil {
			return nil, err
		}
	}
	return change.Told(), nil
}

// leads reports whether a crew has a lead, other than whoever acts.
func leads(crew []notification.Agent, by domain.Actor) bool {
	for _, a := range crew {
		if a.IsLead && (by.Type != domain.Agent || by.ID != a.ID) {
			return true
		}
	}
	return false
}

func tellable(t task.Task) notification.Task {
	return notification.Task{ID: t.ID, Title: t.Title, Status: string(t.Status), Description: t.Description, AssignedAgentID: t.AssignedAgentID}
}

// ofComment tells nobody of one that came with a change: the change tells.
func (n Notifications) ofComment(ctx context.Context, r *eventstore.Recorded, e comment.Created) ([]notification.Created, error) {
	if e.WithChange {
		return nil, nil
	}
	on, err := n.tasks.Find(ctx, e.TaskID)
	if err != nil || !on.Exists() {
		return nil, err
	}
	tokens := comment.Tokens(e.Message)
	if len(tokens) == 0 && on.AssignedAgentID == nil {
		return nil, nil
	}
	b, err := n.board(ctx, e.BoardID)
	if err != nil || b == nil {
		return nil, err
	}
	c := notification.Comment{On: *b, Task: tellable(on), By: r.Actor, From: "User", Message: e.Message}
	for _, a := range b.Crew {
		if mentions(tokens, a) {
			c.Mentioned = append(c.Mentioned, a)
		}
	}
	if c.Assignee, err = n.agent(ctx, on.AssignedAgentID); err != nil {
		return nil, err
	}
	author, err := n.agent(ctx, e.AgentID)
	if author != nil {
		c.From = author.Name
	}
	return c.Told(), err
}

func mentions(tokens map[string]bool, a notification.Agent) bool {
	return len(tokens) > 0 && comment.Mentions(tokens, comment.Agent{ID: a.ID, Name: a.Name, IsLead: a.IsLead})
}

// mentionedIn are the agents of some boards that a text mentions.
func mentionedIn(text string, boards ...notification.Board) map[uuid.UUID]bool {
	tokens, found := comment.Tokens(text), map[uuid.UUID]bool{}
	for _, b := range boards {
		for _, a := range b.Crew {
			if mentions(tokens, a) {
				found[a.ID] = true
			}
		}
	}
	return found
}

func (n Notifications) ofDecision(ctx context.Context, r *eventstore.Recorded, decision approval.Status, tasks []uuid.UUID) ([]notification.Created, error) {
	b, err := n.board(ctx, referred(r.Refs, "board"))
	if err != nil || b == nil || len(b.Crew) == 0 {
		return nil, err
	}
	now, err := n.approvals.Find(ctx, r.Stream)
	if err != nil || !now.Exists() {
		return nil, err
	}
	asked, err := n.agent(ctx, now.AgentID)
	if err != nil {
		return nil, err
	}
	return notification.Resolution{
		On: *b, By: r.Actor, ApprovalID: now.ID, AskedBy: asked, ActionType: now.ActionType, Decision: string(decision),
		Confidence: now.Confidence, TaskIDs: tasks,
	}.Told(), nil
}

func (n Notifications) ofChat(ctx context.Context, r *eventstore.Recorded, e memory.Created) ([]notification.Created, error) {
	if !e.IsChat {
		return nil, nil
	}
	b, err := n.board(ctx, e.BoardID)
	if err != nil || b == nil {
		return nil, err
	}
	return notification.Message{On: *b, By: r.Actor, MemoryID: r.Stream, Content: e.Content, Mentioned: mentionedIn(e.Content, *b)}.Told(), nil
}

func (n Notifications) ofGroupMemory(ctx context.Context, r *eventstore.Recorded, e memory.Shared) ([]notification.Created, error) {
	note := memory.Note{Content: e.Content, Tags: e.Tags}
	if !note.Addresses() {
		return nil, nil
	}
	g, err := n.groups.Find(ctx, nil, e.BoardGroupID)
	if err != nil || g == nil {
		return nil, err
	}
	boards, err := n.inGroup(ctx, e.BoardGroupID)
	if err != nil {
		return nil, err
	}
	return notification.GroupMessage{
		In: notification.Group{ID: g.ID, Name: g.Name}, By: r.Actor, MemoryID: r.Stream, Content: e.Content,
		ForAll: note.ForAll(), Boards: boards, Mentioned: mentionedIn(e.Content, boards...),
	}.Told(), nil
}

// ofBoard tells who stays in a group that the board leaves, who is in the one
// that it joins, and the lead of the board. A group that is gone took its boards
// out of it: nobody is told of that.
func (n Notifications) ofBoard(ctx context.Context, r *eventstore.Recorded, e board.Updated) ([]notification.Created, error) {
	changed, err := namesOf(e.Changes)
	if err != nil || len(changed) == 0 {
		return nil, err
	}
	b, err := n.board(ctx, r.Stream)
	if err != nil || b == nil {
		return nil, err
	}
	left, err := n.ofGroupChange(ctx, r, *b, e.LeftGroupID, false)
	if err != nil {
		return nil, err
	}
	joined, err := n.ofGroupChange(ctx, r, *b, e.BoardGroupID.Value, true)
	if err != nil {
		return nil, err
	}
	told := append(left, joined...)
	dissolved := len(changed) == 1 && e.LeftGroupID != nil && e.BoardGroupID.Value == nil && left == nil
	if dissolved || !leads(b.Crew, r.Actor) {
		return told, nil
	}
	before, after, err := folded[board.Board, board.Event](ctx, n.store, r)
	if err != nil {
		return nil, err
	}
	c := notification.BoardChange{On: *b, By: r.Actor}
	c.On.Name = after.Name
	if c.Changed, err = changedFields(before.Settings, e.Changes); err != nil {
		return nil, err
	}
	return append(told, c.Told()...), nil
}

// ofGroupChange is nil if there is no such group, or not any more.
func (n Notifications) ofGroupChange(ctx context.Context, r *eventstore.Recorded, b notification.Board, group *uuid.UUID, joined bool) ([]notification.Created, error) {
	if group == nil {
		return nil, nil
	}
	g, err := n.groups.Find(ctx, nil, *group)
	if err != nil || g == nil {
		return nil, err
	}
	among, err := n.inGroup(ctx, *group)
	if err != nil {
		return nil, err
	}
	if !joined && !hasBoard(among, b.ID) {
		among = append(among, b)
	}
	told := notification.GroupChange{
		Joined: joined, Board: b, Group: notification.Group{ID: g.ID, Name: g.Name}, By: r.Actor, Among: among,
	}.Told()
	return append([]notification.Created{}, told...), nil
}

func hasBoard(boards []notification.Board, id uuid.UUID) bool {
	for _, b := range boards {
		if b.ID == id {
			return true
		}
	}
	return false
}

// namesOf are the settings that changes name, with their values.
func namesOf(v any) (map[string]jsontext.Value, error) {
	text, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		return nil, err
	}
	var members map[string]jsontext.Value
	return members, json.Unmarshal(text, &members)
}

// changedFields are changes of a board in words.
func changedFields(before board.Settings, c board.Changes) ([]notification.Field, error) {
	was, err := namesOf(before)
	if err != nil {
		return nil, err
	}
	now, err := namesOf(c)
	if err != nil {
		return nil, err
	}
	var fields []notification.Field
	for name, value := range now {
		fields = append(fields, notification.Field{Name: name, Before: inWords(was[name]), After: inWords(value)})
	}
	return fields, nil
}

// inWords is a text as it is, and JSON of anything else.
func inWords(v jsontext.Value) string {
	var text string
	switch {
	case v == nil:
		return "null"
	case json.Unmarshal(v, &text) == nil && v.Kind() == '"':
		return text
	}
	if sorted := v.Clone(); sorted.Canonicalize() == nil {
		return string(sorted)
	}
	return string(v)
}
