package httpapi

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const dashboard = v1 + "/metrics/dashboard"

// curve is one figure of a dashboard, its steps as "period value".
func (a answer) curve(t *testing.T, path string, figures ...string) (points []string) {
	t.Helper()
	for _, p := range a.value(t, path+"/points").([]any) {
		point := p.(map[string]any)
		text := strings.TrimSuffix(point["period"].(string), ":00:00")
		for _, f := range figures {
			text += fmt.Sprintf(" %.3g", point[f])
		}
		points = append(points, text)
	}
	return points
}

// until sets the clock forward to a moment.
func (n *node) until(moment time.Time) { n.clock.pass(moment.Sub(n.clock.Now())) }

// working is a tenant with a week of work behind it.
func working(t *testing.T) (n *node, x *tenant) {
	t.Helper()
	n = startNode(t, nodeConfig{})
	monday := time.Date(2027, 3, 1, 10, 0, 0, 0, time.UTC)
	n.until(monday)
	x = n.tenant("acme")
	tasks := v1 + "/boards/" + x.board + "/tasks/"
	moves := func(id, status string) { t.Helper(); x.must("Ow", "PATCH", tasks+id, `{"status":"`+status+`"}`) }
	x.must("Ow", "PATCH", v1+"/boards/"+x.board, `{"require_approval_for_done":false}`)
	gone, back := x.newTask(x.board, "gone"), x.newTask(x.board, "back")
	x.newTask(x.other, "elsewhere")
	x.must("Le", "POST", v1+"/agent/heartbeat", "")
	n.until(monday.Add(time.Hour))
	moves(x.task, "in_progress")
	n.until(monday.Add(3 * time.Hour))
	moves(x.task, "review") // after two hours
	moves(gone, "in_progress")
	n.until(monday.Add(9 * time.Hour))
	moves(gone, "done")                 // after six
	n.until(monday.Add(81 * time.Hour)) // Thursday, 19 h
	moves(x.task, "done")
	moves(back, "in_progress")
	n.until(monday.Add(82 * time.Hour))
	moves(back, "inbox") // unfinished
	x.must("Ow", "PATCH", tasks+gone, `{"title":"done long ago"}`)
	x.must("Ow", "DELETE", tasks+gone, "")
	x.must("Wo", "POST", v1+"/agent/heartbeat", "")
	n.until(monday.Add(82*time.Hour + 10*time.Minute))
	return n, x
}

// TestDashboard: what happened counts when it happened, whatever became of the
// task since.
func TestDashboard(t *testing.T) {
	t.Parallel()
	n, x := working(t)
	a := x.must("Ow", "GET", dashboard+"?range_key=7d", "")
	for path, want := range map[string][]string{
		"throughput/primary": {"2027-02-25T00 0", "26T00 0", "27T00 0", "28T00 0", "2027-03-01T00 1", "02T00 0", "03T00 0", "04T00 1"},
		"cycle_time/primary": {"2027-02-25T00 0", "26T00 0", "27T00 0", "28T00 0", "2027-03-01T00 4", "02T00 0", "03T00 0", "04T00 0"},
		"error_rate/primary": {"2027-02-25T00 0", "26T00 0", "27T00 0", "28T00 0", "2027-03-01T00 0", "02T00 0", "03T00 0", "04T00 0"},
		"throughput/comparison": {
			"2027-02-18T00 0", "19T00 0", "20T00 0", "21T00 0", "22T00 0", "23T00 0", "24T00 0", "25T00 0",
		},
	} {
		checkCurve(t, path, want, a.curve(t, path, "value"))
	}
	checkCurve(t, "wip", []string{
		"2027-02-25T00 0 0 0 0", "26T00 0 0 0 0", "27T00 0 0 0 0", "28T00 0 0 0 0",
		"2027-03-01T00 2 0 1 1", "02T00 2 0 1 1", "03T00 2 0 1 1", "04T00 2 0 0 1",
	}, a.curve(t, "wip/primary", "inbox", "in_progress", "review", "done"))
	kpis := a.value(t, "kpis").(map[string]any)
	if median, _ := kpis["median_cycle_time_hours_7d"].(float64); median < 3.99 || median > 4.01 {
		t.Errorf("the median is %v", kpis["median_cycle_time_hours_7d"])
	}
	delete(kpis, "median_cycle_time_hours_7d")
	if diff := cmp.Diff(map[string]any{
		"active_agents": 2., "tasks_in_progress": 0., "inbox_tasks": 2., "in_progress_tasks": 0., "review_tasks": 0., "done_tasks": 1., "error_rate_pct": 0.,
	}, kpis); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if a.text(t, "range") != "7d" || a.text(t, "wip/comparison/bucket") != "day" || a.text(t, "cycle_time/primary/range") != "7d" ||
		!strings.HasPrefix(a.text(t, "generated_at"), "2027-03-04T20:10:") || !strings.Contains(a.body, `"error_rate_pct":0.0`) {
		t.Error(a.body)
	}

	// The windows meet on Monday at 20 h, between the two completions.
	a = x.must("Ow", "GET", dashboard+"?range_key=3d", "")
	checkCurve(t, "3d", []string{"2027-03-01T00 0", "02T00 0", "03T00 0", "04T00 1"}, a.curve(t, "throughput/primary", "value"))
	checkCurve(t, "3d before", []string{"2027-02-26T00 0", "27T00 0", "28T00 0", "2027-03-01T00 1"}, a.curve(t, "throughput/comparison", "value"))
	checkCurve(t, "3d before", []string{"2027-02-26T00 0 0", "27T00 0 0", "28T00 0 0", "2027-03-01T00 1 1"}, a.curve(t, "wip/comparison", "review", "done"))

	a = x.must("Ow", "GET", dashboard, "") // 24h
	hours := a.curve(t, "throughput/primary", "value")
	if len(hours) != 25 || hours[0] != "2027-03-03T20 0" || hours[23] != "2027-03-04T19 1" || hours[24] != "2027-03-04T20 0" {
		t.Error(hours)
	}
	if a.value(t, "kpis/active_agents") != 1. || a.value(t, "kpis/median_cycle_time_hours_7d") == nil {
		t.Errorf("of a day: %v", a.value(t, "kpis"))
	}
	if months := x.must("Ow", "GET", dashboard+"?range_key=1y", "").curve(t, "throughput/primary", "value"); len(months) != 13 || months[12] != "2027-03-01T00 2" {
		t.Error(months)
	}
	if asked := n.sql.during(func() { x.must("Ow", "GET", dashboard, "") }); len(asked) > 5 {
		t.Errorf("%d statements:\n%s", len(asked), strings.Join(asked, "\n"))
	}
	n.until(time.Date(2027, 3, 9, 0, 0, 0, 0, time.UTC))
	a = x.must("Ow", "GET", dashboard+"?range_key=3m", "")
	weeks := a.curve(t, "throughput/primary", "value")
	if len(weeks) != 14 || weeks[12] != "2027-03-01T00 2" || weeks[13] != "2027-03-08T00 0" || a.value(t, "kpis/median_cycle_time_hours_7d") != nil {
		t.Error(weeks, a.value(t, "kpis"))
	}
}

// checkCurve compares points; wanted periods may leave out what the one before
// says.
func checkCurve(t *testing.T, name string, want, got []string) {
	t.Helper()
	month := ""
	for i, w := range want {
		if period, _, _ := strings.Cut(w, " "); len(period) > len("01T00") {
			month = w[:len("2027-03-")]
		} else {
			want[i] = month + w
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s: -want +got\n%s", name, diff)
	}
}

// TestDashboardScope: boards that the caller may read, one of them, those of a
// group; what is deleted is gone.
func TestDashboardScope(t *testing.T) {
	t.Parallel()
	n, x := working(t)
	y := n.tenant("other")
	group := x.must("Ow", "POST", v1+"/board-groups", `{"name":"G","slug":"g"}`).text(t, "id")
	x.must("Ow", "PATCH", v1+"/boards/"+x.board, `{"board_group_id":"`+group+`"}`)
	nobody := "00000000-0000-4000-8000-000000000007"
	for _, want := range []struct {
		who, query string
		status     int
		inbox      float64
	}{
		{"Ow", "", 200, 2},
		{"Ow", "?board_id=" + x.board, 200, 1},
		{"Ow", "?group_id=" + group, 200, 1},
		{"Ow", "?group_id=" + nobody, 200, 0},
		{"Ow", "?group_id=" + group + "&board_id=" + x.board, 200, 1},
		{"Ow", "?group_id=" + group + "&board_id=" + x.other, 200, 0},
		{"Ow", "?board_id=" + y.board, 403, 0},
		{"Ow", "?board_id=" + nobody, 403, 0},
		{"Mr", "", 200, 1},
		{"Mr", "?board_id=" + x.other, 403, 0},
		{"M0", "", 200, 0},
		{"M0", "?board_id=" + x.board, 200, 0},
	} {
		a := x.do(want.who, "GET", dashboard+want.query, "")
		if a.status != want.status || a.status == 200 && a.value(t, "kpis/inbox_tasks") != want.inbox {
			t.Errorf("%s%s: %d %s", want.who, want.query, a.status, a.body)
		}
		if a.status == 200 && len(a.curve(t, "wip/comparison", "done")) != 25 {
			t.Errorf("%s%s: steps are missing: %s", want.who, want.query, a.body)
		}
	}
	for query, want := range map[string]string{
		"range_key=2d":  "Input should be '24h', '3d', '7d', '14d', '1m', '3m', '6m' or '1y'",
		"board_id=none": "Input should be a valid UUID",
	} {
		if a := x.do("Ow", "GET", dashboard+"?"+query, ""); a.status != 422 || !strings.HasPrefix(a.text(t, "detail/0/msg"), want) {
			t.Errorf("%s: %d %s", query, a.status, a.body)
		}
	}
	x.must("Ow", "DELETE", v1+"/boards/"+x.other, "")
	if a := x.must("Ow", "GET", dashboard, ""); a.value(t, "kpis/inbox_tasks") != 1. {
		t.Errorf("a deleted board counts: %v", a.value(t, "kpis"))
	}
}

// TestDashboardApprovals: all that wait are counted, the newest shown.
func TestDashboardApprovals(t *testing.T) {
	t.Parallel()
	n := startNode(t, nodeConfig{})
	x := n.tenant("acme")
	ask := func(fields string) string {
		return x.must("Ow", "POST", v1+"/boards/"+x.board+"/approvals", `{"action_type":"deploy","confidence":80,"lead_reasoning":"r"`+fields+`}`).text(t, "id")
	}
	decided := ask("")
	x.must("Ow", "PATCH", v1+"/boards/"+x.board+"/approvals/"+decided, `{"status":"approved"}`)
	var ids []string
	for range 11 {
		ids = append(ids, ask(""))
	}
	ids = append(ids, ask(`,"task_ids":["`+x.task+`"]`))
	a := x.must("Mr", "GET", dashboard, "")
	if a.value(t, "pending_approvals/total") != 12. {
		t.Error(a.value(t, "pending_approvals"))
	}
	var shown []string
	for _, item := range a.value(t, "pending_approvals/items").([]any) {
		shown = append(shown, item.(map[string]any)["approval_id"].(string))
	}
	slices.Reverse(ids)
	if !slices.Equal(shown, ids[:10]) {
		t.Errorf("shown are %v, want %v", shown, ids[:10])
	}
	want := map[string]any{"approval_id": ids[0], "board_id": x.board, "board_name": "acme board", "action_type": "deploy", "confidence": 80., "task_title": "acme task"}
	first := a.value(t, "pending_approvals/items/0").(map[string]any)
	delete(first, "created_at")
	if diff := cmp.Diff(want, first); diff != "" || !strings.Contains(a.body, `"confidence":80.0`) || a.value(t, "pending_approvals/items/1/task_title") != nil {
		t.Errorf("-want +got\n%s", diff)
	}
	if a := x.must("M0", "GET", dashboard, ""); a.value(t, "pending_approvals/total") != 0. {
		t.Error(a.body)
	}
}
