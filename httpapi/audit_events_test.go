package httpapi

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"missioncontrol/audit"
	"missioncontrol/auth"
	"missioncontrol/domain"
	"missioncontrol/eventstore"
)

const auditEvents = v1 + "/audit/events"

// whole reads a list to its end.
func (x *tenant) whole(t testing.TB, kind string, query url.Values) (entries []audit.Entry) {
	t.Helper()
	query = url.Values(cloneQuery(query))
	for range 1000 {
		part := x.part(t, kind, query)
		entries = append(entries, withoutReads(part.Items)...)
		if part.NextCursor == nil {
			return entries
		}
		query.Set("cursor", *part.NextCursor)
	}
	t.Fatal("the list does not end")
	return nil
}

// withoutReads leaves out what the tests themselves record by reading.
func withoutReads(entries []audit.Entry) []audit.Entry {
	return slices.DeleteFunc(entries, func(e audit.Entry) bool { return e.Type == "audit.read" })
}

func cloneQuery(query url.Values) url.Values {
	clone := url.Values{}
	for name, values := range query {
		clone[name] = slices.Clone(values)
	}
	return clone
}

func (x *tenant) part(t testing.TB, kind string, query url.Values) (part auditPage) {
	t.Helper()
	a := x.must(kind, "GET", auditEvents+"?"+query.Encode(), "")
	if err := json.Unmarshal([]byte(a.body), &part); err != nil {
		t.Fatal(err)
	}
	return part
}

// indexed waits until the trail shows all that there is.
func (n *node) indexed() {
	n.t.Helper()
	if err := n.Read.Indexed.Reach(n.t.Context(), n.Store.Head()); err != nil {
		n.t.Fatal(err)
	}
}

// busy does a little of everything.
func (x *tenant) busy() {
	x.n.t.Helper()
	tasks := v1 + "/boards/" + x.board + "/tasks"
	for i := range 3 {
		id := x.newTask(x.other, fmt.Sprint("more ", i))
		x.must("Ow", "PATCH", v1+"/boards/"+x.other+"/tasks/"+id, `{"title":"changed","priority":"high"}`)
	}
	x.says("Wo", x.board, x.task, "hello")
	asked := x.must("Le", "POST", v1+"/boards/"+x.board+"/approvals", `{"action_type":"deploy","confidence":80,"lead_reasoning":"r","task_ids":["`+x.task+`"]}`).text(x.n.t, "id")
	x.must("Ow", "PATCH", v1+"/boards/"+x.board+"/approvals/"+asked, `{"status":"approved"}`)
	x.must("Ow", "PATCH", tasks+"/"+x.task, `{"status":"in_progress","assigned_agent_id":"`+x.agent["Wo"]+`"}`)
	x.must("Ad", "PATCH", tasks+"/"+x.task, `{"title":"Ship it"}`)
	x.must("Ow", "PUT", v1+"/organizations/me/members/"+x.member["Mr"]+"/access", `{"all_boards_read":true}`)
	x.must("Ow", "PATCH", v1+"/organizations/me/members/"+x.member["M0"], `{"role":"admin"}`)
	tag := x.must("Ow", "POST", v1+"/tags", `{"name":"Tag"}`).text(x.n.t, "id")
	x.must("Ow", "PATCH", tasks+"/"+x.task, `{"tag_ids":["`+tag+`"]}`)
	x.must("Ow", "DELETE", v1+"/tags/"+tag, "")
}

// everyEvent is the log itself.
func (n *node) everyEvent(t testing.TB) []*eventstore.Recorded {
	t.Helper()
	all, err := n.Store.Range(t.Context(), 0, n.Store.Head(), 100_000)
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(all, func(r *eventstore.Recorded) bool { return r.Type == "audit.read" })
}

// askedFor is a filter as a query, and as a naive look at an event.
type askedFor struct {
	query url.Values
	keep  []func(*eventstore.Recorded) bool
}

func (f *askedFor) add(name, value string, keep func(*eventstore.Recorded) bool) {
	f.query.Set(name, value)
	f.keep = append(f.keep, keep)
}

// drawFilter draws filters that some entries of the log pass.
func drawFilter(rt *rapid.T, n *node, all []*eventstore.Recorded) askedFor {
	f := askedFor{query: url.Values{}}
	some := func(name string) *eventstore.Recorded { return rapid.SampledFrom(all).Draw(rt, name) }
	if rapid.IntRange(0, 3).Draw(rt, "by actor") == 0 {
		id := some("actor").Actor.ID
		f.add("actor_id", id.String(), func(r *eventstore.Recorded) bool { return r.Actor.ID == id && id != uuid.Nil })
	}
	if rapid.IntRange(0, 4).Draw(rt, "by actor type") == 0 {
		kind := rapid.SampledFrom([]domain.ActorType{"user", "agent", "system", "anonymous"}).Draw(rt, "actor type")
		f.add("actor_type", string(kind), func(r *eventstore.Recorded) bool { return r.Actor.Type == kind })
	}
	switch rapid.IntRange(0, 5).Draw(rt, "by action") {
	case 0:
		action := some("type").Type
		f.add("action", action, func(r *eventstore.Recorded) bool { return r.Type == action })
	case 1:
		prefix, _, _ := strings.Cut(some("prefix").Type, ".")
		f.add("action", prefix+".", func(r *eventstore.Recorded) bool { return strings.HasPrefix(r.Type, prefix+".") })
	}
	if rapid.IntRange(0, 3).Draw(rt, "by ref") == 0 {
		id := rapid.SampledFrom(some("ref").Refs).Draw(rt, "one of its refs").ID
		f.add("ref", id.String(), func(r *eventstore.Recorded) bool {
			return slices.ContainsFunc(r.Refs, func(ref domain.Ref) bool { return ref.ID == id })
		})
	}
	if rapid.IntRange(0, 3).Draw(rt, "by board") == 0 {
		if id := boardIn(some("board")); id != uuid.Nil {
			f.add("board_id", id.String(), func(r *eventstore.Recorded) bool { return boardIn(r) == id })
		}
	}
	if rapid.IntRange(0, 5).Draw(rt, "by outcome") == 0 {
		outcome := rapid.SampledFrom([]string{"ok", "denied", "failed"}).Draw(rt, "outcome")
		f.add("outcome", outcome, func(r *eventstore.Recorded) bool { return r.Outcome == outcome })
	}
	if rapid.IntRange(0, 6).Draw(rt, "by request") == 0 {
		if id := some("request").RequestID; id != "" {
			f.add("request_id", id, func(r *eventstore.Recorded) bool { return r.RequestID == id })
		}
	}
	bound := func(name string, keep func(r, bound *eventstore.Recorded) (byPosition, byTime bool)) {
		b := some(name)
		switch rapid.IntRange(0, 8).Draw(rt, "how "+name) {
		case 0:
			f.add(name, fmt.Sprint(b.Seq), func(r *eventstore.Recorded) bool { ok, _ := keep(r, b); return ok })
		case 1:
			f.add(name, n.at(b.Seq), func(r *eventstore.Recorded) bool { ok, _ := keep(r, b); return ok })
		case 2:
			f.add(name, b.Recorded.Format("2006-01-02T15:04:05.000000Z"), func(r *eventstore.Recorded) bool { _, ok := keep(r, b); return ok })
		}
	}
	bound("from", func(r, b *eventstore.Recorded) (bool, bool) { return r.Seq >= b.Seq, !r.Recorded.Before(b.Recorded) })
	bound("to", func(r, b *eventstore.Recorded) (bool, bool) { return r.Seq <= b.Seq, !r.Recorded.After(b.Recorded) })
	return f
}

// boardIn is the one board among an event's refs.
func boardIn(r *eventstore.Recorded) uuid.UUID {
	boards := map[uuid.UUID]bool{}
	for _, ref := range r.Refs {
		if ref.Kind == "board" {
			boards[ref.ID] = true
		}
	}
	for id := range boards {
		if len(boards) == 1 {
			return id
		}
	}
	return uuid.Nil
}

// TestAuditEvents: whatever the filters, order and size of the parts, the list
// is what a look at every event of the log would keep, of one's own
// organization alone.
func TestAuditEvents(t *testing.T) {
	t.Parallel()
	n := startNode(t, nodeConfig{})
	x, y := n.tenant("acme"), n.tenant("zebra")
	x.busy()
	y.busy()
	operator := x.userOf(t, "Ad")
	n.Operators = operators(t, operator)
	n.indexed()
	all := n.everyEvent(t)
	t.Logf("%d events", len(all))
	rapid.Check(t, func(rt *rapid.T) {
		f := drawFilter(rt, n, all)
		caller := rapid.SampledFrom([]string{"Ow", "Ad"}).Draw(rt, "caller")
		order := rapid.SampledFrom([]string{"", "asc", "desc"}).Draw(rt, "order")
		if order != "" {
			f.query.Set("order", order)
		}
		if limit := rapid.SampledFrom([]string{"", "1", "7", "200"}).Draw(rt, "limit"); limit != "" {
			f.query.Set("limit", limit)
		}
		want, got := []int64{}, []int64{}
		for _, r := range all {
			mine := r.Org.String() == x.org || r.Org == uuid.Nil && caller == "Ad"
			if mine && !slices.ContainsFunc(f.keep, func(keep func(*eventstore.Recorded) bool) bool { return !keep(r) }) {
				want = append(want, r.Seq)
			}
		}
		if order != "asc" {
			slices.Reverse(want)
		}
		for _, e := range x.whole(t, caller, f.query) {
			got = append(got, e.Seq)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			rt.Fatalf("%s as %s (-log +list)\n%s", f.query.Encode(), caller, diff)
		}
	})
}

// TestAuditEvent: an entry by itself is that of the list; of another
// organization there is none.
func TestAuditEvent(t *testing.T) {
	t.Parallel()
	n := startNode(t, nodeConfig{})
	x, y := n.tenant("acme"), n.tenant("zebra")
	x.busy()
	n.indexed()
	for _, e := range x.whole(t, "Ow", nil) {
		path := fmt.Sprint(auditEvents, "/", e.Seq)
		var alone audit.Entry
		if err := json.Unmarshal([]byte(x.must("Ow", "GET", path, "").body), &alone); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(e, alone); diff != "" {
			t.Errorf("%s (-list +alone)\n%s", path, diff)
		}
		if a := y.do("Ow", "GET", path, ""); a.status != 404 {
			t.Errorf("another organization's admin sees %s", a.body)
		}
		if a := x.do("Mw", "GET", path, ""); a.status != 403 {
			t.Errorf("a member sees %s", a.body)
		}
	}
	for path, status := range map[string]int{
		"/0": 404, "/999999999": 404, "/-1": 404, "/x": 422, "?from=yesterday": 422, "?to=" + uuid.NewString() + "-1": 422,
		"?cursor=x": 422, "?cursor=" + *writeCursor("asc", 7): 422, "?order=asc&cursor=" + *writeCursor("asc", 7): 200,
		"?limit=0": 422, "?limit=201": 422, "?order=up": 422, "?outcome=good": 422, "?ref=x": 422, "?action=nothing.": 200, "?to=0": 200,
	} {
		if a := x.do("Ow", "GET", auditEvents+path, ""); a.status != status {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
}

// TestAuditEntry: an entry says who did what to what, and what changed.
func TestAuditEntry(t *testing.T) {
	t.Parallel()
	n := startNode(t, nodeConfig{})
	x := n.tenant("acme")
	path := v1 + "/boards/" + x.board + "/tasks/" + x.task
	x.must("Ad", "PATCH", path, `{"title":"Ship it","due_at":"2027-01-02T03:04:05"}`)
	moved := x.n.must("PATCH", path, `{"status":"in_progress"}`, x.as("Ad")[0], "User-Agent: a browser")
	list := x.part(t, "Ow", url.Values{"request_id": {moved.header.Get("X-Request-Id")}})
	if len(list.Items) != 1 {
		t.Fatalf("%d entries of the request", len(list.Items))
	}
	e := list.Items[0]
	if e.Sentence != "acme-ad moved task “Ship it” to in progress." || e.Type != "task.status_changed" || e.Outcome != "ok" {
		t.Errorf("%q of %s, %s", e.Sentence, e.Type, e.Outcome)
	}
	if *e.Actor.Name != "acme-ad" || e.Actor.Type != "user" || *e.Actor.Auth != "clerk" || *e.IP != "127.0.0.1" || *e.UserAgent != "a browser" {
		t.Errorf("%+v from %s, %s", e.Actor, *e.IP, *e.UserAgent)
	}
	if e.Stream != (audit.Stream{Kind: "task", ID: uuid.MustParse(x.task), Version: 3}) || e.BoardID.String() != x.board || e.OrganizationID.String() != x.org ||
		n.at(e.Seq) != moved.header.Get("Log-Position") || e.Epoch != n.Store.Epoch() || !slices.Contains(e.Refs, "board/"+x.board) {
		t.Errorf("%+v", e)
	}
	changed := map[string]string{}
	for _, c := range e.Changes {
		changed[c.Field] = string(c.Before) + " → " + string(c.After)
	}
	if changed["status"] != `"inbox" → "in_progress"` || !strings.HasPrefix(changed["in_progress_at"], "null → ") || len(changed) != 2 {
		t.Errorf("%v", changed)
	}
	before := x.part(t, "Ow", url.Values{"ref": {x.task}, "action": {"task.updated"}}).Items[0]
	if before.Sentence != "acme-ad changed title and due at of task “Ship it”." {
		t.Error(before.Sentence)
	}
	if c := before.Changes[0]; c.Field != "title" || string(c.Before) != `"acme task"` || string(c.After) != `"Ship it"` {
		t.Errorf("%s: %s → %s", c.Field, c.Before, c.After)
	}
}

// TestAuditCursor: what comes while somebody turns pages moves nothing.
func TestAuditCursor(t *testing.T) {
	t.Parallel()
	n := startNode(t, nodeConfig{})
	x := n.tenant("acme")
	n.told()
	n.indexed()
	want := x.whole(t, "Ow", nil)
	query := url.Values{"limit": {"3"}}
	var got []audit.Entry
	for {
		part := x.part(t, "Ow", query)
		got = append(got, part.Items...)
		if part.NextCursor == nil {
			break
		}
		query.Set("cursor", *part.NextCursor)
		x.says("Ow", x.board, x.task, "meanwhile")
	}
	if diff := cmp.Diff(want, withoutReads(got)); diff != "" {
		t.Errorf("-before +while it grew\n%s", diff)
	}
}

// TestAuditErasure: after somebody's account was deleted the trail tells what
// was done, and no more who it was.
func TestAuditErasure(t *testing.T) {
	t.Parallel()
	n := startNode(t, nodeConfig{})
	x := n.tenant("acme")
	x.tells(t, "Mw")
	x.says("Mw", x.board, x.task, "before")
	user := x.userOf(t, "Mw")
	n.Operators = operators(t, x.userOf(t, "Ow"))
	n.indexed()
	everything := func() string {
		var text strings.Builder
		for _, query := range []string{"?limit=200", "?limit=200&actor_id=" + user, "?limit=200&ref=" + user} {
			text.WriteString(x.must("Ow", "GET", auditEvents+query, "").body)
		}
		return text.String()
	}
	before := everything()
	for _, secret := range append(secretsOf(x, "Mw"), "Given-Mw commented on task", `"127.0.0.1"`) {
		if !strings.Contains(before, secret) {
			t.Errorf("before, %s is not shown", secret)
		}
	}
	x.must("Mw", "DELETE", v1+"/users/me", "")
	n.indexed()
	for _, secret := range secretsOf(x, "Mw") { // the key of an invite goes a moment later
		eventually(t, 10*time.Second, secret+" is not shown any more", func() bool { return !strings.Contains(everything(), secret) })
	}
	list := x.part(t, "Ow", url.Values{"actor_id": {user}, "action": {"task.comment"}})
	if len(list.Items) != 1 {
		t.Fatal("the comment is gone")
	}
	if e := list.Items[0]; *e.Actor.Name != "erased" || *e.IP != "erased" || e.Sentence != "erased commented on task “acme task”." {
		t.Errorf("%s, %s: %s", *e.Actor.Name, *e.IP, e.Sentence)
	}
}

func operators(t testing.TB, ids ...string) auth.Operators {
	t.Helper()
	o, err := auth.ParseOperators(ids)
	if err != nil {
		t.Fatal(err)
	}
	return o
}
