package projections

import (
	"context"
	"encoding/base64"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"missioncontrol/domain"
	"missioncontrol/eventstore"
)

// ActivityRow is one line of what happened.
type ActivityRow struct {
	Seq            int64      `db:"seq"`
	ID             uuid.UUID  `db:"id"`
	Scope          uuid.UUID  `db:"scope"`
	OrganizationID uuid.UUID  `db:"organization_id"`
	Type           string     `db:"type"`
	Message        string     `db:"message"`
	AgentID        *uuid.UUID `db:"agent_id"`
	TaskID         *uuid.UUID `db:"task_id"`
	CreatedAt      time.Time  `db:"created_at"`
}

var activityTable = eventstore.TableOf[ActivityRow]("activity", "seq")

// ActivityEvent is a line as callers see it, with the page of today's client
// that shows what it is about.
type ActivityEvent struct {
	ID          uuid.UUID          `json:"id"`
	EventType   string             `json:"event_type"`
	Message     *string            `json:"message" required:"true"`
	AgentID     *uuid.UUID         `json:"agent_id" required:"true"`
	TaskID      *uuid.UUID         `json:"task_id" required:"true"`
	BoardID     *uuid.UUID         `json:"board_id"`
	RouteName   *string            `json:"route_name"`
	RouteParams *map[string]string `json:"route_params"`
	CreatedAt   Time               `json:"created_at"`
}

func viewActivity(r ActivityRow) ActivityEvent {
	v := ActivityEvent{
		ID: r.ID, EventType: r.Type, Message: &r.Message, AgentID: r.AgentID, TaskID: r.TaskID, CreatedAt: Time(r.CreatedAt),
	}
	if r.Scope != r.OrganizationID {
		v.BoardID = &r.Scope
	}
	name, params := v.route()
	v.RouteName, v.RouteParams = &name, &params
	return v
}

// route is the page of today's client, and its parameters.
func (v ActivityEvent) route() (name string, params map[string]string) {
	if v.BoardID == nil {
		params = map[string]string{"eventId": v.ID.String(), "eventType": v.EventType, "createdAt": v.CreatedAt.String()}
		if v.TaskID != nil {
			params["taskId"] = v.TaskID.String()
		}
		return "activity", params
	}
	params = map[string]string{"boardId": v.BoardID.String()}
	switch {
	case v.EventType == "task.comment" && v.TaskID != nil:
		params["taskId"], params["commentId"] = v.TaskID.String(), v.ID.String()
	case strings.HasPrefix(v.EventType, "approval."):
		return "board.approvals", params
	case strings.HasPrefix(v.EventType, "board."):
		params["panel"] = "chat"
	case v.TaskID != nil:
		params["taskId"] = v.TaskID.String()
	}
	return "board", params
}

// ActivityPage is a page of the list. Who pages by cursor is told where the
// next one begins, until there is none.
type ActivityPage struct {
	Items      []ActivityEvent `json:"items"`
	Total      int             `json:"total" ge:"0"`
	Limit      int             `json:"limit" ge:"1"`
	Offset     int             `json:"offset" ge:"0"`
	NextCursor *string         `json:"next_cursor,omitzero"`
}

// ActivityFilter says whose activity it is, and how much of it.
type ActivityFilter struct {
	Agent        *uuid.UUID // its own; else of an organization
	Organization uuid.UUID
	AllBoards    bool        // of the organization
	Boards       []uuid.UUID // else these
	Unplaced     bool        // also what is on no board
	Everything   bool        // not only what today's clients know
}

// ActivitySlice asks for one page: from the newest, or from a cursor.
type ActivitySlice struct {
	Slice
	Cursor *string // "" begins at the newest; nil: paged by offset
}

// Activity lists what happened.
type Activity struct{ Reader }

// List lists the newest first, in the order of the log, which does not change
// between pages. A page from a cursor costs the same wherever it is.
func (a Activity) List(ctx context.Context, f ActivityFilter, s ActivitySlice) (ActivityPage, error) {
	page := ActivityPage{Items: []ActivityEvent{}, Limit: s.Limit, Offset: s.Offset}
	before, err := s.before()
	if err != nil {
		return page, err
	}
	if err := a.Indexed.Reach(ctx, a.Store.Head()); err != nil {
		return page, err
	}
	rows, err := a.read(ctx, f, before, s.Slice, &page.Total)
	if s.Cursor != nil && len(rows) > s.Limit {
		next := cursorBefore(rows[s.Limit-1].Seq)
		page.NextCursor = &next
	}
	for _, r := range rows[:min(len(rows), s.Limit)] {
		page.Items = append(page.Items, viewActivity(r))
	}
	return page, err
}

// read counts the lines and reads those of a page, and one more, in one round
// trip.
func (a Activity) read(ctx context.Context, f ActivityFilter, before int64, s Slice, total *int) ([]ActivityRow, error) {
	count, pages, args := f.query()
	var batch pgx.Batch
	args["before"], args["limit"], args["offset"] = before, s.Limit+1, s.Offset
	batch.Queue(count, args)
	batch.Queue(pages, args)
	results := a.DB.SendBatch(ctx, &batch)
	defer results.Close() //nolint:errcheck // reading reported it
	if err := results.QueryRow().Scan(total); err != nil {
		return nil, fmt.Errorf("projections: count activity: %w", err)
	}
	rows, err := results.Query()
	if err != nil {
		return nil, fmt.Errorf("projections: list activity: %w", err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByName[ActivityRow])
	if err != nil {
		return nil, fmt.Errorf("projections: list activity: %w", err)
	}
	return found, nil
}

// query is how lines are counted and read. A page is found along the index of
// each scope, until there are enough of them: an agent, each board, or for those
// who read all boards the organization itself.
func (f ActivityFilter) query() (count, pages string, args pgx.NamedArgs) {
	args = pgx.NamedArgs{"kinds": []bool{true}, "org": f.Organization, "all": f.AllBoards, "boards": f.Boards, "unplaced": f.Unplaced, "agent": f.Agent}
	if f.Everything {
		args["kinds"] = []bool{true, false}
	}
	const placed = `exists (select 1 from boards b where b.id = a.scope)` // a board may be gone
	counted := `select id from boards where organization_id = @org and (@all or id = any(@boards)) union all select @org where @unplaced`
	walked, of := counted, `a.scope = s.id`
	switch {
	case f.Agent != nil: // a main agent is on many boards
		counted = `select @agent::uuid as id`
		walked, of = counted, `a.agent_id = s.id and (a.scope = a.organization_id or `+placed+`)`
	case f.AllBoards:
		walked, of = `select @org::uuid as id`, `a.organization_id = s.id and (a.scope = a.organization_id and @unplaced or `+placed+`)`
	}
	count = `with scopes as (` + counted + `)
		select coalesce(sum(c.n), 0)::bigint from scopes s join activity_counts c on c.scope = s.id and c.listed = any(@kinds)`
	pages = fmt.Sprintf(`with scopes as (%s),
		page as (select l.seq from scopes s cross join unnest(@kinds::boolean[]) k(listed) cross join lateral (
			select a.seq from activity a where %s and a.listed = k.listed and a.seq < @before
			order by a.seq desc limit least(@limit::numeric + @offset::numeric, 9223372036854775807)::bigint) l order by l.seq desc limit @limit::bigint offset @offset::bigint)
		select %s from activity where seq in (select seq from page) order by seq desc`, walked, of, activityTable.SQLColumns())
	return count, pages, args
}

// before is the position that a page is behind.
func (s ActivitySlice) before() (int64, error) {
	if s.Cursor == nil || *s.Cursor == "" {
		return math.MaxInt64, nil
	}
	text, err := base64.RawURLEncoding.DecodeString(*s.Cursor)
	if err == nil {
		var seq int64
		if seq, err = strconv.ParseInt(string(text), 10, 64); err == nil && seq > 0 {
			return seq, nil
		}
	}
	return 0, domain.Refuse(domain.Invalid, "cursor must be the next_cursor of an earlier page")
}

// cursorBefore is the cursor of the page behind a position.
func cursorBefore(seq int64) string {
	return base64.RawURLEncoding.EncodeToString(strconv.AppendInt(nil, seq, 10))
}
