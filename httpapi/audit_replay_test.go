package httpapi

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"

	"missioncontrol/audit"
)

const auditReplay = v1 + "/audit/replay"

// shows reads the entries of a replay up to its end.
func (f *feed) shows(n *node) (entries []audit.Entry) {
	f.t.Helper()
	for {
		m := f.frame()
		if m.event == "end" {
			return withoutReads(entries)
		}
		var e audit.Entry
		if err := json.Unmarshal([]byte(m.data), &e); err != nil {
			f.t.Fatal(err)
		}
		if m.event != "audit" || m.id != n.at(e.Seq) {
			f.t.Fatalf("entry %d is shown as %s with id %s", e.Seq, m.event, m.id)
		}
		entries = append(entries, e)
	}
}

// TestAuditReplay: as fast as it can be read, a replay is the list, from
// wherever one goes on, whatever the filters.
func TestAuditReplay(t *testing.T) {
	t.Parallel()
	n := startNode(t, nodeConfig{})
	x, y := n.tenant("acme"), n.tenant("zebra")
	x.busy()
	y.busy()
	n.indexed()
	to := fmt.Sprint(n.Store.Head())
	for _, query := range []url.Values{
		{}, {"action": {"task."}}, {"actor_id": {x.agent["Wo"]}}, {"board_id": {x.other}, "actor_type": {"user"}}, {"ref": {x.task}, "from": {"40"}}, {"outcome": {"denied"}},
	} {
		query.Set("to", to)
		query.Set("order", "asc")
		want := x.whole(t, "Ow", query)
		query.Del("order")
		path := auditReplay + "?" + query.Encode()
		got := x.follow("Ow", path).shows(n)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%s (-list +replay)\n%s", path, diff)
		}
		for i := 0; i < len(want)-1; i += 1 + len(want)/5 {
			rest := x.n.follow(path+"&speed=1000x", x.as("Ow")[0], "Last-Event-ID: "+n.at(want[i].Seq)).shows(n)
			if diff := cmp.Diff(want[i+1:], rest); diff != "" {
				t.Errorf("%s after %d (-list +replay)\n%s", path, want[i].Seq, diff)
			}
		}
		if a := x.do("Ow", "GET", path+"&last_event_id="+n.at(n.Store.Head()), ""); a.status != http.StatusNoContent {
			t.Errorf("who has seen everything is answered %d %s", a.status, a.body)
		}
	}
	for query, status := range map[string]int{"?speed=0": 422, "?speed=1001x": 422, "?speed=NaN": 422, "?speed=fast": 422, "?from=x": 422} {
		if a := x.do("Ow", "GET", auditReplay+query, ""); a.status != status {
			t.Errorf("%s: %d %s", query, a.status, a.body)
		}
	}
}

// TestAuditReplayLive: without an end a replay goes on with what comes, for as
// long as its caller administers the organization.
func TestAuditReplayLive(t *testing.T) {
	t.Parallel()
	n := startNode(t, nodeConfig{})
	x, y := n.tenant("acme"), n.tenant("zebra")
	n.indexed()
	from := fmt.Sprint("?from=", n.Store.Head()+1)
	f, ofTasks := x.follow("Ad", auditReplay+from+"&action=task."), x.follow("Ad", auditReplay+from+"&action=task.created")
	y.newTask(y.board, "elsewhere")
	for i := range 3 {
		said := x.says("Ow", x.board, x.task, fmt.Sprint(i))
		if m := f.frame(); m.id != said || !strings.Contains(m.data, "commented on task “acme task”.") {
			t.Errorf("%+v, want %s", m, said)
		}
		y.newTask(y.board, "elsewhere")
		made := x.must("Ow", "POST", v1+"/boards/"+x.board+"/tasks", `{"title":"mine"}`).header.Get("Log-Position")
		if m := ofTasks.frame(); m.id != made {
			t.Errorf("%+v, want %s", m, made)
		}
		if m := f.frame(); m.id != made {
			t.Errorf("%+v, want %s", m, made)
		}
	}
	x.must("Ow", "PATCH", v1+"/organizations/me/members/"+x.member["Ad"], `{"role":"member"}`)
	ofTasks.ends()
	for {
		if _, err := f.lines.ReadString('\n'); err != nil {
			return // with what was recorded until then, or without
		}
	}
}
