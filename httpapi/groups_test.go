package httpapi

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
)

// newGroup makes a group and returns its id.
func (x *tenant) newGroup(name string) string {
	x.n.t.Helper()
	return x.must("Ow", "POST", v1+"/board-groups", fmt.Sprintf(`{"name":"%s %s","slug":""}`, x.name, name)).text(x.n.t, "id")
}

// moves puts a board into a group, or with "" out of any.
func (x *tenant) moves(board, group string) {
	x.n.t.Helper()
	value := "null"
	if group != "" {
		value = `"` + group + `"`
	}
	x.must("Ow", "PATCH", v1+"/boards/"+board, `{"board_group_id":`+value+`}`)
}

func TestGroupNames(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	groups := v1 + "/board-groups"
	for body, want := range map[string]string{
		`{"name":"Moon & Mars","slug":" "}`:            "moon-mars",
		`{"name":"Moon","slug":"My Slug"}`:             "My Slug",
		`{"name":"a","slug":"","description":"words"}`: "a",
	} {
		if got := s.must("POST", groups, body).text(t, "slug"); got != want {
			t.Errorf("%s: %q", body, got)
		}
	}
	nameless := s.must("POST", groups, `{"name":"月","slug":""}`)
	if got := nameless.text(t, "slug"); len(got) != 32 || strings.Trim(got, "0123456789abcdef") != "" {
		t.Errorf("a name without letters has the slug %q", got)
	}
	at := groups + "/" + nameless.text(t, "id")
	for _, c := range [][2]string{
		{`{"slug":"","name":"Big Moon"}`, "big-moon"}, {`{"name":"x"}`, "big-moon"}, {`{"slug":" "}`, "x"}, {`{}`, "x"}, {`{"slug":"S"}`, "S"},
	} {
		if got := s.must("PATCH", at, c[0]).text(t, "slug"); got != c[1] {
			t.Errorf("after %s the slug is %q, want %q", c[0], got, c[1])
		}
	}
	for _, body := range []string{`{"name":null}`, `{"slug":null}`, `{"name":1}`} {
		if a := s.do("PATCH", at, body); a.status != 422 {
			t.Errorf("%s: %d %s", body, a.status, a.body)
		}
	}
	if a := s.must("PATCH", at, `{"description":null}`); a.value(t, "description") != nil {
		t.Error(a.body)
	}
	for _, c := range []struct {
		method, path string
		status       int
	}{
		{"GET", groups + "/no-uuid", 422},
		{"PATCH", groups + "/no-uuid", 422},
		{"DELETE", groups + "/no-uuid", 422},
		{"POST", groups + "/no-uuid/heartbeat", 422},
		{"GET", groups + "/no-uuid/memory/stream", 422},
		{"GET", groups + "/" + uuid.NewString(), 404},
		{"DELETE", groups + "/" + uuid.NewString(), 404},
		{"GET", strings.ReplaceAll(at, "-groups/", "-groups/urn:uuid:"), 200}, // as ids in bodies are read
	} {
		if a := s.do(c.method, c.path, `{"every":"1m"}`); a.status != c.status {
			t.Errorf("%s %s: %d %s", c.method, c.path, a.status, a.body)
		}
		if a := s.do(c.method, c.path, `{}`, forget); a.status != 401 {
			t.Errorf("%s %s by nobody: %d", c.method, c.path, a.status)
		}
	}
}

// TestGroupAccess: who may do what with a group that has boards, one that has
// none, and one that is not there.
func TestGroupAccess(t *testing.T) {
	t.Parallel()
	n := startNode(t, nodeConfig{})
	x := n.tenant("x")
	full, empty := x.newGroup("full"), x.newGroup("empty")
	x.moves(x.board, full)
	at, note := v1+"/board-groups/", `{"content":"n"}`
	beat := `{"every":"5m"}`
	for _, c := range []struct{ method, path, body, cells string }{
		{"GET", full, "", "+ + 3 + + 3 3 1 1 1 1 1"},
		{"GET", full + "/snapshot", "", "+ + 3 + + 3 3 1 1 1 1 1"},
		{"GET", full + "/memory", "", "+ + 3 + + 3 3 1 1 1 1 1"},
		{"POST", full + "/memory", note, "+ + 3 + 3 3 3 1 1 1 1 1"},
		{"PATCH", full, "{}", "+ + 3 3 3 3 3 1 1 1 1 1"},
		{"POST", full + "/heartbeat", beat, "+ + 3 3 3 3 3 + 3 3 3 1"},
		{"GET", empty, "", "+ + + 3 3 3 3 1 1 1 1 1"},
		{"GET", empty + "/snapshot", "", "+ + + 3 3 3 3 1 1 1 1 1"},
		{"POST", empty + "/memory", note, "+ + + 3 3 3 3 1 1 1 1 1"},
		{"PATCH", empty, "{}", "+ + + 3 3 3 3 1 1 1 1 1"},
		{"POST", empty + "/heartbeat", beat, "+ + + 3 3 3 3 3 3 3 3 1"},
		{"GET", uuid.NewString(), "", "4 4 4 4 4 4 4 1 1 1 1 1"},
		{"PATCH", uuid.NewString(), "{}", "4 4 4 3 3 3 4 1 1 1 1 1"},
		{"POST", uuid.NewString() + "/heartbeat", beat, "4 4 4 4 4 4 4 4 4 4 4 1"},
	} {
		for i, cell := range strings.Fields(c.cells) {
			want := map[string]int{"+": 200, "1": 401, "3": 403, "4": 404}[cell]
			if a := x.do(kinds[i], c.method, at+c.path, c.body); a.status != want {
				t.Errorf("%s %s of %s: %d %s, want %d", c.method, c.path, kinds[i], a.status, a.body, want)
			}
		}
	}
	for kind, names := range map[string]string{"Ow": "x empty,x full", "Ad": "x empty,x full", "A0": "", "Mw": "x full", "Mr": "x full", "M0": "", "Fo": ""} {
		a := x.must(kind, "GET", v1+"/board-groups", "")
		var got []string
		for i := range a.value(t, "items").([]any) {
			got = append(got, a.text(t, fmt.Sprintf("items/%d/name", i)))
		}
		if strings.Join(got, ",") != names {
			t.Errorf("%s sees the groups %v", kind, got)
		}
	}
	// Nobody's board gets into a group of others.
	y := n.tenant("y")
	for _, body := range []string{`{"board_group_id":"` + full + `"}`, `{"board_group_id":"` + uuid.NewString() + `"}`} {
		if a := y.do("Ow", "PATCH", v1+"/boards/"+y.board, body); a.status != 422 || a.text(t, "detail") != "board_group_id is invalid" {
			t.Errorf("%s: %d %s", body, a.status, a.body)
		}
	}
	if a := y.do("Ow", "POST", v1+"/boards", `{"name":"n","slug":"s","description":"d","board_type":"general","board_group_id":"`+full+`"}`); a.status != 422 {
		t.Error(a.status, a.body)
	}
	for _, by := range []struct {
		kind string
		want int
	}{{"A0", 403}, {"Mw", 403}, {"Ow", 200}} {
		if a := x.do(by.kind, "DELETE", at+full, ""); a.status != by.want {
			t.Errorf("the deletion by %s: %d", by.kind, a.status)
		}
	}
}

func TestGroupHeartbeat(t *testing.T) {
	t.Parallel()
	n := startNode(t, nodeConfig{})
	x := n.tenant("x")
	group := x.newGroup("g")
	x.moves(x.board, group)
	x.moves(x.other, group)
	x.must("Ow", "PATCH", v1+"/agents/"+x.agent["Wo"], `{"heartbeat_config":{"every":"1h","target":"first","x":1}}`)
	at := v1 + "/board-groups/" + group + "/heartbeat"
	before := n.Store.Head()
	a := x.must("Le", "POST", at, `{"every":"7m"}`)
	want := fmt.Sprintf(`{"board_group_id":"%s","requested":{"every":"7m","include_board_leads":false},"updated_agent_ids":["%s","%s"],"failed_agent_ids":[]}`,
		group, x.agent["Wo"], x.agent["Ot"])
	if a.body != want {
		t.Errorf("%s, want %s", a.body, want)
	}
	if n.Store.Head() < before+2 {
		t.Error("no event on each agent")
	}
	config := func(kind string) string {
		body := x.must("Ow", "GET", v1+"/agents/"+x.agent[kind], "").body
		_, rest, _ := strings.Cut(body, `"heartbeat_config":`)
		config, _, _ := strings.Cut(rest, "}")
		return config + "}"
	}
	for kind, want := range map[string]string{
		"Wo": `{"every":"7m","target":"last","includeReasoning":false,"x":1}`,
		"Ot": `{"every":"7m","target":"last","includeReasoning":false}`,
		"Le": `{"every":"10m","target":"last","includeReasoning":false}`,
	} {
		if got := config(kind); got != want {
			t.Errorf("%s: %s", kind, got)
		}
	}
	if a := x.must("Ad", "POST", at, `{"every":"","include_board_leads":true}`); len(a.value(t, "updated_agent_ids").([]any)) != 3 {
		t.Error(a.body)
	}
	if got := config("Le"); !strings.HasPrefix(got, `{"every":"",`) {
		t.Error(got)
	}
	if a := x.do("Le", "POST", at, `{}`); a.status != 422 {
		t.Error(a.status, a.body)
	}
	x.moves(x.board, "")
	if a := x.do("Le", "POST", at, `{"every":"7m"}`); a.status != 403 {
		t.Errorf("the lead of a board that left: %d", a.status)
	}
}

func TestGroupMemory(t *testing.T) {
	t.Parallel()
	n := startNode(t, nodeConfig{})
	x := n.tenant("x")
	group := x.newGroup("g")
	byGroup, byBoard := v1+"/board-groups/"+group+"/memory", v1+"/boards/"+x.board+"/group-memory"

	// A board without a group has nothing, and stays open.
	if a := x.must("Wo", "GET", byBoard+"?limit=3", ""); a.body != `{"items":[],"total":0,"limit":3,"offset":0}` {
		t.Error(a.body)
	}
	if a := x.do("Wo", "POST", byBoard, `{"content":"n"}`); a.status != 422 || a.text(t, "detail") != "Board is not in a board group" {
		t.Error(a.status, a.body)
	}
	alone := x.follow("Wo", byBoard+"/stream")
	alone.next()
	x.moves(x.board, group)
	alone.ends()

	people, agent := x.follow("Mr", byGroup+"/stream?is_chat=true"), x.follow("Wo", byBoard+"/stream")
	people.next()
	agent.next()
	note := x.must("Wo", "POST", byBoard, `{"content":" a note ","tags":["x"]}`)
	if note.text(t, "content") != "a note" || note.value(t, "source") != nil || note.value(t, "is_chat") != false || note.text(t, "board_group_id") != group {
		t.Error(note.body)
	}
	chat := x.must("Ow", "POST", byGroup, `{"content":"hello","tags":["chat"]}`)
	for _, c := range []struct {
		answer
		source string
	}{
		{chat, x.person("Ow")},
		{x.must("Wo", "POST", byBoard, `{"content":"stop, @ALL","source":""}`), "x Wo"},
		{x.must("Le", "POST", byBoard, `{"content":"stop","tags":["broadcast"]}`), "x Le"},
		{x.must("Mw", "POST", byBoard, `{"content":"hi @all","source":"me"}`), "me"},
	} {
		if got := c.value(t, "source"); got != c.source {
			t.Errorf("%s is signed %v, want %s", c.text(t, "content"), got, c.source)
		}
	}
	var got []string
	for range 5 {
		m := agent.frame()
		got = append(got, m.value(t, "memory/content").(string))
		if m.event != "memory" || m.value(t, "memory/board_group_id") != group {
			t.Error(m)
		}
	}
	if diff := cmp.Diff([]string{"a note", "hello", "stop, @ALL", "stop", "hi @all"}, got); diff != "" {
		t.Errorf("the agent's stream (-written +shown)\n%s", diff)
	}
	if m := people.frame(); m.id != chat.header.Get("Log-Position") || m.value(t, "memory/source") != x.person("Ow") {
		t.Errorf("the chat shows %+v", m)
	}
	a := x.must("Mr", "GET", byGroup+"?is_chat=true", "")
	if a.value(t, "total") != 1.0 || a.text(t, "items/0/id") != chat.text(t, "id") {
		t.Error(a.body)
	}
	if b := x.must("Ot", "GET", v1+"/boards/"+x.other+"/group-memory", ""); b.value(t, "total") != 0.0 {
		t.Error("a board without group reads ", b.body)
	}
	if a, b := x.must("Mr", "GET", byGroup, "").body, x.must("Wo", "GET", byBoard, "").body; a != b {
		t.Errorf("the forms differ:\n%s\n%s", a, b)
	}
	if a := x.do("Mr", "POST", byBoard, `{"content":"x"}`); a.status != 403 {
		t.Error(a.status, a.body)
	}
	if a := x.do("Ow", "POST", byGroup, `{"content":" "}`); a.status != 422 {
		t.Error(a.status, a.body)
	}

	// When the board leaves, its stream ends, and that of the reader who could
	// see the group by this board alone.
	x.moves(x.board, "")
	agent.ends()
	people.ends()
	x.moves(x.board, group)
	again := x.follow("Wo", byBoard+"/stream?since=2020-01-01T00:00:00")
	for _, want := range got {
		if m := again.frame(); m.value(t, "memory/content") != want {
			t.Errorf("replay shows %+v, want %s", m, want)
		}
	}

	// With the group all of it goes.
	ofGroup := x.follow("Ow", byGroup+"/stream")
	ofGroup.next()
	x.must("Ow", "DELETE", v1+"/board-groups/"+group, "")
	ofGroup.ends()
	again.ends()
	for _, path := range []string{byGroup, v1 + "/board-groups/" + group, byGroup + "/stream"} {
		if a := x.do("Ow", "GET", path, ""); a.status != 404 {
			t.Errorf("GET %s: %d", path, a.status)
		}
	}
	if a := x.must("Ow", "GET", v1+"/boards/"+x.board, ""); a.value(t, "board_group_id") != nil {
		t.Error(a.body)
	}
	if a := x.must("Wo", "GET", byBoard, ""); a.value(t, "total") != 0.0 {
		t.Error(a.body)
	}
	eventually(t, 10*time.Second, "the rows of the group are gone", func() bool {
		var left int
		err := n.db.QueryRow(t.Context(), `select (select count(*) from board_group_memory) + (select count(*) from board_groups)
			+ (select count(*) from feed where topic like 'group/%')`).Scan(&left)
		return err == nil && left == 0
	})
}

// follow opens a stream as a kind of caller.
func (x *tenant) follow(kind, path string) *feed {
	x.n.t.Helper()
	proof := x.as(kind)
	return x.n.follow(path, proof[len(proof)-1])
}

// ends reads a stream to its end, which the server makes: in the middle of the
// answer, so that the client comes back.
func (f *feed) ends() (last message) {
	f.t.Helper()
	m, retry := message{}, false
	for {
		line, err := f.lines.ReadString('\n')
		if err != nil {
			if !retry {
				f.t.Errorf("the stream ended without telling when to come back: %v", err)
			}
			return last
		}
		line = strings.TrimRight(line, "\r\n")
		name, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case line == "":
			if m.data != "" {
				last = m
			}
			m = message{}
		case name == "retry":
			retry = true
		case name == "data":
			m.data = value
		}
	}
}

// TestGroupSnapshot: order, counts, limits; what a member may not read is not
// shown by either form; and a board with many tasks costs no more statements.
func TestGroupSnapshot(t *testing.T) {
	t.Parallel()
	n := startNode(t, nodeConfig{})
	x := n.tenant("x")
	group := x.newGroup("g")
	first, second := x.newBoard("Alpha"), x.newBoard("beta")
	for _, b := range []string{x.board, first, second} {
		x.moves(b, group)
	}
	x.must("Ow", "PATCH", v1+"/boards/"+first, `{"require_approval_for_done":false}`)
	path := v1 + "/boards/" + first + "/tasks"
	for i, status := range []string{"done", "inbox", "review", "in_progress", "inbox", "done"} {
		for j, priority := range []string{"odd", "low", "high", "medium"} {
			x.must("Ow", "POST", path, fmt.Sprintf(`{"title":"%s %s %d%d","status":"%s","priority":"%s","due_at":"2027-01-01T00:00:00"}`, status, priority, i, j, status, priority))
		}
	}
	var tags [2]answer
	for i := range tags {
		tags[i] = x.must("Ow", "POST", v1+"/tags", fmt.Sprintf(`{"name":"Tag %d"}`, i))
	}
	task := x.must("Ow", "POST", v1+"/boards/"+x.board+"/tasks", fmt.Sprintf(`{"title":"theirs","assigned_agent_id":"%s","tag_ids":["%s","%s"]}`,
		x.agent["Wo"], tags[1].text(t, "id"), tags[0].text(t, "id")))

	byGroup, byBoard := v1+"/board-groups/"+group+"/snapshot", v1+"/boards/"+x.board+"/group-snapshot"
	shown := x.must("Ow", "GET", byGroup+"?include_done=true&per_board_task_limit=1000", "")
	var titles, boards []string
	for i, b := range shown.value(t, "boards").([]any) {
		boards = append(boards, shown.text(t, fmt.Sprintf("boards/%d/board/name", i)))
		if i == 0 {
			for _, task := range b.(map[string]any)["tasks"].([]any) {
				titles = append(titles, task.(map[string]any)["title"].(string))
			}
		}
	}
	if diff := cmp.Diff([]string{"x Alpha", "x beta", "x board"}, boards); diff != "" {
		t.Error(diff)
	}
	want := []string{
		"in_progress high 32", "in_progress medium 33", "in_progress low 31", "in_progress odd 30",
		"review high 22", "review medium 23", "review low 21", "review odd 20",
		"inbox high 42", "inbox high 12", "inbox medium 43", "inbox medium 13", "inbox low 41", "inbox low 11", "inbox odd 40", "inbox odd 10",
		"done high 52", "done high 02", "done medium 53", "done medium 03", "done low 51", "done low 01", "done odd 50", "done odd 00",
	}
	if diff := cmp.Diff(want, titles); diff != "" {
		t.Errorf("order (-wanted +shown)\n%s", diff)
	}
	counts := map[string]any{"inbox": 8.0, "in_progress": 4.0, "review": 4.0, "done": 8.0}
	if diff := cmp.Diff(counts, shown.value(t, "boards/0/task_counts")); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]any{}, shown.value(t, "boards/1/task_counts")); diff != "" {
		t.Error(diff)
	}
	wantTask := map[string]any{
		"id": task.text(t, "id"), "board_id": x.board, "board_name": "x board", "title": "theirs", "status": "inbox", "priority": "medium",
		"assigned_agent_id": x.agent["Wo"], "assignee": "x Wo", "due_at": nil, "in_progress_at": nil,
		"tags":       task.value(t, "tags"),
		"created_at": task.text(t, "created_at"), "updated_at": task.text(t, "updated_at"),
	}
	if n := len(wantTask["tags"].([]any)); n != 2 {
		t.Errorf("the task carries %d tags", n)
	}
	if diff := cmp.Diff(wantTask, shown.value(t, "boards/2/tasks/0")); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(tree(t, x.must("Ow", "GET", v1+"/board-groups/"+group, "").body), shown.value(t, "group")); diff != "" {
		t.Error(diff)
	}

	sizes := func(a answer) (sizes []int) {
		for _, b := range a.value(t, "boards").([]any) {
			sizes = append(sizes, len(b.(map[string]any)["tasks"].([]any)))
		}
		return sizes
	}
	for _, c := range []struct {
		kind, path string
		want       []int
	}{
		{"Ow", byGroup, []int{5, 0, 2}},
		{"Ow", byGroup + "?per_board_task_limit=0", []int{0, 0, 0}},
		{"Ow", byGroup + "?per_board_task_limit=100", []int{16, 0, 2}},
		{"Ow", byBoard, []int{5, 0}},
		{"Ow", byBoard + "?include_self=true&per_board_task_limit=1", []int{1, 0, 1}},
		{"Mr", byGroup, []int{2}}, // that board alone is open to it
		{"Mr", byBoard, nil},
		{"Mr", byBoard + "?include_self=true", []int{2}},
		{"Wo", byBoard, []int{5, 0}},
		{"Ot", v1 + "/boards/" + x.other + "/group-snapshot", nil},
	} {
		if diff := cmp.Diff(c.want, sizes(x.must(c.kind, "GET", c.path, ""))); diff != "" {
			t.Errorf("%s by %s: %s", c.path, c.kind, diff)
		}
	}
	if a := x.must("Ot", "GET", v1+"/boards/"+x.other+"/group-snapshot", ""); a.body != `{"group":null,"boards":[]}` {
		t.Error(a.body)
	}
	for path, want := range map[string]int{
		byGroup + "?per_board_task_limit=-1": 422, byGroup + "?per_board_task_limit=500": 200,
		byBoard + "?per_board_task_limit=-1": 422, byBoard + "?per_board_task_limit=101": 422,
	} {
		if a := x.do("Ow", "GET", path, ""); a.status != want {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
	for _, path := range []string{byGroup, byBoard} {
		asked := n.sql.during(func() { x.must("Ow", "GET", path, "") })
		if len(asked) > 6 {
			t.Errorf("%s asks %d statements:\n%s", path, len(asked), strings.Join(asked, "\n"))
		}
		t.Logf("%s: %d statements", path, len(asked))
	}
}

// TestGroupRaces: a board joins while its group is deleted. Whichever comes
// first, no board is ever in a group that is gone.
func TestGroupRaces(t *testing.T) {
	t.Parallel()
	n := startNode(t, nodeConfig{})
	x := n.tenant("x")
	for range rounds(t, 60) {
		group := x.newGroup("g")
		var joined, deleted answer
		done := make(chan struct{})
		go func() {
			defer close(done)
			joined, _ = n.try(t.Context(), "PATCH", v1+"/boards/"+x.board, strings.NewReader(`{"board_group_id":"`+group+`"}`), x.as("Ow")...)
		}()
		deleted = x.do("Ad", "DELETE", v1+"/board-groups/"+group, "")
		<-done
		if deleted.status != 200 || joined.status != 200 && joined.status != 422 {
			t.Fatalf("joined %d %s, deleted %d %s", joined.status, joined.body, deleted.status, deleted.body)
		}
		if a := x.must("Ow", "GET", v1+"/boards/"+x.board, ""); a.value(t, "board_group_id") != nil {
			t.Fatalf("the board is in a group that is gone: %s", a.body)
		}
	}
}

func tree(t *testing.T, text string) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	return v
}
