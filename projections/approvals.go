package projections

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"missioncontrol/domain"
	"missioncontrol/domain/approval"
	"missioncontrol/domain/task"
	"missioncontrol/eventstore"
)

// ApprovalRow maps a request for approval.
type ApprovalRow struct {
	ID           uuid.UUID       `db:"id"`
	BoardID      uuid.UUID       `db:"board_id"`
	TaskIDs      []uuid.UUID     `db:"task_ids"`
	AgentID      *uuid.UUID      `db:"agent_id"`
	ActionType   string          `db:"action_type"`
	Payload      jsontext.Value  `db:"payload"`
	Confidence   float64         `db:"confidence"`
	RubricScores jsontext.Value  `db:"rubric_scores"`
	Status       approval.Status `db:"status"`
	CreatedAt    time.Time       `db:"created_at"`
	ResolvedAt   *time.Time      `db:"resolved_at"`
}

var approvalsTable = eventstore.TableOf[ApprovalRow]("approvals", "id")

func approvalRow(a approval.Approval) ApprovalRow {
	return ApprovalRow{
		ID: a.ID, BoardID: a.BoardID, TaskIDs: orEmpty(a.TaskIDs), AgentID: a.AgentID, ActionType: a.ActionType,
		Payload: a.Payload, Confidence: a.Confidence, RubricScores: a.RubricScores, Status: a.Status,
		CreatedAt: a.CreatedAt, ResolvedAt: a.ResolvedAt,
	}
}

// Float is a number that is always written with a decimal point.
type Float float64

// MarshalJSONTo writes the shortest text that reads back the same.
func (f Float) MarshalJSONTo(enc *jsontext.Encoder) error {
	text, err := json.Marshal(float64(f))
	if err == nil && !bytes.ContainsAny(text, ".eE") {
		text = append(text, ".0"...)
	}
	if err != nil {
		return err
	}
	return enc.WriteValue(text)
}

// Approval is a request for approval as callers see it.
type Approval struct {
	ActionType   string          `json:"action_type"`
	TaskID       *uuid.UUID      `json:"task_id"`
	TaskIDs      []uuid.UUID     `json:"task_ids" default:"[]"`
	Payload      jsontext.Value  `json:"payload" null:"yes" object:"true"`
	Confidence   Float           `json:"confidence" ge:"0" le:"100"`
	RubricScores jsontext.Value  `json:"rubric_scores" null:"yes" object:"integer"`
	Status       approval.Status `json:"status" enum:"pending,approved,rejected" default:"pending"`
	ID           uuid.UUID       `json:"id"`
	BoardID      uuid.UUID       `json:"board_id"`
	TaskTitles   []string        `json:"task_titles" default:"[]"`
	AgentID      *uuid.UUID      `json:"agent_id"`
	CreatedAt    Time            `json:"created_at"`
	ResolvedAt   *Time           `json:"resolved_at"`
}

func viewApproval(r ApprovalRow, titles map[uuid.UUID]string) Approval {
	v := Approval{
		ActionType: r.ActionType, TaskIDs: r.TaskIDs, Payload: r.Payload, Confidence: Float(r.Confidence),
		RubricScores: r.RubricScores, Status: r.Status, ID: r.ID, BoardID: r.BoardID, AgentID: r.AgentID,
		CreatedAt: Time(r.CreatedAt), ResolvedAt: wireTime(r.ResolvedAt),
	}
	if len(r.TaskIDs) > 0 {
		v.TaskID = &r.TaskIDs[0]
	}
	for _, id := range r.TaskIDs {
		if title, exists := titles[id]; exists {
			v.TaskTitles = append(v.TaskTitles, title)
		}
	}
	return v
}

// Keys of facts about approvals: of one task, and of all of a board.
func TaskApprovalsKey(task uuid.UUID) domain.Key { return eventstore.Key(task, "task/approvals") }

// BoardApprovalsKey names the fact which approvals of a board wait.
func BoardApprovalsKey(board uuid.UUID) domain.Key { return eventstore.Key(board, "board/approvals") }

// Approvals finds and lists requests for approval.
type Approvals struct{ Reader }

// View shows a request with the titles of its tasks.
func (a Approvals) View(ctx context.Context, d *eventstore.Decision, now approval.Approval) (Approval, error) {
	titles, err := a.titles(ctx, d, layerOf(d), now.TaskIDs)
	return viewApproval(approvalRow(now), titles), err
}

// titles reads the titles of tasks; those that do not exist stay out.
func (a Approvals) titles(ctx context.Context, d *eventstore.Decision, changed layer, ids []uuid.UUID) (map[uuid.UUID]string, error) {
	titles := map[uuid.UUID]string{}
	var ask []uuid.UUID
	for _, id := range ids {
		if state, ok := changed(id); ok {
			if t, isTask := state.(task.Task); isTask && t.Exists() {
				titles[id] = t.Title
			}
			continue
		}
		ask = append(ask, id)
	}
	return titles, readOfTasks(ctx, a.Reader, d, "title", ask, titles)
}

// OnBoard lists the requests of a board, the newest first; status "" lists all.
func (a Approvals) OnBoard(ctx context.Context, board uuid.UUID, status string, s Slice) (Page[Approval], error) {
	return listViews(ctx, a.DB, approvalsTable, `board_id = $1 and ($2 = '' or status = $2)`, `created_at desc, id desc`,
		[]any{board, status}, s, a.views)
}

func (a Approvals) views(ctx context.Context, rows []ApprovalRow) ([]Approval, error) {
	var ids []uuid.UUID
	for _, r := range rows {
		ids = append(ids, r.TaskIDs...)
	}
	titles, err := a.titles(ctx, nil, nothing, ids)
	views := make([]Approval, len(rows))
	for i, r := range rows {
		views[i] = viewApproval(r, titles)
	}
	return views, err
}

// Linked are the requests that a task waits for, or that let it through.
type Linked struct {
	Approved []uuid.UUID
	Pending  bool
}

// OfTask returns the requests linked to a task.
func (a Approvals) OfTask(ctx context.Context, d *eventstore.Decision, task uuid.UUID) (Linked, error) {
	d.Look(TaskApprovalsKey(task))
	rows, err := findAll[ApprovalRow](ctx, a.DB, approvalsTable, `task_ids @> array[$1::uuid] order by created_at, id`, task)
	var l Linked
	for _, r := range rows {
		switch r.Status {
		case approval.Approved:
			l.Approved = append(l.Approved, r.ID)
		case approval.Pending:
			l.Pending = true
		case approval.Rejected:
		}
	}
	return l, err
}

// LinkedTo lists the requests linked to a task.
func (a Approvals) LinkedTo(ctx context.Context, d *eventstore.Decision, task uuid.UUID) ([]uuid.UUID, error) {
	d.Look(TaskApprovalsKey(task))
	return findIDs(ctx, a.DB, approvalsTable, `task_ids @> array[$1::uuid] order by created_at, id`, task)
}

// Conflicts lists, for tasks of a board, the oldest other request that each
// waits for, sorted by task.
func (a Approvals) Conflicts(ctx context.Context, d *eventstore.Decision, board uuid.UUID, tasks []uuid.UUID, but uuid.UUID) ([]approval.Conflict, error) {
	for _, id := range tasks {
		d.Look(TaskApprovalsKey(id))
	}
	rows, err := findAll[ApprovalRow](ctx, a.DB, approvalsTable,
		`board_id = $1 and status = 'pending' and id <> $2 and task_ids && $3 order by created_at, id`, board, but, tasks)
	if err != nil {
		return nil, err
	}
	oldest := map[uuid.UUID]uuid.UUID{}
	for _, r := range rows {
		for _, id := range r.TaskIDs {
			if _, seen := oldest[id]; !seen && slices.Contains(tasks, id) {
				oldest[id] = r.ID
			}
		}
	}
	var conflicts []approval.Conflict
	for id, other := range oldest {
		conflicts = append(conflicts, approval.Conflict{TaskID: id, ApprovalID: other})
	}
	slices.SortFunc(conflicts, func(x, y approval.Conflict) int { return bytes.Compare(x.TaskID[:], y.TaskID[:]) })
	return conflicts, nil
}

// ApprovalsTopic is the stream of a board's requests for approval.
func ApprovalsTopic(board uuid.UUID) string { return "board/" + board.String() + "/approvals" }

// TaskCounts is how many requests a task has.
type TaskCounts struct {
	TaskID  uuid.UUID `json:"task_id"`
	All     int       `json:"approvals_count"`
	Pending int       `json:"approvals_pending_count"`
}

// approvalFrame is what the stream shows of a request. task_counts is an object
// for one task, an array for several, absent for none.
type approvalFrame struct {
	Approval     Approval `json:"approval"`
	PendingCount int      `json:"pending_approvals_count"`
	TaskCounts   any      `json:"task_counts,omitzero"`
}

// approvalDeletedFrame tells that a request is gone. It shows no approval:
// today's clients know no type here, merge by id, and would show it again.
type approvalDeletedFrame struct {
	Type         string    `json:"type"`
	ApprovalID   uuid.UUID `json:"approval_id"`
	PendingCount int       `json:"pending_approvals_count"`
	TaskCounts   any       `json:"task_counts,omitzero"`
}

// tally is what an approval's frame counts.
type tally struct {
	pending int // on the board
	tasks   []TaskCounts
	titles  map[uuid.UUID]string
}

func frameApproval(e *eventstore.Staged, a approval.Approval, n tally) ([]eventstore.PendingFrame, error) {
	var counts any
	switch len(n.tasks) {
	case 0:
	case 1:
		counts = n.tasks[0]
	default:
		counts = n.tasks
	}
	var payload any = approvalFrame{viewApproval(approvalRow(a), n.titles), n.pending, counts}
	if a.IsDeleted {
		payload = approvalDeletedFrame{e.Type, a.ID, n.pending, counts}
	}
	return frameOf(e, ApprovalsTopic(a.BoardID), a.ID, nil, payload)
}

// tally counts for the frame of an approval: those that the decision has
// changed up to its event, and the others as they stand.
func (a Approvals) tally(ctx context.Context, d *eventstore.Decision, changed *world, now approval.Approval) (tally, error) {
	d.Look(BoardApprovalsKey(now.BoardID))
	for _, id := range now.TaskIDs {
		d.Look(TaskApprovalsKey(id))
	}
	titles, err := a.titles(ctx, d, changed.layer, now.TaskIDs)
	if err != nil {
		return tally{}, err
	}
	ours, ids := changed.approvalsOf(now.BoardID)
	var pending int
	if err := a.DB.QueryRow(ctx, `select count(*) from approvals where board_id = $1 and status = 'pending' and id <> all($2)`,
		now.BoardID, ids).Scan(&pending); err != nil {
		return tally{}, fmt.Errorf("projections: count pending approvals: %w", err)
	}
	others, err := findAll[ApprovalRow](ctx, a.DB, approvalsTable, `board_id = $1 and id <> all($2) and task_ids && $3`, now.BoardID, ids, now.TaskIDs)
	if err != nil {
		return tally{}, err
	}
	return tally{pendingOf(ours) + pending, countByTask(now.TaskIDs, append(others, ours...)), titles}, nil
}

func pendingOf(rows []ApprovalRow) int {
	n := 0
	for _, r := range rows {
		if r.Status == approval.Pending {
			n++
		}
	}
	return n
}

// tallyIn counts in a past that is folded in memory.
func tallyIn(w *world, now approval.Approval) tally {
	n := tally{titles: map[uuid.UUID]string{}}
	rows, _ := w.approvalsOf(now.BoardID)
	for _, id := range now.TaskIDs {
		if t, ok := w.states[id].(task.Task); ok && t.Exists() {
			n.titles[id] = t.Title
		}
	}
	n.pending, n.tasks = pendingOf(rows), countByTask(now.TaskIDs, rows)
	return n
}

// approvalsOf lists those of a board, and the ids of all that there ever were.
func (w *world) approvalsOf(board uuid.UUID) (rows []ApprovalRow, ids []uuid.UUID) {
	ids = append([]uuid.UUID{}, w.approvals[board]...)
	for _, id := range ids {
		if a, ok := w.states[id].(approval.Approval); ok && a.Exists() {
			rows = append(rows, approvalRow(a))
		}
	}
	return rows, ids
}

// countByTask counts the requests of tasks; a task without one stays out.
func countByTask(tasks []uuid.UUID, rows []ApprovalRow) []TaskCounts {
	var counts []TaskCounts
	for _, id := range tasks {
		c := TaskCounts{TaskID: id}
		for _, r := range rows {
			if !slices.Contains(r.TaskIDs, id) {
				continue
			}
			c.All++
			if r.Status == approval.Pending {
				c.Pending++
			}
		}
		if c.All > 0 {
			counts = append(counts, c)
		}
	}
	return counts
}
