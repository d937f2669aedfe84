package notification_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"missioncontrol/domain"
	"missioncontrol/domain/notification"
)

func id(n int) uuid.UUID { return uuid.MustParse(fmt.Sprintf("00000000-0000-4000-8000-%012d", n)) }

var (
	lead   = notification.Agent{ID: id(1), Name: "Lena", IsLead: true}
	worker = notification.Agent{ID: id(2), Name: "Wim"}
	other  = notification.Agent{ID: id(3), Name: "Otto"}
	main   = notification.Agent{ID: id(4), Name: "Main"} // of the gateway: it is of no board

	on = notification.Board{ID: id(10), Name: "Docs", Crew: []notification.Agent{lead, worker, other}}

	person = domain.Actor{Type: domain.User, ID: id(20)}
	system = domain.Actor{Type: domain.System}
)

func by(a notification.Agent) domain.Actor { return domain.Actor{Type: domain.Agent, ID: a.ID} }

// told says who is told what, such as "Lena task_created".
func told(all []notification.Created) []string {
	names := map[uuid.UUID]string{lead.ID: "Lena", worker.ID: "Wim", other.ID: "Otto", main.ID: "Main"}
	var who []string
	for _, c := range all {
		who = append(who, names[c.AgentID]+" "+string(c.Kind))
	}
	slices.Sort(who)
	return who
}

func expect(t *testing.T, all []notification.Created, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, told(all)); diff != "" {
		t.Errorf("others are told (-want +got)\n%s", diff)
	}
	for _, c := range all {
		if c.Kind != notification.ChatCommand && (c.Text == "" || c.BoardID == uuid.Nil || strings.HasSuffix(c.Text, "\n")) {
			t.Errorf("%+v", c)
		}
	}
}

func TestTaskIsToldOf(t *testing.T) {
	t.Parallel()
	task := func(status string, assigned *notification.Agent) *notification.Task {
		x := &notification.Task{ID: id(30), Title: "CI", Status: status}
		if assigned != nil {
			x.AssignedAgentID = &assigned.ID
		}
		return x
	}
	for _, c := range []struct {
		when          string
		before, after *notification.Task
		by            domain.Actor
		assignee      *notification.Agent
		want          []string
	}{
		{"a person makes it", nil, task("inbox", nil), person, nil, []string{"Lena task_created"}},
		{"a person makes it for somebody", nil, task("inbox", &worker), person, &worker, []string{"Lena task_created", "Wim task_assigned"}},
		{"a person makes it for the lead", nil, task("inbox", &lead), person, &lead, []string{"Lena task_assigned", "Lena task_created"}},
		{"the lead makes it", nil, task("inbox", nil), by(lead), nil, nil},
		{"the lead makes it for somebody", nil, task("inbox", &worker), by(lead), &worker, []string{"Wim task_assigned"}},
		{"a person assigns it", task("inbox", nil), task("inbox", &worker), person, &worker, []string{"Wim task_assigned"}},
		{"a person assigns it to a main agent", task("inbox", nil), task("inbox", &main), person, &main, []string{"Main task_assigned"}},
		{"a person assigns it to another", task("in_progress", &worker), task("in_progress", &other), person, &other, []string{"Otto task_assigned"}},
		{"a person assigns it to whoever has it", task("inbox", &worker), task("inbox", &worker), person, &worker, nil},
		{"the assignee is gone by now", task("inbox", nil), task("inbox", &worker), person, nil, nil},
		{"a worker claims it", task("inbox", nil), task("in_progress", &worker), by(worker), &worker, nil},
		{"it begins with the assignee that it has", task("inbox", &worker), task("in_progress", &worker), person, &worker, nil}, // a wake, once
		{"a worker is done", task("in_progress", &worker), task("review", &lead), by(worker), &lead, []string{"Lena task_ready_for_review"}},
		{"a person moves it to review", task("inbox", nil), task("review", &lead), person, &lead, []string{"Lena task_ready_for_review"}},
		{"review by a worker", task("inbox", nil), task("review", &worker), person, &worker, []string{"Wim task_assigned"}},
		{"review where nobody leads", task("in_progress", &worker), task("review", nil), by(worker), nil, nil},
		{"the lead wants more", task("review", &lead), task("inbox", &worker), by(lead), &worker, []string{"Wim rework_requested"}},
		{"the lead wants more, of nobody", task("review", &lead), task("inbox", nil), by(lead), nil, nil},
		{"a person sends it back to somebody", task("review", &lead), task("inbox", &worker), person, &worker, []string{"Wim task_assigned"}},
		{"a person sends it back", task("review", &lead), task("inbox", nil), person, nil, []string{"Lena task_back_in_inbox"}},
		{"a worker gives it up", task("in_progress", &worker), task("inbox", nil), by(worker), nil, []string{"Lena task_back_in_inbox"}},
		{"a person takes it from somebody", task("inbox", &worker), task("inbox", nil), person, nil, []string{"Lena task_back_in_inbox"}},
		{"the lead takes it from somebody", task("inbox", &worker), task("inbox", nil), by(lead), nil, nil},
		{"it lay there before", task("inbox", nil), task("inbox", nil), person, nil, nil},
		{"it is done", task("review", &lead), task("done", &lead), by(lead), &lead, nil},
	} {
		t.Run(c.when, func(t *testing.T) {
			change := notification.TaskChange{On: on, Before: c.before, After: *c.after, By: c.by, Assignee: c.assignee}
			expect(t, change.Told(), c.want...)
			change.On.Crew = nil
			for _, who := range told(change.Told()) {
				if strings.HasPrefix(who, "Lena") && c.assignee != &lead {
					t.Errorf("without a lead, %s", who)
				}
			}
		})
	}
}

func TestCommentIsToldOf(t *testing.T) {
	t.Parallel()
	mention := func(all ...notification.Agent) []notification.Agent { return all }
	for _, c := range []struct {
		when      string
		by        domain.Actor
		mentioned []notification.Agent
		assignee  *notification.Agent
		want      []string
	}{
		{"a person comments", person, nil, &worker, []string{"Wim comment"}},
		{"nobody has the task", person, nil, nil, nil},
		{"the assignee comments", by(worker), nil, &worker, nil},
		{"others are mentioned", person, mention(lead, other), &worker, []string{"Lena mentioned", "Otto mentioned"}},
		{"the assignee is mentioned", person, mention(worker), &worker, []string{"Wim mentioned"}},
		{"somebody mentions itself", by(other), mention(other), &worker, []string{"Wim comment"}},
		{"the assignee mentions others", by(worker), mention(lead, worker), &worker, []string{"Lena mentioned"}},
	} {
		t.Run(c.when, func(t *testing.T) {
			expect(t, notification.Comment{
				On: on, Task: notification.Task{ID: id(30), Title: "CI"}, By: c.by, From: "User", Message: "m", Mentioned: c.mentioned, Assignee: c.assignee,
			}.Told(), c.want...)
		})
	}
}

func TestResolutionIsToldOf(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		when  string
		by    domain.Actor
		asked *notification.Agent
		want  []string
	}{
		{"a person asked", person, nil, []string{"Lena approval_resolved"}},
		{"a worker asked", person, &worker, []string{"Lena approval_resolved", "Wim approval_resolved"}},
		{"the lead asked", person, &lead, []string{"Lena approval_resolved"}},
	} {
		t.Run(c.when, func(t *testing.T) {
			expect(t, notification.Resolution{On: on, By: c.by, AskedBy: c.asked}.Told(), c.want...)
		})
	}
}

func TestChatIsToldOf(t *testing.T) {
	t.Parallel()
	mention := func(all ...notification.Agent) map[uuid.UUID]bool {
		found := map[uuid.UUID]bool{}
		for _, a := range all {
			found[a.ID] = true
		}
		return found
	}
	for _, c := range []struct {
		when, content string
		by            domain.Actor
		mentioned     map[uuid.UUID]bool
		want          []string
	}{
		{"a person writes", "hi", person, nil, []string{"Lena chat"}},
		{"the lead writes", "hi", by(lead), nil, nil},
		{"a worker mentions another", "hi", by(worker), mention(other, worker), []string{"Lena chat", "Otto chat_mention"}},
		{"the lead is mentioned", "hi", person, mention(lead), []string{"Lena chat_mention"}},
		{"a command", " /Pause ", by(worker), nil, []string{"Lena chat_command", "Otto chat_command"}},
		{"no command", "/pause please", person, nil, []string{"Lena chat"}},
	} {
		t.Run("board: "+c.when, func(t *testing.T) {
			all := notification.Message{On: on, By: c.by, MemoryID: id(40), Content: c.content, Mentioned: c.mentioned}.Told()
			expect(t, all, c.want...)
			for _, n := range all {
				if command := n.Kind == notification.ChatCommand; command != n.Deliver || command && n.Text != "/pause" || n.From != nil {
					t.Errorf("%+v", n)
				}
			}
		})
	}
	second := notification.Board{ID: id(11), Name: "Web", Crew: []notification.Agent{{ID: main.ID, IsLead: true}}}
	for _, c := range []struct {
		when      string
		by        domain.Actor
		forAll    bool
		mentioned map[uuid.UUID]bool
		want      []string
	}{
		{"a person writes", person, false, nil, []string{"Lena group_chat", "Main group_chat"}},
		{"a lead mentions a worker", by(lead), false, mention(other), []string{"Main group_chat", "Otto group_chat_mention"}},
		{"to all", by(worker), true, mention(other), []string{"Lena group_broadcast", "Main group_broadcast", "Otto group_broadcast"}},
	} {
		t.Run("group: "+c.when, func(t *testing.T) {
			all := notification.GroupMessage{
				In: notification.Group{ID: id(12), Name: "G"}, By: c.by, MemoryID: id(40), Content: "m", ForAll: c.forAll,
				Boards: []notification.Board{on, second}, Mentioned: c.mentioned,
			}.Told()
			expect(t, all, c.want...)
			for _, n := range all {
				if own := n.AgentID == main.ID; own != (n.BoardID == second.ID) || !strings.Contains(n.Text, "/api/v1/boards/"+n.BoardID.String()+"/group-memory") {
					t.Errorf("%+v", n)
				}
			}
		})
	}
}

func TestBoardIsToldOf(t *testing.T) {
	t.Parallel()
	changed := []notification.Field{{Name: "name", Before: "Doc", After: "Docs"}, {Name: "max_agents", Before: "1", After: "2"}}
	all := notification.BoardChange{On: on, By: person, Changed: changed}.Told()
	expect(t, all, "Lena board_updated")
	want := "BOARD UPDATED\nBoard: Docs\nBoard ID: " + on.ID.String() + "\n\nChanged fields:\n- max_agents: 1 -> 2\n- name: Doc -> Docs\n\nLook at what this means for the work on the board."
	if diff := cmp.Diff(want, all[0].Text); diff != "" {
		t.Error(diff)
	}
	expect(t, notification.BoardChange{On: on, By: person}.Told())
	expect(t, notification.BoardChange{On: notification.Board{ID: on.ID}, By: person, Changed: changed}.Told())
	for joined, kind := range map[bool]string{true: "board_joined_group", false: "board_left_group"} {
		among := []notification.Board{on, {ID: id(11), Crew: []notification.Agent{main}}}
		all := notification.GroupChange{Joined: joined, Board: on, Group: notification.Group{ID: id(12), Name: "G"}, By: system, Among: among}.Told()
		expect(t, all, "Lena "+kind, "Main "+kind, "Otto "+kind, "Wim "+kind)
	}
}

func TestTexts(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("ü", 501)
	board := "Board: Docs\n"
	head := "Task: CI\nTask ID: " + id(30).String() + "\n"
	text := func(c []notification.Created) string {
		if len(c) != 1 {
			t.Fatal(c)
		}
		return c[0].Text
	}
	task := notification.Task{ID: id(30), Title: "CI", Status: "inbox", Description: &long, AssignedAgentID: &worker.ID}
	rework := notification.TaskChange{
		On: on, Before: &notification.Task{Status: "review"}, After: task, By: by(lead), Assignee: &worker, Feedback: " more tests ",
	}
	plain := rework
	plain.Feedback = ""
	forged := notification.TaskChange{On: on, After: notification.Task{Title: "CI\nStatus: done\r\n" + strings.Repeat("x", 2<<20)}, By: person}
	if text := text(forged.Told()); len(text) > 1000 || strings.Contains(text, "\nStatus: done") {
		t.Errorf("a title writes lines of its own, or %d bytes", len(text))
	}
	for got, want := range map[string]string{
		text(rework.Told()): "CHANGES REQUESTED\n" + board + head + "Status: inbox\nDescription: " + strings.Repeat("ü", 497) + "...\n\n" +
			"Requested changes:\nmore tests\n\nMake these changes, then move the task to review again.",
		strings.Split(text(plain.Told()), "\n\n")[1]: "Requested changes:\nSee the comments on the task.",
		text(notification.Comment{On: on, Task: task, By: person, From: "User", Message: "hello", Assignee: &worker}.Told()): "NEW TASK COMMENT\n" + board +
			strings.TrimSuffix(head, "\n") + "\n\nThere is a new comment on a task of yours.\n\nComment:\nhello\n\nIf the task is not yours, reply in a comment and leave its status alone.",
		text(notification.Resolution{
			On: on, By: person, ApprovalID: id(50), ActionType: "deploy", Decision: "approved", Confidence: 80, TaskIDs: []uuid.UUID{id(30), id(31)},
		}.Told()): "APPROVAL RESOLVED\n" + board + "Approval ID: " + id(50).String() + "\nAction: deploy\nDecision: approved\nConfidence: 80.0\nTask IDs: " +
			id(30).String() + ", " + id(31).String() + "\n\nGo on as it was decided.",
		text(notification.Message{On: on, By: person, MemoryID: id(40), Content: strings.Repeat("x", 801)}.Told()): "BOARD CHAT\nBoard: Docs\n\n" +
			strings.Repeat("x", 797) + "...\n\nReply:\nPOST /api/v1/agent/boards/" + on.ID.String() + "/memory\nBody: {\"content\":\"...\",\"tags\":[\"chat\"]}",
	} {
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
}
