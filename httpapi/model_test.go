package httpapi

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// The model is a board, its tasks and its requests for approval, written down
// plainly from what the API promises. It shares nothing with the server.

// A modelTask's times are counts of steps, 0 for none.
type modelTask struct {
	status, assignee string
	started          int // in_progress_at
	deps             []string

	before   string   // assignee before the present one, or before nobody
	begun    int      // the last start, once work has stopped
	reviewed []string // agents that moved it to review, the latest first
	said     map[string]int
}

type modelApproval struct {
	status string
	tasks  []string
}

// A modelAgent is lead of the board, works on it, elsewhere, or on every board.
type modelAgent string

const (
	itsLead     modelAgent = "its lead"
	itsWorker   modelAgent = "its worker"
	onAnother   modelAgent = "on another board"
	onAllBoards modelAgent = "on all boards"
)

type model struct {
	step      int
	rules     map[string]bool // the policies of the board
	agents    map[string]modelAgent
	lead      string
	tasks     map[string]*modelTask
	approvals map[string]*modelApproval
}

// A verdict is a refusal's status and text; the zero one is none.
type verdict struct {
	status int
	text   string
}

func refuse(status int, text string) verdict { return verdict{status, text} }

// A modelEdit is a PATCH of a task; what is not set was not sent.
type modelEdit struct {
	Status   *string   `json:"status,omitzero"`
	Assignee *string   `json:"assigned_agent_id,omitzero"` // "": null
	Deps     *[]string `json:"depends_on_task_ids,omitzero"`
	Title    string    `json:"title,omitzero"`
	Comment  string    `json:"comment,omitzero"`
}

// blockers are dependencies that are not done.
func (m *model) blockers(deps []string) (ids []string) {
	for _, id := range deps {
		if d := m.tasks[id]; d != nil && d.status != "done" {
			ids = append(ids, id)
		}
	}
	return ids
}

func (m *model) leadsTo(from []string, to string) bool {
	return slices.ContainsFunc(from, func(id string) bool {
		return id == to || m.tasks[id] != nil && m.leadsTo(m.tasks[id].deps, to)
	})
}

func (m *model) depsFit(id string, deps []string) verdict {
	switch {
	case slices.Contains(deps, id):
		return refuse(422, "Task cannot depend on itself.")
	case slices.ContainsFunc(deps, func(d string) bool { return m.tasks[d] == nil }):
		return refuse(404, "One or more dependency tasks were not found on this board.")
	case m.leadsTo(deps, id):
		return refuse(409, "Dependency cycle detected. Remove the cycle before saving.")
	}
	return verdict{}
}

func (m *model) assignable(agent string, byLead bool) verdict {
	switch {
	case agent == "":
	case m.agents[agent] == "":
		return refuse(404, "Not Found")
	case byLead && m.agents[agent] == itsLead:
		return refuse(403, "Board leads cannot assign tasks to themselves.")
	case m.agents[agent] == onAnother:
		return refuse(409, "Conflict")
	}
	return verdict{}
}

// gates a, b and c of a task that is asked to go somewhere and ends there.
func (m *model) gates(id, from, asked, to string) verdict {
	linked := func(status string) bool {
		return slices.ContainsFunc(slices.Collect(maps.Values(m.approvals)), func(a *modelApproval) bool {
			return a.status == status && slices.Contains(a.tasks, id)
		})
	}
	switch {
	case m.rules["block_status_changes_with_pending_approval"] && asked != from && to != from && linked("pending"):
		return refuse(409, "Task status cannot be changed while a linked approval is pending.")
	case to != "done" || from == "done":
	case m.rules["require_review_before_done"] && from != "review":
		return refuse(409, "Task can only be marked done from review when the board rule is enabled.")
	case m.rules["require_approval_for_done"] && !linked("approved"):
		return refuse(409, "Task can only be marked done when a linked approval has been approved.")
	}
	return verdict{}
}

const blockedRefusal = "Task is blocked by incomplete dependencies."

// create is a new task by a person, or by the lead.
func (m *model) create(by, status, assignee string, deps []string) (modelTask, verdict) {
	deps = unique(deps)
	t := modelTask{status: status, assignee: assignee, deps: deps, said: map[string]int{}}
	if v := m.depsFit("", deps); v.status > 0 {
		return t, v
	}
	if len(m.blockers(deps)) > 0 && (assignee != "" || status != "inbox") {
		return t, refuse(409, blockedRefusal)
	}
	if v := m.assignable(assignee, by == m.lead); v.status > 0 {
		return t, v
	}
	return t, m.gates("", "inbox", status, status)
}

// assign remembers who had it before.
func (t *modelTask) assign(agent string) {
	if t.assignee != "" && t.assignee != agent {
		t.before = t.assignee
	}
	t.assignee = agent
}

// stop ends work, and remembers when it began.
func (t *modelTask) stop() {
	if t.started > 0 {
		t.begun = t.started
	}
	t.started = 0
}

// update is a PATCH; by is an agent, or "" for a person.
func (m *model) update(by, id string, e modelEdit) verdict {
	was := m.tasks[id]
	if was == nil {
		return refuse(404, "Not Found")
	}
	t, v := *was, verdict{}
	switch by {
	case "":
		v = m.byPerson(id, &t, e)
	case m.lead:
		v = m.byLead(id, &t, e)
	default:
		v = m.byWorker(id, &t, by, e)
	}
	if v.status > 0 {
		return v
	}
	if t.status == "review" && was.status != "review" && by != "" {
		t.reviewed = append([]string{by}, slices.DeleteFunc(slices.Clone(t.reviewed), func(a string) bool { return a == by })...)
	}
	if e.Comment != "" && by != "" {
		t.said[by] = m.step
	}
	m.tasks[id] = &t
	if (was.status == "done") != (t.status == "done") {
		m.tellDependents(id, t.status == "done")
	}
	return verdict{}
}

func (m *model) newDeps(id string, t *modelTask, e modelEdit) verdict {
	if e.Deps == nil {
		return verdict{}
	}
	if t.status == "done" {
		return refuse(409, "Cannot change task dependencies after a task is done.")
	}
	deps := unique(*e.Deps)
	if v := m.depsFit(id, deps); v.status > 0 {
		return v
	}
	t.deps = deps
	return verdict{}
}

// enter is what a status does by itself, to the tasks of people and workers.
func (m *model) enter(t *modelTask, status string) {
	switch status {
	case "inbox", "review":
		t.stop()
		t.assign("")
	case "in_progress":
		t.started = m.step
	}
	t.status = status
}

func (m *model) byPerson(id string, t *modelTask, e modelEdit) verdict {
	was := *t
	if v := m.newDeps(id, t, e); v.status > 0 {
		return v
	}
	asked := t.status
	if e.Status != nil {
		asked = *e.Status
	}
	if len(m.blockers(t.deps)) > 0 && (t.status != "done" || asked != "done") {
		m.enter(t, "inbox")
	} else {
		if e.Status != nil {
			m.enter(t, asked)
		}
		if e.Assignee != nil {
			if v := m.assignable(*e.Assignee, false); v.status > 0 {
				return v
			}
			t.assignee = was.assignee // one change, not two
			t.assign(*e.Assignee)
		}
	}
	return m.tail(id, &was, t, asked, e)
}

func (m *model) byWorker(id string, t *modelTask, by string, e modelEdit) verdict {
	was := *t
	switch {
	case e.Status != nil && t.assignee != "" && t.assignee != by:
		return refuse(403, "Agents can only change status on tasks assigned to them.")
	case e.Assignee != nil || e.Deps != nil || e.Title != "":
		return refuse(403, "Agents may only update status, comment, and custom field values.")
	case e.Status == nil:
		return verdict{}
	case m.rules["only_lead_can_change_status"]:
		return refuse(403, "Only board leads can change task status.")
	case *e.Status != "inbox" && len(m.blockers(t.deps)) > 0:
		return refuse(409, blockedRefusal)
	}
	m.enter(t, *e.Status)
	if t.status == "in_progress" || t.status == "done" {
		t.assign(by)
	}
	return m.tail(id, &was, t, *e.Status, e)
}

// tail is what people and workers have in common: the gates, and that what
// enters review goes to the lead.
func (m *model) tail(id string, was, t *modelTask, asked string, e modelEdit) verdict {
	if v := m.gates(id, was.status, asked, t.status); v.status > 0 {
		return v
	}
	if m.rules["comment_required_for_review"] && e.Status != nil && *e.Status == "review" && e.Comment == "" && !was.spoke() {
		return refuse(422, "Comment is required.")
	}
	if t.status == "review" && was.status != "review" && m.lead != "" {
		t.assignee, t.before = was.assignee, was.before
		t.assign(m.lead)
	}
	return verdict{}
}

// spoke reports a comment of whoever works, or worked, on it since it was begun.
func (t *modelTask) spoke() bool {
	agent, since := t.assignee, t.started
	if agent == "" {
		agent = t.before
	}
	if since == 0 {
		since = t.begun
	}
	return agent != "" && since > 0 && t.said[agent] >= since
}

func (m *model) byLead(id string, t *modelTask, e modelEdit) verdict {
	was := *t
	switch {
	case e.Comment != "":
		return refuse(403, "Lead comment gate failed: board leads cannot include `comment` in task PATCH. Use the task comments endpoint instead.")
	case e.Title != "":
		return refuse(403, "Lead field gate failed: unsupported fields for board leads: title. Allowed fields: assigned_agent_id, custom_field_values, depends_on_task_ids, status, tag_ids.")
	}
	if v := m.newDeps(id, t, e); v.status > 0 {
		return v
	}
	if len(m.blockers(t.deps)) > 0 && (e.Status != nil || e.Assignee != nil) {
		return refuse(409, blockedRefusal)
	}
	if e.Assignee != nil {
		if v := m.assignable(*e.Assignee, true); v.status > 0 {
			return v
		}
	}
	if e.Status == nil {
		if e.Assignee != nil {
			t.assign(*e.Assignee)
		}
		return verdict{}
	}
	to := *e.Status
	switch {
	case was.status == "review" && to != "done" && to != "inbox":
		return refuse(403, "Lead status target gate failed: review tasks can only move to `done` or `inbox` (requested: `"+to+"`).")
	case was.status != "review" && (was.status != "inbox" || to != "in_progress" || e.Assignee == nil || *e.Assignee == ""):
		return refuse(403, "Lead status gate failed: board leads can only change status when the current task status is `review` (current: `"+was.status+"`).")
	}
	if v := m.gates(id, was.status, to, to); v.status > 0 {
		return v
	}
	t.status = to
	switch to {
	case "inbox": // back to who did it
		t.started = 0
		worker := slices.IndexFunc(t.reviewed, func(a string) bool { return m.agents[a] == itsWorker })
		if worker < 0 {
			t.assign("")
		} else {
			t.assign(t.reviewed[worker])
		}
		return verdict{}
	case "in_progress":
		t.started = m.step
	}
	if e.Assignee != nil {
		t.assign(*e.Assignee)
	}
	return verdict{}
}

// tellDependents resets what had gone on because a task was done.
func (m *model) tellDependents(id string, done bool) {
	for _, d := range m.tasks {
		if !done && d.status != "done" && slices.Contains(d.deps, id) {
			m.enter(d, "inbox")
		}
	}
}

func (m *model) remove(id string) verdict {
	if m.tasks[id] == nil {
		return refuse(404, "Not Found")
	}
	delete(m.tasks, id)
	gone := func(other string) bool { return other == id }
	for _, t := range m.tasks {
		t.deps = slices.DeleteFunc(slices.Clone(t.deps), gone)
	}
	for name, a := range m.approvals {
		if !slices.Contains(a.tasks, id) {
			continue
		}
		if a.tasks = slices.DeleteFunc(slices.Clone(a.tasks), gone); len(a.tasks) == 0 {
			delete(m.approvals, name)
		}
	}
	return verdict{}
}

func (m *model) comment(by, id string) verdict {
	t := m.tasks[id]
	if t == nil {
		return refuse(404, "Not Found")
	}
	if by != "" {
		t.said[by] = m.step
	}
	return verdict{}
}

// waits reports whether one of some tasks waits for another request.
func (m *model) waits(tasks []string, but string) verdict {
	for id, a := range m.approvals {
		if id != but && a.status == "pending" && slices.ContainsFunc(a.tasks, func(t string) bool { return slices.Contains(tasks, t) }) {
			return refuse(409, "Each task can have only one pending approval.")
		}
	}
	return verdict{}
}

// request is a new one; what an agent asks for waits.
func (m *model) request(by, status string, tasks []string) (modelApproval, verdict) {
	if by != "" {
		status = "pending"
	}
	a := modelApproval{status, unique(tasks)}
	if slices.ContainsFunc(tasks, func(id string) bool { return m.tasks[id] == nil }) {
		return a, refuse(404, "One or more linked tasks were not found on this board.")
	}
	if status != "pending" {
		return a, verdict{}
	}
	return a, m.waits(tasks, "")
}

func (m *model) resolve(id, status string) verdict {
	a := m.approvals[id]
	if a == nil {
		return refuse(404, "Not Found")
	}
	if status == "pending" && a.status != "pending" {
		if v := m.waits(a.tasks, id); v.status > 0 {
			return v
		}
	}
	a.status = status
	return verdict{}
}

func unique(ids []string) []string {
	kept := []string{}
	for _, id := range ids {
		if !slices.Contains(kept, id) {
			kept = append(kept, id)
		}
	}
	return kept
}

// shown is the board as the API is to show it, a line for each thing.
func (m *model) shown() map[string]string {
	lines := map[string]string{}
	for id, t := range m.tasks {
		blocked := m.blockers(t.deps)
		if t.status == "done" {
			blocked = nil
		}
		lines[id] = taskLine(t.status, t.assignee, t.started > 0, t.deps, blocked)
	}
	for id, a := range m.approvals {
		lines[id] = a.status + " of " + strings.Join(a.tasks, " ")
	}
	return lines
}

func taskLine(status, assignee string, started bool, deps, blocked []string) string {
	return fmt.Sprintf("%s, of %q, started %v, behind %v, blocked by %v", status, assignee, started, deps, blocked)
}
