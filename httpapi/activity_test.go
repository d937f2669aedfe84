package httpapi

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
)

const activityPath = v1 + "/activity"

// lines are what a caller sees of what happened, the newest first: type and
// message.
func (x *tenant) lines(kind, query string) (lines []string) {
	x.n.t.Helper()
	for _, item := range x.happened(kind, query).Items {
		lines = append(lines, fmt.Sprint(item["event_type"], " ", item["message"]))
	}
	return lines
}

type happened struct {
	Items         []map[string]any `json:"items"`
	Total         int              `json:"total"`
	Limit, Offset int
	NextCursor    *string `json:"next_cursor"`
}

func (x *tenant) happened(kind, query string) (page happened) {
	x.n.t.Helper()
	if err := json.Unmarshal([]byte(x.must(kind, "GET", activityPath+query, "").body), &page, json.MatchCaseInsensitiveNames(true)); err != nil {
		x.n.t.Fatal(err)
	}
	return page
}

// TestActivityFarOffset: behind the end there is nothing, however far.
func TestActivityFarOffset(t *testing.T) {
	t.Parallel()
	n := startNode(t, nodeConfig{})
	x := n.tenant("acme")
	for _, offset := range []string{"5000", "9223372036854775807"} {
		if page := x.happened("Ow", "?include=all&limit=200&offset="+offset); len(page.Items) > 0 || page.Total == 0 {
			t.Errorf("%s: %d of %d", offset, len(page.Items), page.Total)
		}
	}
}

// TestActivityWire: each line as the specification writes it, to the key.
func TestActivityWire(t *testing.T) {
	t.Parallel()
	n := startNode(t, nodeConfig{})
	x := n.tenant("acme")
	board := v1 + "/boards/" + x.board
	x.must("Ow", "PATCH", board+"/tasks/"+x.task, `{"title":"renamed"}`)
	x.must("Wo", "PATCH", board+"/tasks/"+x.task, `{"status":"in_progress","comment":"I begin"}`)
	x.must("Ow", "POST", board+"/approvals", `{"action_type":"deploy","confidence":80,"lead_reasoning":"r","task_id":"`+x.task+`"}`)
	x.must("Ow", "PATCH", board, `{"description":"other"}`)
	field := x.must("Ow", "POST", v1+"/organizations/me/custom-fields", `{"field_key":"k","label":"Size","field_type":"text","board_ids":["`+x.board+`"]}`)
	if field.status != 200 {
		t.Fatal(field.body)
	}
	task := map[string]any{"boardId": x.board, "taskId": x.task}
	line := func(typ, message string, agent, task, board any, route string, params map[string]any) map[string]any {
		return map[string]any{"event_type": typ, "message": message, "agent_id": agent, "task_id": task, "board_id": board, "route_name": route, "route_params": params}
	}
	want := []map[string]any{
		line("field.created", "Field created: Size.", nil, nil, nil, "activity", map[string]any{"eventType": "field.created"}),
		line("board.updated", "Board updated: acme board.", nil, nil, x.board, "board", map[string]any{"boardId": x.board, "panel": "chat"}),
		line("approval.created", "Approval created: deploy.", nil, x.task, x.board, "board.approvals", map[string]any{"boardId": x.board}),
		line("task.status_changed", "Task moved to in_progress: renamed.", x.agent["Wo"], x.task, x.board, "board", task),
		line("task.comment", "I begin", x.agent["Wo"], x.task, x.board, "board", map[string]any{"boardId": x.board, "taskId": x.task}),
		line("agent.appeared", "Agent appeared: acme Wo.", x.agent["Wo"], nil, x.board, "board", map[string]any{"boardId": x.board}),
		line("task.updated", "Task updated: renamed.", nil, x.task, x.board, "board", task),
		line("invite.created", "Invite created.", nil, nil, nil, "activity", map[string]any{"eventType": "invite.created"}),
		line("memory.created", "Memory created.", nil, nil, x.board, "board", map[string]any{"boardId": x.board}),
		line("task.created", "Task created: acme task.", nil, x.task, x.board, "board", task),
	}
	everything := slices.DeleteFunc(x.happened("Ow", "?include=all").Items, func(line map[string]any) bool {
		return line["event_type"] == "agent.token_first_used" || line["event_type"] == "notification.created" // recorded beside what is done
	})
	for i, w := range want {
		got := everything[i]
		id, at := got["id"].(string), got["created_at"].(string)
		if _, err := uuid.Parse(id); err != nil || !timeForm.MatchString(at) {
			t.Errorf("%v has no id or time", got)
		}
		params := w["route_params"].(map[string]any)
		switch w["event_type"] {
		case "task.comment":
			params["commentId"] = id
		case "field.created", "invite.created":
			params["eventId"], params["createdAt"] = id, at
		}
		delete(got, "id")
		delete(got, "created_at")
		if diff := cmp.Diff(w, got); diff != "" {
			t.Errorf("line %d (-want +got)\n%s", i, diff)
		}
	}
	// Today's client knows the types of tasks alone, and no cursor.
	page := x.must("Ow", "GET", activityPath, "")
	wantListed := []string{"task.status_changed Task moved to in_progress: renamed.", "task.comment I begin", "task.updated Task updated: renamed.", "task.created Task created: acme task."}
	if diff := cmp.Diff(wantListed, x.lines("Ow", "")); diff != "" {
		t.Error(diff)
	}
	if comment := x.must("Ow", "GET", board+"/tasks/"+x.task+"/comments", ""); comment.text(t, "items/0/id") != page.text(t, "items/1/id") {
		t.Error("a comment and its line have two ids")
	}
	if page.value(t, "total") != 4.0 || page.value(t, "limit") != 200.0 || page.value(t, "offset") != 0.0 || strings.Contains(page.body, "next_cursor") {
		t.Error(page.body)
	}
}

// TestActivityVisibility: people see what is on boards that they may read,
// admins who ask for everything also what is on none, agents their own; nobody
// sees another organization, nor a board or a task that is gone.
func TestActivityVisibility(t *testing.T) {
	t.Parallel()
	n := startNode(t, nodeConfig{})
	x, y := n.tenant("antelope"), n.tenant("zebra")
	x.newTask(x.other, "elsewhere")
	x.says("Wo", x.board, x.task, "by the worker")
	const made, said, hidden = "task.created Task created: antelope task.", "task.comment by the worker", "task.created Task created: elsewhere."
	for kind, want := range map[string][]string{
		"Ow": {said, hidden, made}, "Ad": {said, hidden, made}, "A0": nil, "Mw": {said, made}, "Mr": {said, made}, "M0": nil,
		"Fo": nil, "Le": nil, "Wo": {said}, "Ot": nil, "Ma": nil,
	} {
		if diff := cmp.Diff(want, x.lines(kind, "")); diff != "" {
			t.Errorf("%s (-want +got)\n%s", kind, diff)
		}
		everything := x.happened(kind, "?include=all")
		if everything.Total != len(everything.Items) {
			t.Errorf("%s: %d of %d", kind, len(everything.Items), everything.Total)
		}
		for _, item := range everything.Items {
			if text := fmt.Sprint(item); strings.Contains(text, y.board) || strings.Contains(text, "zebra") {
				t.Errorf("%s sees %s", kind, text)
			}
			admin, person := kind == "Ow" || kind == "Ad" || kind == "A0", len(kind) == 2 && x.agent[kind] == ""
			switch {
			case person && item["board_id"] == nil && !admin && kind != "Fo":
				t.Errorf("%s sees what is on no board: %v", kind, item)
			case person && item["board_id"] == x.other && kind != "Ow" && kind != "Ad":
				t.Errorf("%s sees what is on another board: %v", kind, item)
			case !person && item["agent_id"] != x.agent[kind]:
				t.Errorf("%s sees what is not its own: %v", kind, item)
			}
		}
	}
	if got := x.lines("Wo", "?include=all"); !slices.Contains(got, "agent.created Agent created: antelope Wo.") {
		t.Errorf("the worker sees %q", got)
	}
	x.must("Ow", "PUT", v1+"/organizations/me/members/"+x.member["Mr"]+"/access", `{"board_access":[{"board_id":"`+x.other+`"}]}`)
	if diff := cmp.Diff([]string{hidden}, x.lines("Mr", "")); diff != "" {
		t.Errorf("after the access changed\n%s", diff)
	}

	// A task takes its lines with it; that it did is told to who asks for everything.
	x.must("Ow", "DELETE", v1+"/boards/"+x.board+"/tasks/"+x.task, "")
	if diff := cmp.Diff([]string{hidden}, x.lines("Ow", "")); diff != "" {
		t.Errorf("after the task was deleted\n%s", diff)
	}
	if got := x.lines("Mw", "?include=all"); got[0] != "task.deleted Task deleted: antelope task." || slices.Contains(got, made) || slices.Contains(got, said) {
		t.Errorf("after the task was deleted %q", got)
	}
	if own := x.happened("Wo", ""); own.Total != 0 || len(own.Items) != 0 {
		t.Errorf("the worker still sees %v", own)
	}
	// So does a board.
	x.must("Ow", "DELETE", v1+"/boards/"+x.other, "")
	if page := x.happened("Ow", ""); len(page.Items) != 0 || page.Total != 0 {
		t.Errorf("after the board was deleted %v", page)
	}
	all := x.happened("Ow", "?include=all")
	if all.Items[0]["event_type"] != "board.deleted" || all.Items[0]["message"] != "Board deleted: antelope other." || all.Total != len(all.Items) {
		t.Errorf("after the board was deleted %d: %v", all.Total, all.Items[0])
	}
	if slices.ContainsFunc(x.happened("Mw", "?include=all").Items, func(item map[string]any) bool { return item["event_type"] == "board.deleted" }) {
		t.Error("a member is told of the end of a board that it could not read")
	}
}

// TestActivityRowsGo: what belonged to a board or an organization that is gone
// leaves nothing behind.
func TestActivityRowsGo(t *testing.T) {
	t.Parallel()
	n := startNode(t, nodeConfig{})
	x, other := n.tenant("acme"), n.tenant("other")
	left := func(table, where string, args ...any) (left int) {
		t.Helper()
		if err := n.db.QueryRow(t.Context(), `select count(*) from `+table+` where `+where, args...).Scan(&left); err != nil {
			t.Fatal(err)
		}
		return left
	}
	x.must("Ow", "DELETE", v1+"/boards/"+x.board, "")
	x.lines("Ow", "")
	for _, table := range []string{"activity", "activity_counts", "activity_names"} {
		if left := left(table, `scope = $1`, x.board); left > 0 {
			t.Errorf("%d rows of a deleted board in %s", left, table)
		}
	}
	x.must("Ow", "DELETE", v1+"/organizations/me", "")
	other.must("Ow", "POST", v1+"/boards/"+other.board+"/tasks", `{"title":"later"}`)
	other.lines("Ow", "")
	if left := left("activity", `organization_id = $1`, x.org); left > 0 {
		t.Errorf("%d rows of a deleted organization", left)
	}
	// Counts agree with what is there.
	if wrong := left("activity_counts c", `n <> (select count(*) from activity a where (a.scope = c.scope or a.agent_id = c.scope) and a.listed = c.listed)`); wrong > 0 {
		t.Errorf("%d counts are wrong", wrong)
	}
}

// TestActivityPages: pages by offset and by cursor; by cursor, each line comes
// once and in order while others are written.
func TestActivityPages(t *testing.T) {
	t.Parallel()
	n := startNode(t, nodeConfig{})
	x := n.tenant("acme")
	want := []string{"task.created Task created: acme task."}
	add := func(i int) {
		x.newTask([]string{x.board, x.other}[i%2], fmt.Sprint(i))
		want = append([]string{fmt.Sprintf("task.created Task created: %d.", i)}, want...)
	}
	for i := range 24 {
		add(i)
	}
	page := x.happened("Ow", "?limit=7&offset=5")
	if page.Total != 25 || page.Limit != 7 || page.Offset != 5 || page.NextCursor != nil {
		t.Errorf("%+v", page)
	}
	if diff := cmp.Diff(want[5:12], x.lines("Ow", "?limit=7&offset=5")); diff != "" {
		t.Error(diff)
	}
	if page := x.happened("Ow", "?offset=25"); len(page.Items) != 0 || page.Total != 25 {
		t.Errorf("past the end %+v", page)
	}
	for _, limit := range []int{1, 4, 5, 25, 200} {
		first, seen, cursor := slices.Clone(want), []string(nil), ""
		for {
			query := fmt.Sprintf("?limit=%d&cursor=%s", limit, cursor)
			seen = append(seen, x.lines("Ow", query)...)
			page := x.happened("Ow", query)
			if page.NextCursor == nil {
				break
			}
			cursor = *page.NextCursor
			if len(seen) < 12 {
				add(len(want))
			}
		}
		if diff := cmp.Diff(first, seen); diff != "" {
			t.Errorf("pages of %d (-want +got)\n%s", limit, diff)
		}
	}
	for query, status := range map[string]int{
		"?cursor=nonsense": 422, "?cursor=LTU": 422, "?include=some": 422, "?limit=0": 422, "?limit=201": 422, "?offset=-1": 422, "?include=all&cursor=": 200,
	} {
		if a := x.do("Ow", "GET", activityPath+query, ""); a.status != status {
			t.Errorf("%s: %d %s", query, a.status, a.body)
		}
	}
	for _, kind := range []string{"Ow", "Mr", "Wo"} {
		x.lines(kind, "") // signs of life are written now and then
		asked := slices.DeleteFunc(n.sql.during(func() { x.lines(kind, "?include=all&cursor=") }), func(sql string) bool {
			return strings.Contains(sql, "checkpoints") || strings.Contains(sql, "select entry from events where seq") // of the processes
		})
		if len(asked) > 3 {
			t.Errorf("%s: a page costs %d statements: %q", kind, len(asked), asked)
		}
	}
}

// TestActivityOfErased: what a person did is listed after its account is gone,
// and names nobody.
func TestActivityOfErased(t *testing.T) {
	t.Parallel()
	n := startNode(t, nodeConfig{})
	x := n.tenant("acme")
	x.tells(t, "Mw")
	x.says("Mw", x.board, x.task, "said by somebody")
	x.must("Mw", "POST", v1+"/boards/"+x.board+"/memory", `{"content":"hello","tags":["chat"]}`)
	before := x.lines("Ow", "?include=all")
	x.must("Mw", "DELETE", v1+"/users/me", "")
	after := x.must("Ow", "GET", activityPath+"?include=all", "")
	for _, secret := range secretsOf(x, "Mw") {
		if strings.Contains(after.body, secret) {
			t.Errorf("%q is shown", secret)
		}
	}
	lines := x.lines("Ow", "?include=all")
	if diff := cmp.Diff(before, lines[len(lines)-len(before):]); diff != "" {
		t.Error(diff)
	}
	if lines[0] != "member.left Member left." {
		t.Errorf("the newest is %s", lines[0])
	}
}

// TestActivityCost: by cursor, page 1000 costs what page 1 costs.
func TestActivityCost(t *testing.T) {
	t.Parallel()
	n := startNode(t, nodeConfig{})
	x := n.tenant("acme")
	x.lines("Ow", "")
	const lines, size = 200_000, 50
	for _, sql := range []string{
		`insert into activity select -s, gen_random_uuid(), case when s % 3 = 0 then $1::uuid else $2 end, $3, s % 5 > 0, 'task.updated', 'Task updated: x.', $4, null, now()
			from generate_series(1, ` + fmt.Sprint(lines) + `) s where $1 <> $2`,
		`update activity set seq = seq + 10000000 where seq < 0 and $1::uuid <> $2::uuid and $3::uuid <> $4::uuid`,
	} {
		if _, err := n.db.Exec(t.Context(), sql, x.board, x.other, x.org, x.agent["Wo"]); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := n.db.Exec(t.Context(), `vacuum analyze activity`); err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"Ow", "Mr", "Wo"} {
		cursor := ""
		walk := func(pages, size int) time.Duration { // p50 of a page
			var took []time.Duration
			for range pages {
				began := time.Now()
				page := x.happened(kind, fmt.Sprintf("?limit=%d&cursor=%s", size, cursor))
				took = append(took, time.Since(began))
				if len(page.Items) != size || page.NextCursor == nil {
					t.Fatalf("%s: a page has %d lines", kind, len(page.Items))
				}
				cursor = *page.NextCursor
			}
			slices.Sort(took)
			return took[pages/2]
		}
		early := walk(50, size)
		walk(238, 4*size)
		late := walk(50, size)
		t.Logf("%s: p50 of pages 1 to 50 %v, of pages 1003 to 1052 %v, of %d lines", kind, early, late, lines)
		if late > 3*early+5*time.Millisecond {
			t.Errorf("%s: a late page takes %v, an early one %v", kind, late, early)
		}
	}
}
