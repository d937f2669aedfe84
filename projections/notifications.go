package projections

import (
	"context"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"

	"missioncontrol/domain"
	"missioncontrol/domain/memory"
	"missioncontrol/domain/notification"
	"missioncontrol/eventstore"
)

// Notification is what an agent is told, as it sees it. Notifications have no
// table: the feed of an agent's inbox holds them.
type Notification struct {
	ID           uuid.UUID  `json:"id"`
	Kind         string     `json:"kind"`
	BoardID      uuid.UUID  `json:"board_id"`
	BoardGroupID *uuid.UUID `json:"board_group_id,omitzero"`
	TaskID       *uuid.UUID `json:"task_id,omitzero"`
	ApprovalID   *uuid.UUID `json:"approval_id,omitzero"`
	MemoryID     *uuid.UUID `json:"memory_id,omitzero"`
	From         *string    `json:"from,omitzero"` // behind the mark of sealed values if it is one
	Text         string     `json:"text"`
	CreatedAt    Time       `json:"created_at"`
}

// viewNotification shows a notification. A message is from whoever signed it.
func viewNotification(n notification.Notification, message memory.Memory) Notification {
	v := Notification{
		ID: n.ID, Kind: string(n.Said.Kind), BoardID: n.Said.BoardID, BoardGroupID: n.Said.BoardGroupID, TaskID: n.Said.TaskID,
		ApprovalID: n.Said.ApprovalID, MemoryID: n.Said.MemoryID, From: n.Said.From, Text: n.Said.Text, CreatedAt: Time(n.CreatedAt),
	}
	if n.Said.MemoryID == nil {
		return v
	}
	v.From = message.Source
	if name := message.SourceName.Located(); name != "" {
		sealed := eventstore.SealMark + name
		v.From = &sealed
	}
	return v
}

// InboxTopic is the stream of what an agent is told.
func InboxTopic(agent uuid.UUID) string { return "agent/" + agent.String() + "/inbox" }

// frameNotification renders what the inbox of an agent shows; states are the
// streams around it.
func frameNotification(e *eventstore.Staged, n notification.Notification, states layer) ([]eventstore.PendingFrame, error) {
	var message memory.Memory
	if n.Said.MemoryID != nil {
		state, _ := states(*n.Said.MemoryID)
		message, _ = state.(memory.Memory)
	}
	return frameOf(e, InboxTopic(n.Said.AgentID), n.ID, nil, viewNotification(n, message))
}

// InboxKey names the fact what an agent was told.
func InboxKey(agent uuid.UUID) domain.Key { return eventstore.Key(agent, "agent/inbox") }

// Notifications reads the inboxes of agents.
type Notifications struct{ Reader }

// InboxItem is a notification and its position in the log.
type InboxItem struct {
	Seq int64
	Notification
}

// Inbox lists what an agent was told after a position, at most limit, in order,
// and the position up to which that is all. That there is nothing new is known
// from memory.
func (n Notifications) Inbox(ctx context.Context, agent uuid.UUID, after int64, limit int) ([]InboxItem, int64, error) {
	head := n.Store.Head() // before the newest is looked for
	newest, err := n.newest(ctx, agent)
	if err != nil || newest <= after {
		return nil, head, err
	}
	frames, err := Feed(n).After(ctx, InboxTopic(agent), after, head, limit)
	if err != nil {
		return nil, head, err
	}
	items := make([]InboxItem, len(frames))
	for i, f := range frames {
		items[i].Seq = f.Seq
		if err := json.Unmarshal(f.Payload, &items[i].Notification); err != nil {
			return nil, head, fmt.Errorf("projections: read the notification at %d: %w", f.Seq, err)
		}
	}
	if len(items) == limit {
		head = items[limit-1].Seq
	}
	return items, head, nil
}

// newest is the position of the last notification of an agent, 0 if there is
// none.
func (n Notifications) newest(ctx context.Context, agent uuid.UUID) (int64, error) {
	return eventstore.Remember(ctx, n.Store, InboxKey(agent), "newest", func(ctx context.Context) (int64, error) {
		var seq int64
		err := n.DB.QueryRow(ctx, `select coalesce(max(seq), 0) from feed where topic = $1`, InboxTopic(agent)).Scan(&seq)
		if err != nil {
			return 0, fmt.Errorf("projections: find the end of %s: %w", InboxTopic(agent), err)
		}
		return seq, nil
	})
}
