package projections

import (
	"context"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"missioncontrol/domain/task"
	"missioncontrol/eventstore"
)

// TaskRow maps a task's state.
type TaskRow struct {
	ID              uuid.UUID   `db:"id"`
	BoardID         uuid.UUID   `db:"board_id"`
	Title           string      `db:"title"`
	Description     *string     `db:"description"`
	Status          task.Status `db:"status"`
	Priority        string      `db:"priority"`
	DueAt           *time.Time  `db:"due_at"`
	AssignedAgentID *uuid.UUID  `db:"assigned_agent_id"`
	CreatedByUserID *uuid.UUID  `db:"created_by_user_id"`
	InProgressAt    *time.Time  `db:"in_progress_at"`
	CreatedAt       time.Time   `db:"created_at"`
	UpdatedAt       time.Time   `db:"updated_at"`
}

var tasksTable = eventstore.TableOf[TaskRow]("tasks", "id")

func taskRow(t task.Task) TaskRow {
	return TaskRow{
		ID: t.ID, BoardID: t.BoardID, Title: t.Title, Description: t.Description, Status: t.Status, Priority: t.Priority,
		DueAt: t.DueAt, AssignedAgentID: t.AssignedAgentID, CreatedByUserID: t.CreatedByUserID,
		InProgressAt: t.InProgressAt, CreatedAt: t.CreatedAt, UpdatedAt: t.UpdatedAt,
	}
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

// ViewTask shows a task.
func ViewTask(t task.Task) Task { return viewTask(taskRow(t)) }

func viewTask(r TaskRow) Task {
	return Task{
		Title: r.Title, Description: r.Description, Status: r.Status, Priority: r.Priority, DueAt: wireTime(r.DueAt),
		AssignedAgentID: r.AssignedAgentID, ID: r.ID, BoardID: &r.BoardID, CreatedByUserID: r.CreatedByUserID,
		InProgressAt: wireTime(r.InProgressAt), CreatedAt: Time(r.CreatedAt), UpdatedAt: Time(r.UpdatedAt),
	}
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
func frameTask(e *eventstore.Staged, t task.Task) (eventstore.PendingFrame, error) {
	f := eventstore.PendingFrame{Of: e, Frame: eventstore.Frame{Topic: TasksTopic(t.BoardID), About: t.ID}}
	line := activity{
		ID: e.ID, EventType: e.Type, Message: taskMessage(e, t), AgentID: actingAgent(e.Recorded),
		TaskID: t.ID, CreatedAt: Time(e.Time),
	}
	var payload any = taskFrame{e.Type, line, ViewTask(t)}
	if t.Deleted {
		payload = taskDeletedFrame{e.Type, t.ID, line}
	}
	var err error
	if f.Payload, err = json.Marshal(payload); err != nil {
		return f, fmt.Errorf("projections: render %s: %w", e.Type, err)
	}
	return f, nil
}

// taskMessage is the sentence of an event. Today's clients show it, and the
// server reads the one about review.
func taskMessage(e *eventstore.Staged, t task.Task) string {
	switch e.Event.(task.Event).(type) {
	case task.Created:
		return "Task created: " + t.Title + "."
	case task.StatusChanged:
		return "Task moved to " + string(t.Status) + ": " + t.Title + "."
	case task.Updated:
		return "Task updated: " + t.Title + "."
	case task.Deleted:
		return "Task deleted: " + t.Title + "."
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
	return list(ctx, t.DB, tasksTable,
		`board_id = $1 and (cardinality($2::text[]) = 0 or status = any($2)) and ($3::uuid is null or assigned_agent_id = $3)
			and (not $4 or assigned_agent_id is null)`,
		`created_at desc, id desc`,
		[]any{board, statusTexts(f.Statuses), f.AssignedAgentID, f.Unassigned}, s, viewTask)
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
	rows, err := findAll[TaskRow](ctx, t.DB, tasksTable, "assigned_agent_id = $1", agent)
	ids := make([]uuid.UUID, len(rows))
	for i, r := range rows {
		ids[i] = r.ID
	}
	return ids, err
}
