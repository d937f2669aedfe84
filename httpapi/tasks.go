package httpapi

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"missioncontrol/domain"
	"missioncontrol/domain/task"
	"missioncontrol/projections"
)

type listTasks struct {
	onBoard
	Status          *string    `query:"status"`
	AssignedAgentID *uuid.UUID `query:"assigned_agent_id"`
	Unassigned      *bool      `query:"unassigned"`
	page
}

func (a *API) listTasks(ctx context.Context, in listTasks) (projections.Page[projections.Task], error) {
	statuses, err := statusFilter(in.Status)
	if err != nil {
		return projections.Page[projections.Task]{}, err
	}
	filter := projections.TaskFilter{
		Statuses: statuses, AssignedAgentID: in.AssignedAgentID, Unassigned: in.Unassigned != nil && *in.Unassigned,
	}
	return projections.Tasks{Reader: a.Read}.OnBoard(ctx, boardOf(ctx).ID, filter, in.slice())
}

// statusFilter reads a comma list of statuses; empty parts do not count.
func statusFilter(text *string) ([]task.Status, error) {
	if text == nil {
		return nil, nil
	}
	var statuses []task.Status
	for part := range strings.SplitSeq(*text, ",") {
		switch s := task.Status(strings.TrimSpace(part)); s {
		case "":
		case task.Inbox, task.InProgress, task.Review, task.Done:
			statuses = append(statuses, s)
		default:
			return nil, domain.Refuse(domain.Invalid, "Unsupported task status filter.")
		}
	}
	return statuses, nil
}

// TaskCreate is the body of a new task.
type TaskCreate struct {
	Title             string                    `json:"title"`
	Description       *string                   `json:"description"`
	Status            string                    `json:"status" default:"inbox" enum:"inbox,in_progress,review,done"`
	Priority          string                    `json:"priority" default:"medium"`
	DueAt             *time.Time                `json:"due_at"`
	AssignedAgentID   *uuid.UUID                `json:"assigned_agent_id"`
	DependsOnTaskIDs  []uuid.UUID               `json:"depends_on_task_ids" default:"[]"`
	TagIDs            []uuid.UUID               `json:"tag_ids" default:"[]"`
	CreatedByUserID   *uuid.UUID                `json:"created_by_user_id"`
	CustomFieldValues map[string]jsontext.Value `json:"custom_field_values" default:"{}"`
}

type createTask struct {
	onBoard
	TaskCreate
}

func (a *API) createTask(ctx context.Context, in createTask) (projections.Task, error) {
	if err := notYet(len(in.DependsOnTaskIDs)+len(in.TagIDs)+len(in.CustomFieldValues) > 0); err != nil {
		return projections.Task{}, err
	}
	return a.Commands.Tasks.Create(ctx, placeOf(ctx), task.Create{
		Title: in.Title, Description: in.Description, Status: task.Status(in.Status), Priority: in.Priority, DueAt: in.DueAt,
		AssignedAgentID: in.AssignedAgentID,
	})
}

// TaskUpdate is the body of a change of a task.
type TaskUpdate struct {
	Title             domain.Optional[string]                    `json:"title" null:"no"`
	Description       domain.Optional[string]                    `json:"description"`
	Status            domain.Optional[string]                    `json:"status" enum:"inbox,in_progress,review,done"`
	Priority          domain.Optional[string]                    `json:"priority" null:"no"`
	DueAt             domain.Optional[time.Time]                 `json:"due_at"`
	AssignedAgentID   domain.Optional[uuid.UUID]                 `json:"assigned_agent_id"`
	DependsOnTaskIDs  domain.Optional[[]uuid.UUID]               `json:"depends_on_task_ids"`
	TagIDs            domain.Optional[[]uuid.UUID]               `json:"tag_ids"`
	CustomFieldValues domain.Optional[map[string]jsontext.Value] `json:"custom_field_values"`
	Comment           domain.Optional[string]                    `json:"comment"`
}

// Validate refuses a status that is named but not given.
func (u *TaskUpdate) Validate() string {
	if u.Status.Set && u.Status.Value == nil {
		return "status is required"
	}
	return ""
}

type updateTask struct {
	onBoard
	TaskID uuid.UUID `path:"task_id"`
	TaskUpdate
}

func (a *API) updateTask(ctx context.Context, in updateTask) (projections.Task, error) {
	if err := peopleOnly(ctx); err != nil {
		return projections.Task{}, err
	}
	if err := notYet(in.Comment.Or("") != "" || len(in.CustomFieldValues.Or(nil)) > 0 ||
		len(in.DependsOnTaskIDs.Or(nil))+len(in.TagIDs.Or(nil)) > 0); err != nil {
		return projections.Task{}, err
	}
	c := task.Update{Title: in.Title, Description: in.Description, Priority: in.Priority, DueAt: in.DueAt, Assignee: in.AssignedAgentID}
	if in.Status.Set {
		c.Status = domain.Some(task.Status(*in.Status.Value))
	}
	return a.Commands.Tasks.Update(ctx, placeOf(ctx), in.TaskID, c)
}

// notYet refuses what a later part of the plan brings, rather than dropping it
// silently.
func notYet(used bool) error {
	if !used {
		return nil
	}
	return domain.Refuse(domain.Invalid, "Dependencies, tags, custom fields and comments of tasks are not supported yet.")
}

type ofTask struct {
	onBoard
	TaskID uuid.UUID `path:"task_id"`
}

func (a *API) deleteTask(ctx context.Context, in ofTask) (projections.Ok, error) {
	return projections.OK(), a.Commands.Tasks.Delete(ctx, placeOf(ctx), in.TaskID)
}

type streamTasks struct {
	onBoard
	following
}

func (a *API) streamTasks(w http.ResponseWriter, r *http.Request, _ streamTasks) error {
	return a.Hub.Serve(w, r, a.onBoardStream(r.Context(), "task", projections.TasksTopic(boardOf(r.Context()).ID)))
}
