package approval_test

import (
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"missioncontrol/domain"
	"missioncontrol/domain/approval"
	"missioncontrol/domain/domaintest"
)

var (
	approvals = domaintest.Aggregate[approval.Approval, approval.Event]{Events: approval.Events}
	one       = uuid.MustParse("00000000-0000-4000-8000-000000000001")
	two       = uuid.MustParse("00000000-0000-4000-8000-000000000002")
	asked     = approval.Created{BoardID: domaintest.Org, TaskIDs: []uuid.UUID{one, two}, ActionType: "task.execute", Confidence: 87.5, Status: approval.Pending}
	decision  = approval.Decision{From: approval.Pending, TaskIDs: asked.TaskIDs}
	clash     = []approval.Conflict{{TaskID: one, ApprovalID: two}}
)

func TestCreate(t *testing.T) {
	t.Parallel()
	if s := approvals.Given(t).When(approval.Create{Created: asked}).Then(asked).State(); s.ResolvedAt != nil || s.Status != approval.Pending {
		t.Errorf("%+v", s)
	}
	approvals.Given(t, asked).When(approval.Create{Created: asked}).ThenRefused(domain.Conflict)
	approvals.Given(t).When(approval.Create{Created: asked, Conflicts: clash}).ThenRefused(domain.Conflict)
	approvals.Given(t).When(approval.Create{Created: asked, MissingTasks: []uuid.UUID{one}}).ThenRefused(domain.NotFound)

	granted := asked
	granted.Status = approval.Approved
	if s := approvals.Given(t).When(approval.Create{Created: granted, Conflicts: clash}).Then(granted).State(); s.ResolvedAt == nil {
		t.Error("what is made as decided has no time of its decision")
	}
}

func TestResolve(t *testing.T) {
	t.Parallel()
	approvals.Given(t).When(approval.Resolve{Status: approval.Approved}).ThenRefused(domain.NotFound, nil)
	h := approvals.Given(t, asked).When(approval.Resolve{Status: approval.Approved}).Then(approval.Granted{Decision: decision})
	if h.State().ResolvedAt == nil {
		t.Error("nobody knows when it was decided")
	}
	h.When(approval.Resolve{Status: approval.Approved}).Then()
	approvals.Given(t, asked).When(approval.Resolve{Status: approval.Pending}).Then()

	back := approval.Decision{From: approval.Approved, TaskIDs: asked.TaskIDs}
	h.When(approval.Resolve{Status: approval.Rejected}).Then(approval.Denied{Decision: back})
	h.When(approval.Resolve{Status: approval.Pending, Conflicts: clash}).ThenRefused(domain.Conflict)
	if s := h.When(approval.Resolve{Status: approval.Pending}).Then(approval.Reopened{Decision: back}).State(); s.ResolvedAt != nil {
		t.Error("what waits again still says when it was decided")
	}
}

func TestUnlink(t *testing.T) {
	t.Parallel()
	h := approvals.Given(t, asked).When(approval.Unlink{Task: one}).Then(approval.Unlinked{TaskID: one, TaskIDs: []uuid.UUID{two}})
	h.When(approval.Unlink{Task: one}).Then()
	if s := h.When(approval.Unlink{Task: two}).Then(approval.Deleted{TaskIDs: []uuid.UUID{two}}).State(); s.Exists() {
		t.Error("it is still there")
	}
}

func TestAnySequence(t *testing.T) {
	t.Parallel()
	statuses := rapid.SampledFrom([]approval.Status{approval.Pending, approval.Approved, approval.Rejected})
	approvals.Property(t, rapid.Custom(func(t *rapid.T) domain.Command[approval.Approval, approval.Event] {
		switch rapid.IntRange(0, 3).Draw(t, "command") {
		case 0:
			return approval.Create{Created: approval.Created{
				BoardID: domaintest.IDs().Draw(t, "board"), TaskIDs: rapid.SliceOfN(domaintest.IDs(), 0, 3).Draw(t, "tasks"),
				ActionType: domaintest.Texts().Draw(t, "action"), Confidence: rapid.Float64Range(0, 100).Draw(t, "confidence"), Status: statuses.Draw(t, "status"),
			}}
		case 1:
			return approval.Unlink{Task: domaintest.IDs().Draw(t, "task")}
		default:
			return approval.Resolve{Status: statuses.Draw(t, "status"), Reason: domaintest.Texts().Draw(t, "reason")}
		}
	}))
}
