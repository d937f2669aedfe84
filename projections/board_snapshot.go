package projections

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"missioncontrol/domain/approval"
	"missioncontrol/domain/field"
	"missioncontrol/domain/task"
	"missioncontrol/eventstore"
)

// BoardSnapshot is a board with everything that its page shows at first.
type BoardSnapshot struct {
	Board        Board      `json:"board"`
	Tasks        []TaskCard `json:"tasks"`         // all, the newest first
	Agents       []Agent    `json:"agents"`        // all, the newest first
	Approvals    []Approval `json:"approvals"`     // the newest first
	Chat         []Memory   `json:"chat_messages"` // the oldest first
	PendingCount int        `json:"pending_approvals_count" default:"0"`
}

// TaskCard is a task with what its card on the board shows beside.
type TaskCard struct {
	Task
	Assignee         *string `json:"assignee"`
	ApprovalsCount   int     `json:"approvals_count" default:"0"`
	ApprovalsPending int     `json:"approvals_pending_count" default:"0"`
}

// shownAtMost is how many requests and messages a snapshot shows; of requests
// those that wait come on top, however old: somebody has to decide them.
const shownAtMost = "200"

// boardRows is what a snapshot is made of.
type boardRows struct {
	boards    []BoardRow // one or none
	tasks     []TaskRow
	tags      []TagRow
	fields    []FieldRow
	agents    []AgentRow
	approvals []ApprovalRow
	chat      []MemoryRow
	counts    []TaskCounts
}

// Snapshot shows a board, nil if there is none.
func (b Boards) Snapshot(ctx context.Context, id uuid.UUID) (*BoardSnapshot, error) {
	rows, err := b.readRows(ctx, id)
	if err != nil || len(rows.boards) == 0 {
		return nil, err
	}
	shown := BoardSnapshot{Board: viewBoard(rows.boards[0]), Tasks: rows.cards(), PendingCount: pendingOf(rows.approvals)}
	// How agents are seen is telemetry, which stands beside what has happened.
	if shown.Agents, err = Agents(b).seen(ctx, rows.agents); err != nil {
		return nil, err
	}
	titles := make(map[uuid.UUID]string, len(rows.tasks))
	for _, t := range rows.tasks {
		titles[t.ID] = t.Title
	}
	for _, r := range rows.approvals {
		shown.Approvals = append(shown.Approvals, viewApproval(r, titles))
	}
	for _, r := range slices.Backward(rows.chat) {
		shown.Chat = append(shown.Chat, viewMemory(r))
	}
	return &shown, nil
}

// readRows reads everything as of one moment, with the same few statements
// however much there is.
func (b Boards) readRows(ctx context.Context, id uuid.UUID) (boardRows, error) {
	var rows boardRows
	var batch pgx.Batch
	const newest = " order by created_at desc, id desc"
	queue(&batch, boardsTable, &rows.boards, "id = $1", id)
	queue(&batch, tasksTable, &rows.tasks, "board_id = $1"+newest, id)
	queue(&batch, tagsTable, &rows.tags, "id in (select unnest(tag_ids) from tasks where board_id = $1)", id)
	queue(&batch, fieldsTable, &rows.fields, "board_ids @> array[$1::uuid]", id)
	queue(&batch, agentsTable, &rows.agents, "board_id = $1"+newest, id)
	queue(&batch, approvalsTable, &rows.approvals, `board_id = $1 and (status = 'pending' or
		id in (select id from approvals where board_id = $1`+newest+` limit `+shownAtMost+`))`+newest, id)
	queue(&batch, memoryTable, &rows.chat, `board_id = $1 and is_chat and content ~ '\S'`+newest+` limit `+shownAtMost, id)
	batch.Queue(`select u.id, count(*), count(*) filter (where a.status = $2) from approvals a, unnest(a.task_ids) as u(id)
		where a.board_id = $1 group by u.id`, id, approval.Pending).Query(func(found pgx.Rows) (err error) {
		rows.counts, err = pgx.CollectRows(found, pgx.RowToStructByPos[TaskCounts])
		return err
	})
	moment := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	err := pgx.BeginTxFunc(ctx, b.DB, moment, func(tx pgx.Tx) error { return tx.SendBatch(ctx, &batch).Close() })
	if err != nil {
		return rows, fmt.Errorf("projections: read what is on board %v: %w", id, err)
	}
	return rows, nil
}

// queue is findAll in a batch.
func queue[R any](b *pgx.Batch, t *eventstore.Table, into *[]R, where string, args ...any) {
	b.Queue("select "+t.SQLColumns()+" from "+t.Name+" where "+where, args...).Query(func(rows pgx.Rows) (err error) {
		*into, err = pgx.CollectRows(rows, pgx.RowToStructByName[R])
		return err
	})
}

// around is around the tasks, which depend on tasks of their own board alone.
func (r boardRows) around() Around {
	n := nearby{statuses: map[uuid.UUID]task.Status{}, tags: map[uuid.UUID]TagRef{}, fields: map[uuid.UUID][]field.Definition{}}
	for _, t := range r.tasks {
		n.statuses[t.ID] = t.Status
	}
	for _, t := range r.tags {
		n.tags[t.ID] = refTag(t)
	}
	board := r.boards[0].ID
	for _, f := range r.fields {
		n.fields[board] = append(n.fields[board], f.definition())
	}
	return n
}

func (r boardRows) cards() []TaskCard {
	around, names, counts := r.around(), map[uuid.UUID]*string{}, map[uuid.UUID]TaskCounts{}
	for i := range r.agents {
		names[r.agents[i].ID] = &r.agents[i].Name
	}
	for _, c := range r.counts {
		counts[c.TaskID] = c
	}
	cards := make([]TaskCard, len(r.tasks))
	for i, t := range r.tasks {
		cards[i] = TaskCard{Task: viewTask(t, around), ApprovalsCount: counts[t.ID].All, ApprovalsPending: counts[t.ID].Pending}
		if t.AssignedAgentID != nil {
			cards[i].Assignee = names[*t.AssignedAgentID]
		}
	}
	return cards
}
