package httpapi

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// items are those of a list; a plain list is its own items.
func items(t *testing.T, a answer) []any {
	t.Helper()
	list, ok := tree(t, a.body).([]any)
	if !ok {
		list, ok = a.value(t, "items").([]any)
	}
	if !ok {
		t.Fatalf("no list: %s", a.body)
	}
	return list
}

// TestBoardSnapshot: it shows what the lists of the board show, and on the
// cards of tasks what is told nowhere else.
func TestBoardSnapshot(t *testing.T) {
	t.Parallel()
	n := startNode(t, nodeConfig{})
	x := n.tenant("x")
	at := v1 + "/boards/" + x.board
	tag := x.must("Ow", "POST", v1+"/tags", `{"name":"Urgent"}`)
	x.must("Ow", "POST", v1+"/organizations/me/custom-fields",
		`{"field_key":"points","field_type":"integer","default_value":1,"board_ids":["`+x.board+`"]}`)
	second := x.must("Ow", "POST", at+"/tasks", `{"title":"second","tag_ids":["`+tag.text(t, "id")+`"],"depends_on_task_ids":["`+x.task+`"],
		"custom_field_values":{"points":5}}`).text(t, "id")
	third := x.must("Ow", "POST", at+"/tasks", `{"title":"third","assigned_agent_id":"`+x.agent["Wo"]+`"}`).text(t, "id")
	ask := func(fields string) string {
		return x.must("Ow", "POST", at+"/approvals", `{"action_type":"a","confidence":80,"lead_reasoning":"r",`+fields+`}`).text(t, "id")
	}
	decided := ask(`"task_ids":["` + second + `","` + third + `"]`)
	x.must("Ow", "PATCH", at+"/approvals/"+decided, `{"status":"rejected"}`)
	ask(`"task_id":"` + third + `"`)
	ask(`"payload":{"k":[1]}`)
	for _, content := range []string{"hello", " ", "bye"} {
		x.do("Ow", "POST", at+"/memory", `{"content":"`+content+`","tags":["chat"]}`)
	}
	x.must("Wo", "POST", at+"/memory", `{"content":"a note"}`)
	x.must("Wo", "POST", v1+"/agent/heartbeat", "")

	shown := x.must("Ow", "GET", at+"/snapshot", "")
	cards := items(t, x.must("Ow", "GET", at+"/tasks", ""))
	extra := map[string][3]any{x.task: {nil, 0., 0.}, second: {nil, 1., 0.}, third: {"x Wo", 2., 1.}}
	for _, c := range cards {
		card := c.(map[string]any)
		more := extra[card["id"].(string)]
		card["assignee"], card["approvals_count"], card["approvals_pending_count"] = more[0], more[1], more[2]
	}
	chat := items(t, x.must("Ow", "GET", at+"/memory?is_chat=true", ""))
	slices.Reverse(chat)
	want := map[string]any{
		"board": tree(t, x.must("Ow", "GET", at, "").body), "tasks": cards, "chat_messages": chat,
		"agents":                  items(t, x.must("Ow", "GET", v1+"/agents?board_id="+x.board, "")),
		"approvals":               items(t, x.must("Ow", "GET", at+"/approvals", "")),
		"pending_approvals_count": 2.,
	}
	if diff := cmp.Diff(want, tree(t, shown.body)); diff != "" {
		t.Errorf("-lists +snapshot\n%s", diff)
	}
	for path, want := range map[string]any{
		"tasks/0/title": "third", "tasks/1/title": "second", "tasks/1/is_blocked": true, "tasks/1/tags/0/name": "Urgent",
		"tasks/1/custom_field_values/points": 5., "tasks/0/custom_field_values/points": 1.,
		"agents/0/status": "online", "agents/1/status": "provisioning", "chat_messages/2/content": "bye",
		"approvals/2/task_titles/1": "third",
	} {
		if got := shown.value(t, path); !cmp.Equal(got, want) {
			t.Errorf("%s is %v, want %v", path, got, want)
		}
	}
	for _, kind := range []string{"Mr", "Wo", "Ma"} {
		if a := x.must(kind, "GET", at+"/snapshot", ""); a.body != shown.body {
			t.Errorf("%s sees another board: %s", kind, a.body)
		}
	}
	if a := x.do("Ow", "GET", v1+"/boards/no-uuid/snapshot", ""); a.status != 404 {
		t.Error(a.status, a.body)
	}
}

// TestSnapshotIsolation: nothing of other boards and organizations is in it,
// even where they have the same things.
func TestSnapshotIsolation(t *testing.T) {
	t.Parallel()
	n := startNode(t, nodeConfig{})
	x, y := n.tenant("xenon"), n.tenant("yttrium")
	for _, z := range []*tenant{x, y} {
		for _, board := range []string{z.board, z.other} {
			at := v1 + "/boards/" + board
			tag := z.must("Ow", "POST", v1+"/tags", `{"name":"`+z.name+" "+board+`"}`).text(t, "id")
			z.must("Ow", "POST", v1+"/organizations/me/custom-fields", `{"field_key":"of-`+board+`","board_ids":["`+board+`"]}`)
			task := z.must("Ow", "POST", at+"/tasks", `{"title":"`+z.name+`","tag_ids":["`+tag+`"]}`).text(t, "id")
			z.must("Ow", "POST", at+"/approvals", `{"action_type":"a","confidence":1,"lead_reasoning":"r","task_id":"`+task+`"}`)
			z.must("Ow", "POST", at+"/memory", `{"content":"`+z.name+`","tags":["chat"]}`)
		}
	}
	for _, z := range []*tenant{x, y} {
		other, stranger := z.other, y
		if z == y {
			stranger = x
		}
		a := z.must("Ow", "GET", v1+"/boards/"+z.board+"/snapshot", "")
		for _, mark := range append(stranger.marks(), other, z.agent["Ot"], z.agent["Ma"]) {
			if strings.Contains(a.body, mark) {
				t.Errorf("the board of %s shows %s: %s", z.name, mark, a.body)
			}
		}
		if tasks, pending := len(a.value(t, "tasks").([]any)), a.value(t, "pending_approvals_count"); tasks != 2 || pending != 1. {
			t.Errorf("%d tasks and %v that wait: %s", tasks, pending, a.body)
		}
		if a := stranger.do("Ow", "GET", v1+"/boards/"+z.board+"/snapshot", ""); a.status != 403 {
			t.Errorf("%s reads the board of %s: %d", stranger.name, z.name, a.status)
		}
	}
}

// TestSnapshotStatements: it takes the same statements however much there is.
func TestSnapshotStatements(t *testing.T) {
	t.Parallel()
	n := startNode(t, nodeConfig{})
	x := n.tenant("x")
	at := v1 + "/boards/" + x.board
	asked := func() int {
		x.must("Ow", "GET", at+"/snapshot", "") // so that what is remembered is remembered
		return len(n.sql.during(func() { x.must("Ow", "GET", at+"/snapshot", "") }))
	}
	before := asked()
	last := x.task
	for i := range 15 {
		tag := x.must("Ow", "POST", v1+"/tags", fmt.Sprintf(`{"name":"tag %d"}`, i)).text(t, "id")
		last = x.must("Ow", "POST", at+"/tasks", `{"title":"T","tag_ids":["`+tag+`"],"depends_on_task_ids":["`+last+`"]}`).text(t, "id")
		x.must("Ow", "POST", at+"/approvals", `{"action_type":"a","confidence":1,"lead_reasoning":"r","task_id":"`+last+`"}`)
		x.must("Ow", "POST", at+"/memory", `{"content":"c","tags":["chat"]}`)
	}
	x.newAgent("another", x.board, false)
	if after := asked(); after != before || after > 8 {
		t.Errorf("%d statements, and %d with more on the board", before, after)
	}
}

// TestSnapshotLimits: of requests and messages the newest 200 are shown, and
// every request that waits, for somebody has to decide it.
func TestSnapshotLimits(t *testing.T) {
	t.Parallel()
	n := startNode(t, nodeConfig{})
	x := n.tenant("x")
	at := v1 + "/boards/" + x.board
	for i := range 203 {
		status := "approved"
		if i == 1 {
			status = "pending"
		}
		x.must("Ow", "POST", at+"/approvals", fmt.Sprintf(`{"action_type":"%d","confidence":1,"lead_reasoning":"r","status":"%s"}`, i, status))
		x.must("Ow", "POST", at+"/memory", fmt.Sprintf(`{"content":"%d","tags":["chat"]}`, i))
	}
	a := x.must("Ow", "GET", at+"/snapshot", "")
	if n := len(a.value(t, "approvals").([]any)); n != 201 || a.value(t, "pending_approvals_count") != 1. {
		t.Errorf("%d requests", n)
	}
	if n := len(a.value(t, "chat_messages").([]any)); n != 200 {
		t.Errorf("%d messages", n)
	}
	for path, want := range map[string]string{
		"approvals/0/action_type": "202", "approvals/199/action_type": "3", "approvals/200/action_type": "1",
		"chat_messages/0/content": "3", "chat_messages/199/content": "202",
	} {
		if got := a.text(t, path); got != want {
			t.Errorf("%s is %s, want %s", path, got, want)
		}
	}
}

// TestSnapshotIsOfOneMoment: while requests come and are decided, the counts on
// the cards are those of the requests beside them.
func TestSnapshotIsOfOneMoment(t *testing.T) {
	t.Parallel()
	n := startNode(t, nodeConfig{})
	x := n.tenant("x")
	at := v1 + "/boards/" + x.board
	done, times := make(chan error, 1), rounds(t, 40)
	go func() {
		for range times {
			made, err := n.try(t.Context(), "POST", at+"/approvals",
				strings.NewReader(`{"action_type":"a","confidence":1,"lead_reasoning":"r","task_id":"`+x.task+`"}`), x.as("Ow")...)
			if err == nil {
				_, err = n.try(t.Context(), "PATCH", at+"/approvals/"+made.value0("id"), strings.NewReader(`{"status":"approved"}`), x.as("Ow")...)
			}
			if err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	for running := true; running; {
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
			running = false
		default:
		}
		a := x.must("Ow", "GET", at+"/snapshot", "")
		waiting := 0.
		for _, one := range a.value(t, "approvals").([]any) {
			if one.(map[string]any)["status"] == "pending" {
				waiting++
			}
		}
		if all := float64(len(a.value(t, "approvals").([]any))); a.value(t, "tasks/0/approvals_count") != all ||
			a.value(t, "tasks/0/approvals_pending_count") != waiting || a.value(t, "pending_approvals_count") != waiting {
			t.Fatalf("the counts are of another moment: %s", a.body)
		}
	}
}

// TestAgentTags: agents see the tags of their organization, by name.
func TestAgentTags(t *testing.T) {
	t.Parallel()
	n := startNode(t, nodeConfig{})
	x, y := n.tenant("x"), n.tenant("y")
	path := v1 + "/agent/boards/" + x.board + "/tags"
	if a := x.must("Wo", "GET", path, ""); a.body != "[]" {
		t.Error(a.body)
	}
	y.must("Ow", "POST", v1+"/tags", `{"name":"theirs"}`)
	want := []any{nil, nil, nil}
	for i, name := range map[int]string{0: "Alpha", 1: "beta", 2: "Gamma"} {
		made := x.must("Ow", "POST", v1+"/tags", `{"name":"`+name+`","color":"00ff00","description":"d"}`)
		want[i] = map[string]any{"id": made.text(t, "id"), "name": name, "slug": strings.ToLower(name), "color": "00ff00"}
	}
	for _, kind := range []string{"Le", "Wo", "Ma"} {
		if diff := cmp.Diff(want, items(t, x.must(kind, "GET", path, ""))); diff != "" {
			t.Errorf("%s sees (-wanted +shown)\n%s", kind, diff)
		}
	}
	if a := x.do("Wo", "GET", v1+"/agent/boards/no-uuid/tags", ""); a.status != 404 {
		t.Error(a.status, a.body)
	}
}
