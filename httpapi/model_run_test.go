package httpapi

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
)

// A duel asks the API and the model the same.
type duel struct {
	*tenant
	*model
	t        *testing.T
	rand     *rand.Rand
	at       string
	callers  []string       // kinds; "Ow" is the person
	asked    map[string]int // answers by what was asked, and how it went
	made     []string       // tasks and approvals, in their order: a seed plays the same game
	stranger string
}

func newDuel(t *testing.T, seed int) *duel {
	t.Helper()
	x := startNode(t, nodeConfig{}).tenant("x")
	x.newAgent("W2", x.board, false)
	m := &model{rules: map[string]bool{"require_approval_for_done": true}, lead: x.agent["Le"], tasks: map[string]*modelTask{}, approvals: map[string]*modelApproval{}}
	m.agents = map[string]modelAgent{
		x.agent["Le"]: itsLead, x.agent["Wo"]: itsWorker, x.agent["W2"]: itsWorker, x.agent["Ot"]: onAnother, x.agent["Ma"]: onAllBoards,
	}
	m.tasks[x.task] = &modelTask{status: "inbox", deps: []string{}, said: map[string]int{}}
	return &duel{
		tenant: x, model: m, t: t, rand: rand.New(rand.NewPCG(uint64(seed), 11)), at: v1 + "/boards/" + x.board,
		callers: []string{"Ow", "Ow", "Wo", "W2", "Le", "Ma"}, asked: map[string]int{}, made: []string{x.task}, stranger: uuid.NewString(),
	}
}

// send asks the API; as does not know the second worker.
func (d *duel) send(kind, method, path string, body any) answer {
	d.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		d.t.Fatal(err)
	}
	headers := d.as(kind)
	if kind == "W2" {
		headers = []string{forget, "X-Agent-Token: " + d.token["W2"]}
	}
	return d.n.do(method, path, string(text), headers...)
}

func (d *duel) pickTask() string {
	return d.pick(func(id string) bool { return d.tasks[id] != nil })
}

func (d *duel) pickApproval() string {
	return d.pick(func(id string) bool { return d.approvals[id] != nil })
}

// pick chooses one of some, and now and then what is not there.
func (d *duel) pick(there func(id string) bool) string {
	var ids []string
	for _, id := range d.made {
		if there(id) {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 || d.rand.IntN(20) == 0 {
		return d.stranger
	}
	return one(d.rand, ids...)
}

func (d *duel) pickAgent() string {
	return one(d.rand, d.agent["Wo"], d.agent["Wo"], d.agent["W2"], d.agent["W2"], d.agent["Le"], d.agent["Ot"], d.agent["Ma"], d.stranger)
}

func (d *duel) status() string { return one(d.rand, "inbox", "in_progress", "review", "done") }

// actor is who the model takes a kind for: an agent, or "" for the person.
func (d *duel) actor(kind string) string { return d.agent[kind] }

func (d *duel) compare(what string, got answer, want verdict) bool {
	d.t.Helper()
	have := verdict{}
	if got.status != 200 {
		have = refuse(got.status, refusalText(d.t, got))
	}
	d.asked[strings.Fields(what)[0]+" "+fmt.Sprint(got.status)]++
	if have != want {
		d.t.Errorf("step %d: %s\nthe API answers %+v, the model %+v", d.step, what, have, want)
	}
	return got.status == 200
}

func refusalText(t *testing.T, a answer) string {
	t.Helper()
	if text, ok := a.value(t, "detail").(string); ok {
		return text
	}
	return a.text(t, "detail/message")
}

func (d *duel) play() {
	d.step++
	kind := one(d.rand, d.callers...)
	switch n := d.rand.IntN(20); {
	case len(d.tasks) < 4 || n < 3 && len(d.tasks) < 9:
		d.creates()
	case n < 11:
		d.edits(kind)
	case n < 12:
		id := d.pickTask()
		d.compare("DELETE "+id, d.send("Ow", "DELETE", d.at+"/tasks/"+id, nil), d.remove(id))
	case n < 14:
		kind, id := one(d.rand, "Ow", "Wo", "W2", "Ma"), d.pickTask()
		got := d.send(kind, "POST", d.at+"/tasks/"+id+"/comments", map[string]string{"message": "words"})
		d.compare("COMMENT "+kind+" "+id, got, d.comment(d.actor(kind), id))
	case n < 16:
		d.asks(kind)
	case n < 19:
		id, status := d.pickApproval(), one(d.rand, "pending", "approved", "rejected")
		got := d.send("Ow", "PATCH", d.at+"/approvals/"+id, map[string]string{"status": status})
		d.compare("RESOLVE "+id+" "+status, got, d.resolve(id, status))
	default:
		rule := one(d.rand, "require_approval_for_done", "require_review_before_done", "comment_required_for_review",
			"block_status_changes_with_pending_approval", "only_lead_can_change_status")
		d.rules[rule] = d.rand.IntN(3) == 0
		d.compare("RULE "+rule, d.send("Ow", "PATCH", d.at, map[string]bool{rule: d.rules[rule]}), verdict{})
	}
}

func (d *duel) creates() {
	kind, path := "Ow", d.at+"/tasks"
	if d.rand.IntN(4) == 0 {
		kind, path = "Le", v1+"/agent/boards/"+d.board+"/tasks"
	}
	body := map[string]any{"title": "T"}
	status, assignee, deps := "inbox", "", []string{}
	if d.rand.IntN(3) == 0 {
		status = d.status()
	}
	if d.rand.IntN(3) == 0 {
		assignee = d.pickAgent()
		body["assigned_agent_id"] = assignee
	}
	for range d.rand.IntN(3) {
		deps = append(deps, d.pickTask())
	}
	body["status"], body["depends_on_task_ids"] = status, deps
	got := d.send(kind, "POST", path, body)
	made, want := d.create(d.actor(kind), status, assignee, deps)
	if d.compare(fmt.Sprintf("CREATE %s %v", kind, body), got, want) {
		id := got.text(d.t, "id")
		d.tasks[id], d.made = &made, append(d.made, id)
	}
}

func (d *duel) edits(kind string) {
	id, e, body := d.pickTask(), modelEdit{}, map[string]any{}
	if d.rand.IntN(2) == 0 { // leads judge what is in review
		id = d.pick(func(id string) bool { return d.tasks[id] != nil && (kind != "Le" || d.tasks[id].status == "review") })
	}
	if d.rand.IntN(4) > 0 {
		status := d.status()
		e.Status, body["status"] = &status, status
	}
	if kind == "Ow" || kind == "Le" || d.rand.IntN(8) == 0 {
		if d.rand.IntN(3) == 0 {
			agent := d.pickAgent()
			e.Assignee, body["assigned_agent_id"] = &agent, agent
			if d.rand.IntN(4) == 0 {
				*e.Assignee, body["assigned_agent_id"] = "", nil
			}
		}
		if d.rand.IntN(5) == 0 {
			deps := []string{}
			for range d.rand.IntN(3) {
				deps = append(deps, d.pickTask())
			}
			e.Deps, body["depends_on_task_ids"] = &deps, deps
		}
	}
	if d.rand.IntN(8) == 0 {
		e.Title, body["title"] = "U", "U"
	}
	if d.rand.IntN(5) == 0 {
		e.Comment, body["comment"] = "words", "words"
	}
	got := d.send(kind, "PATCH", d.at+"/tasks/"+id, body)
	d.compare(fmt.Sprintf("EDIT-%s %s %v", kind, id, body), got, d.update(d.actor(kind), id, e))
}

func (d *duel) asks(kind string) {
	status, tasks := one(d.rand, "pending", "pending", "approved", "rejected"), []string{}
	for range 1 + d.rand.IntN(2) {
		tasks = append(tasks, d.pickTask())
	}
	got := d.send(kind, "POST", d.at+"/approvals", map[string]any{
		"action_type": "a", "confidence": 80, "lead_reasoning": "r", "status": status, "task_ids": tasks,
	})
	made, want := d.request(d.actor(kind), status, tasks)
	if d.compare(fmt.Sprintf("ASK %s %s %v", kind, status, tasks), got, want) {
		id := got.text(d.t, "id")
		d.approvals[id], d.made = &made, append(d.made, id)
	}
}

// seen is the board as the API shows it, in the lines of the model.
func (d *duel) seen() map[string]string {
	d.t.Helper()
	lines := map[string]string{}
	for _, item := range d.pages("/tasks") {
		assignee, _ := item["assigned_agent_id"].(string)
		lines[item["id"].(string)] = taskLine(item["status"].(string), assignee, item["in_progress_at"] != nil,
			texts(item["depends_on_task_ids"]), texts(item["blocked_by_task_ids"]))
	}
	for _, item := range d.pages("/approvals") {
		lines[item["id"].(string)] = item["status"].(string) + " of " + strings.Join(texts(item["task_ids"]), " ")
	}
	return lines
}

func (d *duel) pages(path string) (all []map[string]any) {
	d.t.Helper()
	for {
		page := items(d.t, d.must("Ow", "GET", fmt.Sprintf("%s%s?offset=%d", d.at, path, len(all)), ""))
		for _, item := range page {
			all = append(all, item.(map[string]any))
		}
		if len(page) < 200 {
			return all
		}
	}
}

func texts(list any) []string {
	kept := []string{}
	for _, id := range list.([]any) {
		kept = append(kept, id.(string))
	}
	return kept
}

// TestModel: whatever is asked in whatever order, the API answers and shows
// what the model says.
func TestModel(t *testing.T) {
	t.Parallel()
	for seed := range rounds(t, 2) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			d := newDuel(t, seed)
			for range 350 {
				d.play()
				if diff := cmp.Diff(d.shown(), d.seen()); diff != "" {
					t.Errorf("step %d (-model +API)\n%s", d.step, diff)
				}
				if t.Failed() {
					break
				}
			}
			t.Log(d.asked)
		})
	}
}
