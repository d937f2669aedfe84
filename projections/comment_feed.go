package projections

import (
	"context"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"missioncontrol/domain/agent"
	"missioncontrol/domain/board"
	"missioncontrol/domain/comment"
	"missioncontrol/domain/task"
	"missioncontrol/eventstore"
)

// FeedComment is a comment as the feed over many boards shows it: with what
// it is about and who says it.
type FeedComment struct {
	ID        uuid.UUID  `json:"id"`
	CreatedAt Time       `json:"created_at"`
	Message   *string    `json:"message" required:"true"`
	AgentID   *uuid.UUID `json:"agent_id" required:"true"`
	AgentName *string    `json:"agent_name"`
	AgentRole *string    `json:"agent_role"`
	TaskID    uuid.UUID  `json:"task_id"`
	TaskTitle string     `json:"task_title"`
	BoardID   uuid.UUID  `json:"board_id"`
	BoardName string     `json:"board_name"`
}

// scene is what the feed shows around a comment. Without a task or a board
// there is nothing to show.
type scene struct {
	title, board *string
	name         *string // of the agent who says it
	profile      jsontext.Value
}

func viewFeedComment(r CommentRow, s scene) FeedComment {
	return FeedComment{
		ID: r.ID, CreatedAt: Time(r.CreatedAt), Message: &r.Message, AgentID: r.AgentID, AgentName: s.name, AgentRole: roleIn(s.profile),
		TaskID: r.TaskID, TaskTitle: *s.title, BoardID: r.BoardID, BoardName: *s.board,
	}
}

// shown reports whether the feed shows a comment: it has words, and its task
// and board exist.
func (s scene) shown(message string) bool {
	return strings.Trim(message, " ") != "" && s.title != nil && s.board != nil
}

// roleIn is the role that an agent's identity profile names, nil for none.
func roleIn(profile jsontext.Value) *string {
	var p struct {
		Role any `json:"role"`
	}
	if profile == nil || json.Unmarshal(profile, &p) != nil {
		return nil
	}
	text, _ := p.Role.(string)
	if text = strings.TrimSpace(text); text == "" {
		return nil
	}
	return &text
}

// TaskCommentsTopic is the stream of the comments on all boards of an
// organization; AttrBoard tells which, for a filter to ask.
func TaskCommentsTopic(org uuid.UUID) string {
	return "organization/" + org.String() + taskCommentsSuffix
}

const taskCommentsSuffix = "/task-comments"

// frameFeedComment renders what the feed shows of a comment.
func frameFeedComment(e *eventstore.Staged, c comment.Comment, s scene) ([]eventstore.PendingFrame, error) {
	if !s.shown(c.Message) {
		return nil, nil
	}
	return frameOf(e, TaskCommentsTopic(e.Org), c.TaskID, agentAttrs(&c.BoardID), struct {
		Comment FeedComment `json:"comment"`
	}{viewFeedComment(commentRow(c), s)})
}

// framesComment are what the board's task stream and the feed show.
func framesComment(e *eventstore.Staged, c comment.Comment, s scene) ([]eventstore.PendingFrame, error) {
	frames, err := frameComment(e, c)
	if err != nil {
		return nil, err
	}
	feed, err := frameFeedComment(e, c, s)
	return append(frames, feed...), err
}

// scene reads what is around a comment: what the decision has changed up to
// it, and the rest as it stands.
func (c Comments) scene(ctx context.Context, d *eventstore.Decision, changed *world, now comment.Comment) (scene, error) {
	d.Look(eventstore.Key(now.TaskID, "task"))
	if now.AgentID != nil {
		d.Look(eventstore.Key(*now.AgentID, "agent"))
	}
	var s scene
	err := c.DB.QueryRow(ctx, `select (select title from tasks where id = $1), a.name, a.identity_profile
		from (select) as once left join agents a on a.id = $2`, now.TaskID, now.AgentID).Scan(&s.title, &s.name, &s.profile)
	if err != nil {
		return s, fmt.Errorf("projections: read what is around a comment on %v: %w", now.TaskID, err)
	}
	b, err := Boards(c).Find(ctx, d, now.BoardID)
	if err != nil {
		return s, err
	}
	if b != nil {
		s.board = &b.Name
	}
	s.change(changed, now)
	return s, nil
}

// sceneIn is what is around a comment in a past that is folded in memory.
func sceneIn(w *world, now comment.Comment) scene {
	var s scene
	s.change(w, now)
	return s
}

// change puts what a world knows in place of what was read.
func (s *scene) change(w *world, now comment.Comment) {
	if t, known := w.states[now.TaskID].(task.Task); known {
		s.title = nil
		if t.Exists() {
			s.title = &t.Title
		}
	}
	if b, known := w.states[now.BoardID].(board.Board); known {
		s.board = nil
		if b.Exists() {
			s.board = &b.Name
		}
	}
	if now.AgentID == nil {
		return
	}
	if a, known := w.states[*now.AgentID].(agent.Agent); known {
		s.name, s.profile = nil, nil
		if a.Exists() {
			s.name, s.profile = &a.Profile.Name, a.Profile.IdentityProfile
		}
	}
}

// FeedFilter says whose boards a feed covers.
type FeedFilter struct {
	Organization uuid.UUID
	AllBoards    bool        // of the organization
	Boards       []uuid.UUID // else these
	BoardID      *uuid.UUID  // only this one of them
}

// Feed lists the comments on many boards, the newest first. Those of tasks and
// boards that were deleted are left out: their rows go later.
func (c Comments) Feed(ctx context.Context, f FeedFilter, s Slice) (Page[FeedComment], error) {
	return listViews(ctx, c.DB, commentsTable,
		`board_id in (select id from boards where organization_id = $1 and ($2 or id = any($3)) and ($4::uuid is null or id = $4))
			and exists (select 1 from tasks t where t.id = comments.task_id) and btrim(message) <> ''`,
		`created_at desc, id desc`,
		[]any{f.Organization, f.AllBoards, f.Boards, f.BoardID}, s, c.feedViews)
}

func (c Comments) feedViews(ctx context.Context, rows []CommentRow) ([]FeedComment, error) {
	scenes, err := c.scenes(ctx, rows)
	var views []FeedComment
	for _, r := range rows {
		if around := scenes[r.ID]; around.shown(r.Message) { // or it was deleted between the two statements
			views = append(views, viewFeedComment(r, around))
		}
	}
	return views, err
}

// scenes reads what is around comments, by their ids.
func (c Comments) scenes(ctx context.Context, of []CommentRow) (map[uuid.UUID]scene, error) {
	scenes := make(map[uuid.UUID]scene, len(of))
	ids := make([]uuid.UUID, len(of))
	for i, r := range of {
		ids[i] = r.ID
	}
	rows, err := c.DB.Query(ctx, `select c.id, t.title, b.name, a.name, a.identity_profile from comments c
		join tasks t on t.id = c.task_id join boards b on b.id = c.board_id left join agents a on a.id = c.agent_id
		where c.id = any($1)`, ids)
	if err != nil {
		return nil, fmt.Errorf("projections: read what is around comments: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var id uuid.UUID
		var s scene
		if err := rows.Scan(&id, &s.title, &s.board, &s.name, &s.profile); err != nil {
			return nil, fmt.Errorf("projections: read what is around comments: %w", err)
		}
		scenes[id] = s
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("projections: read what is around comments: %w", err)
	}
	return scenes, nil
}
