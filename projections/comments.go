package projections

import (
	"context"
	"time"

	"github.com/google/uuid"

	"missioncontrol/domain"
	"missioncontrol/domain/comment"
	"missioncontrol/eventstore"
)

// CommentRow maps a comment.
type CommentRow struct {
	ID        uuid.UUID  `db:"id"`
	BoardID   uuid.UUID  `db:"board_id"`
	TaskID    uuid.UUID  `db:"task_id"`
	Message   string     `db:"message"`
	AgentID   *uuid.UUID `db:"agent_id"`
	CreatedAt time.Time  `db:"created_at"`
}

var commentsTable = eventstore.TableOf[CommentRow]("comments", "id")

func commentRow(c comment.Comment) CommentRow { return CommentRow(c) }

// Comment is a comment as callers see it.
type Comment struct {
	ID        uuid.UUID  `json:"id"`
	Message   *string    `json:"message" required:"true"`
	AgentID   *uuid.UUID `json:"agent_id" required:"true"`
	TaskID    *uuid.UUID `json:"task_id" required:"true"`
	CreatedAt Time       `json:"created_at"`
}

// ViewComment shows a comment.
func ViewComment(c comment.Comment) Comment { return viewComment(commentRow(c)) }

func viewComment(r CommentRow) Comment {
	return Comment{ID: r.ID, Message: &r.Message, AgentID: r.AgentID, TaskID: &r.TaskID, CreatedAt: Time(r.CreatedAt)}
}

type commentFrame struct {
	Type     string   `json:"type"`
	Activity activity `json:"activity"`
	Comment  Comment  `json:"comment"`
}

// frameComment renders what the board's task stream shows of a comment.
func frameComment(e *eventstore.Staged, c comment.Comment) ([]eventstore.PendingFrame, error) {
	line := activity{ID: e.ID, EventType: e.Type, Message: c.Message, AgentID: c.AgentID, TaskID: c.TaskID, CreatedAt: Time(e.Time)}
	return frameOf(e, TasksTopic(c.BoardID), c.TaskID, nil, commentFrame{e.Type, line, ViewComment(c)})
}

// CommentsKey names the fact what was said about a task.
func CommentsKey(task uuid.UUID) domain.Key { return eventstore.Key(task, "task/comments") }

// Comments finds and lists comments.
type Comments struct{ Reader }

// OnTask lists the comments of a task, the oldest first.
func (c Comments) OnTask(ctx context.Context, task uuid.UUID, s Slice) (Page[Comment], error) {
	return list(ctx, c.DB, commentsTable, "task_id = $1", "created_at, id", []any{task}, s, viewComment)
}

// Spoke reports whether an agent has said something about a task since a time.
func (c Comments) Spoke(ctx context.Context, d *eventstore.Decision, task, agent uuid.UUID, since time.Time) (bool, error) {
	d.Look(CommentsKey(task))
	newest, err := find[CommentRow](ctx, c.DB, commentsTable,
		`task_id = $1 and agent_id = $2 and created_at >= $3 order by created_at desc, id desc limit 1`, task, agent, since)
	return newest != nil, err
}

// Newest is what an agent has said last about a task up to a time, "" if
// nothing.
func (c Comments) Newest(ctx context.Context, task, agent uuid.UUID, upTo time.Time) (string, error) {
	row, err := find[CommentRow](ctx, c.DB, commentsTable,
		`task_id = $1 and agent_id = $2 and created_at <= $3 order by created_at desc, id desc limit 1`, task, agent, upTo)
	if row == nil {
		return "", err
	}
	return row.Message, nil
}

// Mention reports whether a comment of a task mentions an agent.
func (c Comments) Mention(ctx context.Context, d *eventstore.Decision, task uuid.UUID, a comment.Agent) (bool, error) {
	d.Look(CommentsKey(task))
	rows, err := findAll[CommentRow](ctx, c.DB, commentsTable, `task_id = $1 and message like '%@%'`, task)
	if err != nil {
		return false, err
	}
	for _, r := range rows {
		if comment.Mentions(comment.Tokens(r.Message), a) {
			return true, nil
		}
	}
	return false, nil
}
