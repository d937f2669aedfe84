package httpapi

import (
	"fmt"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const commentFeed = v1 + "/activity/task-comments"

// says writes a comment on a task of a board and returns its position.
func (x *tenant) says(kind, board, task, message string) string {
	x.n.t.Helper()
	path := v1 + "/boards/" + board + "/tasks/" + task + "/comments"
	return x.must(kind, "POST", path, `{"message":"`+message+`"}`).header.Get("Log-Position")
}

func (x *tenant) newTask(board, title string) string {
	x.n.t.Helper()
	return x.must("Ow", "POST", v1+"/boards/"+board+"/tasks", `{"title":"`+title+`"}`).text(x.n.t, "id")
}

// TestRecordedCommentFeed replays the recorded stream: the walk that led to its
// one frame, which ours shows with the same members.
func TestRecordedCommentFeed(t *testing.T) {
	t.Parallel()
	recorded, err := os.ReadFile("testdata/contract/sse/activity-task-comments-stream.txt")
	if err != nil {
		t.Fatal(err)
	}
	_, data, found := strings.Cut(strings.ReplaceAll(string(recorded), "\r\n", "\n"), "event: comment\ndata: ")
	if !found {
		t.Fatalf("no frame in %s", recorded)
	}
	data, _, _ = strings.Cut(data, "\n")
	s := startServer(t)
	f := s.follow(commentFeed + "/stream")
	board := s.must("POST", v1+"/boards", `{"name":"Website v2","slug":"w","description":"d","board_type":"general"}`).text(t, "id")
	task := s.must("POST", v1+"/boards/"+board+"/tasks", `{"title":"Streamed task"}`).text(t, "id")
	made := s.must("POST", v1+"/boards/"+board+"/tasks/"+task+"/comments", `{"message":"Streamed comment"}`)
	m := f.frame()
	if m.event != "comment" || m.id != made.header.Get("Log-Position") || m.value(t, "comment/id") != made.value(t, "id") ||
		m.value(t, "comment/board_id") != board || m.value(t, "comment/created_at") != made.value(t, "created_at") {
		t.Errorf("%+v does not show %s", m, made.body)
	}
	was := message{data: data}
	r := replay{ids: map[string]string{was.value(t, "comment/id").(string): made.text(t, "id")}} // ids of comments have another form
	if diff := cmp.Diff(r.expected("", tree(t, data), tree(t, m.data)), tree(t, m.data)); diff != "" {
		t.Errorf("-recorded +ours\n%s", diff)
	}
}

// TestCommentFeed: who said what on which board, the newest first; the list and
// the stream agree.
func TestCommentFeed(t *testing.T) {
	t.Parallel()
	n := startNode(t, nodeConfig{})
	x := n.tenant("acme")
	f, ofOther := x.follow("Ow", commentFeed+"/stream"), x.follow("Ow", commentFeed+"/stream?board_id="+x.other)
	elsewhere := x.newTask(x.other, "elsewhere")
	x.says("Wo", x.board, x.task, "one")
	x.must("Ow", "PATCH", v1+"/boards/"+x.board+"/tasks/"+x.task, `{"title":"renamed","comment":"two"}`)
	x.says("Ow", x.other, elsewhere, "three")

	want := []string{
		`one by acme Wo, acme role on acme task, acme board`,
		`two by <nil>, <nil> on acme task, acme board`, // said before the name changed
		`three by <nil>, <nil> on elsewhere, acme other`,
	}
	line := func(value func(string) any) string {
		return fmt.Sprintf("%v by %v, %v on %v, %v", value("message"), value("agent_name"), value("agent_role"), value("task_title"), value("board_name"))
	}
	for _, w := range want {
		m := f.frame()
		if got := line(func(key string) any { return m.value(t, "comment/"+key) }); got != w {
			t.Errorf("the stream shows %s, want %s", got, w)
		}
	}
	if m := ofOther.frame(); m.value(t, "comment/message") != "three" {
		t.Errorf("the stream of the other board shows %s", m.data)
	}
	list := x.must("Ow", "GET", commentFeed, "")
	want[0], want[1] = strings.Replace(want[0], "acme task", "renamed", 1), strings.Replace(want[1], "acme task", "renamed", 1)
	for i, w := range want {
		if got := line(func(key string) any { return list.value(t, fmt.Sprintf("items/%d/%s", len(want)-1-i, key)) }); got != w {
			t.Errorf("the list shows %s, want %s", got, w)
		}
	}
	if list.value(t, "total") != 3.0 || list.value(t, "limit") != 200.0 {
		t.Error(list.body)
	}
	for query, want := range map[string]string{
		"?limit=1&offset=1": "3 two", "?board_id=" + x.board + "&limit=1": "2 two", "?board_id=" + x.other: "1 three",
	} {
		a := x.must("Ow", "GET", commentFeed+query, "")
		if got := fmt.Sprint(a.value(t, "total"), " ", a.value(t, "items/0/message")); got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
	// What is deleted is gone from both at once.
	x.must("Ow", "DELETE", v1+"/boards/"+x.board+"/tasks/"+x.task, "")
	if a := x.must("Ow", "GET", commentFeed, ""); a.value(t, "total") != 1.0 {
		t.Errorf("comments of a deleted task are listed: %s", a.body)
	}
	if m := x.follow("Ow", commentFeed+"/stream?since=2001-01-01").frame(); m.value(t, "comment/message") != "three" {
		t.Errorf("comments of a deleted task are shown again: %s", m.data)
	}
	x.must("Ow", "DELETE", v1+"/boards/"+x.other, "")
	ofOther.ends()
	if a := x.must("Ow", "GET", commentFeed, ""); a.value(t, "total") != 0.0 {
		t.Errorf("comments of a deleted board are listed: %s", a.body)
	}
	eventually(t, 10*time.Second, "the frames of a deleted board are gone", func() bool {
		var left int
		if err := n.db.QueryRow(t.Context(), `select count(*) from feed where topic like '%/task-comments' and attrs ->> 'board' = $1`, x.other).Scan(&left); err != nil {
			t.Fatal(err)
		}
		return left == 0
	})
}

// TestCommentFeedIsolation: nobody sees comments of boards that it may not
// read, nor of another organization, also while its access changes.
func TestCommentFeedIsolation(t *testing.T) {
	t.Parallel()
	n := startNode(t, nodeConfig{})
	x, y := n.tenant("antelope"), n.tenant("zebra")
	elsewhere := x.newTask(x.other, "elsewhere")
	before := url.QueryEscape(x.must("Ow", "GET", v1+"/boards/"+x.board, "").text(t, "created_at"))
	x.says("Ow", x.other, elsewhere, "hidden before")
	y.says("Ow", y.board, y.task, "zebra says")
	x.says("Ow", x.board, x.task, "first")
	if a := x.must("Mr", "GET", commentFeed, ""); a.value(t, "total") != 1.0 || a.value(t, "items/0/message") != "first" {
		t.Errorf("a reader of one board sees %s", a.body)
	}
	var feeds []*feed
	for _, query := range []string{"", "?since=" + before, "?since=" + before + "&board_id=" + x.board} {
		feeds = append(feeds, x.follow("Mr", commentFeed+"/stream"+query))
	}
	for _, f := range feeds[1:] {
		if m := f.frame(); m.value(t, "comment/message") != "first" {
			t.Errorf("a replay shows %s", m.data)
		}
	}
	nobody := x.follow("M0", commentFeed+"/stream?since="+before)
	x.says("Ow", x.other, elsewhere, "hidden")
	y.says("Ow", y.board, y.task, "zebra says more")
	x.says("Ow", x.board, x.task, "second")
	for _, f := range feeds {
		if m := f.frame(); m.value(t, "comment/message") != "second" {
			t.Errorf("the stream shows %s", m.data)
		}
	}
	access := v1 + "/organizations/me/members/"
	x.must("Ow", "PUT", access+x.member["Mr"]+"/access", `{"board_access":[{"board_id":"`+x.other+`"}]}`)
	x.says("Ow", x.board, x.task, "closed by now")
	x.says("Ow", x.other, elsewhere, "open by now")
	for _, f := range feeds[:2] { // over all boards: it narrows and widens
		if m := f.frame(); m.value(t, "comment/message") != "open by now" {
			t.Errorf("after the access changed the stream shows %s", m.data)
		}
	}
	if last := feeds[2].ends(); strings.Contains(last.data, "closed by now") { // of one board: it ends
		t.Errorf("the last frame is %s", last.data)
	}
	if a := x.do("Mr", "GET", commentFeed+"?board_id="+x.board, ""); a.status != 403 {
		t.Errorf("a board that was closed: %d %s", a.status, a.body)
	}
	fresh := x.newBoard("fresh") // comes into reach of those who read all boards
	all := x.follow("Ad", commentFeed+"/stream")
	x.says("Ow", fresh, x.newTask(fresh, "task"), "on a new board")
	if m := all.frame(); m.value(t, "comment/message") != "on a new board" {
		t.Errorf("the stream of an admin shows %s", m.data)
	}
	x.must("Ow", "PUT", access+x.member["M0"]+"/access", `{"board_access":[{"board_id":"`+x.board+`"}]}`)
	x.says("Ow", x.board, x.task, "granted")
	if m := nobody.frame(); m.value(t, "comment/message") != "granted" {
		t.Errorf("the first that a new reader sees is %s", m.data)
	}
	x.must("Ow", "DELETE", access+x.member["M0"], "")
	nobody.ends()
}

// TestCommentFeedResume: from any id, each later comment of the caller's boards
// comes once and in order, across the seam between what is stored and live.
func TestCommentFeedResume(t *testing.T) {
	t.Parallel()
	n := startNode(t, nodeConfig{})
	x := n.tenant("acme")
	elsewhere := x.newTask(x.other, "elsewhere")
	var ids []string
	for i := range 6 {
		x.says("Ow", x.other, elsewhere, "hidden")
		ids = append(ids, x.says("Ow", x.board, x.task, fmt.Sprint(i)))
	}
	for from := range ids[:6] {
		proof := x.as("Mr")
		f := n.follow(commentFeed+"/stream", proof[len(proof)-1], "Last-Event-ID: "+ids[from])
		for _, want := range ids[from+1:] {
			if m := f.frame(); m.id != want {
				t.Fatalf("after %s comes %s, want %s", ids[from], m.id, want)
			}
		}
		ids = append(ids, x.says("Ow", x.board, x.task, "live"))
		if m := f.frame(); m.id != ids[len(ids)-1] {
			t.Fatalf("live comes %s, want %s", m.id, ids[len(ids)-1])
		}
		_ = f.Body.Close()
	}
}
