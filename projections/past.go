package projections

import (
	"bytes"
	"context"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/google/uuid"

	"missioncontrol/domain/agent"
	"missioncontrol/domain/approval"
	"missioncontrol/domain/board"
	"missioncontrol/domain/field"
	"missioncontrol/domain/memory"
	"missioncontrol/domain/tag"
	"missioncontrol/domain/task"
	"missioncontrol/eventstore"
)

// Reads of the past fold what the log says of a board up to a position into the
// rows that the read model had then, and show those in the same views.

// rowsAt returns a board and, of the kinds named, what was on it at a position:
// no boards among the rows if it was not there.
func (r Reader) rowsAt(ctx context.Context, board uuid.UUID, at int64, kinds ...string) (boardRows, error) {
	w, vocabulary := newWorld(), r.Store.Vocabulary()
	fold := func(e *eventstore.Recorded) { w.take(e.Stream, vocabulary.Evolve(w.states[e.Stream], e)) }
	beside := map[uuid.UUID]struct{}{} // streams that only partly tell of the board
	err := r.Store.About(ctx, board, at, append(kinds, "board"), func(e *eventstore.Recorded) {
		if e.Kind == "agent" || e.Kind == "field" { // they come to boards, and leave again
			beside[e.Stream] = struct{}{}
			return
		}
		fold(e)
		if t, ok := w.states[e.Stream].(task.Task); ok {
			for _, id := range t.TagIDs {
				beside[id] = struct{}{}
			}
		}
	})
	if err != nil {
		return boardRows{}, err
	}
	if err := r.Store.Pasts(ctx, slices.Collect(maps.Keys(beside)), at, fold); err != nil {
		return boardRows{}, err
	}
	return w.rows(board), nil
}

// rows are what a past holds of a board.
func (w *world) rows(id uuid.UUID) boardRows {
	var rows boardRows
	var tags []TagRef
	for _, state := range w.states {
		switch s := state.(type) {
		case board.Board:
			if s.Exists() && s.ID == id {
				rows.boards = append(rows.boards, taggedBoard{BoardRow: boardRow(s)})
			}
		case task.Task:
			if s.Exists() {
				rows.tasks = append(rows.tasks, countedTask{TaskRow: taskRow(s)})
			}
		case tag.Tag:
			if s.Exists() {
				tags = append(tags, RefTag(s))
			}
		case field.Definition:
			if s.Exists() && slices.Contains(s.BoardIDs, id) {
				rows.fields = append(rows.fields, fieldRow(s))
			}
		case agent.Agent:
			if s.Exists() && s.BoardID != nil && *s.BoardID == id {
				rows.agents = append(rows.agents, seenAgent{AgentRow: agentRow(s)})
			}
		case approval.Approval:
			if s.Exists() {
				rows.approvals = append(rows.approvals, approvalRow(s))
			}
		case memory.Memory:
			rows.chat = append(rows.chat, memoryRow(s))
		}
	}
	for i := range rows.boards {
		rows.boards[i].Tags = tags
	}
	countApprovals(rows.tasks, rows.approvals)
	newest(rows.tasks, func(r countedTask) (time.Time, uuid.UUID) { return r.CreatedAt, r.ID })
	newest(rows.agents, func(r seenAgent) (time.Time, uuid.UUID) { return r.CreatedAt, r.ID })
	newest(rows.approvals, func(r ApprovalRow) (time.Time, uuid.UUID) { return r.CreatedAt, r.ID })
	newest(rows.chat, func(r MemoryRow) (time.Time, uuid.UUID) { return r.CreatedAt, r.ID })
	return rows
}

// newest sorts rows as lists show them: created_at desc, id desc.
func newest[R any](rows []R, key func(R) (time.Time, uuid.UUID)) {
	slices.SortFunc(rows, func(x, y R) int {
		t1, id1 := key(x)
		t2, id2 := key(y)
		if c := t2.Compare(t1); c != 0 {
			return c
		}
		return bytes.Compare(id2[:], id1[:])
	})
}

// pageOf is one page of the rows of a past.
func pageOf[R, V any](rows []R, s Slice, keep func(R) bool, view func(R) V) *Page[V] {
	page := Page[V]{Items: []V{}, Limit: s.Limit, Offset: s.Offset}
	for _, r := range rows {
		if !keep(r) {
			continue
		}
		if page.Total >= s.Offset && len(page.Items) < s.Limit {
			page.Items = append(page.Items, view(r))
		}
		page.Total++
	}
	return &page
}

// SnapshotAt shows a board as it stood at a position, nil if it did not. How
// agents were seen is known from events alone.
func (b Boards) SnapshotAt(ctx context.Context, id uuid.UUID, at int64) (*BoardSnapshot, error) {
	rows, err := b.allAt(ctx, id, at)
	if err != nil || len(rows.boards) == 0 {
		return nil, err
	}
	rows.approvals = shownApprovals(rows.approvals)
	rows.chat = slices.DeleteFunc(rows.chat, func(r MemoryRow) bool { return !r.IsChat || blank(r.Content) })
	rows.chat = rows.chat[:min(len(rows.chat), shownAtMost)]
	return rows.snapshot(agentAsTold), nil
}

// WholeAt is SnapshotAt with every request, and with all that lists show of
// memory as its chat.
func (b Boards) WholeAt(ctx context.Context, id uuid.UUID, at int64) (*BoardSnapshot, error) {
	rows, err := b.allAt(ctx, id, at)
	if err != nil || len(rows.boards) == 0 {
		return nil, err
	}
	rows.chat = slices.DeleteFunc(rows.chat, func(r MemoryRow) bool { return blank(r.Content) })
	return rows.snapshot(agentAsTold), nil
}

func (b Boards) allAt(ctx context.Context, id uuid.UUID, at int64) (boardRows, error) {
	return b.rowsAt(ctx, id, at, "task", "approval", "memory", "agent", "field")
}

// agentAsTold shows an agent as seen by the last event about its presence.
func agentAsTold(r seenAgent) Agent {
	var then time.Time
	if r.LastSeenAt != nil {
		then = *r.LastSeenAt
	}
	v := viewAgent(r.AgentRow, Presence{Status: r.Status, LastSeenAt: r.LastSeenAt}, then)
	if r.Status == agent.Offline {
		v.Status = agent.Offline // it was lost, however short the time
	}
	return v
}

// countApprovals counts the requests of each task.
func countApprovals(tasks []countedTask, requests []ApprovalRow) {
	place := make(map[uuid.UUID]*countedTask, len(tasks))
	for i := range tasks {
		place[tasks[i].ID] = &tasks[i]
	}
	for _, r := range requests {
		for _, id := range r.TaskIDs {
			t := place[id]
			if t == nil {
				continue
			}
			t.All++
			if r.Status == approval.Pending {
				t.Pending++
			}
		}
	}
}

// shownApprovals leaves out what a snapshot does not show.
func shownApprovals(rows []ApprovalRow) []ApprovalRow {
	var shown []ApprovalRow
	for i, r := range rows {
		if i < shownAtMost || r.Status == approval.Pending {
			shown = append(shown, r)
		}
	}
	return shown
}

// blank reports text without anything that Postgres' \S finds.
func blank(text string) bool {
	return strings.TrimFunc(text, func(r rune) bool {
		const next, hard, figure, narrow = 0x85, 0xA0, 0x2007, 0x202F // spaces to Unicode, not to the C library
		return unicode.IsSpace(r) && r != next && r != hard && r != figure && r != narrow
	}) == ""
}

// OnBoardAt is OnBoard at a position, nil if the board was not there.
func (t Tasks) OnBoardAt(ctx context.Context, board uuid.UUID, at int64, f TaskFilter, s Slice) (*Page[Task], error) {
	rows, err := t.rowsAt(ctx, board, at, "task", "field")
	if err != nil || len(rows.boards) == 0 {
		return nil, err
	}
	around := rows.around()
	return pageOf(rows.tasks, s, f.keeps, func(r countedTask) Task { return viewTask(r.TaskRow, around) }), nil
}

func (f TaskFilter) keeps(r countedTask) bool {
	switch {
	case len(f.Statuses) > 0 && !slices.Contains(f.Statuses, r.Status):
		return false
	case f.AssignedAgentID != nil && (r.AssignedAgentID == nil || *r.AssignedAgentID != *f.AssignedAgentID):
		return false
	}
	return !f.Unassigned || r.AssignedAgentID == nil
}

// OnBoardAt is OnBoard at a position, nil if the board was not there.
func (a Approvals) OnBoardAt(ctx context.Context, board uuid.UUID, at int64, status string, s Slice) (*Page[Approval], error) {
	rows, err := a.rowsAt(ctx, board, at, "task", "approval")
	if err != nil || len(rows.boards) == 0 {
		return nil, err
	}
	titles := rows.titles()
	return pageOf(rows.approvals, s, func(r ApprovalRow) bool { return status == "" || string(r.Status) == status },
		func(r ApprovalRow) Approval { return viewApproval(r, titles) }), nil
}

// OnBoardAt is OnBoard at a position, nil if the board was not there.
func (m Memories) OnBoardAt(ctx context.Context, board uuid.UUID, at int64, isChat *bool, s Slice) (*Page[Memory], error) {
	rows, err := m.rowsAt(ctx, board, at, "memory")
	if err != nil || len(rows.boards) == 0 {
		return nil, err
	}
	return pageOf(rows.chat, s, func(r MemoryRow) bool { return (isChat == nil || *isChat == r.IsChat) && !blank(r.Content) }, viewMemory), nil
}
