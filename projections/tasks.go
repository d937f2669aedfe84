package projections

import (
	"context"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"missioncontrol/domain"
	"missioncontrol/domain/task"
	"missioncontrol/eventstore"
)

// TaskRow maps a task's state.
type TaskRow struct {
	ID              uuid.UUID      `db:"id"`
	BoardID         uuid.UUID      `db:"board_id"`
	Title           string         `db:"title"`
	Description     *string        `db:"description"`
	Status          task.Status    `db:"status"`
	Priority        string         `db:"priority"`
	DueAt           *time.Time     `db:"due_at"`
	AssignedAgentID *uuid.UUID     `db:"assigned_agent_id"`
	CreatedByUserID *uuid.UUID     `db:"created_by_user_id"`
	InProgressAt    *time.Time     `db:"in_progress_at"`
	DependsOn       []uuid.UUID    `db:"depends_on"`
	TagIDs          []uuid.UUID    `db:"tag_ids"`
	Values          jsontext.Value `db:"custom_field_values"`
	AutoReason      *string        `db:"auto_reason"`
	CreatedAt       time.Time      `db:"created_at"`
	UpdatedAt       time.Time      `db:"updated_at"`
}

var tasksTable = eventstore.TableOf[TaskRow]("tasks", "id")

func taskRow(t task.Task) TaskRow {
	return TaskRow{
		ID: t.ID, BoardID: t.BoardID, Title: t.Title, Description: t.Description, Status: t.Status, Priority: t.Priority,
		DueAt: t.DueAt, AssignedAgentID: t.AssignedAgentID, CreatedByUserID: t.CreatedByUserID,
		InProgressAt: t.InProgressAt, DependsOn: orEmpty(t.DependsOn), TagIDs: orEmpty(t.TagIDs), Values: valuesColumn(t.Values),
		AutoReason: t.AutoReason, CreatedAt: t.CreatedAt, UpdatedAt: t.UpdatedAt,
	}
}

func orEmpty(ids []uuid.UUID) []uuid.UUID {
	if ids == nil {
		return []uuid.UUID{}
	}
	return ids
}

// valuesColumn holds the values of custom fields, null for none.
func valuesColumn(v task.Values) jsontext.Value {
	if len(v) == 0 {
		return nil
	}
	column, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		return nil // ids and JSON values always encode
	}
	return column
}

func valuesOf(column jsontext.Value) task.Values {
	var v task.Values
	if column != nil && json.Unmarshal(column, &v) != nil {
		return nil // written by valuesColumn alone
	}
	return v
}

// Task is a task as callers see it.
type Task struct {
	Title             string                    `json:"title"`
	Description       *string                   `json:"description"`
	Status            task.Status               `json:"status" enum:"inbox,in_progress,review,done" default:"inbox"`
	Priority          string                    `json:"priority" default:"medium"`
	DueAt             *Time                     `json:"due_at"`
	AssignedAgentID   *uuid.UUID                `json:"assigned_agent_id"`
	DependsOnTaskIDs  []uuid.UUID               `json:"depends_on_task_ids" default:"[]"`
	TagIDs            []uuid.UUID               `json:"tag_ids" default:"[]"`
	ID                uuid.UUID                 `json:"id"`
	BoardID           *uuid.UUID                `json:"board_id" required:"true"`
	CreatedByUserID   *uuid.UUID                `json:"created_by_user_id" required:"true"`
	InProgressAt      *Time                     `json:"in_progress_at" required:"true"`
	CreatedAt         Time                      `json:"created_at"`
	UpdatedAt         Time                      `json:"updated_at"`
	BlockedByTaskIDs  []uuid.UUID               `json:"blocked_by_task_ids" default:"[]"`
	IsBlocked         bool                      `json:"is_blocked" default:"false"`
	Tags              []TagRef                  `json:"tags" default:"[]"`
	CustomFieldValues map[string]jsontext.Value `json:"custom_field_values" null:"yes"`
}

// TagRef is a tag as a task shows it.
type TagRef struct {
	ID    uuid.UUID `json:"id"`
	Name  string    `json:"name"`
	Slug  string    `json:"slug"`
	Color string    `json:"color"`
}

// View shows a task with what it shows of others.
func (t Tasks) View(ctx context.Context, d *eventstore.Decision, now task.Task) (Task, error) {
	row := taskRow(now)
	around, err := t.Around(ctx, d, row)
	if err != nil {
		return Task{}, err
	}
	return viewTask(row, around), nil
}

func viewTask(r TaskRow, around Around) Task {
	v := Task{
		Title: r.Title, Description: r.Description, Status: r.Status, Priority: r.Priority, DueAt: wireTime(r.DueAt),
		AssignedAgentID: r.AssignedAgentID, DependsOnTaskIDs: r.DependsOn, ID: r.ID, BoardID: &r.BoardID,
		CreatedByUserID: r.CreatedByUserID, InProgressAt: wireTime(r.InProgressAt),
		CreatedAt: Time(r.CreatedAt), UpdatedAt: Time(r.UpdatedAt), CustomFieldValues: around.Fields(r.BoardID, valuesOf(r.Values)),
	}
	for _, id := range r.DependsOn {
		if s, exists := around.Status(id); exists && s != task.Done && r.Status != task.Done {
			v.BlockedByTaskIDs = append(v.BlockedByTaskIDs, id)
		}
	}
	v.IsBlocked = len(v.BlockedByTaskIDs) > 0
	for _, id := range r.TagIDs {
		if tag, exists := around.Tag(id); exists {
			v.TagIDs, v.Tags = append(v.TagIDs, id), append(v.Tags, tag)
		}
	}
	return v
}

// TasksTopic is the stream of a board's tasks.
func TasksTopic(board uuid.UUID) string { return "board/" + board.String() + "/tasks" }

// activity is the line about an event that frames carry.
type activity struct {
	ID        uuid.UUID  `json:"id"`
	EventType string     `json:"event_type"`
	Message   string     `json:"message"`
	AgentID   *uuid.UUID `json:"agent_id"`
	TaskID    uuid.UUID  `json:"task_id"`
	CreatedAt Time       `json:"created_at"`
}

type taskFrame struct {
	Type     string   `json:"type"`
	Activity activity `json:"activity"`
	Task     Task     `json:"task"`
}

type taskDeletedFrame struct {
	Type     string    `json:"type"`
	TaskID   uuid.UUID `json:"task_id"`
	Activity activity  `json:"activity"`
}

// frameTask renders what the board's task stream shows of an event.
func frameTask(e *eventstore.Staged, t task.Task, around Around) ([]eventstore.PendingFrame, error) {
	line := activity{
		ID: e.ID, EventType: e.Type, Message: taskMessage(e.Event, t.Title), AgentID: actingAgent(e.Recorded),
		TaskID: t.ID, CreatedAt: Time(e.Time),
	}
	var payload any = taskFrame{e.Type, line, viewTask(taskRow(t), around)}
	if t.Deleted {
		payload = taskDeletedFrame{e.Type, t.ID, line}
	}
	return frameOf(e, TasksTopic(t.BoardID), t.ID, nil, payload)
}

// taskMessage is the sentence of an event of the task with this title. Today's
// clients show it, and the server reads the one about review.
func taskMessage(event any, title string) string {
	switch body := event.(task.Event).(type) {
	case task.Created:
		if body.AutoReason != nil {
			return "Task created by lead: " + title + "."
		}
		return "Task created: " + title + "."
	case task.StatusChanged:
		if body.Because != nil {
			return "Task returned to inbox: dependency reopened (" + body.Because.Title + ")."
		}
		return "Task moved to " + string(body.Status) + ": " + title + "."
	case task.Updated:
		if body.Because != nil {
			return "Dependency completion changed: " + body.Because.Title + "."
		}
		return "Task updated: " + title + "."
	case task.Deleted:
		return "Task deleted: " + title + "."
	}
	return ""
}

// Tasks lists tasks.
type Tasks struct{ Reader }

// TaskFilter narrows a list of tasks; zero fields do not.
type TaskFilter struct {
	Statuses        []task.Status
	AssignedAgentID *uuid.UUID
	Unassigned      bool
}

// OnBoard lists a board's tasks, the newest first.
func (t Tasks) OnBoard(ctx context.Context, board uuid.UUID, f TaskFilter, s Slice) (Page[Task], error) {
	return listViews(ctx, t.DB, tasksTable,
		`board_id = $1 and (cardinality($2::text[]) = 0 or status = any($2)) and ($3::uuid is null or assigned_agent_id = $3)
			and (not $4 or assigned_agent_id is null)`,
		`created_at desc, id desc`,
		[]any{board, statusTexts(f.Statuses), f.AssignedAgentID, f.Unassigned}, s, t.views)
}

func (t Tasks) views(ctx context.Context, rows []TaskRow) ([]Task, error) {
	around, err := t.Around(ctx, nil, rows...)
	if err != nil {
		return nil, err
	}
	views := make([]Task, len(rows))
	for i, r := range rows {
		views[i] = viewTask(r, around)
	}
	return views, nil
}

func statusTexts(statuses []task.Status) []string {
	texts := make([]string, len(statuses))
	for i, s := range statuses {
		texts[i] = string(s)
	}
	return texts
}

// AssignedTo lists the tasks of an agent.
func (t Tasks) AssignedTo(ctx context.Context, d *eventstore.Decision, agent uuid.UUID) ([]uuid.UUID, error) {
	d.Look(AgentTasksKey(agent))
	return findIDs(ctx, t.DB, tasksTable, "assigned_agent_id = $1", agent)
}

// EdgesKey names the fact which task of a board depends on which.
func EdgesKey(board uuid.UUID) domain.Key { return eventstore.Key(board, "board/dependencies") }

// Edges returns which task of a board depends on which.
func (t Tasks) Edges(ctx context.Context, d *eventstore.Decision, board uuid.UUID) (map[uuid.UUID][]uuid.UUID, error) {
	return eventstore.LookAt(ctx, t.Store, d, EdgesKey(board), "edges", func(ctx context.Context) (map[uuid.UUID][]uuid.UUID, error) {
		rows, err := t.DB.Query(ctx, `select id, depends_on from tasks where board_id = $1 and depends_on <> '{}'`, board)
		if err != nil {
			return nil, fmt.Errorf("projections: read dependencies of board %v: %w", board, err)
		}
		edges := map[uuid.UUID][]uuid.UUID{}
		var id uuid.UUID
		var to []uuid.UUID
		_, err = pgx.ForEachRow(rows, []any{&id, &to}, func() error { edges[id] = to; to = nil; return nil })
		if err != nil {
			return nil, fmt.Errorf("projections: read dependencies of board %v: %w", board, err)
		}
		return edges, nil
	})
}

// OnBoardByID returns how tasks of a board stand, by their ids; those of other
// boards, or of none, stay out.
func (t Tasks) OnBoardByID(ctx context.Context, d *eventstore.Decision, board uuid.UUID, ids []uuid.UUID) (map[uuid.UUID]task.Status, error) {
	found := map[uuid.UUID]task.Status{}
	if len(ids) == 0 {
		return found, nil
	}
	for _, id := range ids {
		d.Look(eventstore.Key(id, "task"))
	}
	rows, err := t.DB.Query(ctx, `select id, status from tasks where board_id = $1 and id = any($2)`, board, ids)
	if err != nil {
		return nil, fmt.Errorf("projections: find tasks of board %v: %w", board, err)
	}
	var id uuid.UUID
	var status task.Status
	if _, err := pgx.ForEachRow(rows, []any{&id, &status}, func() error { found[id] = status; return nil }); err != nil {
		return nil, fmt.Errorf("projections: find tasks of board %v: %w", board, err)
	}
	return found, nil
}

// Dependents lists the tasks that depend on one.
func (t Tasks) Dependents(ctx context.Context, d *eventstore.Decision, board, id uuid.UUID) ([]uuid.UUID, error) {
	d.Look(EdgesKey(board))
	return findIDs(ctx, t.DB, tasksTable, "depends_on @> array[$1::uuid] and depends_on <> '{}' order by created_at, id", id)
}

// Exist reports whether a task stands on a board.
func (t Tasks) Exist(ctx context.Context, board, id uuid.UUID) (bool, error) {
	row, err := find[TaskRow](ctx, t.DB, tasksTable, "board_id = $1 and id = $2", board, id)
	return row != nil, err
}
