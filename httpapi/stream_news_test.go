package httpapi

import (
	"fmt"
	"slices"
	"testing"
)

// TestNewsOnTheTaskStream: what streams never carried comes as types that
// today's clients do not know, so that they pass it over.
func TestNewsOnTheTaskStream(t *testing.T) {
	t.Parallel()
	n := startNode(t, nodeConfig{})
	x := n.tenant("acme")
	at, labels := v1+"/boards/"+x.board, v1+"/organizations/me/custom-fields"
	x.must("Ow", "PATCH", at, `{"require_approval_for_done":false}`)
	make := func(body string) string { return x.must("Ow", "POST", at+"/tasks", body).text(t, "id") }
	first := make(`{"title":"first"}`)
	second := make(`{"title":"second","depends_on_task_ids":["` + first + `"]}`)
	tag := x.must("Ow", "POST", v1+"/tags", `{"name":"x"}`).text(t, "id")
	make(`{"title":"tagged","tag_ids":["` + tag + `"]}`)
	field := x.must("Ow", "POST", labels, `{"field_key":"k","board_ids":["`+x.board+`"]}`).text(t, "id")
	f := x.follow("Wo", at+"/tasks/stream")
	f.next()

	x.must("Ow", "PATCH", at+"/tasks/"+first, `{"status":"done"}`)
	x.must("Ow", "PATCH", at+"/tasks/"+second, `{"status":"in_progress"}`)
	x.must("Ow", "PATCH", at+"/tasks/"+first, `{"status":"inbox"}`)
	x.must("Ow", "DELETE", at+"/tasks/"+first, "")
	x.must("Ow", "PATCH", v1+"/tags/"+tag, `{"name":"y"}`)
	x.must("Ow", "DELETE", v1+"/tags/"+tag, "")
	x.must("Ow", "PATCH", labels+"/"+field, `{"label":"K"}`)
	x.must("Ow", "DELETE", labels+"/"+field, "")
	x.must("Ow", "PATCH", at, `{"name":"Renamed"}`)
	x.must("Ow", "DELETE", at, "")
	for i, want := range []string{
		"task.status_changed task first done", "task.updated task second inbox",
		"task.status_changed task second in_progress",
		"task.status_changed task first inbox", "task.status_changed task second inbox",
		"task.updated task second inbox", "task.deleted",
		"tag.updated tag y", "task.updated task tagged inbox", "tag.deleted",
		"field.updated custom_field K", "field.deleted",
		"board.updated board Renamed", "board.deleted",
	} {
		m := f.frame()
		got := fmt.Sprint(m.value(t, "type"))
		for _, shown := range [][]string{{"task", "title", "status"}, {"tag", "name"}, {"custom_field", "label"}, {"board", "name"}} {
			view, _ := m.value(t, shown[0]).(map[string]any)
			if view == nil {
				continue
			}
			got += " " + shown[0]
			for _, key := range shown[1:] {
				got += fmt.Sprint(" ", view[key])
			}
		}
		if got != want || m.event != "task" {
			t.Errorf("message %d, named %s: %s, want %s", i, m.event, got, want)
		}
		if waits := slices.Contains([]int{4}, i); m.value(t, "task") != nil && m.value(t, "task/is_blocked") != waits {
			t.Errorf("message %d: %s", i, m.data)
		}
	}
	f.ends()
}

// TestNewsOnTheApprovalStream: a request that goes with its task, or loses one
// of several.
func TestNewsOnTheApprovalStream(t *testing.T) {
	t.Parallel()
	n := startNode(t, nodeConfig{})
	x := n.tenant("acme")
	at := v1 + "/boards/" + x.board
	other := x.must("Ow", "POST", at+"/tasks", `{"title":"other"}`).text(t, "id")
	alone := x.must("Wo", "POST", at+"/approvals", asksFor("pending", x.task)).text(t, "id")
	x.must("Ow", "POST", at+"/approvals", asksFor("approved", x.task, other))
	f := x.follow("Mr", at+"/approvals/stream")
	f.next()
	x.must("Ow", "DELETE", at+"/tasks/"+x.task, "")
	if m := f.frame(); m.data != `{"type":"approval.deleted","approval_id":"`+alone+`","pending_approvals_count":0,"task_counts":{"task_id":"`+x.task+`","approvals_count":1,"approvals_pending_count":0}}` {
		t.Error(m.data)
	}
	m := f.frame()
	if m.value(t, "approval/task_id") != other || len(m.value(t, "approval/task_ids").([]any)) != 1 {
		t.Error(m.data)
	}
}
