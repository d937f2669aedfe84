package httpapi

import (
	"context"

	"github.com/google/uuid"

	"missioncontrol/domain"
	"missioncontrol/projections"
)

type listTaskComments struct {
	ofTask
	page
}

func (a *API) listTaskComments(ctx context.Context, in listTaskComments) (projections.Page[projections.Comment], error) {
	if err := a.taskExists(ctx, in.TaskID); err != nil {
		return projections.Page[projections.Comment]{}, err
	}
	return projections.Comments{Reader: a.Read}.OnTask(ctx, in.TaskID, in.slice())
}

// taskExists refuses a task that does not stand on the board of the path.
func (a *API) taskExists(ctx context.Context, id uuid.UUID) error {
	exists, err := projections.Tasks{Reader: a.Read}.Exist(ctx, boardOf(ctx).ID, id)
	if err == nil && !exists {
		err = domain.Bare(domain.NotFound)
	}
	return err
}

// TaskCommentCreate is the body of a new comment.
type TaskCommentCreate struct {
	Message string `json:"message" nonempty:"true"`
}

type createTaskComment struct {
	ofTask
	TaskCommentCreate
}

func (a *API) createTaskComment(ctx context.Context, in createTaskComment) (projections.Comment, error) {
	return a.Commands.Comments.Create(ctx, placeOf(ctx), in.TaskID, in.Message)
}
