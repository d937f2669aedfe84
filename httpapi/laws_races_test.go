package httpapi

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
)

// Each race runs both sides of a rule at once, through two processes; then the
// log is read, and every event judged where it stands.

// rival is a request of a kind of caller.
type rival struct{ kind, method, path, body string }

func by(kind, method, path, body string) rival { return rival{kind, method, path, body} }

// arena are two processes on one database, and a tenant with its board.
type arena struct {
	*tenant
	t     *testing.T
	nodes []*node
	b     string // the path of the tenant's board
}

func newArena(t *testing.T, settings string) *arena {
	t.Helper()
	one, two := twoNodes(t, true)
	x := one.tenant("acme")
	a := &arena{tenant: x, t: t, nodes: []*node{one, two}, b: v1 + "/boards/" + x.board}
	x.must("Ow", "PATCH", a.b, settings)
	sameHead(t, one, two)
	return a
}

// race sends requests together, by turns to the processes, and returns the
// answers in their order. None may be a failure of the server.
func (a *arena) race(rivals ...rival) []answer {
	a.t.Helper()
	answers := make([]answer, len(rivals))
	var g sync.WaitGroup
	for i, r := range rivals {
		g.Go(func() {
			ctx, cancel := context.WithCancel(a.t.Context())
			defer cancel()
			var err error
			if answers[i], err = a.nodes[i%len(a.nodes)].try(ctx, r.method, r.path, strings.NewReader(r.body), a.as(r.kind)...); err != nil {
				a.t.Error(err)
			}
		})
	}
	g.Wait()
	for i, got := range answers {
		if got.status >= 500 || got.status == 400 || got.status == 422 {
			a.t.Errorf("%v: %d %s", rivals[i], got.status, got.body)
		}
	}
	return answers
}

func (a *arena) newTask(body string) (path, id string) {
	a.t.Helper()
	id = a.must("Ow", "POST", a.b+"/tasks", body).text(a.t, "id")
	return a.b + "/tasks/" + id, id
}

func (a *arena) newApproval(task, status string) (path string) {
	a.t.Helper()
	return a.b + "/approvals/" + a.must("Ow", "POST", a.b+"/approvals", asksFor(status, task)).text(a.t, "id")
}

func asksFor(status string, tasks ...string) string {
	return fmt.Sprintf(`{"action_type":"a","confidence":80,"lead_reasoning":"r","status":"%s","task_ids":["%s"]}`, status, strings.Join(tasks, `","`))
}

// judge reads the log once all processes know it.
func (a *arena) judge() map[string]int {
	a.t.Helper()
	sameHead(a.t, a.nodes...)
	return a.n.lawful(a.t)
}

// TestClaim: of fifty workers who claim one task, one gets it.
func TestClaim(t *testing.T) {
	t.Parallel()
	a := newArena(t, `{}`)
	claims := make([]rival, 50)
	for i := range claims {
		a.newAgent(fmt.Sprint("W", i), a.board, false)
	}
	for round := range rounds(t, 10) {
		task, _ := a.newTask(`{"title":"x"}`)
		for i := range claims {
			claims[i] = rival{fmt.Sprint("W", i), "PATCH", task, `{"status":"in_progress"}`}
			if round%2 == 1 {
				claims[i].path = strings.Replace(task, v1+"/boards", v1+"/agent/boards", 1)
			}
		}
		won, refused := 0, 0
		for _, got := range a.race(claims...) {
			switch {
			case got.status == 200:
				won++
			case got.status == 403 && got.value(t, "detail/code") == "task_assignee_mismatch":
				refused++
			}
		}
		if won != 1 || refused != 49 {
			t.Fatalf("round %d: %d got it, %d were refused", round, won, refused)
		}
	}
	a.judge()
}

// TestDoneWhileItsApprovalIsReopened: what a task is done by was granted then.
func TestDoneWhileItsApprovalIsReopened(t *testing.T) {
	t.Parallel()
	a := newArena(t, `{"require_approval_for_done":true}`)
	for range rounds(t, 25) {
		task, id := a.newTask(`{"title":"x","status":"review"}`)
		approval, other := a.newApproval(id, "approved"), a.newApproval(id, "rejected")
		a.race(by("Ow", "PATCH", task, `{"status":"done"}`), by("Mw", "PATCH", approval, `{"status":"pending"}`),
			by("Ad", "PATCH", task, `{"status":"done"}`), by("Ow", "PATCH", approval, `{"status":"rejected"}`),
			by("Ow", "PATCH", other, `{"status":"approved"}`), by("Ow", "PATCH", other, `{"status":"rejected"}`))
	}
	if n := a.judge(); n["task.status_changed"] == 0 || n["approval.reopened"] == 0 {
		t.Errorf("nothing was tried: %v", n)
	}
}

// TestMoveWhileApprovalIsAskedFor: a task does not move while a request waits,
// nor does one come in between.
func TestMoveWhileApprovalIsAskedFor(t *testing.T) {
	t.Parallel()
	a := newArena(t, `{"block_status_changes_with_pending_approval":true,"require_approval_for_done":false}`)
	a.newAgent("Wo2", a.board, false)
	for range rounds(t, 25) {
		task, id := a.newTask(`{"title":"x"}`)
		a.race(by("Ow", "PATCH", task, `{"status":"in_progress"}`), by("Wo", "POST", a.b+"/approvals", asksFor("pending", id)),
			by("Wo", "PATCH", task, `{"status":"done"}`), by("Wo2", "POST", a.b+"/approvals", asksFor("pending", id)))
	}
	if n := a.judge(); n["task.status_changed"] == 0 || n["approval.created"] == 0 {
		t.Errorf("nothing was tried: %v", n)
	}
}

// TestStartWhileDependencyIsReopened: nothing is begun before what it depends
// on is done; what had begun goes back.
func TestStartWhileDependencyIsReopened(t *testing.T) {
	t.Parallel()
	a := newArena(t, `{"require_approval_for_done":false}`)
	for round := range rounds(t, 25) {
		dependency, id := a.newTask(`{"title":"first","status":"done"}`)
		task, dependent := a.newTask(`{"title":"second","depends_on_task_ids":["` + id + `"]}`)
		end := by("Ad", "PATCH", dependency, `{"status":"review"}`)
		if round%5 == 4 {
			end = by("Ad", "DELETE", dependency, "")
		}
		a.race(by("Ow", "PATCH", dependency, `{"status":"inbox"}`), by("Wo", "PATCH", task, `{"status":"in_progress"}`),
			by("Ow", "PATCH", task, `{"status":"in_progress","assigned_agent_id":"`+a.agent["Wo"]+`"}`), end,
			by("Mw", "POST", a.b+"/tasks", `{"title":"third","status":"in_progress","depends_on_task_ids":["`+dependent+`"]}`))
	}
	if n := a.judge(); n["task.status_changed"] == 0 {
		t.Errorf("nothing was tried: %v", n)
	}
}

// TestOnePendingApproval: however many ask at once, a task waits for one.
func TestOnePendingApproval(t *testing.T) {
	t.Parallel()
	a := newArena(t, `{}`)
	for round := range rounds(t, 20) {
		first, id := a.newTask(`{"title":"first"}`)
		_, id2 := a.newTask(`{"title":"second"}`)
		old := a.newApproval(id, "rejected")
		answers := a.race(by("Wo", "POST", a.b+"/approvals", asksFor("pending", id)), by("Le", "POST", a.b+"/approvals", asksFor("pending", id2, id)),
			by("Ow", "POST", a.b+"/approvals", asksFor("pending", id, id2)), by("Mw", "PATCH", old, `{"status":"pending"}`),
			by("Ad", "POST", a.b+"/approvals", asksFor("pending", id)), by("Ma", "POST", a.b+"/approvals", asksFor("pending", id)))
		if counts := byStatus(answers); counts[200] != 1 || counts[409] != 5 {
			t.Fatalf("round %d: %v", round, counts)
		}
		a.race(by("Ow", "DELETE", first, ""), by("Wo", "POST", a.b+"/approvals", asksFor("approved", id)), by("Wo", "POST", first+"/comments", `{"message":"m"}`))
	}
	a.judge()
}

// TestCycle: edges that are put in at once never close a circle.
func TestCycle(t *testing.T) {
	t.Parallel()
	a := newArena(t, `{}`)
	const corners = 5
	for round := range rounds(t, 20) {
		var paths, ids [corners]string
		for i := range corners {
			paths[i], ids[i] = a.newTask(fmt.Sprintf(`{"title":"%d"}`, i))
		}
		var edges []rival
		for i := range corners {
			edges = append(edges, by("Ow", "PATCH", paths[i], `{"depends_on_task_ids":["`+ids[(i+1)%corners]+`"]}`))
		}
		if counts := byStatus(a.race(edges...)); counts[200] != corners-1 || counts[409] != 1 {
			t.Fatalf("round %d: %v", round, counts)
		}
	}
	a.judge()
}

// TestWriteWhileAccessIsLost: whoever loses the right to a board finishes
// nothing there from then on.
func TestWriteWhileAccessIsLost(t *testing.T) {
	t.Parallel()
	a := newArena(t, `{"require_approval_for_done":false}`)
	access := v1 + "/organizations/me/members/"
	for round := range rounds(t, 15) {
		kind := fmt.Sprint("leaver", round)
		a.invited(kind, `"board_access":[{"board_id":"`+a.board+`","can_write":true}]`)
		a.newAgent(kind+"a", a.board, false)
		task, id := a.newTask(`{"title":"x"}`)
		mine, _ := a.newTask(`{"title":"y","assigned_agent_id":"` + a.agent[kind+"a"] + `"}`)
		lose := by("Ow", "PUT", access+a.member[kind]+"/access", `{"board_access":[{"board_id":"`+a.board+`","can_read":true}]}`)
		fire := by("Ow", "DELETE", v1+"/agents/"+a.agent[kind+"a"]+"/tokens/"+a.tokenID[kind+"a"], "")
		if round%2 == 1 {
			lose = by("Ow", "DELETE", access+a.member[kind], "")
			fire = by("Ow", "DELETE", v1+"/agents/"+a.agent[kind+"a"], "")
		}
		a.race(by(kind, "PATCH", task, `{"status":"done"}`), by(kind+"a", "PATCH", mine, `{"status":"done"}`), lose, fire,
			by(kind, "POST", a.b+"/approvals", asksFor("approved", id)), by(kind+"a", "POST", task+"/comments", `{"message":"m"}`),
			by(kind, "POST", a.b+"/tasks", `{"title":"z"}`), by(kind+"a", "POST", a.b+"/approvals", asksFor("pending", id)))
	}
	a.judge()
}

// TestMoveWhileRulesChange: a board's rules bind what comes after them, and
// nothing comes after the end of a board.
func TestMoveWhileRulesChange(t *testing.T) {
	t.Parallel()
	a := newArena(t, `{}`)
	for range rounds(t, 20) {
		board := a.newBoard("brief")
		a.b = v1 + "/boards/" + board
		a.must("Ow", "PATCH", a.b, `{"require_approval_for_done":false}`)
		task, id := a.newTask(`{"title":"x"}`)
		a.race(by("Ow", "PATCH", task, `{"status":"done"}`), by("Ad", "PATCH", a.b, `{"require_review_before_done":true}`),
			by("Ow", "POST", a.b+"/tasks", `{"title":"y","status":"done"}`), by("Ad", "PATCH", a.b, `{"require_approval_for_done":true}`))
		a.race(by("Ow", "PATCH", task, `{"status":"review"}`), by("Ad", "DELETE", a.b, ""), by("Ow", "POST", a.b+"/tasks", `{"title":"z"}`),
			by("Ow", "POST", task+"/comments", `{"message":"m"}`), by("Ow", "POST", a.b+"/approvals", asksFor("pending", id)))
	}
	a.judge()
}

// TestTeamLimitAtOnce: of many requests of leads at once, while people add
// agents, take them away and change the limit, none passes it.
func TestTeamLimitAtOnce(t *testing.T) {
	t.Parallel()
	a := newArena(t, `{"max_agents":4}`)
	agents, lead := v1+"/agents", v1+"/agent/agents"
	name := func() string { return `{"name":"` + uuid.NewString() + `","board_id":"` + a.board + `"}` }
	won := 0
	for range rounds(t, 15) {
		leaves := a.must("Ow", "POST", agents, name()).text(t, "id")
		rivals := []rival{
			by("Ow", "PATCH", a.b, `{"max_agents":3}`), by("Ow", "DELETE", agents+"/"+leaves, ""),
			by("Ad", "POST", agents, name()), by("Ad", "PATCH", a.b, `{"max_agents":5}`),
		}
		for range 4 {
			rivals = append(rivals, by("Le", "POST", agents, name()), by("Le", "POST", lead, name()))
		}
		won += byStatus(a.race(rivals...)[4:])[200]
		for _, id := range a.workers() {
			a.must("Ow", "DELETE", agents+"/"+id, "")
		}
		a.must("Ow", "PATCH", a.b, `{"max_agents":4}`)
	}
	if a.judge(); won == 0 {
		t.Error("leads have made none")
	}
}

// workers are the agents of the tenant's board beside its lead and Wo.
func (a *arena) workers() (ids []string) {
	a.t.Helper()
	list := a.must("Ow", "GET", v1+"/agents?limit=200&board_id="+a.board, "")
	for i := range int(list.value(a.t, "total").(float64)) {
		at := fmt.Sprintf("items/%d/", i)
		if id := list.text(a.t, at+"id"); id != a.agent["Wo"] && list.value(a.t, at+"is_board_lead") == false {
			ids = append(ids, id)
		}
	}
	return ids
}
