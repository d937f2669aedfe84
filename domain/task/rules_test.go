package task_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"missioncontrol/domain"
	"missioncontrol/domain/task"
)

var (
	lead  = uuid.MustParse("00000000-0000-4000-8000-0000000000aa")
	other = uuid.MustParse("00000000-0000-4000-8000-0000000000ab")
	dep   = uuid.MustParse("00000000-0000-4000-8000-0000000000d1")
	yes   = uuid.MustParse("00000000-0000-4000-8000-0000000000e1")

	inReview = task.StatusChanged{From: task.Inbox, Status: task.Review}
	isDone   = task.StatusChanged{From: task.Inbox, Status: task.Done}
	released = task.Changes{AssignedAgentID: domain.Null[uuid.UUID](), InProgressAt: domain.Null[time.Time]()}
)

// by makes the edit of somebody under facts.
func by(e task.Edit, f task.Facts) task.UserEdit {
	f.Now = now
	return task.UserEdit{Edit: e, Facts: f}
}

func status(s task.Status) task.Edit { return task.Edit{Status: domain.Some(s)} }

func TestGates(t *testing.T) {
	t.Parallel()
	all := task.Policies{ApprovalForDone: true, ReviewBeforeDone: true, CommentForReview: true, NoMoveWhilePending: true}
	for name, c := range map[string]struct {
		given []task.Event
		edit  task.Edit
		facts task.Facts
		want  []task.Event // nil: refused
		why   domain.Reason
	}{
		"a pending approval stops every move": {
			[]task.Event{created}, status(task.InProgress), task.Facts{Policies: task.Policies{NoMoveWhilePending: true}, Pending: true}, nil, domain.Conflict,
		},
		"but no other change": {
			[]task.Event{created},
			task.Edit{Title: domain.Some("t")},
			task.Facts{Policies: all, Pending: true},
			[]task.Event{task.Updated{Changes: task.Changes{Title: domain.Some("t")}}},
			"",
		},
		"and not the fall of a blocked task that asked for its own status": {
			[]task.Event{created, inReview},
			status(task.Review),
			task.Facts{Policies: task.Policies{NoMoveWhilePending: true}, Pending: true, Blockers: []uuid.UUID{dep}},
			[]task.Event{task.StatusChanged{From: task.Review, Status: task.Inbox, Changes: released}},
			"",
		},
		"done only from review": {
			[]task.Event{created}, status(task.Done), task.Facts{Policies: task.Policies{ReviewBeforeDone: true}}, nil, domain.Conflict,
		},
		"done only with an approval": {
			[]task.Event{created, inReview}, status(task.Done), task.Facts{Policies: task.Policies{ReviewBeforeDone: true, ApprovalForDone: true}}, nil, domain.Conflict,
		},
		"and the event names it": {
			[]task.Event{created, inReview},
			status(task.Done),
			task.Facts{Policies: task.Policies{ReviewBeforeDone: true, ApprovalForDone: true}, Approvals: []uuid.UUID{yes}},
			[]task.Event{task.StatusChanged{From: task.Review, Status: task.Done, Approvals: []uuid.UUID{yes}}},
			"",
		},
		"what is done stays done": {
			[]task.Event{created, isDone}, status(task.Done), task.Facts{Policies: all}, []task.Event{task.Updated{}}, "",
		},
		"review wants a word": {
			[]task.Event{created}, status(task.Review), task.Facts{Policies: task.Policies{CommentForReview: true}}, nil, domain.Invalid,
		},
		"said now": {
			[]task.Event{created},
			task.Edit{Status: domain.Some(task.Review), HasComment: true},
			task.Facts{Policies: task.Policies{CommentForReview: true}},
			[]task.Event{task.StatusChanged{From: task.Inbox, Status: task.Review, Changes: released}},
			"",
		},
		"or before": {
			[]task.Event{created},
			status(task.Review),
			task.Facts{Policies: task.Policies{CommentForReview: true}, RecentComment: true},
			[]task.Event{task.StatusChanged{From: task.Inbox, Status: task.Review, Changes: released}},
			"",
		},
		"review goes to the lead, whoever else is named": {
			[]task.Event{created},
			task.Edit{Status: domain.Some(task.Review), Assignee: domain.Some(agent)},
			task.Facts{Lead: &lead},
			[]task.Event{task.StatusChanged{From: task.Inbox, Status: task.Review, Changes: task.Changes{
				AssignedAgentID: domain.Some(lead), InProgressAt: domain.Null[time.Time](),
			}}},
			"",
		},
	} {
		t.Run(name, func(t *testing.T) {
			o := tasks.Given(t, c.given...).When(by(c.edit, c.facts))
			if c.want == nil {
				o.ThenRefused(c.why)
				return
			}
			o.Then(c.want...)
		})
	}
}

func TestPeople(t *testing.T) {
	t.Parallel()
	t.Run("a blocked task falls back to the inbox, whatever was asked for", func(t *testing.T) {
		tasks.Given(t, created, started, taken).
			When(by(task.Edit{Status: domain.Some(task.Done), Assignee: domain.Some(agent)}, task.Facts{Blockers: []uuid.UUID{dep}})).
			Then(task.StatusChanged{From: task.InProgress, Status: task.Inbox, Changes: task.Changes{
				AssignedAgentID: domain.Null[uuid.UUID](), InProgressAt: domain.Null[time.Time](), PreviousInProgressAt: domain.Some(began),
			}})
	})
	t.Run("an assignee that is named wins over the clearing", func(t *testing.T) {
		tasks.Given(t, created, started).When(by(task.Edit{Status: domain.Some(task.Inbox), Assignee: domain.Some(agent)}, task.Facts{})).
			Then(task.StatusChanged{From: task.InProgress, Status: task.Inbox, Changes: task.Changes{
				AssignedAgentID: domain.Some(agent), InProgressAt: domain.Null[time.Time](), PreviousInProgressAt: domain.Some(began),
			}})
	})
	t.Run("refusals come in order", func(t *testing.T) {
		ids := []uuid.UUID{dep}
		f := task.Facts{MissingTags: ids, MissingDependencies: ids, Assignee: task.AssigneeFacts{Unknown: true}, ValuesRefused: domain.Bare(domain.Invalid)}
		e := task.Edit{DependsOn: &ids, TagIDs: &ids, Assignee: domain.Some(agent)}
		tasks.Given(t, created).When(by(e, f)).ThenRefused(domain.NotFound)
		f.MissingTags = nil
		tasks.Given(t, created, isDone).When(by(e, f)).ThenRefused(domain.Conflict, "Cannot change task dependencies after a task is done.")
		tasks.Given(t, created).When(by(e, task.Facts{SelfDependency: true})).ThenRefused(domain.Invalid, "Task cannot depend on itself.")
		tasks.Given(t, created).When(by(e, task.Facts{Cycle: true})).ThenRefused(domain.Conflict, "Dependency cycle detected. Remove the cycle before saving.")
		tasks.Given(t, created).When(by(task.Edit{Assignee: domain.Some(agent)}, f)).ThenRefused(domain.NotFound, nil)
		tasks.Given(t, created).When(by(task.Edit{Assignee: domain.Some(agent)}, task.Facts{Assignee: task.AssigneeFacts{OtherBoard: true}})).ThenRefused(domain.Conflict, nil)
		tasks.Given(t, created).When(by(task.Edit{HasValues: true}, task.Facts{ValuesRefused: domain.Bare(domain.Invalid)})).ThenRefused(domain.Invalid)
	})
}

func TestWorkers(t *testing.T) {
	t.Parallel()
	work := func(e task.Edit, f task.Facts) task.WorkerEdit {
		f.Now = now
		return task.WorkerEdit{Edit: e, Facts: f, Agent: agent}
	}
	theirs := task.Updated{Changes: task.Changes{AssignedAgentID: domain.Some(other)}}
	t.Run("claim what is nobody's", func(t *testing.T) {
		tasks.Given(t, created).When(work(status(task.InProgress), task.Facts{})).
			Then(task.StatusChanged{From: task.Inbox, Status: task.InProgress, Changes: task.Changes{
				AssignedAgentID: domain.Some(agent), InProgressAt: domain.Some(now),
			}})
	})
	t.Run("leave what is another's", func(t *testing.T) {
		tasks.Given(t, created, theirs).When(work(status(task.InProgress), task.Facts{})).ThenRefused(domain.Forbidden)
	})
	t.Run("change nothing but status and values", func(t *testing.T) {
		tasks.Given(t, created).When(work(task.Edit{Title: domain.Some("t")}, task.Facts{})).ThenRefused(domain.Forbidden)
	})
	t.Run("move nothing where the lead alone does", func(t *testing.T) {
		f := task.Facts{Policies: task.Policies{OnlyLeadMoves: true}}
		tasks.Given(t, created).When(work(status(task.InProgress), f)).ThenRefused(domain.Forbidden, "Only board leads can change task status.")
		tasks.Given(t, created).When(work(task.Edit{HasValues: true}, f)).Then(task.Updated{Changes: task.Changes{Values: domain.Some(task.Values{})}})
	})
	t.Run("wait for dependencies, but may give back", func(t *testing.T) {
		f := task.Facts{Blockers: []uuid.UUID{dep}}
		tasks.Given(t, created).When(work(status(task.InProgress), f)).ThenRefused(domain.Conflict)
		tasks.Given(t, created, taken).When(work(status(task.Inbox), f)).Then(task.Updated{Changes: released})
	})
}

func TestLeads(t *testing.T) {
	t.Parallel()
	judge := func(e task.Edit, f task.Facts, named ...string) task.LeadEdit {
		f.Now = now
		return task.LeadEdit{Edit: e, Facts: f, Named: named}
	}
	assign := task.Edit{Status: domain.Some(task.InProgress), Assignee: domain.Some(agent)}
	t.Run("start work by handing it out", func(t *testing.T) {
		tasks.Given(t, created).When(judge(assign, task.Facts{}, "status", "assigned_agent_id")).
			Then(task.StatusChanged{From: task.Inbox, Status: task.InProgress, Changes: task.Changes{
				AssignedAgentID: domain.Some(agent), InProgressAt: domain.Some(now),
			}})
		tasks.Given(t, created).When(judge(status(task.InProgress), task.Facts{}, "status")).ThenRefused(domain.Forbidden,
			"Lead status gate failed: board leads can only change status when the current task status is `review` (current: `inbox`).")
	})
	t.Run("judge reviews", func(t *testing.T) {
		tasks.Given(t, created, inReview).When(judge(status(task.Done), task.Facts{}, "status")).
			Then(task.StatusChanged{From: task.Review, Status: task.Done})
		tasks.Given(t, created, inReview).When(judge(status(task.Inbox), task.Facts{LastWorker: &agent}, "status")).
			Then(task.StatusChanged{From: task.Review, Status: task.Inbox, Changes: task.Changes{
				AssignedAgentID: domain.Some(agent), InProgressAt: domain.Null[time.Time](),
			}})
		tasks.Given(t, created, inReview).When(judge(status(task.InProgress), task.Facts{}, "status")).ThenRefused(domain.Forbidden,
			"Lead status target gate failed: review tasks can only move to `done` or `inbox` (requested: `in_progress`).")
	})
	t.Run("keep to their fields", func(t *testing.T) {
		tasks.Given(t, created).When(judge(task.Edit{HasComment: true}, task.Facts{}, "comment")).ThenRefused(domain.Forbidden,
			"Lead comment gate failed: board leads cannot include `comment` in task PATCH. Use the task comments endpoint instead.")
		tasks.Given(t, created).When(judge(task.Edit{}, task.Facts{}, "title", "status", "due_at")).ThenRefused(domain.Forbidden,
			"Lead field gate failed: unsupported fields for board leads: due_at, title. Allowed fields: assigned_agent_id, custom_field_values, depends_on_task_ids, status, tag_ids.")
	})
	t.Run("hand nothing to leads, strangers or nobody that is", func(t *testing.T) {
		for why, f := range map[domain.Reason]task.AssigneeFacts{
			domain.NotFound: {Unknown: true}, domain.Forbidden: {IsLead: true}, domain.Conflict: {OtherBoard: true},
		} {
			tasks.Given(t, created).When(judge(task.Edit{Assignee: domain.Some(lead)}, task.Facts{Assignee: f})).ThenRefused(why)
		}
	})
	t.Run("cannot start what is blocked", func(t *testing.T) {
		tasks.Given(t, created).When(judge(assign, task.Facts{Blockers: []uuid.UUID{dep}}, "status")).ThenRefused(domain.Conflict)
	})
	t.Run("make tasks with a reason", func(t *testing.T) {
		reason := task.AutoReason(lead)
		want := created
		want.AutoReason = &reason
		tasks.Given(t).When(task.LeadCreate{Create: task.Create{Created: created}, By: lead}).Then(want)
	})
}

func TestCreateGates(t *testing.T) {
	t.Parallel()
	finished := created
	finished.Status = task.Done
	tasks.Given(t).When(task.Create{Created: finished, Facts: task.Facts{Policies: task.Policies{ApprovalForDone: true}}}).ThenRefused(domain.Conflict)
	tasks.Given(t).When(task.Create{Created: finished, Facts: task.Facts{Policies: task.Policies{ReviewBeforeDone: true}}}).ThenRefused(domain.Conflict)
	tasks.Given(t).When(task.Create{Created: finished}).Then(finished)
	assigned := created
	assigned.AssignedAgentID = &agent
	tasks.Given(t).When(task.Create{Created: assigned, Facts: task.Facts{Blockers: []uuid.UUID{dep}}}).ThenRefused(domain.Conflict)
	tasks.Given(t).When(task.Create{Created: created, Facts: task.Facts{Blockers: []uuid.UUID{dep}}}).Then(created)
}

func TestDependents(t *testing.T) {
	t.Parallel()
	waits := created
	waits.DependsOn = []uuid.UUID{dep}
	because := task.Dependency{TaskID: dep, Title: "First"}
	told := task.Updated{Changes: task.Changes{Because: &because}}
	t.Run("are told when a dependency is done", func(t *testing.T) {
		tasks.Given(t, waits).When(task.DependencyDone{By: because, Done: true}).Then(told)
	})
	t.Run("fall back when it is reopened", func(t *testing.T) {
		fallen := released
		fallen.Because, fallen.PreviousInProgressAt = &because, domain.Some(began)
		tasks.Given(t, waits, started, taken).When(task.DependencyDone{By: because}).
			Then(task.StatusChanged{From: task.InProgress, Status: task.Inbox, Changes: fallen})
		tasks.Given(t, waits).When(task.DependencyDone{By: because}).Then(told)
	})
	t.Run("are left alone when done, gone or not concerned", func(t *testing.T) {
		tasks.Given(t, waits, isDone).When(task.DependencyDone{By: because}).Then()
		tasks.Given(t, waits, task.Deleted{}).When(task.DependencyDone{By: because}).Then()
		tasks.Given(t, created).When(task.DependencyDone{By: because}).Then()
		tasks.Given(t, created).When(task.DependencyGone{By: because}).Then()
	})
	t.Run("lose the edge when it is deleted", func(t *testing.T) {
		tasks.Given(t, waits).When(task.DependencyGone{By: because}).
			Then(task.Updated{Changes: task.Changes{DependsOn: domain.Some([]uuid.UUID{}), Because: &because}})
	})
}

func TestCycle(t *testing.T) {
	t.Parallel()
	ids := make([]uuid.UUID, 2000)
	edges := map[uuid.UUID][]uuid.UUID{}
	for i := range ids {
		ids[i] = uuid.New()
		if i > 0 {
			edges[ids[i]] = []uuid.UUID{ids[i-1]}
		}
	}
	last := ids[len(ids)-1]
	if !task.Cycle(edges, ids[0], []uuid.UUID{last}) {
		t.Error("a long way round is not seen")
	}
	if task.Cycle(edges, uuid.New(), []uuid.UUID{last, ids[5]}) {
		t.Error("a straight chain is called a circle")
	}
}

func TestReleaseAndUntag(t *testing.T) {
	t.Parallel()
	tasks.Given(t, created, started, taken).When(task.Release{Agent: agent}).
		Then(task.StatusChanged{From: task.InProgress, Status: task.Inbox, Changes: released})
	tasks.Given(t, created, taken).When(task.Release{Agent: agent}).
		Then(task.Updated{Changes: task.Changes{AssignedAgentID: domain.Null[uuid.UUID]()}})
	tasks.Given(t, created, taken).When(task.Release{Agent: other}).Then()
	tagged := created
	tagged.TagIDs = []uuid.UUID{yes, dep}
	tasks.Given(t, tagged).When(task.Untag{Tag: yes}).Then(task.Updated{Changes: task.Changes{TagIDs: domain.Some([]uuid.UUID{dep})}})
	tasks.Given(t, created).When(task.Untag{Tag: yes}).Then()
}
