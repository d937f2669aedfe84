package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"missioncontrol/eventstore"
	"missioncontrol/postgres/pgtest"
	"missioncontrol/processes"
	"missioncontrol/projections"
)

// told waits until agents were told of everything that has happened.
func (n *node) told() {
	n.t.Helper()
	eventually(n.t, 10*time.Second, "agents are told of everything", func() bool {
		at, err := n.Store.Checkpoint(n.t.Context(), "notifications")
		if err != nil {
			n.t.Fatal(err)
		}
		return at >= n.Store.Head()
	})
}

// footprint is that of the server once nobody is about to be told of anything.
func (n *node) footprint() map[string]int64 {
	n.t.Helper()
	n.told()
	return n.server.footprint()
}

// news is what lies in an agent's inbox after a position, by kind, and the next
// position.
func (x *tenant) news(kind, after string) (kinds []string, items []map[string]any, next string) {
	x.n.t.Helper()
	x.n.told()
	a := x.must(kind, "GET", v1+"/agent/inbox?after="+url.QueryEscape(after), "")
	for _, i := range a.value(x.n.t, "items").([]any) {
		item := i.(map[string]any)
		kinds, items = append(kinds, item["kind"].(string)), append(items, item)
	}
	return kinds, items, a.text(x.n.t, "position")
}

func quoteID(id string) string { return `"` + id + `"` }

// TestInbox goes through what agents are told of, as their inboxes show it.
func TestInbox(t *testing.T) {
	t.Parallel()
	n := startNode(t, nodeConfig{})
	x := n.tenant("acme")
	group := x.newGroup("group")
	board := v1 + "/boards/" + x.board
	at := map[string]string{}
	for _, kind := range []string{"Le", "Wo", "Ot", "Ma"} {
		_, _, at[kind] = x.news(kind, "")
	}
	var task string
	patch := func(kind, body string) {
		t.Helper()
		path := board + "/tasks/" + task
		if kind == "Le" || kind == "Wo" {
			path = v1 + "/agent/boards/" + x.board + "/tasks/" + task
		}
		x.must(kind, "PATCH", path, body)
	}
	comment := func(kind, text string) {
		t.Helper()
		x.must(kind, "POST", board+"/tasks/"+task+"/comments", `{"message":"`+text+`"}`)
	}
	for _, c := range []struct {
		when string
		do   func()
		want string // agents and kinds, in their order
	}{
		{"a task is made", func() { task = x.must("Ow", "POST", board+"/tasks", `{"title":"CI","description":"d"}`).text(t, "id") }, "Le task_created"},
		{"it is touched", func() { patch("Ow", `{"priority":"high"}`) }, ""},
		{"the lead assigns it", func() { patch("Le", `{"assigned_agent_id":`+quoteID(x.agent["Wo"])+`}`) }, "Wo task_assigned"},
		{"work begins", func() { patch("Wo", `{"status":"in_progress"}`) }, ""},
		{"review, with a comment", func() { patch("Wo", `{"status":"review","comment":"done, @lead"}`) }, "Le task_ready_for_review"},
		{"the lead comments", func() { comment("Le", "more tests") }, ""},
		{"the lead wants more", func() { patch("Le", `{"status":"inbox"}`) }, "Wo rework_requested"},
		{"a person comments", func() { comment("Ow", "soon? mail me at ada@example.org") }, "Wo comment"},
		{"a person mentions the lead", func() { comment("Ow", "@lead look") }, "Le mentioned"},
		{"a person takes it back", func() { patch("Ow", `{"assigned_agent_id":null}`) }, "Le task_back_in_inbox"},
		{"approval is asked for and given", func() {
			id := x.must("Wo", "POST", board+"/approvals", `{"action_type":"deploy","confidence":90,"lead_reasoning":"r","task_ids":[`+quoteID(task)+`]}`).text(t, "id")
			x.must("Ow", "PATCH", board+"/approvals/"+id, `{"status":"approved"}`)
			x.must("Ow", "PATCH", board+"/approvals/"+id, `{"status":"approved"}`) // once is enough
		}, "Le approval_resolved, Wo approval_resolved"},
		{"chat", func() { x.must("Ow", "POST", board+"/memory", `{"content":"hello","tags":["chat"]}`) }, "Le chat"},
		{"no chat", func() { x.must("Ow", "POST", board+"/memory", `{"content":"@lead hello"}`) }, ""},
		{"a command", func() { x.must("Ow", "POST", board+"/memory", `{"content":"/PAUSE","tags":["chat"]}`) }, "Le chat_command, Wo chat_command"},
		{"the board is renamed", func() { x.must("Ow", "PATCH", board, `{"name":"acme new","max_agents":7}`) }, "Le board_updated"},
		{"the board is touched", func() { x.must("Ow", "PATCH", board, `{"name":"acme new"}`) }, ""},
		{"another board joins a group", func() { x.moves(x.other, group) }, "Ot board_joined_group"},
		{"the board joins it", func() { x.moves(x.board, group) }, "Le board_joined_group board_updated, Ot board_joined_group, Wo board_joined_group"},
		{"group chat", func() { x.must("Le", "POST", board+"/group-memory", `{"content":"hello","tags":["chat"]}`) }, ""},
		{"group chat for all", func() { x.must("Le", "POST", board+"/group-memory", `{"content":"hello @all"}`) }, "Ot group_broadcast, Wo group_broadcast"},
		{"the board leaves it", func() { x.moves(x.board, "") }, "Le board_left_group board_updated, Ot board_left_group, Wo board_left_group"},
		{"the group is dissolved", func() { x.must("Ow", "DELETE", v1+"/board-groups/"+group, "") }, ""},
		{"a nudge", func() {
			x.must("Le", "POST", v1+"/agent/boards/"+x.board+"/agents/"+x.agent["Wo"]+"/nudge", `{"message":" wake up "}`)
		}, "Wo nudge"},
		{"a main agent is assigned", func() { patch("Ow", `{"assigned_agent_id":`+quoteID(x.agent["Ma"])+`}`) }, "Ma task_assigned"},
		{"an agent with work goes", func() {
			patch("Ow", `{"assigned_agent_id":`+quoteID(x.agent["Wo"])+`,"status":"in_progress"}`)
			x.n.told()
			x.must("Ow", "DELETE", v1+"/agents/"+x.agent["Wo"], "")
			delete(at, "Wo")
		}, "Le task_back_in_inbox"},
	} {
		c.do()
		var got []string
		for _, kind := range []string{"Le", "Ma", "Ot", "Wo"} {
			if at[kind] == "" {
				continue
			}
			var kinds []string
			kinds, _, at[kind] = x.news(kind, at[kind])
			if len(kinds) > 0 {
				got = append(got, kind+" "+strings.Join(kinds, " "))
			}
		}
		if all := strings.Join(got, ", "); all != c.want {
			t.Errorf("%s: told are %q, want %q", c.when, all, c.want)
		}
	}
	_, items, _ := x.news("Le", "0")
	texts := map[string]string{}
	for _, i := range items {
		texts[i["kind"].(string)] = fmt.Sprint(i["from"], "\n", i["text"])
	}
	for kind, want := range map[string][]string{
		"task_created":       {"<nil>\nNEW TASK ADDED\n", "\nBoard: acme board\nTask: CI\nTask ID: " + task + "\nStatus: inbox\nDescription: d\n\n"},
		"mentioned":          {"User\nTASK MENTION\n", "\nComment:\n@lead look\n\n"},
		"chat":               {"acme-ow\nBOARD CHAT\n"},
		"board_left_group":   {"\nLeft Board: acme new\n", "\nBoard Group: acme group\n"},
		"board_joined_group": {"\nJoined Board: acme new\n"},
		"board_updated":      {"\n- board_group_id: " + group + " -> null\n"},
		"approval_resolved":  {"\nDecision: approved\nConfidence: 90.0\nTask ID: " + task},
	} {
		for _, part := range want {
			if !strings.Contains(texts[kind], part) {
				t.Errorf("%s says %q, without %q", kind, texts[kind], part)
			}
		}
	}
}

// TestInboxKeepsNoNames: who signed a chat message is told, and forgotten with
// its key.
func TestInboxKeepsNoNames(t *testing.T) {
	t.Parallel()
	n := startNode(t, nodeConfig{})
	x := n.tenant("acme")
	n.told()
	f := n.follow(v1+"/agent/inbox/stream", x.as("Le")[1])
	x.must("Mw", "POST", v1+"/boards/"+x.board+"/memory", `{"content":"hello","tags":["chat"]}`)
	if m := f.frame(); m.event != "notification" || m.value(t, "from") != "acme-mw" || m.value(t, "kind") != "chat" {
		t.Errorf("%+v", m)
	}
	x.must("Mw", "DELETE", v1+"/users/me", "")
	eventually(t, 10*time.Second, "the name is erased", func() bool {
		_, items, _ := x.news("Le", "0")
		return items[len(items)-1]["from"] == "erased"
	})
}

// TestInboxIsCheap: an agent that asks whether there is anything new costs no
// statement; to say what, it takes two.
func TestInboxIsCheap(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	board := s.board()
	agent := func(name string, lead bool) (id, token string) {
		id = s.must("POST", v1+"/agents", fmt.Sprintf(`{"name":"%s","board_id":"%s","is_board_lead":%v}`, name, board[len(v1+"/boards/"):], lead)).text(t, "id")
		return id, "X-Agent-Token: " + s.must("POST", v1+"/agents/"+id+"/tokens", "").text(t, "token")
	}
	_, lead := agent("Lena", true)
	id, worker := agent("Wim", false)
	var after string
	ask := func() answer {
		t.Helper()
		return s.must("GET", v1+"/agent/inbox?after="+after, "", forget, worker)
	}
	nudge := func(text string) string {
		t.Helper()
		return s.must("POST", v1+"/agent"+board[len(v1):]+"/agents/"+id+"/nudge", `{"message":"`+text+`"}`, forget, lead).header.Get("Log-Position")
	}
	after = ask().text(t, "position") // knows the agent, and where its inbox ends
	nudged := nudge("first")
	var first answer
	if got := s.sql.during(func() { first = ask() }); len(got) != 2 {
		t.Errorf("news cost %q", got)
	}
	if first.text(t, "items/0/position") != nudged || first.text(t, "items/0/text") != "first" || first.text(t, "items/0/from") != "Lena" || len(first.value(t, "items").([]any)) != 1 {
		t.Errorf("%s, the nudge stands at %s", first.body, nudged)
	}
	if at := first.header.Get("Log-Position"); at != nudged || first.text(t, "position") != at {
		t.Errorf("%s at %s", first.body, at)
	}
	after = first.text(t, "position")
	s.task(board, "what concerns others")
	if got := s.sql.during(func() {
		for range 10 {
			idle := ask()
			if len(idle.value(t, "items").([]any)) != 0 || len(idle.body) > 100 {
				t.Error(idle.body)
			}
			after = idle.text(t, "position")
		}
	}); len(got) != 0 {
		t.Errorf("nothing new cost %q", got)
	}
	if after != s.at(s.Store.Head()) {
		t.Errorf("the next position is %s", after)
	}

	var want []string
	for i := range 5 {
		want = append(want, fmt.Sprint("n", i))
		nudge(want[i])
	}
	var got []string
	for range 4 { // a page that is full is not the last
		page := s.must("GET", v1+"/agent/inbox?limit=2&after="+after, "", forget, worker)
		for i := range page.value(t, "items").([]any) {
			got = append(got, page.text(t, fmt.Sprintf("items/%d/text", i)))
		}
		after = page.text(t, "position")
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestInboxPositions(t *testing.T) {
	t.Parallel()
	n := startNode(t, nodeConfig{})
	x := n.tenant("acme")
	x.news("Wo", "") // by which it appears, once
	n.told()
	head := n.Store.Head()
	for _, c := range []struct{ after, want string }{
		{"", ""},
		{"0", ""},
		{fmt.Sprint(head), ""},
		{n.at(0), ""},
		{n.at(head), ""},
		{fmt.Sprint(head + 1), "after lies in the future"},
		{n.at(head + 1), "after lies in the future"},
		{uuid.NewString() + "-1", "after is a position of another log: ask without it, or after 0."},
		{"-1", "after must be a position: a number, or <epoch>-<number> as answers have it."},
		{"+1", "after must be a position: a number, or <epoch>-<number> as answers have it."},
		{"99999999999999999999", "after must be a position: a number, or <epoch>-<number> as answers have it."},
		{n.Store.Epoch().String(), "after must be a position: a number, or <epoch>-<number> as answers have it."},
	} {
		a := x.do("Wo", "GET", v1+"/agent/inbox?after="+url.QueryEscape(c.after), "")
		if c.want == "" && a.status == 200 {
			continue
		}
		if a.status != 422 || a.text(t, "detail") != c.want {
			t.Errorf("after %q: %d %s, want %q", c.after, a.status, a.body, c.want)
		}
	}
	for _, limit := range []string{"0", "201", "x"} {
		if a := x.do("Wo", "GET", v1+"/agent/inbox?limit="+limit, ""); a.status != 422 {
			t.Errorf("limit %s: %d", limit, a.status)
		}
	}
	for _, body := range []string{`{"message":" "}`, `{}`, `{"message":null}`} {
		if a := x.do("Le", "POST", v1+"/agent/boards/"+x.board+"/agents/"+x.agent["Wo"]+"/nudge", body); a.status != 422 {
			t.Errorf("a nudge %s: %d", body, a.status)
		}
	}
	if a := x.do("Le", "POST", v1+"/agent/boards/"+x.board+"/agents/x/nudge", `{"message":"m"}`); a.status != 404 {
		t.Errorf("a nudge of nobody: %d", a.status)
	}
}

// TestInboxStream shows the same as the list, and resumes.
func TestInboxStream(t *testing.T) {
	t.Parallel()
	n := startNode(t, nodeConfig{})
	x := n.tenant("acme")
	path := v1 + "/agent/inbox/stream"
	nudge := func(text string) {
		t.Helper()
		x.must("Le", "POST", v1+"/agent/boards/"+x.board+"/agents/"+x.agent["Wo"]+"/nudge", `{"message":"`+text+`"}`)
	}
	live := n.follow(path, x.as("Wo")[1])
	for i := range 3 {
		nudge(fmt.Sprint(i))
	}
	var seen []message
	for range 3 {
		seen = append(seen, live.frame())
	}
	_, items, _ := x.news("Wo", "0")
	for i, item := range items {
		if item["position"] != seen[i].id {
			t.Errorf("the frame at %s is listed at %v", seen[i].id, item["position"])
		}
		delete(item, "position")
		var shown map[string]any
		if err := json.Unmarshal([]byte(seen[i].data), &shown); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(shown, item); diff != "" {
			t.Errorf("the list shows something else: %s", diff)
		}
	}
	resumed := n.follow(path, x.as("Wo")[1], "Last-Event-ID: "+seen[0].id)
	for _, want := range seen[1:] {
		if got := resumed.frame(); got != want {
			t.Errorf("resumed with %+v, want %+v", got, want)
		}
	}
	if m := n.follow(path, x.as("Wo")[1], "Last-Event-ID: "+uuid.NewString()+"-1").frame(); m.event != "reset" {
		t.Errorf("another log's position: %+v", m)
	}
}

// inboxes is every stored notification: what inboxes show, and what the log
// holds.
func (n *node) inboxes() (shown, logged []string) {
	n.t.Helper()
	for sql, into := range map[string]*[]string{
		`select concat_ws(' ', topic, seq, recorded, about, attrs, convert_from(payload, 'UTF8')) from feed
			where topic like 'agent/%' order by topic, seq`: &shown,
		`select convert_from(entry, 'UTF8') from events where type = 'notification.created'`: &logged,
	} {
		rows, err := n.db.Query(n.t.Context(), sql)
		if err == nil {
			*into, err = pgx.CollectRows(rows, pgx.RowTo[string])
		}
		if err != nil {
			n.t.Fatal(err)
		}
	}
	return shown, logged
}

// TestToldOnce: two processes that handle every event, one that dies between
// telling and noting that it did, and one that begins anew: each agent is told
// once.
func TestToldOnce(t *testing.T) {
	t.Parallel()
	url := pgtest.Clone(t)
	first := startNode(t, nodeConfig{url: url})
	second := startNode(t, nodeConfig{url: url})
	x := first.tenant("acme")
	var g errgroup.Group
	for i := range rounds(t, 30) {
		g.Go(func() error {
			x.must("Ow", "POST", v1+"/boards/"+x.board+"/tasks", fmt.Sprintf(`{"title":"%d","assigned_agent_id":"%s"}`, i, x.agent["Wo"]))
			return nil
		})
	}
	_ = g.Wait()
	x.must("Ow", "POST", v1+"/boards/"+x.board+"/memory", `{"content":"/resume","tags":["chat"]}`)
	first.told()
	sameHead(t, first, second)
	_, before := first.inboxes()
	if want := 2*rounds(t, 30) + 2 + 2; len(before) != want { // the tenant's own task and message, too
		t.Errorf("%d notifications, want %d", len(before), want)
	}
	killed := errors.New("killed")
	events := 0
	tell := second.Commands.Notifications
	err := second.Store.Follow(t.Context(), 0, func(run []*eventstore.Recorded) error {
		for _, r := range run {
			if err := tell.React(t.Context(), r); err != nil {
				return err
			}
			events++
		}
		if events == int(second.Store.Head()) {
			return killed
		}
		return nil
	})
	if !errors.Is(err, killed) {
		t.Fatal(err)
	}
	if _, after := first.inboxes(); len(after) != len(before) {
		t.Errorf("%d notifications, and %d when all was handled again", len(before), len(after))
	}
	for _, entry := range before {
		if !strings.Contains(entry, `"actor":{"type":"system"`) || strings.Contains(entry, `"causation_id":null`) {
			t.Errorf("%s", entry)
		}
	}
}

// TestHistoryIsNotTold: a process that was never there before begins with the
// present.
func TestHistoryIsNotTold(t *testing.T) {
	t.Parallel()
	n := startNode(t, nodeConfig{})
	x := n.tenant("acme")
	n.told()
	_, before := n.inboxes()
	p := processes.Notifications(n.Store, n.Commands.Notifications, n.Transport.Log)
	p.Name = "another" // that never ran
	handle, handled := p.Handle, make(chan int64, 100)
	p.Handle = func(ctx context.Context, r *eventstore.Recorded) error { handled <- r.Seq; return handle(ctx, r) }
	head := n.Store.Head()
	ctx, stop := context.WithCancel(t.Context())
	var g errgroup.Group
	g.Go(func() error { return p.Run(ctx) })
	x.must("Ow", "POST", v1+"/boards/"+x.board+"/tasks", `{"title":"new"}`)
	if seq := <-handled; seq != head+1 {
		t.Errorf("it begins at %d, the log ended at %d", seq, head)
	}
	stop()
	if err := g.Wait(); err != nil {
		t.Error(err)
	}
	n.told()
	if _, after := n.inboxes(); len(after) != len(before)+1 {
		t.Errorf("%d notifications before, %d after", len(before), len(after))
	}
}

// TestInboxIsRebuilt as it was, without what was held by those who are gone.
func TestInboxIsRebuilt(t *testing.T) {
	t.Parallel()
	n := startNode(t, nodeConfig{})
	for i, name := range []string{"stays", "board", "agent", "organization"} {
		x := n.tenant(name)
		x.must("Ow", "PATCH", v1+"/users/me", `{"preferred_name":"Ada"}`)
		x.must("Ow", "POST", v1+"/boards/"+x.board+"/memory", `{"content":"/pause","tags":["chat"]}`)
		x.must("Mw", "POST", v1+"/boards/"+x.board+"/memory", `{"content":"@lead 😀","tags":["chat"]}`)
		x.must("Ow", "PATCH", v1+"/boards/"+x.board+"/tasks/"+x.task, `{"assigned_agent_id":"`+x.agent["Wo"]+`"}`)
		x.must("Ow", "PATCH", v1+"/boards/"+x.board+"/tasks/"+x.task, `{"assigned_agent_id":"`+x.agent["Ma"]+`"}`)
		n.told()
		x.must("Ow", "DELETE", []string{
			v1 + "/boards/" + x.board + "/tasks/" + x.task, v1 + "/boards/" + x.board, v1 + "/agents/" + x.agent["Le"], v1 + "/organizations/me",
		}[i], "")
	}
	n.told()
	left := 0
	eventually(t, 10*time.Second, "what they held is removed", func() bool {
		at, err := n.Store.Checkpoint(t.Context(), "removal")
		if err != nil {
			t.Fatal(err)
		}
		return at >= n.Store.Head()
	})
	want, _ := n.inboxes()
	for _, row := range want {
		if strings.Contains(row, "chat_mention") {
			left++
		}
	}
	if left != 1 { // of the tenant that stays: the leads of the others are gone
		t.Errorf("%d mentions are left in %q", left, want)
	}
	if err := (&projections.Rebuild{Reader: n.Read, Frames: true}).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	got, _ := n.inboxes()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rebuilt otherwise (-live +rebuilt)\n%s", diff)
	}
}

// TestMovedLead: a lead that has moved to another board leads the old one no
// more, and is told nothing of it.
func TestMovedLead(t *testing.T) {
	t.Parallel()
	n := startNode(t, nodeConfig{})
	x := n.tenant("acme")
	task := v1 + "/boards/" + x.board + "/tasks/" + x.task
	if got := x.must("Ow", "PATCH", task, `{"status":"review"}`).value(t, "assigned_agent_id"); got != x.agent["Le"] {
		t.Fatalf("review is %v's", got)
	}
	x.must("Ow", "PATCH", task, `{"status":"inbox"}`)
	_, _, at := x.news("Le", "0")
	x.must("Ow", "PATCH", v1+"/agents/"+x.agent["Le"], `{"board_id":"`+x.other+`"}`)
	if got := x.must("Ow", "PATCH", task, `{"status":"review"}`).value(t, "assigned_agent_id"); got != nil {
		t.Errorf("review is %v's, who has moved away", got)
	}
	x.must("Ow", "POST", v1+"/boards/"+x.board+"/memory", `{"content":"@lead","tags":["chat"]}`)
	if kinds, _, _ := x.news("Le", at); len(kinds) > 0 {
		t.Errorf("it is told %v", kinds)
	}
	x.must("Ow", "POST", v1+"/boards/"+x.other+"/memory", `{"content":"@lead","tags":["chat"]}`)
	if kinds, _, _ := x.news("Le", at); strings.Join(kinds, " ") != "chat_mention" {
		t.Errorf("it is told %v", kinds)
	}
}
