package projections

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"missioncontrol/domain/task"
)

// GroupSnapshot is a group with its boards and what is to be done on them.
type GroupSnapshot struct {
	Group  *Group       `json:"group"`
	Boards []GroupBoard `json:"boards" default:"[]"`
}

// GroupBoard is a board of a group with the tasks that come first.
type GroupBoard struct {
	Board      Board          `json:"board"`
	TaskCounts map[string]int `json:"task_counts" default:"{}"` // by status, of those that there are
	Tasks      []GroupTask    `json:"tasks" default:"[]"`
}

// GroupTask is a task as the other boards of the group see it.
type GroupTask struct {
	ID              uuid.UUID  `json:"id"`
	BoardID         uuid.UUID  `json:"board_id"`
	BoardName       string     `json:"board_name"`
	Title           string     `json:"title"`
	Status          string     `json:"status"`
	Priority        string     `json:"priority"`
	AssignedAgentID *uuid.UUID `json:"assigned_agent_id"`
	Assignee        *string    `json:"assignee"`
	DueAt           *Time      `json:"due_at"`
	InProgressAt    *Time      `json:"in_progress_at"`
	Tags            []TagRef   `json:"tags" default:"[]"`
	CreatedAt       Time       `json:"created_at"`
	UpdatedAt       Time       `json:"updated_at"`
}

// groupTaskRow is a task with the name of its agent.
type groupTaskRow struct {
	TaskRow
	Assignee *string `db:"assignee"`
}

func viewGroupTask(r groupTaskRow, board string, tags map[uuid.UUID]TagRef) GroupTask {
	v := GroupTask{
		ID: r.ID, BoardID: r.BoardID, BoardName: board, Title: r.Title, Status: string(r.Status), Priority: r.Priority,
		AssignedAgentID: r.AssignedAgentID, Assignee: r.Assignee, DueAt: wireTime(r.DueAt), InProgressAt: wireTime(r.InProgressAt),
		Tags: []TagRef{}, CreatedAt: Time(r.CreatedAt), UpdatedAt: Time(r.UpdatedAt),
	}
	for _, id := range r.TagIDs {
		if tag, exists := tags[id]; exists {
			v.Tags = append(v.Tags, tag)
		}
	}
	return v
}

// SnapshotOf says what of a group is shown.
type SnapshotOf struct {
	AllBoards   bool        // of the group
	Boards      []uuid.UUID // else these
	Except      uuid.UUID   // this one not
	IncludeDone bool
	PerBoard    int // tasks at most
}

// Snapshot shows a group; row nil shows none.
func (g Groups) Snapshot(ctx context.Context, row *GroupRow, of SnapshotOf) (GroupSnapshot, error) {
	shown := GroupSnapshot{Boards: []GroupBoard{}}
	if row == nil {
		return shown, nil
	}
	view := viewGroup(*row)
	shown.Group = &view
	boards, err := findAll[BoardRow](ctx, g.DB, boardsTable,
		`board_group_id = $1 and ($2 or id = any($3)) and id <> $4 order by lower(name), created_at desc, id`,
		row.ID, of.AllBoards, of.Boards, of.Except)
	if err != nil || len(boards) == 0 {
		return shown, err
	}
	at := make(map[uuid.UUID]int, len(boards))
	for i, b := range boards {
		at[b.ID] = i
		shown.Boards = append(shown.Boards, GroupBoard{Board: viewBoard(b), TaskCounts: map[string]int{}, Tasks: []GroupTask{}})
	}
	tasks, err := g.readTasks(ctx, of, shown.Boards, at)
	if err != nil {
		return shown, err
	}
	tags, err := g.tagsOf(ctx, tasks)
	if err != nil {
		return shown, err
	}
	for _, t := range tasks {
		b := &shown.Boards[at[t.BoardID]]
		b.Tasks = append(b.Tasks, viewGroupTask(t, b.Board.Name, tags))
	}
	return shown, nil
}

// tagsOf reads the tags that some tasks carry.
func (g Groups) tagsOf(ctx context.Context, tasks []groupTaskRow) (map[uuid.UUID]TagRef, error) {
	var ids []uuid.UUID
	for _, t := range tasks {
		ids = union(ids, t.TagIDs...)
	}
	tags := map[uuid.UUID]TagRef{}
	return tags, Tasks(g).tags(ctx, nil, ids, tags)
}

// comesFirst is the order of tasks, t, within a board of a group.
const comesFirst = `
	case t.status when 'in_progress' then 0 when 'review' then 1 when 'inbox' then 2 when 'done' then 3 else 4 end,
	case t.priority when 'high' then 0 when 'medium' then 1 when 'low' then 2 else 3 end,
	t.updated_at desc, t.created_at desc, t.id`

// readTasks counts the tasks of the boards into them, and returns those that
// come first on each: no others leave the database.
func (g Groups) readTasks(ctx context.Context, of SnapshotOf, boards []GroupBoard, at map[uuid.UUID]int) ([]groupTaskRow, error) {
	ids := make([]uuid.UUID, len(boards))
	for i, b := range boards {
		ids[i] = b.Board.ID
	}
	var batch pgx.Batch
	batch.Queue(`select board_id, status, count(*) from tasks where board_id = any($1) group by board_id, status`, ids)
	batch.Queue(`select t.*, a.name as assignee from unnest($1::uuid[]) b (id)
		cross join lateral (select `+tasksTable.SQLColumns()+` from tasks t
			where t.board_id = b.id and ($2 or t.status <> 'done') order by `+comesFirst+` limit $3) t
		left join agents a on a.id = t.assigned_agent_id order by `+comesFirst, ids, of.IncludeDone, of.PerBoard)
	results := g.DB.SendBatch(ctx, &batch)
	defer results.Close() //nolint:errcheck // reading reported it
	rows, err := results.Query()
	if err != nil {
		return nil, fmt.Errorf("projections: count the tasks of boards: %w", err)
	}
	var board uuid.UUID
	var status task.Status
	var n int
	if _, err := pgx.ForEachRow(rows, []any{&board, &status, &n}, func() error {
		boards[at[board]].TaskCounts[string(status)] = n
		return nil
	}); err != nil {
		return nil, fmt.Errorf("projections: count the tasks of boards: %w", err)
	}
	if rows, err = results.Query(); err != nil {
		return nil, fmt.Errorf("projections: read the tasks of boards: %w", err)
	}
	tasks, err := pgx.CollectRows(rows, pgx.RowToStructByName[groupTaskRow])
	if err != nil {
		return nil, fmt.Errorf("projections: read the tasks of boards: %w", err)
	}
	return tasks, nil
}
