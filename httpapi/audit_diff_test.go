package httpapi

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"

	"missioncontrol/audit"
)

func (x *tenant) diff(t testing.TB, kind, board, from, to string) (d audit.BoardDiff) {
	t.Helper()
	a := x.must(kind, "GET", v1+"/audit/diff?board_id="+board+"&from="+from+"&to="+to, "")
	if err := json.Unmarshal([]byte(a.body), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// uncompared are the fields of snapshots that a comparison leaves out.
var uncompared = map[string][]string{"agents": {"status", "last_seen_at"}}

// fieldsBetween are the fields that differ between two objects, as "before → after".
func fieldsBetween(kind string, was, is map[string]any) map[string]string {
	changes := map[string]string{}
	for name := range is {
		before, after := said(was[name]), said(is[name])
		if before != after && name != "updated_at" && !slices.Contains(uncompared[kind], name) {
			changes[name] = before + " → " + after
		}
	}
	return changes
}

func said(v any) string {
	b, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		panic(err)
	}
	return string(b)
}

// between is a naive look at two snapshots: what was added and removed, and how
// the rest differs.
func between(kind string, was, is any) map[string]any {
	byID := func(list any) map[string]map[string]any {
		found := map[string]map[string]any{}
		for _, one := range list.([]any) {
			v := one.(map[string]any)
			found[v["id"].(string)] = v
		}
		return found
	}
	old, now, all := byID(was), byID(is), map[string]any{}
	for id, v := range now {
		before, there := old[id]
		if !there {
			all[id] = "added"
		} else if changes := fieldsBetween(kind, before, v); len(changes) > 0 {
			all[id] = changes
		}
	}
	for id := range old {
		if now[id] == nil {
			all[id] = "removed"
		}
	}
	return all
}

// asTold is the same of an answer.
func asTold(t *testing.T, d audit.Differences) map[string]any {
	t.Helper()
	all := map[string]any{}
	for _, v := range d.Added {
		all[v.ID.String()] = "added"
	}
	for _, v := range d.Removed {
		all[v.ID.String()] = "removed"
	}
	for _, v := range d.Changed {
		all[v.ID.String()] = fieldsTold(t, v.Changes)
	}
	return all
}

func fieldsTold(t *testing.T, list []audit.Change) map[string]string {
	t.Helper()
	changes := map[string]string{}
	for _, c := range list {
		changes[c.Field] = said(tree(t, string(c.Before))) + " → " + said(tree(t, string(c.After)))
	}
	return changes
}

// TestAuditDiff: the difference between two moments is that between what reads
// of the past show of them, field by field, and there is none to the same moment.
func TestAuditDiff(t *testing.T) {
	t.Parallel()
	for seed := range rounds(t, 2) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			n := startNode(t, nodeConfig{})
			b := &bustle{tenant: n.tenant("x"), t: t, rand: rand.New(rand.NewPCG(uint64(seed), 5))}
			b.third, b.people = b.newBoard("third"), []string{b.member["Mw"], b.member["Ad"]}
			b.tasks, b.agents = []string{b.task}, []string{b.agent["Wo"], b.agent["Le"], b.agent["Ot"]}
			positions := []string{n.at(n.Store.Head())}
			for i := range 200 {
				b.step()
				if i%8 == 0 {
					positions = append(positions, n.at(n.Store.Head()))
				}
			}
			for i := range positions {
				for _, j := range []int{i, i + 1, i + b.rand.IntN(len(positions)-i)} {
					if j < len(positions) {
						b.checkDiff(positions[i], positions[j])
					}
				}
			}
		})
	}
}

func (b *bustle) checkDiff(from, to string) {
	b.t.Helper()
	at := v1 + "/boards/" + b.board
	whole := func(as string) map[string]any {
		return tree(b.t, b.must("Ow", "GET", pastOf(at+"/snapshot", as), "").body).(map[string]any)
	}
	remembered := func(as string) float64 {
		return b.must("Ow", "GET", pastOf(at+"/memory?limit=1", as), "").value(b.t, "total").(float64)
	}
	was, is, d := whole(from), whole(to), b.diff(b.t, "Ow", b.board, from, to)
	got := map[string]any{
		"board": fieldsTold(b.t, d.Board), "tasks": asTold(b.t, d.Tasks), "agents": asTold(b.t, d.Agents), "approvals": asTold(b.t, d.Approvals),
		"memory": float64(d.Memory.Added),
	}
	want := map[string]any{
		"board": fieldsBetween("board", was["board"].(map[string]any), is["board"].(map[string]any)), "memory": remembered(to) - remembered(from),
	}
	for _, kind := range []string{"tasks", "agents", "approvals"} {
		want[kind] = between(kind, was[kind], is[kind])
	}
	if diff := cmp.Diff(want, got); diff != "" {
		b.t.Fatalf("from %s to %s (-snapshots +diff)\n%s", from, to, diff)
	}
	if from == to && d.Text != "Nothing differs." {
		b.t.Errorf("at %s: %s", from, d.Text)
	}
}

// TestAuditDiffText: a board comes, changes and goes, and the text says so.
func TestAuditDiffText(t *testing.T) {
	t.Parallel()
	n := startNode(t, nodeConfig{})
	x := n.tenant("acme")
	now := func() string { return n.at(n.Store.Head()) }
	before := now()
	board := x.newBoard("Launch")
	task, gone := x.newTask(board, "Write"), x.newTask(board, "Forget")
	agent := x.must("Ow", "POST", v1+"/agents", `{"name":"Ada","board_id":"`+board+`"}`).text(t, "id")
	at, begun := v1+"/boards/"+board, now()
	x.must("Ow", "PATCH", at, `{"objective":"Ship\nit"}`)
	x.must("Ow", "PATCH", at+"/tasks/"+task, `{"title":"Write it","assigned_agent_id":"`+agent+`","status":"in_progress"}`)
	x.must("Ow", "DELETE", at+"/tasks/"+gone, "")
	x.must("Ow", "POST", at+"/approvals", `{"action_type":"deploy","confidence":80,"lead_reasoning":"r"}`)
	x.must("Ow", "POST", at+"/memory", `{"content":"one"}`)
	x.must("Ow", "POST", at+"/memory", `{"content":"two"}`)
	worked := now()
	x.must("Ow", "DELETE", at, "")
	ended := now()

	for _, c := range []struct{ from, to, want string }{
		{"0", before, "Nothing differs."},
		{before, begun, "Board “acme Launch” was created.\nTask “Forget” was added.\nTask “Write” was added.\nAgent “Ada” was added."},
		{begun, worked, "Board “acme Launch”: objective from nothing to “Ship it”.\nTask “Forget” was removed.\n" +
			"Task “Write it”: title from “Write” to “Write it”; status from “inbox” to “in_progress”; assigned agent from nothing to “Ada”; " +
			"in progress at from nothing to “TIME”.\nRequest for approval of “deploy” was added.\n2 entries were added to memory."},
		{worked, ended, "Board “acme Launch” was deleted.\nTask “Write it” was removed.\nRequest for approval of “deploy” was removed.\n" +
			"Agent “Ada” was removed.\n2 entries were removed from memory."},
		{before, ended, "Nothing differs."},
	} {
		d := x.diff(t, "Ad", board, c.from, c.to)
		text := d.Text
		if len(d.Tasks.Changed) > 0 {
			for _, change := range d.Tasks.Changed[0].Changes {
				if change.Field == "in_progress_at" {
					text = strings.Replace(text, strings.Trim(string(change.After), `"`), "TIME", 1)
				}
			}
		}
		if text != c.want {
			t.Errorf("from %s to %s\n%s\nnot\n%s", c.from, c.to, text, c.want)
		}
		if d.From.Exists != (c.from == begun || c.from == worked) || d.To.Exists != (c.to == begun || c.to == worked) {
			t.Errorf("%+v %+v", d.From, d.To)
		}
	}
	d := x.diff(t, "Ow", board, before, begun)
	if d.From.Position != before || d.To.Position != begun || d.From.Time == nil || d.To.Time.Before(*d.From.Time) {
		t.Errorf("%+v %+v", d.From, d.To)
	}
	if changes := fieldsTold(t, d.Board); changes["name"] != `null → "acme Launch"` || changes["objective"] != "" {
		t.Errorf("%v", changes)
	}
	// A time stands for the last event by then.
	byTime := x.diff(t, "Ow", board, d.From.Time.Format(time.RFC3339Nano), d.To.Time.Format(time.RFC3339Nano))
	if diff := cmp.Diff(d, byTime); diff != "" {
		t.Errorf("-by position +by time\n%s", diff)
	}
}

// TestAuditDiffRefusals: only admins of the board's organization compare it,
// and only moments that there were.
func TestAuditDiffRefusals(t *testing.T) {
	t.Parallel()
	n := startNode(t, nodeConfig{})
	x, y := n.tenant("acme"), n.tenant("zebra")
	n.Operators = operators(t, y.userOf(t, "M0"))
	path := v1 + "/audit/diff?board_id=" + x.board
	check := func(z *tenant, kind, query string, status int) {
		t.Helper()
		if a := z.do(kind, "GET", query, ""); a.status != status {
			t.Errorf("%s of %s: %s: %d %s", kind, z.name, query, a.status, a.body)
		}
	}
	for kind, status := range map[string]int{"Ow": 200, "Ad": 200, "Mw": 403, "Mr": 403, "Le": 401, "An": 401} {
		check(x, kind, path+"&from=1", status)
	}
	check(y, "Ow", path+"&from=1", 404)
	check(y, "M0", path+"&from=1", 404)
	check(x, "Ow", v1+"/audit/diff?from=1&board_id="+x.task, 404)
	head := n.Store.Head()
	for _, query := range []string{
		"", "&from=", "&from=x", "&from=1&to=x", "&from=-1", "&from=2&to=1", fmt.Sprintf("&from=1&to=%d", head+1000), fmt.Sprintf("&from=%d", head+1000),
		"&from=2001-01-01&to=2999-01-01T00:00:00Z", "&from=" + x.board + "-1",
	} {
		check(x, "Ow", path+query, 422)
	}
	check(x, "Ow", path+"&from=2001-01-01&to="+n.at(head), 200)
	check(x, "Ow", v1+"/audit/diff?from=1&board_id=x", 422)
	check(x, "Ow", v1+"/audit/diff?from=1", 422)
}
