package projections

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"missioncontrol/eventstore"
)

// Feed reads the stored frames of streams.
type Feed struct{ Reader }

// After reads at most limit frames of a topic with after < seq ≤ upTo, in order.
func (f Feed) After(ctx context.Context, topic string, after, upTo int64, limit int) ([]eventstore.Frame, error) {
	rows, err := f.DB.Query(ctx, `select topic, seq, recorded, about, attrs, payload from feed
		where topic = $1 and seq > $2 and seq <= $3 order by seq limit $4`, topic, after, upTo, limit)
	if err != nil {
		return nil, fmt.Errorf("projections: read feed %s: %w", topic, err)
	}
	frames, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (eventstore.Frame, error) {
		var fr eventstore.Frame
		err := row.Scan(&fr.Topic, &fr.Seq, &fr.Recorded, &fr.About, &fr.Attrs, &fr.Payload)
		return fr, err
	})
	if err != nil {
		return nil, fmt.Errorf("projections: read feed %s: %w", topic, err)
	}
	return frames, nil
}

// Since returns the position before the first event recorded at or after t.
func (f Feed) Since(ctx context.Context, _ string, t time.Time) (int64, error) {
	return f.Store.Before(ctx, t)
}

// Alive leaves out frames about things that are gone: today's client, which
// asks by time, would show them as if they were there.
func (f Feed) Alive(ctx context.Context, topic string, frames []eventstore.Frame) ([]eventstore.Frame, error) {
	table := shownBy(topic)
	if table == nil || len(frames) == 0 {
		return frames, nil
	}
	ids := make([]uuid.UUID, len(frames))
	for i, fr := range frames {
		ids[i] = fr.About
	}
	where := "id = any($1)"
	if table == agentsTable {
		where += " and " + boardIsThere
	}
	if strings.HasSuffix(topic, taskCommentsSuffix) { // tasks of a deleted board go later
		where += " and exists (select 1 from boards b where b.id = tasks.board_id)"
	}
	left, err := findIDs(ctx, f.DB, table, where, ids)
	if err != nil {
		return nil, err
	}
	there := make(map[uuid.UUID]bool, len(left))
	for _, id := range left {
		there[id] = true
	}
	var alive []eventstore.Frame
	for _, fr := range frames {
		if there[fr.About] {
			alive = append(alive, fr)
		}
	}
	return alive, nil
}

// shownBy is the table of the things that a topic shows.
func shownBy(topic string) *eventstore.Table {
	switch topic[strings.LastIndexByte(topic, '/')+1:] {
	case "tasks", "task-comments":
		return tasksTable
	case "approvals":
		return approvalsTable
	case "agents":
		return agentsTable
	case "memory":
		if strings.HasPrefix(topic, "group/") {
			return groupMemoryTable
		}
		return memoryTable
	}
	return nil
}
