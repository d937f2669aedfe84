package httpapi

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"missioncontrol/domain/agent"
	"missioncontrol/projections"
)

// atOnce sends requests of a kind of caller together and counts the answers
// by status.
func (x *tenant) atOnce(t *testing.T, kind string, requests ...[3]string) map[int]int {
	t.Helper()
	var all sync.WaitGroup
	var mu sync.Mutex
	statuses := map[int]int{}
	for _, r := range requests {
		all.Go(func() {
			got, err := x.n.try(t.Context(), r[0], v1+r[1], strings.NewReader(r[2]), x.as(kind)...)
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			statuses[got.status]++
			mu.Unlock()
		})
	}
	all.Wait()
	return statuses
}

func TestAgentNames(t *testing.T) {
	t.Parallel()
	n := startNode(t, nodeConfig{})
	x := n.tenant("acme")
	create := func(name, board string) [3]string {
		return [3]string{"POST", "/agents", fmt.Sprintf(`{"name":%s,"board_id":"%s"}`, quoted(name), board)}
	}
	agents := func(name string) (count int) {
		list := x.must("Ow", "GET", v1+"/agents?board_id="+x.board, "")
		for i := range int(list.value(t, "total").(float64)) {
			if strings.EqualFold(list.text(t, fmt.Sprintf("items/%d/name", i)), name) {
				count++
			}
		}
		return count
	}
	const taken = "An agent with this name already exists on this board."
	t.Run("one by one", func(t *testing.T) {
		x.must("Ow", "POST", v1+"/agents", create("Ämil", x.board)[2])
		for _, name := range []string{"Ämil", "ämil", "ÄMIL", " Ämil "} {
			if got := x.do("Ow", "POST", v1+"/agents", create(name, x.board)[2]); got.status != 409 || got.value0("detail") != taken {
				t.Errorf("%q: %d %s", name, got.status, got.body)
			}
		}
		x.must("Ow", "POST", v1+"/agents", create("ämil", x.other)[2]) // elsewhere
		for _, name := range []string{"%", "_mil", "Äm%"} {            // no wildcards
			x.must("Ow", "POST", v1+"/agents", create(name, x.board)[2])
		}
		if got := x.do("Ow", "PATCH", v1+"/agents/"+x.agent["Wo"], `{"name":"ÄMIL"}`); got.status != 409 || got.value0("detail") != taken {
			t.Errorf("renamed: %d %s", got.status, got.body)
		}
		if got := x.do("Ow", "PATCH", v1+"/agents/"+x.agent["Wo"], `{"name":null}`); got.status != 422 {
			t.Errorf("no name: %d %s", got.status, got.body)
		}
		if got := x.do("Le", "POST", v1+"/agent/agents", `{"name":"ÄMIL"}`); got.status != 409 && got.status != 200 {
			t.Errorf("by the lead: %d %s", got.status, got.body)
		}
		x.must("Ow", "PATCH", v1+"/agents/"+x.agent["Wo"], `{"name":"ACME wo"}`) // its own in another case
	})
	t.Run("at once", func(t *testing.T) {
		for round := range rounds(t, 10) {
			name := fmt.Sprint("same", round)
			if got := x.atOnce(t, "Ow", create(name, x.board), create(strings.ToUpper(name), x.board), create(name, x.board), create("other"+name, x.board)); got[200] != 2 || got[409] != 2 || agents(name) != 1 {
				t.Fatalf("round %d: %v, %d of that name", round, got, agents(name))
			}
		}
	})
	t.Run("moved, renamed and made at once", func(t *testing.T) {
		for round := range rounds(t, 15) {
			name := fmt.Sprint("mover", round)
			moved := x.must("Ow", "POST", v1+"/agents", create(name, x.other)[2]).text(t, "id")
			renamed := x.must("Ow", "POST", v1+"/agents", create("else"+name, x.board)[2]).text(t, "id")
			got := x.atOnce(t, "Ow", create(strings.ToUpper(name), x.board),
				[3]string{"PATCH", "/agents/" + moved, `{"board_id":"` + x.board + `"}`},
				[3]string{"PATCH", "/agents/" + renamed, `{"name":"` + name + `"}`})
			if got[200] != 1 || got[409] != 2 || agents(name) != 1 {
				t.Fatalf("round %d: %v, %d of that name", round, got, agents(name))
			}
		}
	})
}

func TestOneLead(t *testing.T) {
	t.Parallel()
	n := startNode(t, nodeConfig{})
	x := n.tenant("acme")
	lead := func(board string) [3]string {
		return [3]string{"POST", "/agents", `{"name":"` + uuid.NewString() + `","board_id":"` + board + `","is_board_lead":true}`}
	}
	if got := x.do("Ow", "POST", v1+"/agents", lead(x.board)[2]); got.status != 409 || got.value0("detail") != "Board already has a lead agent." {
		t.Errorf("%d %s", got.status, got.body)
	}
	for round := range rounds(t, 10) {
		board, from := x.newBoard("leaderless"), x.newBoard("from")
		moving := x.must("Ow", "POST", v1+"/agents", lead(from)[2]).text(t, "id")
		got := x.atOnce(t, "Ow", lead(board), lead(board), [3]string{"PATCH", "/agents/" + moving, `{"board_id":"` + board + `"}`})
		if got[200] != 1 || got[409] != 2 {
			t.Fatalf("round %d: %v", round, got)
		}
	}
	made := x.must("Le", "POST", v1+"/agents", `{"name":"by the lead","is_board_lead":true}`)
	if made.value(t, "is_board_lead") != false || made.text(t, "board_id") != x.board {
		t.Errorf("%s", made.body)
	}
}

func TestAgentShape(t *testing.T) {
	t.Parallel()
	n := startNode(t, nodeConfig{})
	x := n.tenant("acme")
	got := x.must("Ow", "POST", v1+"/agents", `{"name":"  Shape ","board_id":"`+x.board+`","status":"online","identity_template":"  ","soul_template":" s ",
		"identity_profile":{" role ":" Lead ","blank":"  ","none":null,"list":["a",""," b "],"number":7},"heartbeat_config":{"every":"5m"}}`)
	var made map[string]any
	if err := json.Unmarshal([]byte(got.body), &made); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]any{
		"name": "Shape", "status": "provisioning", "identity_template": nil, "soul_template": "s", "gateway_id": nil, "openclaw_session_id": nil,
		"is_gateway_main": false, "is_board_lead": false, "last_seen_at": nil,
	} {
		if made[key] != want {
			t.Errorf("%s is %v, want %v", key, made[key], want)
		}
	}
	if profile := fmt.Sprint(made["identity_profile"]); profile != "map[list:a, b number:7 role:Lead]" {
		t.Errorf("the profile is %s", profile)
	}
	if read := x.must("Ow", "GET", v1+"/agents/"+made["id"].(string), ""); read.body != got.body {
		t.Errorf("read %s, made %s", read.body, got.body)
	}
	id := v1 + "/agents/" + made["id"].(string)
	for body, want := range map[string]string{
		`{"status":"online"}`:                     "403 status is controlled by agent heartbeat",
		`{"is_gateway_main":true}`:                "422 Board gateway_id is required",
		`{"board_id":null}`:                       "422 board_id is required",
		`{"board_id":"` + uuid.NewString() + `"}`: "404 Board not found",
	} {
		if got := x.do("Ow", "PATCH", id, body); fmt.Sprint(got.status, " ", got.value0("detail")) != want {
			t.Errorf("%s: %d %s, want %s", body, got.status, got.body, want)
		}
	}
	head := n.Store.Head()
	if same := x.must("Ow", "PATCH", id, `{}`); same.body != got.body || n.Store.Head() != head {
		t.Errorf("an empty change: %s", same.body)
	}
	for _, bad := range []string{"not-an-id", "heartbeat", strings.ToUpper(uuid.NewString())} {
		if got := x.do("Ow", "GET", v1+"/agents/"+bad, ""); got.status != 404 {
			t.Errorf("GET /agents/%s: %d %s", bad, got.status, got.body)
		}
	}
	if read := x.must("Ow", "GET", v1+"/agents/"+strings.ToUpper(made["id"].(string)), ""); read.body != got.body {
		t.Errorf("by its id in upper case: %s", read.body)
	}
}

func TestPresence(t *testing.T) {
	t.Parallel()
	n := startNode(t, nodeConfig{})
	x := n.tenant("acme")
	id := x.agent["Wo"]
	shown := func() answer { t.Helper(); return x.must("Ow", "GET", v1+"/agents/"+id, "") }
	events := func() string {
		var types string
		if err := n.db.QueryRow(t.Context(), `select string_agg(type, ' ' order by seq) from events where stream = $1`, id).Scan(&types); err != nil {
			t.Fatal(err)
		}
		return types
	}
	if got := shown(); got.text(t, "status") != "provisioning" {
		t.Fatalf("%s", got.body)
	}
	agents := x.tail("Ow", "/agents/stream")
	x.must("Wo", "GET", healthz, "")
	first := shown()
	if first.text(t, "status") != "online" || !strings.HasSuffix(events(), "agent.appeared") {
		t.Errorf("%s %s", first.body, events())
	}
	t.Run("a call counts once in thirty seconds", func(t *testing.T) {
		n.clock.pass(20 * time.Second)
		x.must("Wo", "GET", healthz, "")
		if again := shown(); again.text(t, "last_seen_at") != first.text(t, "last_seen_at") {
			t.Errorf("seen again after 20 seconds: %s", again.body)
		}
		n.clock.pass(11 * time.Second)
		if got := x.do("Wo", "POST", v1+"/agent/boards/"+x.other+"/memory", `{}`); got.status != 403 {
			t.Errorf("%d", got.status)
		}
		if again := shown(); again.text(t, "last_seen_at") == first.text(t, "last_seen_at") {
			t.Errorf("a refused call is no sign of life: %s", again.body)
		}
	})
	t.Run("the status is shown until it is silent", func(t *testing.T) {
		beat := x.must("Wo", "POST", v1+"/agents/"+id+"/heartbeat", `{"status":" busy "}`)
		if beat.text(t, "status") != "busy" {
			t.Errorf("%s", beat.body)
		}
		n.clock.pass(agent.Silence - time.Second)
		if got := shown(); got.text(t, "status") != "busy" {
			t.Errorf("%s", got.body)
		}
		n.clock.pass(2 * time.Second)
		if got := shown(); got.text(t, "status") != "offline" || strings.Contains(events(), "agent.lost") {
			t.Errorf("%s %s", got.body, events())
		}
	})
	t.Run("its loss and return are events, once", func(t *testing.T) {
		for range 2 { // as Watch does
			now := n.Store.Now()
			silent, err := projections.Presences{Reader: n.Read}.SilentSince(t.Context(), now.Add(-agent.Silence), 100)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range silent {
				if err := n.Commands.Agents.Miss(context.WithoutCancel(t.Context()), s, now); err != nil {
					t.Fatal(err)
				}
			}
		}
		if types := events(); strings.Count(types, "agent.lost") != 1 || !strings.HasSuffix(types, "agent.lost") {
			t.Errorf("%s", types)
		}
		x.must("Wo", "POST", v1+"/agent/heartbeat", `{"ignored":true}`)
		if types := events(); !strings.HasSuffix(types, "agent.lost agent.returned") || shown().text(t, "status") != "busy" {
			t.Errorf("%s %s", types, shown().body)
		}
	})
	t.Run("frames", func(t *testing.T) {
		agents.until(t, `"status":"offline"`)
		x.must("Ow", "PATCH", v1+"/agents/"+id, `{"soul_template":"last of the frames"}`)
		agents.until(t, "last of the frames")
		live, stored := 0, 0
		for frame := range strings.SplitSeq(strings.ReplaceAll(agents.text(), "\r\n", "\n"), "\n\n") {
			if !strings.Contains(frame, "event: agent") || !strings.Contains(frame, id) {
				continue
			}
			if strings.Contains("\n"+frame, "\nid: ") {
				stored++
			} else {
				live++
			}
			if !strings.Contains(frame, `data: {"agent":{`) {
				t.Errorf("a frame: %s", frame)
			}
		}
		if stored != 4 || live < 4 { // appeared, lost, returned, updated; and each sign of life
			t.Errorf("%d stored frames, %d without a position:\n%s", stored, live, agents.text())
		}
	})
	t.Run("by name", func(t *testing.T) {
		if got := x.do("Ow", "POST", v1+"/agents/heartbeat", `{"name":"nobody"}`); got.status != 422 || got.value0("detail") != "board_id is required" {
			t.Errorf("%d %s", got.status, got.body)
		}
		made := x.must("Ow", "POST", v1+"/agents/heartbeat", `{"name":"newcomer","board_id":"`+x.board+`","status":"busy"}`)
		again := x.must("Ow", "POST", v1+"/agents/heartbeat", `{"name":"newcomer"}`)
		if made.text(t, "status") != "busy" || again.text(t, "id") != made.text(t, "id") {
			t.Errorf("%s %s", made.body, again.body)
		}
		if long := x.do("Ow", "POST", v1+"/agents/"+id+"/heartbeat", `{"status":"`+strings.Repeat("x", 65)+`"}`); long.status != 422 {
			t.Errorf("%d %s", long.status, long.body)
		}
	})
}

func TestAssignment(t *testing.T) {
	t.Parallel()
	n := startNode(t, nodeConfig{})
	x, y := n.tenant("acme"), n.tenant("other")
	tasks := v1 + "/boards/" + x.board + "/tasks"
	for name, c := range map[string]struct {
		id     string
		status int
		detail string
	}{
		"an agent of the board":        {x.agent["Wo"], 200, ""},
		"the main agent":               {x.agent["Ma"], 200, ""},
		"an agent of another board":    {x.agent["Ot"], 409, "Conflict"},
		"of another organization":      {y.agent["Wo"], 404, "Not Found"},
		"another's main agent":         {y.agent["Ma"], 404, "Not Found"},
		"nobody":                       {uuid.NewString(), 404, "Not Found"},
		"what is no agent":             {x.task, 404, "Not Found"},
		"a deleted agent of the board": {x.deletedAgent(t), 404, "Not Found"},
	} {
		got := x.do("Ow", "POST", tasks, `{"title":"T","assigned_agent_id":"`+c.id+`"}`)
		patched := x.do("Ow", "PATCH", tasks+"/"+x.task, `{"assigned_agent_id":"`+c.id+`"}`)
		for _, a := range []answer{got, patched} {
			if a.status != c.status || (a.status != 200 && a.value0("detail") != c.detail) {
				t.Errorf("%s: %d %s, want %d %s", name, a.status, a.body, c.status, c.detail)
			}
		}
	}
}

func (x *tenant) deletedAgent(t *testing.T) string {
	t.Helper()
	id := x.newAgent("deleted", x.board, false)
	x.must("Ow", "DELETE", v1+"/agents/"+id, "")
	if got := x.n.withToken(x.token["deleted"]); got.status != 401 {
		t.Errorf("a deleted agent: %d", got.status)
	}
	return id
}

// TestDeletedAgentLeavesNoTasks: its tasks go back in the same append, also
// those that are assigned meanwhile.
func TestDeletedAgentLeavesNoTasks(t *testing.T) {
	t.Parallel()
	n := startNode(t, nodeConfig{})
	x := n.tenant("acme")
	tasks := "/boards/" + x.board + "/tasks"
	for round := range rounds(t, 25) {
		id := x.newAgent(fmt.Sprint("doomed", round), x.board, false)
		busy := x.must("Ow", "POST", v1+tasks, `{"title":"busy","assigned_agent_id":"`+id+`"}`).text(t, "id")
		x.must("Ow", "PATCH", v1+tasks+"/"+busy, `{"status":"in_progress"}`)
		idle := x.must("Ow", "POST", v1+tasks, `{"title":"idle","status":"review","assigned_agent_id":"`+id+`"}`).text(t, "id")
		free := x.must("Ow", "POST", v1+tasks, `{"title":"free"}`).text(t, "id")
		got := x.atOnce(t, "Ow", [3]string{"DELETE", "/agents/" + id, ""},
			[3]string{"PATCH", tasks + "/" + free, `{"assigned_agent_id":"` + id + `"}`},
			[3]string{"POST", tasks, `{"title":"late","assigned_agent_id":"` + id + `"}`})
		if got[500] != 0 || got[503] != 0 {
			t.Errorf("round %d: %v", round, got)
		}
		var left, appends int
		err := n.db.QueryRow(t.Context(), `select (select count(*) from tasks where assigned_agent_id = $1),
			(select count(distinct convert_from(entry, 'utf8')::json->>'time') from events where stream = any($2::uuid[]) and seq in (
				select max(seq) from events where stream = any($2::uuid[]) group by stream))`, id, []string{busy, idle, id}).Scan(&left, &appends)
		if err != nil || left != 0 || appends != 1 {
			t.Fatalf("round %d: %d tasks are left, ended in %d appends (%v)", round, left, appends, err)
		}
		for task, want := range map[string]string{busy: "inbox", idle: "review"} {
			var status string
			var began *time.Time
			err := n.db.QueryRow(t.Context(), `select status, in_progress_at from tasks where id = $1`, task).Scan(&status, &began)
			if err != nil || status != want || began != nil {
				t.Errorf("round %d: a task is %s since %v, want %s (%v)", round, status, began, want, err)
			}
		}
	}
}

func TestAgentSurface(t *testing.T) {
	t.Parallel()
	n := startNode(t, nodeConfig{})
	x := n.tenant("acme")
	if got := x.must("Le", "GET", healthz, ""); got.text(t, "agent_id") != x.agent["Le"] || got.text(t, "status") != "online" ||
		got.value(t, "is_board_lead") != true || got.value(t, "gateway_id") != nil || got.value(t, "ok") != true {
		t.Errorf("%s", got.body)
	}
	for kind, boards := range map[string]float64{"Le": 1, "Wo": 1, "Ot": 1, "Ma": 2} {
		if got := x.must(kind, "GET", v1+"/agent/boards", ""); got.value(t, "total") != boards {
			t.Errorf("%s: %s", kind, got.body)
		}
	}
	for kind, agents := range map[string]float64{"Le": 2, "Wo": 2, "Ot": 1, "Ma": 4} {
		if got := x.must(kind, "GET", v1+"/agent/agents", ""); got.value(t, "total") != agents {
			t.Errorf("%s: %s", kind, got.body)
		}
	}
	if got := x.must("Ma", "GET", v1+"/agent/agents?board_id="+x.board, ""); got.value(t, "total") != 2.0 {
		t.Errorf("%s", got.body)
	}
	note := x.must("Wo", "POST", v1+"/agent/boards/"+x.board+"/memory", `{"content":" said ","tags":["chat"]}`)
	if note.text(t, "source") != "acme Wo" || note.value(t, "is_chat") != true || note.text(t, "content") != "said" {
		t.Errorf("%s", note.body)
	}
	if list := x.must("Le", "GET", v1+"/agent/boards/"+x.board+"/memory?is_chat=true", ""); !strings.Contains(list.body, note.text(t, "id")) {
		t.Errorf("%s", list.body)
	}
	for path, want := range map[string]string{
		x.agent["Le"]: "403 Board leads cannot delete lead agents", x.agent["Ma"]: "403 Board leads cannot delete gateway main agents",
		x.agent["Ot"]: "404 Not Found", uuid.NewString(): "200 ", "no-id": "404 Not Found",
	} {
		got := x.do("Le", "DELETE", v1+"/agent/boards/"+x.board+"/agents/"+path, "")
		if have := fmt.Sprint(got.status, " ", got.value0("detail")); have != want {
			t.Errorf("%s: %s, want %s", path, have, want)
		}
	}
	if got := x.must("Le", "POST", v1+"/agent/agents", `{"name":"hand","board_id":"`+x.other+`"}`); got.text(t, "board_id") != x.board {
		t.Errorf("%s", got.body)
	}
	if got := x.do("Le", "POST", v1+"/agents", `{"name":"hand2","board_id":"`+x.other+`"}`); got.status != 403 || got.value0("detail") != "Board leads can only create agents in their own board" {
		t.Errorf("%d %s", got.status, got.body)
	}
}
