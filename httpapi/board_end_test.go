package httpapi

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
)

func TestBoardUpdate(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	at := s.board()
	group := s.must("POST", v1+"/board-groups", `{"name":"g","slug":"g"}`).text(t, "id")
	for _, c := range []struct {
		body   string
		status int
		detail string // a text, or that of the first fault
	}{
		{`{"gateway_id":null,"description":null}`, 422, "Value error, gateway_id is required"},
		{`{"description":null}`, 422, "Value error, description is required"},
		{`{"description":"  "}`, 422, "Value error, description is required"},
		{`{"gateway_id":"` + uuid.NewString() + `","board_group_id":"` + uuid.NewString() + `"}`, 422, "gateway_id is invalid"},
		{`{"board_group_id":"` + uuid.NewString() + `","board_type":"goal"}`, 422, "board_group_id is invalid"},
		{`{"board_type":"goal"}`, 422, "Goal boards require objective and success_metrics"},
		{`{"board_type":"goal","objective":"o","success_metrics":{}}`, 422, "Goal boards require objective and success_metrics"},
		{`{"name":null}`, 422, ""},
		{`{"slug":null}`, 422, ""},
		{`{"board_type":null}`, 422, ""},
		{`{"max_agents":null}`, 422, ""},
		{`{"goal_confirmed":null}`, 422, ""},
		{`{"require_approval_for_done":null}`, 422, ""},
		{`{"max_agents":-1}`, 422, "Input should be greater than or equal to 0"},
		{`{"success_metrics":[]}`, 422, ""},
		{`{}`, 200, ""},
		{`{"unknown":1}`, 200, ""},
	} {
		a := s.do("PATCH", at, c.body)
		if a.status != c.status {
			t.Errorf("%s: %d %s", c.body, a.status, a.body)
			continue
		}
		if c.detail == "" {
			continue
		}
		got, ok := a.value(t, "detail").(string)
		if !ok {
			got = a.text(t, "detail/0/msg")
		}
		if got != c.detail {
			t.Errorf("%s: %s, want %s", c.body, got, c.detail)
		}
	}
	before := s.must("GET", at, "")
	after := s.must("PATCH", at, `{"name":"N","slug":"S s","description":" d ","board_group_id":"`+group+`","board_type":"goal","objective":"o",
		"success_metrics":{"b":1,"a":[2]},"target_date":"2027-01-31T00:00:00+01:00","goal_confirmed":true,"goal_source":"x",
		"require_approval_for_done":false,"require_review_before_done":true,"comment_required_for_review":true,
		"block_status_changes_with_pending_approval":true,"only_lead_can_change_status":true,"max_agents":0}`)
	want := tree(t, before.body).(map[string]any)
	maps.Copy(want, tree(t, `{"name":"N","slug":"S s","description":"d","board_type":"goal","objective":"o",
		"success_metrics":{"b":1,"a":[2]},"target_date":"2027-01-30T23:00:00","goal_confirmed":true,"goal_source":"x",
		"require_approval_for_done":false,"require_review_before_done":true,"comment_required_for_review":true,
		"block_status_changes_with_pending_approval":true,"only_lead_can_change_status":true,"max_agents":0}`).(map[string]any))
	want["board_group_id"], want["updated_at"] = group, after.value(t, "updated_at")
	if diff := cmp.Diff(want, tree(t, after.body)); diff != "" {
		t.Error(diff)
	}
	if got := s.must("GET", at, ""); got.body != after.body {
		t.Errorf("shown as %s, answered as %s", got.body, after.body)
	}
	cleared := s.must("PATCH", at, `{"board_group_id":null,"objective":null,"success_metrics":null,"target_date":null,"goal_source":null,"board_type":"general"}`)
	for _, name := range []string{"board_group_id", "objective", "success_metrics", "target_date", "goal_source"} {
		if cleared.value(t, name) != nil {
			t.Errorf("%s is %v", name, cleared.value(t, name))
		}
	}
}

// TestBoardDelete: one event, and everything on the board is gone for everybody.
func TestBoardDelete(t *testing.T) {
	t.Parallel()
	n := startNode(t, nodeConfig{})
	x := n.tenant("x")
	group := x.newGroup("g")
	x.moves(x.board, group)
	at := v1 + "/boards/" + x.board
	x.must("Wo", "POST", at+"/group-memory", `{"content":"stays"}`)
	tasks, memory := x.follow("Wo", at+"/tasks/stream"), x.follow("Mr", at+"/memory/stream")
	shared, agents := x.follow("Le", at+"/group-memory/stream"), x.follow("Ow", v1+"/agents/stream")
	theirs := x.follow("Mr", v1+"/board-groups/"+group+"/memory/stream")
	for _, f := range []*feed{tasks, memory, shared, agents, theirs} {
		f.next()
	}
	n.told()
	before := n.Store.Head()
	gone := x.must("Mw", "DELETE", at, "")
	if gone.body != `{"ok":true}` || n.Store.Head() != before+1 {
		t.Errorf("%s, %d events", gone.body, n.Store.Head()-before)
	}
	want := `{"type":"board.deleted","board_id":"` + x.board + `"}`
	if m := tasks.ends(); m.data != want {
		t.Errorf("the last message of the tasks is %s", m.data)
	}
	memory.ends()
	shared.ends()
	theirs.ends() // who read the group by this board
	if m := agents.frame(); m.data != want || m.id != gone.header.Get("Log-Position") {
		t.Errorf("those who follow agents are told %+v", m)
	}

	note := `{"content":"x"}`
	for _, c := range []struct{ method, path, body string }{
		{"GET", at, ""},
		{"PATCH", at, `{}`},
		{"DELETE", at, ""},
		{"GET", at + "/tasks", ""},
		{"GET", at + "/tasks/stream", ""},
		{"POST", at + "/tasks", `{"title":"x"}`},
		{"PATCH", at + "/tasks/" + x.task, `{}`},
		{"DELETE", at + "/tasks/" + x.task, ""},
		{"GET", at + "/memory", ""},
		{"POST", at + "/memory", note},
		{"GET", at + "/group-memory", ""},
		{"POST", at + "/group-memory", note},
		{"GET", at + "/group-snapshot", ""},
		{"GET", v1 + "/agents/" + x.agent["Wo"], ""},
		{"PATCH", v1 + "/agents/" + x.agent["Wo"], `{"name":"N"}`},
		{"POST", v1 + "/agents/" + x.agent["Wo"] + "/tokens", ""},
		{"POST", v1 + "/agents/" + x.agent["Wo"] + "/heartbeat", `{}`},
		{"POST", v1 + "/agents", `{"name":"N","board_id":"` + x.board + `"}`},
		{"PATCH", v1 + "/agents/" + x.agent["Ot"], `{"board_id":"` + x.board + `"}`},
	} {
		if a := x.do("Ow", c.method, c.path, c.body); a.status != 404 {
			t.Errorf("%s %s: %d %s", c.method, c.path, a.status, a.body)
		}
	}
	for _, kind := range []string{"Le", "Wo"} {
		for _, path := range []string{v1 + "/agent/healthz", at + "/tasks", v1 + "/boards/" + x.other + "/tasks"} {
			if a := x.do(kind, "GET", path, ""); a.status != 401 {
				t.Errorf("GET %s by %s: %d %s", path, kind, a.status, a.body)
			}
		}
	}
	for _, path := range []string{
		v1 + "/boards", v1 + "/agents", v1 + "/organizations/me/members", v1 + "/organizations/me/members/" + x.member["Mw"],
		v1 + "/board-groups/" + group + "/snapshot",
	} {
		if a := x.must("Ow", "GET", path, ""); strings.Contains(a.body, x.board) {
			t.Errorf("GET %s still shows the board: %s", path, a.body)
		}
	}
	if a := x.must("Mw", "GET", v1+"/organizations/me/member", ""); len(a.value(t, "board_access").([]any)) != 0 {
		t.Error(a.body)
	}
	if a := x.do("Ow", "PUT", v1+"/organizations/me/members/"+x.member["M0"]+"/access", `{"board_access":[{"board_id":"`+x.board+`"}]}`); a.status != 422 {
		t.Errorf("access to the board: %d", a.status)
	}
	if a := x.must("Ow", "GET", v1+"/board-groups/"+group+"/memory", ""); a.value(t, "total") != 1.0 {
		t.Errorf("the memory of the group went with the board: %s", a.body)
	}
	eventually(t, 10*time.Second, "the rows of the board are gone", func() bool { return n.rowsOf(x.board) == 0 })
	var known int
	if err := n.db.QueryRow(t.Context(), `select (select count(*) from agent_tokens where agent_id = any($1)) + (select count(*) from agent_presence where agent_id = any($1))`,
		[]string{x.agent["Wo"], x.agent["Le"]}).Scan(&known); err != nil || known != 0 {
		t.Errorf("%d tokens and signs of life of its agents are left: %v", known, err)
	}
	if a := x.do("Ow", "GET", v1+"/boards/"+x.other, ""); a.status != 200 {
		t.Errorf("the other board: %d", a.status)
	}
}

// rowsOf counts the rows of a board, its own included.
func (n *node) rowsOf(board string) (rows int) {
	n.t.Helper()
	err := n.db.QueryRow(n.t.Context(), `select (select count(*) from boards where id = $1) + (select count(*) from tasks where board_id = $1)
		+ (select count(*) from comments where board_id = $1) + (select count(*) from approvals where board_id = $1)
		+ (select count(*) from board_memory where board_id = $1) + (select count(*) from agents where board_id = $1)
		+ (select count(*) from feed where topic like 'board/' || $2 || '/%')`, board, board).Scan(&rows)
	if err != nil {
		n.t.Fatal(err)
	}
	return rows
}

// TestTwoBoardDeletes: one of two ends the board, the other finds none.
func TestTwoBoardDeletes(t *testing.T) {
	t.Parallel()
	n := startNode(t, nodeConfig{})
	x := n.tenant("x")
	for i := range rounds(t, 60) {
		board := v1 + "/boards/" + x.newBoard(fmt.Sprint("b", i))
		var both [3]answer
		var group sync.WaitGroup
		for i := range both {
			group.Go(func() { both[i], _ = n.try(t.Context(), "DELETE", board, strings.NewReader(""), x.as("Ow")...) })
		}
		group.Wait()
		statuses := []int{both[0].status, both[1].status, both[2].status}
		slices.Sort(statuses)
		if !slices.Equal(statuses, []int{200, 404, 404}) {
			t.Fatalf("%v: %v", statuses, both)
		}
	}
}

// TestBoardDeleteRaces: people and agents work on a board while it is deleted.
// What was done before stands in the log; nothing comes after, and no row is
// left.
func TestBoardDeleteRaces(t *testing.T) {
	t.Parallel()
	n := startNode(t, nodeConfig{})
	x := n.tenant("x")
	for i := range rounds(t, 25) {
		id := x.newBoard(fmt.Sprint("b", i))
		board := v1 + "/boards/" + id
		x.newAgent("R", id, false)
		done := x.must("Ow", "POST", board+"/tasks", `{"title":"x","assigned_agent_id":"`+x.agent["R"]+`"}`).text(t, "id")
		token := "X-Agent-Token: " + x.token["R"]
		f := n.follow(board+"/tasks/stream", token)
		work := []struct{ kind, method, path, body string }{
			{"Ow", "POST", board + "/tasks", `{"title":"t"}`},
			{"Ow", "PATCH", board + "/tasks/" + done, `{"title":"u"}`},
			{"R", "POST", board + "/memory", `{"content":"m"}`},
			{"Ow", "POST", v1 + "/agents", `{"name":"%d","board_id":"` + id + `"}`},
			{"Ow", "PATCH", v1 + "/agents/" + x.agent["R"], `{"name":"R %d"}`},
			{"Ow", "PATCH", v1 + "/agents/" + x.agent["Ot"], `{"board_id":"` + id + `"}`},
			{"Ow", "PATCH", board, `{"name":"%d"}`},
			{"Ow", "POST", v1 + "/agents/" + x.agent["R"] + "/tokens", ""},
			{"Ad", "DELETE", v1 + "/agents/" + x.agent["R"], ""},
		}
		var group sync.WaitGroup
		begun := make(chan struct{}, 1000)
		for _, w := range work {
			group.Go(func() {
				for j := range 100 {
					body := strings.ReplaceAll(w.body, "%d", fmt.Sprint(j))
					proof := x.as(w.kind)
					if w.kind == "R" {
						proof = []string{forget, token}
					}
					a, err := n.try(t.Context(), w.method, w.path, strings.NewReader(body), proof...)
					select {
					case begun <- struct{}{}:
					default:
					}
					switch {
					case err != nil, a.status >= 500:
						t.Errorf("%s %s: %d %s %v", w.method, w.path, a.status, a.body, err)
						return
					case a.status != 200, w.method == "DELETE":
						return
					}
				}
			})
		}
		for range 5 + 5*(i%6) {
			<-begun
		}
		gone := x.do("Ow", "DELETE", board, "")
		group.Wait()
		if gone.status != 200 {
			t.Fatalf("deleted: %d %s", gone.status, gone.body)
		}
		f.ends()
		_, seq, _ := strings.Cut(gone.header.Get("Log-Position")[30:], "-")
		var after int
		if err := n.db.QueryRow(t.Context(), `select count(*) from events where seq > $1::text::bigint and type not like 'command.refused%' and convert_from(entry, 'UTF8') like '%board/' || $2 || '%'`,
			seq, id).Scan(&after); err != nil || after != 0 {
			t.Fatalf("%d events on the board came after its end: %v", after, err)
		}
		eventually(t, 10*time.Second, "the rows of the board are gone", func() bool { return n.rowsOf(id) == 0 })
		if a := x.do("Ow", "GET", v1+"/agents/"+x.agent["Ot"], ""); a.status == 404 { // it was on the board by then
			x.newAgent("Ot", x.other, false)
		}
	}
}
