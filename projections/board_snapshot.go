package projections

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

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
const shownAtMost = 200

// boardRows is what a snapshot is made of.
type boardRows struct {
	boards    []taggedBoard // one or none
	tasks     []countedTask
	fields    []FieldRow
	agents    []seenAgent
	approvals []ApprovalRow
	chat      []MemoryRow
}

// taggedBoard is a board with the tags of its tasks.
type taggedBoard struct {
	BoardRow
	Tags []TagRef `db:"tags"`
}

// countedTask is a task with the requests that it has.
type countedTask struct {
	TaskRow
	All     int `db:"approvals"`
	Pending int `db:"approvals_pending"`
}

// seenAgent is an agent as it is seen now: telemetry, which stands beside what
// has happened.
type seenAgent struct {
	AgentRow
	SeenStatus *string    `db:"seen_status"`
	SeenAt     *time.Time `db:"seen_at"`
}

// Snapshot shows a board, nil if there is none.
func (b Boards) Snapshot(ctx context.Context, id uuid.UUID) (*BoardSnapshot, error) {
	rows, err := b.readRows(ctx, id)
	if err != nil || len(rows.boards) == 0 {
		return nil, err
	}
	return rows.snapshot(func(r seenAgent) Agent {
		var seen Presence
		if r.SeenStatus != nil {
			seen = Presence{Status: *r.SeenStatus, LastSeenAt: r.SeenAt}
		}
		return viewAgent(r.AgentRow, seen, b.Store.Now())
	}), nil
}

func (r boardRows) snapshot(agent func(seenAgent) Agent) *BoardSnapshot {
	shown := BoardSnapshot{Board: viewBoard(r.boards[0].BoardRow), Tasks: r.cards(), PendingCount: pendingOf(r.approvals)}
	for _, a := range r.agents {
		shown.Agents = append(shown.Agents, agent(a))
	}
	titles := r.titles()
	for _, a := range r.approvals {
		shown.Approvals = append(shown.Approvals, viewApproval(a, titles))
	}
	for _, m := range slices.Backward(r.chat) {
		shown.Chat = append(shown.Chat, viewMemory(m))
	}
	return &shown
}

func (r boardRows) titles() map[uuid.UUID]string {
	titles := make(map[uuid.UUID]string, len(r.tasks))
	for _, t := range r.tasks {
		titles[t.ID] = t.Title
	}
	return titles
}

// readRows reads everything as of one moment, with the same few statements
// however much there is.
func (b Boards) readRows(ctx context.Context, id uuid.UUID) (boardRows, error) {
	var rows boardRows
	var batch pgx.Batch
	const of, newest = "board_id = $1", " order by created_at desc, id desc"
	limit := " limit " + strconv.Itoa(shownAtMost)
	queue(&batch, &rows.boards, boardsTable, `, coalesce((select json_agg(json_build_object('id', id, 'name', name, 'slug', slug, 'color', color))
		from tags where id in (select unnest(tag_ids) from tasks where board_id = $1)), '[]') as tags`, "", "id = $1", id)
	queue(&batch, &rows.tasks, tasksTable, `, coalesce(n.approvals, 0) as approvals, coalesce(n.pending, 0) as approvals_pending`,
		`left join (select unnest(task_ids) as task, count(*) as approvals, count(*) filter (where status = 'pending') as pending
			from approvals where board_id = $1 group by 1) n on n.task = id`, of+newest, id)
	queue(&batch, &rows.fields, fieldsTable, "", "", "board_ids @> array[$1::uuid]", id)
	queue(&batch, &rows.agents, agentsTable, `, p.seen_status, p.seen_at`,
		`left join (select agent_id, status as seen_status, last_seen_at as seen_at from agent_presence) p on p.agent_id = id`, of+newest, id)
	queue(&batch, &rows.approvals, approvalsTable, "", "", `board_id = $1 and (status = 'pending' or
		id in (select id from approvals where board_id = $1`+newest+limit+`))`+newest, id)
	queue(&batch, &rows.chat, memoryTable, "", "", `board_id = $1 and is_chat and content ~ '\S'`+newest+limit, id)
	moment := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	err := pgx.BeginTxFunc(ctx, b.DB, moment, func(tx pgx.Tx) error { return tx.SendBatch(ctx, &batch).Close() })
	if err != nil {
		return rows, fmt.Errorf("projections: read what is on board %v: %w", id, err)
	}
	return rows, nil
}

// queue is findAll in a batch, of rows with more columns from joined tables.
func queue[R any](b *pgx.Batch, into *[]R, t *eventstore.Table, more, join, where string, id uuid.UUID) {
	b.Queue("select "+t.SQLColumns()+more+" from "+t.Name+" "+join+" where "+where, id).Query(func(rows pgx.Rows) (err error) {
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
	for _, t := range r.boards[0].Tags {
		n.tags[t.ID] = t
	}
	board := r.boards[0].ID
	for _, f := range r.fields {
		n.fields[board] = append(n.fields[board], f.definition())
	}
	return n
}

func (r boardRows) cards() []TaskCard {
	around, names := r.around(), map[uuid.UUID]*string{}
	for i := range r.agents {
		names[r.agents[i].ID] = &r.agents[i].Name
	}
	cards := make([]TaskCard, len(r.tasks))
	for i, t := range r.tasks {
		cards[i] = TaskCard{Task: viewTask(t.TaskRow, around), ApprovalsCount: t.All, ApprovalsPending: t.Pending}
		if t.AssignedAgentID != nil {
			cards[i].Assignee = names[*t.AssignedAgentID]
		}
	}
	return cards
}
