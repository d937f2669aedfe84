package httpapi

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"missioncontrol/commands"
	"missioncontrol/domain"
	"missioncontrol/domain/task"
	"missioncontrol/projections"
)

type listTasks struct {
	onBoard
	Status          *string    `query:"status"`
	AssignedAgentID *uuid.UUID `query:"assigned_agent_id"`
	Unassigned      *bool      `query:"unassigned"`
	asOf
	page
}

func (a *API) listTasks(ctx context.Context, in listTasks) (*projections.Page[projections.Task], error) {
	statuses, err := statusFilter(in.Status)
	if err != nil {
		return nil, err
	}
	tasks, board := projections.Tasks{Reader: a.Read}, boardOf(ctx).ID
	filter := projections.TaskFilter{
		Statuses: statuses, AssignedAgentID: in.AssignedAgentID, Unassigned: in.Unassigned != nil && *in.Unassigned,
	}
	return inTime(ctx, a, in.asOf,
		func() (*projections.Page[projections.Task], error) {
			return some(tasks.OnBoard(ctx, board, filter, in.slice()))
		},
		func(at int64) (*projections.Page[projections.Task], error) {
			return tasks.OnBoardAt(ctx, board, at, filter, in.slice())
		})
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

func (c TaskCreate) task() commands.NewTask {
	return commands.NewTask{CustomFields: c.CustomFieldValues, Created: task.Created{
		Title: c.Title, Description: c.Description, Status: task.Status(c.Status), Priority: c.Priority, DueAt: c.DueAt,
		AssignedAgentID: c.AssignedAgentID, DependsOn: c.DependsOnTaskIDs, TagIDs: c.TagIDs,
	}}
}

func (a *API) createTask(ctx context.Context, in createTask) (projections.Task, error) {
	return a.Commands.Tasks.Create(ctx, placeOf(ctx), in.task())
}

// leadCreateTask makes a task for the lead of the board.
func (a *API) leadCreateTask(ctx context.Context, in createTask) (projections.Task, error) {
	if err := lead(ctx); err != nil {
		return projections.Task{}, err
	}
	return a.Commands.Tasks.Create(ctx, placeOf(ctx), in.task())
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

// updateTask changes a task by the rules of its caller: people need the right to
// write on the board, agents have rules of their own.
func (a *API) updateTask(ctx context.Context, in updateTask) (projections.Task, error) {
	return a.Commands.Tasks.Update(ctx, placeOf(ctx), in.TaskID, in.edit())
}

// edit is what is asked for. A null list or object is like an absent one.
func (u TaskUpdate) edit() commands.TaskEdit {
	e := commands.TaskEdit{
		Edit: task.Edit{
			Title: u.Title, Description: u.Description, Priority: u.Priority, DueAt: u.DueAt, Assignee: u.AssignedAgentID,
			DependsOn: uniqueList(u.DependsOnTaskIDs), TagIDs: uniqueList(u.TagIDs), HasValues: u.CustomFieldValues.Value != nil,
		},
		Comment: strings.TrimSpace(u.Comment.Or("")), CustomFields: u.CustomFieldValues.Or(nil),
		NamesValues: u.CustomFieldValues.Set,
	}
	if u.Status.Set {
		e.Status = domain.Some(task.Status(*u.Status.Value))
	}
	for name, named := range map[string]bool{
		"title": u.Title.Set, "description": u.Description.Set, "status": u.Status.Set, "priority": u.Priority.Set,
		"due_at": u.DueAt.Set, "assigned_agent_id": u.AssignedAgentID.Set, "depends_on_task_ids": u.DependsOnTaskIDs.Set,
		"tag_ids": u.TagIDs.Set, "custom_field_values": u.CustomFieldValues.Set, "comment": u.Comment.Set,
	} {
		if named {
			e.Named = append(e.Named, name)
		}
	}
	return e
}

func uniqueList(o domain.Optional[[]uuid.UUID]) *[]uuid.UUID {
	if o.Value == nil {
		return nil
	}
	kept := []uuid.UUID{}
	for _, id := range *o.Value {
		if !slices.Contains(kept, id) {
			kept = append(kept, id)
		}
	}
	return &kept
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
	b := boardOf(r.Context())
	sub := a.onBoardStream(r.Context(), "task", projections.TasksTopic(b.ID))
	sub.Topics = append(sub.Topics, projections.CatalogTopic(b.OrganizationID)) // what its tasks can carry
	return a.Hub.Serve(w, r, sub)
}
